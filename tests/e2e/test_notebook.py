"""The notebook of examples runs from its first cell to its last."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT


@pytest.mark.filterwarnings("default")
def test_the_quickstart_runs_and_shows_forecast_drivers_chart_and_skill(tmp_path: Path) -> None:
    notebook = nbformat.read(ROOT / "examples/quickstart.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    NotebookClient(
        notebook, timeout=500, startup_timeout=200, resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert all(shown)
    data = [one.data for outputs in shown for one in outputs if one.output_type != "stream"]
    tables = [one["text/html"] for one in data if "text/html" in one]
    assert sum("<table" in table for table in tables) == 3
    assert sum("vegaEmbed" in table for table in tables) == 1
    assert list(tmp_path.iterdir()) == []
    printed = [one.text.strip() for outputs in shown for one in outputs if "text" in one]
    assert len(printed) == 1
    assert printed[0] in (ROOT / "docs/index.md").read_text(encoding="utf-8")
