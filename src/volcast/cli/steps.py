"""Commands that run steps of the pipelines: a whole day, or a few of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer
from rich.console import Console

from volcast.cli.arguments import (
    DayOption,
    StoreOption,
    console,
    open_session,
    open_store,
    open_with_universe,
    print_line,
    with_symbols,
)
from volcast.cli.tables import All, AsCsv, AsJson, Form, form_of
from volcast.core.errors import ConfigError
from volcast.core.settings import EXAMPLE_UNIVERSES, Settings, SourceName, Universe, read_settings
from volcast.steps import preflight
from volcast.steps.table import FORECAST, PIPELINES, PREPARE, STEPS, TRAIN

if TYPE_CHECKING:
    from volcast.steps.runner import Run

__all__ = ["drift", "features", "infer", "ingest", "run", "train"]

# A text, so that the settings explain a wrong one in the same words as the environment's.
Source = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(get_args(SourceName)), help="Where rows come from.",
        autocompletion=lambda: list(get_args(SourceName)),
    ),
]  # fmt: skip
SourcePath = Annotated[Path | None, typer.Option("--path", help="The folder of the csv source.")]
Target = Annotated[str | None, typer.Option(help="Symbol to forecast.")]
Iv = Annotated[str | None, typer.Option(help="Its implied volatility; '' for none.")]

SwitchTarget = Annotated[
    bool, typer.Option("--switch-target", help="Let the store forecast another symbol than before.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show the facts of each step too.")]

_OTHER_SYMBOLS = ["SPY", "QQQ", "IWM"]


def run(  # noqa: PLR0913
    *,
    symbols: Annotated[
        list[str] | None,
        typer.Argument(metavar="SYMBOL", help="To forecast; default: the source's own."),
    ] = None,
    source: Source = None,
    path: SourcePath = None,
    store: StoreOption = None,
    as_of: DayOption = None,
    iv: Iv = None,
    pipeline: Annotated[
        Literal["day", "train", "daily", "evaluate"],
        typer.Option(help="day: daily, after training where there is no champion, and not twice."),
    ] = "day",
    train_first: Annotated[
        bool, typer.Option("--train", help="Train before the forecast in any case.")
    ] = False,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Evaluate with and without groups of features.")
    ] = False,
    steps: Annotated[
        str, typer.Option(help="These steps only, by comma; the first part starts with ingest.")
    ] = "",
    folder: Annotated[
        Path | None, typer.Option(help="For files; a later --steps continues from it.")
    ] = None,
    switch_target: SwitchTarget = False,
    everything: All = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Run a pipeline in this process: the same steps, order and records as on Kubeflow."""
    form = form_of(as_json, as_csv)
    names = _names(steps, folder) if steps else [*PIPELINES[pipeline], "record"]
    settings = read_settings(source=source, source_path=path, store=store, as_of=as_of)
    title = f"volcast run {pipeline}"
    if names[0] != "ingest":
        with _begun(title, settings.store, folder, form, verbose) as begun:
            begun.resume(names)
        return
    evaluates = pipeline == "evaluate"
    target = None if evaluates else _single(symbols)
    universe = _checked(settings, symbols or [], target, iv, switch_target)
    with _begun(title, settings.store, folder, form, verbose) as begun:
        begun.values = _inputs(settings, universe, switch_target) | {
            "ablation": ablation, "training": not _has_champion(settings.store, universe.target),
        }  # fmt: skip
        if evaluates:
            alone = settings.source in EXAMPLE_UNIVERSES
            default = [universe.target] if alone else _OTHER_SYMBOLS
            begun.values["symbols"] = begun.values["also"] = symbols or default
        if pipeline != "day" or train_first:
            begun.values["training"] = True
        # An online store of its own may have been emptied, so it is always filled.
        skip = pipeline == "day" and not (steps or train_first or settings.online_store)
        ran = begun.begin(pipeline, names, skip=skip)
    if not ran and form == "text":
        print_line(
            f"Nothing new: the forecast of {begun.values['as_of']} is published and checked. "
            "`volcast run --pipeline daily` runs the steps again.",
        )
    if not steps and pipeline in {"day", "daily"}:
        from volcast.cli.summary import print_summary

        print_summary(*open_with_universe(settings.store), form, everything=everything)


def ingest(  # noqa: PLR0913
    *,
    source: Source = None,
    path: SourcePath = None,
    store: StoreOption = None,
    as_of: DayOption = None,
    target: Target = None,
    iv: Iv = None,
    switch_target: SwitchTarget = False,
    verbose: Verbose = False,
) -> None:
    """Fetch into raw tables, validate, and write curated rows."""
    settings = read_settings(source=source, source_path=path, store=store, as_of=as_of)
    universe = _checked(settings, [target] if target else [], target, iv, switch_target)
    with _begun("volcast ingest", settings.store, verbose=verbose) as begun:
        begun.values = _inputs(settings, universe, switch_target)
        begun.steps(PREPARE[:2])


def features(store: StoreOption = None, as_of: DayOption = None, verbose: Verbose = False) -> None:
    """Compute features_daily and labels_daily from curated rows, and audit the features."""
    with _session("volcast features", store, as_of, verbose=verbose) as begun:
        begun.steps(PREPARE[2:])


