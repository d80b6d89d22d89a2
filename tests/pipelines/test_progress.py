"""What a local run shows of the steps' events."""

import io
import threading

import pytest
from rich.console import Console

from pipelines import local
from pipelines.local import Transcript
from volcast.core.logs import line
from volcast.steps.progress import StepProgress


def _event(event: str, step: str, **facts: object) -> str:
    return f"    \n    {line(event, step=step, **facts)}\n"


def _shown(*printed: str) -> tuple[Transcript, str]:
    out = io.StringIO()
    transcript = Transcript(out)
    with transcript.progress.pipeline("volcast-train"):
        for text in printed:
            transcript.write(text)
    return transcript, out.getvalue()


def _finished(step: str, **facts: object) -> str:
    return _event("step_finished", step, duration_ms=1, facts=facts)


def test_a_step_is_a_line_with_its_time_and_below_it_its_facts() -> None:
    _, shown = _shown(
        _event("step_started", "labels"), "noise\n[KFP Executor]: x\n", _finished("labels", added=7)
    )
    first, ended, facts = shown.splitlines()
    assert first == "volcast-train"
    assert ended.split()[1:] == ["Compute", "labels", "0.0", "s"]
    assert facts.split() == ["added", "7"]


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", "\N{CHECK MARK}"), ("ascii", "ok")])
def test_a_step_is_one_line_and_its_warnings_without_facts(encoding, mark) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding)
    progress = StepProgress(Console(file=out))
    facts = {"added": 7, "notes": ["of no account"], "reasons": ["passes"], "passed": True}
    progress.event("step_finished", step="gate", facts=facts)
    progress.event("step_finished", step="validate", facts={"warnings": ["SPX [gap]"]})
    out.flush()
    first, second, warning = raw.getvalue().decode().splitlines()
    assert first.split()[0] == mark
    assert second.split()[1:4] == ["Curate", "and", "validate"]
    assert "SPX [gap]" in warning


def test_an_event_cut_in_pieces_is_read_whole() -> None:
    whole = _finished("labels", added=7)
    _, shown = _shown(whole[:20], whole[20:])
    assert "added 7" in shown


def test_a_remark_made_twice_is_shown_once() -> None:
    _, shown = _shown(*[_finished("ingest", notes=["It is an index [SPX]."])] * 2)
    assert shown.count("It is an index [SPX].") == 1


def test_a_refusal_is_shown_with_its_reasons() -> None:
    _, shown = _shown(_finished("gate", passed=False, reasons=["Refused: too few."]))
    assert "Refused: too few." in shown
    assert "nothing was promoted" in shown


def test_a_failed_step_gives_its_message_and_its_exit_code() -> None:
    failure = _event(
        "step_failed", "validate", error="QualityError", exit_code=10, message="SPY [broken]"
    )
    out = io.StringIO()
    transcript = Transcript(out)
    transcript.write(failure)
    assert transcript.explain("task failed") == 10
    assert "QualityError SPY [broken]" in out.getvalue()


def test_a_step_that_dies_without_an_event_shows_its_traceback_and_is_code_1() -> None:
    out = io.StringIO()
    transcript = Transcript(out)
    transcript.write("    chatter\n    Traceback (most recent call last):\n    KeyError: 'x'\n")
    assert transcript.explain("task failed") == 1
    assert "Traceback (most recent call last):\nKeyError: 'x'" in out.getvalue()
    assert "chatter" not in out.getvalue()


def test_an_interrupt_ends_a_local_run_with_130(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setenv("TMPDIR", str(tmp_path))  # which main sets
    monkeypatch.setattr(local, "run", interrupted)
    assert local.main(["train", "--store", str(tmp_path)]) == 130


def test_a_terminal_shows_how_far_a_step_is() -> None:
    out = io.StringIO()
    progress = StepProgress(Console(file=out, force_terminal=True, width=100))
    with progress.pipeline("volcast-train"):
        progress.event("step_started", step="train")
        progress.progress("trees", 3, 64)
        progress.progress("GARCH fits", 5, 400)
    assert "GARCH fits 5 of 400" in out.getvalue()


class _Lines(io.StringIO):
    """Output that sets ``enough`` with the line that has the words it waits for."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words, self.enough = words, threading.Event()

    def write(self, text: str) -> int:
        if self.words in text:
            self.enough.set()
        return super().write(text)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        ((), "Train and evaluate: 0 s so far"),
        (("trees", 40, 103), "evaluate: trees 40 of 103"),
        (("trees", 103, 103), "evaluate: 0 s so far"),
        (("confidence set", 0, 1), "evaluate: confidence set\n"),
    ],
)
def test_off_a_terminal_a_line_now_and_then_shows_how_far_a_step_is(
    monkeypatch: pytest.MonkeyPatch, count: tuple[str, int, int], words: str
) -> None:
    monkeypatch.setattr("volcast.steps.progress.REPORT_SECONDS", 0.01)
    out = _Lines(words)
    progress = StepProgress(Console(file=out))
    with progress.pipeline("volcast-train"):
        progress.event("step_started", step="train")
        if count:
            progress.progress(*count)
        assert out.enough.wait(60)
