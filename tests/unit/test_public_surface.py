"""The public names of every module, and the tree of errors with its exit codes."""

import importlib
import inspect
import pkgutil
import re

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


def test_the_errors_match_the_documented_tree():
    documented = re.findall(r"(\w+)\s+exit\s+(\d+)\s+http (\d+)", errors.__doc__)
    classes = {
        name: (kind.exit_code, kind.http_status)
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.VolcastError)
    }
    assert {name: (int(code), int(status)) for name, code, status in documented} == classes
    assert sorted(classes) == errors.__all__


def test_a_message_has_place_value_expectation_and_remedy():
    error = errors.StaleInput(found="a", expected="b", where="c", remedy="Do d.")
    assert str(error) == "c: found a; expected b. Do d."
