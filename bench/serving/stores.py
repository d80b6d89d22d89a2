"""A store of the embedded sample with two versions of the model, and rows to ask about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feature_repo.online import materialize
from volcast import registry
from volcast.core.settings import read_settings
from volcast.data.ingest import ingest
from volcast.data.sources import open_source
from volcast.data.validate import validate
from volcast.features import labels
from volcast.features.build import build
from volcast.features.catalog import FEATURES_DAILY
from volcast.features.point_in_time import features_at_close
from volcast.inference.forecast import infer
from volcast.inference.publish import publish
from volcast.models.forecaster import Forecaster
from volcast.store import Store
from volcast.training.train import train

__all__ = ["Subject", "made_subject"]

_DIGITS = 6
"""Significant digits of a value in a request, so that 1,000 rows fit under the server's cap."""


@dataclass(frozen=True)
class Subject:
    """The served store, its two versions with the champion first, its model, and 1000 rows.

    ``model_file`` is the champion's ``model.ubj``, for the other servers; ``x`` has rows by the
    signature, without nulls, of six significant digits.
    """

    folder: Path
    symbol: str
    versions: tuple[str, str]
    model_file: Path
    forecaster: Forecaster
    x: NDArray[np.float64]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of x."""
        return self.forecaster.signature

    @property
    def tree_x(self) -> NDArray[np.float64]:
        """The columns of x that the trees take."""
        columns = [self.names.index(name) for name in self.forecaster.recipe.tree_features]
        return self.x[:, columns]

    @contextmanager
    def swaps(self) -> Iterator[Iterator[str]]:
        """Promote the other version at each step, and name it; leave the first as champion."""
        try:
            yield (self.promote(self.versions[n % 2]) for n in count(1))
        finally:
            self.promote(self.versions[0])

    def promote(self, version: str) -> str:
        """Make ``version`` the champion; return it."""
        _promote(Store.open(str(self.folder)), version)
        return version


def made_subject(place: Path) -> Subject:
    """Train two versions on the embedded sample in a new store under ``place``."""
    folder = place / "store"
    settings = read_settings(source="sample", store=str(folder))
    store, universe = Store.open(str(folder)), settings.resolved_universe
    symbol, now = universe.target, datetime.now(UTC)
    as_of = ingest(store, open_source(settings), universe, now=now, as_of=None).as_of
    validate(store, universe, as_of)
    build(store, universe, as_of)
    labels.build(store, universe, as_of)
    frame = features_at_close(store, symbol, as_of)
    runs = [train(store, universe, as_of, frame, seed=seed).run_id for seed in (7, 8)]
    one, other = (registry.register(store, run).version for run in runs)
    _promote(store, one)
    publish(store, infer(store, universe, as_of))
    materialize(str(folder), as_of, expect=[symbol])
    champion = registry.champion(store, symbol)
    model_file = place / "model.ubj"
    model_file.write_bytes(champion.forecaster.files()["model.ubj"])
    x = _rows(store, symbol, champion.forecaster.signature)
    return Subject(folder, symbol, (one, other), model_file, champion.forecaster, x)


def _promote(store: Store, version: str) -> None:
    registry.promote(store, version, who="bench", why="bench", when=datetime.now(UTC))


def _rows(store: Store, symbol: str, names: tuple[str, ...]) -> NDArray[np.float64]:
    table = store.read(FEATURES_DAILY, symbols=[symbol]).to_pandas()
    whole = table[list(names)].dropna().to_numpy(dtype=float)
    newest = np.resize(whole[::-1], (1000, len(names)))  # repeats rows where they are fewer
    return np.array([[float(f"{value:.{_DIGITS}g}") for value in row] for row in newest])
