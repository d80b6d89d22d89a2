"""The requests of each role to the store's bucket, recorded in front of moto's S3."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.s3_server import free_ports

__all__ = ["Artifact", "Ledger", "recorded_s3"]


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
        method = environ["REQUEST_METHOD"]
        actions = {(_ACTIONS[method], unquote(key))} if key else _of_bucket(environ)
        if "HTTP_IF_MATCH" in environ:
            actions.add(("s3:GetObject", unquote(key)))  # S3 checks both for a conditional write
        self.requests |= {(self.role, action, name) for action, name in actions}


def _of_bucket(environ: dict[str, Any]) -> set[tuple[str, str]]:
    query = parse_qs(environ["QUERY_STRING"])
    if environ["REQUEST_METHOD"] == "GET" and "list-type" in query:
        return {("s3:ListBucket", query.get("prefix", [""])[0])}
    return {(environ["REQUEST_METHOD"], environ["QUERY_STRING"])}


_ACTIONS = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}


class _Quiet(WSGIRequestHandler):
    # Tens of thousands of lines otherwise, which pytest would keep.
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
        """Take a metric."""
