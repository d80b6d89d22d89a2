"""Refuse compiled pipelines that name an image which a build does not: BUILD.JSON PIPELINE.YAML...

The text is parsed down to its nodes, so that no escape in a key, repeated key, anchor or second
document hides an image.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

__all__ = ["images", "main"]


def images(text: str) -> Iterator[str]:
    """Yield the value of each key ``image``, however it is written; "" for one that is no text."""
    waiting = [node for node in yaml.compose_all(text, yaml.SafeLoader) if node is not None]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value.casefold() == "image":
                    yield value.value if isinstance(value, yaml.ScalarNode) else ""
                waiting += [key, value]


def main(build: str, *pipelines: str) -> int:
    """Return 1, with the fault as GitHub shows it, unless each names images of the build alone."""
    built = set(json.loads(Path(build).read_text(encoding="utf-8")).values())
    faults = []
    for pipeline in pipelines:
        named = set(images(Path(pipeline).read_text(encoding="utf-8")))
        if not named or named - built:
            foreign = ", ".join(sorted(named - built)) or "none"
            faults.append(f"{Path(pipeline).name}: found image {foreign}, expected of {build}")
    for fault in faults:
        print(f"::error::{fault}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
