"""The training pipeline: fetched rows to a judged, perhaps promoted, model."""

from kfp import dsl

from components.audit_features.component import audit_features
from components.features.component import features
from components.gate.component import gate
from components.ingest.component import ingest
from components.labels.component import labels
from components.promote.component import promote
from components.record.component import record
from components.shadow.component import shadow
from components.train.component import train
from components.validate.component import validate
from pipelines.policies import treat

__all__ = ["train_and_judge", "train_pipeline"]


@dsl.pipeline(
    name="volcast-train-and-judge",
    description="Train and evaluate, gate, promote or shadow.",
)
def train_and_judge(store: str, as_of: str, universe: str) -> None:
    """Train on labelled features that are in the store, and let the gate judge.

    Parameters
    ----------
    store : str
        A local folder or ``s3://bucket/prefix``.
    as_of : str
        ISO date.
    universe : str
        JSON of `volcast.core.settings.Universe`.
    """
    trained = treat("train", train(store=store, as_of=as_of, universe=universe))
    run_id = trained.outputs["Output"]
    judged = treat("gate", gate(store=store, run_id=run_id))
    # One bool from a step of one output: kfp.local skips a condition on a named output silently.
    with dsl.If(judged.output == True, name="passed"):  # noqa: E712
        treat("promote", promote(store=store, run_id=run_id))
    with dsl.Else(name="refused"):
        treat("shadow", shadow(store=store, run_id=run_id))


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
    ended = treat("record", record(store=store, job="volcast-train"))
    with dsl.ExitHandler(ended, name="train"):
        fetched = treat(
            "ingest",
            ingest(
                store=store, source=source, source_path=source_path, as_of=as_of, universe=universe
            ),
        )
        settled = {"as_of": fetched.outputs["as_of"], "universe": fetched.outputs["universe"]}
        validated = treat("validate", validate(store=store, **settled))
        computed = treat("features", features(store=store, **settled)).after(validated)
        sound = treat("audit_features", audit_features(store=store, **settled)).after(computed)
        labelled = treat("labels", labels(store=store, **settled)).after(sound)
        train_and_judge(store=store, **settled).after(labelled)
