"""Every step by name: its function, image, role, share of a node, retries, inputs and outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = [
    "FORECAST",
    "IMAGES",
    "JOBS",
    "PIPELINES",
    "PREPARE",
    "ROLES",
    "STEPS",
    "TASKS",
    "TRAIN",
    "WATCH",
    "Share",
    "Step",
]

Share = Literal["light", "medium", "heavy"]


@dataclass(frozen=True)
class Step:
    """One step of a pipeline.

    Parameters
    ----------
    title : str
        For a person.
    function : str
        Module of `volcast.steps` and function, which takes the store, ``inputs`` and ``files``.
    image, role, share : str
        The image that installs what it imports; the cloud account's role, whose steps read and
        write the same tables; the share of a node that its pod requests.
    retries, wait_seconds : int
        How often a pod runs it again after an error that may pass (``retryable``), and after what
        wait, doubled each time.
    inputs, outputs, files : tuple of str
        Values of the run by name; of the files, ``staged`` is shared and others are its own.
    when : dict of bool
        Values of the run without which it is skipped.
    counts : bool
        Whether it takes long, and counts what it has done.
    settings, secret : tuple of str
        Its own environment: keys of the ConfigMap ``volcast-settings``, each also the variable's
        name; a Secret's name, key and variable.
    """

    title: str
    function: str
    image: str
    role: str
    share: Share = "light"
    retries: int = 2
    wait_seconds: int = 10
    inputs: tuple[str, ...] = ("as_of", "universe")
    outputs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    when: Mapping[str, bool] = field(default_factory=dict)
    counts: bool = False
    settings: tuple[str, ...] = ()
    secret: tuple[str, str, str] | None = None

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Return whether the values of a run are those without which it is skipped."""
        return all(values.get(name) is value for name, value in self.when.items())


_TRAINING = {"training": True}

STEPS = {
    "ingest": Step(
        "Fetch rows", "data:ingest", "data", "ingest", retries=3, wait_seconds=60,
        inputs=("source", "source_path", "as_of", "universe", "also", "switch_target"),
        outputs=("as_of", "universe"),
        secret=("volcast-sources", "fred_api_key", "VOLCAST_FRED_API_KEY"),
    ),
    "validate": Step(
        "Curate and validate", "data:validate", "data", "curate", "medium", files=("checks",)
    ),
    "features": Step("Compute features", "data:features", "data", "features", "medium"),
    "audit_features": Step(
        "Check the features", "data:audit_features", "data", "curate", files=("checks",)
    ),
    "labels": Step("Compute labels", "data:labels", "data", "features"),
    "train": Step(
        "Train and evaluate", "model:train", "model", "train", "heavy",
        outputs=("run_id",), files=("report",), when=_TRAINING, counts=True,
    ),
    "gate": Step(
        "Judge the candidate", "model:gate", "model", "train",
        inputs=("run_id",), outputs=("passed",), when=_TRAINING,
    ),
    "promote": Step(
        "Register and promote", "model:promote", "model", "promote",
        inputs=("run_id",), outputs=("champion",), when=_TRAINING | {"passed": True},
        settings=("VOLCAST_MLFLOW_URI",),
    ),
    "shadow": Step(
        "Take as challenger", "model:shadow", "model", "promote",
        inputs=("run_id",), outputs=("challenger",), when=_TRAINING | {"passed": False},
        settings=("VOLCAST_MLFLOW_URI",),
    ),
    "materialize": Step(
        "Fill the online store", "data:materialize", "data", "materialize",
        # The address may hold a password.
        secret=("volcast-online", "url", "VOLCAST_ONLINE_STORE"),
    ),
    "infer": Step("Forecast", "model:infer", "model", "infer", files=("staged",)),
    "audit_predictions": Step(
        "Check the forecast", "data:audit_predictions", "data", "curate",
        files=("staged", "checks"),
    ),
    "publish": Step(
        "Publish the forecast", "model:publish", "model", "infer",
        inputs=(), files=("staged",),
    ),
    "score": Step("Score past forecasts", "model:score", "model", "watch"),
    "drift": Step("Look for drift", "drift:drift", "drift", "drift", "medium", outputs=("drift",)),
    "retrain": Step(
        "Decide on retraining", "model:retrain", "model", "watch", outputs=("training",)
    ),
    "evaluate": Step(
        "Evaluate a symbol", "model:evaluate", "model", "train", "heavy",
        inputs=("as_of", "universe", "target", "ablation"), files=("report",), counts=True,
    ),
    "survey": Step(
        "Compare the symbols", "model:survey", "model", "train",
        inputs=("symbols",), files=("report",),
    ),
    "record": Step(
        "Record the outcome", "model:record", "model", "watch", inputs=("job", "state", "message")
    ),
}  # fmt: skip
"""Every step by name.

Shares: on SPY since 1993 training needed 592 MiB, the drift check 661, validation 422 and no other
step more than 400.
"""

PREPARE = ("ingest", "validate", "features", "labels", "audit_features")
TRAIN = ("train", "gate", "promote", "shadow")
FORECAST = ("materialize", "infer", "audit_predictions", "publish")
WATCH = ("score", "drift", "retrain")

PIPELINES = {
    "train": (*PREPARE, *TRAIN),
    "daily": (*PREPARE, *FORECAST, *WATCH, *TRAIN),
    "day": (*PREPARE, *TRAIN, *FORECAST, *WATCH, *TRAIN),
    "evaluate": ("ingest", "validate", "evaluate", "survey"),
}
"""Steps in order; ``record`` ends each of them. ``day`` trains first where no champion exists."""

JOBS = {
    "train": "volcast-train",
    "daily": "volcast-daily-inference",
    "day": "volcast-daily-inference",
    "evaluate": "volcast-evaluate",
}
"""Name in monitoring.jobs by pipeline."""

_JOINED = {
    "features_and_labels": ("features", "labels"),
    "train_and_gate": ("train", "gate"),
    "promote_or_shadow": ("promote", "shadow"),
}

TASKS: dict[str, tuple[str, ...]] = _JOINED | {
    name: (name,) for name in STEPS if not any(name in steps for steps in _JOINED.values())
}
"""Steps that a pod runs in turn, by name of the task.

Those of one task have the same image, role, secret and settings (docs/adr/0034).
"""

IMAGES = {name: step.image for name, step in STEPS.items()}
ROLES = {name: step.role for name, step in STEPS.items()}
