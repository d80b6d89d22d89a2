"""Tokens of a mounted file, and tokens signed by a key of a set, against a running server."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from serving.auth import JsonWebKeys, TokenFile, guard_of
from tests.serving.live import Running, Served, running
from volcast.core.errors import ConfigError
from volcast.core.settings import read_settings

AUDIENCE, ISSUER = "volcast", "https://issuer.test"
OPEN = ("/", "/metrics", "/v1/models/volcast", "/v2/health/live", "/v2/health/ready",
        "/v2/models/volcast/ready")  # fmt: skip
CLOSED = ("/predict?symbol=SYN", "/v2/models/volcast", "/v2", "/openapi.json", "/nowhere")

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


def status(server: Running, token: str | None, path: str = CLOSED[0], kind: str = "Bearer") -> int:
    headers = {} if token is None else {"authorization": f"{kind} {token}"}
    return server.http.get(path, headers=headers).status_code


@pytest.mark.parametrize("path", OPEN)
def test_health_and_metrics_need_no_token(guarded: Running, path):
    assert status(guarded, None, path) == 200


@pytest.mark.parametrize("path", CLOSED)
def test_everything_else_is_refused_without_a_token(guarded: Running, path):
    answer = guarded.http.get(path)
    assert (answer.status_code, answer.json()["title"]) == (401, "Not authorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_post_is_refused_before_its_body_is_looked_at(guarded: Running):
    assert guarded.http.post("/predict", content=b"{").status_code == 401


@pytest.mark.parametrize("token", ["first-token", "second-token"])
def test_each_token_of_the_file_is_let_in(guarded: Running, token):
    assert status(guarded, token) == status(guarded, token, kind="bearer") == 200


@pytest.mark.parametrize(
    "token", ["first-token2", "first", "first-token second-token", "FIRST-TOKEN", "\xe9"]
)
def test_another_token_is_refused(guarded: Running, token):
    headers = {"authorization": f"Bearer {token}".encode("latin-1")}
    assert guarded.http.get(CLOSED[0], headers=headers).status_code == 401


def test_another_scheme_or_two_headers_are_refused(guarded: Running):
    assert status(guarded, "first-token", kind="Basic") == 401
    twice = [("authorization", "Bearer first-token")] * 2
    assert guarded.http.get(CLOSED[0], headers=twice).status_code == 401


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed, id="rsa"),
        pytest.param(lambda: signed(CURVE, "ec", "ES256"), id="ec"),
        pytest.param(lambda: signed(aud=["other", AUDIENCE]), id="one audience of several"),
    ],
)
def test_a_signed_token_in_force_is_let_in(guarded: Running, token):
    assert status(guarded, token()) == 200


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(lambda: signed(exp=LONG_AGO), id="expired"),
        pytest.param(lambda: signed(exp=None), id="never expires"),
        pytest.param(lambda: signed(nbf=datetime(2100, 1, 1, tzinfo=UTC)), id="not yet"),
        pytest.param(lambda: signed(aud="another"), id="wrong audience"),
        pytest.param(lambda: signed(aud=None), id="no audience"),
        pytest.param(lambda: signed(iss="https://other.test"), id="wrong issuer"),
        pytest.param(lambda: signed(THEIRS), id="wrong key"),
        pytest.param(lambda: signed(THEIRS, "unknown"), id="unknown key"),
        pytest.param(lambda: signed(kid=None), id="no key named among several"),
        pytest.param(lambda: signed("", "rsa", "none"), id="unsigned"),
        pytest.param(lambda: signed("secret" * 8, "rsa", "HS256"), id="a shared secret"),
        pytest.param(lambda: signed()[:-4] + "AAAA", id="altered"),
        pytest.param(lambda: "a.b.c", id="nonsense"),
    ],
)
def test_any_other_signed_token_is_refused(guarded: Running, token):
    assert status(guarded, token()) == 401


def test_tokens_are_neither_echoed_nor_logged(guarded: Running):
    answer = guarded.http.get(CLOSED[0], headers={"authorization": "Bearer s3cret-token"})
    assert "s3cret" not in answer.text + str(answer.headers) + guarded.log.read_text()


def test_a_rotated_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("serving.auth._READ_AGAIN", 0.0)
    file = tmp_path / "tokens"
    file.write_text("old")
    tokens = TokenFile(file)
    tokens.read()
    file.write_text("new")
    assert (tokens.accepts(b"old"), tokens.accepts(b"new")) == (False, True)
    file.unlink()
    assert tokens.accepts(b"new")


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_file_without_a_token_stops_the_start(tmp_path: Path, content):
    if content is not None:
        (tmp_path / "tokens").write_text(content)
    with pytest.raises(ConfigError, match="VOLCAST_AUTH_TOKEN_FILE"):
        guard_of(read_settings(auth_token_file=tmp_path / "tokens"))


def test_keys_without_an_audience_stop_the_start():
    with pytest.raises(ConfigError, match="VOLCAST_AUTH_AUDIENCE"):
        guard_of(read_settings(auth_jwks="keys.json"))


def test_nothing_set_guards_nothing():
    assert guard_of(read_settings()) is None


class _Keys(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.requests += 1  # type: ignore[attr-defined]
        up = self.server.up  # type: ignore[attr-defined]
        self.send_response(200 if up else 503)
        self.end_headers()
        self.wfile.write(key_set().encode() if up else b"")

    def log_message(self, *_: object) -> None: ...


def test_keys_behind_a_url_are_fetched_once_and_outlive_its_fall(
    monkeypatch: pytest.MonkeyPatch,
):
    with HTTPServer(("127.0.0.1", 0), _Keys) as host:
        host.requests, host.up = 0, True  # type: ignore[attr-defined]
        threading.Thread(target=host.serve_forever, daemon=True).start()
        keys = JsonWebKeys(f"http://127.0.0.1:{host.server_port}/jwks", AUDIENCE, ISSUER)

        async def accepted(*tokens: str) -> list[bool]:
            return [await keys.accepts(token.encode()) for token in tokens]

        with asyncio.Runner() as runner:
            assert runner.run(accepted(*[signed()] * 3)) == [True] * 3
            # A key unknown may be a new one, but cannot make the server ask and ask.
            unknown = [signed(THEIRS, f"unknown-{number}") for number in range(5)]
            assert runner.run(accepted(*unknown)) == [False] * 5
            assert host.requests == 1  # type: ignore[attr-defined]
            host.up = False  # type: ignore[attr-defined]
            monkeypatch.setattr("serving.auth._FETCH_AGAIN", 0.0)
            assert runner.run(accepted(signed())) == [True]
            assert host.requests == 2  # type: ignore[attr-defined]
        host.shutdown()
