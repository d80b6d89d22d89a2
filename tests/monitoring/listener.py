"""Stands for the people and the heartbeat that Alertmanager tells, and for its hurried copy."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.loopback import QuietHandler, serving
from tests.monitoring.monitored import ROUTES


@dataclass
class Listener:
    """Notifications by the receiver that they are for."""

    url: str = ""
    told: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def firing(self, receiver: str) -> set[str]:
        """Names of the alerts that a receiver was told to fire."""
        return {
            alert["labels"]["alertname"]
            for notification in self.told.get(receiver, [])
            for alert in notification["alerts"]
            if alert["status"] == "firing"
        }


@contextlib.contextmanager
def listener() -> Iterator[Listener]:
    """Listen until the block ends."""
    found = Listener()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            found.told.setdefault(self.path.strip("/"), []).append(body)
            self.answer(200, b"")

    with serving(Handler) as found.url:
        yield found


def hurried(folder: Path, people: str) -> Path:
    """Write the shipped configuration with no waits and with addresses of this machine.

    Routes, matchers and inhibition are as they are; what would go to Slack or to the heartbeat goes
    to ``people`` under the receiver's name.
    """
    content = yaml.safe_load(ROUTES.read_text())
    for route in (content["route"], *content["route"]["routes"]):
        route |= {"group_wait": "0s", "group_interval": "1s"}
    for one in content["receivers"]:
        one.pop("slack_configs", None)
        one["webhook_configs"] = [{"url": f"{people}/{one['name']}"}]
    path = folder / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
