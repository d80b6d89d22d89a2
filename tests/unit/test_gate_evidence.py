"""What a new recipe is measured by: the champion's recipe on the same rows, or what there is."""

import json
import re
import shutil
import sys
from dataclasses import replace
from datetime import date
from functools import partial

import pytest

from tests.markets import NOON, UNIVERSE, features_of, fill
from volcast import registry
from volcast.cli import main
from volcast.core import calendar
from volcast.evaluation.rows import evaluation_bytes, evaluation_frame
from volcast.evaluation.walkforward import walk_forward
from volcast.features.catalog import FEATURES_DAILY
from volcast.features.point_in_time import features_at_close, labelled_features
from volcast.models.recipe import RECIPES
from volcast.registry.run_files import GateDecision
from volcast.registry.versions import content_hash, read_version, write_files
from volcast.store import Store
from volcast.training import champion_forecasts, gate, train
from volcast.training.train import Candidate

pytestmark = pytest.mark.xdist_group("gate_evidence")

YEARS, BEHIND = 8, 120


def with_trees(count: int) -> dict:
    """The recipes with so many trees: quick to fit, and another recipe for every count."""
    return {
        name: replace(r, tree_parameters=r.tree_parameters | {"num_parallel_tree": count})
        for name, r in RECIPES.items()
    }


def trained_with(count: int, store: Store, as_of: date) -> Candidate:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "RECIPES", with_trees(count))
        return train.train(store, UNIVERSE, as_of, features_of(store, as_of))


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Store, date, str]:
    """A champion with 20 trees, and a run with 10 on half a year more: store, session, run."""
    store = Store.open(str(tmp_path_factory.mktemp("trained") / "store"))
    last = fill(store, YEARS)
    earlier = calendar.after(last, -BEHIND)
    old = trained_with(20, store, earlier)
    registry.promote(
        store, registry.register(store, old.run_id).version, who="a", why="b", when=NOON
    )
    new = trained_with(10, store, last)
    return store, last, new.run_id


@pytest.fixture
def own(trained, tmp_path) -> tuple[Store, date, str]:
    shutil.copytree(trained[0].uri, tmp_path / "own")
    return Store.open(str(tmp_path / "own")), *trained[1:]


def judge(store: Store, run_id: str) -> GateDecision:
    return gate.evaluate_candidate(store, run_id, partial(features_at_close, store))


def champion_files(store: Store, run_id: str) -> list[str]:
    return [k for k in store.objects.list(f"runs/{run_id}/") if "/champion-" in k]


def test_the_champions_recipe_is_walked_forward_on_the_candidates_rows(own):
    store, last, run_id = own
    verdict = judge(store, run_id)
    assert verdict.kind == "new recipe"
    assert verdict.reasons[1].endswith(
        "The recipe of version 1 was walked forward on the same rows."
    )
    plain = walk_forward(labelled_features(store, "SYN", last), 7, recipes=with_trees(20)).rows
    assert [store.objects.get(key) for key in champion_files(store, run_id)] == [
        evaluation_bytes(plain)
    ]
    scored = (plain["forecast"].notna() & plain["rv_5d"].notna()).sum()
    assert scored > 756
    assert f"{scored} sessions shared with version 1" in verdict.reasons[1]


def test_the_gate_walks_on_the_frame_that_training_read(own, monkeypatch):
    store, last, _ = own

    def read_features(symbol, as_of):
        features = features_at_close(store, symbol, as_of)
        return features.assign(g5_less_iv=features["g5_less_iv"] + 1e-6)

    monkeypatch.setattr(train, "RECIPES", with_trees(10))
    run = train.train(store, UNIVERSE, last, read_features(UNIVERSE.target, last))
    decision = gate.evaluate_candidate(store, run.run_id, read_features)
    assert len(champion_files(store, run.run_id)) == 1
    assert "walked forward on the same rows" in decision.reasons[1]


def test_judging_again_walks_nothing_and_decides_the_same(own, monkeypatch):
    store, _, run_id = own
    first = judge(store, run_id)
    monkeypatch.setattr(champion_forecasts, "walk_forward", lambda *_: pytest.fail("walked again"))
    assert judge(store, run_id) == first


