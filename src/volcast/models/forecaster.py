"""A version of the model as it is stored and served: native files, checked before use."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import exp
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from volcast.core.errors import ModelError
from volcast.core.hashing import as_json
from volcast.models.baselines import Baselines
from volcast.models.blend import Blend, Explanation
from volcast.models.gamma import GammaRegression
from volcast.models.intervals import BOUNDS, Offsets
from volcast.models.recipe import Recipe
from volcast.models.trees import Trees

__all__ = ["MODEL_FILES", "Explanation", "Forecaster", "Forecasts", "Single"]

Floats = NDArray[np.float64]

MODEL_FILES = (
    "baselines.json", "golden.json", "intervals.json", "linear.json", "model.ubj", "signature.json",
)  # fmt: skip
"""The files a Forecaster is made of; a version holds its metrics and lineage too."""

_SIGNATURE_VERSION = 2
_GOLDEN_TOLERANCE = 1e-9
_LARGEST_LOG = 709.0  # of the largest float


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of n rows; volatilities annualised, in decimals, f8[n] each.

    Parameters
    ----------
    log_variance : f8[n]
        Log expected annualised variance.
    bounds : dict of f8[n]
        By the names of `BOUNDS`.
    baselines : dict of f8[n]
        By the names of the contract; NaN where an input is missing.
    """

    log_variance: Floats
    bounds: dict[str, Floats]
    baselines: dict[str, Floats]

    @property
    def rv_5d(self) -> Floats:
        """Square root of the expected variance."""
        return np.exp(self.log_variance / 2)


class Single(NamedTuple):
    """The forecast of one row with its reasons; names and units as in `Forecasts`.

    ``base`` and ``contributions``, by the recipe's features, sum to ``log_variance``.
    """

    log_variance: float
    bounds: dict[str, float]
    baselines: dict[str, float]
    base: float
    contributions: dict[str, float]

    @property
    def rv_5d(self) -> float:
        """Square root of the expected variance."""
        return exp(min(self.log_variance / 2, _LARGEST_LOG))


