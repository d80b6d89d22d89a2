"""What the library shows is what it means to show, and its error tree is as drawn."""

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
        assert name.count(".") == 1, f"{name} has no __all__"
        assert hasattr(module, "__path__"), f"{name} has no __all__"
        return
    order = sorted(declared, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert list(declared) == order
    assert all(hasattr(module, item) for item in declared)


def test_the_tree_of_errors_is_as_drawn():
    drawn = re.findall(r"(\w+)\s+exit\s+(\d+)\s+http (\d+)", errors.__doc__)
    classes = {
        name: (kind.exit_code, kind.http_status)
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.VolcastError)
    }
    assert {name: (int(code), int(status)) for name, code, status in drawn} == classes
    assert sorted(classes) == errors.__all__


def test_a_message_says_found_expected_where_and_what_to_do():
    error = errors.StaleInput(found="a", expected="b", where="c", remedy="Do d.")
    assert str(error) == "c: found a; expected b. Do d."
