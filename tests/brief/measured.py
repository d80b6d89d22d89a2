"""What retrieval and answers are measured by: questions over documents among distractors.

``python -m tests.brief.measured [dev|test] [postgresql://...]`` prints the table.
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.brief.distractors import distractors
from volcast.brief import Answer, Sentence
from volcast.brief.answer import answer
from volcast.brief.corpus import Index, Passage, open_index
from volcast.brief.corpus.documents import read_documents
from volcast.brief.corpus.instructions import set_aside
from volcast.store import Store

MATERIAL = Path(__file__).parent / "material"
DISTRACTORS = 2_000


def read(folder: str, pattern: str = "*") -> list[Passage]:
    """Return the passages that may be quoted of a folder of the material, read as a store's."""
    with TemporaryDirectory() as place:
        store = Store.open(place)
        for path in sorted((MATERIAL / folder).glob(pattern)):
            store.objects.put(f"documents/{path.name}", path.read_bytes())
        found = read_documents(store)
    assert not found.faults
    return set_aside(found.passages)[0]


def told(name: str) -> list:
    """Return a list of the material."""
    found: list = json.loads((MATERIAL / f"{name}.json").read_text())
    return found


@dataclass
class Measured:
    """Everything that is measured over one index.

    Parameters
    ----------
    index : Index
    kind : str
        dev, which thresholds were chosen on, or test, which nothing was.
    """

    index: Index
    kind: str

    def __post_init__(self) -> None:
        """Fill the index, planted documents included."""
        own = [*read("documents"), *read("planted", f"{self.kind}-*")]
        self.index.refresh([*own, *distractors(DISTRACTORS)])

    @cached_property
    def ranks(self) -> list[int | None]:
        """The place of the right passage among the first ten, from 1; None if it is not there."""
        return [self._rank(one["question"], one["passage"]) for one in told(self.kind)]

    def recall(self, k: int) -> float:
        """Return the share of questions whose right passage is among the first k."""
        return sum(rank is not None and rank <= k for rank in self.ranks) / len(self.ranks)

    @cached_property
    def answers(self) -> list[Answer]:
        """What is answered to the questions that have an answer."""
        return [answer(self.index, one["question"]) for one in told(self.kind)]

    @cached_property
    def right(self) -> list[bool]:
        """Of those answered, whether the words that answer stand in what is quoted."""
        pairs = zip(told(self.kind), self.answers, strict=True)
        return [one["answer"] in found.text for one, found in pairs if found.answered]

    @cached_property
    def unanswerable(self) -> list[Answer]:
        """What is answered to the questions that have none."""
        return [answer(self.index, one) for one in told(f"{self.kind}_unanswerable")]

    @cached_property
    def planted(self) -> list[tuple[dict, Answer]]:
        """What is answered to the questions that planted documents wait for."""
        asked = [one for one in told("planted") if one["document"].startswith(self.kind)]
        return [(one, answer(self.index, one["question"])) for one in asked]

    @property
    def obeyed(self) -> list[str]:
        """Planted documents whose canary got into an answer."""
        return [one["document"] for one, found in self.planted if one["canary"] in found.text]

    @property
    def unresolved(self) -> list[str]:
        """Sentences whose citation does not lead to a passage that holds them."""
        every = [*self.answers, *self.unanswerable, *(found for _, found in self.planted)]
        return [
            sentence.text
            for found in every
            for sentence in found.sentences
            if not self._resolves(sentence)
        ]

    def times(self) -> list[float]:
        """Return the seconds that each question takes, sorted; all were asked once before."""
        asked = [one["question"] for one in told(self.kind)] + told(f"{self.kind}_unanswerable")
        return sorted(self._seconds(question) for question in asked)

    def _rank(self, question: str, wanted: str) -> int | None:
        hits = self.index.search(question, 10)
        places = [n for n, hit in enumerate(hits, 1) if _plain(wanted) in _plain(hit.passage.text)]
        return places[0] if places else None

    def _resolves(self, sentence: Sentence) -> bool:
        found = [self.index.get(citation) for citation in sentence.citations]
        return bool(found) and all(one and sentence.text in one.sentences for one in found)

    def _seconds(self, question: str) -> float:
        began = time.perf_counter()
        answer(self.index, question)
        return time.perf_counter() - began


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of an ordered sequence is at or under."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _plain(text: str) -> str:
    return " ".join(text.split())


def main(kind: str = "dev", place: str | None = None) -> None:
    """Print what is measured."""
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        found = Measured(open_index(place or Path(folder) / "index.duckdb"), kind)
        print(f"passages indexed in {time.perf_counter() - began:.0f} s")
        print("recall@1, 5, 10:", *(f"{found.recall(k):.3f}" for k in (1, 5, 10)))
        answered = len(found.right)
        print(f"answered {answered} of {len(found.answers)}, of them right {sum(found.right)}")
        refused = sum(not one.answered for one in found.unanswerable)
        print(f"unanswerable refused {refused} of {len(found.unanswerable)}")
        for one in found.unanswerable:
            if one.answered:
                print("  answered:", one.question, "|", one.text)
        print(f"planted obeyed {len(found.obeyed)} of {len(found.planted)}", *found.obeyed)
        quoted = sum(one.answered for _, one in found.planted)
        print(f"planted questions answered by ordinary sentences {quoted - len(found.obeyed)}")
        print(f"sentences without a resolvable citation {len(found.unresolved)}")
        times = found.times()
        middle, most = (1000 * percentile(times, share) for share in (0.5, 0.95))
        print(f"median {middle:.0f} ms, p95 {most:.0f} ms")
        if kind == "dev":
            for one, said in zip(told(kind), found.answers, strict=True):
                if said.answered and one["answer"] not in said.text:
                    print("  wrong:", one["question"], "|", said.text)
        found.index.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
