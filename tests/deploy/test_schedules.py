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

import kfp
import pytest
import yaml
from typer.testing import CliRunner

from pipelines.compile import COMPILED
from pipelines.schedules import SCHEDULES, Schedule
from tests.deploy.kubeflow_api import ROOT, Kubeflow, Request, kubeflow
from volcast import schedules
from volcast.cli.main import app
from volcast.core import calendar
from volcast.core.errors import ConfigError, ContractError, SourceUnavailable, VolcastError

NEW_YORK = ZoneInfo("America/New_York")
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
ACCOUNT = "volcast-pipelines"
ARGUMENTS = {"store": "s3://bucket/prefix", "source": "yfinance", "universe": "{}"}


def wanted(
    declared: tuple[Schedule, ...] = SCHEDULES, account: str = ACCOUNT, **parameters: str
) -> list[schedules.Wanted]:
    return schedules.wanted(declared, COMPILED, ARGUMENTS | parameters, account)


def applied(api: Kubeflow, runs: list[schedules.Wanted], *, dry: bool = False) -> list[str]:
    """Apply once; return what was said."""
    said: list[str] = []
    with schedules.opened(api.url, None, "", sleep=lambda _: None) as client:
        schedules.apply(client, runs, said.append, dry=dry)
    return said


def fired(schedule: Schedule, first: date, last: date) -> list[datetime]:
    """Every time the cron fires, read here as far as we write it: one time, days by name."""
    second, minute, hour, day, month, weekdays = schedule.cron.split()
    assert (day, month) == ("*", "*")
    begin, _, end = weekdays.partition("-")
    named = DAYS[DAYS.index(begin) : DAYS.index(end or begin) + 1]
    at = time(int(hour), int(minute), int(second), tzinfo=UTC)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [datetime.combine(d, at) for d in days if DAYS[d.weekday()] in named]


DAILY, TRAINING = SCHEDULES
YEARS = (date(2018, 1, 1), date(2034, 12, 29))
SESSIONS = calendar.sessions(*YEARS)
CLOSES = calendar.closes(SESSIONS).to_pydatetime().tolist()


def test_the_daily_run_begins_when_the_data_are_out_and_two_hours_before_the_forecast_is_due():
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


def test_every_session_finds_the_forecast_made_after_the_close_of_the_one_before():
    times = fired(DAILY, *YEARS)
    for before, close in zip(SESSIONS[:-1], CLOSES[:-1], strict=True):
        due = calendar.deadline(before)
        last = times[bisect_right(times, due) - 1]
        assert close < last <= due - timedelta(hours=2), before


def test_both_changes_of_the_clock_lie_in_those_years():
    offsets = {at.date(): at.astimezone(NEW_YORK).hour for at in fired(DAILY, *YEARS)}
    assert (offsets[date(2026, 3, 6)], offsets[date(2026, 3, 9)]) == (5, 6)
    assert (offsets[date(2026, 10, 30)], offsets[date(2026, 11, 2)]) == (6, 5)


def test_training_begins_on_saturdays_when_no_daily_run_does():
    daily = {at.date() for at in fired(DAILY, *YEARS)}
    weekly = fired(TRAINING, *YEARS)
    assert not daily & {at.date() for at in weekly}
    assert all(at.astimezone(NEW_YORK).weekday() == 5 for at in weekly)
    assert {b - a for a, b in itertools.pairwise(weekly)} == {timedelta(days=7)}


def test_a_schedule_names_a_pipeline_that_is_compiled_and_takes_its_parameters():
    assert len({one.name for one in SCHEDULES}) == len(SCHEDULES)
    for one in SCHEDULES:
        spec = next(yaml.safe_load_all((COMPILED / one.package).read_text()))
        assert spec["pipelineInfo"]["name"] == one.pipeline
        inputs = spec["root"]["inputDefinitions"]["parameters"]
        assert ARGUMENTS.keys() <= inputs.keys()
        assert {n for n, v in inputs.items() if not v.get("isOptional")} <= ARGUMENTS.keys()


