"""Tokens of a mounted file, and tokens signed by a key of a set, against a running server."""

import asyncio
import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from serving.auth import TokenFile, guard_of
from serving.jwks import JsonWebKeys
from tests.loopback import QuietHandler, serving
from tests.serving.live import Running, Served, running
from volcast.core.errors import ConfigError, SourceUnavailable
from volcast.core.settings import read_settings

AUDIENCE, ISSUER = "volcast", "https://issuer.test"
OPEN = ("/", "/metrics", "/v1/models/volcast", "/v2/health/live", "/v2/health/ready",
        "/v2/models/volcast/ready", "/docs", "/docs/start.js", "/openapi.json")  # fmt: skip
CLOSED = ("/predict?symbol=SYN", "/v2/models/volcast", "/v2", "/nowhere")

OURS, THEIRS = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
CURVE = ec.generate_private_key(ec.SECP256R1())


def key_set() -> str:
    keys = [
        {**RSAAlgorithm.to_jwk(OURS.public_key(), as_dict=True), "kid": "rsa", "use": "sig"},
        {**ECAlgorithm.to_jwk(CURVE.public_key(), as_dict=True), "kid": "ec", "use": "sig"},
    ]
    return json.dumps({"keys": keys})


def signed(key: Any = OURS, kid: str | None = "rsa", method: str = "RS256", **claims: Any) -> str:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    whole = {"sub": "desk", "aud": AUDIENCE, "iss": ISSUER, "exp": soon} | claims
    present = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(present, key, algorithm=method, headers={"kid": kid} if kid else None)


