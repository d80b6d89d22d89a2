"""The script of `helm test`, which requests a forecast and fails if there is none."""

import json
import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.tools import CHART
from tests.loopback import QuietHandler, serving

ASK = CHART / "files/ask.py"
FORECAST = json.dumps({"symbol": "SPY", "rv_5d": 0.13})


@contextmanager
def answering(status: int, body: str) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Yield the address of a server with one answer, and the (path, token) of its requests."""
    requests: list[tuple[str, str | None]] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            requests.append((self.path, self.headers.get("authorization")))
            self.answer(status, body.encode())

    with serving(Handler) as address:
        yield address, requests


def ended(address: str) -> int:
    code = runpy.run_path(str(ASK))["main"](address)
    assert isinstance(code, int)
    return code


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_SOURCE", "yfinance")
    for name in ("TOKEN_FILE", "JWKS", "AUDIENCE"):
        monkeypatch.delenv(f"VOLCAST_AUTH_{name}", raising=False)


def test_a_forecast_of_the_target_is_success():
    with answering(200, FORECAST) as (address, requests):
        assert ended(address) == 0
    assert requests == [("/predict?symbol=SPY", None)]


@pytest.mark.parametrize(
    ("status", "body"), [(503, "{}"), (401, "{}"), (200, FORECAST.replace("0.13", "0"))]
)
def test_anything_else_is_failure(status: int, body: str):
    with answering(status, body) as (address, _):
        assert ended(address) == 1


def test_the_first_token_of_the_mounted_file_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "tokens").write_text("new\nold\n")
    monkeypatch.setenv("VOLCAST_AUTH_TOKEN_FILE", str(tmp_path / "tokens"))
    with answering(200, FORECAST) as (address, requests):
        assert ended(address) == 0
    assert requests[0][1] == "Bearer new"


@pytest.mark.parametrize(("status", "code"), [(401, 0), (200, 1)])
def test_where_oidc_is_required_a_request_without_a_token_must_be_refused(
    status: int, code: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VOLCAST_AUTH_JWKS", "https://login.example.com/keys")
    monkeypatch.setenv("VOLCAST_AUTH_AUDIENCE", "volcast")
    with answering(status, FORECAST) as (address, _):
        assert ended(address) == code
