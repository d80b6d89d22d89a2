"""The registry: versions cannot change unseen, and the champion is always one that works."""

import json
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import xgboost
from typer.testing import CliRunner

from tests.loopback import QuietHandler, serving
from tests.runs import AUDIT, put_run
from volcast import registry
from volcast.cli.registry import app
from volcast.core.errors import ConfigError, ContractError, ModelError, NotFound, StoreUnavailable
from volcast.core.settings import Universe
from volcast.registry import mlflow, pointer
from volcast.registry.run_files import GateDecision
from volcast.store import Objects, Store
from volcast.store.universe import remember

FILES = (*registry.VERSION_FILES, "checksums.json")


@pytest.fixture
def new_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what puts an empty MLflow database in place of the one before."""
    uris = [f"sqlite:///{tmp_path}/{name}.db" for name in ("empty", "first", "second", "third")]
    monkeypatch.setenv("VOLCAST_MLFLOW_URI", uris[0])
    with mlflow._client() as client:  # makes the tables, which takes seconds, once
        client.search_registered_models()
    numbers = iter((1, 2, 3))

    def replace() -> None:
        uri = uris[next(numbers)]
        shutil.copy(tmp_path / "empty.db", uri.removeprefix("sqlite:///"))
        monkeypatch.setenv("VOLCAST_MLFLOW_URI", uri)

    return replace


@pytest.fixture
def register(store: Store) -> Callable[[str], registry.Version]:
    def run(run_id: str) -> registry.Version:
        put_run(store, run_id)
        return registry.register(store, run_id)

    return run


Register = Callable[[str], registry.Version]


@dataclass
class Hooked:
    """Objects that pass the key of each conditional write to a hook first."""

    objects: Objects
    hook: Callable[[str], None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objects, name)

    def put_if(self, key: str, data: bytes, etag: str | None) -> bool:
        self.hook(key)
        return self.objects.put_if(key, data, etag)


def snapshot(store: Store) -> dict[str, bytes]:
    return {key: store.objects.get(key) for key in store.objects.list("")}


def mirrored() -> tuple[dict[str, str], dict[str, str]]:
    """Return MLflow's aliases and its versions' hashes, both by the store's version number."""
    with mlflow._client() as client:
        versions = {str(v.version): v.tags for v in client.search_model_versions("name='volcast'")}
        aliases = client.get_registered_model("volcast").aliases
    return (
        {role: versions[str(number)]["volcast.version"] for role, number in aliases.items()},
        {tags["volcast.version"]: tags["sha256"] for tags in versions.values()},
    )


def test_a_registered_run_is_found_under_the_hash_of_its_content(store, register):
    version = register("a")
    folder = Path(store.uri) / version.uri
    assert (version.version, version.uri) == ("1", f"models/{version.sha256}/")
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert (folder / "model.ubj").read_bytes() == store.objects.get("runs/a/model/model.ubj")


def test_the_same_content_is_the_same_version_and_other_content_the_next(store, register):
    first, before = register("a"), snapshot(store)
    assert registry.register(store, "a") == first
    assert snapshot(store) == before
    second = register("b")
    assert (first.version, second.version) == ("1", "2")
    assert first.sha256 != second.sha256


def test_a_run_that_lacks_a_file_is_not_registered(store):
    put_run(store, "a")
    store.objects.delete("runs/a/model/golden.json")
    with pytest.raises(ModelError, match=r"golden\.json"):
        registry.register(store, "a")
    assert registry.list_versions(store) == []


@pytest.mark.parametrize(
    ("others", "numbers"), [(["b", "c"], {"b": "1", "c": "2", "a": "3"}), (["a"], {"a": "1"})]
)
def test_racing_registrations_get_one_number_for_each_content(any_store, others, numbers):
    for run_id in numbers:
        put_run(any_store, run_id)
    waiting = list(others)

    def claim_first(key: str) -> None:
        if key.startswith("registry/versions/") and waiting:
            registry.register(any_store, waiting.pop(0))

    raced = Store(any_store.uri, Hooked(any_store.objects, claim_first))
    assert registry.register(raced, "a").version == numbers["a"]
    recorded = {item.run_id: item.version for item in registry.list_versions(any_store)}
    assert recorded == numbers


