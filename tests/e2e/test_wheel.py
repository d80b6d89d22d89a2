"""A wheel in an empty environment forecasts, without a checkout."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements/lock.txt"
pytestmark = pytest.mark.xdist_group("wheel")


def run(*command: object, folder: Path) -> subprocess.CompletedProcess[str]:
    keep = {"PATH", "HOME", "UV_INDEX_URL", "SSL_CERT_FILE", "UV_CACHE_DIR", "VOLCAST_DRIFT_PYTHON"}
    return subprocess.run(
        [str(part) for part in command], cwd=folder, text=True, capture_output=True, check=False,
        env={name: value for name, value in os.environ.items() if name in keep or "PIP_" in name},
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    uv = Path(sys.executable).with_name("uv")
    built = run(
        uv, "build", "--quiet", "--wheel", "--out-dir", folder / "dist",
        "--build-constraints", LOCK, ROOT, folder=folder,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (path,) = (folder / "dist").glob("volcast-*.whl")
    return path


@pytest.fixture(scope="module")
def volcast(folder: Path, wheel: Path) -> Path:
    uv = Path(sys.executable).with_name("uv")
    assert run(uv, "venv", "--quiet", "env", folder=folder).returncode == 0
    installed = run(
        uv, "pip", "install", "--quiet", "--python", "env", "--constraints", LOCK,
        f"{wheel}[feast]", folder=folder,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    return folder / "env/bin/volcast"


def test_it_carries_the_applications_the_licence_and_the_types(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    applications = {name.split("/")[2] for name in names if "/applications/" in name}
    assert applications == {"components", "feature_repo", "pipelines", "serving"}
    assert "volcast/py.typed" in names
    assert "volcast/monitoring/drift/requirements.txt" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_a_day_runs_from_it(volcast: Path, folder: Path):
    result = run(volcast, "run", "--source", "sample", "--store", "store", folder=folder)
    assert result.returncode == 0, result.stderr
    sample = re.search(r"^SPX, .*?(?=^```)", (ROOT / "README.md").read_text(), re.M | re.S)
    assert sample is not None
    assert sample[0] in result.stdout
    python = volcast.with_name("python")
    shown = run(
        python, "-c", "import volcast, sys; print(volcast.__file__)", folder=folder
    ).stdout.strip()
    assert Path(shown).is_relative_to(folder)
    assert list((folder / "store/predictions_daily").rglob("*.parquet"))


def test_a_missing_extra_is_one_error(volcast: Path, folder: Path):
    result = run(
        volcast.with_name("python"), "-c",
        "from volcast.core.applications import load; load('serving.server')", folder=folder,
    )  # fmt: skip
    assert "ConfigError" in result.stderr
    assert "volcast[serving]" in result.stderr
