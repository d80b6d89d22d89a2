"""The command line: what each command prints and writes, and its documented exit codes."""

import csv
import io
import json
import sys
from datetime import date
from math import exp

import pytest

import volcast
from tests.contract_rows import contract_rows
from tests.markets import UNIVERSE, crown, features_of, fill
from tests.s3_server import free_ports
from volcast import registry
from volcast.cli import main
from volcast.cli.summary import print_skill
from volcast.core import calendar
from volcast.evaluation.table import Skill, SkillTable
from volcast.evaluation.words import better_choice
from volcast.monitoring.retrain import decide
from volcast.monitoring.score import performance
from volcast.store import Store
from volcast.store.tables import (
    CURATED_MARKET_DAILY,
    MONITORING_DRIFT_DAILY,
    MONITORING_JOBS,
    MONITORING_QUALITY,
    PREDICTIONS_DAILY,
)
from volcast.training import train


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["volcast", *arguments])
        monkeypatch.setenv("COLUMNS", "500")
        try:
            main()
        except SystemExit as ended:
            return ended.code or 0, "".join(capsys.readouterr())
        return 0, "".join(capsys.readouterr())

    return call


def test_an_empty_store_is_named_with_what_to_do(run, tmp_path):
    code, output = run("features", "--store", str(tmp_path / "none"))
    assert code == 2
    assert "empty store" in output
    assert "volcast ingest" in output


@pytest.mark.parametrize(
    "arguments",
    [
        ("infer", "--as-of", "31.12.2021"),
        ("infer", "--as-of", "2001-12-25"),
        ("backfill", "--from", "2001-12-31", "--to", "2001-01-01"),
        ("foretell",),
        ("ingest", "--source", "ftp"),
        ("run", "--steps", "validate"),
        ("run", "--steps", "ingest,validat"),
        ("run", "SPX", "SPY"),
    ],
)
def test_wrong_use_is_exit_code_2(run, store, arguments):
    fill(store, 2)
    assert run(*arguments, "--store", store.uri)[0] == 2


def test_no_champion_is_exit_code_10_and_a_session_not_ingested_is_stale_exit_code_40(run, store):
    last = fill(store, 6)
    code, output = run("infer", "--store", store.uri)
    assert (code, "ModelError" in output) == (10, True)
    crown(store, last)
    code, output = run("infer", "--store", store.uri, "--as-of", "2006-01-03")
    assert (code, "StaleInput" in output) == (40, True)


