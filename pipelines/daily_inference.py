"""The daily pipeline: fetched rows to a published forecast, and the watch over its record."""

from kfp import dsl

from components.audit_features.component import audit_features
from components.audit_predictions.component import audit_predictions
from components.drift.component import drift
from components.features.component import features
from components.infer.component import infer
from components.ingest.component import ingest
from components.labels.component import labels
from components.materialize.component import materialize
from components.publish.component import publish
from components.record.component import record
from components.retrain.component import retrain
from components.score.component import score
from components.validate.component import validate
from pipelines.policies import treat
from pipelines.train import train_and_judge

__all__ = ["daily_inference_pipeline"]


@dsl.pipeline(
    name="volcast-daily-inference",
    description="Ingest, validate, features, materialize, infer, publish; then labels, score, "
    "drift, and retrain if needed.",
)
def daily_inference_pipeline(
    store: str, source: str, source_path: str = "", as_of: str = "", universe: str = ""
) -> None:
    """Forecast from the close of ``as_of`` (empty: the last closed session) with the champion.

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
    ended = treat("record", record(store=store, job="volcast-daily-inference"))
    with dsl.ExitHandler(ended, name="daily"):
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
        filled = treat("materialize", materialize(store=store, **settled)).after(sound)
        forecast = treat("infer", infer(store=store, **settled)).after(filled)
        staged = forecast.outputs["staged"]
        checked = treat(
            "audit_predictions", audit_predictions(store=store, staged=staged, **settled)
        )
        published = treat("publish", publish(store=store, staged=staged)).after(checked)
        # What follows watches the forecast, which stands whatever becomes of the rest.
        labelled = treat("labels", labels(store=store, **settled)).after(published)
        scored = treat("score", score(store=store, **settled)).after(labelled)
        drifted = treat("drift", drift(store=store, **settled)).after(labelled)
        decided = treat("retrain", retrain(store=store, **settled)).after(scored, drifted)
        # One bool from a step of one output: kfp.local skips a condition on a named output.
        with dsl.If(decided.output == True, name="retrain"):  # noqa: E712
            train_and_judge(store=store, **settled)
