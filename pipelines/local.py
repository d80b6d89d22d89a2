"""Run the pipelines on this machine, with no cluster: ``python -m pipelines.local both ...``."""

import argparse
import copy
import os
import shutil
import sys
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from kfp import dsl, local

from pipelines.daily_inference import daily_inference_pipeline
from pipelines.evaluate import SYMBOLS, evaluate_pipeline
from pipelines.progress import Transcript
from pipelines.train import train_pipeline

__all__ = ["main", "run"]

_PIPELINES = {
    "train": [train_pipeline],
    "daily": [daily_inference_pipeline],
    "both": [train_pipeline, daily_inference_pipeline],
    "evaluate": [evaluate_pipeline],
}

_KEPT = 30
"""Runs of a pipeline whose artifacts stay; what they produced is in the store."""

_OWN_SYMBOLS = {"sample": ["SPX"], "synthetic": ["SYN"]}


def run(
    pipeline: dsl.base_component.BaseComponent,
    arguments: dict[str, object],
    root: Path,
    transcript: Transcript,
) -> int:
    """Run one pipeline, each step in a process of its own.

    Parameters
    ----------
    pipeline : kfp pipeline
        As declared.
    arguments : dict
        Its parameters.
    root : Path
        Where kfp leaves the steps' artifacts.
    transcript : Transcript
        Takes what is printed.

    Returns
    -------
    int
        0, or the exit code of the step that failed.
    """
    # No workspace is named: kfp deletes the one it is given.
    os.environ["VOLCAST_RUN_ID"] = uuid.uuid4().hex
    _clear(root, pipeline.name)
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(root))
    with _without_retries(pipeline), transcript.begun(pipeline.name), redirect_stdout(transcript):
        try:
            with warnings.catch_warnings():
                # kfp warns that display names and images mean nothing here.
                warnings.simplefilter("ignore")
                pipeline(**arguments)
        except RuntimeError as error:
            return transcript.explain(str(error))
    return 0


def _clear(root: Path, pipeline: str) -> None:
    # kfp names a run's folder by the pipeline and the time, so that their order is that of time.
    folders = sorted(path for path in root.glob(f"{pipeline}-20[0-9][0-9]-*") if path.is_dir())
    for folder in folders[: -_KEPT + 1]:
        shutil.rmtree(folder)


@contextmanager
def _without_retries(pipeline: dsl.base_component.BaseComponent) -> Iterator[None]:
    # kfp.local retries whatever failed, a broken contract too, and waits in between in silence;
    # the sources retry by themselves what is worth it.
    spec = pipeline.pipeline_spec
    declared = copy.deepcopy(spec)
    for component in (spec.root, *spec.components.values()):
        for task in component.dag.tasks.values():
            task.ClearField("retry_policy")
    try:
        yield
    finally:
        spec.CopyFrom(declared)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.local", description=__doc__)
    parser.add_argument("pipeline", choices=sorted(_PIPELINES))
    parser.add_argument("--store", default=os.environ.get("VOLCAST_STORE", "var/store"))
    parser.add_argument("--source", default=os.environ.get("VOLCAST_SOURCE", "sample"))
    parser.add_argument("--source-path", default=os.environ.get("VOLCAST_SOURCE_PATH", ""))
    parser.add_argument("--as-of", default="", help="ISO date; empty: the last closed session")
    parser.add_argument("--universe", default="", help="JSON; empty: the source's own")
    parser.add_argument(
        "--symbols", default="", help="to evaluate, separated by commas; empty: the source's own"
    )
    parser.add_argument(
        "--ablation", action="store_true", help="evaluate with and without groups of features too"
    )
    parser.add_argument(
        "--pipeline-root", type=Path, default=Path("var/pipelines"), help="kfp's artifacts"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for; the exit code is that of the first step that failed."""
    asked = vars(_parser().parse_args(argv))
    name, root = asked.pop("pipeline"), asked.pop("pipeline_root")
    symbols = [symbol for symbol in asked.pop("symbols").split(",") if symbol]
    ablation = asked.pop("ablation")
    if name == "evaluate":
        asked["ablation"] = ablation
        asked["symbols"] = symbols or _OWN_SYMBOLS.get(asked["source"], SYMBOLS)
    transcript = Transcript(sys.stdout)
    with TemporaryDirectory(prefix="volcast-") as scratch:
        # kfp makes a folder a step in it, and would leave it there.
        os.environ["TMPDIR"] = scratch
        for pipeline in _PIPELINES[name]:
            code = run(pipeline, asked, root, transcript)
            if code:
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
