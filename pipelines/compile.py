"""Compile the pipelines to the YAML that is committed and that Kubeflow is given."""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kfp.compiler import Compiler

from components import image
from volcast.steps.table import IMAGES

__all__ = ["COMPILED", "main", "references", "render", "render_pinned"]

COMPILED = Path(__file__).with_name("compiled")
"""Where the committed YAML lies."""

_PIPELINES = {
    "train.yaml": "train_pipeline",
    "daily_inference.yaml": "daily_pipeline",
    "evaluate.yaml": "evaluate_pipeline",
}


def render() -> dict[str, str]:
    """Return the YAML of each pipeline by file name, the same text for the same sources.

    The patch version of the SDK is left out: it changes from one install to the next, and
    nothing reads it.
    """
    # kfp makes the pipelines when they are imported, in 1 s, and in 13 s next to many modules.
    from pipelines import definitions

    texts = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, pipeline in _PIPELINES.items():
            path = Path(folder) / name
            Compiler().compile(getattr(definitions, pipeline), str(path))
            texts[name] = re.sub(
                r"(sdkVersion: kfp-\d+\.\d+)\.\d+", r"\1", path.read_text(encoding="utf-8")
            )
    return texts


def render_pinned(build: str) -> dict[str, str]:
    """Return the YAML of each pipeline with the images of a build, by digest, as `references`."""
    built = references(build, set(IMAGES.values()))
    images = {image(step): built[name] for step, name in IMAGES.items()}

    def pinned(match: re.Match[str]) -> str:
        return match[1] + images[match[2]]

    tagged = re.compile(r"^( +image: )(\S+)$", re.M)
    return {name: tagged.sub(pinned, text) for name, text in render().items()}


def references(text: str, names: Iterable[str]) -> dict[str, str]:
    """Read a build's images from JSON, by name.

    Parameters
    ----------
    text : str
        What ``skaffold build --file-output`` writes, or an object of image to reference. Of an
        image named with its registry and repository, the last part counts.
    names : iterable of str
        Names that must be in it; other images are ignored.

    Raises
    ------
    ValueError
        If it is no such JSON, or an image is missing, has two references, or one that is not by
        digest or of another image.
    """
    content = json.loads(text)
    try:
        if isinstance(content.get("builds"), list):
            pairs = [(one["imageName"].strip(), one.get("tag")) for one in content["builds"]]
        else:
            pairs = list(content.items())
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("expected an object of image to reference, or skaffold's") from error
    faults, images = [], {}
    for name in sorted(set(names)):
        built = {str(value) for image, value in pairs if image.rpartition("/")[2] == name}
        images[name] = ", ".join(sorted(built)) or "none"
        if not re.fullmatch(rf"\S*{name}(:[^@\s]+)?@sha256:[0-9a-f]{{64}}", images[name]):
            faults.append(f"{name}: found {images[name]}")
    if faults:
        raise ValueError(f"expected each image as registry/name@sha256:...; {'; '.join(faults)}")
    return images


def main(argv: Sequence[str] | None = None) -> int:
    """Write the YAML files, and report which changed."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.compile", description=__doc__)
    parser.add_argument("--digests", type=Path, help="what skaffold build --file-output wrote")
    parser.add_argument("--out", type=Path, help="the folder to write to; with --digests alone")
    options = parser.parse_args(argv)
    if (options.digests is None) != (options.out is None):
        parser.error("--digests and --out go together: what is committed carries tags")
    if options.digests is None:
        return _write(render(), COMPILED)
    try:
        return _write(render_pinned(options.digests.read_text(encoding="utf-8")), options.out)
    except (OSError, ValueError) as error:
        parser.error(f"{options.digests}: {error}")


def _write(texts: Mapping[str, str], folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = folder / name
        same = path.exists() and path.read_text(encoding="utf-8") == text
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.name}: {'unchanged' if same else 'rendered'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
