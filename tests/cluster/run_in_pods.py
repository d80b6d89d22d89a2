"""``python -m pipelines.local``, but each step is a Job of the cluster.

Called as ``python -m tests.cluster.run_in_pods CONTEXT NAMESPACE REPOSITORY TAG both --store
s3://...``. Its pod is the one that Kubeflow makes. Files that one step leaves and another reads are
brought along: Kubeflow keeps them in a store of its own.
"""

import base64
import io
import json
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from kfp.local import status
from kfp.local.subprocess_task_handler import SubprocessTaskHandler

from pipelines.local import main
from pipelines.pods import pod, resources
from tests.cluster.cluster import Cluster

_LARGEST = 300_000
"""Bytes of a file that is brought along; reports are larger, and no step reads them."""

_FILES = "== files of the step =="

_SCRIPT = f"""
set -eu
tar --extract --gzip --directory / --file /inputs/files
code=0
"$@" || code=$?
echo '{_FILES}'
mkdir -p "$ROOT"
find "$ROOT" -type f -size -{_LARGEST}c -print0 |
  tar --create --gzip --null --files-from - 2>/dev/null | base64
exit "$code"
"""


def _environment(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what Kubeflow's driver makes of a step's settings."""
    variables = [
        {"name": one["name"], "valueFrom": {"fieldRef": {"fieldPath": one["fieldPath"]}}}
        for one in config["fieldPathAsEnv"]
    ]
    for kind in ("configMap", "secret"):
        for one in config[f"{kind}AsEnv"]:
            for key in one["keyToEnv"]:
                reference = {
                    "name": one[f"{kind}Name"], "key": key[f"{kind}Key"], "optional": True,
                }  # fmt: skip
                value = {"valueFrom": {f"{kind}KeyRef": reference}}
                variables.append({"name": key["envVar"]} | value)
    return variables


def _job(step: str, name: str, image: str, command: list[str], root: str) -> dict[str, Any]:
    """Return a Job with the pod of the step, under the pipelines' ServiceAccount and policies."""
    config: Any = pod(step)
    cpu, most_cpu, memory, most_memory = resources(step)
    labels = {
        "pipelines.kubeflow.org/v2_component": "true", "pipeline/runid": name,
        **config["podMetadata"]["labels"],
    }  # fmt: skip
    user = {k: v if k == "runAsNonRoot" else int(v) for k, v in config["securityContext"].items()}
    # What Kubeflow adds since 2.16.
    contained = {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    container = {
        "name": "main", "image": image, "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _SCRIPT, "step", *command],
        "env": [*_environment(config), {"name": "ROOT", "value": root}],
        "securityContext": user | contained,
        "resources": {
            "requests": {"cpu": cpu, "memory": memory},
            "limits": {"cpu": most_cpu, "memory": most_memory},
        },
        "volumeMounts": [{"name": "inputs", "mountPath": "/inputs"}],
    }  # fmt: skip
    spec = {
        "serviceAccountName": "volcast-pipelines", "restartPolicy": "Never",
        "containers": [container], "tolerations": config.get("tolerations", []),
        "volumes": [{"name": "inputs", "configMap": {"name": name}}],
    }  # fmt: skip
    return {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {
            "backoffLimit": 0, "activeDeadlineSeconds": int(config["activeDeadlineSeconds"]),
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }  # fmt: skip


def _inputs(command: list[str]) -> bytes:
    """Return the files that the step reads, as an archive."""
    executor = json.loads(command[command.index("--executor_input") + 1])
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as files:
        for artifacts in executor.get("inputs", {}).get("artifacts", {}).values():
            for artifact in artifacts["artifacts"]:
                files.add(artifact["uri"])
    return archive.getvalue()


def _in_pods(cluster: Cluster, namespace: str, repository: str, tag: str, root: Path):
    def run(handler: SubprocessTaskHandler) -> status.Status:
        command = handler.full_command
        step = command[command.index("--function_to_execute") + 1]
        name = f"{step.replace('_', '-')}-{time.time_ns() // 10**6}"
        image = f"{repository}/{handler.image.rpartition(':')[0].rpartition('/')[2]}:{tag}"
        data = {"files": base64.b64encode(_inputs(command)).decode()}
        files = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        job = _job(step, name, image, command, str(root))
        cluster.apply([files | {"binaryData": data}, job], "--namespace", namespace)

        def ended() -> bool:
            state = cluster.get(namespace, f"job/{name}")["status"]
            return bool(state.get("succeeded") or state.get("failed"))

        begun = time.monotonic()
        cluster.until(ended, f"the step {step} ends", 1800)
        log = cluster.kubectl("--namespace", namespace, "logs", f"job/{name}", "--tail=-1")
        printed, _, archive = log.partition(f"{_FILES}\n")
        print(printed)
        print(f"pod of {step}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
        if archive:
            with tarfile.open(fileobj=io.BytesIO(base64.b64decode(archive)), mode="r:gz") as files_:
                files_.extractall("/", filter="tar")
        failed = cluster.get(namespace, f"job/{name}")["status"].get("failed")
        return status.Status.FAILURE if failed else status.Status.SUCCESS

    return run


if __name__ == "__main__":
    context, namespace_, repository_, tag_, *rest = sys.argv[1:]
    folder = Path(rest[rest.index("--pipeline-root") + 1])
    SubprocessTaskHandler.run = _in_pods(Cluster(context), namespace_, repository_, tag_, folder)
    sys.exit(main(rest))
