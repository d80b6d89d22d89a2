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
from urllib.parse import urlsplit

import kfp_server_api as api
import yaml
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from volcast.core.errors import ConfigError, ContractError, SourceUnavailable, VolcastError
from volcast.core.settings import read_settings

__all__ = ["EXPERIMENT", "SCHEDULES", "Kubeflow", "Schedule", "Target", "mark_of", "targets"]

EXPERIMENT = "volcast"
"""The experiment whose recurring runs are compared; those of others are never touched."""

_MARK = re.compile(r"volcast-schedule: ([0-9a-f]{64})$")
_SECONDS, _BACKOFF_SECONDS, _PAGE, _ROUNDS = 20.0, 0.5, 100, 3


@dataclass(frozen=True)
class Schedule:
    """A pipeline that Kubeflow runs repeatedly.

    Parameters
    ----------
    name : str
        Of the recurring run; one there with this name and our mark is this schedule.
    pipeline : str
        As its declaration names it.
    package : str
        Its file among the compiled pipelines.
    cron : str
        Kubeflow's form, six fields: second, minute, hour, day of month, month, day of week. In
        UTC, as its controller reads it; a zone cannot be written in it. Days of the week are
        written as words, for by number they count from Sunday = 0 here and from 1 elsewhere.
    """

    name: str
    pipeline: str
    package: str
    cron: str


SCHEDULES = (
    # 06:00 in New York in summer, 05:00 in winter: two hours before the forecast is due, and
    # half a day after the close, when the day's prices have settled.
    Schedule(
        name="volcast-daily",
        pipeline="volcast-daily-inference",
        package="daily_inference.yaml",
        cron="0 0 10 * * MON-FRI",
    ),
    # Friday's prices are in, and no daily run is under way.
    Schedule(
        name="volcast-weekly-training",
        pipeline="volcast-train",
        package="train.yaml",
        cron="0 0 12 * * SAT",
    ),
)


@dataclass(frozen=True)
class Target:
    """A recurring run as Kubeflow should have it.

    Parameters
    ----------
    schedule : Schedule
    package : Path
        The compiled pipeline.
    parameters : dict of str
        The pipeline's arguments.
    service_account : str
        Of its pods; empty: Kubeflow's own.
    """

    schedule: Schedule
    package: Path
    parameters: Mapping[str, str]
    service_account: str

    @property
    def version(self) -> str:
        """Name of the pipeline's version: the pipeline's, and the hash of the package."""
        content = self.package.read_bytes()
        return f"{self.schedule.pipeline}-{hashlib.sha256(content).hexdigest()[:16]}"

    @property
    def mark(self) -> str:
        """Hash of all that is declared."""
        fields = [self.schedule.name, self.schedule.cron, dict(self.parameters)]
        declared = json.dumps([*fields, self.service_account, self.version], sort_keys=True)
        return hashlib.sha256(declared.encode()).hexdigest()

    def body(self, experiment: str, pipeline: str, version: str) -> api.V2beta1RecurringRun:
        """Return the recurring run to create: paused, so that it fires when it is enabled."""
        return api.V2beta1RecurringRun(
            display_name=self.schedule.name,
            description=f"Declared in pipelines/schedules.py. volcast-schedule: {self.mark}",
            experiment_id=experiment,
            mode=api.RecurringRunMode.DISABLE,
            pipeline_version_reference=api.V2beta1PipelineVersionReference(
                pipeline_id=pipeline, pipeline_version_id=version
            ),
            runtime_config=api.V2beta1RuntimeConfig(parameters=dict(self.parameters)),
            trigger=api.V2beta1Trigger(
                cron_schedule=api.V2beta1CronSchedule(cron=self.schedule.cron)
            ),
            # A run forecasts from the last closed session: two at once, or missed ones, would
            # repeat the same work.
            max_concurrency=1,
            no_catchup=True,
            service_account=self.service_account or None,
        )