def test_a_champion_of_another_recipe_does_not_find_the_walk_of_the_first(own):
    store, last, run_id = own
    judge(store, run_id)
    third = trained_with(15, store, last)
    version = registry.register(store, third.run_id)
    registry.promote(store, version.version, who="a", why="b", when=NOON)
    assert "version 2 was walked" in judge(store, run_id).reasons[1]
    assert len(champion_files(store, run_id)) == 2


def test_a_refit_walks_nothing_but_its_own_recipe(own):
    store, last, _ = own
    refit = trained_with(20, store, last)
    verdict = judge(store, refit.run_id)
    assert (verdict.passed, verdict.kind) == (True, "refit")
    assert champion_files(store, refit.run_id) == []


def crown_with(store: Store, recipes: object) -> None:
    """Make champion a version like the present one, whose lineage names other recipes."""
    champion = registry.champion_pointer(store, UNIVERSE.target)
    files = read_version(store, champion)
    lineage = json.loads(files["lineage.json"]) | {"recipes": recipes}
    files["lineage.json"] = json.dumps(lineage).encode()
    sha256 = write_files(store, files)
    assert sha256 == content_hash(files)
    pointer = json.loads(store.objects.get(f"registry/champions/{UNIVERSE.target}.json"))
    moved = pointer | {"sha256": sha256, "uri": f"models/{sha256}/"}
    store.objects.put(f"registry/champions/{UNIVERSE.target}.json", json.dumps(moved).encode())


PLAIN = {name: recipe.as_dict() for name, recipe in RECIPES.items()}
MOON = PLAIN["blend-iv"] | {"tree_features": ["moon"]}


@pytest.mark.parametrize(
    ("recipes", "why"),
    [
        (None, "its lineage holds no recipe"),
        ({"blend-iv": PLAIN["blend-iv"]}, r"its choice is among \['blend-iv'\]"),
        (PLAIN | {"blend-iv": MOON}, "its recipe uses moon, which is no longer a feature"),
        (PLAIN | {"blend-iv": {"name": "blend-iv"}}, "its recipe has another format"),
        (PLAIN | {"blend-iv": MOON | {"depth": 3}}, "its recipe has another format"),
        (PLAIN | {"blend-iv": None}, "its recipe has another format"),
        ("blend", "its recipe has another format"),
    ],
)
def test_a_recipe_that_present_code_cannot_express_is_met_by_its_stored_evaluation(
    own, recipes, why
):
    store, last, run_id = own
    crown_with(store, recipes)
    reason = judge(store, run_id).reasons[1]
    stored = store.objects.get(
        f"runs/{registry.champion_pointer(store, UNIVERSE.target).run_id}/evaluation.parquet"
    )
    assert re.search(f"stored evaluation: {why}", reason)
    rows = evaluation_frame(stored).dropna(subset=["rv_5d", "forecast"])
    assert f"{len(rows)} sessions shared" in reason
    assert rows["session"].max() < calendar.after(last, -BEHIND)
    assert champion_files(store, run_id) == []


def test_the_command_line_makes_an_unproven_recipe_the_challenger(own, monkeypatch, capsys):
    store, _, run_id = own
    monkeypatch.setattr(train, "RECIPES", with_trees(10))
    monkeypatch.setattr(sys, "argv", ["volcast", "train", "--store", store.uri])
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            main()
        # In words: where a line is wrapped depends on the terminal.
        output = " ".join("".join(capsys.readouterr()).split())
        assert ended.value.code == 30
        assert "The recipe of version 1 was walked forward on the same rows." in output
    assert registry.challenger_pointer(store, UNIVERSE.target).run_id == run_id
    assert [event.kind for event in registry.history(store)] == ["promote", "challenge"]


def test_rows_that_changed_since_the_run_are_not_walked(own):
    store, last, run_id = own
    rows = features_at_close(store, UNIVERSE.target, last)
    rows.loc[900, "g5_less_iv"] += 1e-6
    store.write(FEATURES_DAILY, rows.loc[[900]])
    reason = judge(store, run_id).reasons[1]
    assert "the candidate's rows are no longer those in the store" in reason


def test_a_run_of_other_code_is_not_walked_by_this(own, monkeypatch):
    store, _, run_id = own
    monkeypatch.setattr(champion_forecasts, "code_version", lambda: "another")
    assert "trained by other code than this" in judge(store, run_id).reasons[1]
