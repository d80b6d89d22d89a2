"""The rows that features are joined to: keys, each with a moment."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from feature_repo.join import NO_TIME, Ints, Numbers
from volcast.core.errors import RequestError

__all__ = ["MOMENT", "EntityRows", "numbers_by_value"]

MOMENT = "event_timestamp"
"""The column that says as of when a row is joined."""


@dataclass(frozen=True)
class EntityRows:
    """The caller's rows as they came, and their moments in nanoseconds since 1970, UTC."""

    table: pa.Table
    moments: Ints

    @classmethod
    def of(cls, entity_df: pd.DataFrame, keys: Sequence[str]) -> "EntityRows":
        """Take the rows of ``entity_df``, whose columns ``keys`` must be text.

        Raises
        ------
        RequestError
            If a column is missing, keys are not text, or moments are not times.
        """
        wanted = [*keys, MOMENT]
        if missing := [name for name in wanted if name not in entity_df.columns]:
            raise _unfit(f"no column {', '.join(missing)}", f"columns {', '.join(wanted)}")
        try:
            table = pa.Table.from_pandas(entity_df, preserve_index=False)
            stamps = pd.to_datetime(entity_df[MOMENT], utc=True).dt.as_unit("ns")
        except (pa.ArrowException, pd.errors.OutOfBoundsDatetime, TypeError, ValueError) as error:
            raise _unfit(str(error), "columns of one type, and times from 1678 to 2261") from error
        for name in keys:
            kind = table.schema.field(name).type
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and len(table):
                raise _unfit(f"{name} of type {kind}", f"{name} as text, such as '000001'")
        return cls(table, stamps.to_numpy("datetime64[ns]").view(np.int64))

    @property
    def first(self) -> datetime | None:
        """The earliest moment, None without any."""
        return self._bound(np.minimum)

    @property
    def last(self) -> datetime | None:
        """The latest moment, None without any."""
        return self._bound(np.maximum)

    def refuse_columns(self, names: Collection[str]) -> None:
        """Refuse rows that already have a column called like a feature.

        Raises
        ------
        RequestError
            If there is one.
        """
        if taken := sorted(set(names) & set(self.table.column_names)):
            raise _unfit(f"columns {', '.join(taken)}", "no column called like a feature")

    def _bound(self, pick: np.ufunc) -> datetime | None:
        known = self.moments[self.moments != NO_TIME]
        if not len(known):
            return None
        moment: datetime = pd.Timestamp(int(pick.reduce(known)), tz="UTC").to_pydatetime(warn=False)
        return moment


def numbers_by_value(column: pa.ChunkedArray) -> dict[str, Numbers]:
    """Return the row numbers of each text in ``column``, ascending; those of nulls left out."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    values = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(values)).to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(values) + 1))
    starts = [0, *ends]
    return {
        value: order[start:end] for value, start, end in zip(values, starts, ends, strict=False)
    }


def _unfit(found: str, expected: str) -> RequestError:
    return RequestError(
        found=found,
        expected=expected,
        where="entity_df",
        remedy="Mend the rows that features are asked for.",
        field="entity_df",
    )
