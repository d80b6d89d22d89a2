"""The evaluation pipeline: the same recipe, walked forward on several symbols."""

from kfp import dsl

from components.evaluate.component import evaluate
from components.ingest.component import ingest
from components.record.component import record
from components.survey.component import survey
from components.validate.component import validate
from pipelines.policies import treat

__all__ = ["SYMBOLS", "evaluate_pipeline"]

SYMBOLS = ["SPY", "QQQ", "IWM"]


# A pipeline of its own, because kfp.local gives a loop's item to every input of the loop that is
# the output of a task; the parameters of a pipeline it leaves alone.
@dsl.pipeline(name="volcast-each-symbol")
def each_symbol(store: str, as_of: str, universe: str, symbols: list[str], ablation: bool) -> None:
    """Evaluate each symbol, and lay the evaluations side by side."""
    with dsl.ParallelFor(symbols, parallelism=2) as symbol:
        walked = treat(
            "evaluate",
            evaluate(store=store, as_of=as_of, universe=universe, target=symbol, ablation=ablation),
        )
    treat("survey", survey(store=store, symbols=dsl.Collected(walked.outputs["Output"])))


@dsl.pipeline(
    name="volcast-evaluate",
    description="Ingest, validate, then evaluate each symbol, and lay them side by side.",
)
def evaluate_pipeline(  # noqa: PLR0913, PLR0917
    store: str, source: str, source_path: str = "", as_of: str = "", universe: str = "",
    symbols: list[str] = SYMBOLS, ablation: bool = False,
) -> None:  # fmt: skip
    """Walk forward on each symbol up to ``as_of`` (empty: the last closed session).

    Parameters
    ----------
    store : str
        A local folder or ``s3://bucket/prefix``.
    source, source_path : str
        sample, csv, yfinance or synthetic; the folder of the csv source.
    as_of : str
        ISO date.
    universe : str
        JSON of `volcast.core.settings.Universe`; empty: of the source. Its implied vol, bond
        and credit stand beside every symbol.
    symbols : list of str
        Each takes the place of the universe's target in turn.
    ablation : bool
        Whether to walk again with and without groups of features, at seven times the cost.
    """
    ended = treat("record", record(store=store, job="volcast-evaluate"))
    with dsl.ExitHandler(ended, name="evaluate"):
        fetched = treat(
            "ingest",
            ingest(
                store=store, source=source, source_path=source_path, as_of=as_of, universe=universe,
                also=symbols,
            ),
        )  # fmt: skip
        settled = {"as_of": fetched.outputs["as_of"], "universe": fetched.outputs["universe"]}
        validated = treat("validate", validate(store=store, **settled))
        each_symbol(store=store, symbols=symbols, ablation=ablation, **settled).after(validated)
