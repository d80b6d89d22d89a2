"""The documentation: its links, its generated parts and its site."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from docs import hooks
from tests.conftest import ROOT
from volcast.cli.main import app
from volcast.core import errors
from volcast.core.settings import Settings, Universe
from volcast.features.catalog import FEATURES, FEATURES_DAILY
from volcast.monitoring.metrics import METRICS
from volcast.steps.table import STEPS
from volcast.store.tables import TABLES

ONE_LINE = {"requests", "limits", "labels", "podLabels", "dashboardLabels"}
CONTRACTS = [*TABLES.values(), FEATURES_DAILY]
VALUES = (ROOT / "helm/volcast/values.yaml").read_text(encoding="utf-8")
GENERATED = {
    "cli": list(get_command(app).commands),  # type: ignore[attr-defined]
    "errors": [name for name in errors.__all__ if name != "VolcastError"],
    "features": [feature.name for feature in FEATURES],
    "http": ["GET /predict", "POST /v2/models/volcast/infer", "POST /qa", "GET /sources"],
    "metrics": list(METRICS),
    "python": ["sample", "forecast", "evaluate", "interval80", "ContractError", "p_better"],
    "settings": [f"VOLCAST_{name.upper()}" for name in Settings.model_fields],
    "steps": list(STEPS),
    "values": ["global.pods.caBundle", *yaml.safe_load(VALUES)],
    "tables": [name for one in CONTRACTS for name in (one.name, *one.key)],
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_the_readme_of_the_chart_is_current_and_has_every_value() -> None:
    text = (hooks.CHART / "README.md").read_text(encoding="utf-8")
    assert text == hooks._chart_readme()
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \|", text, re.MULTILINE))
    charts = {"": hooks.CHART, "redis.": hooks.CHART / "charts/redis"}
    for prefix, chart in charts.items():
        values = yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))
        assert [name for name in leaves(values, prefix) if not rows.get(name)] == []
    assert rows["source"] == "`sample`, `yfinance`, `synthetic`"
    assert rows["networkPolicies.collector.port"] == "integer"


def leaves(values: dict[str, Any], prefix: str) -> Iterator[str]:
    """Yield the names of values; a block on one line is one value."""
    for name, value in values.items():
        if isinstance(value, dict) and value and name not in ONE_LINE:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("page", GENERATED)
def test_the_reference_has_what_the_code_has(site: Path, page: str) -> None:
    html = (site / f"reference/{page}.html").read_text(encoding="utf-8")
    article = html[html.index("<article") : html.index("</article>")]
    text = unescape(re.sub(r"<[^>]+>", "", article))
    assert [name for name in GENERATED[page] if name not in text] == []


@pytest.mark.xdist_group("docs")
def test_the_site_is_whole_and_loads_nothing_from_elsewhere(site: Path) -> None:
    loads = re.compile(
        r"<(?:script|img|iframe|source|link)\b[^>]*?(?:src|srcset|href)=[\"']?(?:https?:)?//"
    )
    pages = list(site.rglob("*.html"))
    assert len(pages) > 80
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not loads.search(text), page
        assert "<!-- generated" not in text, page


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_of_the_front_pages_lead_to_files(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"(?:\]\(|srcset=\"|src=\")(?!https?:|#)([^)#\"\s]+)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_path_that_contributing_names_exists() -> None:
    tables = re.findall(r"^\|.*\|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    spans = [span for line in tables for span in re.findall(r"`([^`]+)`", line)]
    paths = [span for span in spans if re.fullmatch(r"[\w./-]+(/|\.py|\.csv|\.md|\.yml)", span)]
    assert len(paths) > 30
    folders = (ROOT, ROOT / "src/volcast", *(ROOT / "src/volcast").iterdir())
    assert [path for path in paths if not any((one / path).exists() for one in folders)] == []


def test_every_file_that_the_pages_name_exists() -> None:
    folders = "src|tests|manifests|helm|pipelines|components|serving|feature_repo|bench|docs"
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")]
    spans = {
        (page.name, span)
        for page in pages
        for span in re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text(encoding="utf-8"))
    }
    assert len(spans) > 20
    assert [one for one in spans if not (ROOT / one[1]).exists()] == []


def test_every_setting_has_a_description() -> None:
    fields = Settings.model_fields | Universe.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_the_quickstart_lists_every_extra() -> None:
    rows = re.findall(r"^\| (`.+?|none) \|", (ROOT / "docs/index.md").read_text(), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = {name.strip("`") for row in rows for name in row.split(", ")}
    assert listed == {"none", *project["optional-dependencies"]}


def test_the_readme_has_the_numbers_of_the_model_card() -> None:
    def rows(name: str) -> dict[str, list[str]]:
        lines = re.findall(r"^\| (.+) \|$", (ROOT / name).read_text(), re.MULTILINE)
        return {cells[0]: cells[1:] for cells in (line.split(" | ") for line in lines)}

    card, readme = rows("docs/model-card.md"), rows("README.md")
    for name in ("HAR-RV", "HAR-X, logs, with VIX", "VIX", "GJR-GARCH(1,1)"):
        _, _, saved, p, _, _, late_saved, late_p = card[name]
        assert readme[name] == [saved, p, late_saved, late_p]


def test_every_decision_is_listed_by_its_title() -> None:
    folder = ROOT / "docs/adr"
    listed = re.findall(r"^\| \[(\d{4})\]\((.+)\) \| (.+) \|$",
                        (folder / "README.md").read_text(), re.MULTILINE)  # fmt: skip
    titles = [
        (path.name[:4], path.name, path.read_text().splitlines()[0].split(" ", 2)[2])
        for path in sorted(folder.glob("[0-9]*.md"))
    ]
    assert listed == titles


def test_the_page_of_the_store_lists_every_table_by_its_key() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.+?) \|",
                      (ROOT / "docs/store.md").read_text(), re.MULTILINE)  # fmt: skip
    assert dict(rows) == {one.name: ", ".join(one.key) for one in CONTRACTS}
