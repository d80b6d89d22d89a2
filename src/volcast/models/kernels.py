"""Compiled loops over the nodes of trees: margins as XGBoost adds them, and Shapley values.

A tree's Shapley value of a feature is a sum over leaves, and each leaf is a product game: a factor
1 or 0 for each feature on its path that the row has, ``z`` (the share of training rows that went
that way) for each that it lacks. By Owen's multilinear extension the value of such a game is an
integral over [0, 1] of a polynomial, which Gauss-Legendre quadrature takes exactly: four nodes do
for eight features on a path. So one pass down a tree carries the products, one pass up the sums,
and the cost is linear in nodes, where TreeSHAP's is quadratic in depth.

Owen (1972), "Multilinear extensions of games"; Lundberg et al. (2020), "From local explanations to
global understanding with explainable AI for trees"; Yu et al. (2022), "Linear TreeShap".

Importing this module imports numba, which costs a second: do so inside the function that needs it.
Every function runs without the interpreter's lock.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import njit
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

__all__ = [
    "BLOCK", "NODES", "PLACES", "SPLIT", "WORD", "Forest", "LeafMasks", "contributions",
    "contributions_of_one", "margins",
]  # fmt: skip

NODES = 4
"""Quadrature nodes; exact for up to twice as many distinct features on a path."""

WORD = 32
"""Leaves of a tree that one word of a mask has."""

PLACES = 37
"""Modulo this, 2^b differs for every bit b of a word, and is never 0."""

BLOCK = 104
"""Rows taken together; with fewer, the loops over rows are too short for the vector unit. A
hundred rows, as an explanation often has, fill one block: a quarter faster than two of 64."""

# Lets the compiler put neighbouring numbers into one register: a sixth faster here.
numba.config.SLP_VECTORIZE = 1

_FAST = {"contract", "reassoc", "nsz"}  # NaN and infinity keep their meaning


SPLIT = np.dtype(
    [
        ("feature", "i4"), ("above", "i4"), ("same", "i4"), ("left_if_missing", "i4"),
        ("left", "i4"), ("right", "i4"),
        ("threshold", "f4"), ("left_value", "f4"), ("right_value", "f4"),
        ("left_share", "f8"), ("right_share", "f8"), ("same_share", "f8"),
    ],
    align=True,
)  # fmt: skip
"""A split of a tree; splits are numbered within their tree, and edge ``2 * split`` is the left one.

Left is where ``x[feature] < threshold``. ``above`` is the edge that leads to the split, -1 at the
root; ``same`` the nearest edge above that split the same feature, -1 without. ``left`` and
``right`` are the splits below, -1 for a leaf, whose value is then that of its side, otherwise 0.
The shares are z, the share of training rows that go that way, times that of the edge ``same``,
which is 1 without.
"""


class Forest(NamedTuple):
    """Trees as one array of splits, each tree's in preorder.

    Parameters
    ----------
    start : i8[trees + 1]
        Where each tree's splits begin.
    splits : SPLIT[splits]
        Of all trees.
    """

    start: NDArray[np.int64]
    splits: NDArray[np.void]


class LeafMasks(NamedTuple):
    """Which leaves a feature's value leaves possible, a bit each; all features leave one a tree.

    A feature's value counts only by how many thresholds it reaches. Lucchese et al. (2015),
    "QuickScorer".

    Parameters
    ----------
    thresholds : f4[k, most]
        Of each feature in ascending order, then infinity.
    masks : u4[k, most + 2, words]
        By feature and number of thresholds reached, the last for a missing value; a word has up
        to `WORD` leaves of one tree.
    values : f4[words, PLACES]
        The value of the leaf of bit b at 2^b modulo `PLACES`; 0 elsewhere.
    """

    thresholds: NDArray[np.float32]
    masks: NDArray[np.uint32]
    values: NDArray[np.float32]


def _own_cache() -> None:
    """Copy a cache that cannot be written, such as an image's: numba reads no other."""
    filled = numba.config.CACHE_DIR
    if filled and os.path.isdir(filled) and not os.access(filled, os.W_OK):
        numba.config.CACHE_DIR = tempfile.mkdtemp(prefix="volcast-numba-")
        atexit.register(shutil.rmtree, numba.config.CACHE_DIR, ignore_errors=True)
        shutil.copytree(filled, numba.config.CACHE_DIR, dirs_exist_ok=True)


