"""An alert asks for training once; a launch that failed is tried again; nobody else is let in."""

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import kfp
import kfp_server_api
import pytest

from serving.body import BODY_CAP
from serving.receiver.launch import Kubeflow, Local, launcher_of, parameters
from serving.receiver.notification import parsed
from serving.receiver.request import Requests
from tests.monitoring.kubeflow import PIPELINE_ID, kubeflow
from tests.monitoring.monitored import SESSION, Process, eventually, fill, receiving
from volcast.core import calendar
from volcast.core.errors import ConfigError, Overloaded, SourceUnavailable, StoreUnavailable
from volcast.core.settings import Universe, read_settings
from volcast.monitoring import retrain
from volcast.store import Store

NOW = datetime(2024, 6, 29, tzinfo=UTC)


def notification(*alerts: dict[str, str], status: str = "firing", **extra: object) -> dict:
    given = [{"retrain": "true", "symbol": "SPY"} | alert for alert in alerts]
    return {
        "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": status,
        "receiver": "training", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:9093",
        "alerts": [
            {"status": status, "labels": labels, "annotations": {}, "startsAt": "2024-06-29T12:00Z",
             "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "ab"}
            for labels in given
        ],
    } | extra  # fmt: skip


DRIFT = notification({"alertname": "VolcastDrift"})


@pytest.fixture
def archive(store):
    """A store whose clock stands still, so that sessions are what the test says."""
    return fill(store, source="csv")


@pytest.fixture
def asked(archive, tmp_path: Path) -> Iterator[tuple]:
    token = tmp_path / "token"
    token.write_text("of-the-cluster\n")
    with kubeflow() as api:
        settings = {
            "VOLCAST_RETRAIN_LAUNCH": api.url,
            "VOLCAST_RETRAIN_TOKEN_FILE": str(token),
            "VOLCAST_RETRAIN_SERVICE_ACCOUNT": "volcast-pipelines",
            "VOLCAST_SOURCE": "csv",
        }
        with receiving(archive, tmp_path / "log", settings) as receiver:
            yield receiver, api


def counted(receiver: Process) -> dict[str, float]:
    name = "volcast_retrain_requests_total"
    return {
        key.split('"')[1]: value
        for key, value in receiver.metrics().items()
        if key.startswith(name) and value
    }


def test_an_alert_launches_a_run_and_the_next_within_five_sessions_is_held_back(asked):
    receiver, api = asked
    first = receiver.http.post("/alerts", json=DRIFT)
    assert (first.status_code, first.json()["outcome"]) == (202, "asked")
    assert first.json()["run"] == "run-1"
    again = receiver.http.post("/alerts", json=notification({"alertname": "VolcastErrorWorse"}))
    assert (again.status_code, again.json()["outcome"]) == (200, "held_back")
    assert len(api.runs) == 1
    assert api.tokens == ["Bearer of-the-cluster"]
    assert counted(receiver) == {"asked": 1, "held_back": 1}
    events = [json.loads(line) for line in receiver.log.read_text().splitlines()]
    assert [one["event"] for one in events] == ["receiving", "training_asked", "training_held_back"]
    assert "of-the-cluster" not in receiver.log.read_text()


def test_a_run_is_asked_for_as_kubeflows_own_client_does(asked, archive):
    receiver, api = asked
    receiver.http.post("/alerts", json=DRIFT)
    (ours,) = api.runs
    arguments = {
        "store": archive.uri, "source": "csv", "source_path": "", "as_of": "",
        "universe": Universe().model_dump_json(),
    }  # fmt: skip
    with pytest.warns(FutureWarning, match="only works with"):
        client = kfp.Client(host=api.url)
    client.run_pipeline(
        None, ours["display_name"], params=arguments, pipeline_id=PIPELINE_ID, version_id="7",
        service_account="volcast-pipelines",
    )  # fmt: skip
    theirs = api.runs[1]
    # Its client wants a version named; the API takes the newest where none is.
    assert theirs["pipeline_version_reference"].pop("pipeline_version_id") == "7"
    assert ours == theirs
    assert ours["runtime_config"]["parameters"] == arguments
    assert ours["service_account"] == "volcast-pipelines"
    assert set(ours) <= set(kfp_server_api.V2beta1Run.attribute_map.values())


def test_no_service_account_is_sent_where_none_is_set(archive):
    arguments = parameters(read_settings(source="csv"), archive, Universe())
    with kubeflow() as api:
        asyncio.run(Kubeflow(api.url, None).launch(arguments, SESSION))
    (run,) = api.runs
    assert "service_account" not in run


def test_the_daily_pipeline_and_the_receiver_share_the_claim(asked, archive):
    receiver, api = asked
    assert retrain.ask(archive, Universe(), SESSION, by=retrain.DAILY, reason="drift").asked
    assert receiver.http.post("/alerts", json=DRIFT).json()["outcome"] == "held_back"
    assert not api.runs


def test_a_launch_that_failed_is_said_to_be_and_the_retry_launches(asked):
    receiver, api = asked
    api.refusing = 500
    failed = receiver.http.post("/alerts", json=DRIFT)
    assert failed.status_code == 503
    assert failed.headers["content-type"] == "application/problem+json"
    assert failed.json()["title"] == "Source unavailable"
    api.refusing = None
    assert receiver.http.post("/alerts", json=DRIFT).status_code == 202
    assert len(api.runs) == 1
    assert counted(receiver) == {"asked": 1, "failed": 1}


@pytest.mark.parametrize(
    "body",
    [
        notification({"alertname": "VolcastDrift"}, status="resolved"),
        notification({"alertname": "VolcastForecastLate", "retrain": ""}),
        notification({"alertname": "VolcastDrift", "symbol": "QQQ"}),
        notification(),
    ],
    ids=["resolved", "another alert", "another symbol", "no alert"],
)
def test_what_wants_no_training_of_ours_gets_none(asked, body):
    receiver, api = asked
    answer = receiver.http.post("/alerts", json=body)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "nothing_to_do")
    assert not api.runs


