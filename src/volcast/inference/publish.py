"""Publication of forecasts to predictions_daily; a published forecast is never changed."""

from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from volcast.core.settings import Universe
from volcast.inference.forecast import infer, shadow
from volcast.inference.soundness import require_sound
from volcast.store import Store, WriteReport
from volcast.store.tables import PREDICTIONS_DAILY

__all__ = ["Backfill", "backfill", "publish"]


@dataclass(frozen=True)
class Backfill:
    """What a backfill wrote, and the summary of the challenger's part."""

    report: WriteReport
    challenger: str


def publish(store: Store, rows: pa.Table) -> WriteReport:
    """Write forecasts to predictions_daily, unless one of them is impossible.

    A row of a session and version that is already published is left as it is, and counted as
    unchanged.

    Raises
    ------
    QualityError
        If a forecast is not finite, lies outside .3 % to 500 %, or its bounds are out of order.
    """
    require_sound(rows)
    if not len(rows):
        return WriteReport(0, 0, 0, 0)
    days = pc.min_max(rows["session"]).as_py()
    published = set(_keys(store.read(PREDICTIONS_DAILY, first=days["min"], last=days["max"])))
    new = rows.filter(pa.array([key not in published for key in _keys(rows)], pa.bool_()))
    report = store.write(PREDICTIONS_DAILY, new)
    return replace(report, unchanged=report.unchanged + len(rows) - len(new))


def backfill(store: Store, universe: Universe, first: date, last: date) -> Backfill:
    """Publish the forecasts that daily runs of champion and challenger would have published."""
    report = publish(store, infer(store, universe, first, last))
    challengers = shadow(store, universe, first, last)
    publish(store, challengers.rows)
    return Backfill(report, challengers.summary)


def _keys(rows: pa.Table) -> list[tuple[object, ...]]:
    return list(zip(*(rows[name].to_pylist() for name in PREDICTIONS_DAILY.key), strict=True))
