"""Tables of the command line: text that fits the terminal, JSON and CSV that keep every digit."""

import csv
import io
import json
from datetime import date
from math import nan

import pytest
from rich.console import Console

from volcast.cli import arguments, tables
from volcast.cli.tables import Listing, print_data, print_listing

ROWS = [
    {"name": "HAR-RV", "gain": 0.1 + 0.2, "day": date(2021, 1, 4), "why": "so much " * 12, "x": []},
    {"name": "波動率", "gain": nan, "day": date(2021, 1, 5), "why": "", "x": [1]},
]
LISTING = Listing(
    ROWS,
    {
        "name": lambda row: row["name"],
        "gain": lambda row: f"{row['gain']:+.1f} %" if row["name"] == "HAR-RV" else "",
        "why": lambda row: row["why"].strip(),
    },
    "Title",
)


def _printed(monkeypatch, width: int, terminal: bool) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, no_color=True)
    for module in (arguments, tables):
        monkeypatch.setattr(module, "console", console)
    print_listing(LISTING)
    text = out.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")
    return text.splitlines()[2:]


@pytest.mark.parametrize("width", [60, 80])
def test_a_table_keeps_its_columns_and_wraps_only_the_last(monkeypatch, width):
    heading, first, *rest = _printed(monkeypatch, width, terminal=True)
    assert max(map(len, [heading, first, *rest])) <= width
    assert heading.index("why") == first.index("so much")
    assert first.index("+0.3 %") + len("+0.3 %") == heading.index("gain") + len("gain")
    assert len(rest) > 1


def test_rows_are_blocks_where_a_table_does_not_fit(monkeypatch):
    lines = _printed(monkeypatch, 30, terminal=True)
    assert max(map(len, lines)) <= 30
    assert "gain: +0.3 %" in [line.strip() for line in lines]


def test_off_a_terminal_a_row_is_a_line_of_plain_text(monkeypatch):
    heading, *rows = _printed(monkeypatch, 40, terminal=False)
    assert len(rows) == len(ROWS)
    assert heading.split() == ["name", "gain", "why"]
    assert rows[0].endswith("so much")


def test_json_and_csv_keep_every_digit_and_have_null_for_a_missing_number(capsys):
    print_data("json", rows=LISTING)
    first, second = json.loads(capsys.readouterr().out)
    assert (first["gain"], first["day"], second["gain"]) == (0.1 + 0.2, "2021-01-04", None)
    print_data("json", first=LISTING, other=[])
    assert json.loads(capsys.readouterr().out)["other"] == []
    print_data("csv", rows=LISTING, other=[{"a": 1}])
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [line["name"] for line in lines] == ["HAR-RV", "波動率"]
    assert (float(lines[0]["gain"]), lines[1]["gain"], "x" in lines[0]) == (0.1 + 0.2, "", False)