def test_existing_numbers_are_kept_and_the_next_is_above_the_largest(store, register):
    first = register("a")
    record = json.loads(store.objects.get("registry/versions/1.json"))
    store.objects.delete("registry/versions/1.json")
    store.objects.put("registry/versions/7.json", json.dumps(record | {"version": "7"}).encode())
    assert registry.register(store, "a").sha256 == first.sha256
    assert [register(run_id).version for run_id in ("a", "b")] == ["7", "8"]


def test_a_lost_mlflow_database_stops_nothing_and_sync_rebuilds_it(store, register, new_mlflow):
    new_mlflow()
    decision = GateDecision(passed=True, kind="first", reasons=("better",))
    store.objects.put("runs/a/verdict.json", decision.to_bytes())
    first = register("a")
    assert mirrored() == ({}, {"1": first.sha256})
    registry.promote(store, "1", **AUDIT)
    assert mirrored()[0] == {"champion": "1"}

    new_mlflow()
    second = register("b")
    registry.promote(store, second.version, **AUDIT)
    registry.challenge(store, "1", **AUDIT)
    whole = {"champion": "2", "challenger": "1"}, {"1": first.sha256, "2": second.sha256}
    assert mirrored() == whole
    registry.retire(store, "SPY", **AUDIT)
    assert mirrored()[0] == {"champion": "2"}

    new_mlflow()
    assert [registry.sync(store) for _ in range(2)] == [2, 0]
    assert mirrored() == ({"champion": "2"}, whole[1])
    with mlflow._client() as client:
        version = client.get_model_version_by_alias("volcast", "champion")
        run = client.get_run(client.get_model_version("volcast", "1").run_id)
    assert version.source == second.uri
    assert run.data.params["recipe"] == "blend-range"
    assert run.data.metrics["all.rows"] == 3.0
    assert run.data.metrics["all.lines.volcast.qlike"] == 0.25
    tags = ("volcast.run_id", "gate.passed", "gate.kind")
    assert [run.data.tags[name] for name in tags] == ["a", "true", "first"]


