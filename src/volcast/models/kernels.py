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

__all__ = ["BLOCK", "NODES", "Forest", "contributions", "contributions_of_one", "margins"]

NODES = 4
"""Quadrature nodes; exact for up to twice as many distinct features on a path."""

BLOCK = 64
"""Rows taken together; with fewer, the loops over rows are too short for the vector unit."""

# Lets the compiler put neighbouring numbers into one register: a sixth faster here.
numba.config.SLP_VECTORIZE = 1

_FAST = {"contract", "reassoc", "nsz"}  # NaN and infinity keep their meaning


class Forest(NamedTuple):
    """Trees as arrays over splits, each tree's in preorder; two edges a split, left then right.

    Splits are numbered within their tree, from 0; edge ``2 * split`` is the left one.

    Parameters
    ----------
    start : i8[trees + 1]
        Where each tree's splits begin.
    feature, threshold, left_if_missing : i8[splits], f4[splits], b1[splits]
        Left is where ``x[feature] < threshold``.
    above : i8[splits]
        The edge that leads to the split; -1 at the root.
    same : i8[splits]
        The nearest edge above that split the same feature; -1 without.
    child : i8[edges]
        The split that an edge leads to; -1 for a leaf.
    value : f4[edges]
        Of the leaf; 0 where there is none.
    share : f8[edges]
        z: the share of training rows that go that way, times that of the edge ``same``.
    """

    start: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    left_if_missing: NDArray[np.bool_]
    above: NDArray[np.int64]
    same: NDArray[np.int64]
    child: NDArray[np.int64]
    value: NDArray[np.float32]
    share: NDArray[np.float64]


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
def margins(x: NDArray[np.float32], forest: Forest, out: NDArray[np.float32]) -> None:
    """Add up the leaves of each row, in single precision and in order, as XGBoost does.

    x is f4[n, k]; ``out``, f4[n], is written.
    """
    for row in range(x.shape[0]):
        total = np.float32(0)
        for tree in range(forest.start.shape[0] - 1):
            first = forest.start[tree]
            split, edge = 0, 0
            while split >= 0:
                at = first + split
                v = x[row, forest.feature[at]]
                left = v < forest.threshold[at] or (np.isnan(v) and forest.left_if_missing[at])
                edge = 2 * at if left else 2 * at + 1
                split = forest.child[edge]
            total += forest.value[edge]
        out[row] = total


_AT, _WEIGHT = ((part + shift) / 2 for part, shift in zip(leggauss(NODES), (1, 0), strict=True))
_T0, _T1, _T2, _T3 = map(float, _AT)
_W0, _W1, _W2, _W3 = map(float, _WEIGHT)
# At node t an edge multiplies by z (1 - t), and by t more where the row goes that way; what is
# below counts w (goes - z) over that for its feature: where the row does not go, -w / (1 - t).
_U0, _U1, _U2, _U3 = 1 - _T0, 1 - _T1, 1 - _T2, 1 - _T3
_L0, _L1, _L2, _L3 = -_W0 / _U0, -_W1 / _U1, -_W2 / _U2, -_W3 / _U3


