"""Launch the train pipeline: on Kubeflow, or as a process of this machine."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import httpx

from serving.events import emit
from serving.receiver import metrics
from volcast.core.errors import ConfigError, Overloaded, SourceUnavailable
from volcast.core.settings import Settings, Universe
from volcast.schedules.address import address, headers
from volcast.store import Store

__all__ = ["Kubeflow", "Launcher", "Local", "launcher_of", "parameters"]

PIPELINE = "volcast-train"

_ROOT = Path(__file__).parents[2]
_SECONDS = 10.0
_GRACE_SECONDS = 20.0


def parameters(settings: Settings, store: Store, universe: Universe) -> dict[str, str]:
    """Return the train pipeline's arguments, as its declaration names them.

    Paths are absolute, for the run has another working folder.
    """
    path = settings.source_path
    return {
        "store": store.uri,
        "source": settings.source,
        "source_path": "" if path is None else str(path.absolute()),
        "as_of": "" if settings.as_of is None else settings.as_of.isoformat(),
        "universe": universe.model_dump_json(),
    }


class Launcher(Protocol):
    """Starts one run of the train pipeline."""

    def refuse_if_busy(self) -> None:
        """Raise Overloaded while no other run can be started."""

    async def launch(self, arguments: Mapping[str, str], session: date) -> str:
        """Start a run, and return what it is called; raises SourceUnavailable."""

    async def close(self) -> None:
        """End what must not outlive this process."""


@dataclass(frozen=True)
class Kubeflow:
    """A Kubeflow Pipelines API, asked through REST (v2beta1).

    The run is of the pipeline's newest version, in the default experiment.

    Parameters
    ----------
    url : str
        What ``/apis/v2beta1`` follows.
    token_file : Path or None
        Read at each launch, since projected tokens are replaced.
    service_account : str
        What the run's pods are; empty for what Kubeflow runs them as by itself.
    """

    url: str
    token_file: Path | None
    service_account: str = ""

    def request(self) -> tuple[str, dict[str, str]]:
        """Return the address that is asked, and the headers that carry the token.

        Raises
        ------
        ConfigError
            If the one or the other is none.
        """
        return (
            address(self.url, "VOLCAST_RETRAIN_LAUNCH"),
            headers(self.token_file, "VOLCAST_RETRAIN_TOKEN_FILE"),
        )

    def refuse_if_busy(self) -> None:
        """Refuse nothing: Kubeflow queues."""

    async def launch(self, arguments: Mapping[str, str], session: date) -> str:
        """Create a run.

        Raises
        ------
        SourceUnavailable
            If the API does not answer, refuses, or has no such pipeline.
        """
        try:
            asked, sent = self.request()
            async with httpx.AsyncClient(base_url=asked, timeout=_SECONDS, headers=sent) as http:
                found = await _json(http, "GET", f"/pipelines/names/{PIPELINE}")
                run = {
                    "display_name": f"{PIPELINE} alert {session}",
                    "pipeline_version_reference": {"pipeline_id": found["pipeline_id"]},
                    "runtime_config": {"parameters": dict(arguments)},
                }
                if self.service_account:
                    run["service_account"] = self.service_account
                created = await _json(http, "POST", "/runs", run)
                return str(created["run_id"])
        except (ConfigError, OSError, httpx.HTTPError, ValueError, KeyError) as error:
            raise SourceUnavailable(
                found=f"{type(error).__name__}: {error}", expected=f"a run of {PIPELINE}",
                where=self.url,
                remedy="Check VOLCAST_RETRAIN_LAUNCH, its token, and that the pipeline is there.",
            ) from error  # fmt: skip

    async def close(self) -> None:
        """End nothing: runs are Kubeflow's."""


async def _json(
    http: httpx.AsyncClient, method: str, path: str, body: object = None
) -> dict[str, Any]:
    answer = await http.request(method, path, json=body)
    if answer.is_error:
        raise ValueError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError(f"{method} {path}: no JSON object")
    return found


@dataclass
class Local:
    """The pipeline run in a process of its own on this machine, one at a time.

    Parameters
    ----------
    command : tuple of str
        What is run with the pipeline's arguments.
    """

    command: tuple[str, ...] = (sys.executable, "-m", "pipelines.local", "train")
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _watch: asyncio.Task[None] | None = field(default=None, init=False)

    def refuse_if_busy(self) -> None:
        """Refuse while a run goes on.

        Raises
        ------
        Overloaded
        """
        if self._process is not None:
            raise Overloaded(
                found="a training run under way", expected="none", where="receiver",
                remedy="Send it again later.",
            )  # fmt: skip

    async def launch(self, arguments: Mapping[str, str], session: date) -> str:
        """Start the process.

        Raises
        ------
        SourceUnavailable
            If it cannot be started.
        """
        flags = [
            part
            for name, value in arguments.items()
            if value
            for part in (f"--{name.replace('_', '-')}", value)
        ]
        try:
            # What it prints goes where our log goes; its own group keeps it from our signals.
            self._process = await asyncio.create_subprocess_exec(
                *self.command, *flags, cwd=_ROOT, stdout=sys.stderr, start_new_session=True
            )
        except OSError as error:
            raise SourceUnavailable(
                found=f"{type(error).__name__}: {error}", expected="a process of the pipeline",
                where=" ".join(self.command), remedy="Free memory or processes; it is tried again.",
            ) from error  # fmt: skip
        metrics.RUNNING.set(1)
        self._watch = asyncio.create_task(self._await_end(self._process, session))
        return f"process {self._process.pid}"

    async def close(self) -> None:
        """End the run; what it had not written whole, the next one writes."""
        if self._process is None or self._watch is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(self._watch), _GRACE_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._watch

    async def _await_end(self, process: asyncio.subprocess.Process, session: date) -> None:
        code = await process.wait()
        self._process = None
        metrics.RUNNING.set(0)
        metrics.count_exit(code)
        level = logging.INFO if code == 0 else logging.WARNING
        emit("training_ended", level, session=session, exit_code=code)


def launcher_of(settings: Settings) -> Launcher:
    """Return the launcher that the settings ask for.

    Raises
    ------
    ConfigError
        If its address or its token is none.
    """
    if settings.retrain_launch == "local":
        return Local()
    found = Kubeflow(
        settings.retrain_launch, settings.retrain_token_file, settings.retrain_service_account
    )
    # At the start, where somebody looks, and not at the first alert.
    found.request()
    return found
