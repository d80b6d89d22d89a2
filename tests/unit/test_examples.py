"""The examples in the documentation of the public functions run and print what they show."""

import doctest
import importlib

import pytest

MODULES = [
    "volcast.api",
    "volcast.evaluation.losses",
    "volcast.evaluation.statistics",
    "volcast.evaluation.table",
    "volcast.evaluation.walkforward",
    "volcast.models.blend",
    "volcast.models.gamma",
    "volcast.models.baselines",
    "volcast.training.gate",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_show(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
