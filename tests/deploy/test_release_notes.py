"""The notes of a release list first what needs action, then what is new, audience by audience."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CHANGELOG = """# Changelog

## Unreleased

### For users

- Not yet.

## 1.2.0 - 2026-11-01

### For developers

- Tests.

### For users

- A forecast of QQQ
  next to SPY's.

### For operators

- A setting.
- **Breaking**: the port is 8080.

## 1.1.0

### For users

- Old.
"""


@pytest.fixture(scope="module")
def release():
    path = ROOT / ".github/release_notes.py"
    spec = importlib.util.spec_from_file_location("release_notes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_breaking_entries_come_first_and_each_audience_has_a_section(release):
    assert release.notes(CHANGELOG, "1.2.0") == (
        "## Before you upgrade\n\n- (for operators) the port is 8080.\n\n"
        "## For quants and whoever reads the forecast\n\n- A forecast of QQQ next to SPY's.\n\n"
        "## For operators\n\n- A setting.\n\n"
        "## For ML engineers and developers\n\n- Tests.\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "## 1.2.0 - x\n",
        "## 1.2.01\n\n### For users\n\n- a\n",
        "## 1.2.0\n\n### For managers\n\n- a\n",
        "## 1.2.0\n\n### For users\n\nloose\n",
        "## 1.2.0\n\n- homeless\n",
    ],
)
def test_a_malformed_changelog_is_refused(release, text):
    with pytest.raises(ValueError, match=r"^CHANGELOG\.md"):
        release.notes(text, "1.2.0")


def test_our_own_changelog_is_well_formed(release):
    text = (ROOT / "CHANGELOG.md").read_text()
    sections = re.findall(r"^## \[?([\w.]+)(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    newest, entries = next(section for section in sections if "\n- " in section[1])
    assert release.notes(text, newest).count("\n- ") == entries.count("\n- ")


def test_the_tag_must_be_the_declared_version(release, capsys, tmp_path, monkeypatch):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert release.main(["v99.0.0"]) == 1
    assert declared in capsys.readouterr().err
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    build = tmp_path / "build.json"
    build.write_text(json.dumps({"model": "r/volcast/model@sha256:1"}))
    monkeypatch.setattr(release, "ROOT", tmp_path)
    assert release.main(["v1.2.0", "--build", str(build)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("## Before you upgrade")
    assert "| model | `r/volcast/model@sha256:1` |" in out
    assert release.main(["v1.3.0"]) == 1
