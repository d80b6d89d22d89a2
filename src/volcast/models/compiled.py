"""A model compiled for serving: the same numbers, without XGBoost's cost for each call.

Importing this module imports numba, which costs a second: do so inside the function that needs it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import exp
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volcast.core.errors import ModelError
from volcast.models.forecaster import Forecaster, Single
from volcast.models.intervals import BOUNDS
from volcast.models.kernels import (
    NODES,
    PLACES,
    SPLIT,
    WORD,
    Forest,
    LeafMasks,
    contributions,
    contributions_of_one,
    margins,
)  # fmt: skip
from volcast.models.recipe import BASELINE_INPUTS
from volcast.models.trees import Trees

__all__ = ["CompiledForecaster", "CompiledTrees", "compiled", "forest_of"]

Floats = NDArray[np.float64]

_FEW = 20
"""Rows up to which one at a time is faster than a block."""

_SAME = 1e-9
"""How far a forecast may lie from the stored one."""

_TOLERANCE = 1e-5
"""How far contributions may lie from XGBoost's own, which are single precision."""


@dataclass(frozen=True)
class CompiledTrees(Trees):
    """Trees as machine code: a margin to the bit that of XGBoost, Shapley values to 1e-6.

    ``mean`` is that of the margin over the training rows, which contributions are added to.
    """

    forest: Forest
    leaves: LeafMasks
    mean: float

    def log_ratio(self, x: Floats) -> Floats:
        """Return ``log variance - anchor``, f8[n], for rows x, f8[n, k]."""
        out = np.empty(len(x), np.float32)
        margins(np.ascontiguousarray(x, np.float32), self.leaves, out)
        return out.astype(np.float64) + self.log_smearing

    def contributions(self, x: Floats) -> tuple[float, Floats]:
        """Return the base and the Shapley values, f8[n, k], that sum to `log_ratio`."""
        out = np.empty(x.shape)
        single = np.ascontiguousarray(x, np.float32)
        if len(x) <= _FEW:
            for row in range(len(x)):
                contributions_of_one(single[row], self.forest, out[row])
        else:
            contributions(single, self.forest, out)
        return self.mean + self.log_smearing, out


class CompiledForecaster(Forecaster):
    """A forecaster whose trees are compiled, and that takes a single row without arrays.

    On one row the cost of NumPy is that of its calls, some sixty; the same sums over sixteen
    features in plain Python cost a fifth.
    """

    def single(self, row: Sequence[float]) -> Single:
        """Forecast and explain one row, in the order of the signature."""
        try:
            return self._single(row)
        except OverflowError:  # far from any market; NumPy returns infinity
            with np.errstate(over="ignore", invalid="ignore"):
                return super().single(row)

    def _single(self, row: Sequence[float]) -> Single:
        plain, trees, share = self._plain, self.blend.trees, self.recipe.tree_weight
        x = np.array([[row[at] for at in plain.tree_columns]], np.float64)
        log_ratio = trees.log_ratio(x).item()
        shap = trees.contributions(x)[1][0].tolist()
        parts = [0.0] * len(self.recipe.features)
        for at, value in zip(plain.tree_columns, shap, strict=True):
            parts[at] = share * value
        log_variance = share * log_ratio + plain.at_zero
        for at, slope, at_mean in plain.lines:
            term = slope * row[at]
            log_variance += term
            parts[at] += term - at_mean
        half = log_variance / 2
        return Single(
            log_variance,
            {name: exp(half + self.offsets[name]) for name in BOUNDS},
            self.baselines.single({name: row[at] for name, at in plain.baseline_columns}),
            plain.base,
            dict(zip(self.recipe.features, parts, strict=True)),
        )

    @cached_property
    def _plain(self) -> "_Plain":
        blend, recipe = self.blend, self.recipe
        at = {name: position for position, name in enumerate(self.signature)}
        share, linear = recipe.tree_weight, blend.linear
        slopes = {name: share * weight for name, weight in recipe.anchor_terms.items()}
        at_means = dict(
            zip(slopes, (share * mean for mean in blend.anchor_means.tolist()), strict=True)
        )
        for name, slope, mean in zip(
            recipe.linear_inputs, linear.coefficients.tolist(), linear.means.tolist(), strict=True
        ):
            slopes[name] = slopes.get(name, 0.0) + (1 - share) * slope
            at_means[name] = at_means.get(name, 0.0) + (1 - share) * slope * mean
        rows = np.asarray(self.golden["inputs"], dtype=float)[:1]
        return _Plain(
            [at[name] for name in recipe.tree_features],
            [(at[name], slope, at_means[name]) for name, slope in slopes.items()],
            (1 - share) * linear.intercept,
            blend.explain(rows[:, : len(recipe.features)]).base,
            [(name, at[name]) for name in BASELINE_INPUTS],
        )


