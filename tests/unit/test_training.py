"""Training: same data, same bytes; a run is whole or made again."""

import json

import pytest

from tests.markets import UNIVERSE, fill
from volcast.errors import ContractError
from volcast.features.store import as_known_then
from volcast.models.forecaster import MODEL_FILES, Forecaster
from volcast.training import train


def files(store, candidate):
    return {key: store.objects.get(key) for key in store.objects.list(candidate.folder)}


@pytest.fixture
def frame(store):
    last = fill(store, 6)
    return as_known_then(store, UNIVERSE.target, last)


def test_training_twice_gives_the_same_run_and_re_uses_it(store, frame):
    last = frame["session"].max()
    first = train(store, UNIVERSE, last, frame)
    again = train(store, UNIVERSE, last, frame)
    assert (first.reused, again.reused) == (False, True)
    assert (first.run_id, first.metrics) == (again.run_id, again.metrics)


def test_a_run_cut_short_is_made_again_with_the_same_bytes(store, frame):
    last = frame["session"].max()
    candidate = train(store, UNIVERSE, last, frame)
    before = files(store, candidate)
    store.objects.delete(f"{candidate.folder}complete.json")
    store.objects.put(f"{candidate.folder}model/model.ubj", b"torn")
    again = train(store, UNIVERSE, last, frame)
    assert not again.reused
    assert files(store, again) == before


def test_one_changed_feature_makes_another_run(store, frame):
    last = frame["session"].max()
    first = train(store, UNIVERSE, last, frame)
    frame.loc[frame.index[900], "g5_less_iv"] += 1e-6
    second = train(store, UNIVERSE, last, frame)
    assert second.run_id != first.run_id


def test_the_files_of_a_run_load_and_answer_their_golden_rows(store, frame):
    candidate = train(store, UNIVERSE, frame["session"].max(), frame)
    model = {name: store.objects.get(f"{candidate.folder}model/{name}") for name in MODEL_FILES}
    forecaster = Forecaster.load(model)
    forecaster.check_golden()
    assert len(json.loads(model["golden.json"])["inputs"]) == 32
    assert forecaster.files() == model


def test_the_report_is_one_page_that_asks_for_nothing_else(store, frame):
    candidate = train(store, UNIVERSE, frame["session"].max(), frame)
    page = store.objects.get(f"{candidate.folder}report.html").decode()
    assert "HAR-RV" in page
    assert "<svg" in page
    assert "http" not in page


def test_too_short_a_history_to_calibrate_is_refused_and_nothing_is_written(store, frame):
    short = frame.iloc[:1100]
    with pytest.raises(ContractError, match="longer history"):
        train(store, UNIVERSE, short["session"].max(), short)
    assert store.objects.list("runs/") == []