@pytest.mark.parametrize("fault", ["not set", "not installed", "no server", "foreign database"])
def test_promotion_works_without_mlflow(store, tmp_path, monkeypatch, caplog, fault):
    uri = "" if fault == "not set" else "http://127.0.0.1:9"
    if fault == "foreign database":
        with sqlite3.connect(tmp_path / "other.db") as other:
            other.execute("create table alembic_version (version_num varchar(32))")
            other.execute("insert into alembic_version values ('not-of-mlflow')")
        other.close()
        uri = f"sqlite:///{tmp_path}/other.db"
    monkeypatch.setenv("VOLCAST_MLFLOW_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    if fault == "not installed":
        monkeypatch.setitem(sys.modules, "mlflow", None)
    for run_id in ("a", "b"):
        put_run(store, run_id)
        registry.promote(store, registry.register(store, run_id).version, **AUDIT)
    registry.rollback(store, "SPY", **AUDIT)
    registry.challenge(store, "2", **AUDIT)
    registry.retire(store, "SPY", **AUDIT)
    assert registry.champion(store, "SPY").version.version == "1"
    assert {record.levelname for record in caplog.records} == (
        set() if fault == "not set" else {"WARNING"}
    )
    expected = ConfigError if fault in ("not set", "not installed") else StoreUnavailable
    with pytest.raises(expected):
        registry.sync(store)


@contextmanager
def unusable_mlflow(fault: str, folder: Path) -> Iterator[str]:
    """Yield the address of something that is no MLflow, or none that can be used now."""
    database = f"sqlite:///{folder}/mlflow.db"
    if fault in ("web page", "other api"):

        class Other(QuietHandler):
            def do_GET(self) -> None:
                page = b"<html><body>Not MLflow</body></html>" * 50
                self.answer(200, page if fault == "web page" else b'{"registered_models": 7}')

            do_POST = do_GET

        with serving(Other) as address:
            yield address.replace("//", "//user:secret@")
    elif fault == "locked database":
        with closing(sqlite3.connect(folder / "mlflow.db")) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield f"{database}?timeout=0.1"
    elif fault == "corrupt database":
        (folder / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"garbage" * 1000)
        yield database
    else:
        yield {"no scheme": "nonsense://x", "no database": f"sqlite:///{folder}"}[fault]


@pytest.mark.parametrize(
    "fault",
    ["web page", "other api", "locked database", "corrupt database", "no scheme", "no database"],
)
def test_whatever_is_at_the_address_of_mlflow_promotion_is_done_and_one_sentence_logged(
    store, tmp_path, monkeypatch, caplog, capfd, fault
):
    put_run(store, "a")
    version = registry.register(store, "a")
    with unusable_mlflow(fault, tmp_path) as uri:
        monkeypatch.setenv("VOLCAST_MLFLOW_URI", uri)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        registry.promote(store, version.version, **AUDIT)
        with pytest.raises(StoreUnavailable) as caught:
            registry.sync(store)
    assert registry.champion(store, "SPY").version == version
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert len(record.getMessage().splitlines()) == 1
    assert len(caught.value.found) < 300
    assert "secret" not in f"{record.getMessage()} {caught.value}"
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_promoted_version_is_the_champion_and_promoting_it_again_writes_nothing(store, register):
    version = register("a")
    assert registry.champion_pointer(store, "SPY") is None
    with pytest.raises(ModelError, match="no champion"):
        registry.champion(store, "SPY")
    with pytest.raises(NotFound, match="version '7'"):
        registry.promote(store, "7", **AUDIT)
    registry.promote(store, "1", **AUDIT)
    before = snapshot(store)
    registry.promote(store, "1", **AUDIT)
    assert snapshot(store) == before
    champion = registry.champion(store, "SPY")
    assert champion.version == version == registry.champion_pointer(store, "SPY")
    champion.forecaster.check_golden()


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(store, register, name):
    store.objects.delete(register("a").uri + name)
    with pytest.raises(ModelError, match=f"{name}: found no such file"):
        registry.verify(store, "1")


def test_a_version_of_another_xgboost_is_refused(store, register, monkeypatch):
    register("a")
    monkeypatch.setattr(xgboost, "__version__", "2.1.4")
    with pytest.raises(ModelError, match=r"xgboost 2\.1\.4"):
        registry.verify(store, "1")


def test_a_version_whose_golden_forecasts_come_out_differently_is_refused(store):
    put_run(store, "a")
    key = "runs/a/model/golden.json"
    golden = json.loads(store.objects.get(key))
    golden["log_variance"][0] += 1e-6
    store.objects.put(key, json.dumps(golden).encode())
    registry.register(store, "a")
    with pytest.raises(ModelError, match="golden"):
        registry.promote(store, "1", **AUDIT)
    assert registry.champion_pointer(store, "SPY") is None
    assert registry.history(store) == []


def test_a_rollback_goes_one_champion_further_back_and_history_has_each_move(store, register):
    for run_id in ("a", "b", "c"):
        registry.promote(store, register(run_id).version, **AUDIT)
    audit = AUDIT | {"who": "bo", "why": "worse live"}
    assert [registry.rollback(store, "SPY", **audit).version for _ in range(2)] == ["2", "1"]
    with pytest.raises(NotFound, match="no earlier champion"):
        registry.rollback(store, "SPY", **AUDIT)
    events = registry.history(store)
    assert [(e.kind, e.old, e.new) for e in events] == [
        ("promote", None, "1"),
        ("promote", "1", "2"),
        ("promote", "2", "3"),
        ("rollback", "3", "2"),
        ("rollback", "2", "1"),
    ]
    assert (events[3].who, events[3].why) == ("bo", "worse live")
    assert events[3].when == "2020-01-02T22:00:00+00:00"
    assert all(event.done for event in events)


def test_a_kill_before_the_pointer_moves_leaves_the_champion_and_shows_in_history(store, register):
    first, second = register("a"), register("b")
    registry.promote(store, "1", **AUDIT)
    before = store.objects.get("registry/champions/SPY.json")
    pointer.move(store, "SPY", second, "promote", **AUDIT)
    store.objects.put("registry/champions/SPY.json", before)
    assert registry.champion(store, "SPY").version == first
    assert [event.done for event in registry.history(store)] == [True, False]
    registry.promote(store, "2", **AUDIT)
    assert [event.done for event in registry.history(store)] == [True, False, True]


class Killed(BaseException):
    """What no program can catch by mistake."""


def test_a_kill_at_any_write_leaves_a_champion_that_works_and_work_that_can_go_on(store, register):
    first = register("a")
    registry.promote(store, "1", **AUDIT)
    put_run(store, "b")
    served, left = [], 0

    def die_at_the_last(_: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    for writes in range(13):
        left, dying = writes, Store(store.uri, Hooked(store.objects, die_at_the_last))
        with suppress(Killed):
            registry.promote(dying, registry.register(dying, "b").version, **AUDIT)
        served.append(registry.champion(store, "SPY").version.run_id)
    assert served == ["a"] * served.index("b") + ["b"] * (13 - served.index("b"))
    assert registry.rollback(store, "SPY", **AUDIT) == first
    assert [version.version for version in registry.list_versions(store)] == ["1", "2"]


def test_a_pointer_moved_meanwhile_is_not_overwritten(store, register):
    first, second = register("a"), register("b")

    def move_first(key: str) -> None:
        if key == "registry/champions/SPY.json":
            pointer.move(store, "SPY", first, "promote", **AUDIT)

    with pytest.raises(StoreUnavailable, match="another process"):
        pointer.move(
            Store(store.uri, Hooked(store.objects, move_first)), "SPY", second, "promote", **AUDIT
        )
    assert registry.champion_pointer(store, "SPY") == first


def test_a_challenger_is_named_next_to_the_champion_replaced_and_retired(store, register):
    first, second, third = (register(run_id) for run_id in ("a", "b", "c"))
    registry.promote(store, "1", **AUDIT)
    assert registry.challenge(store, "2", **AUDIT) == second
    assert (registry.champion_pointer(store, "SPY"), registry.challenger_pointer(store, "SPY")) == (
        first,
        second,
    )
    assert registry.challenger(store, "SPY").version == second
    before = snapshot(store)
    registry.challenge(store, "2", **AUDIT)
    assert snapshot(store) == before
    registry.challenge(store, "3", **AUDIT)
    assert registry.retire(store, "SPY", **AUDIT) == third
    assert registry.challenger(store, "SPY") is None


def test_a_challenger_that_is_promoted_challenges_no_longer(store, register):
    for run_id in ("a", "b"):
        register(run_id)
    registry.promote(store, "1", **AUDIT)
    registry.challenge(store, "2", **AUDIT)
    registry.promote(store, "2", **AUDIT)
    assert registry.challenger_pointer(store, "SPY") is None
    moves = [(e.kind, e.old, e.new) for e in registry.history(store) if e.done]
    assert moves[1:] == [("challenge", None, "2"), ("promote", "1", "2"), ("retire", "2", None)]
    assert json.loads(store.objects.get("registry/challengers/SPY.json")).keys() == {"event"}


def test_what_cannot_challenge_is_refused(store):
    for run_id, target in (("a", "SPY"), ("b", "QQQ")):
        put_run(store, run_id, target=target)
        registry.register(store, run_id)
    with pytest.raises(ModelError, match="no champion"):
        registry.challenge(store, "1", **AUDIT)
    registry.promote(store, "1", **AUDIT)
    with pytest.raises(ConfigError, match="version 1, the champion"):
        registry.challenge(store, "1", **AUDIT)
    with pytest.raises(ModelError, match="no champion of QQQ"):
        registry.challenge(store, "2", **AUDIT)
    with pytest.raises(NotFound, match="version '3'"):
        registry.challenge(store, "3", **AUDIT)
    with pytest.raises(NotFound, match="no challenger"):
        registry.retire(store, "SPY", **AUDIT)


def test_a_version_of_another_target_is_not_promoted_until_it_is_the_stores(store):
    for run_id, target in (("a", "SPY"), ("b", "QQQ")):
        put_run(store, run_id, target=target)
        registry.register(store, run_id)
    registry.promote(store, "1", **AUDIT)
    remember(store, Universe())
    with pytest.raises(ConfigError, match="SPY, which the store forecasts") as caught:
        registry.promote(store, "2", **AUDIT)
    assert caught.value.exit_code == 2
    assert registry.champion_pointer(store, "QQQ") is None
    remember(store, Universe(target="QQQ"))
    assert registry.promote(store, "2", **AUDIT).target == "QQQ"
    with pytest.raises(NotFound, match="no earlier champion"):
        registry.rollback(store, "QQQ", **AUDIT)


def test_each_symbol_has_its_own_champion_challenger_and_rollback(store):
    targets = {"1": "SPY", "2": "QQQ", "3": "SPY", "4": "QQQ", "5": "^GSPC"}
    for number, target in targets.items():
        put_run(store, f"run-{number}", target=target)
        registry.register(store, f"run-{number}")
    for number in ("1", "2", "3", "5"):
        registry.promote(store, number, **AUDIT)
    registry.challenge(store, "4", **AUDIT)
    assert registry.rollback(store, "SPY", **AUDIT).version == "1"
    champions = {s: registry.named_champion(store, s).version for s in targets.values()}
    assert champions == {"SPY": "1", "QQQ": "2", "^GSPC": "5"}
    assert registry.challenger_pointer(store, "QQQ").version == "4"
    assert registry.challenger_pointer(store, "SPY") is None
    assert registry.roles(store) == {
        "1": "champion", "2": "champion", "3": "former champion", "4": "challenger",
        "5": "champion",
    }  # fmt: skip
    with pytest.raises(NotFound, match="never champion of SPY"):
        registry.rollback(store, "SPY", to="2", **AUDIT)
    moved = [(e.symbol, e.kind, e.new) for e in registry.history(store) if e.done]
    assert moved[-2:] == [("QQQ", "challenge", "4"), ("SPY", "rollback", "1")]


def test_the_one_pointer_of_an_older_store_counts_for_its_symbol(store):
    for number, target in (("1", "SPY"), ("2", "SPY"), ("3", "QQQ")):
        put_run(store, f"run-{number}", target=target)
        registry.register(store, f"run-{number}")
    for number in ("1", "2"):
        registry.promote(store, number, **AUDIT)
    pointer_of_spy = store.objects.get("registry/champions/SPY.json")
    for key in store.objects.list("registry/audit/"):
        event = json.loads(store.objects.get(key))
        del event["symbol"]
        store.objects.put(key, json.dumps(event).encode())
    store.objects.put("registry/champion.json", pointer_of_spy)
    store.objects.delete("registry/champions/SPY.json")
    assert registry.named_champion(store, "SPY").version == "2"
    assert registry.champion_pointer(store, "QQQ") is None
    registry.promote(store, "3", **AUDIT)
    assert registry.rollback(store, "SPY", **AUDIT).version == "1"
    assert store.objects.get("registry/champion.json") == pointer_of_spy
    assert all(event.done for event in registry.history(store))
    assert registry.roles(store) == {"1": "champion", "2": "former champion", "3": "champion"}


def test_a_challenger_was_never_champion_and_is_no_version_to_roll_back_to(store, register):
    for run_id in ("a", "b"):
        register(run_id)
    registry.promote(store, "1", **AUDIT)
    registry.challenge(store, "2", **AUDIT)
    with pytest.raises(NotFound, match="never champion"):
        registry.rollback(store, "SPY", to="2", **AUDIT)
    with pytest.raises(NotFound, match="no earlier champion than version 1"):
        registry.rollback(store, "SPY", **AUDIT)


def test_each_version_has_its_role(store, register):
    for run_id in ("a", "b", "c", "d"):
        register(run_id)
    assert registry.roles(store) == {}
    registry.promote(store, "1", **AUDIT)
    registry.promote(store, "2", **AUDIT)
    registry.challenge(store, "3", **AUDIT)
    roles = {"1": "former champion", "2": "champion", "3": "challenger"}
    assert registry.roles(store) == roles
    registry.challenge(store, "1", **AUDIT)
    assert registry.roles(store) == {"1": "challenger", "2": "champion"}


@pytest.mark.parametrize("role", ["champion", "challenger"])
@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"event": 1}', b'{"event": []}', b"[" * 100_000]
)
def test_a_pointer_that_cannot_be_read_is_an_error_and_not_nobody(store, content, role):
    store.objects.put(f"registry/{role}s/SPY.json", content)
    if role == "challenger" and content == b'{"event": 1}':
        assert registry.challenger(store, "SPY") is None
        return
    with pytest.raises(ModelError, match=rf"{role}s/SPY\.json"):
        {"champion": registry.champion, "challenger": registry.challenger}[role](store, "SPY")


