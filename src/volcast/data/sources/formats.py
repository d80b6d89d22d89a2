"""Tables of prices as people have them, read as days and numbers, or refused."""

import re
from typing import Any

import numpy as np
import pandas as pd

from volcast.core import calendar
from volcast.core.errors import ContractError
from volcast.data.sources.source import PRICES

__all__ = ["TEXT", "column_name", "fault_of", "prices_of", "tabulate", "unique"]

_SYNONYMS = {
    "date": "date datetime timestamp session day observation_date fecha datum data",
    "vintage": "vintage",
    "open": "open apertura abertura ouv eröffn otwarcie",
    "high": "high máximo máxima massimo plus_haut hoch najwyzszy",
    "low": "low mínimo mínima minimo plus_bas tief najnizszy",
    "close": "close close_last last price último ultimo dernier zuletzt zamkniecie",
    "adj_close": "adj_close adjclose adjusted_close",
    "volume": "volume vol wolumen",
    "value": "value",
}
_NAMES = {word: name for name, words in _SYNONYMS.items() for word in words.split()}
"""Our name of a column by the words of its header, in lower case and joined by underscores."""

_VENDORS = {
    "Nasdaq.com": {"close_last"}, "investing.com": {"vol"}, "FRED": {"observation_date"},
    "Yahoo": {"adj_close"}, "Stooq": {"date", "open", "volume"}, "Cboe": {"date", "open"},
}  # fmt: skip
"""Columns by which messages name a format; the first that has them all."""

_DAYS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y",
    "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y",
)  # fmt: skip
_STAMP = (
    r"^(?P<day>.*?)(?:[T ]+(?P<clock>\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp][Mm])?)"
    r"(?P<zone> ?Z|[+-]\d\d:?\d\d)?)?$"
)
_MIDNIGHT = r"0?0:00(:00(\.0+)?)?"
_FIRST = pd.Timestamp(calendar.EARLIEST)
_LAST = pd.Timestamp(calendar.LAST) - pd.Timedelta(days=30)
"""Plausible dates; the calendar must know the sessions on which a macro value becomes public."""

_MISSING = ["", "nan", "na", "n/a", "#n/a", "<na>", "null", "none", ".", "-", "--"]
_BLANKS = " \u00a0\u202f"
_NUMBERS = {
    mark: rf"([+-]?[$€£]?((\d+|[1-9]\d{{0,2}}([{group}]\d{{3}})+)([{mark}]\d*)?|[{mark}]\d+)"
    rf"(e[+-]?\d+|[{_BLANKS}]?[kmb%€£$])?)"
    for mark, group in ((".", f",'’{_BLANKS}"), (",", f".'’{_BLANKS}"))
}
"""What fits a number in lower case by its decimal mark; other marks are between thousands."""
TEXT = pd.StringDtype("pyarrow")
_NEW_YORK = "America/New_York"


def tabulate(
    frame: pd.DataFrame, where: str, separator: str = "", first_row: int = 1
) -> pd.DataFrame:
    """Return the columns whose name is known, under our names, as days and numbers.

    A table of dates and one other column has a ``value``. All rows together decide whether days
    or months come first, and which mark is the decimal one.

    Parameters
    ----------
    frame : pandas.DataFrame, shape (n, k)
        Text or numbers; dates are a column or the index; columns may have a level of tickers.
    where : str
        What messages name.
    separator : str
        Of the file's columns: where it is a comma, a lone point is a decimal one.
    first_row : int
        Number of the first row in messages; the index of the result counts from it.

    Returns
    -------
    pandas.DataFrame, shape (n, m)
        date as datetime64[ns], vintage as text, all others as float64.

    Raises
    ------
    ContractError
        With the column and row, if a name occurs twice, a date or number is malformed, or either
        can be read in two ways.
    """
    labels, names, columns = _named(frame)
    vendor = _vendor(labels)
    odd = next((n for n in ("date", *names) if n and names.count(n) != 1), "")
    if odd:
        twice = "Remove or rename the other columns of that kind; a table has one symbol."
        raise ContractError(
            found=f"columns {labels}{vendor}", expected=f"one column {odd}",
            where=f"{where}, row 1", remedy=twice if odd in names else _add(odd),
        )  # fmt: skip
    rows = pd.RangeIndex(first_row, first_row + len(frame))
    table = pd.DataFrame(index=rows)
    text: dict[str, pd.Series[Any]] = {}
    for label, name, column in zip(labels, names, columns, strict=True):
        column.index = rows
        if name == "date":
            table[name] = _days(column, f"column {label}", where, vendor)
        elif name == "vintage":
            table[name] = column.astype(TEXT)
        elif name and pd.api.types.is_numeric_dtype(column):
            table[name] = column.astype(np.float64)
        elif name or "%" in label:
            cells = column.astype(TEXT).str.strip().str.lower()
            text[label] = cells.mask(cells.isin(_MISSING))
    mark = _decimal_mark(text, separator, where, vendor)
    for label, cells in text.items():
        if name := names[labels.index(label)]:
            table[name] = _numbers(cells, mark)
    return table


