"""All steps and parts run; what each requests of the bucket is granted to its role."""

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest

from components import COMPONENTS
from tests.deploy.aws_account import BUCKET as GRANTED
from tests.deploy.aws_account import grants
from tests.deploy.store_access import Artifact, Ledger, recorded_s3
from volcast.core.settings import read_settings
from volcast.steps import ROLES
from volcast.store import Store

pytestmark = pytest.mark.xdist_group("store_access")

BUCKET, AS_OF, LATER = "volcast-recorded", "2004-03-31", "2004-04-30"
NOW = datetime(2026, 1, 2, 22, tzinfo=UTC)


class Walk:
    """The pipelines' steps one after the other, each as its role."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.folder, self.ledger, self.store = folder, ledger, f"s3://{BUCKET}/store"

    def step(self, name: str, **arguments: object) -> Any:
        run = COMPONENTS[name].python_func
        outputs = {
            output: Artifact(path=str(self.folder / f"{name}-{output}"))
            for output in ("checks", "metrics", "report", "staged")
            if output in run.__annotations__ and output not in arguments
        }
        with self.ledger.of(ROLES[name]):
            answer = run(store=self.store, **arguments, **outputs)
        return outputs.get("staged", answer)

    def whole(self) -> None:
        day, universe = self._curated(AS_OF)
        settled = {"as_of": day, "universe": universe}
        run = self.step("train", **settled)
        self.step("gate", run_id=run)
        self.step("promote", run_id=run)
        self.step("materialize", **settled)
        staged = self.step("infer", **settled)
        self.step("audit_predictions", staged=staged, **settled)
        self.step("publish", staged=staged)
        day, _ = self._curated(LATER)
        settled = {"as_of": day, "universe": universe}
        for name in ("score", "drift", "retrain"):
            self.step(name, **settled)
        second = self.step("train", **settled)
        self.step("gate", run_id=second)
        self.step("shadow", run_id=second)
        self.step("promote", run_id=second)
        self.step("evaluate", target="SPX", ablation=False, **settled)
        self.step("survey", symbols=["SPX"])
        ended = Artifact(state="SUCCEEDED", error_message="")
        self.step("record", job="volcast-train", status=ended)
        self.parts()

    def _curated(self, as_of: str) -> tuple[str, str]:
        settings = {"source": "sample", "source_path": "", "as_of": as_of, "universe": ""}
        day, universe = self.step("ingest", **settings)
        for name in ("validate", "features", "audit_features", "labels"):
            self.step(name, as_of=day, universe=universe)
        return day, universe

    def parts(self) -> None:
        from serving.exporter.collector import StoreCollector
        from serving.lookup import OnlineFeatures
        from serving.state import VolcastModel
        from serving.watcher import ModelWatcher
        from volcast.brief import Library

        store, settings = Store.open(self.store), read_settings(store=self.store)
        with self.ledger.of("exporter"):
            assert StoreCollector(store, lambda: NOW, 15).look().whole
        with self.ledger.of("serving"):
            features, target = OnlineFeatures(self.store), settings.resolved_universe
            model = VolcastModel()
            ModelWatcher(store, model, features, target, lambda: NOW, None, 3).check()
            assert model.state.champion is not None
        with self.ledger.of("dashboard"):
            library = Library.open(settings, lambda: NOW)
            library.refresh()
            library.brief()


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str, str]]:
    folder, ledger = tmp_path_factory.mktemp("recorded"), Ledger()
    with recorded_s3(ledger) as environment, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setenv("VOLCAST_RUN_ID", "a-run")
        patch.setenv("VOLCAST_MLFLOW_URI", f"sqlite:///{folder}/mlflow.db")
        boto3.session.Session().client("s3").create_bucket(Bucket=BUCKET)
        ledger.requests.clear()
        Walk(folder, ledger).whole()
    return ledger.requests


def test_every_role_was_seen_at_work(requests: set[tuple[str, str, str]]):
    parts = {"exporter", "serving", "dashboard"}
    assert {role for role, _, _ in requests} == {*ROLES.values(), *parts}


def test_every_request_of_a_role_is_granted_to_it(requests: set[tuple[str, str, str]]):
    def granted(role: str, action: str, key: str) -> bool:
        resource = GRANTED if action == "s3:ListBucket" else f"{GRANTED}/{key}"
        return any(
            grant.action == action and fnmatchcase(resource, grant.resource)
            for grant in grants(role)
        )

    assert [one for one in sorted(requests) if not granted(*one)] == []