def train(
    *, store: StoreOption = None, as_of: DayOption = None, everything: All = False,
    verbose: Verbose = False, as_json: AsJson = False, as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """Train, judge and, if the gate lets it pass, promote; exit code 30 if refused."""
    from volcast.cli.summary import print_skill
    from volcast.registry.run_files import Metrics
    from volcast.training.gate import refusal

    form = form_of(as_json, as_csv)
    with _session("volcast train", store, as_of, form, verbose) as begun:
        begun.steps(TRAIN)
        run_id = begun.values["run_id"]
        key = f"runs/{run_id}/metrics.json"
        metrics = Metrics.from_bytes(open_store(begun.store).objects.get(key), key)
        print_skill(metrics.of_all_sessions, form, everything=everything)
        if not begun.values["passed"]:
            raise refusal(open_store(begun.store), run_id)


def infer(
    *, store: StoreOption = None, as_of: DayOption = None, verbose: Verbose = False,
    as_json: AsJson = False, as_csv: AsCsv = False,
) -> None:  # fmt: skip
    """Fill the online store, forecast from the session's features, audit and publish."""
    import pyarrow.parquet as pq

    from volcast.cli.summary import print_forecast

    form = form_of(as_json, as_csv)
    with _session("volcast infer", store, as_of, form, verbose) as begun:
        begun.steps(FORECAST)
        print_forecast(pq.read_table(begun.folder / "staged.parquet").to_pylist()[0], form)


def drift(
    *, store: StoreOption = None, as_of: DayOption = None, verbose: Verbose = False,
    as_json: AsJson = False, as_csv: AsCsv = False,
    install: Annotated[
        bool, typer.Option("--install", help="Install what the check needs, once, and end.")
    ] = False,
) -> None:  # fmt: skip
    """Compare the newest sessions with the champion's training rows."""
    from volcast.cli.summary import print_drift

    if install:
        from volcast.monitoring.drift.install import install as install_drift

        print_line(f"The drift check runs with {install_drift()}")
        return
    form = form_of(as_json, as_csv)
    with _session("volcast drift", store, as_of, form, verbose) as begun:
        begun.steps(["drift"])
        target = Universe.model_validate_json(begun.values["universe"]).target
        day = date.fromisoformat(begun.values["as_of"])
        print_drift(open_store(begun.store), target, day, form)


@contextmanager
def _begun(
    title: str, store: str, folder: Path | None = None, form: Form = "text", verbose: bool = False
) -> "Iterator[Run]":
    """Show the steps of a run as they go; next to a document for a program on standard error."""
    from volcast.steps.progress import StepProgress
    from volcast.steps.runner import Run

    progress = StepProgress(console if form == "text" else Console(stderr=True), verbose=verbose)
    with TemporaryDirectory(prefix="volcast-") as scratch, progress.pipeline(title):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        yield Run(store, folder or Path(scratch), progress.event, progress.progress)


@contextmanager
def _session(
    title: str, store: str | None, as_of: date | None, form: Form = "text", verbose: bool = False
) -> "Iterator[Run]":
    opened, universe, session = open_session(store, as_of)
    with _begun(title, opened.uri, None, form, verbose) as begun:
        begun.values = {
            "as_of": str(session), "universe": universe.model_dump_json(), "training": True,
        }  # fmt: skip
        yield begun


def _single(symbols: list[str] | None) -> str | None:
    """Return the symbol to forecast, if one is named."""
    if symbols and len(symbols) > 1:
        raise ConfigError(
            found=f"{len(symbols)} symbols", expected="one to forecast", where="command line",
            remedy="A store forecasts one symbol. To compare several: `volcast run --pipeline "
            f"evaluate {' '.join(symbols)}` or `make evaluate SYMBOLS={','.join(symbols)}`; "
            "`volcast evaluate --target SYMBOL` evaluates one in detail.",
        )  # fmt: skip
    return symbols[0] if symbols else None


def _checked(
    settings: Settings, symbols: Sequence[str], target: str | None, iv: str | None,
    switch_target: bool,
) -> Universe:  # fmt: skip
    """Return the universe of a run; what would be refused later is refused before it begins."""
    preflight.check(settings, symbols)
    from volcast.data.guards import require_ingestible
    from volcast.data.sources import open_source
    from volcast.store.universe import universe_of

    store = open_store(settings.store)
    universe = with_symbols(universe_of(store, settings), target, iv)
    require_ingestible(
        store, open_source(settings), universe, as_of=settings.as_of,
        also=[] if target else symbols, switch_target=switch_target,
    )  # fmt: skip
    preflight.check_source(settings, [universe.target])
    return universe


def _has_champion(store: str, target: str) -> bool:
    from volcast.registry import champion_pointer

    return champion_pointer(open_store(store), target) is not None


def _inputs(settings: Settings, universe: Universe, switch_target: bool) -> dict[str, Any]:
    return {
        "source": settings.source,
        "source_path": str(settings.source_path or ""),
        "as_of": str(settings.as_of or ""),
        "universe": universe.model_dump_json(),
        "also": [],
        "switch_target": switch_target,
    }


def _names(steps: str, folder: Path | None) -> list[str]:
    names = [name.strip() for name in steps.split(",")]
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        raise ConfigError(
            found=", ".join(unknown), expected=f"of {', '.join(STEPS)}", where="--steps",
            remedy="Name steps of the table, separated by commas.",
        )  # fmt: skip
    if names[0] != "ingest" and folder is None:
        raise ConfigError(
            found="no --folder", expected="that of the run to continue", where="--steps",
            remedy="Start with ingest, or name the folder of a run that did.",
        )  # fmt: skip
    return names
