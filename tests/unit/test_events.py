"""The events of the log, and the fields of every line."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from volcast.core.errors import ContractError
from volcast.core.logs import EVENTS, line

ROOT = Path(__file__).resolve().parents[2]


def test_a_line_has_time_level_event_and_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_RUN_ID", "run-1")
    entry = json.loads(line("step_started", step="train"))
    assert list(entry) == ["ts", "level", "event", "run_id", "step"]
    assert (entry["level"], entry["event"], entry["run_id"]) == ("info", "step_started", "run-1")
    age = datetime.now(UTC) - datetime.fromisoformat(entry["ts"])
    assert abs(age.total_seconds()) < 5


@pytest.mark.parametrize(("event", "fields"), [("step_begun", {}), ("serving", {"ts": 1})])
def test_an_unlisted_event_and_a_reserved_field_are_refused(
    event: str, fields: dict[str, object]
) -> None:
    with pytest.raises(ContractError):
        line(event, **fields)


def test_the_document_lists_exactly_the_events() -> None:
    table = (ROOT / "docs/logs.md").read_text().partition("| event | when |")[2]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", table, re.M)
    assert dict(rows) == dict(EVENTS)


def test_servers_and_steps_log_listed_events_only() -> None:
    sources = [*ROOT.glob("serving/**/*.py"), *ROOT.glob("src/volcast/steps/*.py")]
    calls = re.compile(r'\b(?:emit|emit_failure|announce|log|show|_failed|_read)\(\s*"(\w+)"')
    names = {name for path in sources for name in calls.findall(path.read_text())}
    assert len(names) >= 12
    assert names <= set(EVENTS)
