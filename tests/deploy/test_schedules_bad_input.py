"""What is no address, token, package or answer ends in an error of ours, and shows no secret."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.compile import COMPILED
from pipelines.schedules import SCHEDULES
from tests.deploy.kubeflow_api import ROOT, Kubeflow
from volcast import schedules
from volcast.cli.main import app
from volcast.core.errors import ConfigError, ContractError, VolcastError

SECRET = "hunter2secret"  # noqa: S105  what must not be shown
DAILY = SCHEDULES[0]
ARGUMENTS = {"store": "s3://bucket/prefix", "source": "yfinance", "universe": "{}"}


def wanted() -> list[schedules.Wanted]:
    return schedules.wanted(SCHEDULES, COMPILED, ARGUMENTS, "")


def applied(api: Kubeflow) -> None:
    with schedules.opened(api.url, None, "", sleep=lambda _: None) as client:
        schedules.apply(client, wanted(), lambda _: None)


def listed(url: str, *options: str) -> tuple[int, str]:
    """List; return the exit code, and all that any reader of it is told."""
    ended = CliRunner().invoke(app, ["schedules", "list", "--kubeflow", url, *options])
    if isinstance(ended.exception, VolcastError):
        causes: list[BaseException | None] = [ended.exception]
        while causes[-1] is not None and not causes[-1].__suppress_context__:
            causes.append(causes[-1].__cause__ or causes[-1].__context__)
        return ended.exception.exit_code, " ".join(map(repr, causes))
    assert ended.exception is None, ended.exception
    return ended.exit_code, ended.output


@pytest.mark.parametrize(
    "url",
    [
        "", " ", "host", "ftp://host", "http://", "https:///path", "http://\x01", "http://xn--☃.-/",
        "http://[::1", "http://host:port", "http://host:99999", "http://host:0", "http://a..b",
        f"http://{'a' * 64}.example", "http://host/\udcff", "http://host?x=1", "http://host/#x",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_anything_is_asked(url, monkeypatch):
    asked = []
    monkeypatch.setattr("httpx.Client.request", lambda *_, **__: asked.append(1))
    code, said = listed(url)
    assert (code, asked) == (2, [])
    assert "--kubeflow" in said


@pytest.mark.parametrize(
    "url", [f"http://user:{SECRET}@127.0.0.1:9", f"http://{SECRET}@h", f"http://u:{SECRET}/x@h"]
)
def test_a_password_in_the_address_is_refused_and_not_shown(url):
    code, said = listed(url)
    assert code == 2
    assert SECRET not in said


@pytest.mark.parametrize(
    "token",
    [b"", b" \n", b"%s\nmore", b"%s\r\nx: y", b"%s\0x", b"%s\xff", "%sé".encode(), b"%s x"],
)
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(api, tmp_path, token):
    path = tmp_path / "token"
    path.write_bytes(token.replace(b"%s", SECRET.encode()))
    code, said = listed(api.url, "--token-file", str(path))
    assert (code, api.requests) == (2, [])
    assert str(path) in said
    assert SECRET not in said


def run_with(**fields: Any) -> dict[str, Any]:
    known = {"recurring_run_id": "r-1", "display_name": "x", "description": "by hand"}
    return {"recurringRuns": [known | fields]}


NESTED = b'{"recurringRuns": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    "page",
    [
        run_with(description=None),
        run_with(display_name=None),
        run_with(display_name=7),
        run_with(display_name="\ud800"),
        run_with(created_at=["2026"]),
        run_with(mode=1),
        run_with(recurring_run_id=None),
        run_with(recurring_run_id="../pipelines"),
        run_with(trigger="daily"),
        run_with(trigger={"cron_schedule": "daily"}),
        run_with(trigger={"cron_schedule": {"cron": None}}),
        run_with(pipeline_version_reference=[]),
        run_with(pipeline_version_reference={"pipeline_id": 1}),
        {"recurringRuns": ["r-1"]},
        {"recurringRuns": [None]},
        {"recurringRuns": {"r-1": {}}},
        {"recurringRuns": "r-1"},
        {"recurringRuns": [], "next_page_token": 2},
        {"recurringRuns": [], "next_page_token": ["2"]},
        {"recurringRuns": [], "next_page_token": "2"},
        NESTED,
    ],
    ids=lambda page: "nested" if page is NESTED else json.dumps(page),
)
def test_an_answer_that_is_not_the_apis_breaks_its_contract(api, page):
    applied(api)
    body = page if isinstance(page, bytes) else json.dumps(page).encode()
    api.refuses = {f"GET {ROOT}/recurringruns": (200, body)}
    begun, done = len(api.requests), len(api.writes())
    assert listed(api.url)[0] == 10
    with pytest.raises(ContractError):
        applied(api)
    assert len(api.writes()) == done
    assert len(api.requests) - begun < 14


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("healthz", {"multi_user": "no"}),
        ("experiments", {"experiments": [None]}),
        ("experiments", {"experiments": [{"display_name": "volcast", "experiment_id": 3}]}),
        (f"pipelines/names/{DAILY.pipeline}", {"pipeline_id": {}}),
    ],
)
def test_so_does_any_other_answer(api, path, answer):
    api.refuses = {f"GET {ROOT}/{path}": (200, json.dumps(answer).encode())}
    with pytest.raises(ContractError):
        applied(api)
    assert not api.recurring


def test_objects_that_are_left_out_or_null_are_empty(api):
    applied(api)
    page = run_with(trigger=None, pipeline_version_reference=None)
    api.refuses = {f"GET {ROOT}/recurringruns": (200, json.dumps(page).encode())}
    assert listed(api.url)[0] == 0


def test_names_are_listed_as_they_are_and_are_no_markup(api, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    applied(api)
    trigger = {"cron_schedule": {"cron": "[bold]* *"}}
    page = run_with(display_name="[/red] [link=x]name[/]", trigger=trigger)
    api.refuses = {f"GET {ROOT}/recurringruns": (200, json.dumps(page).encode())}
    code, said = listed(api.url)
    assert code == 0
    assert "[/red] [link=x]name[/]" in said
    assert "[bold]* *" in said


WHOLE = (COMPILED / DAILY.package).read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"pipelineInfo",
        b"\x89PNG\r\n",
        b"kind: ConfigMap\n",
        WHOLE.replace(b"name: volcast-daily", b"name: \xff-daily"),
        WHOLE + b"# \xff\n",
        WHOLE + b"# \0\n",
        WHOLE[: WHOLE.index(b"\nroot:")],
        re.sub(rb"(?m)^deploymentSpec:", b"deployment:", WHOLE),
    ],
    ids=[
        "empty", "text", "picture", "other YAML", "name no UTF-8", "no UTF-8", "NUL", "cut off",
        "no images",
    ],
)  # fmt: skip
def test_a_package_that_is_no_pipeline_is_refused(tmp_path, content):
    assert content != WHOLE
    (tmp_path / DAILY.package).write_bytes(content)
    with pytest.raises(ConfigError, match=r"pipelines\.compile"):
        schedules.wanted([DAILY], tmp_path, ARGUMENTS, "")


def test_a_folder_whose_name_is_no_utf_8_can_be_printed():
    with pytest.raises(ConfigError) as raised:
        schedules.wanted([DAILY], Path("nowhere\udcff"), ARGUMENTS, "")
    assert "nowhere\\udcff" in str(raised.value).encode().decode()


def test_of_two_that_apply_at_once_one_looks_again_where_its_own_was_removed(api):
    def meanwhile(line: str) -> None:
        # Another removed ours as one too many just before it is started.
        if line == f"enable {DAILY.name}" and not gone:
            ours = [i for i, r in api.recurring.items() if r["display_name"] == DAILY.name]
            gone.extend(ours)
            del api.recurring[ours[0]]

    gone: list[str] = []
    with schedules.opened(api.url, None, "", sleep=lambda _: None) as client:
        schedules.apply(client, wanted(), meanwhile)
    assert len(gone) == 1
    names = [run["display_name"] for run in api.recurring.values()]
    assert sorted(names) == sorted(one.name for one in SCHEDULES)
    assert all(len(api.enabled(one.name)) == 1 for one in SCHEDULES)
    assert api.most_enabled == 1
