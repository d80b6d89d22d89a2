"""The daily run leaves time before 08:00 in New York; apply brings Kubeflow to what is declared."""

import itertools
import json
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from pipelines import schedules
from pipelines.compile import COMPILED
from pipelines.schedules import SCHEDULES, Schedule
from tests.deploy.kubeflow_api import ROOT, Kubeflow, Request, kubeflow
from volcast.core import calendar
from volcast.core.errors import ConfigError, SourceUnavailable, VolcastError

NEW_YORK = ZoneInfo("America/New_York")
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
ACCOUNT = "volcast-pipelines"
ARGUMENTS = {"store": "s3://bucket/prefix", "source": "yfinance", "universe": "{}"}
DAILY, TRAINING = SCHEDULES
YEARS = (date(2018, 1, 1), date(2034, 12, 29))
SESSIONS = calendar.sessions(*YEARS)
CLOSES = calendar.closes(SESSIONS).to_pydatetime().tolist()


@pytest.fixture(autouse=True)
def _without_waits(monkeypatch):
    monkeypatch.setattr(schedules, "_BACKOFF_SECONDS", 0)


def declared(
    names: tuple[Schedule, ...] = SCHEDULES, account: str = ACCOUNT, **parameters: str
) -> list[schedules.Target]:
    return schedules.targets(names, COMPILED, ARGUMENTS | parameters, account)


def applied(
    api: Kubeflow, runs: list[schedules.Target], *, also: Callable[[str], object] = str
) -> list[str]:
    """Apply once; return what was reported."""
    lines: list[str] = []

    def report(line: str) -> None:
        lines.append(line)
        also(line)

    schedules.Kubeflow(api.url, None, "kubeflow", report).apply(runs)
    return lines


def assert_settled(api: Kubeflow, runs: list[schedules.Target], most: int = 1) -> None:
    """Assert that Kubeflow has what is declared, once and firing, and nothing else of ours."""
    names = [run["display_name"] for run in api.recurring.values()]
    assert sorted(names) == sorted(one.schedule.name for one in runs)
    for one in runs:
        (id,) = api.enabled(one.schedule.name)
        assert schedules.mark_of(api.recurring[id]["description"]) == one.mark
        assert api.recurring[id]["runtime_config"]["parameters"] == one.parameters
    versions = [version["name"] for version in api.versions.values()]
    assert len(versions) == len(set(versions))
    assert api.most_enabled == most


def fired(schedule: Schedule, first: date, last: date) -> list[datetime]:
    """Every time the cron fires, read here as far as we write it: one time, days by name."""
    second, minute, hour, day, month, weekdays = schedule.cron.split()
    assert (day, month) == ("*", "*")
    begin, _, end = weekdays.partition("-")
    named = DAYS[DAYS.index(begin) : DAYS.index(end or begin) + 1]
    at = time(int(hour), int(minute), int(second), tzinfo=UTC)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [datetime.combine(d, at) for d in days if DAYS[d.weekday()] in named]


def test_a_daily_run_follows_each_close_and_begins_two_hours_before_the_forecast_is_due():
    seen = set()
    for at in fired(DAILY, SESSIONS[1], SESSIONS[-1]):
        close = CLOSES[bisect_right(CLOSES, at) - 1]
        assert at - close >= timedelta(hours=13), at
        morning = datetime.combine(at.astimezone(NEW_YORK).date(), time(8), tzinfo=NEW_YORK)
        assert morning.astimezone(UTC) - at >= timedelta(hours=2), at
        seen.add(at.astimezone(NEW_YORK).utcoffset())
        if close.astimezone(NEW_YORK).hour == 13:
            seen.add("half day")
    assert seen == {timedelta(hours=-4), timedelta(hours=-5), "half day"}
    times = fired(DAILY, *YEARS)
    for before, close in zip(SESSIONS[:-1], CLOSES[:-1], strict=True):
        due = calendar.deadline(before)
        last = times[bisect_right(times, due) - 1]
        assert close < last <= due - timedelta(hours=2), before


def test_training_begins_on_saturdays_when_no_daily_run_does():
    weekly = fired(TRAINING, *YEARS)
    assert not {at.date() for at in fired(DAILY, *YEARS)} & {at.date() for at in weekly}
    assert all(at.astimezone(NEW_YORK).weekday() == 5 for at in weekly)
    assert {b - a for a, b in itertools.pairwise(weekly)} == {timedelta(days=7)}


def test_a_schedule_names_a_pipeline_that_is_compiled_and_takes_its_parameters():
    for one in SCHEDULES:
        spec = next(yaml.safe_load_all((COMPILED / one.package).read_text()))
        assert spec["pipelineInfo"]["name"] == one.pipeline
        inputs = spec["root"]["inputDefinitions"]["parameters"]
        assert ARGUMENTS.keys() <= inputs.keys()
        assert {n for n, v in inputs.items() if not v.get("isOptional")} <= ARGUMENTS.keys()


