"""The pipelines as Kubeflow runs them: each step after those that it depends on."""

from kfp import dsl

from components import COMPONENTS
from pipelines.pods import pod, resources
from volcast.steps.table import STEPS, TASKS

__all__ = ["SYMBOLS", "daily_pipeline", "evaluate_pipeline", "train_pipeline"]

SYMBOLS = ["SPY", "QQQ", "IWM"]


def _task(name: str, **arguments: object) -> dsl.PipelineTask:
    """Return a task with its name, resources and pod settings.

    None is cached: each reads a store whose content its arguments do not name, and each that
    finds its work done does nothing.
    """
    task = COMPONENTS[name](**arguments)
    task.set_display_name(" / ".join(STEPS[step].title for step in TASKS[name]))
    task.set_caching_options(enable_caching=False)
    task.platform_config["kubernetes"] = pod(name)
    cpu, cpu_limit, memory, memory_limit = resources(name)
    task.set_cpu_request(cpu).set_cpu_limit(cpu_limit)
    task.set_memory_request(memory).set_memory_limit(memory_limit)
    return task


def _ingested(**arguments: object) -> tuple[dsl.PipelineTask, dict[str, object]]:
    """Return the task that validates what was ingested, and the arguments of all that follow."""
    fetched = _task("ingest", **arguments)
    settled = {"store": arguments["store"], **fetched.outputs}
    return _task("validate", **settled).after(fetched), settled


def _computed(
    **arguments: object,
) -> tuple[dsl.PipelineTask, dsl.PipelineTask, dict[str, object]]:
    """Return the tasks that compute features and labels and that audit them, and the arguments."""
    validated, settled = _ingested(**arguments)
    computed = _task("features_and_labels", **settled).after(validated)
    return computed, _task("audit_features", **settled).after(computed), settled


def _train_and_judge(*after: dsl.PipelineTask, **settled: object) -> None:
    """Train on labelled features that are in the store, and let the gate judge."""
    outputs = _task("train_and_gate", **settled).after(*after).outputs
    judged = {name: outputs[name] for name in ("run_id", "passed")}
    _task("promote_or_shadow", store=settled["store"], **judged)


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
        _, audited, settled = _computed(
            store=store, source=source, source_path=source_path, as_of=as_of, universe=universe
        )
        _train_and_judge(audited, **settled)


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
        computed, audited, settled = _computed(
            store=store, source=source, source_path=source_path, as_of=as_of, universe=universe
        )
        # The forecast is published whatever becomes of the online store.
        _task("materialize", **settled).after(audited)
        staged = _task("infer", **settled).after(computed).outputs["staged"]
        # Both audits write one table, one after the other.
        checked = _task("audit_predictions", staged=staged, **settled).after(audited)
        published = _task("publish", store=store, staged=staged).after(checked)
        # The published forecast stays, whatever becomes of the rest.
        scored = _task("score", **settled).after(published)
        drifted = _task("drift", **settled).after(published)
        decided = _task("retrain", **settled).after(scored, drifted)
        # One bool of one output: kfp.local skips a condition on a named output silently.
        with dsl.If(decided.output == True, name="retrain"):  # noqa: E712
            _train_and_judge(**settled)


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
        validated, settled = _ingested(
            store=store, source=source, source_path=source_path, as_of=as_of, universe=universe,
            also=symbols,
        )  # fmt: skip
        each_symbol(symbols=symbols, ablation=ablation, **settled).after(validated)
