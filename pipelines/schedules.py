"""When the pipelines run on a cluster, and what makes Kubeflow run them so.

``python -m pipelines.schedules apply`` compares the recurring runs of the experiment ``volcast``
with `SCHEDULES` and changes what differs; killed at any request, the next one completes it.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kfp_server_api as api
from urllib3.exceptions import HTTPError, LocationValueError
from urllib3.util import Retry

from volcast.core.errors import ConfigError, ContractError, SourceUnavailable, VolcastError
from volcast.core.settings import read_settings

__all__ = ["EXPERIMENT", "SCHEDULES", "Kubeflow", "Schedule", "Target", "mark_of", "targets"]

EXPERIMENT = "volcast"
"""The experiment whose recurring runs are compared; those of others are never touched."""

_MARK = re.compile(r"volcast-schedule: ([0-9a-f]{64})$")
_SECONDS, _BACKOFF_SECONDS, _ROUNDS = 20.0, 0.5, 3


@dataclass(frozen=True)
class Schedule:
    """A pipeline that Kubeflow runs repeatedly; a run of this name with our mark is its own.

    ``cron`` is second, minute, hour, day of month, month, day of week, in UTC. Days of the week are
    words: by number, Sunday is 0 to the controller and 1 elsewhere.
    """

    name: str
    pipeline: str
    package: str
    cron: str


SCHEDULES = (
    # 06:00 in New York in summer, 05:00 in winter: two hours before the forecast is due, and
    # half a day after the close, when the day's prices have settled.
    Schedule(
        "volcast-daily", "volcast-daily-inference", "daily_inference.yaml", "0 0 10 * * MON-FRI"
    ),
    # Friday's prices are in, and no daily run is under way.
    Schedule("volcast-weekly-training", "volcast-train", "train.yaml", "0 0 12 * * SAT"),
)


@dataclass(frozen=True)
class Target:
    """A recurring run as Kubeflow should have it; ``version`` is named by the package's hash."""

    schedule: Schedule
    package: Path
    version: str
    parameters: Mapping[str, str]
    service_account: str

    @property
    def mark(self) -> str:
        """Hash of all that is declared."""
        fields = [self.schedule.name, self.schedule.cron, dict(self.parameters)]
        declared = json.dumps([*fields, self.service_account, self.version], sort_keys=True)
        return hashlib.sha256(declared.encode()).hexdigest()


def targets(
    schedules: Sequence[Schedule], folder: Path, parameters: Mapping[str, str], account: str
) -> list[Target]:
    """Return the recurring runs of schedules; ConfigError if a package is not in the folder."""
    made = []
    for one in schedules:
        digest = hashlib.sha256(_read(folder / one.package)).hexdigest()
        version = f"{one.pipeline}-{digest[:16]}"
        made.append(Target(one, folder / one.package, version, parameters, account))
    return made


def mark_of(description: str | None) -> str | None:
    """Return the mark of a recurring run that is ours; None of another."""
    match = _MARK.search(description or "")
    return match[1] if match else None


