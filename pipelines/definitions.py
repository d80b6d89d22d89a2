"""The pipelines as Kubeflow runs them: the components in the order of the table of steps."""

from kfp import dsl

from components import COMPONENTS
from pipelines.pods import pod, resources
from volcast.steps.table import FORECAST, PREPARE, STEPS

__all__ = ["SYMBOLS", "daily_pipeline", "evaluate_pipeline", "train_pipeline"]

SYMBOLS = ["SPY", "QQQ", "IWM"]


def _task(step: str, **arguments: object) -> dsl.PipelineTask:
    """Return a task of a step with its name, resources and pod settings.

    No step is cached: each reads a store whose content its arguments do not name, and each that
    finds its work done does nothing.
    """
    described = STEPS[step]
    task = COMPONENTS[step](**arguments)
    task.set_display_name(described.title)
    task.set_caching_options(enable_caching=False)
    task.platform_config["kubernetes"] = pod(step)
    cpu, cpu_limit, memory, memory_limit = resources(step)
    task.set_cpu_request(cpu).set_cpu_limit(cpu_limit)
    task.set_memory_request(memory).set_memory_limit(memory_limit)
    return task


def _chain(
    steps: tuple[str, ...], after: dsl.PipelineTask, **arguments: object
) -> dict[str, dsl.PipelineTask]:
    """Return the tasks of steps, each after the one before it."""
    tasks = {}
    for step in steps:
        after = tasks[step] = _task(step, **arguments).after(after)
    return tasks


def _ingested(**arguments: object) -> tuple[dsl.PipelineTask, dict[str, object]]:
    """Return the ingest task and the arguments of all that follow."""
    task = _task("ingest", **arguments)
    return task, {"store": arguments["store"], **task.outputs}


@dsl.pipeline(
    name="volcast-train-and-judge", description="Train and evaluate, gate, promote or shadow."
)
def train_and_judge(store: str, as_of: str, universe: str) -> None:
    """Train on labelled features that are in the store, and let the gate judge."""
    run_id = _task("train", store=store, as_of=as_of, universe=universe).outputs["Output"]
    judged = _task("gate", store=store, run_id=run_id)
    # One bool from a step of one output: kfp.local skips a condition on a named output silently.
    with dsl.If(judged.output == True, name="passed"):  # noqa: E712
        _task("promote", store=store, run_id=run_id)
    with dsl.Else(name="refused"):
        _task("shadow", store=store, run_id=run_id)


@dsl.pipeline(
    name="volcast-train",
    description="Ingest, validate, features, labels, train and evaluate, gate, promote or shadow.",
)
def train_pipeline(
    store: str, source: str, source_path: str = "", as_of: str = "", universe: str = ""
) -> None:
    """Train on the sessions up to ``as_of`` (empty: the last closed one) and let the gate judge.

    Parameters
    ----------
    store : str
        A local folder or ``s3://bucket/prefix``.
    source, source_path : str
        sample, csv, yfinance or synthetic; the folder of the csv source.
    as_of : str
        ISO date.
    universe : str
        JSON of `volcast.core.settings.Universe`; empty: the source's own.
    """
    with dsl.ExitHandler(_task("record", store=store, job="volcast-train"), name="train"):
        fetched, settled = _ingested(
            store=store, source=source, source_path=source_path, as_of=as_of, universe=universe
        )
        prepared = _chain(PREPARE[1:], fetched, **settled)
        train_and_judge(**settled).after(prepared["labels"])


@dsl.pipeline(
    name="volcast-daily-inference",
    description="Ingest, validate, features, labels, materialize, infer, publish; then score, "
    "drift, and retrain if needed.",
)
def daily_pipeline(
    store: str, source: str, source_path: str = "", as_of: str = "", universe: str = ""
) -> None:
    """Forecast from the close of ``as_of`` (empty: the last closed session) with the champion.

    Parameters
    ----------
    store, source, source_path, as_of, universe : str
        As for the training pipeline.
    """
    ended = _task("record", store=store, job="volcast-daily-inference")
    with dsl.ExitHandler(ended, name="daily"):
        fetched, settled = _ingested(
            store=store, source=source, source_path=source_path, as_of=as_of, universe=universe
        )
        prepared = _chain(PREPARE[1:], fetched, **settled)
        forecast = _chain(FORECAST[:2], prepared["labels"], **settled)
        staged = forecast["infer"].outputs["staged"]
        checked = _task("audit_predictions", staged=staged, **settled)
        published = _task("publish", store=store, staged=staged).after(checked)
        # The published forecast stays, whatever becomes of the rest.
        scored = _task("score", **settled).after(published)
        drifted = _task("drift", **settled).after(published)
        decided = _task("retrain", **settled).after(scored, drifted)
        with dsl.If(decided.output == True, name="retrain"):  # noqa: E712
            train_and_judge(**settled)


# A pipeline of its own, because kfp.local passes a loop's item to every input of the loop that is
# the output of a task; the parameters of a pipeline it leaves alone.
@dsl.pipeline(name="volcast-each-symbol")
def each_symbol(store: str, as_of: str, universe: str, symbols: list[str], ablation: bool) -> None:
    """Evaluate each symbol, and compare the evaluations on one page."""
    settled = {"store": store, "as_of": as_of, "universe": universe}
    with dsl.ParallelFor(symbols, parallelism=2) as symbol:
        walked = _task("evaluate", target=symbol, ablation=ablation, **settled)
    _task("survey", store=store, symbols=dsl.Collected(walked.outputs["Output"]))


@dsl.pipeline(
    name="volcast-evaluate",
    description="Ingest, validate, evaluate each symbol, and compare them on one page.",
)
def evaluate_pipeline(  # noqa: PLR0913, PLR0917
    store: str, source: str, source_path: str = "", as_of: str = "", universe: str = "",
    symbols: list[str] = SYMBOLS, ablation: bool = False,
) -> None:  # fmt: skip
    """Walk forward on each symbol up to ``as_of`` (empty: the last closed session).

    Parameters
    ----------
    store, source, source_path, as_of, universe : str
        As for the training pipeline; the universe's implied vol, bond and credit serve every
        symbol.
    symbols : list of str
        Each takes the place of the universe's target in turn.
    ablation : bool
        Whether to walk again with and without groups of features, at seven times the cost.
    """
    with dsl.ExitHandler(_task("record", store=store, job="volcast-evaluate"), name="evaluate"):
        fetched, settled = _ingested(
            store=store, source=source, source_path=source_path, as_of=as_of, universe=universe,
            also=symbols,
        )  # fmt: skip
        validated = _task("validate", **settled).after(fetched)
        each_symbol(symbols=symbols, ablation=ablation, **settled).after(validated)
