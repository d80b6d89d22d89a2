"""The public names of every module, and the exit codes of errors."""

import importlib
import inspect
import pkgutil

import pytest

import volcast
from volcast.core import errors

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(volcast.__path__, "volcast.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_all_is_sorted_and_every_name_in_it_exists(name):
    module = importlib.import_module(name)
    declared = getattr(module, "__all__", None)
    if declared is None:
        assert hasattr(module, "__path__"), f"{name} is a module without __all__"
        return
    order = sorted(declared, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert list(declared) == order
    assert all(hasattr(module, item) for item in declared)


CODES = {
    "ConfigError": (2, 500), "ContractError": (10, 503), "CorruptFile": (10, 503),
    "GateRefused": (30, 409), "KeyMissing": (2, 404), "ModelError": (10, 503),
    "NotFound": (2, 404), "ObjectTooLarge": (10, 503), "Overloaded": (20, 503),
    "QualityError": (10, 503),
    "RequestError": (2, 400), "RequestTooLarge": (2, 413), "RequestTooSlow": (2, 408),
    "SourceUnavailable": (20, 503), "StaleInput": (40, 503), "StoreUnavailable": (20, 503),
    "Unauthorized": (2, 401), "UnsupportedEncoding": (2, 415), "VolcastError": (1, 500),
}  # fmt: skip


def test_each_error_has_its_exit_code_and_http_status():
    classes = {
        name: (kind.exit_code, kind.http_status)
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.VolcastError)
    }
    assert classes == CODES
    assert sorted(classes) == errors.__all__


def test_a_message_has_place_value_expectation_and_remedy():
    error = errors.StaleInput(found="a", expected="b", where="c", remedy="Do d.")
    assert str(error) == "c: found a; expected b. Do d."