@_compiled(fastmath=_FAST, error_model="numpy")
def contributions_of_one(x: NDArray[np.float32], forest: Forest, out: NDArray[np.float64]) -> None:
    """Split one row's margin into a Shapley value a feature; with the forest's mean they sum to it.

    x is f4[k]; ``out``, f8[k], is written. The four nodes are written out, so that they share one
    register of the vector unit.
    """
    start, share, feature = forest.start, forest.share, forest.feature
    child, value, same = forest.child, forest.value, forest.same
    most = np.max(start[1:] - start[:-1])
    product, below = np.empty((most, 4)), np.empty((2 * most, 4))
    goes, sums = np.empty(2 * most), np.zeros((x.shape[0], 4))
    for tree in range(start.shape[0] - 1):
        first, splits = start[tree], start[tree + 1] - start[tree]
        product[0] = 1.0
        for split in range(splits):
            at = first + split
            v = x[feature[at]]
            if (v < forest.threshold[at]) | (np.isnan(v) & forest.left_if_missing[at]):
                left, right = 1.0, 0.0
            else:
                left, right = 0.0, 1.0
            p0, p1 = product[split, 0], product[split, 1]
            p2, p3 = product[split, 2], product[split, 3]
            before = same[at]
            if before >= 0:
                still, z = goes[before], share[2 * first + before]
                left, right = left * still, right * still
                p0, p1 = p0 / (z * _U0 + still * _T0), p1 / (z * _U1 + still * _T1)
                p2, p3 = p2 / (z * _U2 + still * _T2), p3 / (z * _U3 + still * _T3)
            goes[2 * split], goes[2 * split + 1] = left, right
            for side in range(2):
                edge = 2 * at + side
                z, o, to = share[edge], (right if side else left), child[edge]
                q0, q1 = p0 * (z * _U0 + o * _T0), p1 * (z * _U1 + o * _T1)
                q2, q3 = p2 * (z * _U2 + o * _T2), p3 * (z * _U3 + o * _T3)
                if to >= 0:
                    product[to, 0], product[to, 1] = q0, q1
                    product[to, 2], product[to, 3] = q2, q3
                else:
                    leaf, v8 = 2 * split + side, np.float64(value[edge])
                    below[leaf, 0], below[leaf, 1] = v8 * q0, v8 * q1
                    below[leaf, 2], below[leaf, 3] = v8 * q2, v8 * q3
        for split in range(splits - 1, -1, -1):
            at, left_edge = first + split, 2 * split
            f, before, up = feature[at], same[at], forest.above[at]
            l0, l1 = below[left_edge, 0], below[left_edge, 1]
            l2, l3 = below[left_edge, 2], below[left_edge, 3]
            r0, r1 = below[left_edge + 1, 0], below[left_edge + 1, 1]
            r2, r3 = below[left_edge + 1, 2], below[left_edge + 1, 3]
            a, b = goes[left_edge], goes[left_edge + 1]
            # The row goes one way at most: what lies there counts again, all else as not gone.
            z, o = share[2 * at] * a + share[2 * at + 1] * b, a + b
            m0 = _W0 * (1 - z) / (z * _U0 + _T0) - _L0
            m1 = _W1 * (1 - z) / (z * _U1 + _T1) - _L1
            m2 = _W2 * (1 - z) / (z * _U2 + _T2) - _L2
            m3 = _W3 * (1 - z) / (z * _U3 + _T3) - _L3
            s0 = sums[f, 0] + m0 * (a * l0 + b * r0) + _L0 * (l0 + r0)
            s1 = sums[f, 1] + m1 * (a * l1 + b * r1) + _L1 * (l1 + r1)
            s2 = sums[f, 2] + m2 * (a * l2 + b * r2) + _L2 * (l2 + r2)
            s3 = sums[f, 3] + m3 * (a * l3 + b * r3) + _L3 * (l3 + r3)
            l0, l1, l2, l3 = l0 + r0, l1 + r1, l2 + r2, l3 + r3
            if before >= 0:  # the edge above counts only what no later edge of its feature does
                o, z = goes[before], share[2 * first + before]
                s0 -= l0 * _W0 * (o - z) / (z * _U0 + o * _T0)
                s1 -= l1 * _W1 * (o - z) / (z * _U1 + o * _T1)
                s2 -= l2 * _W2 * (o - z) / (z * _U2 + o * _T2)
                s3 -= l3 * _W3 * (o - z) / (z * _U3 + o * _T3)
            sums[f, 0], sums[f, 1], sums[f, 2], sums[f, 3] = s0, s1, s2, s3
            if up >= 0:
                below[up, 0], below[up, 1], below[up, 2], below[up, 3] = l0, l1, l2, l3
    for name in range(x.shape[0]):
        out[name] = (sums[name, 0] + sums[name, 1]) + (sums[name, 2] + sums[name, 3])


