"""A double of the Kubeflow Pipelines API on loopback: it keeps what it is asked, and can refuse."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.loopback import QuietHandler, serving

PIPELINE_ID = "9f1c2f0a-6f4e-4b8e-8f0e-1d2a3b4c5d6e"


@dataclass
class Kubeflow:
    """What was asked, and what is answered."""

    url: str = ""
    runs: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    refusing: int | None = None


@contextlib.contextmanager
def kubeflow() -> Iterator[Kubeflow]:
    """Serve the API until the block ends."""
    api = Kubeflow()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/apis/v2beta1/healthz":
                self._say(200, {"multi_user": False})
            elif path == "/apis/v2beta1/pipelines/names/volcast-train":
                self._say(200, {"pipeline_id": PIPELINE_ID, "display_name": "volcast-train"})
            else:
                self._say(404, {"code": 5, "message": "not found"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            api.tokens.append(self.headers["authorization"])
            if api.refusing is not None:
                self._say(api.refusing, {"code": 13, "message": "no"})
                return
            api.runs.append(body)
            self._say(200, {"run_id": f"run-{len(api.runs)}", "state": "PENDING", **body})

        def _say(self, status: int, body: object) -> None:
            self.answer(status, json.dumps(body).encode(), "application/json")

    with serving(Handler) as api.url:
        yield api
