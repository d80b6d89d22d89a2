"""``volcast evaluate``: a walk-forward, its file, its table and its report."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, TaskID

from volcast.cli.arguments import (
    From,
    StoreOption,
    To,
    console,
    open_with_universe,
    parse_span,
    print_line,
    with_symbols,
)
from volcast.core.errors import NotFound
from volcast.core.settings import read_settings

if TYPE_CHECKING:
    from volcast.store import Store

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
) -> None:
    """Walk forward over a span, all baselines on the same rows; needs no champion."""
    from volcast.cli.files import write_file
    from volcast.cli.summary import print_ablations, print_table
    from volcast.evaluation.evaluate import evaluate as walk
    from volcast.evaluation.report import render
    from volcast.evaluation.rows import evaluation_bytes, scored
    from volcast.evaluation.table import compare

    begin, end = parse_span(first, last)
    opened, universe = open_with_universe(store)
    universe = with_symbols(universe, target, iv)
    if iv:
        _refuse_absent(opened, iv)
    seed = read_settings().seed
    with Progress(console=console, transient=True) as bars:
        result = walk(
            opened, universe, begin, end, seed=seed, progress=_bar(bars, "walking forward")
        )
        if garch:
            result = result.with_garch(opened, _bar(bars, "GARCH fits"))
        if ablation:
            result = result.with_ablations(seed, _bar(bars, "ablation"))
    write_file(out, evaluation_bytes(result.rows))
    if len(scored(result.rows)):
        print_table(console, compare(result.rows), universe.target)
    if result.ablations:
        print_ablations(console, result.ablations)
    if report:
        write_file(report, render(result.with_regime_skill()).encode())
    print_line(f"{len(result.rows)} sessions written to {out}")


def _bar(bars: Progress, name: str) -> Callable[[int, int], None]:
    """Return what moves a bar of its own, which appears with the first step done."""
    tasks: list[TaskID] = []

    def move(done: int, all_: int) -> None:
        if not tasks:
            tasks.append(bars.add_task(name, total=all_))
        bars.update(tasks[0], completed=done)

    return move


def _refuse_absent(store: "Store", symbol: str) -> None:
    from volcast.store.tables import CURATED_MARKET_DAILY

    if not len(store.read(CURATED_MARKET_DAILY, symbols=[symbol])):
        raise NotFound(
            found=f"no row of {symbol}", expected="curated rows of the implied volatility named",
            where="--iv", remedy="Ingest it, or evaluate without: --iv ''.",
        )  # fmt: skip
