"""``volcast doctor``: what is installed and set, what is missing, and what to do about it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from operator import itemgetter
from typing import Literal

import typer

from volcast.cli.arguments import StoreOption, open_store, print_line
from volcast.cli.steps import Source, SourcePath
from volcast.cli.tables import AsCsv, AsJson, Listing, form_of, print_data, print_listing
from volcast.core.errors import ConfigError, VolcastError
from volcast.core.settings import Settings, read_settings
from volcast.steps import preflight

__all__ = ["doctor"]

_SECONDS = 5
_SESSIONS = 10
_AWS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


@dataclass(frozen=True)
class Check:
    """What was found; ``missing`` stops a day, what is ``optional`` does not."""

    name: str
    state: Literal["ok", "missing", "optional"]
    detail: str
    remedy: str = ""


def doctor(
    source: Source = None,
    path: SourcePath = None,
    store: StoreOption = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show what is there and what is missing; exit code 1 if a day cannot be run."""
    form = form_of(as_json, as_csv)
    checks = list(_checks({"source": source, "source_path": path, "store": store}))
    ready = all(check.state != "missing" for check in checks)
    rows = [asdict(check) for check in checks]
    if form != "text":
        print_data(form, checks=rows)
    else:
        headings = {"": "name", "state": "state", "found": "detail", "to do": "remedy"}
        columns = {heading: itemgetter(name) for heading, name in headings.items()}
        print_listing(Listing(rows, columns))
        print_line("A day can be run: `volcast run`." if ready else "A day cannot be run yet.")
    raise typer.Exit(0 if ready else 1)


def _checks(arguments: dict[str, object]) -> Iterator[Check]:
    yield _check("Python", _python)
    for extra in _extras():
        yield _check(f"volcast[{extra}]", partial(_extra, extra), needed=extra == "feast")
    yield _check("drift check", _drift, needed=False)
    yield _check("calendar", _calendar)
    yield _check("calendar of events", _events, needed=False)
    try:
        settings = read_settings(**arguments)
    except ConfigError as error:
        yield Check("settings", "missing", error.found, error.remedy)
        return
    yield _check("store", partial(_store, settings))
    yield _check("source", partial(_source, settings))
    yield _check("FRED key", partial(_fred, settings), needed=False)
    yield _check("AWS keys", _aws, needed=False)
    yield _check("Docker", _docker, needed=False)
    yield _check("cluster", _cluster, needed=False)


def _check(name: str, look: Callable[[], str], *, needed: bool = True) -> Check:
    """Return what ``look`` returns, or the error that it raises where something is missing."""
    try:
        return Check(name, "ok", look())
    except VolcastError as error:
        return Check(name, "missing" if needed else "optional", error.found, error.remedy)


def _lacking(found: str, remedy: str) -> ConfigError:
    return ConfigError(found=found, expected="it", where="volcast doctor", remedy=remedy)


def _python() -> str:
    number = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise _lacking(number, "Install volcast with Python 3.11, 3.12 or 3.13.")
    return f"{number}, {sys.executable}"


def _extras() -> list[str]:
    try:
        names = metadata("volcast").get_all("Provides-Extra") or []
    except PackageNotFoundError:
        names = []
    return sorted({*names, "feast"} - {"all"})


def _extra(name: str) -> str:
    try:
        requirements = requires("volcast") or []
    except PackageNotFoundError:  # run from a folder that was never installed
        requirements = []
    own = [text for text in requirements if re.search(rf"""['"]{name}['"]""", text)] or [name]
    packages = {re.split(r"[^\w.-]", text)[0] for text in own} - {"volcast"}
    absent = sorted(package for package in packages if not _installed(package))
    if absent:
        raise _lacking(f"no {', '.join(absent)}", f"pip install 'volcast[{name}]'")
    return f"{len(packages)} package{'s' * (len(packages) > 1)}"


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def _drift() -> str:
    from volcast.monitoring.drift import drift_python
    from volcast.monitoring.drift.install import INSTALL

    python = drift_python()
    if python is None:
        raise _lacking("no interpreter with alibi-detect", f"`{INSTALL}`, or `make drift`")
    return str(python)


def _calendar() -> str:
    from volcast.core import calendar

    today = datetime.now(UTC).date()
    days = calendar.sessions(today, today + timedelta(days=3 * _SESSIONS))[:_SESSIONS]
    if len(days) < _SESSIONS:
        raise _lacking(f"{len(days)} of the next {_SESSIONS} sessions", "Install a newer volcast.")
    return f"sessions {days[0]} to {days[-1]}"


def _events() -> str:
    from volcast.features.events import covered_until, uncovered_sessions

    known = f"meetings known until {covered_until()}"
    if uncovered_sessions(datetime.now(UTC).date()):
        raise _lacking(known, "Install a newer volcast.")
    return known


def _store(settings: Settings) -> str:
    from volcast.registry import champion_pointer
    from volcast.store.tables import CURATED_MARKET_DAILY
    from volcast.store.universe import recall_or_none

    preflight.check_store(settings.store)
    store = open_store(settings.store)
    universe = recall_or_none(store)
    if universe is None:
        return f"{store.uri}, empty"
    champion = champion_pointer(store, universe.target)
    rows = store.read_newest(CURATED_MARKET_DAILY, symbols=[universe.target], years=1)
    newest = max(rows.column("session").to_pylist(), default="none")
    model = f"version {champion.version}" if champion else "none"
    return f"{store.uri}: {universe.target}, newest session {newest}, champion {model}"


def _source(settings: Settings) -> str:
    from volcast.store.universe import universe_of

    target = universe_of(open_store(settings.store), settings).target
    preflight.check(settings, [target])
    return f"{settings.source}, target {target}"


def _fred(settings: Settings) -> str:
    if settings.fred_api_key is None:
        raise _lacking("not set", "VOLCAST_FRED_API_KEY brings macro series to the yfinance source")
    return "set"


def _aws() -> str:
    if not any(os.environ.get(name) for name in _AWS):
        raise _lacking("not set", "AWS_ACCESS_KEY_ID and others, for a store on S3")
    return "set"


def _docker() -> str:
    return "engine " + _output("docker", "version", "--format", "{{.Server.Version}}")


def _cluster() -> str:
    return "context " + _output("kubectl", "config", "current-context")


def _output(*command: str) -> str:
    """Return what a tool prints, or raise an error with what is wrong with it."""
    if shutil.which(command[0]) is None:
        raise _lacking(f"no {command[0]}", "Install it to build images or to deploy.")
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _lacking(f"{command[0]}: {error}", "Start it, or look at its settings.") from error
    if done.returncode or not done.stdout.strip():
        last = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        raise _lacking(last[0], "Start it, or look at its settings.")
    return done.stdout.strip()
