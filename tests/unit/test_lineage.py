"""Digests: equal for equal input, and changed by anything that could change a number."""

import math

import pandas as pd
import pyarrow as pa
import pytest

from volcast.core import hashing
from volcast.core.hashing import as_json, code_version, digest, frame_digest, table_digest


def test_json_is_canonical_and_refuses_nan():
    assert as_json({"b": 1, "a": 2}) == as_json({"a": 2, "b": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json({"a": math.nan})


def test_a_digest_depends_on_every_part_and_its_order():
    assert digest("a", 1) == digest("a", 1)
    assert len({digest("a", 1), digest(1, "a"), digest("a", 2), digest("a1")}) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.assign(x=[1.0, 2.0 + 1e-15]),
        lambda frame: frame.rename(columns={"x": "y"}),
        lambda frame: frame.iloc[::-1],
        lambda frame: frame.assign(day=["2021-01-04", "2021-01-06"]),
    ],
)
def test_one_changed_value_name_or_order_changes_the_digest(change):
    frame = pd.DataFrame({"day": ["2021-01-04", "2021-01-05"], "x": [1.0, 2.0]})
    changed = change(frame)
    assert frame_digest(changed) != frame_digest(frame)
    before, after = (pa.Table.from_pandas(f, preserve_index=False) for f in (frame, changed))
    assert table_digest(after) != table_digest(before)


def test_a_table_has_one_digest_however_it_is_chunked():
    table = pa.table({"x": [1, 2, 3]})
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert table_digest(chunked) == table_digest(table)


def test_another_version_of_a_computing_library_is_another_code_version(monkeypatch):
    before = code_version()
    code_version.cache_clear()
    monkeypatch.setattr(hashing, "version", lambda _: "0.0.1")
    assert code_version() != before
    code_version.cache_clear()


def test_a_library_that_no_forecast_rests_on_may_be_absent(monkeypatch):
    names = []
    code_version.cache_clear()
    monkeypatch.setattr(hashing, "version", lambda name: names.append(name) or "1")
    code_version()
    code_version.cache_clear()
    assert sorted(names) == ["numpy", "pandas", "xgboost", "xgboost-cpu"]
