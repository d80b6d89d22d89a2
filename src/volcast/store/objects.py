"""What a store is underneath: named byte strings, each swapped whole."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from volcast.core.errors import ContractError, KeyMissing, ObjectTooLarge

__all__ = ["LARGEST", "Objects", "Stored", "checked_key", "require_size"]

LARGEST = 256 * 1024**2
"""Bytes of an object that is read, unless a reader takes fewer; volcast writes none near it."""


@dataclass(frozen=True)
class Stored:
    """An object's bytes and the tag of exactly these bytes."""

    data: bytes
    etag: str


class Objects(ABC):
    """Objects by key; each operation either happens whole or not at all.

    A key is a path of ``/``-separated segments, none of them empty or beginning with a dot.
    Every operation raises StoreUnavailable where the store cannot be reached, read or written, and
    ConfigError where it is no store that several writers can share. A read raises ObjectTooLarge
    before it takes an object of more than ``at_most`` bytes.
    """

    lanes: int
    """How many operations are worth running at once."""

    where: str
    """The address of the store, for messages."""

    def get(self, key: str, at_most: int = LARGEST) -> bytes:
        """Return the bytes under ``key``; raises KeyMissing."""
        stored = self.get_or_none(key, at_most)
        if stored is None:
            raise KeyMissing(
                found=f"nothing under {key!r}",
                expected="a stored object",
                where=self.where,
                remedy="Run the step that writes it, or look into another store.",
            )
        return stored.data

    @abstractmethod
    def get_or_none(self, key: str, at_most: int = LARGEST) -> Stored | None:
        """Return the bytes under ``key`` with their tag, or None."""

    @abstractmethod
    def put(self, key: str, data: bytes) -> None:
        """Store ``data``; readers see the old bytes or the new, never a part."""

    @abstractmethod
    def put_if(self, key: str, data: bytes, etag: str | None) -> bool:
        """Store ``data`` if ``key`` still has this tag (None: is absent); return whether it did."""

    @abstractmethod
    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with ``prefix``, sorted, without hidden ones and folders."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove ``key``; no failure if it is absent."""


def checked_key(key: str) -> str:
    """Return ``key`` if it can name an object inside the store, and nothing outside it.

    Raises
    ------
    ContractError
        On an empty segment, one that begins with a dot, a backslash or a null character.
    """
    segments = key.split("/")
    if any(not part or part.startswith(".") for part in segments) or {"\\", "\0"} & set(key):
        raise ContractError(
            found=f"{key!r}",
            expected="a key like folder/name.json, no segment empty or hidden",
            where="store key",
            remedy="Name the object without dots in front, '..' or '//'.",
        )
    return key


def require_size(size: int, at_most: int, where: str) -> None:
    """Raise ObjectTooLarge if an object has more bytes than its reader takes."""
    if size > at_most:
        raise ObjectTooLarge(
            found=f"{size:,} bytes",
            expected=f"at most {at_most:,}",
            where=where,
            remedy="Remove the object, or divide it.",
        )
