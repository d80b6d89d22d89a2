"""Write ``xnys.csv`` from exchange_calendars: ``python -m volcast.core.xnys``.

The library reads the file in milliseconds, where making the calendar costs half a second in every
process; so exchange_calendars is needed here alone.
"""

from datetime import date, timedelta
from pathlib import Path

import exchange_calendars
import pandas as pd

from volcast.core.calendar import CLOSINGS, FIRST, LAST

__all__ = ["render"]

_MARGIN = timedelta(days=31)
"""So that the sessions next to a closed day at either end are right too."""


def render(first: date = FIRST - _MARGIN, last: date = LAST + _MARGIN) -> str:
    """Return the weekdays on which XNYS is shut or closes early: its time, or why not at all."""
    xnys = exchange_calendars.get_calendar("XNYS", start=str(first), end=str(last))
    weekdays = pd.bdate_range(first, last)
    holidays = xnys.regular_holidays.holidays(weekdays[0], weekdays[-1])
    rows = {day: "closed" for day in weekdays.difference(xnys.sessions)}
    rows |= {day: "holiday" for day in rows if day in holidays}
    closes = xnys.closes[xnys.early_closes].dt.tz_convert("America/New_York")
    rows |= {day: f"{close:%H:%M}" for day, close in closes.items()}
    return "day,closes\n" + "".join(f"{day:%Y-%m-%d},{rows[day]}\n" for day in sorted(rows))


if __name__ == "__main__":
    Path(CLOSINGS).write_text(render(), encoding="utf-8")