def test_what_is_no_notification_is_refused_with_the_field_named(asked):
    receiver, api = asked
    for body, field in (
        (b"", None),
        (b"[]", None),
        (b'{"version": "4"}', "alerts"),
        (json.dumps(DRIFT | {"version": "3"}).encode(), "version"),
        (json.dumps(notification({"alertname": "x"}, status="odd")).encode(), "alerts.0.status"),
        (json.dumps(DRIFT | {"alerts": DRIFT["alerts"] * 1001}).encode(), "alerts"),
    ):
        answer = receiver.http.post("/alerts", content=body)
        assert (answer.status_code, answer.json()["field"]) == (400, field), body[:80]
        assert answer.headers["content-type"] == "application/problem+json"
    assert receiver.http.post("/alerts", content=b" " * (BODY_CAP + 1)).status_code == 413
    wrong = receiver.http.get("/alerts")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert receiver.http.get("/nothing").status_code == 404
    assert counted(receiver) == {"refused": 7}
    assert not api.runs


def test_without_the_token_nothing_is_asked_for(archive, tmp_path):
    token = tmp_path / "token"
    token.write_text("let-me-in\n")
    settings = {"VOLCAST_AUTH_TOKEN_FILE": str(token)}
    with receiving(archive, tmp_path / "log", settings) as receiver:
        answer = receiver.http.post("/alerts", json=DRIFT)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert receiver.http.get("/metrics").is_success
        headers = {"authorization": "Bearer let-me-in"}
        over = notification({"alertname": "VolcastDrift"}, status="resolved")
        assert receiver.http.post("/alerts", json=over, headers=headers).status_code == 200
    assert receiver.process.returncode == 0


def test_a_store_nothing_was_ingested_into_is_said_to_be_empty(store, tmp_path):
    with receiving(store, tmp_path / "log") as receiver:
        assert receiver.http.post("/alerts", json=DRIFT).status_code == 404


def requests(store, launcher) -> Requests:
    settings = read_settings(store=store.uri, source="csv")
    return Requests(settings, store, launcher, lambda: NOW)


def recording(tmp_path: Path, code: int = 0, seconds: float = 0) -> tuple[Local, Path]:
    """A launcher whose command writes its arguments down, and ends with a code."""
    record = tmp_path / "arguments"
    script = (
        f"import pathlib, sys, time; pathlib.Path({str(record)!r}).write_text(repr(sys.argv[1:]))\n"
        f"time.sleep({seconds}); sys.exit({code})"
    )
    return Local((sys.executable, "-c", script)), record


def exits(code: str) -> float:
    from serving.receiver import metrics

    name = "volcast_retrain_launch_exits_total"
    return metrics.REGISTRY.get_sample_value(name, {"exit_code": code}) or 0.0


@pytest.mark.parametrize(("code", "shown"), [(0, "0"), (30, "30"), (77, "other")])
def test_a_run_on_this_machine_has_the_pipelines_arguments_and_its_end_is_counted(
    archive, tmp_path, code, shown
):
    launcher, record = recording(tmp_path, code)
    before = exits(shown)

    async def ask() -> str:
        answer = await requests(archive, launcher).take(parsed(json.dumps(DRIFT).encode()))
        await launcher._watch
        return answer.outcome

    assert asyncio.run(ask()) == "asked"
    assert exits(shown) == before + 1
    assert eval(record.read_text()) == [  # noqa: S307
        "--store", archive.uri, "--source", "csv", "--universe", Universe().model_dump_json(),
    ]  # fmt: skip


