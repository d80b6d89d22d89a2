"""The committed YAML is what the pipelines compile to."""

from typing import Any

import pytest
import yaml

from pipelines.compile import COMPILED, render


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


def _steps(text: str) -> dict[str, dict[str, Any]]:
    components = next(yaml.safe_load_all(text))["components"]
    tasks = _tasks(text).items()
    return {n: t for n, t in tasks if "executorLabel" in components[t["componentRef"]["name"]]}


def test_no_step_is_cached(rendered: dict[str, str]) -> None:
    for text in rendered.values():
        assert _steps(text)
        cached = [n for n, t in _steps(text).items() if t["cachingOptions"].get("enableCache")]
        assert cached == []


def test_only_steps_whose_failure_may_pass_are_retried(rendered: dict[str, str]) -> None:
    tasks = [task for text in rendered.values() for task in _tasks(text).items()]
    retried = {name.rpartition("/")[2] for name, task in tasks if "retryPolicy" in task}
    assert retried == {"ingest", "publish"}


def test_every_step_gets_the_id_of_its_run_from_its_pod(rendered: dict[str, str]) -> None:
    run_id = [{"name": "VOLCAST_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}]
    for text in rendered.values():
        spec, platform = yaml.safe_load_all(text)
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert executors.keys() == spec["deploymentSpec"]["executors"].keys()
        assert [one["fieldPathAsEnv"] for one in executors.values()] == [run_id] * len(executors)


def test_every_pipeline_records_its_outcome_whatever_became_of_it(
    rendered: dict[str, str],
) -> None:
    for text in rendered.values():
        spec = next(yaml.safe_load_all(text))
        last = spec["root"]["dag"]["tasks"]["record"]
        assert last["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
        inputs = last["inputs"]["parameters"]
        assert inputs["job"]["runtimeValue"]["constant"] == spec["pipelineInfo"]["name"]
        assert inputs["status"]["taskFinalStatus"]["producerTask"] == "exit-handler-1"


def test_the_published_forecast_waits_for_nothing_that_watches_it(
    rendered: dict[str, str],
) -> None:
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


def test_a_retraining_is_judged_by_the_gate_like_any_other(rendered: dict[str, str]) -> None:
    tasks = _tasks(rendered["daily_inference.yaml"])
    (condition,) = [
        task
        for name, task in tasks.items()
        if name.startswith("comp-exit-handler-1/condition") and "triggerPolicy" in task
    ]
    assert condition["triggerPolicy"]["condition"] == (
        "inputs.parameter_values['pipelinechannel--retrain-Output'] == true"
    )
    inside = [n for n in tasks if n.startswith(f"{condition['componentRef']['name']}/")]
    assert [name.rpartition("/")[2] for name in inside] == ["volcast-train-and-judge"]
    judged = {n.rpartition("/")[2] for n in tasks if n.startswith("comp-volcast-train-and-judge/")}
    assert {"train", "gate"} <= judged
    assert not {"promote", "shadow"} & judged


def test_promotion_and_the_shadow_wait_for_the_gate(rendered: dict[str, str]) -> None:
    components = next(yaml.safe_load_all(rendered["train.yaml"]))["components"]
    tasks = [
        task
        for component in components.values()
        for task in component.get("dag", {}).get("tasks", {}).values()
    ]
    branches = {
        task["triggerPolicy"]["condition"]: list(
            components[task["componentRef"]["name"]]["dag"]["tasks"]
        )
        for task in tasks
        if "triggerPolicy" in task
    }
    judged = "inputs.parameter_values['pipelinechannel--gate-Output'] == true"
    assert branches == {judged: ["promote"], f"!({judged})": ["shadow"]}


def test_images_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from components import image

    monkeypatch.setenv("VOLCAST_IMAGE_REPOSITORY", "registry.example/volcast")
    monkeypatch.setenv("VOLCAST_IMAGE_TAG", "1.2.3")
    assert image("train") == "registry.example/volcast/model:1.2.3"