def test_apply_makes_each_schedule_be_there_once_and_fire(api):
    said = applied(api, wanted())
    assert [line.split()[0] for line in said] == ["make", "upload", "upload"] + [
        "create",
        "enable",
    ] * 2
    assert {run["display_name"] for run in api.recurring.values()} == {s.name for s in SCHEDULES}
    for one in SCHEDULES:
        (id,) = api.enabled(one.name)
        run = api.recurring[id]
        assert run["trigger"] == {"cron_schedule": {"cron": one.cron}}
        assert (run["no_catchup"], run["max_concurrency"]) == (True, "1")
        assert run["runtime_config"] == {"parameters": ARGUMENTS}
        assert run["service_account"] == ACCOUNT
        version = api.versions[run["pipeline_version_reference"]["pipeline_version_id"]]
        assert version["content"] == (COMPILED / one.package).read_bytes()
        assert api.pipelines[version["pipeline_id"]]["name"] == one.pipeline


def test_apply_again_writes_nothing(api):
    applied(api, wanted())
    done = len(api.writes())
    assert applied(api, wanted()) == []
    assert len(api.writes()) == done


def settled(api: Kubeflow, runs: list[schedules.Wanted]) -> None:
    """Assert that what is there is what is wanted, and nothing else of ours."""
    assert sorted(run["display_name"] for run in api.recurring.values()) == sorted(
        one.schedule.name for one in runs
    )
    for one in runs:
        (id,) = api.enabled(one.schedule.name)
        assert schedules.mark_of(api.recurring[id]["description"]) == one.mark
        assert api.recurring[id]["runtime_config"]["parameters"] == one.parameters
    names = [version["name"] for version in api.versions.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "change",
    [
        lambda: wanted(store="s3://other/prefix"),
        lambda: wanted(account="another"),
        lambda: wanted((replace(DAILY, cron="0 30 9 * * MON-FRI"), TRAINING)),
        lambda: [
            replace(one, package=replace(one.package, content=one.package.content + b"# new\n"))
            for one in wanted()
        ],
    ],
    ids=["parameters", "service account", "cron", "pipeline"],
)
def test_what_changed_is_replaced_without_a_moment_of_two_that_fire(
    api: Kubeflow, change: Callable[[], list[schedules.Wanted]]
):
    applied(api, wanted())
    before = {id for one in SCHEDULES for id in api.enabled(one.name)}
    start = len(api.writes())
    applied(api, change())
    settled(api, change())
    assert {id for one in SCHEDULES for id in api.enabled(one.name)} != before
    assert api.most_enabled == 1
    verbs = [re.sub(r"recurring-\d+", "ID", w) for w in api.writes()[start:] if "recurring" in w]
    ours = [f"POST {ROOT}/recurringruns", f"POST {ROOT}/recurringruns/ID:disable"]
    ours += [f"POST {ROOT}/recurringruns/ID:enable", f"DELETE {ROOT}/recurringruns/ID"]
    assert verbs == ours * (len(verbs) // 4)
    assert verbs


def broken_everywhere(prepare: Callable[[Kubeflow], object], runs: list[schedules.Wanted]) -> int:
    """Break off at each request in turn, before or after it is carried out, and apply again."""
    with kubeflow() as api:
        prepare(api)
        begun = len(api.requests)
        applied(api, runs)
        count = len(api.requests) - begun
    for at, late in itertools.product(range(count), (False, True)):
        with kubeflow() as api:
            prepare(api)
            scheduled = {run["display_name"] for run in api.recurring.values()}
            api.breaks_at, api.late = len(api.requests) + at, late
            with pytest.raises(SourceUnavailable):
                applied(api, runs)
            left = {run["display_name"] for run in api.recurring.values()}
            assert left >= scheduled & {one.schedule.name for one in runs}
            api.breaks_at = None
            applied(api, runs)
            settled(api, runs)
            assert api.most_enabled == 1
            done = len(api.writes())
            applied(api, runs)
            assert len(api.writes()) == done
    return count


def test_broken_off_at_any_request_the_first_apply_is_made_good_by_the_next():
    assert broken_everywhere(Kubeflow.writes, wanted()) > 12


def test_broken_off_at_any_request_a_change_is_made_good_by_the_next():
    changed = wanted((replace(DAILY, cron="0 0 9 * * MON-FRI"),), store="s3://other/prefix")
    assert broken_everywhere(lambda api: applied(api, wanted()), changed) > 9


def put(api: Kubeflow, experiment: str, **fields: object) -> str:
    """Make a recurring run beside ours, as somebody else would."""
    run = next(iter(api.recurring.values()))
    body = {**run, "description": "mine", "experiment_id": experiment, "mode": "ENABLE", **fields}
    return api.carry_out(Request("POST", f"{ROOT}/recurringruns", {}, body, None))[
        "recurring_run_id"
    ]


def test_what_is_declared_no_more_goes_and_what_is_not_ours_stays(api):
    applied(api, wanted())
    (ours,) = api.experiments
    other = api.carry_out(Request("POST", f"{ROOT}/experiments", {}, {"display_name": "x"}, None))
    (theirs,) = api.enabled(DAILY.name)
    description = api.recurring[theirs]["description"]
    kept = {
        put(api, ours, display_name="by hand"),
        put(api, ours, display_name=DAILY.name),
        put(api, other["experiment_id"], display_name="volcast-old", description=description),
    }
    gone = put(api, ours, display_name="volcast-old", description=description)
    before = {id: dict(api.recurring[id]) for id in kept}
    assert applied(api, wanted()) == [f"disable volcast-old {gone}", f"delete volcast-old {gone}"]
    assert {id: api.recurring[id] for id in kept} == before
    assert gone not in api.recurring


def test_remove_takes_ours_alone(api):
    applied(api, wanted())
    (ours,) = api.experiments
    kept = put(api, ours, display_name="by hand")
    with schedules.opened(api.url, None, "") as client:
        schedules.remove(client, lambda _: None)
    assert set(api.recurring) == {kept}
    assert api.versions


def test_one_that_was_paused_by_hand_fires_again(api):
    applied(api, wanted())
    (id,) = api.enabled(DAILY.name)
    api.recurring[id]["mode"] = "DISABLE"
    assert applied(api, wanted()) == [f"enable {DAILY.name} {id}"]


def test_of_two_alike_the_one_that_fires_stays(api):
    applied(api, wanted())
    (id,) = api.enabled(DAILY.name)
    run = api.recurring[id]
    twins = [
        put(api, run["experiment_id"], description=run["description"], mode=mode)
        for mode in ("DISABLE", "ENABLE")
    ]
    applied(api, wanted())
    assert api.enabled(DAILY.name) == [id]
    assert not set(twins) & set(api.recurring)


def test_two_that_apply_at_once_leave_one_of_each(api):
    def meanwhile(line: str) -> None:
        # Another has made and started the same just before the first of ours is started.
        if line == f"enable {DAILY.name}" and not rival:
            run = next(r for r in api.recurring.values() if r["display_name"] == DAILY.name)
            rival.append(put(api, run["experiment_id"], description=run["description"]))

    rival: list[str] = []
    with schedules.opened(api.url, None, "") as client:
        schedules.apply(client, wanted(), meanwhile)
    assert rival
    settled(api, wanted())


def test_a_version_that_was_deleted_is_uploaded_again_and_its_schedule_made_anew(api):
    applied(api, wanted())
    (id,) = api.enabled(DAILY.name)
    reference = api.recurring[id]["pipeline_version_reference"]
    del api.versions[reference["pipeline_version_id"]]
    applied(api, wanted())
    settled(api, wanted())
    (anew,) = api.enabled(DAILY.name)
    assert api.recurring[anew]["pipeline_version_reference"] != reference


def test_a_dry_run_says_what_would_change_and_changes_nothing(api):
    said = applied(api, wanted(), dry=True)
    assert api.writes() == []
    assert said == applied(api, wanted())
    applied(api, wanted())
    done = len(api.writes())
    assert "disable" in " ".join(applied(api, wanted(store="s3://x/y"), dry=True))
    assert len(api.writes()) == done


def test_what_is_asked_is_what_kubeflows_own_client_asks(api, tmp_path):
    (one,) = wanted((DAILY,))
    applied(api, [one])
    ours = {r.path.removeprefix(ROOT): r for r in api.requests if r.writes}
    (version,) = api.versions.values()
    (run,) = api.recurring.values()
    begun = len(api.requests)
    with pytest.warns(FutureWarning, match="only works with"):
        client = kfp.Client(host=api.url)
    again = client.create_experiment(schedules.EXPERIMENT)
    assert again.experiment_id == run["experiment_id"]
    client.create_experiment("another")
    package = tmp_path / f"{version['name']}.yaml"
    package.write_bytes(one.package.content)
    api.versions.clear()
    client.upload_pipeline_version(str(package), version["name"], version["pipeline_id"])
    (uploaded,) = api.versions
    description = one.description
    made = client.create_recurring_run(
        again.experiment_id, DAILY.name, description=description, cron_expression=DAILY.cron,
        max_concurrency=1, no_catchup=True, params=dict(one.parameters), enabled=False,
        pipeline_id=version["pipeline_id"], version_id=uploaded, service_account=ACCOUNT,
    )  # fmt: skip
    client.enable_recurring_run(made.recurring_run_id)
    theirs = {r.path.removeprefix(ROOT): r for r in api.requests[begun:] if r.writes}
    upload, create = "/pipelines/upload_version", "/recurringruns"
    assert ours[upload].query == theirs[upload].query
    assert ours[upload].body == theirs[upload].body == one.package.content
    theirs[create].body["pipeline_version_reference"]["pipeline_version_id"] = version[
        "pipeline_version_id"
    ]
    assert ours[create].body == theirs[create].body
    assert theirs["/experiments"].body == {"display_name": "another", "namespace": ""}
    assert ours["/experiments"].body == {"display_name": schedules.EXPERIMENT}
    listed = client.list_recurring_runs(experiment_id=again.experiment_id).recurring_runs
    assert [one.display_name for one in listed] == [DAILY.name] * 2
    for id in (run["recurring_run_id"], made.recurring_run_id):
        client.disable_recurring_run(id)
        client.delete_recurring_run(id)
    assert not api.recurring


def test_a_kubeflow_of_several_users_is_given_token_and_namespace(api, tmp_path):
    api.multi_user, api.token = True, "of-the-cluster"
    token = tmp_path / "token"
    token.write_text("of-the-cluster\n")
    with schedules.opened(api.url, token, "team") as client:
        schedules.apply(client, wanted(), lambda _: None)
    settled(api, wanted())
    kept = [*api.experiments.values(), *api.pipelines.values()]
    assert {one["namespace"] for one in kept} == {"team"}
    with pytest.raises(ConfigError, match="--namespace"), schedules.opened(api.url, token, ""):
        pass


def test_a_kubeflow_of_one_user_is_given_no_namespace(api):
    with schedules.opened(api.url, None, "kubeflow") as client:
        schedules.apply(client, wanted(), lambda _: None)
    settled(api, wanted())


def outcome(api: Kubeflow) -> VolcastError:
    with pytest.raises(VolcastError) as raised:
        applied(api, wanted())
    return raised.value


def test_each_refusal_is_the_error_that_says_what_to_do(api, tmp_path):
    page = b"<html>log in</html>"
    for status, body, kind, code in (
        (401, b"{}", ConfigError, 2),
        (403, b"{}", ConfigError, 2),
        (302, b"", ConfigError, 2),
        (200, page, ConfigError, 2),
        (200, b"[]", ConfigError, 2),
        (400, b'{"message": "no"}', ContractError, 10),
        (404, page, ContractError, 10),
        (429, b"{}", SourceUnavailable, 20),
        (503, b"{}", SourceUnavailable, 20),
    ):
        api.refuses = {f"GET {ROOT}/healthz": (status, body)}
        error = outcome(api)
        assert (type(error), error.exit_code) == (kind, code), (status, body)
    api.refuses = {f"POST {ROOT}/pipelines/upload_version": (409, b"{}")}
    assert isinstance(outcome(api), SourceUnavailable)
    api.refuses = {f"POST {ROOT}/recurringruns": (200, b"{}")}
    assert isinstance(outcome(api), ContractError)
    with (
        pytest.raises(ConfigError, match="--token-file"),
        schedules.opened(api.url, tmp_path / "none", ""),
    ):
        pass
    with (
        pytest.raises(SourceUnavailable),
        schedules.opened("http://127.0.0.1:9", None, "", sleep=lambda _: None),
    ):
        pass


def test_only_what_may_be_done_twice_is_asked_again(api):
    api.refuses = {f"POST {ROOT}/recurringruns": (503, b"{}")}
    outcome(api)
    assert api.writes().count(f"POST {ROOT}/recurringruns") == 1
    api.refuses = {f"GET {ROOT}/recurringruns": (503, b"{}")}
    begun = len(api.requests)
    outcome(api)
    assert [r.path for r in api.requests[begun:]].count(f"{ROOT}/recurringruns") == 3


def run(api: Kubeflow, *arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["schedules", *arguments, "--kubeflow", api.url])
    if isinstance(found.exception, VolcastError):
        return found.exception.exit_code, str(found.exception)
    return found.exit_code, found.output


def test_the_command_line_applies_lists_and_removes(api, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    given = ["--pipelines", str(COMPILED), "--store", "s3://bucket/prefix", "--source", "yfinance"]
    assert run(api, "list")[1].startswith("no recurring run")
    code, said = run(api, "apply", *given, "--service-account", ACCOUNT, "--dry-run")
    assert (code, api.writes()) == (0, [])
    assert f"create {DAILY.name}" in said
    code, said = run(api, "apply", *given, "--service-account", ACCOUNT)
    assert (code, said.splitlines()[-1]) == (0, "2 schedules are as declared")
    (id,) = api.enabled(DAILY.name)
    parameters = api.recurring[id]["runtime_config"]["parameters"]
    assert parameters["store"] == "s3://bucket/prefix"
    assert json.loads(parameters["universe"])["target"] == "SPY"
    assert re.search(rf"{DAILY.name}.*0 0 10 \* \* MON-FRI.*yes.*yes", run(api, "list")[1])
    assert run(api, "remove")[0] == 0
    assert not api.recurring


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--store", "var/store"], "s3://"),
        (["--store", "s3://b/p", "--source", "csv"], "csv"),
        (["--store", "s3://b/p", "--pipelines", "nowhere"], "pipelines.compile"),
    ],
)
def test_what_no_pod_could_run_with_is_refused_before_anything_is_asked(api, given, said):
    code, words = run(api, "apply", "--pipelines", str(COMPILED), *given)
    assert (code, api.requests) == (2, [])
    assert said in words


def test_a_package_of_another_pipeline_is_refused(tmp_path: Path):
    (tmp_path / DAILY.package).write_bytes((COMPILED / TRAINING.package).read_bytes())
    with pytest.raises(ConfigError, match="pipeline volcast-train"):
        schedules.wanted([DAILY], tmp_path, ARGUMENTS, "")
