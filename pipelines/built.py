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

__all__ = ["BUILD", "main", "note"]

BUILD = Path(__file__).parents[1] / "dist/build.json"
"""What was built last, of each image."""


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
    repository, _, _ = image.rpartition(":")
    digests = [one for one in _digests(image) if one.startswith(f"{repository}@")]
    if not digests:
        raise ValueError(f"{image} has no digest of {repository}: push it to a registry")
    tag = image + digests[0].removeprefix(repository)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        name = repository.rpartition("/")[2]
        others = [one for one in _before(path) if one["imageName"].rpartition("/")[2] != name]
        whole = path.with_suffix(".new")
        text = json.dumps({"builds": [*others, {"imageName": f"volcast/{name}", "tag": tag}]})
        whole.write_text(text, encoding="utf-8")
        whole.replace(path)


def _before(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    try:
        builds = json.loads(path.read_text(encoding="utf-8"))["builds"]
        noted = [{"imageName": one["imageName"], "tag": one["tag"]} for one in builds]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is no note of builds: remove it, and build again") from error
    if not all(isinstance(value, str) for one in noted for value in one.values()):
        raise ValueError(f"{path} names an image by no text: remove it, and build again")
    return noted


def _digests(image: str) -> list[str]:
    command = ["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", image]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return list(json.loads(ended.stdout) or [])


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
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
