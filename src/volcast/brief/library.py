"""All that can be asked about: the store's rows and documents, kept up to date in an index."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from volcast.brief.answer import Answer, answer
from volcast.brief.citations import is_row, row_of
from volcast.brief.corpus import Passage
from volcast.brief.corpus.documents import DOCUMENTS, read_documents
from volcast.brief.corpus.index import Index, open_index
from volcast.brief.corpus.instructions import set_aside
from volcast.brief.daily import Brief, daily_brief
from volcast.brief.prose import Writer, rewritten
from volcast.brief.rows import row_passages
from volcast.core import calendar
from volcast.core.errors import ContractError, CorruptFile, KeyMissing, ModelError, NotFound
from volcast.core.settings import Settings, Universe
from volcast.data.sessions import resolve_as_of
from volcast.monitoring import status as facts
from volcast.store import Store
from volcast.store.universe import recall

__all__ = ["Gathered", "Library", "Source", "gather", "index_place"]

Found = TypeVar("Found")

_CACHE = Path("var/cache")
"""Where the index of a remote store lies, unless told otherwise."""


@dataclass(frozen=True)
class Gathered:
    """What may be quoted, and what was left out.

    Parameters
    ----------
    rows : tuple of Passage
        Of the system's own tables.
    documents : tuple of Passage
    aside : tuple of str
        Citations of passages that tell a machine what to say; never quoted.
    unread : tuple of str
        Documents and tables that cannot be read, each with its reason.
    """

    rows: tuple[Passage, ...]
    documents: tuple[Passage, ...]
    aside: tuple[str, ...]
    unread: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, a sentence each."""
        return (
            *(f"Not quoted, for it tells a machine what to say: {id}" for id in self.aside),
            *(f"Not read: {why}" for why in self.unread),
        )


@dataclass(frozen=True)
class Source:
    """What a citation stands for.

    Parameters
    ----------
    id : str
    kind : str
        row or document.
    title : str
        Of a document; the table's name of a row.
    text : str or None
        The passage of a document.
    row : dict or None
        The row, by column.
    """

    id: str
    kind: str
    title: str
    text: str | None
    row: dict[str, Any] | None


def gather(store: Store, now: datetime) -> Gathered:
    """Read the store's rows and documents as passages.

    Raises
    ------
    VolcastError
        If the store cannot be read; a table or document that cannot is named, and others are read.
    """
    read = read_documents(store)
    kept, aside = set_aside(read.passages)
    rows: list[Passage] = []
    unread = [f"{DOCUMENTS}{fault.name}: {fault.why}" for fault in read.faults]
    for name, passages in row_passages(store, now).items():
        try:
            rows.extend(passages)
        except (ContractError, ModelError, KeyMissing) as error:
            unread.append(f"{name}: {error}")
    return Gathered(tuple(rows), tuple(kept), tuple(passage.id for passage in aside), tuple(unread))


def index_place(settings: Settings, store: Store) -> str | Path:
    """Return where the index is: as set, else a file inside a local store, or of this machine."""
    if settings.brief_index is not None:
        return settings.brief_index.get_secret_value()
    if "://" not in store.uri:
        return Path(store.uri) / "brief" / "index.duckdb"
    owner = hashlib.sha256(store.uri.encode()).hexdigest()[:16]
    return _CACHE / owner / "brief" / "index.duckdb"