def test_a_store_whose_place_is_taken_is_named_and_may_be_retried(run, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    code, output = run("features", "--store", str(tmp_path / "file" / "store"))
    assert (code, "StoreUnavailable" in output) == (20, True)


def test_a_malformed_csv_names_file_and_fault_and_leaves_nothing(run, tmp_path):
    (tmp_path / "market").mkdir()
    (tmp_path / "market" / "SPY.csv").write_text("date,open\n2021-01-04,not a price\n")
    store = tmp_path / "store"
    arguments = ("--source", "csv", "--path", str(tmp_path), "--store", str(store))
    code, output = run("ingest", *arguments)
    assert code == 10
    assert "SPY.csv" in output
    assert not list(store.rglob("*.parquet"))


def test_a_truncated_parquet_file_is_an_error_and_never_empty(run, store):
    fill(store, 2)
    file = next(iter(store.objects.list(f"{CURATED_MARKET_DAILY.name}/symbol=SYN/")))
    store.objects.put(file, store.objects.get(file)[:-7])
    code, output = run("features", "--store", store.uri)
    assert code == 10
    assert file in output


def test_infer_audits_and_publishes_and_summary_shows_forecast_table_watch_and_places(run, store):
    last = fill(store, 6)
    crown(store, last)
    assert run("features", "--store", store.uri)[0] == 0
    code, output = run("infer", "--store", store.uri)
    assert (code, "SYN, 3-9 Jan 2006: " in output) == (0, True)
    assert len(store.read(PREDICTIONS_DAILY)) == 1
    audited = set(store.read(MONITORING_QUALITY).column("suite").to_pylist())
    assert {"features", "predictions"} <= audited
    code, output = run("summary", "--store", store.uri)
    assert code == 0
    assert all(word in output for word in ("HAR-RV", "QLIKE", store.uri))
    assert all(word not in output for word in ("EWMA", "rv_5d", "_less_"))
    assert "EWMA" in run("summary", "--all", "--store", store.uri)[1]
    assert _watch(run, store) == {
        "realized error": "not-checked", "drift": "not-checked", "retraining": "not-checked",
    }  # fmt: skip
    performance(store, UNIVERSE, last)
    verdict = contract_rows(MONITORING_DRIFT_DAILY, [UNIVERSE.target], [last]).to_pandas()
    verdict = verdict.assign(subject="verdict", state="drift", alert=True, detail="[g5] moved")
    store.write(MONITORING_DRIFT_DAILY, verdict)
    decide(store, UNIVERSE, last)
    states = {"realized error": "too-few", "drift": "drift", "retraining": "started"}
    assert _watch(run, store) == states
    output = run("summary", "--store", store.uri)[1]
    assert all(word in output for word in ("[g5] moved", "too few forecasts to test"))
    assert "too-few" not in output


def test_skill_names_log_har_where_it_is_the_better_choice(capsys):
    days = date(2010, 1, 4), date(2020, 6, 1)
    ours, har = Skill("volcast", 0.4, 6.0, 0.0, 0.5), Skill("log_har", 0.38, 6.0, -0.05, 0.9)
    tables = {"all": SkillTable((ours, har), 1000, *days)}
    print_skill(tables)
    assert better_choice(tables) in capsys.readouterr().out.replace("\n", " ")


def _watch(run, store):
    code, output = run("summary", "--store", store.uri, "--json")
    assert code == 0
    return {row["check"]: row["state"] for row in json.loads(output)["monitoring"]}


def test_json_and_csv_have_the_published_numbers_in_full_precision(run, store):
    last = fill(store, 6)
    crown(store, last)
    code, output = run("infer", "--store", store.uri, "--json")
    document = json.loads(output[output.index("{") : output.rindex("}") + 1])
    (row,) = store.read(PREDICTIONS_DAILY).to_pylist()
    assert (code, document["forecast"][0]["rv_5d_hat"]) == (0, row["rv_5d_hat"])
    average, *_, others = document["drivers"]
    assert (average["feature"], others["feature"]) == ("base", "others")
    assert average["share"] == pytest.approx(exp(row["base_log_variance"] / 2) / row["rv_5d_hat"])
    assert sum(part["share"] for part in document["drivers"]) == pytest.approx(1)
    code, output = run("summary", "--store", store.uri, "--csv")
    (line,) = csv.DictReader(io.StringIO(output))
    assert (code, float(line["lo95"]), line["session"]) == (0, row["lo95"], str(last))
    code, output = run("registry", "list", "--store", store.uri, "--json")
    (version,) = json.loads(output)
    assert (code, version["sha256"]) == (
        0,
        registry.champion_pointer(store, UNIVERSE.target).sha256,
    )
    assert (
        json.loads(run("registry", "history", "--store", store.uri, "--json")[1])[0]["new"] == "1"
    )
    assert run("registry", "shadow", "--store", store.uri, "--json") == (0, "[]\n")
    assert run("summary", "--store", store.uri, "--csv", "--json")[0] == 2
    span = ("--from", str(last), "--to", str(last), "--store", store.uri)
    (filled,) = json.loads(run("backfill", *span, "--json")[1])
    assert (filled["unchanged"], filled["added"]) == (1, 0)


@pytest.mark.parametrize(
    "command",
    ["summary", "brief", "ask why", "registry list", "registry show", "registry history",
     "registry shadow", "drift", "infer"],
)  # fmt: skip
def test_a_command_that_reads_an_address_without_a_store_fails_and_makes_none(
    run, tmp_path, command
):
    code, output = run(*command.split(), "--store", str(tmp_path / "typo"))
    assert (code, "NotFound" in output) == (2, True)
    assert not (tmp_path / "typo").exists()


def test_brackets_of_an_error_are_printed(run, store, monkeypatch):
    monkeypatch.setenv("VOLCAST_ONLINE_STORE", "x://host")
    code, output = run("summary", "--store", store.uri)
    assert (code, "host[:port][/database]" in output) == (2, True)


def test_infer_publishes_nothing_when_the_online_store_of_the_setting_is_away(
    run, store, monkeypatch
):
    crown(store, fill(store, 6))
    (port,) = free_ports(1)
    monkeypatch.setenv("VOLCAST_ONLINE_STORE", f"redis://:hunter2@127.0.0.1:{port}/3")
    code, output = run("infer", "--store", store.uri)
    assert (code, f"127.0.0.1:{port}" in output, "hunter2" in output) == (20, True, False)
    assert len(store.read(PREDICTIONS_DAILY)) == 0


def test_a_run_continues_from_its_folder_and_records_its_failure(run, tmp_path):
    store, folder = tmp_path / "store", tmp_path / "run"
    places = ("--store", str(store), "--folder", str(folder))
    steps = ("--steps", "ingest,validate")
    assert run("run", "--source", "synthetic", *places, *steps)[0] == 0
    opened = Store.open(str(store))
    assert len(opened.read(MONITORING_JOBS)) == 0
    assert run("run", *places, "--steps", "features,labels,audit_features")[0] == 0
    assert run("run", *places, "--steps", "materialize,infer,record")[0] == 10
    (row,) = opened.read(MONITORING_JOBS).to_pylist()
    assert (row["job"], row["outcome"], row["exit_code"]) == (
        "volcast-daily-inference", "failed", 10,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        ((), {"VOLCAST_SOURCE": "yahoo"}, "yfinance?"),
        (("--source", "yaho"), {}, "yfinance"),
        ((), {"VOLCAST_AS_OF": "12/31/2018"}, "YYYY-MM-DD"),
        ((), {"VOLCAST_AS_OF": "20181231"}, "YYYY-MM-DD"),
        (("--as-of", "2018-12-29"), {}, "2018-12-28 and 2018-12-31"),
        (("--as-of", "2018-12-25"), {}, "2018-12-24 and 2018-12-26"),
        (("--as-of", "2030-01-02"), {}, "ends 2018-12-31"),
        (("--as-of", "1998-12-31"), {}, "begins 1999-01-04"),
        (("--source", "yfinance", "--as-of", "2030-01-02"), {}, "has not closed"),
        (("QQQ",), {}, "SPX"),
        (("--source", "csv"), {}, "source_path"),
        (("--source", "csv", "--path", "nowhere"), {}, "nowhere/market"),
        (("--source", "csv", "--path", "folder"), {}, "QQQ"),
        (("--store", "missing/store"), {}, "missing"),
        (("--store", "file"), {}, "file"),
    ],
)
def test_wrong_settings_end_before_anything_starts(
    run, tmp_path, monkeypatch, arguments, environment, named
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder/market").mkdir(parents=True)
    (tmp_path / "folder/market/QQQ.csv").touch()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    words = [str(tmp_path / word) if word in {"missing/store", "file"} else word
             for word in arguments]  # fmt: skip
    code, output = run("run", *words)
    assert (code, named in output) == (40 if "ends" in named else 2, True), output
    assert "Fetch rows" not in output
    assert sorted(tmp_path.rglob("*")) == before


def test_an_interrupted_step_is_recorded_and_ends_in_130(run, tmp_path, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("volcast.data.ingest.ingest", interrupted)
    code, output = run("run", "--source", "synthetic", "--store", str(tmp_path / "store"))
    assert (code, "Traceback" in output, "run again" in output) == (130, False, True)
    (row,) = Store.open(str(tmp_path / "store")).read(MONITORING_JOBS).to_pylist()
    assert (row["outcome"], row["exit_code"]) == ("failed", 130)


def test_the_version_is_printed_and_a_shell_completes_commands(run, monkeypatch):
    code, output = run("--version")
    assert (code, output.split()) == (0, ["volcast", volcast.__version__])
    monkeypatch.setenv("_VOLCAST_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "volcast r")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert {"run", "registry"} <= set(run()[1].split())


def test_show_prints_a_versions_record_recipe_and_intervals(run, store):
    last = fill(store, 6)
    crown(store, last)
    code, output = run("registry", "show", "--store", store.uri)
    version = registry.champion_pointer(store, UNIVERSE.target)
    signature = json.loads(store.objects.get(version.uri + "signature.json"))["recipe"]
    assert code == 0
    assert "volcast version 1: champion" in output
    assert all(word in output for word in (version.sha256, version.run_id, version.uri, str(last)))
    assert all(name in output for name in (*signature["tree_features"], "num_parallel_tree 150"))
    assert all(
        word in output for word in ("anchor: iv", "weight 0.5", "HAR-RV", "times the forecast")
    )
    assert "promote" in output
    assert run("registry", "show", "1", "--store", store.uri) == (0, output)
    document = json.loads(run("registry", "show", "--store", store.uri, "--json")[1])
    assert document["version"][0]["sha256"] == version.sha256
    assert document["skill"][0]["qlike"] > 0
    assert document["moves"][0]["new"] == "1"
    code, output = run("registry", "show", "2", "--store", store.uri)
    assert (code, "found version '2'; expected one of ['1']" in output) == (2, True)


def test_infer_and_backfill_forecast_with_the_challenger_and_summary_shows_the_champion(run, store):
    last = fill(store, 6)
    crown(store, last)
    frame = features_of(store, last)
    challenger = train.train(store, UNIVERSE, last, frame, seed=8)
    registry.register(store, challenger.run_id)
    arguments = ("challenge", "2", "--why", "a", "--who", "b", "--store", store.uri)
    assert run("registry", *arguments)[0] == 0
    code, output = run("infer", "--verbose", "--store", store.uri)
    assert (code, "challenger version 2, sessions forecast: 1" in output) == (0, True)
    span = ("--from", str(calendar.after(last, -2)), "--to", str(last))
    code, output = run("backfill", "--store", store.uri, *span)
    assert (code, "challenger: version 2, sessions forecast: 3" in output) == (0, True)
    rows = store.read(PREDICTIONS_DAILY).to_pylist()
    assert [row["role"] for row in rows] == ["champion", "challenger"] * 3
    code, output = run("summary", "--store", store.uri)
    assert (code, "model version 1\n" in output, "version 2" in output) == (0, True, False)


def test_summary_never_shows_a_challengers_forecast(run, store):
    crown(store, fill(store, 6))
    run("infer", "--store", store.uri)
    rows = store.read(PREDICTIONS_DAILY).to_pandas()
    later = calendar.after(rows["session"][0], 1)
    shadows = rows.assign(role="challenger", model_version="9", session=later)
    store.write(PREDICTIONS_DAILY, shadows)
    output = run("summary", "--store", store.uri)[1]
    assert f"as of {rows['session'][0]}, model version 1\n" in output


def test_each_service_prints_its_own_options(run):
    code, output = run("serve", "page", "--help")
    assert (code, "--base-path" in output) == (0, True)


def test_evaluate_writes_the_file_whole_and_its_folder_when_missing(run, store, tmp_path):
    fill(store, 6)
    out = tmp_path / "deep" / "rows.parquet"
    span = ("--from", "2005-01-03", "--to", "2005-12-30", "--out", str(out))
    code, output = run("evaluate", "--store", store.uri, *span)
    assert (code, out.exists(), "252 sessions" in output) == (0, True, True)
    assert output.split()[:2] == ["volcast", "evaluate"]
    assert "Evaluate a symbol" in output
    blocked = (*span[:-1], str(out / "below"))
    assert run("evaluate", "--store", store.uri, *blocked)[0] == 20


def test_evaluating_an_unknown_target_names_the_stored_symbols(run, store, tmp_path):
    fill(store, 2)
    span = ("--from", "2001-01-02", "--to", "2001-12-31", "--out", str(tmp_path / "x"))
    code, output = run("evaluate", "--store", store.uri, "--target", "ABC", *span)
    assert (code, "SYNBOND" in output) == (2, True)
