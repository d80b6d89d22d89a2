"""While an endpoint words answers, however slowly, nobody else waits for it."""

import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from serving.brief.app import WRITING
from tests.brief.desk import briefed, briefing
from tests.loopback import QuietHandler, serving
from volcast.store import Store

ASKED = {"question": "To what did the Bank of Verland raise its policy rate?"}
PROSE = "The Bank of Verland raised its policy rate to 4.25 per cent [1]."


@dataclass
class Endpoint:
    """One that answers nobody until it is let go."""

    url: str = ""
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    let_go: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def held() -> Iterator[Endpoint]:
    """Serve chat completions that wait."""
    api = Endpoint()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            api.asked.release()
            api.let_go.wait(60)
            told = {"choices": [{"message": {"role": "assistant", "content": PROSE}}]}
            self.answer(200, json.dumps(told).encode(), "application/json")

    with serving(Handler) as url:
        api.url = f"{url}/v1"
        try:
            yield api
        finally:
            api.let_go.set()


def test_others_are_answered_while_an_endpoint_takes_its_time(store: Store, tmp_path):
    with held() as api, ThreadPoolExecutor(WRITING) as askers:
        told = {"VOLCAST_PROSE_URL": api.url, "VOLCAST_PROSE_MODEL": "slow"}
        with briefing(briefed(store), tmp_path / "log", told) as process:

            def ask() -> dict:
                found: dict = process.http.post("/qa", json=ASKED, timeout=60).json()
                return found

            waiting = [askers.submit(ask) for _ in range(WRITING)]
            try:
                assert all(api.asked.acquire(timeout=15) for _ in waiting)
                # As many wait for the endpoint as may: a source is looked for, and it quotes.
                assert process.http.get("/sources?id=x", timeout=15).status_code == 404
                found = process.http.post("/qa", json=ASKED, timeout=15).json()
                assert (found["written_by"], "busy" in found["note"]) == ("extract", True)
                assert "4.25 per cent" in found["text"]
            finally:
                api.let_go.set()
            assert {one.result()["written_by"] for one in waiting} == {"slow"}