_own_cache()


def _compiled(**options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def compile_with(function: Callable[..., None]) -> Callable[..., None]:
        try:
            machine_code: Callable[..., None] = njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # nowhere to keep the machine code: each process compiles its own
            machine_code = njit(nogil=True, **options)(function)
        return machine_code

    return compile_with


@_compiled()
def margins(x: NDArray[np.float32], leaves: LeafMasks, out: NDArray[np.float32]) -> None:
    """Add up the leaves of each row, in single precision and in order, as XGBoost does.

    x is f4[n, k]; ``out``, f4[n], is written.
    """
    thresholds, masks, values = leaves.thresholds, leaves.masks, leaves.values
    most, words = thresholds.shape[1], masks.shape[2]
    possible = np.empty(words, np.uint32)
    for row in range(x.shape[0]):
        possible[:] = ~np.uint32(0)
        for feature in range(x.shape[1]):
            v, reached = x[row, feature], np.int32(0)
            for k in range(most):
                reached = np.int32(reached + np.int32(v >= thresholds[feature, k]))
            if np.isnan(v):
                reached = np.int32(most + 1)
            for word in range(words):
                possible[word] &= masks[feature, reached, word]
        total = np.float32(0)
        for word in range(words):
            total += values[word, possible[word] % np.uint32(PLACES)]
        out[row] = total


_AT, _WEIGHT = ((part + shift) / 2 for part, shift in zip(leggauss(NODES), (1, 0), strict=True))
_T0, _T1, _T2, _T3 = map(float, _AT)
_W0, _W1, _W2, _W3 = map(float, _WEIGHT)
# At node t an edge multiplies by z (1 - t), and by t more where the row goes that way; what is
# below counts w (goes - z) over that for its feature: where the row does not go, -w / (1 - t).
_U0, _U1, _U2, _U3 = 1 - _T0, 1 - _T1, 1 - _T2, 1 - _T3
_L0, _L1, _L2, _L3 = -_W0 / _U0, -_W1 / _U1, -_W2 / _U2, -_W3 / _U3


@_compiled(fastmath={"contract"}, error_model="numpy")
def contributions_of_one(x: NDArray[np.float32], forest: Forest, out: NDArray[np.float64]) -> None:
    """Split one row's margin into a Shapley value a feature; with the forest's mean they sum to it.

    x is f4[k]; ``out``, f8[k], is written. The four nodes are written out, so that they share one
    register of the vector unit. Slot 0 is the edge to the root, and 1 is added to all others.
    """
    start, nodes = forest.start, forest.splits
    slots = 2 * np.max(start[1:] - start[:-1]) + 1
    product, below, goes = np.empty((slots, 4)), np.empty((slots, 4)), np.empty(slots)
    sums = np.zeros((x.shape[0], 4))
    product[0] = 1.0
    for tree in range(start.shape[0] - 1):
        first, splits = start[tree], start[tree + 1] - start[tree]
        for split in range(splits):
            node = nodes[first + split]
            v, up, left, right = x[node.feature], node.above + 1, 2 * split + 1, 2 * split + 2
            a = 1.0 if (v < node.threshold) | (np.isnan(v) & (node.left_if_missing != 0)) else 0.0
            b = 1.0 - a
            p0, p1, p2, p3 = product[up, 0], product[up, 1], product[up, 2], product[up, 3]
            if node.same >= 0:
                o, z = goes[node.same + 1], node.same_share
                a, b = a * o, b * o
                p0, p1 = p0 / (z * _U0 + o * _T0), p1 / (z * _U1 + o * _T1)
                p2, p3 = p2 / (z * _U2 + o * _T2), p3 / (z * _U3 + o * _T3)
            goes[left], goes[right] = a, b
            # Also where there is no leaf: its value is 0, and to skip it costs more.
            z, v8 = node.left_share, np.float64(node.left_value)
            q0, q1 = p0 * (z * _U0 + a * _T0), p1 * (z * _U1 + a * _T1)
            q2, q3 = p2 * (z * _U2 + a * _T2), p3 * (z * _U3 + a * _T3)
            product[left, 0], product[left, 1] = q0, q1
            product[left, 2], product[left, 3] = q2, q3
            below[left, 0], below[left, 1] = v8 * q0, v8 * q1
            below[left, 2], below[left, 3] = v8 * q2, v8 * q3
            z, v8 = node.right_share, np.float64(node.right_value)
            q0, q1 = p0 * (z * _U0 + b * _T0), p1 * (z * _U1 + b * _T1)
            q2, q3 = p2 * (z * _U2 + b * _T2), p3 * (z * _U3 + b * _T3)
            product[right, 0], product[right, 1] = q0, q1
            product[right, 2], product[right, 3] = q2, q3
            below[right, 0], below[right, 1] = v8 * q0, v8 * q1
            below[right, 2], below[right, 3] = v8 * q2, v8 * q3
        for split in range(splits - 1, -1, -1):
            node = nodes[first + split]
            f, up, left, right = node.feature, node.above + 1, 2 * split + 1, 2 * split + 2
            l0, l1, l2, l3 = below[left, 0], below[left, 1], below[left, 2], below[left, 3]
            r0, r1, r2, r3 = below[right, 0], below[right, 1], below[right, 2], below[right, 3]
            a, b = goes[left], goes[right]
            # The row goes one way at most: what lies there counts again, all else as not gone.
            z = node.left_share * a + node.right_share * b
            m0 = _W0 * (1 - z) / (z * _U0 + _T0) - _L0
            m1 = _W1 * (1 - z) / (z * _U1 + _T1) - _L1
            m2 = _W2 * (1 - z) / (z * _U2 + _T2) - _L2
            m3 = _W3 * (1 - z) / (z * _U3 + _T3) - _L3
            s0 = sums[f, 0] + m0 * (a * l0 + b * r0) + _L0 * (l0 + r0)
            s1 = sums[f, 1] + m1 * (a * l1 + b * r1) + _L1 * (l1 + r1)
            s2 = sums[f, 2] + m2 * (a * l2 + b * r2) + _L2 * (l2 + r2)
            s3 = sums[f, 3] + m3 * (a * l3 + b * r3) + _L3 * (l3 + r3)
            l0, l1, l2, l3 = l0 + r0, l1 + r1, l2 + r2, l3 + r3
            if node.same >= 0:  # the edge above counts only what no later edge of its feature does
                o, z = goes[node.same + 1], node.same_share
                s0 -= l0 * _W0 * (o - z) / (z * _U0 + o * _T0)
                s1 -= l1 * _W1 * (o - z) / (z * _U1 + o * _T1)
                s2 -= l2 * _W2 * (o - z) / (z * _U2 + o * _T2)
                s3 -= l3 * _W3 * (o - z) / (z * _U3 + o * _T3)
            sums[f, 0], sums[f, 1], sums[f, 2], sums[f, 3] = s0, s1, s2, s3
            below[up, 0], below[up, 1], below[up, 2], below[up, 3] = l0, l1, l2, l3
    for name in range(x.shape[0]):
        out[name] = (sums[name, 0] + sums[name, 1]) + (sums[name, 2] + sums[name, 3])


@_compiled(fastmath=_FAST, error_model="numpy")
def contributions(x: NDArray[np.float32], forest: Forest, out: NDArray[np.float64]) -> None:
    """Split each row's margin into a Shapley value a feature; blocks of rows go down together.

    x is f4[n, k]; ``out``, f8[n, k], is written. Every block is computed whole: loops of a length
    that the compiler knows are a third faster.
    """
    start, nodes = forest.start, forest.splits
    most = np.max(start[1:] - start[:-1])
    product, below = np.empty((most, NODES, BLOCK)), np.empty((2 * most, NODES, BLOCK))
    goes, sums = np.empty((2 * most, BLOCK)), np.empty((x.shape[1], BLOCK))
    columns = np.zeros((x.shape[1], BLOCK), np.float32)
    for begin in range(0, x.shape[0], BLOCK):
        rows = min(BLOCK, x.shape[0] - begin)
        columns[:, :rows] = x[begin : begin + rows].T
        sums[:] = 0.0
        for tree in range(start.shape[0] - 1):
            first, splits = start[tree], start[tree + 1] - start[tree]
            product[0] = 1.0
            for split in range(splits):
                node, left, right = nodes[first + split], 2 * split, 2 * split + 1
                f, limit, before = node.feature, node.threshold, node.same
                if node.left_if_missing:
                    for w in range(BLOCK):
                        goes[left, w] = 0.0 if columns[f, w] >= limit else 1.0
                else:
                    for w in range(BLOCK):
                        goes[left, w] = 1.0 if columns[f, w] < limit else 0.0
                for w in range(BLOCK):
                    goes[right, w] = 1.0 - goes[left, w]
                if before >= 0:
                    for w in range(BLOCK):
                        goes[left, w] *= goes[before, w]
                        goes[right, w] *= goes[before, w]
                    z = node.same_share
                    for q in range(NODES):
                        lacks = 1 / (z * (1 - _AT[q]))
                        more = 1 / (z * (1 - _AT[q]) + _AT[q]) - lacks
                        for w in range(BLOCK):
                            product[split, q, w] *= lacks + goes[before, w] * more
                for side in range(2):
                    here, to, z = left, node.left, node.left_share
                    v8 = np.float64(node.left_value)
                    if side:
                        here, to, z = right, node.right, node.right_share
                        v8 = np.float64(node.right_value)
                    for q in range(NODES):
                        lacks, more = z * (1 - _AT[q]), _AT[q]
                        if to >= 0:
                            for w in range(BLOCK):
                                product[to, q, w] = product[split, q, w] * (
                                    lacks + goes[here, w] * more
                                )
                        else:
                            for w in range(BLOCK):
                                below[here, q, w] = (
                                    v8 * product[split, q, w] * (lacks + goes[here, w] * more)
                                )
            for split in range(splits - 1, -1, -1):
                node, left, right = nodes[first + split], 2 * split, 2 * split + 1
                f, before, up = node.feature, node.same, node.above
                for q in range(NODES):
                    t, weight = _AT[q], _WEIGHT[q]
                    gone = -weight / (1 - t)
                    z = node.left_share
                    a = weight * (1 - z) / (z * (1 - t) + t) - gone
                    z = node.right_share
                    b = weight * (1 - z) / (z * (1 - t) + t) - gone
                    for w in range(BLOCK):
                        sums[f, w] += (gone + goes[left, w] * a) * below[left, q, w] + (
                            gone + goes[right, w] * b
                        ) * below[right, q, w]
                    if before >= 0:
                        z = node.same_share
                        a = weight * (1 - z) / (z * (1 - t) + t) - gone
                        for w in range(BLOCK):
                            sums[f, w] -= (gone + goes[before, w] * a) * (
                                below[left, q, w] + below[right, q, w]
                            )
                    if up >= 0:
                        for w in range(BLOCK):
                            below[up, q, w] = below[left, q, w] + below[right, q, w]
        out[begin : begin + rows] = sums[:, :rows].T
