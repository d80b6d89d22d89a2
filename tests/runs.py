"""Finished training runs, small but real, for tests of the registry and the gate."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.evaluation.rows import evaluation_bytes
from volcast.evaluation.table import Skill, SkillTable
from volcast.models.baselines import fit_baselines
from volcast.models.blend import fit_blend
from volcast.models.forecaster import Forecaster
from volcast.models.intervals import BOUNDS
from volcast.models.recipe import RECIPES
from volcast.registry.run_files import Metrics
from volcast.store import Store

AUDIT = {"who": "ana", "why": "better", "when": datetime(2020, 1, 2, 22, tzinfo=UTC)}


@cache
def model_files() -> Mapping[str, bytes]:
    """Files of a forecaster fitted on 400 made-up rows."""
    recipe, rng = RECIPES["blend-range"], np.random.default_rng(3)
    rows = pd.DataFrame({name: rng.normal(-4, 0.5, 400) for name in recipe.features})
    rows = rows.assign(rv_1=0.1, rv_5=rng.uniform(0.1, 0.3, 400), rv_22=0.2, ewma94=0.2)
    rows = rows.assign(vix=np.nan, variance=rng.uniform(0.01, 0.09, 400))
    offsets = {name: share - 0.5 for name, share in BOUNDS.items()}
    baselines = fit_baselines(rows)
    forecaster = Forecaster(fit_blend(recipe, rows, 7), baselines, offsets, golden={})
    return forecaster.with_golden(rows[list(forecaster.signature)].to_numpy()[:8]).files()


def put_run(store: Store, run_id: str, recipe: str = "blend-range", target: str = "SPY") -> None:
    """Write a run's model files; each run id gives other content."""
    lineage = {"run_id": run_id, "recipe": recipe, "as_of": "2018-12-31"}
    lineage["universe"] = {"target": target}
    line = Skill("volcast", qlike=0.25, rmse=5.0, gain=0.0, p_better=0.5)
    table = SkillTable((line,), rows=3, first=date(2018, 1, 2), last=date(2018, 1, 4))
    files = dict(model_files()) | {"metrics.json": Metrics(table).to_bytes()}
    files["lineage.json"] = json.dumps(lineage).encode()
    for name, content in files.items():
        store.objects.put(f"runs/{run_id}/model/{name}", content)


def evaluation(count: int, **columns: object) -> pd.DataFrame:
    """An evaluation of ``count`` sessions: rv_5d moves around .2, every baseline is .2."""
    days = calendar.sessions(date(2000, 1, 1), date(2035, 1, 1))[:count]
    rv = 0.2 * np.exp(np.random.default_rng(5).normal(0, 0.3, count))
    rows = pd.DataFrame({"session": days, "symbol": "SPX", "rv_5d": rv, "forecast": 0.2})
    rows = rows.assign(log_har=0.2, har_x=0.2, vix=0.2)
    return rows.assign(**columns)


def put_evaluation(store: Store, run_id: str, rows: pd.DataFrame) -> None:
    """Write ``rows`` as the evaluation of a run."""
    store.objects.put(f"runs/{run_id}/evaluation.parquet", evaluation_bytes(rows))
