"""The steps from the source's rows to a published forecast, each timed."""

import subprocess
import sys
from datetime import UTC, datetime
from functools import partial

import numpy as np

from bench.stopwatch import Stopwatch
from feature_repo.historical import training_frame
from volcast import registry
from volcast.core.settings import read_settings
from volcast.data.ingest import ingest
from volcast.data.sources import open_source
from volcast.data.validate import validate
from volcast.features import build as features
from volcast.features import labels
from volcast.inference.forecast import infer
from volcast.inference.publish import publish
from volcast.store import Store
from volcast.training import gate
from volcast.training.train import train

__all__ = ["measure"]

_REPEATS = 200


def measure(folder: str, timed: Stopwatch) -> None:
    """Take the sample from its source to a published forecast, in a fresh store in ``folder``."""
    settings = read_settings(source="sample", store=folder)
    store, universe, now = Store.open(folder), settings.resolved_universe, datetime.now(UTC)
    with timed("ingest"):
        as_of = ingest(store, open_source(settings), universe, now=now, as_of=None).as_of
    with timed("validate"):
        validate(store, universe, as_of)
    with timed("features"):
        features.build(store, universe, as_of)
    with timed("labels"):
        labels.build(store, universe, as_of)
    with timed("training set through Feast"):
        frame = training_frame(folder, universe.target, as_of)
    with timed("train and evaluate"):
        run = train(store, universe, as_of, frame)
    with timed("gate"):
        gate.evaluate_candidate(store, run.run_id, partial(training_frame, folder))
    with timed("register and promote"):
        version = registry.register(store, run.run_id)
        registry.promote(store, version.version, who="bench", why="bench", when=now)
    with timed("infer and publish"):
        publish(store, infer(store, universe, as_of))
    other = registry.register(store, train(store, universe, as_of, frame, seed=8).run_id)
    registry.promote(store, other.version, who="bench", why="bench", when=now)
    with timed("roll back, as a command"):
        _volcast("registry", "rollback", "--why", "bench", "--who", "bench", "--store", folder)
    with timed("load the champion"):
        forecaster = registry.champion(store, universe.target).forecaster
    x = np.asarray(forecaster.golden["inputs"][:1], dtype=float)
    with timed("forecast one row", _REPEATS):
        for _ in range(_REPEATS):
            forecaster.forecast(x)
    with timed("explain one row", _REPEATS):
        for _ in range(_REPEATS):
            forecaster.explain(x)


def _volcast(*arguments: str) -> None:
    """Run the command line in a process of its own, as a person would."""
    command = [sys.executable, "-c", "from volcast.cli import main; main()", *arguments]
    subprocess.run(command, check=True, capture_output=True)
