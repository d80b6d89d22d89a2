"""What doctor reports, what serve starts, and how the drift check's environment is made."""

import json
import sys
from datetime import date
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.markets import crown, fill
from volcast.cli import doctor, main, serve
from volcast.core.errors import ConfigError, SourceUnavailable
from volcast.features import events
from volcast.monitoring.drift import drift_python, install, launch
from volcast.store import Store
from volcast.store.tables import MONITORING_DRIFT_DAILY

LAUNCH = sys.modules["volcast.monitoring.drift.launch"]  # the package has a function of this name


@pytest.fixture
def report(monkeypatch, capsys):
    """Return what calls doctor and returns its exit code and its checks by name."""
    monkeypatch.setattr(doctor, "_output", lambda *command: command[0])

    def call(*arguments: str) -> tuple[int, dict[str, dict[str, str]], str]:
        monkeypatch.setattr(sys, "argv", ["volcast", "doctor", "--json", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr().out
        checks = {check["name"]: check for check in json.loads(printed)}
        return ended.value.code, checks, printed

    return call


def test_a_store_is_described_and_a_day_can_be_run(report, store: Store):
    last = fill(store, 6)
    crown(store, last)
    code, checks, _ = report("--source", "synthetic", "--store", store.uri)
    assert code == 0
    assert checks["store"]["detail"].endswith(f"SYN, newest session {last}, champion version 1")
    assert checks["source"]["detail"] == "synthetic, target SYN"
    states = {name: check["state"] for name, check in checks.items()}
    for name in ("Python", "volcast[feast]", "calendar", "store", "source"):
        assert states[name] == "ok"


def test_a_list_of_events_that_ends_soon_stops_no_day(report, tmp_path, monkeypatch):
    arguments = ("--store", str(tmp_path / "store"))
    before, checks, _ = report(*arguments)
    assert checks["calendar of events"]["state"] == "ok"
    monkeypatch.setattr(events, "fomc_meetings", lambda: (date(2020, 12, 16),))
    code, checks, _ = report(*arguments)
    assert (code, checks["calendar of events"]["state"]) == (before, "optional")
    assert "2020-12-31" in checks["calendar of events"]["detail"]
    assert checks["calendar of events"]["remedy"]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("--source", "yahoo"), "settings"),
        (("--source", "csv", "--path", "nowhere"), "source"),
        (("--store", "/no/such/store"), "store"),
    ],
)
def test_what_stops_a_day_is_missing_and_exit_code_1(report, tmp_path, arguments, name):
    code, checks, _ = report("--store", str(tmp_path / "store"), *arguments)
    assert (code, checks[name]["state"]) == (1, "missing")
    assert checks[name]["remedy"]
    assert not (tmp_path / "store").exists()


def test_a_missing_extra_is_named_and_a_key_is_never_shown(report, tmp_path, monkeypatch):
    def version(name: str) -> str:
        if name == "feast":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(doctor, "version", version)
    monkeypatch.setattr(doctor, "requires", lambda _: ['feast<1 ; extra == "feast"'])
    monkeypatch.setenv("VOLCAST_FRED_API_KEY", "hunter2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "hunter3")
    code, checks, printed = report("--store", str(tmp_path / "store"))
    assert (code, checks["volcast[feast]"]["state"]) == (1, "missing")
    assert checks["volcast[feast]"]["remedy"] == "pip install 'volcast[feast]'"
    assert {checks["FRED key"]["state"], checks["AWS keys"]["state"]} == {"ok"}
    assert "hunter" not in printed


@pytest.mark.parametrize("service", ["api", "metrics", "brief", "page"])
def test_serve_passes_its_options_to_the_service_and_ends_with_its_code(monkeypatch, service):
    passed: list[list[str]] = []

    def load(module: str, _: str) -> SimpleNamespace:
        assert module == serve._SERVICES[service][0]
        return SimpleNamespace(main=lambda argv: passed.append(argv) or 3)

    monkeypatch.setattr(serve, "load", load)
    monkeypatch.setattr(sys, "argv", ["volcast", "serve", service, "--port", "1", "--store", "s"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, passed) == (3, [["--port", "1", "--store", "s"]])


def test_a_package_that_a_service_imports_late_is_named_with_its_extra(monkeypatch):
    def serve_without(_: list[str]) -> int:
        raise ModuleNotFoundError(name="kserve")

    monkeypatch.setattr(serve, "load", lambda *_: SimpleNamespace(main=serve_without))
    monkeypatch.setattr(sys, "argv", ["volcast", "serve", "api"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == ConfigError.exit_code


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """Record the commands of an installation, which make the interpreter and nothing else."""
    ran: list[list[str]] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("VOLCAST_DRIFT_PYTHON", raising=False)

    def run(command: list[str], check: bool) -> SimpleNamespace:
        ran.append(command)
        if "venv" in command:
            python = Path(command[-1]) / "bin/python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
        return SimpleNamespace(returncode=int(not check and "fails" in command))

    monkeypatch.setattr(install.subprocess, "run", run)
    return ran


@pytest.mark.parametrize("uv", ["/bin/uv", None])
def test_the_drift_environment_is_made_once_and_found_afterwards(commands, monkeypatch, uv):
    monkeypatch.setattr(install.shutil, "which", lambda *_, **__: uv)
    assert install.installed_python() is None
    python = install.install()
    assert [("--require-hashes" in command) for command in commands] == [False, True]
    assert (commands[0][0] == "/bin/uv") is (uv is not None)
    assert install.install() == python == install.installed_python()
    assert len(commands) == 2
    monkeypatch.setattr(LAUNCH, "installed", lambda: False)
    monkeypatch.setattr(LAUNCH, "_PACKAGE", Path("/no/checkout/src/volcast"))
    assert drift_python() == python


def test_an_installation_cut_short_is_no_environment(commands, monkeypatch):
    monkeypatch.setattr(install.shutil, "which", lambda *_, **__: "fails")
    with pytest.raises(SourceUnavailable):
        install.install()
    assert install.installed_python() is None


def test_the_check_sees_no_package_next_to_volcast(store: Store, tmp_path, monkeypatch):
    python = drift_python()
    if python is None:
        pytest.skip("no interpreter with alibi-detect")
    (tmp_path / "site/numpy").mkdir(parents=True)
    (tmp_path / "site/numpy/__init__.py").write_text("raise ImportError('of another environment')")
    (tmp_path / "site/volcast").symlink_to(LAUNCH._PACKAGE)
    monkeypatch.setattr(LAUNCH, "_PACKAGE", tmp_path / "site/volcast")
    last = fill(store, 2)
    report = launch(store, "SYN", last, python)
    assert report.detail == "no champion of SYN"
    assert len(store.read(MONITORING_DRIFT_DAILY)) == 1
