"""MLServer with its XGBoost runtime, in an environment of its own made from a hashed lock."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

__all__ = ["environment", "model_folder", "version"]

_ROOT = Path(__file__).parents[3]
_LOCK = _ROOT / "requirements" / "mlserver.txt"
_VENV = _ROOT / "var" / "bench" / "mlserver"


def environment() -> Path:
    """Return the folder of MLServer's programs; made again only where the lock has changed."""
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    stamp, programs = _VENV / "lock.sha256", _VENV / "bin"
    if not stamp.is_file() or stamp.read_text() != digest:
        subprocess.run([sys.executable, "-m", "venv", "--clear", _VENV], check=True)
        _install(programs / "python")
        stamp.write_text(digest)
    return programs


def _install(python: Path) -> None:
    uv, own, lock = str(Path(sys.executable).with_name("uv")), str(python), str(_LOCK)
    by_uv = [uv, "pip", "sync", "-q", "--python", own, "--require-hashes", lock]
    by_pip = [own, "-m", "pip", "install", "-q", "--require-hashes", "-r", lock]
    # As for the main environment: pip knows this machine's index where uv does not.
    if subprocess.run(by_uv, check=False).returncode:
        subprocess.run(by_pip, check=True)


def version(programs: Path) -> str:
    """Return MLServer's version."""
    command = [str(programs / "python"), "-c", "from importlib.metadata import version as v;"
             "print(v('mlserver'), 'with xgboost', v('xgboost'))"]  # fmt: skip
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def model_folder(
    folder: Path, model_file: Path, ports: tuple[int, int, int], workers: int | None
) -> Path:
    """Write a folder for ``mlserver start``; return it.

    ``ports`` are for HTTP, gRPC and metrics. ``workers`` processes predict, 0 for in line; None
    leaves MLServer's default.
    """
    folder.mkdir()
    own = {"host": "127.0.0.1"} | dict(
        zip(("http_port", "grpc_port", "metrics_port"), ports, strict=True)
    )
    if workers is not None:
        own["parallel_workers"] = workers
    model = {
        "name": "volcast",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": str(model_file)},
    }
    (folder / "settings.json").write_text(json.dumps(own))
    (folder / "model-settings.json").write_text(json.dumps(model))
    return folder
