"""Commands of ``volcast``; each is one library call and what it prints."""

import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from volcast.cli.arguments import (
    DayOption,
    From,
    StoreOption,
    To,
    at,
    console,
    day,
    open_store,
    recalled,
    say,
    span,
    with_roles,
)
from volcast.cli.evaluation import evaluate
from volcast.cli.registry import app as registry_app
from volcast.cli.schedules import app as schedules_app
from volcast.core.errors import GateRefused, VolcastError
from volcast.core.settings import SourceName, read_settings

if TYPE_CHECKING:
    import pandas as pd

    from volcast.store import WriteReport

__all__ = ["app", "main"]

app = typer.Typer(
    name="volcast", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Forecasts the realized volatility of the next five sessions.",
)  # fmt: skip
app.add_typer(registry_app, name="registry")
app.add_typer(schedules_app, name="schedules")
app.command()(evaluate)


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
    from volcast.data.checks import validate
    from volcast.data.ingest import ingest as fetch
    from volcast.data.sources import open_source
    from volcast.store.universe import remember

    settings = read_settings(source=source, source_path=path, store=store, as_of=day(as_of))
    universe, opened = with_roles(settings.resolved_universe, target, iv), open_store(settings)
    with console.status(f"fetching from {settings.source}"):
        fetched = fetch(
            opened, open_source(settings), universe, now=datetime.now(UTC), as_of=settings.as_of
        )
    remember(opened, universe)
    say(f"raw: {fetched.added} rows added, {fetched.restated} restated, as of {fetched.as_of}")
    for reason, count in fetched.dropped.items():
        say(f"  dropped {count}: {reason}")
    for note in fetched.notes:
        say(f"  note: {note}")
    with console.status("validating"):
        valid = validate(opened, universe, fetched.as_of)
    say(f"curated: {valid.rows} rows, {valid.quarantined} quarantined, {valid.checks} checks")
    for reason, count in valid.dropped.items():
        say(f"  dropped {count}: {reason}")
    for example in valid.examples:
        say(f"  quarantined {example}")
    for warning in valid.warnings:
        say(f"  warning: {warning}")


@app.command()
def features(store: StoreOption = None, as_of: DayOption = None) -> None:
    """Compute features_daily and labels_daily from curated rows."""
    from volcast.features import labels
    from volcast.features.build import build

    opened, universe, session = at(store, as_of)
    for name, report in (
        ("features", build(opened, universe, session)),
        ("labels", labels.build(opened, universe, session)),
    ):
        say(f"{name}: {_counts(report)}")


@app.command()
def train(store: StoreOption = None, as_of: DayOption = None) -> None:
    """Train, evaluate and, if the gate passes it, promote; exit code 30 if refused."""
    from volcast import registry
    from volcast.cli.summary import print_skill
    from volcast.core.applications import load
    from volcast.training import gate
    from volcast.training.shadow import take_as_challenger
    from volcast.training.train import train as fit

    opened, universe, session = at(store, as_of)
    registry.mlflow_uri(opened)  # a store that cannot register says so before the minutes of work

    def read() -> "pd.DataFrame":
        feast = load("feature_repo.historical")
        return feast.training_frame(opened.uri, universe.target, session)  # type: ignore[no-any-return]

    with console.status("walking forward") as status:
        candidate = fit(
            opened, universe, session, read, seed=read_settings().seed,
            progress=lambda done, all_: status.update(f"walking forward: fit {done} of {all_}"),
        )  # fmt: skip
    print_skill(console, candidate.metrics, universe.target)
    with console.status("evaluating") as status:
        decision = gate.evaluate_candidate(
            opened, candidate.run_id,
            lambda done, all_: status.update(f"walking the champion's recipe: {done} of {all_}"),
        )  # fmt: skip
    for reason in decision.reasons:
        say(f"gate: {reason}")
    if not decision.passed:
        challenger = take_as_challenger(
            opened, candidate.run_id, who="volcast train", when=datetime.now(UTC)
        )
        if challenger is not None:
            say(f"challenger: version {challenger.version} ({challenger.sha256[:12]})")
        raise GateRefused(
            found=f"a {decision.kind} run that does not pass", expected="a run the gate lets pass",
            where=f"run {candidate.run_id}", remedy="The champion stays. See the reasons above.",
        )  # fmt: skip
    with console.status("registering and promoting"):
        version = registry.register(opened, candidate.run_id)
        registry.promote(
            opened, version.version, who="volcast train", why=f"passed the gate: {decision.kind}",
            when=datetime.now(UTC),
        )  # fmt: skip
    say(f"champion: version {version.version} ({version.sha256[:12]})")