@dataclass(frozen=True)
class _Plain:
    """What a single row is multiplied by: positions in the row, slopes, slopes times means."""

    tree_columns: list[int]
    lines: list[tuple[int, float, float]]
    at_zero: float
    base: float
    baseline_columns: list[tuple[str, int]]


def compiled(forecaster: Forecaster) -> Forecaster:
    """Return the same forecaster on compiled trees; unchanged if its trees are of another kind.

    The first call of a process loads the machine code, or makes it, which takes seconds.

    Raises
    ------
    ModelError
        If on the golden rows a forecast is not the stored one, or a contribution is further than
        1e-5 from XGBoost's.
    """
    trees = forecaster.blend.trees
    arrays = forest_of(trees)
    if arrays is None:
        return forecaster
    walked = CompiledTrees(trees.booster, trees.log_smearing, *arrays)
    blend = replace(forecaster.blend, trees=walked)
    result = CompiledForecaster(blend, forecaster.baselines, forecaster.offsets, forecaster.golden)
    result.check_golden()
    x = np.asarray(forecaster.golden["inputs"], dtype=float)
    many = np.resize(x, (max(len(x), _FEW + 1), x.shape[1]))  # of few rows each goes alone
    theirs, ours = forecaster.explain(many), result.explain(many)
    _refuse_gap("contributions", ours.contributions, theirs.contributions, _TOLERANCE)
    _refuse_gap("base", ours.base, theirs.base, _TOLERANCE)
    alone = [result.single(row) for row in x.tolist()]
    parts = [list(one.contributions.values()) for one in alone]
    own = theirs.contributions[: len(x)]
    _refuse_gap("contributions of one row", parts, own, _TOLERANCE)
    stored = forecaster.golden["log_variance"]
    _refuse_gap("forecast of one row", [one.log_variance for one in alone], stored, _SAME)
    return result


def _refuse_gap(what: str, ours: ArrayLike, theirs: ArrayLike, tolerance: float) -> None:
    gap = np.abs(np.asarray(ours) - np.asarray(theirs)).max()
    if not gap <= tolerance:
        raise ModelError(
            found=f"compiled {what} off by {gap:.3g}", expected=f"within {tolerance}",
            where="model version", remedy="Report it: the version is read wrongly.",
        )  # fmt: skip


def forest_of(trees: Trees) -> tuple[Forest, LeafMasks, float] | None:
    """Return trees as arrays in two ways, and their mean over the training rows.

    None for what the loops do not take: more than 8 features on a path, a tree without a split,
    categories, a base score.
    """
    learner = json.loads(trees.booster.save_raw("json"))["learner"]
    stored = learner["gradient_booster"]["model"].get("trees", [])
    if (
        not stored
        or learner["gradient_booster"]["name"] != "gbtree"
        or float(learner["learner_model_param"]["base_score"].strip("[]")) != 0
        or any(any(tree["split_type"]) or tree["left_children"][0] < 0 for tree in stored)
    ):
        return None
    laid_out = [_laid_out(tree) for tree in stored]
    if max(features_on_a_path for _, _, features_on_a_path in laid_out) > 2 * NODES:
        return None
    each = [splits for splits, _, _ in laid_out]
    forest = Forest(np.cumsum([0, *map(len, each)]), np.concatenate(each))
    features = int(learner["learner_model_param"]["num_feature"])
    return forest, _leaf_masks(each, features), float(sum(mean for _, mean, _ in laid_out))