@dataclass
class Issuer:
    """An issuer's key set: how often it was read, and whether reading it hangs or fails."""

    requests: int = 0
    up: bool = True
    free: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.free.set()

    @contextmanager
    def serving(self) -> Iterator[str]:
        issuer = self

        class Keys(QuietHandler):
            def do_GET(self) -> None:
                issuer.requests += 1
                issuer.free.wait(60)
                self.answer(200 if issuer.up else 503, key_set().encode() if issuer.up else b"")

        with serving(Keys) as address:
            yield f"{address}/jwks"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer depends on how busy the machine is."""
    monkeypatch.setattr("serving.jwks._WAIT", 120.0)
    monkeypatch.setattr("serving.jwks._FETCH_AT_MOST", 600.0)


@pytest.fixture(scope="module")
def guarded(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "tokens").write_text("first-token\nsecond-token\n")
    (folder / "keys.json").write_text(key_set())
    settings = {
        "VOLCAST_AUTH_TOKEN_FILE": str(folder / "tokens"),
        "VOLCAST_AUTH_JWKS": str(folder / "keys.json"),
        "VOLCAST_AUTH_AUDIENCE": AUDIENCE,
        "VOLCAST_AUTH_ISSUER": ISSUER,
    }
    with running(served.copy(folder / "store"), folder / "log", settings=settings) as server:
        yield server


def status(server: Running, *authorizations: str) -> int:
    headers = [("authorization", value.encode("latin-1")) for value in authorizations]
    return server.http.get(CLOSED[0], headers=headers).status_code


def test_probes_metrics_and_the_description_need_no_token(guarded: Running):
    assert {guarded.http.get(path).status_code for path in OPEN} == {200}


@pytest.mark.parametrize("path", CLOSED)
def test_everything_else_is_refused_without_a_token(guarded: Running, path):
    # A post is refused before its body is read.
    for answer in (guarded.http.get(path), guarded.http.post(path, content=b"{")):
        assert (answer.status_code, answer.json()["title"]) == (401, "Not authorized")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


ACCEPTED = {
    "first of the file": lambda: "first-token",
    "second of the file": lambda: "second-token",
    "rsa": signed,
    "ec": lambda: signed(CURVE, "ec", "ES256"),
    "one audience of several": lambda: signed(aud=["other", AUDIENCE]),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_token_in_force_is_accepted(guarded: Running, case):
    token = ACCEPTED[case]()
    assert status(guarded, f"Bearer {token}") == status(guarded, f"bearer {token}") == 200


REFUSED = {
    "longer": lambda: "first-token2",
    "shorter": lambda: "first",
    "both": lambda: "first-token second-token",
    "upper case": lambda: "FIRST-TOKEN",
    "not ASCII": lambda: "\xe9",
    "expired": lambda: signed(exp=datetime(2020, 1, 1, tzinfo=UTC)),
    "never expires": lambda: signed(exp=None),
    "not yet": lambda: signed(nbf=datetime(2100, 1, 1, tzinfo=UTC)),
    "wrong audience": lambda: signed(aud="another"),
    "no audience": lambda: signed(aud=None),
    "wrong issuer": lambda: signed(iss="https://other.test"),
    "wrong key": lambda: signed(THEIRS),
    "unknown key": lambda: signed(THEIRS, "unknown"),
    "no key named among several": lambda: signed(kid=None),
    "unsigned": lambda: signed("", "rsa", "none"),
    "a shared secret": lambda: signed("secret" * 8, "rsa", "HS256"),
    "altered": lambda: signed()[:-4] + "AAAA",
    "nonsense": lambda: "a.b.c",
}


@pytest.mark.parametrize("case", REFUSED)
def test_any_other_token_is_refused(guarded: Running, case):
    assert status(guarded, f"Bearer {REFUSED[case]()}") == 401


def test_another_scheme_or_two_headers_are_refused(guarded: Running):
    assert status(guarded, "Basic first-token") == 401
    assert status(guarded, "Bearer first-token", "Bearer first-token") == 401


def test_a_rotated_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("serving.auth._READ_AGAIN", 0.0)
    file = tmp_path / "tokens"
    file.write_text("old")
    tokens = TokenFile(file)
    tokens.read()
    file.write_text("new")
    assert (accepted(tokens, "old"), accepted(tokens, "new")) == (False, True)
    file.unlink()
    assert accepted(tokens, "new")


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_file_without_a_token_stops_the_start(tmp_path: Path, content):
    if content is not None:
        (tmp_path / "tokens").write_text(content)
    with pytest.raises(ConfigError, match="VOLCAST_AUTH_TOKEN_FILE"):
        guard_of(read_settings(auth_token_file=tmp_path / "tokens"))


def test_keys_without_an_audience_stop_the_start():
    with pytest.raises(ConfigError, match="VOLCAST_AUTH_AUDIENCE"):
        guard_of(read_settings(auth_jwks="keys.json"))


def unknown_tokens(count: int) -> list[str]:
    """Tokens of keys that no set has; only their headers differ, for signing takes long."""
    _, *rest = signed(THEIRS).split(".")
    headers = ({"alg": "RS256", "kid": f"unknown-{number}"} for number in range(count))
    encoded = (base64.urlsafe_b64encode(json.dumps(one).encode()) for one in headers)
    return [".".join([one.decode().rstrip("="), *rest]) for one in encoded]


@pytest.mark.slow
def test_a_hanging_issuer_and_600_unknown_keys_stop_no_valid_token(served: Served, tmp_path: Path):
    issuer, good = Issuer(), signed()
    (tmp_path / "tokens").write_text("first-token\n")
    with ExitStack() as stack:
        settings = {
            "VOLCAST_AUTH_TOKEN_FILE": str(tmp_path / "tokens"),
            "VOLCAST_AUTH_JWKS": stack.enter_context(issuer.serving()),
            "VOLCAST_AUTH_AUDIENCE": AUDIENCE,
        }
        issuer.free.clear()
        stack.callback(issuer.free.set)
        server = stack.enter_context(
            running(served.copy(tmp_path / "store"), tmp_path / "log", settings=settings)
        )
        place = ("127.0.0.1", server.http.base_url.port)
        for token in unknown_tokens(600):
            client = stack.enter_context(socket.create_connection(place, 30))
            request = f"GET /predict HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n"
            client.sendall(request.encode())
        assert [status(server, "Bearer first-token") for _ in range(5)] == [200] * 5
        issuer.free.set()
        server.eventually(lambda: status(server, f"Bearer {good}") == 200)


def test_known_keys_answer_while_a_hanging_issuer_is_asked_once(monkeypatch: pytest.MonkeyPatch):
    async def scenario(keys: JsonWebKeys, issuer: Issuer) -> None:
        good = signed().encode()
        assert await keys.accepts(good)
        monkeypatch.setattr("serving.jwks._FETCH_AT_MOST", -1.0)
        issuer.free.clear()
        waiting = [
            asyncio.create_task(keys.accepts(token.encode())) for token in unknown_tokens(600)
        ]
        await asyncio.sleep(0)
        for _ in range(10):
            assert await keys.accepts(good)
        assert not any(task.done() for task in waiting)
        issuer.free.set()
        assert not any(await asyncio.gather(*waiting))
        assert issuer.requests == 2
        # They are remembered: none of them causes another fetch; a new one does.
        assert not any([await keys.accepts(token.encode()) for token in unknown_tokens(600)])
        assert issuer.requests == 2
        assert not await keys.accepts(unknown_tokens(601)[-1].encode())
        assert issuer.requests == 3

    issuer = Issuer()
    with issuer.serving() as url:
        asyncio.run(scenario(JsonWebKeys(url, AUDIENCE, ISSUER), issuer))


def test_unknown_keys_that_are_remembered_are_few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("serving.jwks._FETCH_AT_MOST", -1.0)
    monkeypatch.setattr("serving.jwks._UNKNOWN", 10)
    (tmp_path / "keys.json").write_text(key_set())
    keys = JsonWebKeys(str(tmp_path / "keys.json"), AUDIENCE, ISSUER)

    async def scenario() -> None:
        for token in unknown_tokens(50):
            assert not await keys.accepts(token.encode())
            assert len(keys._unknown) <= 10

    asyncio.run(scenario())


def test_a_key_long_not_read_again_waits_for_the_issuer(monkeypatch: pytest.MonkeyPatch):
    """It may have been withdrawn."""
    monkeypatch.setattr("serving.jwks._FETCH_AGAIN", -1.0)

    async def scenario(keys: JsonWebKeys, issuer: Issuer) -> None:
        for trusted, requests in ((3600.0, 1), (-1.0, 2)):
            monkeypatch.setattr("serving.jwks._TRUSTED", trusted)
            assert await keys.accepts(signed().encode())
            assert issuer.requests == requests

    issuer = Issuer()
    with issuer.serving() as url:
        asyncio.run(scenario(JsonWebKeys(url, AUDIENCE, ISSUER), issuer))


def test_without_settings_everyone_is_let_in():
    assert guard_of(read_settings()) is None


def test_keys_behind_a_url_are_fetched_once_and_outlive_its_failure(
    monkeypatch: pytest.MonkeyPatch,
):
    async def scenario(keys: JsonWebKeys, issuer: Issuer) -> None:
        good, *unknown = (token.encode() for token in (signed(), *unknown_tokens(5)))
        assert [await keys.accepts(good) for _ in range(3)] == [True] * 3
        # An unknown key may be a new one, but must not make the server ask again and again.
        assert [await keys.accepts(token) for token in unknown] == [False] * 5
        assert issuer.requests == 1
        issuer.up = False
        monkeypatch.setattr("serving.jwks._FETCH_AT_MOST", -1.0)
        assert not await keys.accepts(unknown[0])
        assert issuer.requests == 2
        assert await keys.accepts(good)

    issuer = Issuer()
    with issuer.serving() as url:
        asyncio.run(scenario(JsonWebKeys(url, AUDIENCE, ISSUER), issuer))


def test_without_any_key_the_source_is_unavailable_until_it_answers():
    async def scenario(keys: JsonWebKeys, issuer: Issuer) -> None:
        issuer.up = False
        for _ in range(2):
            with pytest.raises(SourceUnavailable):
                await keys.accepts(signed().encode())
        issuer.up = True
        assert await keys.accepts(signed().encode())

    issuer = Issuer()
    with issuer.serving() as url:
        asyncio.run(scenario(JsonWebKeys(url, AUDIENCE, ISSUER), issuer))


def accepted(place: TokenFile, token: str) -> bool:
    return asyncio.run(place.accepts(token.encode()))