@app.command()
def drift(store: StoreOption = None, as_of: DayOption = None) -> None:
    """Hold the newest sessions against the champion's training rows."""
    from volcast.monitoring.drift import drift_python, launch

    opened, universe, session = at(store, as_of)
    with console.status("looking for drift"):
        verdict = launch(opened, universe.target, session, drift_python())
    say(f"drift: {verdict.state}: {verdict.detail}")


@app.command()
def infer(store: StoreOption = None, as_of: DayOption = None) -> None:
    """Forecast from the session's features, publish, and fill the online store."""
    from volcast.cli.summary import print_forecast
    from volcast.core.applications import load
    from volcast.inference.forecast import infer as forecast
    from volcast.inference.forecast import publish, shadow

    opened, universe, session = at(store, as_of)
    rows = forecast(opened, universe, session)
    publish(opened, rows)
    # After the champion's: whatever becomes of it, that one stands.
    beside = shadow(opened, universe, session, session)
    publish(opened, beside.rows)
    with console.status("filling the online store through Feast"):
        load("feature_repo.online").materialize(
            opened.uri, session, expect=[universe.target], online=read_settings().online_store
        )
    print_forecast(console, rows.to_pylist()[0])
    _say_challenger(beside.said)


@app.command()
def backfill(first: From, last: To, store: StoreOption = None) -> None:
    """Publish the forecasts of champion and challenger of every session in the span."""
    from volcast.inference.forecast import backfill as fill

    begin, end = span(first, last)
    opened, universe = recalled(store)
    filled = fill(opened, universe, begin, end)
    say(f"predictions: {_counts(filled.report)}")
    _say_challenger(filled.challenger)


@app.command()
def summary(store: StoreOption = None) -> None:
    """Print the newest published forecast, its drivers, the skill table and where all lies."""
    from volcast.cli.summary import print_summary

    opened, universe = recalled(store)
    print_summary(console, opened, universe)


@app.command()
def brief(
    symbol: Annotated[str | None, typer.Option(help="A symbol that is forecast.")] = None,
    as_of: DayOption = None,
    store: StoreOption = None,
) -> None:
    """Print the brief of the day, each sentence with the rows and passages it rests on."""
    from volcast.brief import Library
    from volcast.cli.brief import print_brief
    from volcast.store.universe import recall

    settings = read_settings(store=store, as_of=day(as_of))
    library = Library.open(settings, lambda: datetime.now(UTC))
    recall(library.store)  # a store that was never filled is a wrong address
    print_brief(console, library.brief(symbol))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="In a sentence.")],
    as_of: DayOption = None,
    store: StoreOption = None,
) -> None:
    """Answer a question by quoting the store's rows and documents, or say it is not in them."""
    from volcast.brief import Library, checked_question
    from volcast.cli.brief import print_answer
    from volcast.store.universe import recall

    asked, until = checked_question(question), day(as_of)
    library = Library.open(read_settings(store=store), lambda: datetime.now(UTC))
    recall(library.store)  # a store that was never filled is a wrong address
    with console.status("reading"):
        gathered = library.refresh()
    print_answer(console, library.ask(asked, until), gathered.notes)


@app.command()
def cite(
    id: Annotated[str, typer.Argument(help="A citation, as a brief or an answer has it.")],
    store: StoreOption = None,
) -> None:
    """Print the row or the passage that a citation stands for."""
    from volcast.brief import Library
    from volcast.cli.brief import print_source

    library = Library.open(read_settings(store=store), lambda: datetime.now(UTC))
    print_source(console, library.source(id))


@app.command()
def prune(
    keep: Annotated[int, typer.Option(min=0, help="Newest runs without a version to keep.")] = 20,
    store: StoreOption = None,
) -> None:
    """Remove old training runs that led to no version."""
    from volcast.registry.prune import prune as remove

    gone = remove(recalled(store)[0], keep)
    say(f"runs removed: {len(gone)}")


def main() -> None:
    """Run the command line; every error ends in its words and its exit code."""
    logging.captureWarnings(True)
    try:
        app()
    except VolcastError as error:
        # What was found may hold brackets, and is no markup.
        said = escape(f"{type(error).__name__}: {error}")
        Console(stderr=True).print(f"[red]error[/]: {said}", markup=True)
        sys.exit(error.exit_code)


def _say_challenger(said: str) -> None:
    if said:
        say(f"challenger: {said}")


def _counts(report: "WriteReport") -> str:
    return f"{report.added} added, {report.replaced} replaced, {report.unchanged} as before"
