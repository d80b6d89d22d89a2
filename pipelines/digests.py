"""Images by digest, as a build left them, in place of the tags that pipelines name."""

import json
import re
from collections.abc import Iterable

__all__ = ["pinned", "references"]


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
        own = re.compile(rf"\S*{name}(:[^@\s]+)?@sha256:[0-9a-f]{{64}}")
        images[name] = ", ".join(sorted(built)) or "none"
        if not own.fullmatch(images[name]):
            faults.append(f"{name}: found {images[name]}")
    if faults:
        raise ValueError(f"expected each image as registry/name@sha256:...; {'; '.join(faults)}")
    return images


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
        r"^( +image: )(\S+)$", lambda match: match[1] + images[match[2]], pipeline, flags=re.M
    )