def targets(
    schedules: Sequence[Schedule], folder: Path, parameters: Mapping[str, str], account: str
) -> list[Target]:
    """Return the recurring runs of schedules whose packages are in a folder.

    Raises
    ------
    ConfigError
        If a package is missing, is no compiled pipeline, or is of another.
    """
    for one in schedules:
        path = folder / one.package
        try:
            spec = next(yaml.safe_load_all(path.read_text(encoding="utf-8")), None)
            name = "no pipeline"
            if isinstance(spec, dict) and {"root", "deploymentSpec"} <= spec.keys():
                name = spec["pipelineInfo"]["name"]
        except (OSError, ValueError, KeyError, yaml.YAMLError) as error:
            name = type(error).__name__
        if name != one.pipeline:
            raise ConfigError(
                found=name, expected=f"the compiled pipeline {one.pipeline}",
                where=ascii(str(path)),
                remedy="Give --pipelines the folder that `python -m pipelines.compile` wrote.",
            )  # fmt: skip
    return [Target(one, folder / one.package, parameters, account) for one in schedules]


def mark_of(description: str | None) -> str | None:
    """Return the mark of a recurring run that is ours; None of another."""
    match = _MARK.search(description or "")
    return match[1] if match else None


class Kubeflow:
    """A Kubeflow Pipelines API (v2beta1), through its own generated client.

    Requests that may be repeated (reads and deletes) are, twice; others are left to the next run.

    Parameters
    ----------
    url : str
        What ``/apis/v2beta1`` follows.
    token_file : Path or None
        A mounted bearer token.
    namespace : str
        Of the user; used where Kubeflow has several users.
    report : callable
        Takes each change, as a line, before it is made.
    dry : bool
        Whether to report only.

    Raises
    ------
    ConfigError
        If address or token is malformed or refused, or a namespace is needed.
    SourceUnavailable
        If Kubeflow does not answer.
    """

    def __init__(
        self,
        url: str,
        token_file: Path | None,
        namespace: str,
        report: Callable[[str], None] = print,
        *,
        dry: bool = False,
    ) -> None:
        self._report, self._dry = report, dry
        client = api.ApiClient(_configuration(url, token_file))
        self._pipelines, self._uploads = (
            api.PipelineServiceApi(client),
            api.PipelineUploadServiceApi(client),
        )
        self._experiments, self._runs = (
            api.ExperimentServiceApi(client),
            api.RecurringRunServiceApi(client),
        )
        several = _ask(api.HealthzServiceApi(client).healthz_service_get_healthz).multi_user
        if several and not namespace:
            raise ConfigError(
                found="no namespace", expected="one, for this Kubeflow has several users",
                where=url, remedy="Name the namespace that the pipelines run in: --namespace.",
            )  # fmt: skip
        self._scope = {"namespace": namespace} if several else {}

    def apply(self, wanted: Sequence[Target]) -> None:
        """Make each target exist once and fire; remove our other recurring runs.

        Raises
        ------
        SourceUnavailable
            If Kubeflow does not answer, or another process changes the same recurring runs.
        ConfigError, ContractError
            If it refuses.
        """
        experiment = self._experiment()
        if experiment is None and wanted:
            self._report(f"make experiment {EXPERIMENT}")
            if not self._dry:
                body = api.V2beta1Experiment(display_name=EXPERIMENT, **self._scope)
                made = _ask(self._experiments.experiment_service_create_experiment, body)
                experiment = _id(made.experiment_id)
        references = {one.version: self._uploaded(one) for one in wanted}
        # Compared again after the last change: another process may have made the same one.
        for _ in range(_ROUNDS):
            if not self._changed(experiment, wanted, references):
                return
        raise SourceUnavailable(
            found="recurring runs that change meanwhile", expected="one process that applies",
            where=f"experiment {EXPERIMENT}", remedy="Let one apply at a time, and run it again.",
        )  # fmt: skip

    def recurring_runs(self) -> list[Any]:
        """Return the recurring runs of our experiment, ours and others', by name."""
        experiment = self._experiment()
        runs = [] if experiment is None else self._listed(experiment)
        return sorted(runs, key=lambda run: (run.display_name, str(run.created_at)))

    def _experiment(self) -> str | None:
        list_page = self._experiments.experiment_service_list_experiments
        for one in _pages(list_page, "experiments", **self._scope):
            if one.display_name == EXPERIMENT:
                return _id(one.experiment_id)
        return None

    def _listed(self, experiment: str) -> list[Any]:
        list_page = self._runs.recurring_run_service_list_recurring_runs
        return list(_pages(list_page, "recurring_runs", experiment_id=experiment))

    def _uploaded(self, target: Target) -> tuple[str, str] | None:
        """Return the ids of the target's pipeline and version, uploaded where missing."""
        name = target.schedule.pipeline
        pages = _pages(self._pipelines.pipeline_service_list_pipelines, "pipelines", **self._scope)
        pipeline = next((_id(p.pipeline_id) for p in pages if p.display_name == name), None)
        if pipeline is not None:
            list_page = self._pipelines.pipeline_service_list_pipeline_versions
            for one in _pages(list_page, "pipeline_versions", pipeline_id=pipeline):
                if one.display_name == target.version:
                    return pipeline, _id(one.pipeline_version_id)
        self._report(f"upload {target.version}")
        if self._dry:
            return None
        if pipeline is None:
            body = api.V2beta1Pipeline(display_name=name, name=name, **self._scope)
            made = _ask(self._pipelines.pipeline_service_create_pipeline, body)
            pipeline = _id(made.pipeline_id)
        version = _ask(
            self._uploads.upload_pipeline_version, str(target.package), name=target.version,
            pipelineid=pipeline,
        )  # fmt: skip
        return pipeline, _id(version.pipeline_version_id)

    def _changed(
        self,
        experiment: str | None,
        wanted: Sequence[Target],
        references: Mapping[str, tuple[str, str] | None],
    ) -> bool:
        """Make the changes that are left; return whether there were any that were made.

        A new recurring run exists, paused, before the old one is disabled, and fires only after
        that; the old one is deleted last. So no two of a schedule fire, whatever fails.
        """
        groups: dict[str, list[Any]] = {one.schedule.name: [] for one in wanted}
        for run in [] if experiment is None else self._listed(experiment):
            if mark_of(run.description) is not None:
                groups.setdefault(run.display_name, []).append(run)
        declared = {one.schedule.name: one for one in wanted}
        changed = False
        for name, runs in groups.items():
            target = declared.get(name)
            reference = references[target.version] if target else None
            same = [run for run in runs if target and _equals(run, target, reference)]
            # Of several, every process keeps the same one: that which fires, else the oldest.
            kept = min(same, key=lambda r: (not _fires(r), str(r.created_at), r.recurring_run_id),
                       default=None)  # fmt: skip
            others = [run for run in runs if run is not kept]
            changed |= self._replace(experiment, target, reference, kept, others)
        return changed and not self._dry

    def _replace(
        self,
        experiment: str | None,
        target: Target | None,
        reference: tuple[str, str] | None,
        kept: Any | None,
        others: Sequence[Any],
    ) -> bool:
        id = None if kept is None else kept.recurring_run_id
        fires = kept is not None and _fires(kept)
        runs = self._runs
        if target is not None and kept is None:
            self._report(f"create {target.schedule.name}")
            if experiment is not None and reference is not None and not self._dry:
                body = target.body(experiment, *reference)
                made = _ask(runs.recurring_run_service_create_recurring_run, body)
                id = _id(made.recurring_run_id)
        for run in others:
            if _fires(run):
                self._change("disable", run.display_name, run.recurring_run_id)
        if (
            target is not None
            and not fires
            and not self._change("enable", target.schedule.name, id)
        ):
            # Another process removed it as a duplicate: compare again before anything else goes.
            return True
        for run in others:
            self._change("delete", run.display_name, run.recurring_run_id)
        return bool(others) or (target is not None and not fires)

    def _change(self, verb: str, name: str, id: str | None) -> bool:
        """Disable, enable or delete a recurring run; return False where it is gone."""
        self._report(f"{verb} {name}" + (f" {id}" if id else ""))
        if self._dry or id is None:
            return True
        method = getattr(self._runs, f"recurring_run_service_{verb}_recurring_run")
        return _ask(method, id, gone_is_none=True) is not None