def test_apply_makes_each_schedule_exist_once_and_fire_and_again_writes_nothing(api):
    lines = applied(api, declared())
    assert [line.split()[0] for line in lines] == ["create", "create", "enable", "enable"]
    assert_settled(api, declared())
    for one in SCHEDULES:
        (id,) = api.enabled(one.name)
        run = api.recurring[id]
        assert run["trigger"] == {"cron_schedule": {"cron": one.cron}}
        assert (run["no_catchup"], run["max_concurrency"]) == (True, "1")
        assert run["service_account"] == ACCOUNT
        version = api.versions[run["pipeline_version_reference"]["pipeline_version_id"]]
        assert version["content"] == (COMPILED / one.package).read_bytes()
        assert api.pipelines[version["pipeline_id"]]["name"] == one.pipeline
    writes = len(api.writes())
    assert applied(api, declared()) == []
    assert len(api.writes()) == writes


def changed_package(folder: Path) -> list[schedules.Target]:
    for one in SCHEDULES:
        (folder / one.package).write_bytes((COMPILED / one.package).read_bytes() + b"# new\n")
    return schedules.targets(SCHEDULES, folder, ARGUMENTS, ACCOUNT)


@pytest.mark.parametrize(
    "change",
    [
        lambda _: declared(store="s3://other/prefix"),
        lambda _: declared(account="another"),
        lambda _: declared((replace(DAILY, cron="0 30 9 * * MON-FRI"), TRAINING)),
        changed_package,
    ],
    ids=["parameters", "service account", "cron", "pipeline"],
)
def test_what_changed_is_replaced_without_a_moment_of_two_that_fire(api, change, tmp_path):
    applied(api, declared())
    before = {id for one in SCHEDULES for id in api.enabled(one.name)}
    start = len(api.writes())
    runs = change(tmp_path)
    applied(api, runs)
    assert_settled(api, runs)
    assert {id for one in SCHEDULES for id in api.enabled(one.name)} != before
    verbs = [re.sub(r"recurring-\d+", "ID", w) for w in api.writes()[start:] if "recurring" in w]
    order = [f"POST {ROOT}/recurringruns", f"POST {ROOT}/recurringruns/ID:disable"]
    order += [f"POST {ROOT}/recurringruns/ID:enable", f"DELETE {ROOT}/recurringruns/ID"]
    assert [verb for verb, _ in itertools.groupby(verbs)] == order
    assert all(verbs.count(verb) == len(verbs) // 4 for verb in order)


CHANGED = declared((replace(DAILY, cron="0 0 9 * * MON-FRI"),), store="s3://other/prefix")


@pytest.mark.parametrize(("before", "runs"), [([], declared()), (declared(), CHANGED)])
def test_an_apply_interrupted_at_any_request_is_completed_by_the_next(before, runs):
    with kubeflow() as api:
        applied(api, before)
        begun = len(api.requests)
        applied(api, runs)
        count = len(api.requests) - begun
    assert count > 9
    for at, late in itertools.product(range(count), (False, True)):
        with kubeflow() as api:
            applied(api, before)
            scheduled = {run["display_name"] for run in api.recurring.values()}
            api.breaks_at, api.late = len(api.requests) + at, late
            with pytest.raises(SourceUnavailable):
                applied(api, runs)
            left = {run["display_name"] for run in api.recurring.values()}
            assert left >= scheduled & {one.schedule.name for one in runs}
            api.breaks_at = None
            applied(api, runs)
            assert_settled(api, runs)
            assert applied(api, runs) == []


def put(api: Kubeflow, experiment: str, **fields: object) -> str:
    """Make a recurring run next to ours, as somebody else would."""
    run = next(iter(api.recurring.values()))
    body = {**run, "description": "mine", "experiment_id": experiment, "mode": "ENABLE", **fields}
    made = api.carry_out(Request("POST", f"{ROOT}/recurringruns", {}, body, None))
    return made["recurring_run_id"]


def test_what_is_declared_no_longer_goes_and_what_is_not_ours_stays(api):
    applied(api, declared())
    (ours,) = api.experiments
    other = api.carry_out(Request("POST", f"{ROOT}/experiments", {}, {"display_name": "x"}, None))
    (daily,) = api.enabled(DAILY.name)
    description = api.recurring[daily]["description"]
    foreign = {
        put(api, ours, display_name="by hand"),
        put(api, ours, display_name=DAILY.name),
        put(api, other["experiment_id"], display_name="volcast-old", description=description),
    }
    gone = put(api, ours, display_name="volcast-old", description=description)
    before = {id: dict(api.recurring[id]) for id in foreign}
    assert applied(api, declared()) == [f"disable volcast-old {gone}", f"delete volcast-old {gone}"]
    assert applied(api, [])
    assert api.recurring == before
    assert api.versions


def test_of_several_alike_the_one_that_fires_stays_and_one_paused_by_hand_fires_again(api):
    applied(api, declared())
    (id,) = api.enabled(DAILY.name)
    run = api.recurring[id]
    for mode in ("DISABLE", "ENABLE"):
        put(api, run["experiment_id"], description=run["description"], mode=mode)
    applied(api, declared())
    assert_settled(api, declared(), most=2)
    assert api.enabled(DAILY.name) == [id]
    api.recurring[id]["mode"] = "DISABLE"
    assert applied(api, declared()) == [f"enable {DAILY.name} {id}"]


def test_two_that_apply_at_once_leave_one_of_each(api):
    def rival(line: str) -> None:
        # Another process has made and started the same just before ours is started.
        if line.startswith(f"enable {DAILY.name}") and not rivals:
            run = next(r for r in api.recurring.values() if r["display_name"] == DAILY.name)
            rivals.append(put(api, run["experiment_id"], description=run["description"]))

    rivals: list[str] = []
    applied(api, declared(), also=rival)
    assert rivals
    assert_settled(api, declared(), most=2)


def test_a_version_that_was_deleted_is_uploaded_again_and_its_schedule_replaced(api):
    applied(api, declared())
    (id,) = api.enabled(DAILY.name)
    reference = api.recurring[id]["pipeline_version_reference"]
    del api.versions[reference["pipeline_version_id"]]
    applied(api, declared())
    assert_settled(api, declared())
    (new,) = api.enabled(DAILY.name)
    assert api.recurring[new]["pipeline_version_reference"] != reference


def test_a_kubeflow_of_several_users_gets_token_and_namespace(api, tmp_path):
    api.multi_user, api.token = True, "of-the-cluster"
    token = tmp_path / "token"
    token.write_text("of-the-cluster\n")
    schedules.Kubeflow(api.url, token, "team", str).apply(declared())
    assert_settled(api, declared())
    scoped = [*api.experiments.values(), *api.pipelines.values()]
    assert {one["namespace"] for one in scoped} == {"team"}


@pytest.mark.parametrize(
    ("request_", "status", "body", "code"),
    [
        ("GET /healthz", 401, b"{}", 2),
        ("GET /healthz", 403, b"{}", 2),
        ("GET /healthz", 404, b"<html>", 10),
        ("GET /healthz", 500, b"{}", 20),
        ("POST /pipelines/upload_version", 409, b"{}", 20),
        ("POST /recurringruns", 503, b"{}", 20),
        ("POST /recurringruns", 200, b"{}", 10),
    ],
)
def test_each_refusal_has_its_exit_code_and_nothing_is_created_twice(
    api, request_, status, body, code
):
    method, _, path = request_.partition(" ")
    api.refuses = {f"{method} {ROOT}{path}": (status, body)}
    with pytest.raises(VolcastError) as raised:
        applied(api, declared())
    assert raised.value.exit_code == code
    posts = [one for one in api.requests if one.method == "POST"]
    names = [one.body["display_name"] for one in posts if one.path == f"{ROOT}/recurringruns"]
    assert len(names) == len(set(names))


SECRET = "hunter2secret"  # noqa: S105  what must not be shown


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:9", SourceUnavailable),
        ("http://", ConfigError),
        (f"http://user:{SECRET}@host:99999", ConfigError),
    ],
)
def test_an_address_that_nothing_answers_at_is_refused_and_not_shown(url, error):
    with pytest.raises(error) as raised:
        schedules.Kubeflow(url, None, "")
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("token", [b"", b"%s\nmore", b"%s\0x", b"%s\xff"])
def test_a_wrong_token_is_refused_and_not_shown(api, tmp_path, token):
    api.token = ACCOUNT
    path = tmp_path / "token"
    path.write_bytes(token.replace(b"%s", SECRET.encode()))
    with pytest.raises(VolcastError) as raised:
        schedules.Kubeflow(api.url, path, "")
    assert raised.value.exit_code in {2, 10}
    assert SECRET not in str(raised.value)