def test_a_naive_time_does_not_enter_the_audit_trail(store, register):
    register("a")
    with pytest.raises(ContractError, match="naive time"):
        registry.promote(store, "1", **AUDIT | {"when": AUDIT["when"].replace(tzinfo=None)})
    assert registry.history(store) == []


def test_the_command_line_lists_promotes_rolls_back_and_prints_the_history(store, register):
    remember(store, Universe())
    for run_id in ("a", "b"):
        registry.promote(store, register(run_id).version, **AUDIT)

    def volcast_registry(*arguments: str) -> str:
        result = CliRunner(env={"USER": "cy", "COLUMNS": "200"}).invoke(
            app, [*arguments, "--store", store.uri]
        )
        assert result.exit_code == 0, result.output
        return result.output

    assert "version 1 " in volcast_registry("rollback", "--why", "drift", "--who", "bo")
    assert "all checks passed" in volcast_registry("verify", "2")
    promoted = volcast_registry("promote", "2", "--why", "fixed")
    assert "champion: version 2 " in promoted
    assert "before: version 1" in promoted
    assert "as before" in volcast_registry("promote", "2", "--why", "again")
    assert "challenger: version 1 " in volcast_registry("challenge", "1", "--why", "again")
    assert re.search("1  challenger", volcast_registry("list"))
    assert "it was version 1" in volcast_registry("retire", "--why", "enough")
    listed, moves = volcast_registry("list"), volcast_registry("history")
    assert re.search("1  former champion", listed)
    assert re.search("2  champion", listed)
    kinds = ("promote", "rollback", "challenge", "retire")
    assert [moves.count(kind) for kind in kinds] == [3, 1, 1, 1]
    assert [e.who for e in registry.history(store)] == ["ana", "ana", "bo", "cy", "cy", "cy"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("list", "no version in"),
        ("history", "no version was ever moved"),
        ("shadow", "no challenger"),
        ("show", "found no champion"),
        ("verify 1", "none is registered"),
        ("rollback --why a --who b", "found no champion"),
    ],
)
def test_the_command_line_of_an_empty_registry_names_what_is_missing(store, arguments, words):
    remember(store, Universe())
    result = CliRunner().invoke(app, [*arguments.split(), "--store", store.uri])
    assert words in " ".join(f"{result.output} {result.exception or ''}".split())
