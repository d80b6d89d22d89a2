"""The KFP components: kfp copies each function's source into the compiled pipelines.

So each is self-contained: it passes its arguments to the task of the same name in `volcast.steps`,
which its image installs.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

from kfp import dsl

from volcast.steps.table import IMAGES, TASKS

__all__ = ["COMPONENTS", "image"]

COMPONENTS: dict[str, dsl.base_component.BaseComponent] = {}
"""Component by name of the task."""


def image(step: str) -> str:
    """Return the image reference of a step.

    ``VOLCAST_IMAGE_REPOSITORY`` (with its registry) and ``VOLCAST_IMAGE_TAG`` are read when the
    pipelines are compiled; the committed YAML is compiled without them.
    """
    repository = os.environ.get("VOLCAST_IMAGE_REPOSITORY", "volcast")
    tag = os.environ.get("VOLCAST_IMAGE_TAG", "latest")
    return f"{repository}/{IMAGES[step]}:{tag}"


def _component(function: Callable[..., object]) -> None:
    name = function.__name__
    base = image(TASKS[name][0])
    COMPONENTS[name] = dsl.component(function, base_image=base, install_kfp_package=False)


@_component
def ingest(  # noqa: PLR0913, PLR0917
    store: str,
    source: str,
    source_path: str,
    as_of: str,
    universe: str,
    also: list[str] = [],  # noqa: B006
    switch_target: bool = False,
) -> NamedTuple("Ingested", [("as_of", str), ("universe", str)]):  # type: ignore[valid-type]  # fmt: skip
    from volcast.steps import run_step

    return run_step(
        "ingest",
        store,
        source=source,
        source_path=source_path,
        as_of=as_of,
        universe=universe,
        also=also,
        switch_target=switch_target,
    ).values


@_component
def validate(store: str, as_of: str, universe: str, checks: dsl.Output[dsl.HTML]) -> None:
    from volcast.steps import run_step

    run_step("validate", store, as_of=as_of, universe=universe, checks=checks.path)


@_component
def features_and_labels(store: str, as_of: str, universe: str) -> None:
    from volcast.steps import run_task

    run_task("features_and_labels", store, as_of=as_of, universe=universe)


@_component
def audit_features(store: str, as_of: str, universe: str, checks: dsl.Output[dsl.HTML]) -> None:
    from volcast.steps import run_step

    run_step("audit_features", store, as_of=as_of, universe=universe, checks=checks.path)


@_component
def train_and_gate(
    store: str,
    as_of: str,
    universe: str,
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
) -> NamedTuple("Judged", [("run_id", str), ("passed", bool)]):  # type: ignore[valid-type]
    from volcast.steps import run_task

    files = {"report": report.path}
    done = run_task("train_and_gate", store, as_of=as_of, universe=universe, **files)
    for name, value in done.metrics.items():
        metrics.log_metric(name, value)
    return done.values


@_component
def promote_or_shadow(store: str, run_id: str, passed: bool) -> str:
    from volcast.steps import run_task

    return run_task("promote_or_shadow", store, run_id=run_id, passed=passed).values[0]


@_component
def materialize(store: str, as_of: str, universe: str) -> None:
    from volcast.steps import run_step

    run_step("materialize", store, as_of=as_of, universe=universe)


@_component
def infer(store: str, as_of: str, universe: str, staged: dsl.Output[dsl.Dataset]) -> None:
    from volcast.steps import run_step

    run_step("infer", store, as_of=as_of, universe=universe, staged=staged.path)


@_component
def audit_predictions(
    store: str,
    as_of: str,
    universe: str,
    staged: dsl.Input[dsl.Dataset],
    checks: dsl.Output[dsl.HTML],
) -> None:
    from volcast.steps import run_step

    files = {"staged": staged.path, "checks": checks.path}
    run_step("audit_predictions", store, as_of=as_of, universe=universe, **files)


@_component
def publish(store: str, staged: dsl.Input[dsl.Dataset]) -> None:
    from volcast.steps import run_step

    run_step("publish", store, staged=staged.path)


@_component
def score(store: str, as_of: str, universe: str) -> None:
    from volcast.steps import run_step

    run_step("score", store, as_of=as_of, universe=universe)


@_component
def drift(store: str, as_of: str, universe: str) -> str:
    from volcast.steps import run_step

    return run_step("drift", store, as_of=as_of, universe=universe).values[0]


@_component
def retrain(store: str, as_of: str, universe: str) -> bool:
    from volcast.steps import run_step

    return run_step("retrain", store, as_of=as_of, universe=universe).values[0]


@_component
def evaluate(  # noqa: PLR0913, PLR0917
    store: str,
    as_of: str,
    universe: str,
    target: str,
    ablation: bool,
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
) -> str:
    from volcast.steps import run_step

    settled = {"as_of": as_of, "universe": universe}
    done = run_step(
        "evaluate", store, target=target, ablation=ablation, report=report.path, **settled
    )
    for name, value in done.metrics.items():
        metrics.log_metric(name, value)
    return target


@_component
def survey(
    store: str, symbols: list[str], metrics: dsl.Output[dsl.Metrics], report: dsl.Output[dsl.HTML]
) -> None:
    from volcast.steps import run_step

    done = run_step("survey", store, symbols=symbols, report=report.path)
    for name, value in done.metrics.items():
        metrics.log_metric(name, value)


@_component
def record(store: str, job: str, status: dsl.PipelineTaskFinalStatus) -> None:
    from volcast.steps import run_step

    run_step("record", store, job=job, state=status.state, message=status.error_message or "")
