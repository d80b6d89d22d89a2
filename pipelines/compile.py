"""Compile the pipelines to the YAML that is committed and that Kubeflow is given."""

import re
import sys
import tempfile
from pathlib import Path

from kfp.compiler import Compiler

from pipelines.daily_inference import daily_inference_pipeline
from pipelines.evaluate import evaluate_pipeline
from pipelines.train import train_pipeline

__all__ = ["COMPILED", "render"]

COMPILED = Path(__file__).with_name("compiled")
"""Where the committed YAML lies."""

_PIPELINES = {
    "train.yaml": train_pipeline,
    "daily_inference.yaml": daily_inference_pipeline,
    "evaluate.yaml": evaluate_pipeline,
}


def render() -> dict[str, str]:
    """Return the YAML of each pipeline by file name, the same text for the same sources.

    The patch version of the SDK is left out: it changes from one install to the next, and
    nothing reads it.
    """
    texts = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, pipeline in _PIPELINES.items():
            path = Path(folder) / name
            Compiler().compile(pipeline, str(path))
            texts[name] = re.sub(
                r"(sdkVersion: kfp-\d+\.\d+)\.\d+", r"\1", path.read_text(encoding="utf-8")
            )
    return texts


def main() -> int:
    """Write the YAML files; say which changed."""
    COMPILED.mkdir(exist_ok=True)
    for name, text in render().items():
        path = COMPILED / name
        same = path.exists() and path.read_text(encoding="utf-8") == text
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.name}: {'unchanged' if same else 'rendered'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
