"""A receiver of notifications, and the shipped configuration without its waits."""

import contextlib
import json
import re
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


def routing() -> dict[str, Any]:
    """Return the shipped AlertmanagerConfig as Prometheus Operator writes it, without receivers.

    The operator puts it below a matcher of the namespace, which no test here is about.
    """
    spec = yaml.safe_load(ROUTES.read_text())

    def matchers(some: list[dict[str, str]]) -> list[str]:
        return [f'{one["name"]} {one["matchType"]} "{one["value"]}"' for one in some]

    def route(one: dict[str, Any]) -> dict[str, Any]:
        snake = {re.sub("([A-Z])", r"_\1", key).lower(): value for key, value in one.items()}
        changed = {"matchers": matchers, "routes": lambda some: [route(each) for each in some]}
        return {key: changed.get(key, lambda same: same)(value) for key, value in snake.items()}

    rules = [
        {
            "source_matchers": matchers(one["sourceMatch"]),
            "target_matchers": matchers(one["targetMatch"]),
            "equal": one.get("equal", []),
        }
        for one in spec["inhibitRules"]
    ]
    receivers = [{"name": one["name"]} for one in spec["receivers"]]
    return {"route": route(spec["route"]), "inhibit_rules": rules, "receivers": receivers}


def hurried(folder: Path, people: str) -> Path:
    """Write the shipped configuration with no waits and with addresses of this machine.

    Routes, matchers and inhibition are as they are; what would go to Slack or to the heartbeat goes
    to ``people`` under the receiver's name.
    """
    content = routing()
    for route in (content["route"], *content["route"]["routes"]):
        route |= {"group_wait": "0s", "group_interval": "1s"}
    for one in content["receivers"]:
        one["webhook_configs"] = [{"url": f"{people}/{one['name']}"}]
    path = folder / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