@_compiled(fastmath=_FAST, error_model="numpy")
def contributions(x: NDArray[np.float32], forest: Forest, out: NDArray[np.float64]) -> None:
    """Split each row's margin into a Shapley value a feature; blocks of rows go down together.

    x is f4[k, n], a column a row, so that neighbours are of one feature; ``out``, f8[n, k], is
    written.
    """
    start, same, child, share = forest.start, forest.same, forest.child, forest.share
    most = np.max(start[1:] - start[:-1])
    product, below = np.empty((most, NODES, BLOCK)), np.empty((2 * most, NODES, BLOCK))
    goes, sums = np.empty((2 * most, BLOCK)), np.empty((x.shape[0], BLOCK))
    for begin in range(0, x.shape[1], BLOCK):
        rows = min(BLOCK, x.shape[1] - begin)
        sums[:] = 0.0
        for tree in range(start.shape[0] - 1):
            first, splits = start[tree], start[tree + 1] - start[tree]
            product[0] = 1.0
            for split in range(splits):
                at, left, right = first + split, 2 * split, 2 * split + 1
                f, limit = forest.feature[at], forest.threshold[at]
                if forest.left_if_missing[at]:
                    for w in range(rows):
                        goes[left, w] = 0.0 if x[f, begin + w] >= limit else 1.0
                else:
                    for w in range(rows):
                        goes[left, w] = 1.0 if x[f, begin + w] < limit else 0.0
                for w in range(rows):
                    goes[right, w] = 1.0 - goes[left, w]
                before = same[at]
                if before >= 0:
                    for w in range(rows):
                        goes[left, w] *= goes[before, w]
                        goes[right, w] *= goes[before, w]
                    z = share[2 * first + before]
                    for q in range(NODES):
                        lacks = 1 / (z * (1 - _AT[q]))
                        more = 1 / (z * (1 - _AT[q]) + _AT[q]) - lacks
                        for w in range(rows):
                            product[split, q, w] *= lacks + goes[before, w] * more
                for side in range(2):
                    edge, here = 2 * at + side, 2 * split + side
                    to, v8 = child[edge], np.float64(forest.value[edge])
                    for q in range(NODES):
                        lacks, more = share[edge] * (1 - _AT[q]), _AT[q]
                        if to >= 0:
                            for w in range(rows):
                                product[to, q, w] = product[split, q, w] * (
                                    lacks + goes[here, w] * more
                                )
                        else:
                            for w in range(rows):
                                below[here, q, w] = (
                                    v8 * product[split, q, w] * (lacks + goes[here, w] * more)
                                )
            for split in range(splits - 1, -1, -1):
                at, left, right = first + split, 2 * split, 2 * split + 1
                f, before, up = forest.feature[at], same[at], forest.above[at]
                for q in range(NODES):
                    t, weight = _AT[q], _WEIGHT[q]
                    gone = -weight / (1 - t)
                    z = share[2 * at]
                    a = weight * (1 - z) / (z * (1 - t) + t) - gone
                    z = share[2 * at + 1]
                    b = weight * (1 - z) / (z * (1 - t) + t) - gone
                    for w in range(rows):
                        sums[f, w] += (gone + goes[left, w] * a) * below[left, q, w] + (
                            gone + goes[right, w] * b
                        ) * below[right, q, w]
                    if before >= 0:
                        z = share[2 * first + before]
                        a = weight * (1 - z) / (z * (1 - t) + t) - gone
                        for w in range(rows):
                            sums[f, w] -= (gone + goes[before, w] * a) * (
                                below[left, q, w] + below[right, q, w]
                            )
                    if up >= 0:
                        for w in range(rows):
                            below[up, q, w] = below[left, q, w] + below[right, q, w]
        for f in range(x.shape[0]):
            for w in range(rows):
                out[begin + w, f] = sums[f, w]
