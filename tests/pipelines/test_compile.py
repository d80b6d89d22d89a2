"""The committed YAML is what the pipelines compile to; what compiling loads and steps install."""

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from components import COMPONENTS, image
from pipelines.compile import COMPILED, render
from tests.conftest import ROOT
from volcast.steps import PIPELINES, STEPS


@pytest.fixture(scope="module")
def rendered() -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VOLCAST_IMAGE_REPOSITORY", raising=False)
        patch.delenv("VOLCAST_IMAGE_TAG", raising=False)
        return render()


def test_the_committed_yaml_renders_to_the_same_bytes(rendered: dict[str, str]) -> None:
    committed = {path.name: path.read_bytes() for path in COMPILED.glob("*.yaml")}
    assert committed == {name: text.encode() for name, text in rendered.items()}


def test_rendering_twice_gives_the_same_text(rendered: dict[str, str]) -> None:
    assert render() == rendered


def _tasks(text: str) -> dict[str, dict[str, Any]]:
    """Every task of a compiled pipeline, of whatever graph, by graph and name."""
    spec = next(yaml.safe_load_all(text))
    graphs = {"root": spec["root"], **spec["components"]}
    return {
        f"{graph}/{name}": task
        for graph, component in graphs.items()
        for name, task in component.get("dag", {}).get("tasks", {}).items()
    }


def test_no_step_is_cached_and_kubeflow_retries_none(rendered):
    for text in rendered.values():
        components = next(yaml.safe_load_all(text))["components"]
        for name, task in _tasks(text).items():
            if "executorLabel" in components[task["componentRef"]["name"]]:
                assert not task["cachingOptions"].get("enableCache"), name
            assert "retryPolicy" not in task, name


def test_every_step_gets_the_id_of_its_run_from_its_pod(rendered: dict[str, str]) -> None:
    run_id = [{"name": "VOLCAST_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}]
    for text in rendered.values():
        spec, platform = yaml.safe_load_all(text)
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert executors.keys() == spec["deploymentSpec"]["executors"].keys()
        assert [one["fieldPathAsEnv"] for one in executors.values()] == [run_id] * len(executors)


def test_every_pipeline_records_its_outcome_whatever_became_of_it(rendered):
    for text in rendered.values():
        spec = next(yaml.safe_load_all(text))
        last = spec["root"]["dag"]["tasks"]["record"]
        assert last["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
        inputs = last["inputs"]["parameters"]
        assert inputs["job"]["runtimeValue"]["constant"] == spec["pipelineInfo"]["name"]
        assert inputs["status"]["taskFinalStatus"]["producerTask"] == "exit-handler-1"


def test_the_published_forecast_waits_for_nothing_that_watches_it(rendered):
    tasks = _tasks(rendered["daily_inference.yaml"])
    before, new = set(), {"publish"}
    while new:
        before |= new
        above = [tasks[f"comp-exit-handler-1/{n}"].get("dependentTasks", []) for n in new]
        new = {name for names in above for name in names} - before
    assert before == {
        "publish", "audit-predictions", "infer", "materialize", "labels", "audit-features",
        "features", "validate", "ingest",
    }  # fmt: skip


def test_a_retraining_is_judged_by_the_gate_like_any_other(rendered):
    tasks = _tasks(rendered["daily_inference.yaml"])
    (condition,) = [
        task for name, task in tasks.items()
        if name.startswith("comp-exit-handler-1/condition") and "triggerPolicy" in task
    ]  # fmt: skip
    assert condition["triggerPolicy"]["condition"] == (
        "inputs.parameter_values['pipelinechannel--retrain-Output'] == true"
    )

    def inside(component: str) -> set[str]:
        return {n.rpartition("/")[2] for n in tasks if n.startswith(f"{component}/")}

    assert inside(condition["componentRef"]["name"]) == {"volcast-train-and-judge"}
    assert {"train", "gate"} <= inside("comp-volcast-train-and-judge")
    assert not {"promote", "shadow"} & inside("comp-volcast-train-and-judge")


def test_promotion_and_the_shadow_wait_for_the_gate(rendered):
    text = rendered["train.yaml"]
    components = next(yaml.safe_load_all(text))["components"]
    branches = {
        task["triggerPolicy"]["condition"]: [
            *components[task["componentRef"]["name"]]["dag"]["tasks"]
        ]
        for task in _tasks(text).values()
        if "condition" in task.get("triggerPolicy", {})
    }
    judged = "inputs.parameter_values['pipelinechannel--gate-Output'] == true"
    assert branches == {judged: ["promote"], f"!({judged})": ["shadow"]}


def test_images_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_IMAGE_REPOSITORY", "registry.example/volcast")
    monkeypatch.setenv("VOLCAST_IMAGE_TAG", "1.2.3")
    assert image("train") == "registry.example/volcast/model:1.2.3"


def test_the_pipelines_compile_without_the_libraries_of_the_steps():
    code = "import sys, pipelines.compile; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "pandas", "pyarrow", "feast", "xgboost", "pydantic"} & set(loaded)


def test_every_step_of_the_table_is_a_component_that_passes_its_inputs_and_outputs():
    assert COMPONENTS.keys() == STEPS.keys()
    for name, step in STEPS.items():
        spec = COMPONENTS[name].component_spec
        artifacts = {*(spec.inputs or {}), *(spec.outputs or {})}
        if name != "record":
            assert {"store", *step.inputs, *step.files} <= artifacts, name


def test_no_step_installs_anything_when_it_runs(rendered):
    assert len(rendered) == 3
    assert not [text for text in rendered.values() if re.search("pip3? install", text)]


def test_a_pipeline_has_the_steps_that_the_table_lists(rendered: dict[str, str]) -> None:
    names = {"train.yaml": "train", "daily_inference.yaml": "daily", "evaluate.yaml": "evaluate"}
    for file, pipeline in names.items():
        spec = next(yaml.safe_load_all(rendered[file]))
        steps = {label.removeprefix("exec-") for label in spec["deploymentSpec"]["executors"]}
        assert {step.replace("-", "_") for step in steps} == {*PIPELINES[pipeline], "record"}
