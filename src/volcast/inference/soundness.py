"""Which forecasts are possible: finite, within bounds, and their intervals in order."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from volcast.core.errors import QualityError
from volcast.store.tables import FORECAST_BOUNDS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ladder_steps", "plausible", "require_sound"]

_LADDER = ["lo95", "lo80", "hi80", "hi95"]


def ladder_steps(rows: "pd.DataFrame") -> NDArray[np.float64]:
    """Return of each row the least step from bound to bound; -1 where a bound is not finite."""
    ladder = rows[_LADDER].to_numpy(dtype=float)
    sound = np.isfinite(ladder).all(axis=1)
    steps = np.diff(np.where(sound[:, None], ladder, 0.0), axis=1).min(axis=1)
    return np.where(sound, steps, -1.0)


def plausible(volatility: Any) -> Any:
    """Return whether a forecast is within `FORECAST_BOUNDS`; of an array, of each; NaN is not."""
    lowest, highest = FORECAST_BOUNDS
    return (lowest <= volatility) & (volatility <= highest)


def require_sound(rows: pa.Table) -> None:
    """Raise QualityError if a forecast is impossible; see `publish.publish`."""
    frame = rows.select(["session", "rv_5d_hat", *_LADDER]).to_pandas()
    sound = (ladder_steps(frame) > 0) & plausible(frame["rv_5d_hat"])
    if not sound.all():
        lowest, highest = FORECAST_BOUNDS
        worst = frame.loc[~sound].iloc[0]
        raise QualityError(
            found=repr(worst.to_dict()),
            expected=f"lo95 < lo80 < hi80 < hi95 and a forecast from {lowest} to {highest}",
            where="forecast to publish", remedy="Look at the features of that session.",
        )  # fmt: skip
