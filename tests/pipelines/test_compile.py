"""The committed YAML is what the pipelines compile to."""

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


def test_no_step_is_cached(rendered: dict[str, str]) -> None:
    for text in rendered.values():
        spec = next(yaml.safe_load_all(text))
        components = spec["components"]
        dags = [spec["root"], *components.values()]
        tasks = [task for dag in dags for task in dag.get("dag", {}).get("tasks", {}).values()]
        steps = [t for t in tasks if "executorLabel" in components[t["componentRef"]["name"]]]
        assert steps
        assert not [task for task in steps if task["cachingOptions"].get("enableCache")]


def test_only_steps_whose_failure_may_pass_are_retried(rendered: dict[str, str]) -> None:
    retried = set()
    for text in rendered.values():
        tasks = next(yaml.safe_load_all(text))["root"]["dag"]["tasks"]
        retried |= {name for name, task in tasks.items() if "retryPolicy" in task}
    assert retried == {"ingest", "publish"}


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
    from components.images import image

    monkeypatch.setenv("VOLCAST_IMAGE_REPOSITORY", "registry.example/volcast")
    monkeypatch.setenv("VOLCAST_IMAGE_TAG", "1.2.3")
    assert image("train") == "registry.example/volcast/train:1.2.3"