class Kubeflow:
    """A Kubeflow Pipelines API (v2beta1), through its own generated client.

    Changes are reported, each as a line, before they are made; with ``dry`` none is made. Every
    method raises ConfigError, ContractError or SourceUnavailable where access is denied, the API
    refuses, or does not answer.
    """

    def __init__(
        self, url: str, token_file: Path | None, namespace: str,
        report: Callable[[str], None] = print, *, dry: bool = False,
    ) -> None:  # fmt: skip
        self._report, self._dry = report, dry
        client = api.ApiClient(_configuration(url, token_file))
        self._pipelines = api.PipelineServiceApi(client)
        self._uploads = api.PipelineUploadServiceApi(client)
        self._experiments = api.ExperimentServiceApi(client)
        self._runs = api.RecurringRunServiceApi(client)
        several = _ask(api.HealthzServiceApi(client).healthz_service_get_healthz).multi_user
        self._scope = {"namespace": namespace} if several else {}

    def apply(self, declared: Sequence[Target]) -> None:
        """Make each target exist once and fire; remove our other recurring runs.

        What is missing is created, paused, before the old one is disabled, and fires only after
        that; the old one is deleted last. So no two of a schedule fire, whatever fails.
        """
        # Compared again after the last change: another process may have made the same one.
        for _ in range(_ROUNDS):
            ours = [run for run in self.recurring_runs() if mark_of(run.description)]
            current = [self._ensure(target, ours) for target in declared]
            others = [run for run in ours if run not in current]
            paused = [run for run in current if not _fires(run)]
            for run in filter(_fires, others):
                self._change("disable", run)
            for run in paused:
                self._change("enable", run)
            for run in others:
                self._change("delete", run)
            if self._dry or not (others or paused):
                return
        raise SourceUnavailable(
            found="recurring runs that change meanwhile", expected="one process that applies",
            where=f"experiment {EXPERIMENT}", remedy="Let one apply at a time, and run it again.",
        )  # fmt: skip

    def recurring_runs(self) -> list[Any]:
        """Return the recurring runs of our experiment, ours and others', by name and age."""
        experiment = self._experiment()
        if experiment is None:
            return []
        list_page = self._runs.recurring_run_service_list_recurring_runs
        runs = _pages(list_page, "recurring_runs", experiment_id=experiment.experiment_id)
        return sorted(runs, key=lambda run: (run.display_name, str(run.created_at)))

    def _ensure(self, target: Target, runs: Sequence[Any]) -> Any:
        """Return the run that is as declared, or a new one that is paused."""
        version = self._version(target)
        alike = (run for run in runs if mark_of(run.description) == target.mark)
        same = [run for run in alike if run.pipeline_version_reference == version]
        # Of several, every process keeps the same one: that which fires, else the oldest.
        return max(same, key=_fires) if same else self._create(target, version)

    def _change(self, verb: str, run: Any) -> None:
        self._report(f"{verb} {run.display_name} {run.recurring_run_id or ''}".rstrip())
        if not self._dry:
            change = getattr(self._runs, f"recurring_run_service_{verb}_recurring_run")
            _ask(change, run.recurring_run_id)

    def _create(self, target: Target, version: Any) -> Any:
        self._report(f"create {target.schedule.name}")
        experiment = self._experiment()
        if experiment is None and not self._dry:
            body = api.V2beta1Experiment(display_name=EXPERIMENT, **self._scope)
            experiment = _ask(self._experiments.experiment_service_create_experiment, body)
        run = api.V2beta1RecurringRun(
            display_name=target.schedule.name,
            description=f"Declared in pipelines/schedules.py. volcast-schedule: {target.mark}",
            experiment_id=experiment and experiment.experiment_id,
            mode=api.RecurringRunMode.DISABLE,
            pipeline_version_reference=version,
            runtime_config=api.V2beta1RuntimeConfig(parameters=dict(target.parameters)),
            trigger=api.V2beta1Trigger(api.V2beta1CronSchedule(cron=target.schedule.cron)),
            # A run forecasts from the last closed session: two at once, or missed ones, would
            # repeat the same work.
            max_concurrency=1,
            no_catchup=True,
            service_account=target.service_account or None,
        )
        create = self._runs.recurring_run_service_create_recurring_run
        return run if self._dry else _ask(create, run)

    def _experiment(self) -> Any | None:
        list_page = self._experiments.experiment_service_list_experiments
        return _named(EXPERIMENT, list_page, "experiments", **self._scope)

    def _version(self, target: Target) -> Any | None:
        """Return the reference of the target's version, uploaded where missing; None if dry."""
        name, service = target.schedule.pipeline, self._pipelines
        list_page = service.pipeline_service_list_pipelines
        pipeline = _named(name, list_page, "pipelines", **self._scope)
        if pipeline is None and not self._dry:
            body = api.V2beta1Pipeline(display_name=name, name=name, **self._scope)
            pipeline = _ask(service.pipeline_service_create_pipeline, body)
        if pipeline is None:
            return None
        id, list_page = pipeline.pipeline_id, service.pipeline_service_list_pipeline_versions
        version = _named(target.version, list_page, "pipeline_versions", pipeline_id=id)
        if version is None and not self._dry:
            upload = self._uploads.upload_pipeline_version
            version = _ask(upload, str(target.package), name=target.version, pipelineid=id)
        return version and api.V2beta1PipelineVersionReference(id, version.pipeline_version_id)


def _fires(run: Any) -> bool:
    return api.RecurringRunMode.ENABLE in (run.mode, str(run.status).removesuffix("D"))


def _named(name: str, list_page: Callable[..., Any], field: str, **query: str) -> Any | None:
    pages = _pages(list_page, field, **query)
    return next((one for one in pages if one.display_name == name), None)


