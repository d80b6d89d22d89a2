"""The steps of the image ``model``: training, the gate, the registry, forecasts and the watch."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from volcast import registry
from volcast.core.applications import load
from volcast.core.logs import run_id as current_run
from volcast.core.settings import Universe, read_settings
from volcast.evaluation.walkforward import Progress
from volcast.inference import forecast
from volcast.inference import publish as publishing
from volcast.monitoring import jobs
from volcast.monitoring import retrain as retraining
from volcast.monitoring import score as scoring
from volcast.registry.run_files import read_decision
from volcast.steps.calls import Result, counts
from volcast.steps.table import JOBS, PIPELINES, STEPS
from volcast.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from volcast.training.champion_forecasts import FeatureReader

__all__ = [
    "evaluate",
    "gate",
    "infer",
    "promote",
    "publish",
    "record",
    "retrain",
    "score",
    "shadow",
    "survey",
    "train",
]

_WHO = "train pipeline"


def train(
    store: Store, as_of: date, universe: Universe, report: Path | None = None,
    progress: Progress | None = None,
) -> Result:  # fmt: skip
    """Train a candidate on the features that Feast returns, and evaluate it walk-forward."""
    from volcast.evaluation.words import leading
    from volcast.training.train import train as train_candidate

    features = _read_features(store)(universe.target, as_of)
    candidate = train_candidate(
        store, universe, as_of, features, seed=read_settings().seed, progress=progress
    )
    _copy(store, f"{candidate.folder}report.html", report)
    skill = leading(candidate.metrics.of_all_sessions)
    return Result(
        {"run_id": candidate.run_id[:12], "reused": candidate.reused},
        (candidate.run_id,),
        {f"qlike_{line.name}": line.qlike for line in skill.lines},
    )


def gate(store: Store, run_id: str) -> Result:
    """Evaluate a candidate by its walk-forward forecasts; a refusal is no failure."""
    from volcast.training.gate import evaluate_candidate

    decision = evaluate_candidate(store, run_id, _read_features(store))
    facts = {"passed": decision.passed, "kind": decision.kind, "reasons": list(decision.reasons)}
    return Result(facts, (decision.passed,))


def promote(store: Store, run_id: str) -> Result:
    """Register a run that passed the gate and make it champion."""
    decision = read_decision(store, run_id)
    rules = f": {decision.kind}" if decision else ""
    version = registry.register(store, run_id)
    why = f"run {run_id[:12]} passed the gate{rules}"
    registry.promote(store, version.version, who=_WHO, why=why, when=datetime.now(UTC))
    return Result({"version": version.version}, (version.version,))


def shadow(store: Store, run_id: str) -> Result:
    """Let a new recipe that the gate refused for lack of evidence forecast as challenger."""
    from volcast.training.gate import take_as_challenger

    read, now = _read_features(store), datetime.now(UTC)
    version = take_as_challenger(store, run_id, read, who=_WHO, when=now)
    number = "" if version is None else version.version
    return Result({"challenger": number or "none"}, (number,))


def infer(store: Store, as_of: date, universe: Universe, staged: Path) -> Result:
    """Stage the forecasts of champion and challenger; one that fails as challenger is left out."""
    rows = forecast.infer(store, universe, as_of)
    challenger = forecast.shadow(store, universe, as_of, as_of)
    pq.write_table(pa.concat_tables([rows, challenger.rows]), staged)
    return Result({"rows": len(rows), "challenger": challenger.summary or "none"})


def publish(store: Store, staged: Path) -> Result:
    """Write the staged rows to predictions_daily; the same rows again change nothing."""
    return counts(publishing.publish(store, pq.read_table(staged)))


def score(store: Store, as_of: date, universe: Universe) -> Result:
    """Write monitoring.realized_error and monitoring.performance for ``as_of``."""
    report = scoring.score(store, universe, as_of)
    state = scoring.performance(store, universe, as_of)["state"]
    return Result({"scored": report.added, "state": state})


def retrain(store: Store, as_of: date, universe: Universe) -> Result:
    """Decide whether this session starts training; the decision on it never changes."""
    decision = retraining.decide(store, universe, as_of)
    return Result({"train": decision.train, "reason": decision.reason}, (decision.train,))


def evaluate(  # noqa: PLR0913, PLR0917
    store: Store, as_of: date, universe: Universe, target: str, ablation: bool = False,
    report: Path | None = None, progress: Progress | None = None,
) -> Result:  # fmt: skip
    """Walk forward on one symbol and store the evaluation under ``evaluations/<symbol>/``."""
    from volcast.evaluation.symbols import evaluate_symbol

    chosen = universe.model_copy(update={"target": target})
    skill = evaluate_symbol(
        store, chosen, as_of, seed=read_settings().seed, ablation=ablation, progress=progress
    )
    _copy(store, f"evaluations/{target}/report.html", report)
    saved = f"{skill.line('har_rv').gain:.1%}"
    return Result(
        {"symbol": target, "sessions": skill.rows, "saved": saved},
        metrics={f"qlike_{line.name}": line.qlike for line in skill.lines},
    )


def survey(store: Store, symbols: Sequence[str], report: Path | None = None) -> Result:
    """Write one page with the evaluations of several symbols."""
    from volcast.evaluation.symbols import compare_symbols

    page = "evaluations/survey.html"
    skills = compare_symbols(store, symbols)
    _copy(store, page, report)
    saved = {f"saved_of_har_rv_{name}": one.line("har_rv").gain for name, one in skills.items()}
    facts = {"symbols": " ".join(symbols), "page": f"{store.uri}/{page}"}
    return Result(facts, metrics=saved)


def record(store: Store, job: str, state: str, message: str = "") -> Result:
    """Write the run's row of monitoring.jobs."""
    pipeline = next(name for name, of in JOBS.items() if of == job)
    steps = {name: STEPS[name].when for name in PIPELINES[pipeline]}
    now, run_id = datetime.now(UTC), current_run()
    row = jobs.record(store, job, run_id, now, steps=steps, state=state, message=message)
    return Result({"outcome": row["outcome"]})


def _read_features(store: Store) -> "FeatureReader":
    """Return what reads a symbol's features through Feast, for training and the gate alike."""

    def read(symbol: str, as_of: date) -> "pd.DataFrame":
        frame: pd.DataFrame = load("feature_repo.historical").training_frame(
            store.uri, symbol, as_of
        )
        return frame

    return read


def _copy(store: Store, key: str, file: Path | None) -> None:
    if file is not None:
        file.write_bytes(store.objects.get(key))