def _fires(run: Any) -> bool:
    return api.RecurringRunMode.ENABLE in (run.mode, str(run.status).removesuffix("D"))


def _equals(run: Any, target: Target, reference: tuple[str, str] | None) -> bool:
    used = run.pipeline_version_reference
    ids = used and (used.pipeline_id, used.pipeline_version_id)
    return mark_of(run.description) == target.mark and ids == reference


def _pages(list_page: Callable[..., Any], field: str, **query: str) -> Iterator[Any]:
    token = ""
    while True:
        parameters: dict[str, Any] = {**query, "page_token": token, "page_size": _PAGE}
        page = _ask(list_page, **parameters)
        yield from getattr(page, field) or ()
        if not page.next_page_token or page.next_page_token == token:
            return
        token = page.next_page_token


def _ask(
    method: Callable[..., Any], *arguments: object, gone_is_none: bool = False, **query: Any
) -> Any:
    what = method.__name__.partition("_service_")[2] or method.__name__
    try:
        return method(*arguments, **query, _request_timeout=_SECONDS)
    except api.ApiException as error:
        if gone_is_none and error.status == 404:
            return None
        raise _refusal(error, what) from error
    except HTTPError as error:
        raise SourceUnavailable(
            found=f"{type(error).__name__}: {error}", expected=f"an answer to {what}",
            where="--kubeflow", remedy="Check that its API is up, then run it again.",
        ) from error  # fmt: skip
    except (ValueError, TypeError) as error:
        raise _no_api(f"{type(error).__name__}: {error}", what) from error


