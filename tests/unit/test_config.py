"""Settings: read once, faults listed together."""

import pytest

from volcast.cli.arguments import with_symbols
from volcast.core.errors import ConfigError
from volcast.core.settings import SAMPLE_UNIVERSE, SYNTHETIC_UNIVERSE, Universe, read_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in ("STORE", "SOURCE", "SOURCE_PATH", "UNIVERSE", "AS_OF", "SEED"):
        monkeypatch.delenv(f"VOLCAST_{name}", raising=False)


def test_arguments_win_over_the_environment_and_none_leaves_it(monkeypatch):
    monkeypatch.setenv("VOLCAST_STORE", "from-environment")
    assert read_settings(store="argument").store == "argument"
    assert read_settings(store=None).store == "from-environment"


def test_every_wrong_setting_is_listed_at_once(monkeypatch):
    monkeypatch.setenv("VOLCAST_SOURCE", "ftp")
    monkeypatch.setenv("VOLCAST_AS_OF", "soon")
    with pytest.raises(ConfigError) as caught:
        read_settings(seed="many")
    assert all(name in str(caught.value) for name in ("source", "as_of", "seed"))
    assert caught.value.exit_code == 2


def test_each_source_has_its_universe():
    assert read_settings().resolved_universe == SAMPLE_UNIVERSE
    assert read_settings(source="synthetic").resolved_universe == SYNTHETIC_UNIVERSE
    assert read_settings(source="csv").resolved_universe == Universe()
    assert Universe().symbols == ("SPY", "VIX", "VIX3M", "TLT", "HYG", "VIX9D")


def test_a_universe_from_the_environment_is_json(monkeypatch):
    monkeypatch.setenv("VOLCAST_UNIVERSE", '{"target": "QQQ", "iv": "VXN"}')
    universe = read_settings(source="csv").resolved_universe
    assert (universe.target, universe.iv, universe.bond) == ("QQQ", "VXN", "TLT")
    assert universe.indices > {"VXN", "VIX3M", "VIX", *universe.other_indices}


@pytest.mark.parametrize(
    ("stored", "nine_days"),
    [
        ('{"target": "SPY", "iv": "VIX"}', "VIX9D"),
        ('{"target": "SPY", "iv": "VIX", "iv_3m": "VIX3M", "other_indices": ["VIX9D"]}', "VIX9D"),
        ('{"target": "SYN", "iv": "SYNVIX", "iv_3m": "SYNVIX3M"}', "SYNVIX9D"),
        ('{"target": "SPX", "iv": "VIX", "iv_3m": ""}', ""),
        ('{"target": "EEM", "iv": "VXEEM", "iv_3m": "MINE"}', ""),
        ('{"target": "QQQ", "iv": "VXN"}', ""),
        ('{"target": "QQQ", "iv": ""}', ""),
        ('{"target": "SPY", "iv_9d": ""}', ""),
        ('{"target": "SPY", "iv_9d": "VXST"}', "VXST"),
    ],
)
def test_a_universe_without_the_9_day_index_has_that_of_its_other_indices(stored, nine_days):
    universe = Universe.model_validate_json(stored)
    assert universe.iv_9d == nine_days
    assert nine_days in {"", *universe.symbols}
    assert nine_days in {"", *universe.indices}
    assert Universe.model_validate_json(universe.model_dump_json()) == universe


@pytest.mark.parametrize(
    ("iv", "nine_days"), [(None, "VIX9D"), ("VIX", "VIX9D"), ("VXN", ""), ("", "")]
)
def test_another_implied_volatility_leaves_the_9_day_index_out(iv, nine_days):
    universe = with_symbols(Universe(), "QQQ", iv)
    assert (universe.target, universe.iv_9d) == ("QQQ", nine_days)
    assert with_symbols(universe, None, "VIX").iv_9d == "VIX9D"
    assert with_symbols(Universe(iv_9d=""), None, "VIX").iv_9d == ""


@pytest.mark.parametrize(
    "symbol",
    ["VXN", "VXO", "VVIX", "OVX", "GVZ", "MOVE", "^OVX", "VIX9D_History", "VVIX_History", "VXNCLS",
     "gvz", "^move", "MINE"],
)  # fmt: skip
def test_a_volatility_index_that_no_role_names_is_no_asset(symbol):
    assert symbol in Universe(other_indices=("MINE",)).indices
    assert symbol not in Universe().symbols


@pytest.mark.parametrize("symbol", ["SPY", "VXX", "UVXY", "VIXY", "SVXY", "HYG", "MINE", "VIX=F"])
def test_what_is_traded_is_an_asset(symbol):
    assert symbol not in Universe().indices


def test_the_example_universes_have_the_9_day_index_of_their_data():
    assert Universe().iv_9d == "VIX9D"
    assert SYNTHETIC_UNIVERSE.iv_9d == "SYNVIX9D"
    assert SAMPLE_UNIVERSE.iv_9d == ""


def test_a_universe_given_as_a_pipelines_argument_is_json_too():
    universe = Universe(target="QQQ", iv="VXN")
    assert read_settings(universe=universe.model_dump_json()).universe == universe
    assert read_settings(universe=universe).universe == universe
    for wrong in ("{", "[]", '{"target": ""}', '{"aim": "QQQ"}'):
        with pytest.raises(ConfigError, match="universe"):
            read_settings(universe=wrong)
