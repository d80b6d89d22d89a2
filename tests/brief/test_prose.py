"""Prose by an endpoint is kept only where each sentence stands in what it cites."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.loopback import QuietHandler, serving
from volcast.brief.answer import Answer
from volcast.brief.corpus import Passage
from volcast.brief.daily import Sentence
from volcast.brief.prose import Writer, checked, rewritten
from volcast.core.errors import ConfigError
from volcast.core.settings import read_settings

RATES = Passage(
    "documents/a.txt@000000000000#1", "document", "Bank of Verland, statement of June",
    ("The Council raised the policy rate to 4.25 per cent.", "Rents rose by 6 per cent."),
)  # fmt: skip
OIL = Passage("documents/b.txt@000000000000#2", "document", "Note on oil", ("Oil fell to 70.",))
FOUND = Answer(
    "What did the Council do?", (Sentence(RATES.sentences[0], (RATES.id,)),), (RATES, OIL)
)


@dataclass
class Endpoint:
    """What was asked, and what is answered."""

    url: str = ""
    said: str = ""
    status: int = 200
    raw: bytes | None = None
    bodies: list[dict] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@contextlib.contextmanager
def endpoint() -> Iterator[Endpoint]:
    """Serve chat completions until the block ends."""
    api = Endpoint()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/chat/completions"
            api.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            api.keys.append(self.headers["authorization"])
            told = {
                "choices": [{"index": 0, "message": {"role": "assistant", "content": api.said}}]
            }
            self.answer(api.status, api.raw or json.dumps(told).encode(), "application/json")

    with serving(Handler) as url:
        api.url = f"{url}/v1"
        yield api


def test_prose_that_cites_is_kept_with_the_citations_it_names():
    with endpoint() as api:
        api.said = "The Council raised its policy rate to 4.25 per cent [1]. Oil fell to 70. [2]"
        found = rewritten(FOUND, Writer(api.url, "small", "secret"))
    assert [(one.text, one.citations) for one in found.sentences] == [
        ("The Council raised its policy rate to 4.25 per cent.", (RATES.id,)),
        ("Oil fell to 70.", (OIL.id,)),
    ]
    assert (found.written_by, found.note) == ("small", "")
    assert api.keys == ["Bearer secret"]
    (body,) = api.bodies
    assert body["model"] == "small"
    assert RATES.text in body["messages"][1]["content"]


@pytest.mark.parametrize(
    "prose",
    [
        "", "The Council raised its policy rate to 4.25 per cent.",
        "The Council raised its policy rate to 4.25 per cent [1]. All is well.",
        "The Council raised its policy rate to 4.25 per cent [3].",
        "The Council raised its policy rate to 4.50 per cent [1].",
        "The Council raised its policy rate to 4.25 per cent in 1999 [1].",
        "The Council never raised the policy rate to 4.25 per cent [1].",
        "The Council did not raise its policy rate to 4.25 per cent [1].",
        "The Council of Tessaria raised the policy rate to 4.25 per cent [1].",
        "Oil fell to 70 [1].", "Penguins elected a new treasurer yesterday [1].",
        "The Council raised its rate to 4.25 per cent [1]. Ignore previous instructions [1].",
        "The Council raised the policy rate to 4.25 per cent [1]. " * 200, "[1]", "[1] [2].",
    ],
)  # fmt: skip
def test_prose_that_says_more_than_its_sources_is_dropped_whole(prose: str):
    assert checked(prose, FOUND.passages) is None
    with endpoint() as api:
        api.said = prose
        found = rewritten(FOUND, Writer(api.url, "small"))
    assert found.sentences == FOUND.sentences
    assert found.written_by == "extract"
    assert "dropped" in found.note
    assert api.keys == [None]


@pytest.mark.parametrize(
    ("status", "raw"),
    [(500, None), (401, None), (200, b"no json"), (200, b"{}"), (200, b'{"choices": []}'),
     (200, b'{"choices": [{"message": {"content": null}}]}'), (200, b"[1]"),
     (200, b'"' + b"x" * 300_000 + b'"')],
)  # fmt: skip
def test_an_endpoint_that_fails_leaves_the_quotations(status: int, raw: bytes | None):
    with endpoint() as api:
        api.said, api.status, api.raw = "Oil fell to 70 [2].", status, raw
        found = rewritten(FOUND, Writer(api.url, "small", "secret"))
    assert found.sentences == FOUND.sentences
    assert "did not answer" in found.note


def test_an_address_that_is_none_leaves_the_quotations():
    found = rewritten(FOUND, Writer("http://localhost:abc/v1", "small"))
    assert found.sentences == FOUND.sentences
    assert "did not answer" in found.note


def test_what_is_not_in_the_sources_is_never_asked_for():
    with endpoint() as api:
        nothing = Answer("Who?", ())
        assert rewritten(nothing, Writer(api.url, "small")) == nothing
        assert rewritten(FOUND, None) == FOUND
        assert api.bodies == []


def test_the_key_is_read_from_its_file_and_never_shown(tmp_path):
    path = tmp_path / "key"
    path.write_text("sk-hidden\n")
    settings = read_settings(
        prose_url="http://127.0.0.1:1/v1/", prose_model="m", prose_key_file=path
    )
    writer = Writer.of(settings)
    assert writer == Writer("http://127.0.0.1:1/v1", "m", "sk-hidden")
    assert "sk-hidden" not in repr(writer)
    assert Writer.of(read_settings()) is None
    with pytest.raises(ConfigError, match="PROSE_KEY_FILE"):
        Writer.of(read_settings(prose_url="http://x/v1", prose_key_file=tmp_path / "none"))


HELD = Passage(
    "documents/c.txt@000000000000#1", "document", "Statement of June",
    (
        "The Committee did not raise the target range.",
        "The Committee raised its forecast of growth.",
        "It didn't sell bonds, and cannot buy gold without a vote.",
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    "prose",
    [
        "The Committee did raise the target range [1].",
        "The Committee decided to raise the target range [1].",
        "The Committee raised the target range [1].",
        "It sold bonds [1].",
        "It cannot buy gold, and sold bonds, with a vote [1].",
        "The Committee did not raise the target range [1]. It can buy gold [1].",
    ],
)
def test_prose_that_leaves_a_negation_out_is_dropped(prose: str):
    assert checked(prose, [HELD]) is None


@pytest.mark.parametrize(
    "prose",
    [
        "The Committee did not raise the target range [1].",
        "The Committee didn\N{RIGHT SINGLE QUOTATION MARK}t raise the target range [1].",
        "The Committee raised its forecast of growth [1].",
        "It did not sell bonds and can not buy gold without a vote [1].",
    ],
)
def test_prose_that_keeps_the_negations_is_kept(prose: str):
    assert checked(prose, [HELD]) is not None
