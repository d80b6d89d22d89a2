"""Each symbol's pointers to champion and challenger, and the trail of their moves.

``registry/champions/SYMBOL.json`` alone decides what is served for a symbol. Older stores have one
``registry/champion.json``, which counts for its symbol until that has a pointer of its own.

An event is written before its pointer moves and the pointer names its event, so a kill between the
two leaves the pointer as it was and an event that history shows as not carried out.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from volcast.core import calendar
from volcast.core.errors import ModelError, StoreUnavailable
from volcast.core.hashing import as_json, parsed
from volcast.registry.versions import Version, list_versions
from volcast.store import Store

__all__ = [
    "Event",
    "Move",
    "Role",
    "challenger_pointer",
    "champion_pointer",
    "clear_challenger",
    "history",
    "move",
    "roles",
]

_AUDIT = "registry/audit/"

Move = Literal["promote", "rollback", "challenge", "retire"]
Role = Literal["champion", "challenger"]

_MOVED: Mapping[Move, Role] = {
    "promote": "champion",
    "rollback": "champion",
    "challenge": "challenger",
    "retire": "challenger",
}


@dataclass(frozen=True)
class Event:
    """One move of a pointer, from version ``old`` to ``new``.

    ``number`` is its place in the trail, ``previous`` that of the event before it on the same
    pointer, 0 for none; ``when`` is an ISO timestamp in UTC; ``symbol`` is whose pointer it is,
    empty of old events; ``done`` is false if the pointer never moved, because the step was killed
    or another was first.
    """

    number: int
    previous: int
    kind: Move
    old: str | None
    new: str | None
    who: str
    why: str
    when: str
    symbol: str = ""
    done: bool = True

    @property
    def role(self) -> Role:
        """Whose pointer it moved."""
        return _MOVED[self.kind]


@dataclass(frozen=True)
class _Pointer:
    version: Version | None
    event: int
    etag: str | None


def champion_pointer(store: Store, symbol: str) -> Version | None:
    """Return the version that is champion of ``symbol``, unchecked; None before the first.

    ModelError is raised if the pointer cannot be read, here and by all that reads it.
    """
    return _read(store, "champion", symbol).version


def challenger_pointer(store: Store, symbol: str) -> Version | None:
    """Return the version that challenges the champion, unchecked; None if none does.

    A challenger that was promoted is none, whether or not its pointer was cleared already.
    """
    version = _read(store, "challenger", symbol).version
    return None if version == champion_pointer(store, symbol) else version


def move(  # noqa: PLR0913
    store: Store, symbol: str, version: Version | None, kind: Move, *,
    who: str, why: str, when: datetime,
) -> None:  # fmt: skip
    """Make ``version`` champion or challenger of a symbol, by ``kind``: the event, the pointer.

    Raises
    ------
    StoreUnavailable
        If another process moved the pointer meanwhile; nothing has changed then.
    """
    role = _MOVED[kind]
    pointer = _read(store, role, symbol)
    old = None if pointer.version is None else pointer.version.version
    new = None if version is None else version.version
    stamp, number = calendar.utc(when).isoformat(), len(store.objects.list(_AUDIT)) + 1
    event = Event(number, pointer.event, kind, old, new, who, why, stamp, symbol)
    while not _append(store, event):
        event = replace(event, number=event.number + 1)
    named = {} if version is None else asdict(version)
    swapped = as_json(named | {"event": event.number})
    if not store.objects.put_if(_key(role, symbol), swapped, pointer.etag):
        raise StoreUnavailable(
            found=f"the {role} moved by another process meanwhile",
            expected="no champion" if old is None else f"version {old} still in place",
            where=_key(role, symbol),
            remedy="See `volcast registry history`, then judge and run the step again.",
        )


def _append(store: Store, event: Event) -> bool:
    fields = asdict(event)
    del fields["done"]
    return store.objects.put_if(f"{_AUDIT}{event.number:06d}.json", as_json(fields), None)


def clear_challenger(
    store: Store, symbol: str, champion: Version | None, *, who: str, when: datetime
) -> bool:
    """Empty the challenger's pointer if it names ``champion``; return whether it did."""
    if champion is None or _read(store, "challenger", symbol).version != champion:
        return False
    move(store, symbol, None, "retire", who=who, why="it is the champion", when=when)
    return True


def history(store: Store) -> list[Event]:
    """Return every move of every pointer, oldest first."""
    events = {}
    for key in store.objects.list(_AUDIT):
        data = store.objects.get(key)
        event = parsed(lambda content: Event(**json.loads(content)), data, key, error=ModelError)
        events[event.number] = event
    carried_out = set()
    for symbol in {"", *(event.symbol for event in events.values())}:
        for role in set(_MOVED.values()):
            number = _read(store, role, symbol).event
            while number in events:
                carried_out.add(number)
                number = events[number].previous
    return [replace(events[n], done=n in carried_out) for n in sorted(events)]


def roles(store: Store) -> dict[str, str]:
    """Return what each version is or was: champion, challenger or former champion, by number."""
    crowned = (e.new for e in history(store) if e.done and e.role == "champion")
    roles_by_number = dict.fromkeys(filter(None, crowned), "former champion")
    for symbol in {version.target for version in list_versions(store)}:
        if challenger := challenger_pointer(store, symbol):
            roles_by_number[challenger.version] = "challenger"
        if champion := champion_pointer(store, symbol):
            roles_by_number[champion.version] = "champion"
    return roles_by_number


def _key(role: Role, symbol: str) -> str:
    return f"registry/{role}s/{quote(symbol, safe='^')}.json" if symbol else f"registry/{role}.json"


def _read(store: Store, role: Role, symbol: str) -> _Pointer:
    """Read a symbol's pointer, or the one of a store that has one for all."""
    key = _key(role, symbol)
    stored = store.objects.get_or_none(key)
    if stored is not None:
        return parsed(
            lambda content: _pointer(content, role, stored.etag), stored.data, key, error=ModelError
        )
    shared = _Pointer(None, 0, None) if not symbol else _read(store, role, "")
    if shared.version is not None and not shared.version.serves(symbol):
        return _Pointer(None, 0, None)
    return replace(shared, etag=None)


def _pointer(content: bytes, role: Role, etag: str) -> _Pointer:
    fields = json.loads(content)
    event = int(fields.pop("event"))
    # Only a challenger retires; a champion's pointer that names no version is broken.
    none = role == "challenger" and not fields
    return _Pointer(None if none else Version(**fields), event, etag)
