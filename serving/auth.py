"""Who is let in: a token of a mounted file, or one that is signed by a known key."""

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from serving.body import Headers
from volcast.core.errors import ConfigError, Unauthorized
from volcast.core.settings import Settings

_READ_AGAIN = 5.0
"""Seconds after which a mounted file is read again: a rotated secret needs no restart."""


class _Place(Protocol):
    async def accepts(self, token: bytes) -> bool:
        """Return whether ``token`` is in force."""


@dataclass
class TokenFile:
    """Tokens of a mounted file, one a line; two of them while one is rotated."""

    path: Path
    _digests: list[bytes] = field(default_factory=list, init=False)
    _read_at: float = field(default=float("-inf"), init=False)

    def read(self) -> None:
        """Read the file; raise ConfigError if that fails, or it has no token."""
        try:
            lines = self.path.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable("auth_token_file", f"{type(error).__name__} at reading it") from error
        if not lines:
            raise _unusable("auth_token_file", "an empty file")
        self._digests = [hashlib.sha256(line.encode()).digest() for line in lines]
        self._read_at = time.monotonic()

    async def accepts(self, token: bytes) -> bool:
        """Return whether ``token`` is in the file, in the same time for every wrong one."""
        if time.monotonic() - self._read_at > _READ_AGAIN:
            try:
                self.read()
            except ConfigError:  # while it is replaced: the tokens read before stay valid
                self._read_at = time.monotonic()
        digest = hashlib.sha256(token).digest()
        return any([hmac.compare_digest(digest, valid) for valid in self._digests])


@dataclass(frozen=True)
class Guard:
    """Lets a request pass that has one bearer token, which one of the places accepts."""

    places: Sequence[_Place]

    async def check(self, headers: Headers) -> None:
        """Raise Unauthorized without a valid token; the message does not contain the reason."""
        sent = [value for name, value in headers if name == b"authorization"]
        kind, _, token = sent[0].partition(b" ") if len(sent) == 1 else (b"", b"", b"")
        token = token.strip()
        bearer = kind.lower() == b"bearer" and token != b""
        for place in self.places if bearer else ():
            if await place.accepts(token):
                return
        raise Unauthorized(
            found="a token that is not valid" if bearer else "no bearer token",
            expected="Authorization: Bearer TOKEN, with a token in force",
            where="request", remedy="Get a token from the operator of this server.",
        )  # fmt: skip


def guard_of(settings: Settings) -> Guard | None:
    """Return the guard that the settings ask for; None if they ask for none."""
    places: list[_Place] = []
    if settings.auth_token_file is not None:
        tokens = TokenFile(settings.auth_token_file)
        tokens.read()
        places.append(tokens)
    if settings.auth_jwks is not None:
        if settings.auth_audience is None:
            raise _unusable("auth_audience", "nothing, though auth_jwks is set")
        # Imported here: PyJWT, cryptography and httpx are 12 MB.
        from serving.jwks import JsonWebKeys

        keys = JsonWebKeys(settings.auth_jwks, settings.auth_audience, settings.auth_issuer)
        places.append(keys)
    return Guard(places) if places else None


def _unusable(setting: str, found: str) -> ConfigError:
    return ConfigError(
        found=found, expected="a value that can be used",
        where=f"VOLCAST_{setting.upper()}", remedy="Correct it, or unset it.",
    )  # fmt: skip
