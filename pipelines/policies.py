"""How Kubeflow treats each step: its name on the page, its caching, its retries and its pod."""

from kfp import dsl

from pipelines.pods import RESOURCES, SHARES, pod

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


def treat(step: str, task: dsl.PipelineTask) -> dsl.PipelineTask:
    """Return ``task`` set up as the step of that name.

    No step is cached: each reads a store whose content its arguments do not name, and each that
    finds its work done does nothing. Each is told the id of its run, which Kubeflow writes on
    its pod; a placeholder of the id reaches a step's arguments, but not its environment. What
    its pod is given has no part in a run on this machine.
    """
    task.set_display_name(DISPLAY_NAMES[step])
    task.set_caching_options(enable_caching=False)
    task.platform_config["kubernetes"] = pod(step)
    cpu, cpu_limit, memory, memory_limit = SHARES[RESOURCES[step]]
    task.set_cpu_request(cpu).set_cpu_limit(cpu_limit)
    task.set_memory_request(memory).set_memory_limit(memory_limit)
    if step in RETRIES:
        times, wait = RETRIES[step]
        task.set_retry(num_retries=times, backoff_duration=wait, backoff_factor=2.0)
    return task
