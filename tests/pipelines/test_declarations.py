"""What compiling the pipelines loads, and what a step may install."""

import subprocess
import sys
from pathlib import Path

from components import COMPONENTS
from pipelines.compile import COMPILED
from volcast.steps import STEPS

ROOT = Path(__file__).resolve().parents[2]


def test_the_pipelines_compile_without_the_libraries_of_the_steps() -> None:
    code = "import sys, pipelines.compile; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "pandas", "pyarrow", "feast", "xgboost", "pydantic"} & set(loaded)


def test_every_step_of_the_table_is_a_component_that_passes_its_inputs_and_outputs() -> None:
    assert COMPONENTS.keys() == STEPS.keys()
    for name, step in STEPS.items():
        spec = COMPONENTS[name].component_spec
        artifacts = {*(spec.inputs or {}), *(spec.outputs or {})}
        if name != "record":
            assert {"store", *step.inputs, *step.files} <= artifacts, name


def test_no_step_installs_anything_when_it_runs() -> None:
    texts = [path.read_text() for path in COMPILED.glob("*.yaml")]
    assert len(texts) == 3
    assert not [text for text in texts if "pip install" in text or "pip3 install" in text]
