"""What Kubeflow is to hold: a recurring run a schedule, marked as ours."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from volcast.core.errors import ConfigError

__all__ = ["EXPERIMENT", "Package", "Schedule", "Wanted", "mark_of", "packaged", "wanted"]

EXPERIMENT = "volcast"
"""The experiment whose recurring runs are looked at; those of others are never touched."""

_MARK = re.compile(r"volcast-schedule: ([0-9a-f]{64})$")


class Schedule(Protocol):
    """A schedule as `pipelines.schedules` declares it."""

    @property
    def name(self) -> str:
        """Name of the recurring run."""

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""

    @property
    def package(self) -> str:
        """Its file among the compiled pipelines."""

    @property
    def cron(self) -> str:
        """When it fires, in UTC."""


@dataclass(frozen=True)
class Package:
    """A compiled pipeline.

    Parameters
    ----------
    pipeline : str
        Its name.
    content : bytes
        The YAML.
    """

    pipeline: str
    content: bytes

    @property
    def version(self) -> str:
        """The name of its version: what it is called after is its content.

        It begins with the pipeline's name, for where Kubeflow keeps versions as Kubernetes
        objects their names must differ between pipelines.
        """
        return f"{self.pipeline}-{hashlib.sha256(self.content).hexdigest()[:16]}"


@dataclass(frozen=True)
class Wanted:
    """A recurring run as it is to be.

    Parameters
    ----------
    schedule : Schedule
        As declared.
    package : Package
        What it runs.
    parameters : dict of str
        The pipeline's arguments.
    service_account : str
        Of its pods; empty: Kubeflow's own.
    """

    schedule: Schedule
    package: Package
    parameters: Mapping[str, str]
    service_account: str

    def body(self, experiment_id: str, pipeline_id: str, version_id: str) -> dict[str, object]:
        """Return what Kubeflow is asked to make: it does not fire until it is enabled."""
        return {
            **self._said(),
            "description": self.description,
            "experiment_id": experiment_id,
            "mode": "DISABLE",
            "pipeline_version_reference": {
                "pipeline_id": pipeline_id,
                "pipeline_version_id": version_id,
            },
        }

    @property
    def mark(self) -> str:
        """The hash of all that was declared, so that what differs is seen to."""
        said = {**self._said(), "version": self.package.version}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    @property
    def description(self) -> str:
        """What a person reads beside it, with the mark that it is known by."""
        return f"Declared in pipelines/schedules.py and kept so. volcast-schedule: {self.mark}"

    def _said(self) -> dict[str, object]:
        account = {"service_account": self.service_account} if self.service_account else {}
        return {
            "display_name": self.schedule.name,
            "trigger": {"cron_schedule": {"cron": self.schedule.cron}},
            "runtime_config": {"parameters": dict(self.parameters)},
            # A run forecasts from the last closed session: two at once, or those missed, would
            # only do the same again.
            "max_concurrency": 1,
            "no_catchup": True,
            **account,
        }


def mark_of(description: str) -> str | None:
    """Return the mark of a recurring run that is ours; None of one that is not."""
    found = _MARK.search(description)
    return None if found is None else found[1]


def packaged(schedule: Schedule, folder: Path) -> Package:
    """Read the package of a schedule.

    Raises
    ------
    ConfigError
        If it is not in the folder, is no compiled pipeline, or is of another.
    """
    path = folder / schedule.package
    where = str(path).encode(errors="backslashreplace").decode()
    try:
        content = path.read_bytes()
        name = _pipeline(content.decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "a file that is no UTF-8"
        raise ConfigError(
            found=str(said), expected="a compiled pipeline", where=where,
            remedy="Give --pipelines the folder that `python -m pipelines.compile` wrote.",
        ) from error  # fmt: skip
    if name != schedule.pipeline:
        raise ConfigError(
            found=f"pipeline {name}" if name else "no pipeline",
            expected=schedule.pipeline, where=where,
            remedy="Compile the pipelines anew: `python -m pipelines.compile`.",
        )  # fmt: skip
    return Package(schedule.pipeline, content)


def _pipeline(package: str) -> str | None:
    # Read by its outermost lines, for the servers' image has no YAML parser of its own.
    whole = all(
        re.search(rf"^{part}:", package, re.MULTILINE)
        for part in ("deploymentSpec", "root", "schemaVersion")
    )
    plain = re.search(r"[^\n\t\x20-\x7e\x85\xa0-\ud7ff\ue000-\U0010ffff]", package) is None
    named = re.search(r"^pipelineInfo:\n(?:  .*\n)*?  name: (\S+)$", package, re.MULTILINE)
    return named[1] if named is not None and whole and plain else None


def wanted(
    schedules: Sequence[Schedule],
    folder: Path,
    parameters: Mapping[str, str],
    service_account: str,
) -> list[Wanted]:
    """Return the recurring runs of schedules, with their packages read.

    Raises
    ------
    ConfigError
        If a package cannot be had.
    """
    return [
        Wanted(schedule, packaged(schedule, folder), parameters, service_account)
        for schedule in schedules
    ]
