"""The notes of a release say first what needs action, then what is new, audience by audience."""

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
  beside SPY's.

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


def test_what_needs_action_comes_first_and_each_audience_has_its_own(release):
    assert release.notes(CHANGELOG, "1.2.0") == (
        "## Before you upgrade\n\n- (for operators) the port is 8080.\n\n"
        "## For quants and whoever reads the forecast\n\n- A forecast of QQQ beside SPY's.\n\n"
        "## For operators\n\n- A setting.\n\n"
        "## For ML engineers and developers\n\n- Tests.\n"
    )


def test_a_version_without_anything_breaking_says_nothing_of_it(release):
    assert release.notes(CHANGELOG, "1.1.0") == (
        "## For quants and whoever reads the forecast\n\n- Old.\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("## 1.2.0 - x\n", "says nothing"),
        ("## 1.2.01\n\n### For users\n\n- a\n", "no section 1.2.0"),
        ("## 1.2.0\n\n### For managers\n\n- a\n", "speaks to 'For managers'"),
        ("## 1.2.0\n\n### For users\n\nloose\n", "outside of an entry"),
        ("## 1.2.0\n\n- homeless\n", "outside of an entry"),
    ],
)
def test_a_changelog_that_cannot_be_told_is_refused(release, text, said):
    with pytest.raises(ValueError, match=said):
        release.notes(text, "1.2.0")


def test_our_own_changelog_can_be_told_whole(release):
    text = (ROOT / "CHANGELOG.md").read_text()
    titles = re.findall(r"^## (?:\[)?([\w.]+)", text, re.MULTILINE)
    sections = dict(zip(titles, re.split(r"^## .*$", text, flags=re.MULTILINE)[1:], strict=True))
    newest, section = next(pair for pair in sections.items() if "\n- " in pair[1])
    told = release.notes(text, newest)
    assert told.count("\n- ") == section.count("\n- ")
    assert told.startswith("## Before you upgrade") is ("**Breaking**" in section)


def test_the_tag_must_be_the_version_that_is_declared(release, capsys, tmp_path, monkeypatch):
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
