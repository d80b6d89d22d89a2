"""What changes the registry: registering a run, and moving champion and challenger.

Each move takes ``who`` and ``why`` for the audit trail, and ``when``, which is timezone-aware.
"""

from datetime import datetime

from volcast.core.errors import ConfigError, ModelError, NotFound
from volcast.registry import mlflow, pointer, versions
from volcast.registry.run_files import Lineage
from volcast.registry.versions import Champion, Version
from volcast.store import Store
from volcast.store.universe import recall_or_none

__all__ = [
    "challenge",
    "challenger",
    "champion",
    "named_champion",
    "promote",
    "register",
    "require_own_target",
    "retire",
    "rollback",
    "symbol_of",
    "verify",
]


def register(store: Store, run_id: str) -> Version:
    """Make a version of a run's model files; the same content is always the same version.

    Files are written before the record: after a kill in between, running it again completes it.

    Raises
    ------
    ModelError
        If the run lacks a file, or a file of that version has other bytes.
    """
    files = versions.read_run(store, run_id)
    lineage = Lineage.from_bytes(files["lineage.json"], f"runs/{run_id}/model/lineage.json")
    sha256 = versions.write_files(store, files)
    as_of = lineage.as_of.isoformat()
    version = versions.claim_number(
        store, sha256=sha256, run_id=run_id, as_of=as_of, target=lineage.target
    )
    mlflow.mirror(store)
    return version


def promote(store: Store, version: str, *, who: str, why: str, when: datetime) -> Version:
    """Make ``version`` the champion after checking it; a champion promoted again changes nothing.

    If it was the challenger, there is none afterwards.

    Raises
    ------
    NotFound
        If there is no such version.
    ConfigError
        As `require_own_target`.
    ModelError
        If it fails a check; the pointer has not moved then.
    """
    return _install(store, versions.find(store, version), "promote", who=who, why=why, when=when)


def rollback(
    store: Store, symbol: str, *, who: str, why: str, when: datetime, to: str | None = None
) -> Version:
    """Make version ``to`` the champion of a symbol again, after checking it.

    By default that is the one that the present champion was promoted over, so that each further
    rollback goes one step further back.

    Raises
    ------
    NotFound
        If there is no such version, no earlier one, or it was never champion.
    ConfigError
        As `require_own_target`.
    ModelError
        If it fails a check; the pointer has not moved then.
    """
    serving = {one.version for one in versions.list_versions(store) if one.serves(symbol)}
    done = [e for e in pointer.history(store) if e.done and e.role == "champion"]
    done = [event for event in done if event.new in serving]
    number = _predecessor(store, symbol, done) if to is None else to
    target = versions.find(store, number)
    if number not in {event.new for event in done}:
        raise NotFound(
            found=f"version {number}, which was never champion of {symbol}",
            expected=f"a former champion of {symbol}",
            where=f"registry of {store.uri}",
            remedy="Promote it instead, if that is what you want: `volcast registry promote`.",
        )
    return _install(store, target, "rollback", who=who, why=why, when=when)


def challenge(store: Store, version: str, *, who: str, why: str, when: datetime) -> Version:
    """Make ``version`` the challenger after checking it: it forecasts next to the champion.

    A challenger that is there already gives way; the same one again changes nothing.

    Raises
    ------
    NotFound
        If there is no such version.
    ConfigError
        If it is the champion.
    ModelError
        If its symbol has no champion, or it fails a check; the pointer has not moved then.
    """
    contender = versions.find(store, version)
    symbol = symbol_of(store, contender)
    if contender == named_champion(store, symbol):
        raise ConfigError(
            found=f"version {version}, the champion", expected="another version than the champion",
            where=f"registry of {store.uri}", remedy="See `volcast registry list`.",
        )  # fmt: skip
    if pointer.challenger_pointer(store, symbol) != contender:
        versions.load(store, contender)
        pointer.move(store, symbol, contender, "challenge", who=who, why=why, when=when)
        mlflow.mirror(store)
    return contender