def test_the_local_pipeline_takes_the_arguments_that_it_is_given():
    from pipelines.local import _parser

    settings = read_settings(store="s", source="csv", source_path="p", as_of="2024-06-28")
    given = parameters(settings, Store.open(settings.store), Universe())
    assert (given["store"], given["source_path"]) == (str(Path.cwd() / "s"), str(Path.cwd() / "p"))
    assert read_settings(universe=given["universe"]).universe == Universe()
    flags = [x for name, value in given.items() for x in (f"--{name.replace('_', '-')}", value)]
    found = vars(_parser().parse_args(["train", *flags]))
    assert {name: found[name] for name in given} == given


def test_while_a_run_goes_on_no_other_is_asked_for_and_it_ends_with_the_receiver(archive, tmp_path):
    launcher, record = recording(tmp_path, seconds=60)

    async def ask() -> None:
        asking = requests(archive, launcher)
        await asking.take(parsed(json.dumps(DRIFT).encode()))
        while not record.exists():
            await asyncio.sleep(0.05)
        with pytest.raises(Overloaded):
            await asking.take(parsed(json.dumps(DRIFT).encode()))
        await launcher.close()

    asyncio.run(ask())


def test_a_request_that_could_not_be_taken_back_is_before_the_next(archive, monkeypatch):
    class Failing:
        def __init__(self) -> None:
            self.launched = 0

        def refuse_if_busy(self) -> None:
            pass

        async def launch(self, *_) -> str:
            self.launched += 1
            if self.launched == 1:
                raise SourceUnavailable(found="a", expected="b", where="c", remedy="d")
            return "run"

    def away(*_, **__):
        raise StoreUnavailable(found="a", expected="b", where="c", remedy="d")

    launcher, body = Failing(), parsed(json.dumps(DRIFT).encode())
    asking = requests(archive, launcher)
    with monkeypatch.context() as patch:
        patch.setattr(retrain, "withdraw", away)
        with pytest.raises(StoreUnavailable):
            asyncio.run(asking.take(body))
    assert asyncio.run(asking.take(body)).outcome == "asked"
    assert asyncio.run(asking.take(body)).outcome == "held_back"


def test_the_sixth_session_may_ask_again(archive):
    assert retrain.ask(
        archive, Universe(), calendar.after(SESSION, -5), by="alert", reason=""
    ).asked
    assert retrain.ask(archive, Universe(), SESSION, by="alert", reason="").asked


def test_the_setting_names_the_launcher(tmp_path):
    assert isinstance(launcher_of(read_settings()), Local)
    url = "https://kubeflow.example"
    assert launcher_of(read_settings(retrain_launch=url)) == Kubeflow(url, None)
    named = read_settings(retrain_launch=url, retrain_service_account="volcast-pipelines")
    assert launcher_of(named) == Kubeflow(url, None, "volcast-pipelines")
    with pytest.raises(ConfigError, match="RETRAIN_TOKEN_FILE"):
        launcher_of(read_settings(retrain_launch=url, retrain_token_file=tmp_path / "none"))
    with pytest.raises(ConfigError, match="retrain_launch"):
        read_settings(retrain_launch="ftp://x")


@pytest.mark.parametrize("token", ["", "hunter2secret\nmore", "hunter2secret\xe9"])
def test_a_token_that_no_header_can_carry_is_refused_at_the_start_and_never_shown(tmp_path, token):
    path = tmp_path / "token"
    path.write_text(token)
    with pytest.raises(ConfigError, match="RETRAIN_TOKEN_FILE") as at_start:
        launcher_of(
            read_settings(retrain_launch="https://kubeflow.example", retrain_token_file=path)
        )
    # Mounted tokens are replaced, so that a launch may be the first to find it.
    with pytest.raises(SourceUnavailable, match="RETRAIN_TOKEN_FILE") as at_launch:
        asyncio.run(Kubeflow("https://kubeflow.example", path).launch({}, SESSION))
    assert "hunter2secret" not in f"{at_start.value}{at_launch.value}"


@pytest.mark.parametrize(
    "url", ["http://user:hunter2secret@host", "http://host:0", "http://[::1", "http://host?x=1"]
)
def test_an_address_that_cannot_be_asked_is_refused_at_the_start_and_never_shown(url):
    with pytest.raises(ConfigError, match="RETRAIN_LAUNCH") as refused:
        launcher_of(read_settings(retrain_launch=url))
    assert "hunter2secret" not in str(refused.value)


def test_an_address_that_is_taken_is_said_to_be(archive, tmp_path, capsys):
    from serving.receiver.__main__ import main

    with receiving(archive, tmp_path / "log") as receiver:
        port = receiver.address.rpartition(":")[2]
        assert main(["--store", archive.uri, "--port", port]) == 2
    assert "--port" in capsys.readouterr().err
    eventually(lambda: receiver.process.poll() == 0)