def _refusal(error: api.ApiException, what: str) -> VolcastError:
    message = f"{error.status} {error.body or error.reason}"[:300]
    if error.status in (401, 403):
        return ConfigError(
            found=message, expected=f"permission to {what}", where="--kubeflow",
            remedy="Give --token-file a token that this API accepts, and its --namespace.",
        )  # fmt: skip
    if error.status in (408, 409, 429) or error.status >= 500:
        return SourceUnavailable(
            found=message, expected=f"an answer to {what}", where="--kubeflow",
            remedy="Run it again; what was done already is not done twice.",
        )  # fmt: skip
    return _no_api(message, what)


def _no_api(message: str, what: str) -> ContractError:
    return ContractError(
        found=message, expected=f"a Kubeflow Pipelines v2beta1 API that does {what}",
        where="--kubeflow", remedy="Check the address, and its version with that in manifests/.",
    )  # fmt: skip


def _id(value: str | None) -> str:
    if not value:
        raise _no_api("an answer without an id", "answer with one")
    return value


def _configuration(url: str, token_file: Path | None) -> api.Configuration:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    # A user in it would be in every error; a token has a file of its own.
    if not valid or re.search(r"[@?#\s]", url):
        raise ConfigError(
            found="a malformed address", expected="http(s)://host[:port][/path]",
            where="--kubeflow", remedy="Give the address that /apis/v2beta1 follows.",
        )  # fmt: skip
    configuration = api.Configuration(host=url.rstrip("/"))
    configuration.retries = Retry(
        total=2, backoff_factor=_BACKOFF_SECONDS, redirect=0, status_forcelist=(429, 502, 503, 504),
        allowed_methods=("GET", "DELETE"), raise_on_status=False,
    )  # fmt: skip
    if token_file is not None:
        configuration.api_key = {"authorization": _token(token_file)}
        configuration.api_key_prefix = {"authorization": "Bearer"}
    return configuration


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        token, cause = "", type(error).__name__
    else:
        cause = "no token (not shown)"
    if not re.fullmatch(r"[!-~]+", token):
        raise ConfigError(
            found=cause, expected="one bearer token in a line of printable ASCII",
            where=f"--token-file {str(path)!a}", remedy="Fix it, or omit it where none is needed.",
        )  # fmt: skip
    return token


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
    parameters = {
        "store": settings.store,
        "source": settings.source,
        "universe": settings.resolved_universe.model_dump_json(),
    }
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
                cron = run.trigger and run.trigger.cron_schedule and run.trigger.cron_schedule.cron
                state, owner = "fires" if _fires(run) else "paused", mark_of(run.description)
                print(run.display_name, cron, state, "ours" if owner else "other", sep="\t")
        else:
            kubeflow.apply(declared)
    except VolcastError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
