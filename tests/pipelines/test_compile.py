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
from volcast.steps import PIPELINES, STEPS, TASKS


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
    assert _before(tasks, "publish") == {
        "audit-predictions", "infer", "audit-features", "features-and-labels", "validate", "ingest",
    }  # fmt: skip


def test_no_step_waits_that_could_run_next_to_another(rendered: dict[str, str]) -> None:
    tasks = _tasks(rendered["daily_inference.yaml"])
    stages: dict[int, set[str]] = {}
    for path in tasks:
        graph, _, name = path.partition("/")
        if graph == "comp-exit-handler-1" and not name.startswith("condition"):
            stages.setdefault(_depth(tasks, name), set()).add(name)
    assert [stages[depth] for depth in sorted(stages)] == [
        {"ingest"}, {"validate"}, {"features-and-labels"}, {"audit-features", "infer"},
        {"audit-predictions", "materialize"}, {"publish"}, {"score", "drift"}, {"retrain"},
    ]  # fmt: skip


def _needs(tasks: dict[str, dict[str, Any]], name: str) -> list[str]:
    needs: list[str] = tasks[f"comp-exit-handler-1/{name}"].get("dependentTasks", [])
    return needs


def _depth(tasks: dict[str, dict[str, Any]], name: str) -> int:
    return 1 + max((_depth(tasks, one) for one in _needs(tasks, name)), default=0)


def _before(tasks: dict[str, dict[str, Any]], name: str) -> set[str]:
    needs = _needs(tasks, name)
    return set(needs).union(*(_before(tasks, one) for one in needs))


def test_nothing_is_trained_on_promoted_or_served_before_the_features_are_audited(rendered):
    daily, train = (_tasks(rendered[name]) for name in ("daily_inference.yaml", "train.yaml"))
    assert "audit-features" in _before(daily, "materialize")
    assert "audit-features" in _before(train, "train-and-gate")
    assert "train-and-gate" in _before(train, "promote-or-shadow")


def test_a_retraining_is_judged_by_the_gate_like_any_other(rendered):
    tasks = _tasks(rendered["daily_inference.yaml"])
    (condition,) = [
        task for name, task in tasks.items()
        if name.startswith("comp-exit-handler-1/condition") and "triggerPolicy" in task
    ]  # fmt: skip
    assert condition["triggerPolicy"]["condition"] == (
        "inputs.parameter_values['pipelinechannel--retrain-Output'] == true"
    )

    inside = {
        n.rpartition("/")[2] for n in tasks if n.startswith(condition["componentRef"]["name"])
    }
    assert inside == {"train-and-gate", "promote-or-shadow"}


@pytest.mark.parametrize("file", ["train.yaml", "daily_inference.yaml"])
def test_promotion_and_the_shadow_go_by_the_gates_judgement(rendered, file):
    (task,) = [
        t for name, t in _tasks(rendered[file]).items() if name.endswith("promote-or-shadow")
    ]
    inputs = {
        name: one.get("taskOutputParameter") for name, one in task["inputs"]["parameters"].items()
    }
    assert {name: inputs[name] for name in ("passed", "run_id")} == {
        name: {"outputParameterKey": name, "producerTask": "train-and-gate"}
        for name in ("passed", "run_id")
    }


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


def test_every_task_of_the_table_is_a_component_that_passes_its_inputs_and_outputs():
    assert COMPONENTS.keys() == TASKS.keys()
    for name, steps in TASKS.items():
        spec = COMPONENTS[name].component_spec
        artifacts = {*(spec.inputs or {}), *(spec.outputs or {})}
        made: set[str] = set()
        for step in map(STEPS.__getitem__, steps):
            if name != "record":
                assert {"store", *step.inputs, *step.files} - made <= artifacts, name
            made |= {*step.outputs}


def test_every_step_is_in_one_task_and_its_steps_share_image_role_secret_and_settings():
    assert sorted(step for steps in TASKS.values() for step in steps) == sorted(STEPS)
    for name, steps in TASKS.items():
        alike = {(s.image, s.role, s.secret, s.settings) for s in map(STEPS.__getitem__, steps)}
        assert len(alike) == 1, name


def test_auditors_publishing_and_drift_stay_tasks_of_their_own():
    apart = ("ingest", "validate", "infer", "audit_predictions", "publish", "drift", "record")
    for name in (*apart, "audit_features", "materialize", "score", "retrain"):
        assert TASKS[name] == (name,)


def test_no_step_installs_anything_when_it_runs(rendered):
    assert len(rendered) == 3
    assert not [text for text in rendered.values() if re.search("pip3? install", text)]


def test_a_pipeline_has_the_steps_that_the_table_lists(rendered: dict[str, str]) -> None:
    names = {"train.yaml": "train", "daily_inference.yaml": "daily", "evaluate.yaml": "evaluate"}
    for file, pipeline in names.items():
        spec = next(yaml.safe_load_all(rendered[file]))
        labels = [label.removeprefix("exec-") for label in spec["deploymentSpec"]["executors"]]
        steps = [step for label in labels for step in TASKS[label.replace("-", "_")]]
        assert sorted(steps) == sorted({*PIPELINES[pipeline], "record"})


def test_the_tables_order_is_one_in_which_the_pipelines_may_run(rendered: dict[str, str]) -> None:
    tasks = _tasks(rendered["daily_inference.yaml"])
    order = PIPELINES["daily"]
    for step in (*order[: order.index("train")],):
        (task,) = (name for name, steps in TASKS.items() if step in steps)
        for before in _before(tasks, task.replace("_", "-")):
            for earlier in TASKS[before.replace("-", "_")]:
                assert order.index(earlier) < order.index(step), (earlier, step)