@dataclass(frozen=True)
class Forecaster:
    """Everything needed to forecast and explain from one row of features."""

    blend: Blend
    baselines: Baselines
    offsets: Offsets
    golden: Mapping[str, Any]

    @property
    def recipe(self) -> Recipe:
        """The recipe that the model was fitted by."""
        return self.blend.recipe

    @cached_property
    def signature(self) -> tuple[str, ...]:
        """Feature names, in the order of the columns of x."""
        return self.recipe.signature

    @cached_property
    def optional(self) -> frozenset[str]:
        """Features that may be null: a baseline is then missing, the forecast is not."""
        return frozenset(self.signature) - frozenset(self.recipe.required)

    def forecast(self, x: Floats) -> Forecasts:
        """Forecast rows x, f8[n, k], columns in the order of the signature."""
        rows = dict(zip(self.signature, x.T, strict=True))
        return replace(self.alone(x), baselines=self.baselines.forecast(rows))

    def alone(self, x: Floats) -> Forecasts:
        """Forecast rows x as `forecast` does, without the baselines."""
        log_variance = self.blend.log_variance(x[:, : len(self.recipe.features)])
        bounds = {name: np.exp(log_variance / 2 + self.offsets[name]) for name in BOUNDS}
        return Forecasts(log_variance, bounds, {})

    def explain(self, x: Floats) -> Explanation:
        """Explain rows x, f8[n, k]: one contribution a feature of the recipe."""
        return self.blend.explain(x[:, : len(self.recipe.features)])

    def single(self, row: Sequence[float]) -> Single:
        """Forecast and explain one row, in the order of the signature."""
        x = np.array([row], dtype=float)
        answer, why = self.forecast(x), self.explain(x)
        return Single(
            answer.log_variance.item(),
            {name: bound.item() for name, bound in answer.bounds.items()},
            {name: baseline.item() for name, baseline in answer.baselines.items()},
            why.base,
            dict(zip(self.recipe.features, why.contributions[0].tolist(), strict=True)),
        )

    def with_golden(self, x: Floats) -> "Forecaster":
        """Return the same forecaster, with its answers to x to be checked against at load."""
        answers = self.forecast(x).log_variance
        # None in place of NaN: the file is strict JSON.
        inputs = [[float(v) if np.isfinite(v) else None for v in row] for row in x]
        golden = {"features": list(self.signature), "inputs": inputs}
        golden["log_variance"] = [float(value) for value in answers]
        return replace(self, golden=golden)

    def check_golden(self) -> None:
        """Answer the stored rows again.

        Raises
        ------
        ModelError
            If an answer differs from the stored one by more than 1e-9.
        """
        x = np.asarray(self.golden["inputs"], dtype=float)
        gap = np.abs(self.forecast(x).log_variance - np.asarray(self.golden["log_variance"])).max()
        if not gap <= _GOLDEN_TOLERANCE:
            raise _bad(f"golden answers off by {gap:.3g}", f"within {_GOLDEN_TOLERANCE}")

    def files(self) -> dict[str, bytes]:
        """Return the files of `MODEL_FILES`; the same model gives the same bytes."""
        import xgboost

        linear, trees = self.blend.linear, self.blend.trees
        return {
            "model.ubj": bytes(trees.booster.save_raw("ubj")),
            "linear.json": as_json(
                {
                    "log_smearing": trees.log_smearing,
                    "anchor_means": self.blend.anchor_means.tolist(),
                    "intercept": linear.intercept,
                    "coefficients": linear.coefficients.tolist(),
                    "means": linear.means.tolist(),
                }
            ),
            "signature.json": as_json(
                {
                    "version": _SIGNATURE_VERSION,
                    "features": list(self.signature),
                    "optional": sorted(self.optional),
                    "xgboost": xgboost.__version__,
                    "recipe": self.recipe.as_dict(),
                }
            ),
            "intervals.json": as_json(self.offsets),
            "baselines.json": as_json(asdict(self.baselines)),
            "golden.json": as_json(dict(self.golden)),
        }

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> "Forecaster":
        """Load from the files of `MODEL_FILES`; others are ignored.

        Raises
        ------
        ModelError
            If a file is missing or cannot be read, was written by another xgboost, or names
            another signature than its recipe.
        """
        import xgboost

        if missing := sorted(set(MODEL_FILES) - set(files)):
            raise _bad(f"no {', '.join(missing)}", f"all of {', '.join(MODEL_FILES)}")
        try:
            parts = {name: json.loads(files[name]) for name in MODEL_FILES if name != "model.ubj"}
            recipe = _recipe(parts["signature.json"])
            blend = _blend(recipe, parts["linear.json"], files["model.ubj"])
            stored: dict[str, Any] = parts["baselines.json"]
            stored = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
            baselines = Baselines(**stored)
            offsets = {name: float(parts["intervals.json"][name]) for name in BOUNDS}
        except (ValueError, KeyError, TypeError, xgboost.core.XGBoostError) as error:
            raise _bad(
                f"unreadable files ({error})", "files as `volcast train` writes them"
            ) from error
        return cls(blend, baselines, offsets, parts["golden.json"])


def _recipe(signature: dict[str, Any]) -> Recipe:
    import xgboost

    version = xgboost.__version__
    if signature["xgboost"] != version:
        raise _bad(f"a model of xgboost {signature['xgboost']}", f"xgboost {version}")
    if signature["version"] != _SIGNATURE_VERSION:
        raise _bad(f"signature version {signature['version']}", f"version {_SIGNATURE_VERSION}")
    recipe = Recipe.of(signature["recipe"])
    if signature["features"] != list(recipe.signature):
        raise _bad("another feature signature", f"that of its recipe: {list(recipe.signature)}")
    return recipe


def _blend(recipe: Recipe, linear: dict[str, Any], model: bytes) -> Blend:
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(model))
    regression = GammaRegression(
        linear["intercept"], np.asarray(linear["coefficients"]), np.asarray(linear["means"])
    )
    trees = Trees(booster, linear["log_smearing"])
    return Blend(recipe, trees, regression, np.asarray(linear["anchor_means"]))


def _bad(found: str, expected: str) -> ModelError:
    return ModelError(
        found=found, expected=expected, where="model version",
        remedy="Serve another version (`volcast registry rollback`) or train again.",
    )  # fmt: skip
