"""Make the machine code of the server before it starts: ``python -m serving.warm``.

An image runs this once when it is built, with ``NUMBA_CACHE_DIR`` set; without the code, each start
of the server would take seconds to make it.
"""

import sys

import numpy as np
import pandas as pd

from volcast.models.baselines import fit_baselines
from volcast.models.blend import Blend, tree_data
from volcast.models.compiled import compiled
from volcast.models.forecaster import Forecaster
from volcast.models.gamma import GammaRegression
from volcast.models.intervals import BOUNDS
from volcast.models.recipe import RECIPES
from volcast.models.trees import fit_trees

_ROWS = 400


def main() -> int:
    """Compile every loop, by forecasting with a small model of made-up rows."""
    recipe, rng = RECIPES["blend-range"], np.random.default_rng(0)
    rows = pd.DataFrame({name: rng.normal(-4, 0.5, _ROWS) for name in recipe.features})
    rows = rows.assign(rv_1=0.1, rv_5=rng.uniform(0.1, 0.3, _ROWS), rv_22=0.2, ewma94=0.2)
    rows = rows.assign(vix=np.nan, variance=rng.uniform(0.01, 0.09, _ROWS))
    offsets = {name: share - 0.5 for name, share in BOUNDS.items()}
    trees = fit_trees(*tree_data(recipe, rows), 0, recipe.tree_parameters)
    # Made up, because the image has no scikit-learn to fit it with.
    zeros = np.zeros(len(recipe.linear_inputs))
    anchor = recipe.anchor_parts(rows[list(recipe.features)].to_numpy(dtype=float))
    blend = Blend(recipe, trees, GammaRegression(-4.0, zeros, zeros), anchor.mean(axis=0))
    forecaster = Forecaster(blend, fit_baselines(rows), offsets, golden={})
    compiled(forecaster.with_golden(rows[list(forecaster.signature)].to_numpy()[:8]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
