"""Secrets are planted wherever one could be taken from, and looked for in all that is written."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.monitoring.monitored import ROOT
from tests.serving.live import SYMBOL, Running, Served, running
from volcast.store import Store
from volcast.store.tables import MONITORING_JOBS

CANARY = "cAnArY7f3e"
"""In every secret; none of them is anywhere else."""

TOKEN, WRONG = f"{CANARY}-token", f"{CANARY}-wrong-token"
ELSEWHERE = f"redis://desk:{CANARY}-password@127.0.0.1:1/0"
"""An online store where nothing listens."""


@dataclass
class Written:
    """A folder where all was written, the secrets in force, and what was printed."""

    folder: Path
    settings: Mapping[str, str]
    printed: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, **settings: str) -> int:
        """Run Python with the secrets in its environment; keep what it prints."""
        clean = {n: v for n, v in os.environ.items() if not n.startswith("VOLCAST_")}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=clean | dict(self.settings) | settings,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        self.printed[" ".join(arguments)] = done.stdout + done.stderr
        return done.returncode

    def pipeline(self, name: str, store: str, *options: str, **settings: str) -> int:
        places = ["--store", str(self.folder / store), "--pipeline-root", str(self.folder / "kfp")]
        return self.run("-m", "pipelines.local", name, *places, *options, **settings)

    def volcast(self, *arguments: str, **settings: str) -> int:
        return self.run("-c", "from volcast.cli import main; main()", *arguments, **settings)

    def where(self, needle: str) -> list[str]:
        """Return the names of prints and files that hold ``needle``."""
        prints = [name for name, text in self.printed.items() if needle in text]
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return prints + [str(path) for path in files if needle in _text(path)]


def _text(path: Path) -> str:
    if path.suffix == ".parquet":
        rows = pq.read_table(io.BytesIO(path.read_bytes()))
        return str(rows.schema.metadata) + str(rows.to_pylist())
    return path.read_bytes().decode("latin-1")


@pytest.fixture(scope="module")
def written(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Written:
    secrets = tmp_path_factory.mktemp("secrets")
    (secrets / "tokens").write_text(f"{TOKEN}\n")
    folder = tmp_path_factory.mktemp("written")
    served.copy(folder / "store")
    return Written(
        folder,
        {
            "VOLCAST_FRED_API_KEY": f"{CANARY}fredapikey0123456789",
            "AWS_SECRET_ACCESS_KEY": f"{CANARY}-aws",
            "VOLCAST_AUTH_TOKEN_FILE": str(secrets / "tokens"),
            "SOME_OTHER_PASSWORD": f"{CANARY}-unrelated",
        },
    )


@pytest.fixture(scope="module")
def server(written: Written) -> Iterator[Running]:
    store = Served(written.folder / "store", None)  # type: ignore[arg-type]
    settings = {**written.settings, "VOLCAST_ONLINE_STORE": ELSEWHERE}
    with running(store, written.folder / "server.log", settings=settings) as process:
        yield process


def test_a_pipeline_that_succeeds_writes_no_secret(written: Written, served: Served) -> None:
    options = ["--source", "synthetic", "--as-of", str(served.as_of)]
    assert written.pipeline("daily", "store", *options) == 0, written.printed
    assert Store.open(str(written.folder / "store")).read(MONITORING_JOBS).num_rows
    assert written.where(str(served.as_of)) != []
    assert written.where(CANARY) == []


@pytest.mark.parametrize(
    ("pipeline", "source", "settings", "code"),
    [
        ("daily", "synthetic", {"VOLCAST_ONLINE_STORE": ELSEWHERE}, 20),
        ("daily", "synthetic", {"VOLCAST_ONLINE_STORE": f"mongo://{CANARY}@host"}, 2),
        ("train", "csv", {}, 2),
        ("train", "synthetic", {"VOLCAST_SEED": f"{CANARY}"}, 2),
    ],
)
def test_a_pipeline_that_fails_writes_no_secret(
    written: Written, served: Served, pipeline, source, settings, code
) -> None:
    options = ["--source", source, "--as-of", str(served.as_of)]
    assert written.pipeline(pipeline, "store", *options, **settings) == code, written.printed
    rows = Store.open(str(written.folder / "store")).read(MONITORING_JOBS).to_pylist()
    newest = max(rows, key=lambda row: row["ended_at"])
    assert (newest["outcome"], newest["exit_code"]) == ("failed", code)
    assert written.where(CANARY) == []


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["summary", "--store", "{folder}/empty"], {}),
        (["infer", "--store", "{folder}/store"], {"VOLCAST_ONLINE_STORE": ELSEWHERE}),
        (["infer", "--store", "{folder}/store"], {"VOLCAST_ONLINE_STORE": f"x://{CANARY}"}),
        (["ingest", "--source", "csv", "--store", "{folder}/empty"], {}),
        (["summary"], {"VOLCAST_STORE": "s3://no-bucket",
                       "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}),
    ],
)  # fmt: skip
def test_the_command_line_prints_no_secret(written: Written, arguments, settings) -> None:
    folder = str(written.folder)
    environment = {"AWS_ACCESS_KEY_ID": "id", "AWS_MAX_ATTEMPTS": "1"} | settings
    assert written.volcast(*[a.format(folder=folder) for a in arguments], **environment) != 0
    assert written.where("error: ") != []
    assert written.where(CANARY) == []


def test_the_server_answers_and_logs_no_secret(written: Written, server: Running) -> None:
    ours, wrong = ({"Authorization": f"Bearer {token}"} for token in (TOKEN, WRONG))
    past = str(server.served.predictions[0]["session"])
    requests = [
        ("GET", f"/predict?symbol={SYMBOL}&as_of={past}", ours, None),
        ("GET", f"/predict?symbol={SYMBOL}", ours, None),
        ("GET", f"/predict?symbol={SYMBOL}", wrong, None),
        ("GET", f"/predict?symbol={SYMBOL}", {"Authorization": f"Basic {WRONG}"}, None),
        ("GET", "/predict?symbol=NONE", ours, None),
        ("POST", "/predict", ours, b"{"),
        ("POST", "/v1/models/volcast:explain", ours, b'{"instances": [{}]}'),
        ("POST", "/v2/models/volcast/infer", ours, b'{"inputs": 1}'),
        ("GET", "/openapi.json", ours, None),
        ("GET", "/nowhere", wrong | {"Cookie": CANARY, "X-Request-Id": CANARY}, None),
        ("GET", "/metrics", {}, None),
        ("GET", "/v2/health/ready", {}, None),
    ]
    statuses = []
    for method, path, headers, body in requests:
        answer = server.http.request(method, path, headers=headers, content=body)
        statuses.append(answer.status_code)
        written.printed[f"{method} {path} {answer.status_code}"] = f"{answer.headers} {answer.text}"
    assert statuses[:6] == [200, 503, 401, 401, 404, 400]
    server.eventually(lambda: "features_unread" in server.log.read_text())
    assert written.where(CANARY) == []


def test_every_line_of_the_servers_log_is_an_event_of_one_run(server: Running) -> None:
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    events = {line["event"]: line for line in lines}
    assert "champion_in_service" in events
    assert events["serving"]["url"] == str(server.http.base_url).rstrip("/")
    assert len({line["run_id"] for line in lines}) == 1
    assert all(line["run_id"] and line["ts"] and line["level"] for line in lines)
