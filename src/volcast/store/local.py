"""Objects as files of a local folder."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typing_extensions import override

from volcast.core.errors import StoreUnavailable
from volcast.store.objects import LARGEST, Objects, Stored, checked_key, require_size

__all__ = ["LocalObjects", "locked"]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` against other threads and processes; a dead holder frees it.

    StoreUnavailable is raised where the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise _unavailable(str(error), path) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        # Unlocked by name, not by close alone: a child forked meanwhile shares the descriptor.
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


class LocalObjects(Objects):
    """Objects as files under ``root``, each replaced by rename and durable once a write returns.

    Writers take turns under ``root/.lock``, so the temporary of a key has one name: what a killed
    writer leaves is overwritten by the next, and being hidden it is never read or listed.
    """

    lanes = 1

    def __init__(self, root: Path) -> None:
        self.root, self.where = root, str(root)
        for folder in (root, *root.parents):
            if folder.exists() and not folder.is_dir():
                raise _unavailable(f"{folder}, which is no folder", root)

    @override
    def get_or_none(self, key: str, at_most: int = LARGEST) -> Stored | None:
        path = self._path(key)
        try:
            with path.open("rb") as file:
                require_size(os.fstat(file.fileno()).st_size, at_most, str(path))
                data = file.read()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unavailable(str(error), path) from error
        return Stored(data, hashlib.sha256(data).hexdigest())

    @override
    def put(self, key: str, data: bytes) -> None:
        with self._writing(key) as path:
            _replace(path, data)

    @override
    def put_if(self, key: str, data: bytes, etag: str | None) -> bool:
        with self._writing(key) as path:
            stored = self.get_or_none(key)
            if (stored.etag if stored else None) != etag:
                return False
            _replace(path, data)
            return True

    @override
    def list(self, prefix: str) -> list[str]:
        folder, _, _ = prefix.rpartition("/")
        top = self._path(folder) if folder else self.root
        try:
            return sorted(key for key in self._below(top) if key.startswith(prefix))
        except OSError as error:
            raise _unavailable(str(error), top) from error

    @override
    def delete(self, key: str) -> None:
        with self._writing(key) as path:
            path.unlink(missing_ok=True)
            _sync_folder(path.parent)

    def _path(self, key: str) -> Path:
        return self.root / checked_key(key)

    @contextmanager
    def _writing(self, key: str) -> Iterator[Path]:
        path = self._path(key)
        try:
            _make_folder(path.parent)
            with locked(self.root / ".lock"):
                yield path
        except OSError as error:
            raise _unavailable(str(error), path) from error

    def _below(self, top: Path) -> Iterator[str]:
        for folder, folders, names in os.walk(top, onerror=_unless_absent):
            folders[:] = [name for name in folders if not name.startswith(".")]
            inside = os.path.relpath(folder, self.root).replace(os.sep, "/")
            for name in names:
                if not name.startswith("."):
                    yield name if inside == "." else f"{inside}/{name}"


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unless_absent(error: OSError) -> None:
    # A folder not yet made holds nothing; any other failure must not pass for emptiness.
    if not isinstance(error, FileNotFoundError):
        raise error


def _unavailable(found: str, path: Path) -> StoreUnavailable:
    return StoreUnavailable(
        found=found,
        expected="a folder that can be read and written",
        where=f"store {path}",
        remedy="Use another --store, or fix its permissions or free disk space, then retry.",
    )