def _pages(list_page: Callable[..., Any], field: str, **query: str) -> Iterator[Any]:
    token: str | None = ""
    while token is not None:
        page = _ask(list_page, page_token=token, page_size=100, **query)
        yield from getattr(page, field) or ()
        token = page.next_page_token or None


def _ask(method: Callable[..., Any], *arguments: object, **query: Any) -> Any:
    try:
        return method(*arguments, **query, _request_timeout=_SECONDS)
    except (api.ApiException, HTTPError, ValueError, TypeError) as error:
        raise _translated(error, method.__name__) from error


def _translated(error: Exception, request: str) -> VolcastError:
    kind: type[VolcastError] = ContractError
    status, text = getattr(error, "status", None), getattr(error, "body", None) or str(error)
    if isinstance(error, LocationValueError):
        kind, text = ConfigError, "a malformed address"  # which may hold a password
    elif status in {401, 403}:
        kind = ConfigError
    elif isinstance(error, HTTPError) or (status and (status in {408, 409, 429} or status >= 500)):
        kind = SourceUnavailable
    return kind(
        found=f"{status or type(error).__name__}: {text}"[:300], expected=f"{request} to succeed",
        where="--kubeflow", remedy="Check address, --token-file and --namespace; run it again.",
    )  # fmt: skip


def _configuration(url: str, token_file: Path | None) -> api.Configuration:
    configuration = api.Configuration(host=url.rstrip("/"))
    # Other requests may have been carried out; the next apply goes on from there.
    configuration.retries = Retry(
        total=2, backoff_factor=_BACKOFF_SECONDS, redirect=0, status_forcelist=(429, 502, 503, 504),
        allowed_methods=("GET",), raise_on_status=False,
    )  # fmt: skip
    if token_file is not None:
        # Without any white space: a header that is refused would be shown in the error.
        token = b"".join(_read(token_file).split()).decode("latin-1")
        configuration.api_key = {"authorization": token}
        configuration.api_key_prefix = {"authorization": "Bearer"}
    return configuration


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            found=type(error).__name__, expected="a readable file", where=str(path),
            remedy="Compile the pipelines to --pipelines, and mount --token-file.",
        ) from error  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.schedules", description=__doc__)
    parser.add_argument("command", choices=["apply", "list", "remove"])
    parser.add_argument("--kubeflow", required=True, help="what /apis/v2beta1 follows")
    parser.add_argument("--token-file", type=Path, help="a mounted bearer token")
    parser.add_argument("--namespace", default="", help="used where Kubeflow has several users")
    parser.add_argument("--dry-run", action="store_true", help="print changes, make none")
    parser.add_argument("--pipelines", type=Path, default=Path(__file__).with_name("compiled"))
    parser.add_argument("--service-account", default="", help="of the pipelines' pods")
    for name in ("--store", "--source", "--universe"):
        parser.add_argument(name, help=f"default: VOLCAST_{name[2:].upper()}")
    return parser


def _declared(options: argparse.Namespace) -> list[Target]:
    settings = read_settings(store=options.store, source=options.source, universe=options.universe)
    if not settings.store.startswith("s3://") or settings.source == "csv":
        raise ConfigError(
            found=f"{settings.store}, source {settings.source}",
            expected="s3://bucket/prefix, and a source without a folder", where="--store, --source",
            remedy="Name a store and a source that every pod of the cluster reaches.",
        )  # fmt: skip
    universe = settings.resolved_universe.model_dump_json()
    parameters = {"store": settings.store, "source": settings.source, "universe": universe}
    return targets(SCHEDULES, options.pipelines, parameters, options.service_account)


def main(argv: Sequence[str] | None = None) -> int:
    """Apply, list or remove the recurring runs; return the exit code."""
    options = _parser().parse_args(argv)
    try:
        declared = _declared(options) if options.command == "apply" else []
        kubeflow = Kubeflow(
            options.kubeflow, options.token_file, options.namespace, dry=options.dry_run
        )
        if options.command == "list":
            for run in kubeflow.recurring_runs():
                state = "fires" if _fires(run) else "paused"
                owner = "ours" if mark_of(run.description) else "other"
                print(run.display_name, state, owner, sep="\t")
        else:
            kubeflow.apply(declared)
    except VolcastError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
