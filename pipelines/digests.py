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
        If it is no such JSON, or an image is missing, is not by digest, is named twice with
        different references, or has that of another image.
    """
    names = sorted(set(wanted))
    named: dict[str, object] = {}
    for image, reference in _pairs(text):
        name = image.rpartition("/")[2]
        if named.setdefault(name, reference) != reference:
            raise ValueError(f"expected each image once; {name}: {named[name]} and {reference}")
    faults = [
        f"{name}: found {named.get(name, 'none')}"
        for name in names
        if not _DIGESTED.fullmatch(str(named.get(name)))
    ]
    if faults:
        raise ValueError(f"expected each image as registry/name@sha256:...; {'; '.join(faults)}")
    found = {name: str(named[name]) for name in names}
    others = {*named, *names}
    mixed = [
        f"{name}: found {reference}"
        for name, reference in found.items()
        if _built(reference) in others - {name}
    ]
    if mixed:
        raise ValueError(f"expected each image's own reference; {'; '.join(mixed)}")
    return found


def _pairs(text: str) -> list[tuple[str, object]]:
    try:
        # As pairs: of a name that stands there twice, a dictionary would keep the last in silence.
        given = json.loads(text, object_pairs_hook=_Pairs)
    except RecursionError as error:
        raise ValueError("JSON that is nested too deeply") from error
    if not isinstance(given, _Pairs):
        raise ValueError(
            "expected an object of image to reference, or skaffold's {'builds': [...]}"
        )
    builds = dict(given).get("builds")
    if not isinstance(builds, list) or isinstance(builds, _Pairs):
        return list(given)
    return [_build(one) for one in builds]


class _Pairs(list[tuple[str, object]]):
    """The names and values of a JSON object, as they stand there."""


def _build(one: object) -> tuple[str, object]:
    fields = dict(one) if isinstance(one, _Pairs) else {}
    name = fields.get("imageName")
    if not isinstance(name, str):
        raise ValueError(f"expected builds with an imageName that is text; found {fields or one}")
    return name, fields.get("tag", "none")


def _built(reference: str) -> str:
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[0]


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
