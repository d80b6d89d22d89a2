from pathlib import Path

from serving.state import known_symbols
from tests.serving.live import SYMBOL, UNIVERSE, Served
from volcast.store import Store


def test_symbols_are_those_with_forecasts(served: Served):
    assert known_symbols(served.store, UNIVERSE) == {SYMBOL}


def test_before_the_first_forecast_the_target_is_known(tmp_path: Path):
    assert known_symbols(Store.open(str(tmp_path)), UNIVERSE) == {SYMBOL}
