"""The log: which events there are, and what every line has."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from volcast.core.errors import ContractError
from volcast.core.logs import EVENTS, line

ROOT = Path(__file__).resolve().parents[2]


def test_every_line_tells_when_how_bad_what_and_of_which_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VOLCAST_RUN_ID", "run-1")
    before = datetime.now(UTC)
    said = json.loads(line("step_started", step="train"))
    assert list(said) == ["ts", "level", "event", "run_id", "step"]
    assert (said["level"], said["event"], said["run_id"]) == ("info", "step_started", "run-1")
    apart = datetime.fromisoformat(said["ts"]) - before
    assert abs(apart.total_seconds()) < 5
    assert said["ts"].endswith("+00:00")


@pytest.mark.parametrize(("event", "fields"), [("step_begun", {}), ("serving", {"ts": 1})])
def test_an_event_without_a_name_or_a_field_in_anothers_place_is_refused(
    event: str, fields: dict[str, object]
) -> None:
    with pytest.raises(ContractError, match=r"docs/logs\.md"):
        line(event, **fields)


def test_the_document_lists_the_events_and_no_other() -> None:
    table = (ROOT / "docs/logs.md").read_text().partition("| event | when |")[2]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", table, re.M)
    assert dict(rows) == dict(EVENTS)


def test_the_server_and_the_steps_name_no_other_event() -> None:
    sources = [*ROOT.glob("serving/**/*.py"), *ROOT.glob("src/volcast/steps/*.py")]
    named = set()
    for path in sources:
        named |= set(re.findall(r'\b(?:emit|_log)\(\s*"(\w+)"', path.read_text()))
    assert named <= set(EVENTS)
    assert len(named) >= 7