def test_the_command_line_applies_lists_and_removes(api, capsys):
    def run(command: str, *options: str) -> str:
        assert schedules.main([command, "--kubeflow", api.url, *options]) == 0
        return capsys.readouterr().out

    options = ["--store", "s3://bucket/prefix", "--source", "yfinance"]
    assert run("list") == ""
    assert f"create {DAILY.name}" in run("apply", *options, "--dry-run")
    assert api.writes() == []
    run("apply", *options, "--service-account", ACCOUNT)
    (id,) = api.enabled(DAILY.name)
    parameters = api.recurring[id]["runtime_config"]["parameters"]
    assert parameters["store"] == "s3://bucket/prefix"
    assert json.loads(parameters["universe"])["target"] == "SPY"
    assert f"{DAILY.name}\tfires\tours" in run("list").splitlines()
    run("remove")
    assert not api.recurring


@pytest.mark.parametrize(
    "options",
    [
        ["--store", "var/store"],
        ["--store", "s3://b/p", "--source", "csv"],
        ["--store", "s3://b/p", "--pipelines", "nowhere"],
    ],
)
def test_what_no_pod_could_run_with_is_refused_before_any_request(api, options):
    assert schedules.main(["apply", "--kubeflow", api.url, *options]) == 2
    assert api.requests == []
