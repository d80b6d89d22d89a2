"""The part of the Kubeflow Pipelines API (REST, v2beta1) that schedules need."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from volcast.core.errors import ConfigError, ContractError
from volcast.data.sources.source import Retry
from volcast.schedules.address import address, headers
from volcast.schedules.answers import (
    entries,
    flag,
    identity,
    inner,
    refuse_error,
    text,
    unanswered,
)

__all__ = ["Kubeflow", "RecurringRun", "opened"]

_SECONDS = 20.0
_PAGE = 100
_ATTEMPTS = 3


@dataclass(frozen=True)
class RecurringRun:
    """A recurring run as Kubeflow tells of it.

    Parameters
    ----------
    id, name, description, cron, created_at : str
        ``cron`` is empty where it runs by an interval.
    enabled : bool
        Whether it fires.
    pipeline_id, version_id : str
        What it runs; empty where it carries the pipeline itself.
    """

    id: str
    name: str
    description: str
    cron: str
    created_at: str
    enabled: bool
    pipeline_id: str
    version_id: str


class Kubeflow:
    """One namespace of a Kubeflow Pipelines API; made by `opened`.

    What only reads, and what may be done twice to the same end, is tried again when there was no
    answer. What makes something new is not: it may have been made, and the next reconciliation
    will see it.

    Parameters
    ----------
    http : httpx.Client
        At the address that ``/apis/v2beta1`` follows.
    namespace : str
        Of the user in multi-user mode; empty in single-user mode, which refuses any.
    retry : Retry
        How often, and how long between.
    """

    def __init__(self, http: httpx.Client, namespace: str, retry: Retry) -> None:
        self._http, self._namespace, self._retry = http, namespace, retry

    def pipeline(self, name: str) -> str | None:
        """Return the id of a pipeline; None where there is none of that name."""
        found = self._read(f"/pipelines/names/{name}", self._scope(), missing=True)
        return None if found is None else identity(found, "pipeline_id", name)

    def create_pipeline(self, name: str) -> str:
        """Make a pipeline without a version, and return its id."""
        body = {"display_name": name, "name": name, **self._scope()}
        return identity(self._send("/pipelines", json=body), "pipeline_id", name)

    def version(self, pipeline_id: str, name: str) -> str | None:
        """Return the id of a pipeline's version; None where there is none of that name."""
        path = f"/pipelines/{pipeline_id}/versions"
        for one in self._pages(path, "pipeline_versions", {}):
            if name in (one.get("name"), one.get("display_name")):
                return identity(one, "pipeline_version_id", path)
        return None

    def upload_version(self, pipeline_id: str, name: str, package: bytes) -> str:
        """Add a version to a pipeline, and return its id."""
        made = self._send(
            "/pipelines/upload_version",
            params={"name": name, "pipelineid": pipeline_id},
            files={"uploadfile": (f"{name}.yaml", package)},
        )
        return identity(made, "pipeline_version_id", name)

    def experiment(self, name: str) -> str | None:
        """Return the id of an experiment; None where there is none of that name."""
        for one in self._pages("/experiments", "experiments", self._scope()):
            if one.get("display_name") == name:
                return identity(one, "experiment_id", "/experiments")
        return None

    def create_experiment(self, name: str) -> str:
        """Make an experiment, and return its id."""
        body = {"display_name": name, **self._scope()}
        return identity(self._send("/experiments", json=body), "experiment_id", name)

    def recurring_runs(self, experiment_id: str) -> list[RecurringRun]:
        """Return all recurring runs of an experiment, whoever made them."""
        params = {"experiment_id": experiment_id}
        return [_told(one) for one in self._pages("/recurringruns", "recurringRuns", params)]

    def create_recurring_run(self, body: Mapping[str, object]) -> str:
        """Make a recurring run, and return its id."""
        made = self._send("/recurringruns", json=body)
        return identity(made, "recurring_run_id", "/recurringruns")

    def enable(self, id: str) -> bool:
        """Let a recurring run fire; False where it is gone."""
        return self._repeat("POST", f"/recurringruns/{id}:enable", missing=True) is not None

    def disable(self, id: str) -> None:
        """Let a recurring run fire no more; one that is gone fires no more."""
        self._repeat("POST", f"/recurringruns/{id}:disable", missing=True)

    def delete(self, id: str) -> None:
        """Remove a recurring run, if it is there; the runs it made stay."""
        self._repeat("DELETE", f"/recurringruns/{id}", missing=True)

    def _scope(self) -> dict[str, str]:
        return {"namespace": self._namespace} if self._namespace else {}

    def _pages(self, path: str, key: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        token, seen = "", {""}
        while True:
            asked = {**params, "page_size": str(_PAGE), "page_token": token}
            page = self._read(path, asked) or {}
            yield from entries(page, key, path)
            token = text(page, "next_page_token", path)
            if not token:
                return
            if token in seen:
                raise ContractError(
                    found="a page that leads back to one before", expected="pages that end",
                    where=path, remedy="Check the API behind --kubeflow, and what stands before.",
                )  # fmt: skip
            seen.add(token)

    def _read(
        self, path: str, params: Mapping[str, str], *, missing: bool = False
    ) -> dict[str, Any] | None:
        return self._repeat("GET", path, params=dict(params), missing=missing)

    def _repeat(
        self, method: str, path: str, *, missing: bool = False, **parts: Any
    ) -> dict[str, Any] | None:
        return self._retry(lambda: self._once(method, path, missing=missing, **parts))

    def _send(self, path: str, **parts: Any) -> dict[str, Any]:
        return self._once("POST", path, **parts) or {}

    def _once(
        self, method: str, path: str, *, missing: bool = False, **parts: Any
    ) -> dict[str, Any] | None:
        asked = f"{method} {path}"
        try:
            answer = self._http.request(method, path, **parts)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise unanswered(error, asked, self._http.base_url) from error
        if missing and answer.status_code == 404:
            return None
        return refuse_error(answer, asked)


@contextmanager
def opened(
    url: str,
    token_file: Path | None,
    namespace: str,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Kubeflow]:
    """Yield the API at ``url``, asked whether it wants a namespace.

    Parameters
    ----------
    url : str
        What ``/apis/v2beta1`` follows.
    token_file : Path or None
        A mounted bearer token.
    namespace : str
        The user's, which multi-user mode wants and single-user mode has none of: there it is
        left away.
    sleep : callable
        Waits that many seconds between attempts.

    Raises
    ------
    ConfigError
        If the address or the token is none or is refused, no such API is there, or it wants a
        namespace.
    ContractError
        If what answers is no such API.
    SourceUnavailable
        If it does not answer.
    """
    asked, sent = address(url, "--kubeflow"), headers(token_file, "--token-file")
    with httpx.Client(base_url=asked, timeout=_SECONDS, headers=sent) as http:
        retry = Retry(_ATTEMPTS, sleep, random.Random())  # noqa: S311  jitter, no secret
        shared = Kubeflow(http, "", retry)
        several = flag(shared._read("/healthz", {}) or {}, "multi_user", "/healthz")
        if several and not namespace:
            raise ConfigError(
                found="no namespace", expected="one, for this Kubeflow has several users",
                where=url, remedy="Name the namespace that the pipelines run in: --namespace.",
            )  # fmt: skip
        yield Kubeflow(http, namespace, retry) if several else shared


def _told(one: Mapping[str, Any]) -> RecurringRun:
    where = "/recurringruns"
    reference = inner(one, "pipeline_version_reference", where)
    trigger = inner(inner(one, "trigger", where), "cron_schedule", where)
    # Older servers tell it by status alone.
    mode = text(one, "mode", where) or text(one, "status", where)
    return RecurringRun(
        id=identity(one, "recurring_run_id", where),
        name=text(one, "display_name", where),
        description=text(one, "description", where),
        cron=text(trigger, "cron", where),
        created_at=text(one, "created_at", where),
        enabled=mode in {"ENABLE", "ENABLED"},
        pipeline_id=text(reference, "pipeline_id", where),
        version_id=text(reference, "pipeline_version_id", where),
    )
