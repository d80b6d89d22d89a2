"""Tokens that are signed by one of a set of public keys, JSON Web Keys of a file or a URL."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import jwt

from volcast.core.errors import SourceUnavailable

_FETCH_AGAIN = 300.0
"""Seconds after which keys are fetched again, while cached ones still answer."""

_TRUSTED = 3600.0
"""Seconds after which a cached key waits for the fetch too: it may have been withdrawn."""

_FETCH_AT_MOST = 10.0
"""Seconds between two fetches for the sake of unknown keys."""

_UNKNOWN, _UNKNOWN_SECONDS = 1024, 60.0
"""Unknown keys that are remembered, and for how long none of them causes a fetch."""

_WAIT = 4.0
"""Seconds that a request waits for keys."""

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures by a private key alone: none, and none that a public key could make."""

_LEEWAY = 30
"""Seconds that clocks may differ."""


@dataclass
class JsonWebKeys:
    """Public keys of the issuer of tokens, from a file or a URL, and what tokens must claim.

    The audience is one of a token's ``aud``; the issuer, where set, its ``iss``. One fetch is under
    way at a time, in the background: only tokens of unknown keys wait for it.
    """

    place: str
    audience: str
    issuer: str | None
    _keys: Mapping[str | None, jwt.PyJWK] = field(default_factory=dict, init=False)
    _fetched_at: float = field(default=float("-inf"), init=False)
    _fetch: "asyncio.Task[None] | None" = field(default=None, init=False)
    _fault: str = field(default="no answer yet", init=False)
    _unknown: dict[int, float] = field(default_factory=dict, init=False)

    async def accepts(self, token: bytes) -> bool:
        """Return whether ``token`` is signed by one of the keys, valid now, and meant for us."""
        try:
            key = await self._key(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                return False
            jwt.decode(
                token, key, algorithms=list(_ALGORITHMS), audience=self.audience,
                issuer=self.issuer, leeway=_LEEWAY, options={"require": ["exp", "aud"]},
            )  # fmt: skip
        except jwt.PyJWTError:
            return False
        return True

    async def _key(self, name: str | None) -> jwt.PyJWK | None:
        now, key = time.monotonic(), self._cached(name)
        age, unknown = now - self._fetched_at, hash(name)  # a name may be long
        if key is None and self._keys and now < self._unknown.get(unknown, now):
            return None
        if age > (_FETCH_AT_MOST if key is None else _FETCH_AGAIN) or not self._keys:
            self._start_fetch()
        if self._fetch and not self._fetch.done() and (key is None or age > _TRUSTED):
            await asyncio.wait({self._fetch}, timeout=_WAIT)
            key = self._cached(name)
            if key is None:
                if len(self._unknown) >= _UNKNOWN:
                    self._unknown.clear()
                self._unknown[unknown] = now + _UNKNOWN_SECONDS
        if not self._keys:
            raise SourceUnavailable(
                found=self._fault, expected="a set of JSON Web Keys", where=self.place,
                remedy="Correct VOLCAST_AUTH_JWKS, or the file there.",
            )  # fmt: skip
        return key

    def _cached(self, name: str | None) -> jwt.PyJWK | None:
        if name is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(name)

    def _start_fetch(self) -> None:
        if self._fetch is None or self._fetch.done():
            self._fetched_at = time.monotonic()
            self._fetch = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        try:
            key_set = jwt.PyJWKSet.from_json(await asyncio.to_thread(self._read))
        except (OSError, httpx.HTTPError, ValueError, AttributeError, jwt.PyJWTError) as error:
            self._fault = f"{type(error).__name__}: {error}"
            return
        self._keys = {key.key_id: key for key in key_set.keys}

    def _read(self) -> str:
        if "://" not in self.place:
            return Path(self.place).read_text(encoding="utf-8")
        return httpx.get(self.place, timeout=3.0).raise_for_status().text
