"""Note what skaffold just built: the hook that runs after each image that pipelines name.

Skaffold tells a hook the image's tag; its digest is the registry's, which Docker knows once the
image is pushed. The note has the form of ``skaffold build --file-output``, which replaces it.
"""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

__all__ = ["BUILD", "main", "note"]

BUILD = Path(__file__).parents[1] / "dist/build.json"
"""What was built last, of each image."""


class _Image(BaseModel):
    imageName: str
    tag: str


class _Note(BaseModel):
    builds: list[_Image]


def note(image: str, path: Path) -> None:
    """Put the image, by tag and digest, among those built before.

    Parameters
    ----------
    image : str
        As it was pushed, with its tag.
    path : Path
        Of the file; images may be built side by side, so that it is locked meanwhile.

    Raises
    ------
    ValueError
        If it was not pushed, and so has no digest; or if the file is no note.
    """
    repository = image.rpartition(":")[0]
    command = ["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", image]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    digests = [one for one in json.loads(ended.stdout) or [] if one.startswith(f"{repository}@")]
    if not digests:
        raise ValueError(f"{image} has no digest of {repository}: push it to a registry")
    short = repository.rpartition("/")[2]
    built = _Image(imageName=f"volcast/{short}", tag=image + digests[0].removeprefix(repository))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = _Note.model_validate_json(path.read_bytes()).builds if path.exists() else []
        others = [one for one in before if one.imageName.rpartition("/")[2] != short]
        whole = path.with_suffix(".new")
        whole.write_text(_Note(builds=[*others, built]).model_dump_json(), encoding="utf-8")
        whole.replace(path)


def main() -> int:
    """Note the image of the hook's environment; 1 if there is no digest of it, 2 if no hook."""
    image = os.environ.get("SKAFFOLD_IMAGE", "")
    if not image:
        sys.stderr.write("SKAFFOLD_IMAGE is not set: skaffold sets it for its hooks\n")
        return 2
    try:
        note(image, BUILD)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(error.stderr)
        return 1
    except OSError as error:
        sys.stderr.write(f"{error}: docker must be on the PATH, and {BUILD.parent} writable\n")
        return 2
    except ValueError as error:
        sys.stderr.write(f"{BUILD}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
