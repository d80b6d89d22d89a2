"""Commands of ``volcast``; each is one library call and what it prints."""

import logging
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from volcast.cli.registry import app as registry_app
from volcast.config import Settings, SourceName, Universe, read_settings
from volcast.errors import ConfigError, GateRefused, NotFound, VolcastError

if TYPE_CHECKING:
    import pandas as pd

    from volcast.storage import Store, WriteReport

__all__ = ["app", "main"]

app = typer.Typer(
    name="volcast", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Forecasts the realized volatility of the next five sessions.",
)  # fmt: skip
app.add_typer(registry_app, name="registry")
console = Console()

StoreOption = Annotated[str | None, typer.Option(help="A local folder or s3://bucket/prefix.")]
DayOption = Annotated[str | None, typer.Option(help="Session, YYYY-MM-DD; default: the newest.")]
From = Annotated[str, typer.Option("--from", help="First session, YYYY-MM-DD.")]
To = Annotated[str, typer.Option("--to", help="Last session, YYYY-MM-DD.")]


@app.command()
def ingest(
    source: Annotated[SourceName | None, typer.Option(help="Where rows come from.")] = None,
    path: Annotated[Path | None, typer.Option(help="The folder of the csv source.")] = None,
    store: StoreOption = None,
    as_of: DayOption = None,
    target: Annotated[str | None, typer.Option(help="Symbol to forecast.")] = None,
    iv: Annotated[str | None, typer.Option(help="Its implied volatility; '' for none.")] = None,
) -> None:
    """Fetch into raw tables, validate, and write curated rows."""
    from volcast.ingest import ingest as fetch
    from volcast.quality import validate
    from volcast.sources import open_source
    from volcast.universe_memory import remember

    settings = read_settings(source=source, source_path=path, store=store, as_of=_day(as_of))
    universe, opened = _with(settings.resolved_universe, target, iv), _open(settings)
    with console.status(f"fetching from {settings.source}"):
        fetched = fetch(
            opened, open_source(settings), universe, now=datetime.now(UTC), as_of=settings.as_of
        )
    remember(opened, universe)
    _say(f"raw: {fetched.added} rows added, {fetched.restated} restated, as of {fetched.as_of}")
    for reason, count in fetched.dropped.items():
        _say(f"  dropped {count}: {reason}")
    for note in fetched.notes:
        _say(f"  note: {note}")
    with console.status("validating"):
        valid = validate(opened, universe, fetched.as_of)
    _say(f"curated: {valid.rows} rows, {valid.quarantined} quarantined, {valid.checks} checks")
    for reason, count in valid.dropped.items():
        _say(f"  dropped {count}: {reason}")
    for example in valid.examples:
        _say(f"  quarantined {example}")


@app.command()
def features(store: StoreOption = None, as_of: DayOption = None) -> None:
    """Compute features_daily and labels_daily from curated rows."""
    from volcast import labels
    from volcast.features.store import build

    opened, universe, session = _at(store, as_of)
    for name, report in (
        ("features", build(opened, universe, session)),
        ("labels", labels.build(opened, universe, session)),
    ):
        _say(f"{name}: {_counts(report)}")


@app.command()
def train(store: StoreOption = None, as_of: DayOption = None) -> None:
    """Train, judge and, if the gate lets it pass, promote; exit code 30 if refused."""
    from volcast import gate, registry
    from volcast.applications import load
    from volcast.cli.summary import print_skill
    from volcast.training import train as fit

    opened, universe, session = _at(store, as_of)
    registry.mlflow_uri(opened)  # a store that cannot register says so before the minutes of work

    def read() -> "pd.DataFrame":
        feast = load("feature_repo.historical")
        return feast.training_frame(opened.uri, universe.target, session)  # type: ignore[no-any-return]

    with console.status("walking forward") as status:
        candidate = fit(
            opened, universe, session, read, seed=read_settings().seed,
            progress=lambda done, all_: status.update(f"walking forward: fit {done} of {all_}"),
        )  # fmt: skip
    print_skill(console, opened, candidate.run_id)
    with console.status("judging") as status:
        verdict = gate.judge(
            opened, candidate.run_id,
            lambda done, all_: status.update(f"walking the champion's recipe: {done} of {all_}"),
        )  # fmt: skip
    for reason in verdict.reasons:
        _say(f"gate: {reason}")
    if not verdict.passed:
        shadow = gate.take_as_challenger(
            opened, candidate.run_id, who="volcast train", when=datetime.now(UTC)
        )
        if shadow is not None:
            _say(f"challenger: version {shadow.version} ({shadow.sha256[:12]})")
        raise GateRefused(
            found=f"a {verdict.kind} run that does not pass", expected="a run the gate lets pass",
            where=f"run {candidate.run_id}", remedy="The champion stays. See the reasons above.",
        )  # fmt: skip
    with console.status("registering and promoting"):
        version = registry.register(opened, candidate.run_id)
        registry.promote(
            opened, version.version, who="volcast train", why=f"passed the gate: {verdict.kind}",
            when=datetime.now(UTC),
        )  # fmt: skip
    _say(f"champion: version {version.version} ({version.sha256[:12]})")