@dataclass
class Library:
    """Answers questions about one store.

    Parameters
    ----------
    store : Store
    index : Index
    now : callable
        The time of day, in UTC.
    as_of : date or None
        A fixed session for the brief; None for the newest.
    writer : Writer or None
        An endpoint that writes the prose, where one is set.
    """

    store: Store
    index: Index
    now: Callable[[], datetime]
    as_of: date | None = None
    writer: Writer | None = None
    _gathered: Gathered = field(default=Gathered((), (), (), ()), init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)

    @classmethod
    def open(cls, settings: Settings, now: Callable[[], datetime]) -> "Library":
        """Open the library of the settings; nothing is read yet."""
        store = Store.open(settings.store)
        index = open_index(index_place(settings, store))
        return cls(store, index, now, settings.as_of, Writer.of(settings))

    def refresh(self) -> Gathered:
        """Read the store anew, and bring the index up to date."""
        with self._turn:
            found = gather(self.store, self.now())
            try:
                self.index.refresh([*found.rows, *found.documents])
            except CorruptFile:
                # It holds nothing that is not in the store.
                self.index.clear()
                self.index.refresh([*found.rows, *found.documents])
            self._gathered = found
            return found

    def ask(self, question: str, as_of: date | None = None) -> Answer:
        """Answer a question from what was known at ``as_of``, or is known now."""
        return rewritten(self.quote(question, as_of), self.writer)

    def quote(self, question: str, as_of: date | None = None) -> Answer:
        """Answer a question by quoting alone, whatever endpoint writes prose."""
        until = as_of or self.as_of
        return answer(self.index, question, current=self._current(until), dated_to=until)

    def brief(self, symbol: str | None = None, as_of: date | None = None) -> Brief:
        """Return the brief of a symbol and session; by default of the target and the newest.

        Of a session that has closed, but whose forecast is not due yet, it is not by default: until
        then the forecast of the session before stands.

        Raises
        ------
        NotFound
            If the store is empty, or the symbol is not forecast.
        RequestError
            If the day is no session that has closed.
        """
        universe = self._placeless(lambda: recall(self.store))
        wanted = symbol or universe.target
        known = facts.forecast_symbols(self.store)
        if wanted not in known:
            raise NotFound(
                found=repr(wanted[:40]), expected=f"one of {', '.join(known)}", where="symbol",
                remedy="Ask for a symbol that is forecast.", field="symbol",
            )  # fmt: skip
        now, given = self.now(), as_of or self.as_of
        session = self._placeless(lambda: resolve_as_of(self.store, wanted, given, now=now))
        told = session if given else self._stands(universe, wanted, session, now)
        brief = daily_brief(self.store, universe, wanted, told, now, self._documents())
        if told == session:
            return brief
        due = f"{calendar.deadline(session):%Y-%m-%d %H:%M} UTC"
        waits = facts.Missing(
            f"The forecast of {session} is not due before {due}.", f"This brief is of {told}."
        )
        return replace(brief, missing=(waits, *brief.missing))

    def _placeless(self, found: Callable[[], Found]) -> Found:
        """Return what is found; whoever asks for a brief need not know where the store is."""
        try:
            return found()
        except NotFound as error:
            raise NotFound(
                found=error.found, expected=error.expected,
                where=error.where.replace(self.store.uri, "the store"), remedy=error.remedy,
                field=error.field,
            ) from error  # fmt: skip

    def _stands(self, universe: Universe, symbol: str, session: date, now: datetime) -> date:
        """Return the session of the newest forecast if none is overdue, else ``session``."""
        try:
            found = facts.outlook(self.store, symbol)
            if isinstance(found, facts.Missing) or found.row["session"] >= session:
                return session
            overdue = facts.health(self.store, universe, symbol, now).overdue
        except (ContractError, ModelError, KeyMissing):
            # The brief itself says what cannot be read.
            return session
        newest: date = found.row["session"]
        return session if overdue else newest

    def source(self, id: str) -> Source:
        """Return what a citation stands for.

        Raises
        ------
        RequestError
            If it is no citation.
        NotFound
            If there is no such row or passage, or no more.
        """
        if is_row(id):
            return Source(id, "row", id.partition("?")[0], None, row_of(self.store, id))
        passage = self.index.get(id) if id.startswith(DOCUMENTS) else None
        if passage is None:
            raise NotFound(
                found=repr(id[:200]), expected="a citation of a row or a passage", where="id",
                remedy="Take it from an answer as it is; a document that changed has others.",
                field="id",
            )  # fmt: skip
        return Source(id, "document", passage.title, passage.text, None)

    def _documents(self) -> Sequence[Passage]:
        if self._gathered.documents:
            return self._gathered.documents
        return set_aside(read_documents(self.store).passages)[0]

    def _current(self, as_of: date | None) -> list[Passage]:
        """Return the newest row of each kind: what a question that names no time is about."""
        newest: dict[str, Passage] = {}
        for passage in self._gathered.rows:
            if passage.dated is None or (as_of is not None and passage.dated > as_of):
                continue
            kind = _kind(passage)
            if kind not in newest or passage.dated >= (newest[kind].dated or passage.dated):
                newest[kind] = passage
        return list(newest.values())


def _kind(passage: Passage) -> str:
    """Return what a row is of: its table, and its symbol or series, or its line."""
    table, _, query = passage.id.partition("?")
    first, _, rest = query.partition("&")
    return f"{table} {rest if table == 'runs' else first}"
