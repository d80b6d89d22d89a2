"""What retrieval and answers are measured by: blind questions over documents among distractors."""

import json
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.brief.distractors import distractors
from volcast.brief import Answer
from volcast.brief.answer import answer_from_documents
from volcast.brief.corpus.documents import read_documents
from volcast.brief.corpus.index import Index, Passage
from volcast.store import Store

MATERIAL = Path(__file__).parent / "material"
DISTRACTORS = 400
"""Of the benchmark."""


def questions() -> list[dict[str, str]]:
    """Return the questions that have an answer, with the passage and the words that answer."""
    lines = (MATERIAL / "test.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def planted() -> list[dict[str, str]]:
    """Return documents that contain an order to whatever reads them."""
    documents: list[dict[str, str]] = json.loads(
        (MATERIAL / "planted.json").read_text(encoding="utf-8")
    )
    return documents


def unanswerable() -> list[str]:
    """Return the questions without an answer."""
    texts: list[str] = json.loads((MATERIAL / "test_unanswerable.json").read_text(encoding="utf-8"))
    return texts


def material_passages() -> list[Passage]:
    """Return the passages of the material's documents, read as a store's, and the planted ones."""
    with TemporaryDirectory() as place:
        store = Store.open(place)
        for path in sorted((MATERIAL / "documents").iterdir()):
            store.objects.put(f"documents/{path.name}", path.read_bytes())
        for one in planted():
            text = f"{one['ordinary']}\n\n{one['order']}\n"
            page = f"<html><body><p>{one['ordinary']}</p><p>{one['order']}</p></body></html>"
            data = page if one["name"].endswith("html") else text
            store.objects.put(f"documents/{one['name']}", data.encode())
        documents = read_documents(store)
    assert not documents.unread
    return list(documents.passages)


@dataclass
class Measured:
    """Everything that is measured over one index; it is filled here."""

    index: Index
    distractors: int = DISTRACTORS

    def __post_init__(self) -> None:
        """Fill the index."""
        own = material_passages()
        self.passages = {passage.id: passage for passage in own}
        self.index.refresh([*own, *distractors(self.distractors)])

    @cached_property
    def ranks(self) -> list[int | None]:
        """The place of the right passage among the first ten, from 1; None if it is not there."""
        return [self._rank(one["question"], one["passage"]) for one in questions()]

    def recall(self, k: int) -> float:
        """Return the share of questions whose right passage is among the first k."""
        return sum(rank is not None and rank <= k for rank in self.ranks) / len(self.ranks)

    @cached_property
    def answers(self) -> list[Answer]:
        """The answers to the questions that have one."""
        return [answer_from_documents(self.index, one["question"]) for one in questions()]

    @cached_property
    def right(self) -> list[bool]:
        """Of those answered, whether the words that answer are in what is quoted."""
        pairs = zip(questions(), self.answers, strict=True)
        return [one["answer"] in answer.text for one, answer in pairs if answer.answered]

    @cached_property
    def refused(self) -> list[bool]:
        """Whether each question without an answer gets none."""
        return [not answer_from_documents(self.index, one).answered for one in unanswerable()]

    @property
    def unresolved(self) -> list[str]:
        """Sentences that are not whole in the passage they cite, under its file's name."""
        return [
            sentence.text
            for answer in self.answers
            for sentence in answer.sentences
            for citation in sentence.citations
            if sentence.text not in self.passages[citation].sentences
            or sentence.source != self.passages[citation].name
        ]

    def seconds(self) -> list[float]:
        """Return the CPU seconds of answers to every sixth question, sorted."""
        times = []
        for text in [*(one["question"] for one in questions()), *unanswerable()][::6]:
            began = time.process_time()
            answer_from_documents(self.index, text)
            times.append(time.process_time() - began)
        return sorted(times)

    def _rank(self, question: str, passage: str) -> int | None:
        hits = self.index.search(question, 10)
        plain = " ".join(passage.split())
        places = [n for n, hit in enumerate(hits, 1) if plain in hit.passage.text]
        return places[0] if places else None
