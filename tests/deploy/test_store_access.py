"""All steps and parts run; what each requests of the bucket is granted to its role."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from components import COMPONENTS
from tests.deploy.aws_account import BUCKET as GRANTED
from tests.deploy.aws_account import grants
from tests.s3_server import free_ports
from volcast.core.settings import read_settings
from volcast.steps import ROLES, TASKS
from volcast.store import Store

pytestmark = pytest.mark.xdist_group("store_access")

BUCKET, AS_OF, LATER = "volcast-recorded", "2004-03-31", "2004-04-30"
NOW = datetime(2026, 1, 2, 22, tzinfo=UTC)


ACTIONS = {
    "GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}  # fmt: skip


@dataclass
class Ledger:
    """Requests as (role, action as IAM names it, key or prefix within the bucket)."""

    role: str = ""
    requests: set[tuple[str, str, str]] = field(default_factory=set)

    @contextmanager
    def of(self, role: str) -> Iterator[None]:
        """Attribute all requests of the block to this role."""
        self.role, before = role, self.role
        yield
        self.role = before

    def note(self, environ: dict[str, Any]) -> None:
        """Record the actions that S3 would check for one request."""
        _, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
        if key.endswith("/.conditional-writes"):
            return  # asked only of stores other than Amazon's
        method, query = environ["REQUEST_METHOD"], environ["QUERY_STRING"]
        if key:
            actions = {(ACTIONS[method], unquote(key))}
        elif method == "GET" and "list-type" in query:
            actions = {("s3:ListBucket", "")}
        else:  # no role is granted anything else of the bucket
            actions = {(method, query)}
        if "HTTP_IF_MATCH" in environ:
            actions.add(("s3:GetObject", unquote(key)))  # S3 checks both for a conditional write
        self.requests |= {(self.role, action, name) for action, name in actions}


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def recorded_s3(ledger: Ledger) -> Iterator[dict[str, str]]:
    """Run the server on loopback and yield the ``AWS_*`` names that lead to it."""
    answer = DomainDispatcherApplication(create_backend_app)

    def recording(environ: dict[str, Any], respond: Any) -> Any:
        ledger.note(environ)
        return answer(environ, respond)

    port = free_ports(1)[0]
    server = make_server("127.0.0.1", port, recording, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "of-no-worth",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Artifact(SimpleNamespace):
    """Takes the place of an output that Kubeflow gives to a step."""

    path: str

    def log_metric(self, name: str, value: float) -> None:
        pass


class Walk:
    """The pipelines' tasks one after the other, each as its role."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.folder, self.ledger, self.store = folder, ledger, f"s3://{BUCKET}/store"

    def step(self, name: str, **arguments: object) -> Any:
        run = COMPONENTS[name].python_func
        outputs = {
            output: Artifact(path=str(self.folder / f"{name}-{output}"))
            for output in ("checks", "metrics", "report", "staged")
            if output in run.__annotations__ and output not in arguments
        }
        with self.ledger.of(ROLES[TASKS[name][0]]):
            answer = run(store=self.store, **arguments, **outputs)
        return outputs.get("staged", answer)

    def whole(self) -> None:
        day, universe = self._curated(AS_OF)
        settled = {"as_of": day, "universe": universe}
        run, _ = self.step("train_and_gate", **settled)
        self.step("promote_or_shadow", run_id=run, passed=True)
        self.step("materialize", **settled)
        staged = self.step("infer", **settled)
        self.step("audit_predictions", staged=staged, **settled)
        self.step("publish", staged=staged)
        day, _ = self._curated(LATER)
        settled = {"as_of": day, "universe": universe}
        for name in ("score", "drift", "retrain"):
            self.step(name, **settled)
        second, _ = self.step("train_and_gate", **settled)
        for passed in (False, True):
            self.step("promote_or_shadow", run_id=second, passed=passed)
        self.step("evaluate", target="SPX", ablation=False, **settled)
        self.step("survey", symbols=["SPX"])
        ended = Artifact(state="SUCCEEDED", error_message="")
        self.step("record", job="volcast-train", status=ended)
        self.parts()

    def _curated(self, as_of: str) -> tuple[str, str]:
        settings = {"source": "sample", "source_path": "", "as_of": as_of, "universe": ""}
        day, universe = self.step("ingest", **settings)
        for name in ("validate", "features_and_labels", "audit_features"):
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
