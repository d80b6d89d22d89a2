"""Commands of ``volcast``; each is a library call and what it prints."""

import logging
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from volcast import __version__
from volcast.cli.arguments import (
    DayOption,
    From,
    StoreOption,
    To,
    check_span,
    console,
    open_with_universe,
    print_line,
)
from volcast.cli.doctor import doctor
from volcast.cli.evaluation import evaluate
from volcast.cli.registry import app as registry_app
from volcast.cli.serve import app as serve_app
from volcast.cli.steps import drift, features, infer, ingest, run, train
from volcast.cli.tables import All, AsCsv, AsJson, form_of, print_data
from volcast.core.errors import VolcastError
from volcast.core.settings import read_settings
from volcast.steps.calls import INTERRUPTED, STOPPED

if TYPE_CHECKING:
    from volcast.brief import Library

__all__ = ["app", "main"]

app = typer.Typer(name="volcast", no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(registry_app, name="registry")
app.add_typer(serve_app, name="serve")
for command in (run, ingest, features, train, infer, drift, evaluate):
    app.command()(command)
app.command()(doctor)


def _print_version(shown: bool) -> None:
    if shown:
        print_line(f"volcast {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Forecasts the realized volatility of the next five sessions."""


@app.command()
def backfill(
    first: From, last: To, store: StoreOption = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Publish the forecasts of champion and challenger of every session in the span."""
    from volcast.inference.publish import backfill as fill

    form = form_of(as_json, as_csv)
    check_span(first, last)
    opened, universe = open_with_universe(store)
    filled = fill(opened, universe, first, last)
    counts = {one: getattr(filled.report, one) for one in ("added", "replaced", "unchanged")}
    if form != "text":
        print_data(form, backfill=[counts | {"challenger": filled.challenger}])
        return
    print_line(f"predictions: {', '.join(f'{count} {one}' for one, count in counts.items())}")
    if filled.challenger:
        print_line(f"challenger: {filled.challenger}")


@app.command()
def summary(
    store: StoreOption = None, everything: All = False, as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """Print the newest published forecast, what moved it, the skill and where files are."""
    from volcast.cli.summary import print_summary

    form = form_of(as_json, as_csv)
    print_summary(*open_with_universe(store), form, everything=everything)


@app.command()
def brief(
    symbol: Annotated[str | None, typer.Option(help="A symbol that is forecast.")] = None,
    as_of: DayOption = None,
    store: StoreOption = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Print the brief of the day, each sentence with the rows and passages it rests on."""
    from volcast.cli.brief import print_brief, sentence_rows

    form = form_of(as_json, as_csv)
    page = _library(store, as_of).brief(symbol)
    if form != "text":
        missing = [{"what": one.what, "remedy": one.remedy} for one in page.missing]
        print_data(form, brief=sentence_rows(page.sentences), missing=missing)
        return
    print_brief(console, page)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="In a sentence.")],
    as_of: DayOption = None,
    store: StoreOption = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Answer a question by quoting the store's rows and documents; report what is not in them."""
    from volcast.brief import checked_question
    from volcast.cli.brief import print_answer, sentence_rows
    from volcast.store.universe import recall

    form = form_of(as_json, as_csv)
    text, library = checked_question(question), _library(store)
    recall(library.store)  # a store that was never filled is a wrong address
    with Console(stderr=True).status("reading"):
        documents = library.refresh()
    answer = library.ask(text, as_of)
    if form != "text":
        unread = [{"document": name, "reason": reason} for name, reason in documents.unread]
        missing = [{"what": one.what, "remedy": one.remedy} for one in answer.missing]
        print_data(form, answer=sentence_rows(answer.sentences), missing=missing, unread=unread)
        return
    print_answer(console, answer, documents.unread)


@app.command()
def cite(
    id: Annotated[str, typer.Argument(help="A citation, as a brief or an answer has it.")],
    store: StoreOption = None,
) -> None:
    """Print the row or the passage that a citation stands for."""
    from volcast.cli.brief import print_source

    print_source(console, _library(store).source(id))


def _library(store: str | None, as_of: date | None = None) -> "Library":
    from volcast.brief import Library

    return Library.open(read_settings(store=store, as_of=as_of), lambda: datetime.now(UTC))


@app.command()
def prune(
    keep: Annotated[int, typer.Option(min=0, help="Newest runs without a version to keep.")] = 20,
    store: StoreOption = None,
) -> None:
    """Remove old training runs that led to no version."""
    from volcast.registry.run_files import prune as remove

    removed = remove(open_with_universe(store)[0], keep)
    print_line(f"runs removed: {len(removed)}")


def main() -> None:
    """Run the command line; every error ends in its message and its exit code."""
    logging.captureWarnings(True)
    try:
        app()
    except VolcastError as error:
        message = escape(f"{type(error).__name__}: {error}")
        Console(stderr=True).print(f"[red]error[/]: {message}")
        sys.exit(error.exit_code)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            Console(stderr=True).print(STOPPED)
        raise
