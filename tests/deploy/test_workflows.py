"""The rights of the workflows, their pins, and the order of a release."""

import re
from typing import Any

import pytest
import yaml

from tests.deploy.tools import ROOT
from volcast.steps import IMAGES

FOLDER = ROOT / ".github/workflows"
FILES = sorted(FOLDER.glob("*.yml"))
TEXTS = {path.name: path.read_text() for path in FILES}
# YAML 1.1 reads the key `on` as a truth.
FLOWS: dict[str, dict[Any, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = {(name, job): body for name, flow in FLOWS.items() for job, body in flow["jobs"].items()}

WRITES = {
    ("release.yml", "images"): {"id-token"},
    ("release.yml", "release"): {"contents", "id-token", "packages"},
    ("release.yml", "deploy"): {"id-token"},
    ("deploy.yml", "deploy"): {"id-token"},
}


def steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    return job.get("steps", [])


@pytest.mark.parametrize("name", FLOWS)
def test_a_workflow_grants_nothing_to_forks_and_pins_its_actions(name):
    flow = FLOWS[name]
    events = flow[True]
    assert set(events) <= {"pull_request", "push", "schedule", "workflow_call", "workflow_dispatch"}
    assert flow["permissions"] == {}
    assert "group" in flow["concurrency"]
    assert "secrets" not in TEXTS[name]
    actions = re.findall(r"uses: (?!\./)(.+)", TEXTS[name])
    assert actions
    for action in actions:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_has_least_rights_a_timeout_and_safe_scripts(name, job):
    body = JOBS[name, job]
    writes = {scope for scope, level in body["permissions"].items() if level != "read"}
    assert writes == WRITES.get((name, job), set())
    # A job that calls a workflow has the timeouts of that one's jobs.
    assert ("timeout-minutes" in body) != ("uses" in body)
    for step in steps(body):
        assert "${{" not in step.get("run", "")  # values come by environment only
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    has_role = any("configure-aws-credentials" in step.get("uses", "") for step in steps(body))
    assert has_role == ("environment" in body)
    assert not has_role or body["permissions"]["id-token"] == "write"


def test_changes_and_releases_build_every_image():
    images = {one: "components" for one in IMAGES.values()}
    images |= dict.fromkeys(("serving", "dashboard"), "serving")
    for name in ("test.yml", "release.yml"):
        matrix = JOBS[name, "images"]["strategy"]["matrix"]["include"]
        assert {one["image"]: one["folder"] for one in matrix} == images


def test_a_release_is_tested_scanned_pushed_and_signed_in_order():
    assert JOBS["release.yml", "images"]["needs"] == "test"
    assert JOBS["release.yml", "release"]["needs"] == "images"
    assert JOBS["release.yml", "deploy"]["needs"] == "release"
    commands = [
        step.get("uses", "") + step.get("run", "") for step in steps(JOBS["release.yml", "images"])
    ]
    order = ("bash build --platform", "trivy-action@", "--push", "sbom-action@", "cosign sign")
    places = [next(i for i, text in enumerate(commands) if word in text) for word in order]
    assert places == sorted(places)
    for name in ("test.yml", "release.yml"):
        (scan,) = [s for s in steps(JOBS[name, "images"]) if "trivy" in s.get("uses", "")]
        assert (scan["with"]["exit-code"], scan["with"]["severity"]) == ("1", "HIGH,CRITICAL")


def test_images_are_for_two_platforms_with_provenance_and_sbom_in_what_is_signed():
    scripts = [step.get("run", "") for step in steps(JOBS["release.yml", "images"])]
    (push,) = (text for text in scripts if "--push" in text)
    flags = ("--platform linux/amd64,linux/arm64", "--provenance mode=max", "--sbom true")
    assert all(flag in push for flag in flags)
    assert '"containerimage.digest"' in push
    assert any("cosign sign --yes --recursive" in text for text in scripts)
    assert JOBS["test.yml", "images-arm64"]["runs-on"].endswith("-arm")


def test_a_release_signs_the_files_that_a_deployment_verifies():
    def script(name: str, job: str, command: str) -> str:
        (text,) = (s["run"] for s in steps(JOBS[name, job]) if command in s.get("run", ""))
        return text

    signed = script("release.yml", "release", "sign-blob")
    verified, deployed = (
        script("deploy.yml", "deploy", command) for command in ("verify-blob", "deploy.sh ")
    )
    lists = [re.findall(r"sha256sum (.*?) [|>]", text) for text in (signed, verified)]
    assert lists[0] == lists[1]
    files = set(lists[0][0].replace('"', "").split())
    assert set(re.findall(r"dist/([\w.]+\.(?:yaml|json))", deployed)) <= files
    assert re.search(r"chart=dist/(\S+)", deployed)[1] in files


def test_a_deployment_verifies_the_signature_first_and_uses_the_pinned_helm():
    scripts = [step.get("run", "") for step in steps(JOBS["deploy.yml", "deploy"])]
    commands = ("cosign verify", "go install helm.sh/helm", "deploy.sh ")
    verify, install, upgrade = (
        next(i for i, text in enumerate(scripts) if command in text) for command in commands
    )
    assert max(verify, install) < upgrade
    assert "/.github/workflows/release.yml@refs/tags/$TAG" in scripts[verify]
    assert "--set-file 'pipelines.packages.train\\.yaml=" in scripts[upgrade]
    (pinned,) = re.findall(r"^helm\.sh/\S+", (ROOT / "requirements/tools.txt").read_text(), re.M)
    assert f"go install {pinned}\n" in scripts[install]
