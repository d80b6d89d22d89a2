"""Real features to resample: SPY's if the market files exist, else the sample's."""

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from volcast.core.settings import read_settings
from volcast.data.ingest import ingest
from volcast.data.sources import open_source
from volcast.data.validate import validate
from volcast.features import labels
from volcast.features.build import build
from volcast.features.catalog import names
from volcast.features.point_in_time import labelled_features
from volcast.store import Store

__all__ = ["real_features"]


def real_features() -> tuple[str, NDArray[np.float64]]:
    """Return their origin, and complete rows of 34 features and the log of the target.

    The files are those of the folder ``VOLCAST_TEST_DATA``.
    """
    folder = Path(os.environ.get("VOLCAST_TEST_DATA", "../shared/data"))
    settings = read_settings(source="sample")
    if (folder / "market" / "SPY.csv").is_file():
        settings = read_settings(source="csv", source_path=str(folder))
    universe = settings.resolved_universe
    with tempfile.TemporaryDirectory(prefix="volcast-bench-") as place:
        store = Store.open(place)
        now = datetime.now(UTC)
        as_of = ingest(store, open_source(settings), universe, now=now, as_of=None).as_of
        validate(store, universe, as_of)
        build(store, universe, as_of)
        labels.build(store, universe, as_of)
        rows = labelled_features(store, universe.target, as_of)
    candidates = names("iv", "range", "common", "classical")
    columns = [name for name in candidates if rows[name].notna().mean() > 0.9]
    complete = rows.dropna(subset=[*columns, "rv_5d"])
    values = complete[columns].assign(target=np.log(complete["rv_5d"])).to_numpy(dtype=np.float64)
    return f"{universe.target}, {len(values)} sessions", values