def _named(frame: pd.DataFrame) -> tuple[list[str], list[str], list["pd.Series[Any]"]]:
    """Return labels, our names (empty: unknown) and values of the columns, dates among them."""
    levels = [frame.columns.get_level_values(i) for i in range(frame.columns.nlevels)]
    by_level = [[column_name(label) for label in level] for level in levels]
    names = next((names for names in by_level if "close" in names), by_level[0])
    labels = [" ".join(dict.fromkeys(map(str, label))) for label in zip(*levels, strict=True)]
    columns = [frame.iloc[:, i].copy() for i in range(len(labels))]
    if "date" not in names and labels and labels[0].strip() in ("", "index", "Unnamed: 0"):
        names[0] = "date"
    elif "date" not in names and not isinstance(frame.index, pd.RangeIndex):
        labels, names = [str(frame.index.name or "index"), *labels], ["date", *names]
        columns = [frame.index.to_series(), *columns]
    if sorted(names) == ["", "date"]:
        names[names.index("")] = "value"
    return labels, names, columns


def column_name(label: object) -> str:
    """Return our name of a column by its label; empty if it is unknown."""
    return _NAMES.get(_words(label), "")


def _words(label: object) -> str:
    return "_".join(re.findall(r"\w+", str(label).casefold()))


def _vendor(labels: list[str]) -> str:
    words = {_words(label) for label in labels}
    fitting = [name for name, columns in _VENDORS.items() if columns <= words]
    return f" (looks like a file of {fitting[0]})" if fitting else ""