def _laid_out(tree: Mapping[str, Any]) -> tuple[NDArray[np.void], float, int]:
    """Return a tree's splits, its mean, and the most features on a path."""
    sides = {"left": tree["left_children"], "right": tree["right_children"]}
    nodes, above = _preorder(*sides.values())
    number = {node: split for split, node in enumerate(nodes)}
    cover, leaf = tree["sum_hessian"], tree["split_conditions"]
    splits = np.zeros(len(nodes), SPLIT)
    splits["feature"] = feature = [tree["split_indices"][node] for node in nodes]
    splits["threshold"] = [leaf[node] for node in nodes]
    splits["left_if_missing"] = [tree["default_left"][node] for node in nodes]
    splits["above"] = above
    reach, path = [1.0] * len(nodes), [{feature[0]}] * len(nodes)
    share: list[float] = []  # by edge
    mean = 0.0
    for split, node in enumerate(nodes):
        same = _nearest(above, feature, split)
        splits["same"][split] = same
        splits["same_share"][split] = same_share = share[same] if same >= 0 else 1.0
        for side, children in sides.items():
            to = children[node]
            part = cover[to] / cover[node]
            share.append(part * same_share)
            splits[f"{side}_share"][split] = share[-1]
            splits[side][split] = number.get(to, -1)
            if to in number:
                reach[number[to]] = reach[split] * part
                path[number[to]] = path[split] | {feature[number[to]]}
            else:
                splits[f"{side}_value"][split] = leaf[to]
                mean += reach[split] * part * leaf[to]
    return splits, mean, max(map(len, path))


def _leaf_masks(trees: Sequence[NDArray[np.void]], features: int) -> LeafMasks:
    """Return the leaves that each feature's value leaves possible, of trees of splits."""
    every = np.concatenate(trees)
    steps = [np.unique(every["threshold"][every["feature"] == at]) for at in range(features)]
    most, words = max(map(len, steps)), 1 + max(map(len, trees)) // WORD
    thresholds = np.full((features, most), np.inf, np.float32)
    for at, ascending in enumerate(steps):
        thresholds[at, : len(ascending)] = ascending
    masks = np.zeros((features, most + 2, len(trees), words), np.uint32)
    values = np.zeros((len(trees), words, PLACES), np.float32)
    for number, splits in enumerate(trees):
        below, leaves = _leaves_below(splits)
        for bit, value in enumerate(leaves):
            values[number, bit // WORD, 2 ** (bit % WORD) % PLACES] = value
        possible = masks[:, :, number]
        possible[:] = _words(2 ** len(leaves) - 1, words)
        for split, (left, right) in zip(splits, below, strict=True):
            at, not_left, not_right = split["feature"], ~_words(left, words), ~_words(right, words)
            reached = 1 + int(np.searchsorted(steps[at], split["threshold"]))
            possible[at, :reached] &= not_right
            possible[at, reached:-1] &= not_left
            possible[at, -1] &= not_right if split["left_if_missing"] else not_left
    return LeafMasks(
        thresholds, masks.reshape(features, most + 2, -1), values.reshape(-1, values.shape[-1])
    )


def _leaves_below(splits: NDArray[np.void]) -> tuple[list[tuple[int, int]], list[float]]:
    """Return of each split the leaves on its left and right, a bit each, and the leaves' values."""
    below = [(0, 0)] * len(splits)
    leaves: list[float] = []
    for split in reversed(range(len(splits))):  # what is below comes first
        bits = []
        for side in ("left", "right"):
            to = splits[side][split]
            if to >= 0:
                bits.append(below[to][0] | below[to][1])
            else:
                bits.append(1 << len(leaves))
                leaves.append(splits[f"{side}_value"][split])
        below[split] = bits[0], bits[1]
    return below, leaves


def _words(bits: int, words: int) -> NDArray[np.uint32]:
    """Return the bits of a number in words, the lowest first."""
    return np.frombuffer(bits.to_bytes(4 * words, "little"), "<u4")


def _preorder(left: Sequence[int], right: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the nodes that split, each before those below it, and the edge to each."""
    nodes: list[int] = []
    above: list[int] = []
    waiting = [(0, -1)]
    while waiting:
        node, edge = waiting.pop()
        if left[node] >= 0:
            waiting += [(right[node], 2 * len(nodes) + 1), (left[node], 2 * len(nodes))]
            nodes.append(node)
            above.append(edge)
    return nodes, above


def _nearest(above: Sequence[int], feature: Sequence[int], split: int) -> int:
    """Return the nearest edge above ``split`` that split the same feature; -1 without."""
    edge = above[split]
    while edge >= 0 and feature[edge // 2] != feature[split]:
        edge = above[edge // 2]
    return edge
