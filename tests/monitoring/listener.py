"""A receiver of notifications, and the shipped configuration without its waits."""

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
    notifications: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def firing(self, receiver: str) -> set[str]:
        """Names of the firing alerts that a receiver got."""
        return {
            alert["labels"]["alertname"]
            for notification in self.notifications.get(receiver, [])
            for alert in notification["alerts"]
            if alert["status"] == "firing"
        }


@contextlib.contextmanager
def listener() -> Iterator[Listener]:
    """Listen until the block ends."""
    receiver = Listener()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            receiver.notifications.setdefault(self.path.strip("/"), []).append(body)
            self.answer(200, b"")

    with serving(Handler) as receiver.url:
        yield receiver


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