def retire(store: Store, symbol: str, *, who: str, why: str, when: datetime) -> Version:
    """Let a symbol's challenger challenge no longer; return it, NotFound if there is none."""
    version = pointer.challenger_pointer(store, symbol)
    if version is None:
        raise NotFound(
            found=f"no challenger of {symbol}",
            expected="a version that challenges the champion",
            where=f"registry of {store.uri}",
            remedy="Name one: `volcast registry challenge VERSION`.",
        )
    pointer.move(store, symbol, None, "retire", who=who, why=why, when=when)
    mlflow.mirror(store)
    return version


def verify(store: Store, version: str) -> Champion:
    """Check one version as `champion` does, which also lists what is raised."""
    return versions.load(store, versions.find(store, version))


def champion(store: Store, symbol: str) -> Champion:
    """Return the champion of ``symbol``, with every check passed.

    Raises
    ------
    ModelError
        If there is none yet, a file is missing or altered, it was made with another xgboost, or
        its golden forecasts come out differently.
    """
    return versions.load(store, named_champion(store, symbol))


def challenger(store: Store, symbol: str) -> Champion | None:
    """Return the challenger, checked as `champion` checks; None if there is none."""
    version = pointer.challenger_pointer(store, symbol)
    return None if version is None else versions.load(store, version)


def named_champion(store: Store, symbol: str) -> Version:
    """Return the version that is champion of ``symbol``, unchecked; ModelError if none is yet."""
    version = pointer.champion_pointer(store, symbol)
    if version is None:
        raise ModelError(
            found=f"no champion of {symbol}",
            expected="a promoted version",
            where=f"registry of {store.uri}",
            remedy="Train and promote one: `volcast train`.",
        )
    return version


def symbol_of(store: Store, version: Version) -> str:
    """Return the symbol a version forecasts; the store's target, if an old one does not record it.

    Empty if the store has no universe either.
    """
    universe = None if version.target else recall_or_none(store)
    return universe.target if universe else version.target


def require_own_target(store: Store, target: str) -> None:
    """Refuse a model of another symbol than the store forecasts.

    A target that is empty is of an old model, which does not record it.

    Raises
    ------
    ConfigError
        If ``target`` is another.
    """
    universe = recall_or_none(store)
    if universe and target and universe.target != target:
        raise ConfigError(
            found=f"a model of {target}",
            expected=f"one of {universe.target}, which the store forecasts",
            where=f"registry of {store.uri}",
            remedy=f"Keep {target} in a store of its own, or let this one forecast it: "
            f"`volcast ingest --target {target} --switch-target`.",
            field="target",
        )  # fmt: skip


def _install(
    store: Store, version: Version, kind: pointer.Move, *, who: str, why: str, when: datetime
) -> Version:
    symbol = symbol_of(store, version)
    reigning = pointer.champion_pointer(store, symbol)
    if reigning != version:
        require_own_target(store, version.target)
        # Checked before the pointer moves: what is served must never be what cannot be.
        versions.load(store, version)
        # What a killed promotion left: its version must not come back as a challenger.
        pointer.clear_challenger(store, symbol, reigning, who=who, when=when)
        pointer.move(store, symbol, version, kind, who=who, why=why, when=when)
    if pointer.clear_challenger(store, symbol, version, who=who, when=when) or reigning != version:
        mlflow.mirror(store)
    return version


def _predecessor(store: Store, symbol: str, done: list[pointer.Event]) -> str:
    now = pointer.champion_pointer(store, symbol)
    for event in reversed(done):
        if now and event.kind == "promote" and event.new == now.version and event.old is not None:
            return event.old
    none = f"no champion of {symbol}"
    raise NotFound(
        found=none if now is None else f"no earlier champion than version {now.version}",
        expected="a version that the present champion was promoted over",
        where=f"registry of {store.uri}",
        remedy="See `volcast registry history`; --to names any former champion.",
    )
