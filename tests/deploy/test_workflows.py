"""The workflows are sound, may do only what they must, and run nothing that can change unseen."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.tools import ROOT, ran, tool
from volcast.steps import IMAGES

FOLDER = ROOT / ".github/workflows"
FILES = sorted(FOLDER.glob("*.yml"))
TEXTS = {path.name: path.read_text() for path in FILES}
# YAML 1.1 reads the key `on` as a truth.
FLOWS: dict[str, dict[Any, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = {(name, job): body for name, flow in FLOWS.items() for job, body in flow["jobs"].items()}

WRITES = {
    ("release.yml", "images"): {"id-token"},
    ("release.yml", "release"): {"contents"},
    ("release.yml", "deploy"): {"id-token"},
    ("deploy.yml", "deploy"): {"id-token"},
}


def steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    return job.get("steps", [])


def test_actionlint_finds_nothing():
    assert [path.name for path in FILES] == ["deploy.yml", "release.yml", "test.yml"]
    assert ran([tool("actionlint"), "-no-color", *map(str, FILES)]) == ""


@pytest.mark.parametrize("name", FLOWS)
def test_a_workflow_may_nothing_and_a_job_what_it_names(name):
    assert FLOWS[name]["permissions"] == {}
    for job, body in FLOWS[name]["jobs"].items():
        given = body["permissions"]
        writes = {scope for scope, level in given.items() if level != "read"}
        assert writes == WRITES.get((name, job), set()), job


@pytest.mark.parametrize("name", TEXTS)
def test_every_action_is_pinned_by_commit_with_its_version_beside(name):
    used = re.findall(r"uses: (.+)", TEXTS[name])
    assert used
    for one in used:
        if one.startswith("./"):
            assert (ROOT / one).is_file()
        else:
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one


def test_the_same_action_has_the_same_commit_everywhere():
    pins: dict[str, set[str]] = {}
    for action, pin in re.findall(r"uses: ([\w./-]+)@(.+)", "\n".join(TEXTS.values())):
        pins.setdefault(action, set()).add(pin)
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", FLOWS)
def test_no_workflow_gives_a_strangers_change_our_rights(name):
    on = FLOWS[name][True]
    events = set(on) if isinstance(on, dict | list) else {on}
    assert events <= {"pull_request", "push", "workflow_call", "workflow_dispatch"}
    assert "secrets" not in TEXTS[name]


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_ends_in_time_and_one_waits_for_the_other(name, job):
    body = JOBS[name, job]
    # A job that calls a workflow has the timeouts of that one's jobs.
    assert ("timeout-minutes" in body) != ("uses" in body)
    assert "group" in FLOWS[name]["concurrency"]


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_script_is_given_values_by_its_environment_alone(name, job):
    for step in steps(JOBS[name, job]):
        assert "${{" not in step.get("run", "")
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_who_may_take_a_role_stands_in_an_environment():
    for (name, job), body in JOBS.items():
        takes = any("configure-aws-credentials" in step.get("uses", "") for step in steps(body))
        assert takes == ("environment" in body), (name, job)
        if takes:
            assert body["permissions"]["id-token"] == "write"


def test_every_image_is_built_of_its_folder_in_a_change_and_in_a_release():
    images = {one: "components" for one in IMAGES.values()}
    images |= dict.fromkeys(("serving", "dashboard"), "serving")
    for name in ("test.yml", "release.yml"):
        matrix = JOBS[name, "images"]["strategy"]["matrix"]["include"]
        assert {one["image"]: one["folder"] for one in matrix} == images


def test_a_release_is_tested_scanned_pushed_listed_and_signed_in_that_order():
    assert JOBS["release.yml", "images"]["needs"] == "test"
    assert JOBS["release.yml", "release"]["needs"] == "images"
    assert JOBS["release.yml", "deploy"]["needs"] == "release"
    done = [
        step.get("uses", "") + step.get("run", "") for step in steps(JOBS["release.yml", "images"])
    ]
    wanted = ("docker build", "trivy-action@", "docker push", "sbom-action@", "cosign sign")
    places = [next(i for i, text in enumerate(done) if word in text) for word in wanted]
    assert places == sorted(places)
    for name in ("test.yml", "release.yml"):
        (scan,) = [s for s in steps(JOBS[name, "images"]) if "trivy" in s.get("uses", "")]
        assert (scan["with"]["exit-code"], scan["with"]["severity"]) == ("1", "HIGH,CRITICAL")


def test_what_is_deployed_was_signed_by_our_release():
    scripts = [step.get("run", "") for step in steps(JOBS["deploy.yml", "deploy"])]
    verify = next(i for i, text in enumerate(scripts) if "cosign verify" in text)
    deploy = next(i for i, text in enumerate(scripts) if "helm upgrade" in text)
    assert verify < deploy
    assert "/.github/workflows/release.yml@refs/tags/$TAG" in scripts[verify]
    assert "--set-file 'pipelines.packages.train\\.yaml=" in scripts[deploy]


def test_helm_is_the_one_that_the_chart_was_rendered_by():
    scripts = [step.get("run", "") for step in steps(JOBS["deploy.yml", "deploy"])]
    install = next(i for i, text in enumerate(scripts) if "go install helm.sh/helm" in text)
    assert install < next(i for i, text in enumerate(scripts) if "helm upgrade" in text)
    (pinned,) = re.findall(r"^helm\.sh/\S+", (ROOT / "requirements/tools.txt").read_text(), re.M)
    assert f"go install {pinned}\n" in scripts[install]


def test_files_that_a_workflow_runs_are_there():
    named = set(re.findall(r"(?<![\w/])\.(?:github|ci)/[\w./-]+", "\n".join(TEXTS.values())))
    named = {one for one in named if "refs/tags" not in one and "workflows/" not in one}
    assert named
    assert all(Path(ROOT / one).is_file() for one in named)
