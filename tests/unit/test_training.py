"""Training: same data, same bytes; an incomplete run is trained again."""

import json
from unittest.mock import Mock

import pytest

from tests.markets import UNIVERSE, features_of, fill
from volcast.core.errors import ContractError
from volcast.evaluation.table import diagnostics
from volcast.models.forecaster import MODEL_FILES, Forecaster
from volcast.training.train import train


def files(store, candidate):
    return {key: store.objects.get(key) for key in store.objects.list(candidate.folder)}


@pytest.fixture
def last(store):
    return fill(store, 6)


def fit(store, last):
    return train(store, UNIVERSE, last, features_of(store, last))


def test_training_twice_gives_the_same_run_and_re_uses_it(store, last, monkeypatch):
    counted = Mock(wraps=diagnostics)
    monkeypatch.setattr("volcast.evaluation.evaluate.diagnostics", counted)
    first = fit(store, last)
    again = fit(store, last)
    assert counted.call_count == 1
    assert (first.reused, again.reused) == (False, True)
    assert (first.run_id, first.metrics) == (again.run_id, again.metrics)


def test_every_slow_part_of_training_is_counted(store, last):
    parts: list[str] = []
    features = features_of(store, last)
    train(store, UNIVERSE, last, features, progress=lambda what, *_: parts.append(what))
    assert list(dict.fromkeys(parts)) == [
        "trees", "months", "GARCH fits", "months of GARCH(1,1)", "months of GJR-GARCH(1,1)",
        "quarters of regime skill", "confidence set", "parts of the report",
    ]  # fmt: skip


def test_a_run_cut_short_is_trained_again_with_the_same_bytes(store, last):
    candidate = fit(store, last)
    before = files(store, candidate)
    store.objects.delete(f"{candidate.folder}complete.json")
    store.objects.put(f"{candidate.folder}model/model.ubj", b"torn")
    again = fit(store, last)
    assert not again.reused
    assert files(store, again) == before


def test_one_changed_feature_makes_another_run(store, last):
    first = fit(store, last)
    features = features_of(store, last)
    features.loc[900, "g5_less_iv"] += 1e-6
    second = train(store, UNIVERSE, last, features)
    assert second.run_id != first.run_id
    assert not second.reused


def test_the_files_of_a_run_load_and_answer_their_golden_rows(store, last):
    candidate = fit(store, last)
    model = {name: store.objects.get(f"{candidate.folder}model/{name}") for name in MODEL_FILES}
    forecaster = Forecaster.load(model)
    forecaster.check_golden()
    assert len(json.loads(model["golden.json"])["inputs"]) == 32
    assert forecaster.files() == model


def test_too_short_a_history_to_calibrate_is_refused_and_nothing_is_written(store, last):
    early = features_of(store, last)["session"][1100]
    with pytest.raises(ContractError):
        fit(store, early)
    assert store.objects.list("runs/") == []
