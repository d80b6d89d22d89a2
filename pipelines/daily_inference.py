"""The daily pipeline: fetched rows to a published forecast."""

from kfp import dsl

from components.audit_features.component import audit_features
from components.audit_predictions.component import audit_predictions
from components.features.component import features
from components.infer.component import infer
from components.ingest.component import ingest
from components.materialize.component import materialize
from components.publish.component import publish
from components.validate.component import validate
from pipelines.policies import treat

__all__ = ["daily_inference_pipeline"]


@dsl.pipeline(
    name="volcast-daily-inference",
    description="Ingest, validate, features, materialize, infer, publish.",
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
        JSON of `volcast.config.Universe`; empty: the source's own.
    """
    fetched = treat(
        "ingest",
        ingest(store=store, source=source, source_path=source_path, as_of=as_of, universe=universe),
    )
    settled = {"as_of": fetched.outputs["as_of"], "universe": fetched.outputs["universe"]}
    validated = treat("validate", validate(store=store, **settled))
    computed = treat("features", features(store=store, **settled)).after(validated)
    sound = treat("audit_features", audit_features(store=store, **settled)).after(computed)
    filled = treat("materialize", materialize(store=store, **settled)).after(sound)
    forecast = treat("infer", infer(store=store, **settled)).after(filled)
    staged = forecast.outputs["staged"]
    checked = treat("audit_predictions", audit_predictions(store=store, staged=staged, **settled))
    treat("publish", publish(store=store, staged=staged)).after(checked)
