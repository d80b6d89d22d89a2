import numpy as np
import pytest
from numpy.typing import NDArray

from tests.runs import model_files
from volcast.core.errors import ModelError
from volcast.models import compiled as module
from volcast.models.compiled import CompiledTrees, compiled, forest_of
from volcast.models.forecaster import Forecaster
from volcast.models.kernels import Forest, LeafMasks
from volcast.models.trees import PARAMETERS, Trees, fit_trees

Floats = NDArray[np.float64]


def _rows(n: int, seed: int, features: int = 6) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, features))


def _trees(**parameters: object) -> Trees:
    x = _rows(900, 1)
    y = x[:, 0] * x[:, 1] + np.abs(x[:, 2]) + (x[:, 3] > 0.2) * x[:, 4]
    return fit_trees(x, y, 3, PARAMETERS | {"num_parallel_tree": 7} | parameters)


def _forest(trees: Trees) -> tuple[Forest, LeafMasks, float]:
    read = forest_of(trees)
    assert read is not None
    return read


def _compiled(trees: Trees) -> CompiledTrees:
    return CompiledTrees(trees.booster, trees.log_smearing, *_forest(trees))


def _with_holes(x: Floats) -> Floats:
    x = x.copy()
    x[np.random.default_rng(5).random(x.shape) < 0.2] = np.nan
    return x


@pytest.mark.parametrize("n", [1, 130])
@pytest.mark.parametrize(("smallest_leaf", "words"), [(30, 1), (5, 2), (1, 3)])
def test_margins_are_those_of_xgboost_to_the_bit(n: int, smallest_leaf: int, words: int) -> None:
    trees, x = _trees(min_child_weight=smallest_leaf), _with_holes(_rows(n, n))
    compiled = _compiled(trees)
    assert len(compiled.leaves.values) == 7 * words  # a word has up to 32 leaves of a tree
    assert (compiled.log_ratio(x) == trees.log_ratio(x)).all()


def test_a_value_on_a_threshold_goes_the_same_way() -> None:
    trees = _trees()
    splits = _forest(trees)[0].splits
    x = _rows(len(splits), 2)
    x[np.arange(len(x)), splits["feature"]] = splits["threshold"]
    each = np.array([_compiled(trees).log_ratio(row[None, :])[0] for row in x])
    assert (each == trees.log_ratio(x)).all()


@pytest.mark.parametrize("n", [1, 20, 21, 64, 65, 104, 105, 130])
def test_contributions_are_those_of_xgboost(n: int) -> None:
    trees, x = _trees(max_depth=8, min_child_weight=5), _with_holes(_rows(n, n))
    base, ours = _compiled(trees).contributions(x)
    their_base, theirs = trees.contributions(x)
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert base == pytest.approx(their_base, abs=1e-6)
    assert base + ours.sum(axis=1) == pytest.approx(trees.log_ratio(x), abs=1e-5)


def test_contributions_of_one_row_are_those_of_a_block() -> None:
    trees = _compiled(_trees(max_depth=8, min_child_weight=5))
    x = _with_holes(_rows(70, 8))
    _, block = trees.contributions(x)
    alone = np.vstack([trees.contributions(row[None, :])[1] for row in x])
    assert alone == pytest.approx(block, abs=1e-12)


@pytest.mark.parametrize(
    "parameters", [{"max_depth": 12, "min_child_weight": 1}, {"base_score": 0.5}]
)
def test_trees_of_another_kind_stay_with_xgboost(parameters: dict[str, object]) -> None:
    features = 12
    x = _rows(3000, 1, features)
    trees = fit_trees(
        x, np.prod(np.sign(x), axis=1), 3, PARAMETERS | {"num_parallel_tree": 2} | parameters
    )
    assert forest_of(trees) is None
    assert forest_of(_trees(min_child_weight=10_000)) is None  # without a split


def test_a_compiled_forecaster_gives_the_same_forecasts() -> None:
    stored = Forecaster.load(model_files())
    x = np.asarray(stored.golden["inputs"], dtype=float)
    served = compiled(stored)
    assert isinstance(served.blend.trees, CompiledTrees)
    for rows in (x, x[:1]):
        ours, theirs = served.forecast(rows), stored.forecast(rows)
        assert (ours.log_variance == theirs.log_variance).all()
        assert served.explain(rows).contributions == pytest.approx(
            stored.explain(rows).contributions, abs=1e-6
        )


def test_trees_read_wrongly_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = Forecaster.load(model_files())
    forest, leaves, mean = _forest(stored.blend.trees)
    for share in ("left_share", "right_share", "same_share"):
        forest.splits[share] *= 0.9
    monkeypatch.setattr(module, "forest_of", lambda _: (forest, leaves, mean))
    with pytest.raises(ModelError, match="compiled contributions off by"):
        compiled(stored)