def _days(values: "pd.Series[Any]", label: str, where: str, vendor: str) -> "pd.Series[Any]":
    """Return days; a time is left out, and one with a zone, if not midnight, is New York's."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        local = values.dt.tz_localize(None)
        if (local != local.dt.normalize()).any():
            local = values.dt.tz_convert(_NEW_YORK).dt.tz_localize(None)
        values = local
    if pd.api.types.is_datetime64_dtype(values):
        readings = [values.dt.normalize()]
    else:
        label += " of integers" if pd.api.types.is_integer_dtype(values) else ""
        values = values.astype(TEXT).str.strip()
        readings = _readings(values)
    days = max(readings, key=lambda days: days.notna().sum())
    complete = [other for other in readings if other.notna().all()]
    if any(not days.equals(other) for other in complete):
        raise ContractError(
            found=f"{label}: from {values.iloc[0]} to {values.iloc[-1]}{vendor}",
            expected="dates of which one shows whether days or months come first", where=where,
            remedy="Write dates as YYYY-MM-DD.",
        )  # fmt: skip
    sound = days.between(_FIRST, _LAST)
    if not sound.all():
        row: Any = sound.idxmin()
        value = "no value" if pd.isna(values[row]) or values[row] == "" else values[row]
        raise ContractError(
            found=f"{label}: {value}{vendor}",
            expected=f"a date from {_FIRST:%Y-%m-%d} to {_LAST:%Y-%m-%d}, in one notation",
            where=f"{where}, row {row}", remedy="Fix the row; YYYY-MM-DD is always understood.",
        )  # fmt: skip
    dated: pd.Series[Any] = days.astype("datetime64[ns]")
    return dated


def _readings(text: "pd.Series[Any]") -> list["pd.Series[Any]"]:
    """Return what the dates are in each notation; null where a date does not fit it."""
    iso = pd.to_datetime(text, format=_DAYS[0], errors="coerce")
    if iso.notna().all():
        return [iso]
    parts = text.str.extract(_STAMP)
    if parts["zone"].notna().all() and not parts["clock"].str.fullmatch(_MIDNIGHT).all():
        stamps = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
        return [stamps.dt.tz_convert(_NEW_YORK).dt.tz_localize(None).dt.normalize()]
    day = parts["day"]
    readings = [pd.to_datetime(day, format=form, errors="coerce") for form in _DAYS]
    # Of seven digits pandas would guess the last.
    compact = day.str.fullmatch(r"\d{8}").fillna(False)
    return [*readings, pd.to_datetime(day.where(compact), format="%Y%m%d", errors="coerce")]


def _decimal_mark(
    text: "dict[str, pd.Series[Any]]", separator: str, where: str, vendor: str
) -> str:
    """Return the decimal mark with which every cell is a number."""
    fits = {
        mark: {label: cells.str.fullmatch(form).fillna(True) for label, cells in text.items()}
        for mark, form in _NUMBERS.items()
    }
    marks = [mark for mark, fit in fits.items() if all(sound.all() for sound in fit.values())]
    marked = {label: cells.str.contains("[.,]").fillna(False) for label, cells in text.items()}
    commas = any(cells.str.contains(",").any() for cells in text.values())
    plain = not any(cells.any() for cells in marked.values()) or (separator == "," and not commas)
    if marks and (plain or len(marks) == 1):
        return marks[0]
    if marks:
        odd, expected = marked, "a number that shows whether point or comma is the decimal mark"
    else:
        fit = max(fits.values(), key=lambda fit: sum(sound.sum() for sound in fit.values()))
        odd = {label: ~sound.astype(bool) for label, sound in fit.items()}
        expected = "numbers with one decimal mark in the whole table"
    label = next(label for label, cells in odd.items() if cells.any())
    row: Any = odd[label].idxmax()
    raise ContractError(
        found=f"column {label}: {text[label].loc[row]}{vendor}", expected=expected,
        where=f"{where}, row {row}", remedy="Write numbers as 1234.5.",
    )  # fmt: skip


def _numbers(cells: "pd.Series[Any]", mark: str) -> "pd.Series[float]":
    plain = cells.str.replace(rf"[^\d{mark}+\-ekmb]", "", regex=True)
    for sign, exact in ((mark, "."), ("k", "e3"), ("m", "e6"), ("b", "e9")):
        plain = plain.str.replace(sign, exact, regex=False)
    return plain.astype(np.float64)


def unique(table: pd.DataFrame, key: list[str], where: str) -> tuple[pd.DataFrame, int]:
    """Drop exact repeats of a row and count them; two different rows for one key raise."""
    rows = table.drop_duplicates()
    conflicting = rows.duplicated(key)
    if conflicting.any():
        row: Any = conflicting.idxmax()
        label = ", ".join(str(rows[name].loc[row]).removesuffix(" 00:00:00") for name in key)
        raise ContractError(
            found=f"{label} a second time, with other values", expected=f"one row per {key[-1]}",
            where=f"{where}, row {row}", remedy="Remove the wrong one of the two rows.",
        )  # fmt: skip
    return rows, len(table) - len(rows)


def fault_of(table: pd.DataFrame, where: str) -> ContractError | None:
    """Return why a table is not one of daily bars; None if it is."""
    lacking = [name for name in PRICES[:4] if name not in table]
    if len(table) and not lacking:
        return None
    return ContractError(
        found=f"no column {', '.join(lacking)}" if lacking else "a header without rows",
        expected="rows of date, open, high, low and close", where=where,
        remedy=_add(*lacking) if lacking else "Add daily prices of one symbol.",
    )  # fmt: skip


def _add(*columns: str) -> str:
    return f"Add a column {' and a column '.join(columns)}, or rename the one that has it."


def prices_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return session, prices and volume; a value is a close, and a close the adjusted close."""
    close = table.get("close", table.get("value", np.nan))
    prices = {name: table.get(name, np.nan) for name in ("open", "high", "low", "volume")}
    adjusted = table.get("adj_close", close)
    return pd.DataFrame({"session": table["date"], **prices, "close": close, "adj_close": adjusted})
