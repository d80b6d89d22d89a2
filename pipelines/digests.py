"""Images by digest, as a build left them, put in the place of the tags that pipelines name."""

import json
import re
from collections.abc import Iterable

__all__ = ["pinned", "references"]

_DIGESTED = re.compile(r"\S+@sha256:[0-9a-f]{64}")


def references(text: str, wanted: Iterable[str]) -> dict[str, str]:
    """Read a build's images from JSON, by name.

    Parameters
    ----------
    text : str
        What ``skaffold build --file-output`` writes, or an object of image to reference. An image
        may be named with its registry and repository; the last part counts.
    wanted : iterable of str
        Names that must be there; those of other images are ignored.

    Raises
    ------
    ValueError
        If it is no such JSON, or an image is missing, or is not by digest.
    """
    given = json.loads(text)
    if isinstance(given, dict) and isinstance(given.get("builds"), list):
        given = {one["imageName"]: one["tag"] for one in given["builds"]}
    if not isinstance(given, dict):
        raise ValueError(
            "expected an object of image to reference, or skaffold's {'builds': [...]}"
        )
    named = {name.rpartition("/")[2]: reference for name, reference in given.items()}
    faults = [
        f"{name}: found {named.get(name, 'none')}"
        for name in sorted(set(wanted))
        if not _DIGESTED.fullmatch(str(named.get(name)))
    ]
    if faults:
        raise ValueError(f"expected each image as registry/name@sha256:...; {'; '.join(faults)}")
    return {name: named[name] for name in wanted}


def pinned(pipeline: str, images: dict[str, str]) -> str:
    """Return the YAML of a pipeline with each tagged image in it replaced.

    Parameters
    ----------
    pipeline : str
        The YAML.
    images : dict of str
        New reference by the one that is in it.
    """
    return re.sub(
        r"^( +image: )(\S+)$", lambda found: found[1] + images[found[2]], pipeline, flags=re.M
    )
