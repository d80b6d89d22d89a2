"""How Kubeflow treats each step: its name on the page, its caching and its retries."""

from kfp import dsl

__all__ = ["DISPLAY_NAMES", "RETRIES", "treat"]

DISPLAY_NAMES = {
    "ingest": "Fetch rows",
    "validate": "Curate and validate",
    "features": "Compute features",
    "audit_features": "Check the features",
    "labels": "Compute labels",
    "train": "Train and evaluate",
    "evaluate": "Evaluate a symbol",
    "survey": "Compare the symbols",
    "gate": "Judge the candidate",
    "promote": "Register and promote",
    "shadow": "Take as challenger",
    "materialize": "Fill the online store",
    "infer": "Forecast",
    "audit_predictions": "Check the forecast",
    "publish": "Publish the forecast",
    "drift": "Look for drift",
    "score": "Score past forecasts",
    "retrain": "Decide on retraining",
    "record": "Record the outcome",
}
"""What each step does, in words."""

RETRIES = {"ingest": (3, "60s"), "publish": (2, "10s")}
"""Times and first wait, doubled each time, of the steps whose failure may pass by itself: the
outside world, and the last write. Kubeflow cannot tell one failure from another, so a step that
fails by its data gets none."""

_RUN_ID = {"name": "VOLCAST_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}
"""As ``kfp.kubernetes.use_field_path_as_env`` sets it; that is another package, for this line."""


def treat(step: str, task: dsl.PipelineTask) -> dsl.PipelineTask:
    """Return ``task`` set up as the step of that name.

    No step is cached: each reads a store whose content its arguments do not name, and each that
    finds its work done does nothing. Each is told the id of its run, which Kubeflow writes on
    its pod; a placeholder of the id reaches a step's arguments, but not its environment.
    """
    task.set_display_name(DISPLAY_NAMES[step])
    task.set_caching_options(enable_caching=False)
    task.platform_config["kubernetes"] = {"fieldPathAsEnv": [_RUN_ID]}
    if step in RETRIES:
        times, wait = RETRIES[step]
        task.set_retry(num_retries=times, backoff_duration=wait, backoff_factor=2.0)
    return task
