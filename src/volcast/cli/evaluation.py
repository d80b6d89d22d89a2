"""``volcast evaluate``: a walk-forward, its file, its table and its report."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from volcast.cli.arguments import (
    From,
    StoreOption,
    To,
    check_span,
    console,
    open_with_universe,
    print_line,
    with_symbols,
)
from volcast.cli.tables import All, AsCsv, AsJson, form_of, print_data, print_listing
from volcast.core.errors import NotFound, StoreUnavailable
from volcast.core.settings import read_settings
from volcast.steps.progress import StepProgress

__all__ = ["evaluate"]


def evaluate(  # noqa: PLR0913
    *,
    first: From,
    last: To,
    out: Annotated[Path, typer.Option(help="The Parquet file to write.")],
    store: StoreOption = None,
    target: Annotated[str | None, typer.Option(help="Symbol; default: the store's.")] = None,
    iv: Annotated[str | None, typer.Option(help="Its implied volatility; '' for none.")] = None,
    garch: Annotated[
        bool, typer.Option("--garch/--without-garch", help="Fit the GARCH baselines; slow once.")
    ] = True,
    report: Annotated[Path | None, typer.Option(help="An HTML page to write too.")] = None,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Walk again with and without groups of features.")
    ] = False,
    everything: All = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Walk forward over a span, all baselines on the same rows; needs no champion."""
    from volcast.cli.summary import ablations_listing, print_skill, skill_rows
    from volcast.evaluation.evaluate import evaluate as walk
    from volcast.evaluation.report import render
    from volcast.evaluation.rows import evaluation_bytes, scored
    from volcast.evaluation.splits import overall
    from volcast.store.tables import CURATED_MARKET_DAILY

    form = form_of(as_json, as_csv)
    check_span(first, last)
    opened, universe = open_with_universe(store)
    universe = with_symbols(universe, target, iv)
    if iv and not len(opened.read(CURATED_MARKET_DAILY, symbols=[iv])):
        raise NotFound(
            found=f"no row of {iv}", expected="curated rows of the implied volatility named",
            where="--iv", remedy="Ingest it, or evaluate without: --iv ''.",
        )  # fmt: skip
    seed = read_settings().seed
    shown = StepProgress(console if form == "text" else Console(stderr=True))
    with shown.pipeline("volcast evaluate"):
        shown.event("step_started", step="evaluate")
        result = walk(opened, universe, first, last, seed=seed, progress=shown.progress)
        if garch:
            result = result.with_garch(opened, shown.progress)
        if ablation:
            result = result.with_ablations(seed, shown.progress)
        _write(out, evaluation_bytes(result.rows))
        if report:
            page = render(result.with_regime_skill(shown.progress), shown.progress)
            _write(report, page.encode())
        shown.event("step_finished", step="evaluate")
    tables = overall(result.rows) if len(scored(result.rows)) else {}
    ablations = ablations_listing(result.ablations)
    if form != "text":
        more = {"ablations": ablations} if ablation else {}
        print_data(form, skill=skill_rows(tables), **more)
        return
    print_skill(tables, everything=everything)
    if result.ablations:
        print_listing(ablations)
    unknown = len(result.rows) - len(scored(result.rows))
    print_line(
        f"{len(result.rows)} sessions written to {out}; {unknown} lack a forecast or an outcome"
    )


def _write(path: Path, data: bytes) -> None:
    """Write a file outside the store whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise StoreUnavailable(
            found=str(error), expected="a file that can be written", where=str(path),
            remedy="Give --out a path in a folder you may write to.",
        ) from error  # fmt: skip
