"""What pipelines, steps and the library may import, and how small a step is."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.images import IMAGES
from pipelines.policies import DISPLAY_NAMES, RETRIES

ROOT = Path(__file__).resolve().parents[2]
STEPS = sorted(ROOT.glob("components/*/component.py"))
PIPELINES = (
    "train",
    "daily_inference",
    "evaluate",
    "policies",
    "pods",
    "schedules",
    "digests",
    "compile",
)
DECLARATIONS = [
    *sorted(ROOT.glob("components/**/*.py")),
    *(
        ROOT / "pipelines" / f"{name}.py"
        for name in (
            "train",
            "daily_inference",
            "evaluate",
            "policies",
            "pods",
            "schedules",
            "digests",
        )
    ),
    ROOT / "pipelines" / "compile.py",
]
PLATFORM = {"kfp", "kserve", "feast", "kubernetes"}
OWN = {"components", "pipelines"}


def _tops(nodes: "Iterator[ast.AST] | list[ast.stmt]") -> set[str]:
    tops = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            tops.add((node.module or "").partition(".")[0])
    return tops


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_declaration_imports_kfp_and_the_standard_library_alone(path: Path) -> None:
    tops = _tops(ast.parse(path.read_text()).body)
    assert tops <= {"kfp"} | OWN | sys.stdlib_module_names


def test_the_pipelines_load_without_numpy_pandas_or_the_library() -> None:
    code = "import sys, pipelines.compile; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "pandas", "pyarrow", "feast", "xgboost", "volcast"} & set(loaded)


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("src/volcast/**/*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_library_imports_no_platform(path: Path) -> None:
    assert not _tops(ast.walk(ast.parse(path.read_text()))) & PLATFORM


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.parent.name)
def test_a_step_is_a_shim_of_at_most_60_lines_around_one_function(path: Path) -> None:
    text = path.read_text()
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions] == [path.parent.name]
    assert len(text.splitlines()) <= 60
    assert "install_kfp_package=False" in text
    # What fails is noted in the store, under the step's own name.
    assert f'with step("{path.parent.name}", store) as ' in text


def test_every_step_has_an_image_and_a_name_and_only_steps_have() -> None:
    steps = {path.parent.name for path in STEPS}
    assert set(IMAGES) == set(DISPLAY_NAMES) == steps
    assert set(RETRIES) <= steps


def test_no_step_installs_anything_when_it_runs() -> None:
    compiled = sorted((ROOT / "pipelines" / "compiled").glob("*.yaml"))
    assert compiled
    assert not [path for path in compiled if re.search(r"pip3? install", path.read_text())]
