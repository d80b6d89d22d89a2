"""The images, built for real: what they hold, what they may, and that they compute the same."""

import hashlib
import json
import os
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.deploy.engine import (
    ALL,
    TAG,
    built,
    docker,
    inspected,
    needs_engine,
    open_folder,
    python_in,
    reference,
)
from tests.deploy.tools import ROOT
from volcast.steps import IMAGES, STEPS

pytestmark = [pytest.mark.xdist_group("interfaces"), pytest.mark.timeout(3600)]

LARGEST_BYTES = 1.4e9

OF_THE_CLOCK = (
    "feast/", "monitoring.jobs/", "monitoring/underway/", "monitoring/validated/", "raw.",
    "registry/audit/",
)  # fmt: skip
"""Prefixes of files whose content or name has the time of their run or their place."""


@pytest.fixture(scope="module", autouse=True)
def images() -> None:
    """Build the images; skip all of this without an engine."""
    needs_engine()
    built()


@pytest.fixture(scope="module")
def runs(images: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The stores of the sample's pipelines, run here and in the images."""
    here = tmp_path_factory.mktemp("runs") / "here"
    inside = open_folder(here.with_name("inside"))
    _pipelines("pipelines.local", here)
    _pipelines("tests.deploy.run_in_images", inside, str(inside), TAG)
    return here / "store", inside / "store"


def _pipelines(module: str, folder: Path, *before: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VOLCAST_")}
    places = ["--store", str(folder / "store"), "--pipeline-root", str(folder / "artifacts")]
    ended = subprocess.run(
        [sys.executable, "-m", module, *before, "both", "--source", "sample", *places],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]


def _digests(store: Path) -> dict[str, str]:
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(store.rglob("*"))
        if file.is_file() and not (name := str(file.relative_to(store))).startswith(OF_THE_CLOCK)
    }


def _rows(store: Path, table: str) -> list[dict[str, object]]:
    files = sorted((store / table).rglob("*.parquet"))
    rows = [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]
    return [{k: v for k, v in row.items() if k != "ingested_at"} for row in rows]


@pytest.mark.parametrize("image", ALL)
def test_an_unprivileged_user_may_write_into_tmp_only(image: str) -> None:
    script = """
        import os, sys
        print(os.getuid(), os.getgid(), os.path.realpath(sys.prefix))
        for folder in ("/", "/app", "/opt", sys.prefix, "/usr/local/bin", "/var/tmp", "/tmp"):
            try:
                open(f"{folder}/x", "w").close()
                print("wrote into", folder)
            except OSError:
                pass
    """
    lines = python_in(image, textwrap.dedent(script)).splitlines()
    assert lines == ["10001 10001 /opt/venv", "wrote into /tmp"]


@pytest.mark.parametrize("image", ALL)
def test_an_image_has_its_user_labels_and_size(image: str) -> None:
    details = inspected(image)
    config, labels = details["Config"], details["Config"]["Labels"]
    command = ["git", "rev-parse", "HEAD"]
    head = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert config["User"] == "10001:10001"
    assert labels["org.opencontainers.image.revision"] == (head.stdout.strip() or "unknown")
    assert labels["org.opencontainers.image.version"] == version("volcast")
    assert labels["org.opencontainers.image.title"] == f"volcast {image}"
    assert details["Size"] < LARGEST_BYTES


@pytest.mark.parametrize("image", ALL)
def test_an_image_can_neither_install_nor_compile(image: str) -> None:
    script = """
        import glob, importlib.util, shutil, subprocess
        for name in ("pip", "pip3", "uv", "easy_install", "gcc", "cc", "c++", "clang", "make"):
            if shutil.which(name):
                print(name)
        pythons = set(glob.glob("/usr/bin/python3*") + glob.glob("/usr/local/bin/python3*"))
        for python in sorted({*pythons, "/opt/venv/bin/python"}):
            for module in ("pip", "ensurepip"):
                command = [python, "-c", f"import {module}"]
                if subprocess.run(command, capture_output=True).returncode == 0:
                    print(python, module)
        print("done")
    """
    assert python_in(image, textwrap.dedent(script)) == "done\n"


@pytest.mark.parametrize("image", ALL)
def test_no_layer_of_an_image_names_a_package_index(image: str) -> None:
    made = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", reference(image))
    assert "COPY" in made
    text = made + json.dumps(inspected(image)["Config"])
    assert [word for word in ("INDEX_URL", "index-url", "simple/") if word in text] == []


@pytest.mark.parametrize("step", sorted(IMAGES))
def test_an_image_has_the_imports_of_its_steps(step: str) -> None:
    module = STEPS[step].function.partition(":")[0]
    lines = (f"import volcast.steps.{module}", "import kfp")
    python_in(IMAGES[step], "\n".join(lines), "--env", "_KFP_RUNTIME=true")


@pytest.mark.parametrize("image", ["data", "model"])
def test_a_step_may_write_its_cache_of_a_remote_store(image: str) -> None:
    script = "from feature_repo.places import CACHE; CACHE.mkdir(parents=True)"
    python_in(image, f"import sys; sys.path.insert(0, '/app'); {script}")


def test_the_job_of_the_schedules_has_all_it_needs_to_ask_kubeflow() -> None:
    # There is no network: it gets as far as its first question, and may be tried again.
    script = """
        import subprocess
        command = ["python", "-m", "pipelines.schedules", "apply",
                   "--kubeflow", "http://127.0.0.1:9", "--pipelines", "/pipelines", "--store", "s3://bucket/store"]
        print(subprocess.run(command, capture_output=True).returncode)
    """
    mounted = f"--volume={ROOT / 'pipelines/compiled'}:/pipelines:ro"
    assert python_in("serving", textwrap.dedent(script), mounted) == "20\n"


def test_the_server_loads_compiled_code_and_compiles_none() -> None:
    script = "import serving.warm; serving.warm.main()"
    log = python_in("serving", script, "--env", "NUMBA_DEBUG_CACHE=1")
    assert log.count("data loaded from") == 3
    assert "saved" not in log


def test_the_pipelines_store_the_same_bytes_in_the_images_as_here(runs: tuple[Path, Path]) -> None:
    here, inside = runs
    expected, actual = _digests(here), _digests(inside)
    assert len(expected) > 60
    assert {name for name in expected | actual if expected.get(name) != actual.get(name)} == set()
    assert [name for name in expected if name.startswith("models/")]
    for table in ("raw.market", "raw.macro"):
        assert _rows(here, table) == _rows(inside, table) != []