@app.command()
def infer(store: StoreOption = None, as_of: DayOption = None) -> None:
    """Forecast from the session's features, publish, and fill the online store."""
    from volcast.applications import load
    from volcast.cli.summary import print_forecast
    from volcast.inference import infer as forecast
    from volcast.inference import publish, shadow

    opened, universe, session = _at(store, as_of)
    rows = forecast(opened, universe, session)
    publish(opened, rows)
    # After the champion's: whatever becomes of it, that one stands.
    beside = shadow(opened, universe, session, session)
    publish(opened, beside.rows)
    with console.status("filling the online store through Feast"):
        load("feature_repo.online").materialize(opened.uri, session, expect=[universe.target])
    print_forecast(console, rows.to_pylist()[0])
    _say_challenger(beside.said)


@app.command()
def backfill(first: From, last: To, store: StoreOption = None) -> None:
    """Publish the forecasts of champion and challenger of every session in the span."""
    from volcast.inference import backfill as fill

    begin, end = _span(first, last)
    opened, universe = _recalled(store)
    filled = fill(opened, universe, begin, end)
    _say(f"predictions: {_counts(filled.report)}")
    _say_challenger(filled.challenger)


@app.command()
def evaluate(
    first: From,
    last: To,
    out: Annotated[Path, typer.Option(help="The Parquet file to write.")],
    store: StoreOption = None,
    target: Annotated[str | None, typer.Option(help="Symbol; default: the store's.")] = None,
    iv: Annotated[str | None, typer.Option(help="Its implied volatility; '' for none.")] = None,
) -> None:
    """Walk forward over a span, all baselines on the same rows; needs no champion."""
    from volcast.cli.files import write_file
    from volcast.cli.summary import print_table
    from volcast.evaluation.evaluate import evaluate as walk
    from volcast.evaluation.table import compare, scored
    from volcast.training import evaluation_bytes

    begin, end = _span(first, last)
    opened, universe = _recalled(store)
    universe = _with(universe, target, iv)
    if iv:
        _refuse_absent(opened, iv)
    with console.status("walking forward") as status:
        rows = walk(
            opened, universe, begin, end, seed=read_settings().seed,
            progress=lambda done, all_: status.update(f"walking forward: fit {done} of {all_}"),
        )  # fmt: skip
    write_file(out, evaluation_bytes(rows))
    if len(scored(rows)):
        print_table(console, compare(rows), universe.target)
    _say(f"{len(rows)} sessions written to {out}")


@app.command()
def summary(store: StoreOption = None) -> None:
    """Print the newest published forecast, its drivers, the skill table and where all lies."""
    from volcast.cli.summary import print_summary

    opened, universe = _recalled(store)
    print_summary(console, opened, universe)


def main() -> None:
    """Run the command line; every error ends in its words and its exit code."""
    logging.captureWarnings(True)
    try:
        app()
    except VolcastError as error:
        Console(stderr=True).print(f"[red]error[/]: {type(error).__name__}: {error}", markup=True)
        sys.exit(error.exit_code)


def _say(line: str) -> None:
    console.print(line, highlight=False, markup=False)


def _say_challenger(said: str) -> None:
    if said:
        _say(f"challenger: {said}")


def _refuse_absent(store: "Store", symbol: str) -> None:
    from volcast.contracts import CURATED_MARKET_DAILY

    if not len(store.read(CURATED_MARKET_DAILY, symbols=[symbol])):
        raise NotFound(
            found=f"no row of {symbol}", expected="curated rows of the implied volatility named",
            where="--iv", remedy="Ingest it, or evaluate without: --iv ''.",
        )  # fmt: skip


def _with(universe: Universe, target: str | None, iv: str | None) -> Universe:
    if target is not None and not target.strip():
        raise ConfigError(
            found="an empty target", expected="a symbol", where="--target",
            remedy="Name the symbol to forecast, or leave the option away.",
        )  # fmt: skip
    given = {name: value for name, value in (("target", target), ("iv", iv)) if value is not None}
    return Universe(**(universe.model_dump() | given))


def _counts(report: "WriteReport") -> str:
    return f"{report.added} added, {report.replaced} replaced, {report.unchanged} as before"


def _day(text: str | None) -> date | None:
    if text is None or not text.strip():
        return None
    try:
        # strptime would take 2021-1-4, and fromisoformat a week date.
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            found=repr(text), expected="a date as YYYY-MM-DD", where="command line",
            remedy="Write the date so, for example 2021-12-31.",
        ) from error  # fmt: skip


def _span(first: str, last: str) -> tuple[date, date]:
    begin, end = _day(first), _day(last)
    if begin is None or end is None or begin > end:
        raise ConfigError(
            found=f"--from {first} --to {last}", expected="two dates in order",
            where="command line", remedy="Give --from no later than --to, as YYYY-MM-DD.",
        )  # fmt: skip
    return begin, end


def _open(settings: Settings) -> "Store":
    from volcast.storage import Store

    return Store.open(settings.store)


def _recalled(store: str | None) -> "tuple[Store, Universe]":
    """Open the store, with the universe it was ingested with."""
    from volcast.universe_memory import recall

    opened = _open(read_settings(store=store))
    return opened, recall(opened)


def _at(store: str | None, as_of: str | None) -> "tuple[Store, Universe, date]":
    """Open the store, with its universe and the session to work for."""
    from volcast.sessions import resolve_as_of

    given = read_settings(as_of=_day(as_of)).as_of
    opened, universe = _recalled(store)
    return opened, universe, resolve_as_of(opened, universe, given, now=datetime.now(UTC))
