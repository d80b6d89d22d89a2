from pathlib import Path

from serving.state import forecast_symbols
from tests.serving.live import SYMBOL, UNIVERSE, Served
from volcast.store import Store


def test_symbols_are_those_with_forecasts(served: Served):
    assert forecast_symbols(served.store, UNIVERSE) == {SYMBOL}


def test_before_the_first_forecast_the_target_is_known(tmp_path: Path):
    assert forecast_symbols(Store.open(str(tmp_path)), UNIVERSE) == {SYMBOL}
