"""A double of the Kubeflow Pipelines API that keeps pipelines, experiments and recurring runs.

It answers as the API server of Kubeflow Pipelines 2 does: 64-bit integers as text, fields at
their default left out, pages of at most what was asked for, 409 where a name is taken.
"""

import contextlib
import email
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.loopback import QuietHandler, serving

__all__ = ["Kubeflow", "Request", "kubeflow"]

ROOT = "/apis/v2beta1"


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    token: str | None


class Refused(Exception):
    """An answer that is an error: its status and its message."""


@dataclass
class Kubeflow:
    """Objects, requests, and what goes wrong.

    ``breaks_at`` is the request, counted from 0, from which on there is no answer; with ``late``
    that one is still carried out, as when its answer is lost.
    """

    url: str = ""
    multi_user: bool = False
    token: str | None = None
    page_size: int = 2
    breaks_at: int | None = None
    late: bool = False
    refuses: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    recurring: dict[str, dict[str, Any]] = field(default_factory=dict)
    most_enabled: int = 0
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def writes(self) -> list[str]:
        """Return every request that was to change something, as method and path."""
        return [f"{one.method} {one.path}" for one in self.requests if one.method != "GET"]

    def enabled(self, name: str) -> list[str]:
        """Ids of the recurring runs of that name that fire."""
        runs = self.recurring.items()
        return [id for id, run in runs if (run["display_name"], run["mode"]) == (name, "ENABLE")]

    def carry_out(self, request: Request) -> dict[str, Any]:
        """Carry the request out; raise Refused where the API would refuse."""
        if self.token is not None and request.token != f"Bearer {self.token}":
            raise Refused(401, "Request not authenticated")
        path = request.path.removeprefix(ROOT).strip("/").split("/")
        answer = self._route(request, path)
        names = {run["display_name"] for run in self.recurring.values()}
        self.most_enabled = max([self.most_enabled, *(len(self.enabled(n)) for n in names)])
        return answer

    def _route(self, request: Request, path: list[str]) -> dict[str, Any]:  # noqa: PLR0911
        match request.method, path:
            case "GET", ["healthz"]:
                return {"multi_user": True} if self.multi_user else {}
            case "GET", ["pipelines"]:
                return self._page(request, "pipelines", _scoped(request, self.pipelines))
            case "POST", ["pipelines"]:
                return self._new_scoped("pipeline", request.body, self.pipelines)
            case "POST", ["pipelines", "upload_version"]:
                return self._new_version(request)
            case "GET", ["pipelines", id, "versions"]:
                versions = [v for v in self.versions.values() if v["pipeline_id"] == id]
                return self._page(request, "pipeline_versions", versions)
            case "GET", ["experiments"]:
                return self._page(request, "experiments", _scoped(request, self.experiments))
            case "POST", ["experiments"]:
                return self._new_scoped("experiment", request.body, self.experiments)
            case "GET", ["recurringruns"]:
                experiment = request.query["experiment_id"]
                runs = [r for r in self.recurring.values() if r["experiment_id"] == experiment]
                return self._page(request, "recurringRuns", runs)
            case "POST", ["recurringruns"]:
                return self._new_recurring(request.body)
            case "POST", ["recurringruns", action]:
                id, _, verb = action.partition(":")
                self._run(id)["mode"] = {"enable": "ENABLE", "disable": "DISABLE"}[verb]
                return {}
            case "DELETE", ["recurringruns", id]:
                self._run(id)
                del self.recurring[id]
                return {}
        raise Refused(404, "Not Found")

    def _new_scoped(self, kind: str, body: dict[str, Any], store: dict[str, Any]) -> dict[str, Any]:
        namespace, name = body.get("namespace", ""), body["display_name"]
        if bool(namespace) != self.multi_user:
            raise Refused(400, "a namespace is for multi-user mode, and must be there in it")
        taken = {(one["name"], one.get("namespace", "")) for one in store.values()}
        if (name, namespace) in taken:
            raise Refused(409, "Already exist error")
        id = f"{kind}-{next(self._ids)}"
        scope = {"namespace": namespace} if namespace else {}
        store[id] = {f"{kind}_id": id, "display_name": name, "name": name, **scope}
        return store[id]

    def _new_version(self, request: Request) -> dict[str, Any]:
        name, pipeline = request.query["name"], request.query["pipelineid"]
        if any((v["pipeline_id"], v["name"]) == (pipeline, name) for v in self.versions.values()):
            raise Refused(409, "Failed to create a pipeline version")
        if pipeline not in self.pipelines or not request.body:
            raise Refused(400, "Failed to create a pipeline version")
        id = f"version-{next(self._ids)}"
        self.versions[id] = {
            "pipeline_id": pipeline, "pipeline_version_id": id, "name": name,
            "display_name": name, "content": request.body,
        }  # fmt: skip
        return self.versions[id]

    def _new_recurring(self, body: dict[str, Any]) -> dict[str, Any]:
        concurrency = int(body.get("max_concurrency", 0))
        version = body["pipeline_version_reference"]["pipeline_version_id"]
        cron = body["trigger"]["cron_schedule"]["cron"]
        if not 1 <= concurrency <= 10 or version not in self.versions or len(cron.split()) != 6:
            raise Refused(400, "Validate recurring run failed")
        if body["experiment_id"] not in self.experiments:
            raise Refused(404, "Experiment not found")
        number = next(self._ids)
        id = f"recurring-{number}"
        self.recurring[id] = {
            "service_account": "pipeline-runner", **body, "recurring_run_id": id,
            "max_concurrency": str(concurrency), "mode": body.get("mode", "DISABLE"),
            "created_at": f"2026-01-01T00:00:{number % 60:02}Z",
        }  # fmt: skip
        return self.recurring[id]

    def _run(self, id: str) -> dict[str, Any]:
        if id not in self.recurring:
            raise Refused(404, f"recurring run {id} not found")
        return self.recurring[id]

    def _page(self, request: Request, key: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        start = int(request.query.get("page_token") or 0)
        end = start + min(self.page_size, int(request.query.get("page_size") or 20))
        shown = [{n: v for n, v in one.items() if n != "content"} for one in items[start:end]]
        more = {"next_page_token": str(end)} if end < len(items) else {}
        return {"total_size": len(items)} | ({key: shown} if shown else {}) | more


def _scoped(request: Request, store: dict[str, Any]) -> list[dict[str, Any]]:
    namespace = request.query.get("namespace", "")
    return [one for one in store.values() if one.get("namespace", "") == namespace]


@contextlib.contextmanager
def kubeflow() -> Iterator[Kubeflow]:
    """Serve the API until the block ends."""
    api = Kubeflow()

    class Handler(QuietHandler):
        def _take(self) -> None:
            request = _read(self)
            number = len(api.requests)
            api.requests.append(request)
            broken = api.breaks_at is not None and number >= api.breaks_at
            if broken and not (api.late and number == api.breaks_at):
                self.close_connection = True
                return
            refusal = api.refuses.get(f"{request.method} {request.path}")
            if refusal is not None:
                self.answer(*refusal, "application/json")
                return
            try:
                status, answer = 200, api.carry_out(request)
            except Refused as error:
                status, message = error.args
                answer = {"error": message, "code": 2}
            if broken:
                self.close_connection = True
                return
            shown = {name: value for name, value in answer.items() if name != "content"}
            self.answer(status, json.dumps(shown).encode(), "application/json")

        do_GET = do_POST = do_DELETE = _take

    with serving(Handler) as api.url:
        yield api


def _read(handler: QuietHandler) -> Request:
    parts = urlsplit(handler.path)
    raw = handler.rfile.read(int(handler.headers["content-length"] or 0))
    kind = handler.headers["content-type"] or ""
    body: Any = None
    if kind.startswith("multipart/form-data"):
        form = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + raw)
        (part,) = form.get_payload()
        assert part.get_param("name", header="content-disposition") == "uploadfile"
        body = part.get_payload(decode=True)
    elif raw:
        body = json.loads(raw)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return Request(
        handler.command, unquote(parts.path), query, body, handler.headers["authorization"]
    )
