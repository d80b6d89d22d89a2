"""The sources of one store: its rows, and its documents in an index."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from volcast.brief.answer import Answer, answer_from_documents
from volcast.brief.citations import is_row, row_of
from volcast.brief.corpus.documents import DOCUMENTS, Documents, read_documents
from volcast.brief.corpus.index import Index, open_index
from volcast.brief.daily import Brief, daily_brief
from volcast.brief.facts import Facts
from volcast.brief.intents import Recogniser
from volcast.brief.rows import answer_from_rows, no_answer
from volcast.core import calendar
from volcast.core.errors import ContractError, KeyMissing, ModelError, NotFound, RequestError
from volcast.core.settings import Settings, Universe
from volcast.data.sessions import resolve_as_of
from volcast.monitoring import status
from volcast.monitoring.status import Missing
from volcast.store import Store
from volcast.store.tables import PREDICTIONS_DAILY
from volcast.store.universe import recall

__all__ = ["Library", "Source", "index_place"]

_CACHE = Path("var/cache")
"""Where the vectors of example questions and of a remote store's documents are cached."""


@dataclass(frozen=True)
class Source:
    """The row of a citation, by column, or the text of its passage.

    ``kind`` is row or document, ``title`` the table's name or the document's.
    """

    id: str
    kind: str
    title: str
    text: str | None
    row: dict[str, Any] | None


def index_place(settings: Settings, store: Store) -> str | Path:
    """Return where the index is: as set, else a file in a local store, or on this machine."""
    if settings.brief_index is not None:
        return settings.brief_index.get_secret_value()
    cache = _CACHE / hashlib.sha256(store.uri.encode()).hexdigest()[:16]
    return (cache if "://" in store.uri else Path(store.uri)) / "brief" / "vectors.npz"


@dataclass
class Library:
    """Answers questions about one store and its documents, which ``index`` ranks.

    ``now`` returns the time of day in UTC; ``as_of`` fixes the session.
    """

    store: Store
    index: Index | None
    now: Callable[[], datetime]
    as_of: date | None = None
    documents: Documents = field(default=Documents(), init=False)
    recogniser: Recogniser = field(init=False)

    def __post_init__(self) -> None:
        """Read no file yet; the vectors of example questions are the same for every store."""
        self.recogniser = Recogniser(_CACHE / "examples.npz")

    @classmethod
    def open(cls, settings: Settings, now: Callable[[], datetime]) -> "Library":
        """Open the library of the settings; without the packages of the index it has none."""
        store = Store.open(settings.store)
        try:
            index: Index | None = open_index(index_place(settings, store))
        except ModelError:
            index = None
        return cls(store, index, now, settings.as_of)

    def refresh(self) -> Documents:
        """Read the documents again, and bring the index up to date; without its model, drop it."""
        documents = read_documents(self.store)
        try:
            if self.index is not None:
                self.index.refresh(documents.passages)
        except ModelError:
            self.index = None
        self.documents = documents
        return documents

    def ask(self, question: str, as_of: date | None = None) -> Answer:
        """Answer from what was public at ``as_of``, or is now.

        A question about forecasts is answered from rows or not at all; any other from documents.
        """
        until = as_of or self.as_of
        try:
            symbols = recall(self.store).symbols
            forecast = tuple(status.forecast_symbols(self.store))
        except NotFound:
            return self._quote(question, until)

        def facts_of(symbol: str, day: date | None) -> Facts:
            if day is not None and until is not None and day > until:
                raise RequestError(
                    found=f"{day}", expected=f"a session up to {until}", where="question",
                    remedy="Name an earlier day.", field="question",
                )  # fmt: skip
            return self._facts(symbol, day or until)

        symbols = tuple(dict.fromkeys([*symbols, *forecast]))
        answer = answer_from_rows(question, symbols, facts_of, self.recogniser)
        if answer is not None:
            return answer
        quoted = self._quote(question, until)
        reason = () if quoted.answered else (no_answer(question, symbols, forecast),)
        return replace(quoted, missing=(*reason, *quoted.missing))

    def brief(self, symbol: str | None = None, as_of: date | None = None) -> Brief:
        """Return the brief of a symbol and session.

        The default is the target and the newest session whose forecast is there or overdue.

        Raises
        ------
        NotFound
            If the store is empty, or the symbol is not forecast.
        RequestError
            If the day is no session that has closed.
        """
        universe = recall(self.store)
        symbols = status.forecast_symbols(self.store)
        symbol = symbol or universe.target
        if symbol not in symbols:
            raise NotFound(
                found=repr(symbol[:40]), expected=f"one of {', '.join(symbols)}", where="symbol",
                remedy="Ask for a symbol that is forecast.", field="symbol",
            )  # fmt: skip
        facts = self._facts(symbol, as_of or self.as_of)
        passages = self.documents.passages or read_documents(self.store).passages
        brief = daily_brief(facts, passages)
        closed = resolve_as_of(self.store, symbol, as_of or self.as_of, now=facts.now)
        if facts.as_of == closed:
            return brief
        due = f"{calendar.deadline(closed):%Y-%m-%d %H:%M} UTC"
        waiting = Missing(
            f"The forecast of {closed} is not due before {due}.", f"This brief is of {facts.as_of}."
        )
        return replace(brief, missing=(waiting, *brief.missing))

    def source(self, id: str) -> Source:
        """Return the row or the passage of a citation.

        Raises
        ------
        RequestError
            If it is no citation.
        NotFound
            If there is no such row or passage, or no more.
        """
        if is_row(id):
            return Source(id, "row", id.partition("?")[0], None, row_of(self.store, id))
        name = id.removeprefix(DOCUMENTS).rpartition("@")[0]
        passages = read_documents(self.store, name).passages if id.startswith(DOCUMENTS) else ()
        for passage in passages:
            if passage.id == id:
                return Source(id, "document", passage.title, passage.text, None)
        raise NotFound(
            found=repr(id[:200]), expected="a citation of a row or a passage", where="id",
            remedy="Take it from an answer as it is; a document that changed has others.",
            field="id",
        )  # fmt: skip

    def _facts(self, symbol: str, day: date | None) -> Facts:
        """Return the facts of a session, by default that of the newest forecast or the overdue."""
        universe, now = recall(self.store), self.now()
        session = resolve_as_of(self.store, symbol, day, now=now)
        if day is None:
            session = self._due(universe, symbol, session, now)
        return Facts(self.store, universe, symbol, session, now)

    def _quote(self, question: str, until: date | None) -> Answer:
        """Answer from the documents, or that they cannot be searched."""
        with suppress(ModelError):
            if self.index is not None:
                return answer_from_documents(self.index, question, until)
        what = "Documents cannot be searched: the sentence model or DuckDB is not installed."
        return Answer(question, (), (Missing(what, "Install volcast[brief]."),))

    def _due(self, universe: Universe, symbol: str, closed: date, now: datetime) -> date:
        """Return the session of the newest forecast if none is overdue, else the closed one."""
        try:
            health = status.health(self.store, universe, symbol, now)
        except (ContractError, ModelError, KeyMissing):
            return closed  # the brief itself names what cannot be read
        newest = {one.table: one.session for one in health.tables}[PREDICTIONS_DAILY.name]
        return closed if newest is None or health.overdue else min(newest, closed)
