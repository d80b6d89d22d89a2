"""After any kill or flipped byte there is a champion that works, a history, and a next move."""

import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.runs import AUDIT, put_run
from volcast import registry
from volcast.core.errors import ModelError
from volcast.models.forecaster import Forecaster
from volcast.store import Store

ROOT = Path(__file__).resolve().parents[2]
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
FILES = (*registry.VERSION_FILES, "checksums.json")
FLIPS = 100


def test_500_sequences_of_moves_and_kills_leave_a_registry_that_works():
    place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        killer = [sys.executable, "-m", "tests.resilience.killed_registry", folder, "500"]
        done = subprocess.run(killer, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["faults"] == {}
    assert outcome["kills"].keys() == {
        f"{how}, killed {when}" for how in ("SIGKILL", "store") for when in ("before", "after")
    }
    assert min(outcome["kills"].values()) > 5
    assert sum(outcome["kills"].values()) > 300


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose champion is version 2, after version 1."""
    folder = tmp_path_factory.mktemp("template") / "store"
    store = Store.open(str(folder))
    for run_id in ("a", "b"):
        put_run(store, run_id)
        registry.promote(store, registry.register(store, run_id).version, **AUDIT)
    return folder


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Store:
    shutil.copytree(template, tmp_path / "store")
    return Store.open(str(tmp_path / "store"))


def test_a_byte_flipped_anywhere_in_a_version_is_refused(store):
    draw = random.Random(11)
    pointed, former = store.objects.get("registry/champions/SPY.json"), registry.find(store, "1")
    for trial in range(FLIPS):
        key = former.uri + FILES[trial % len(FILES)]
        whole = store.objects.get(key)
        flipped = bytearray(whole)
        flipped[draw.randrange(len(whole))] ^= draw.randrange(1, 256)
        store.objects.put(key, bytes(flipped))
        for move in (
            lambda: registry.rollback(store, "SPY", **AUDIT),
            lambda: registry.rollback(store, "SPY", to="1", **AUDIT),
            lambda: registry.promote(store, "1", **AUDIT),
            lambda: registry.challenge(store, "1", **AUDIT),
            lambda: registry.verify(store, "1"),
        ):
            with pytest.raises(ModelError, match=key):
                move()
        store.objects.put(key, whole)
    assert store.objects.get("registry/champions/SPY.json") == pointed
    assert registry.challenger_pointer(store, "SPY") is None
    assert len(registry.history(store)) == 2
    assert registry.rollback(store, "SPY", **AUDIT) == former


@pytest.mark.parametrize(
    "move",
    [
        lambda store: registry.rollback(store, "SPY", **AUDIT),
        lambda store: registry.promote(store, "1", **AUDIT),
        lambda store: registry.challenge(store, "1", **AUDIT),
    ],
    ids=["rollback", "promote", "challenge"],
)
def test_a_version_with_other_golden_forecasts_does_not_move_a_pointer(store, monkeypatch, move):
    def differs(self: Forecaster) -> None:
        raise ModelError(found="golden answers off", expected="a", where="b", remedy="c")

    monkeypatch.setattr(Forecaster, "check_golden", differs)
    before = {key: store.objects.get(key) for key in store.objects.list("registry/")}
    with pytest.raises(ModelError, match="golden"):
        move(store)
    assert {key: store.objects.get(key) for key in store.objects.list("registry/")} == before
