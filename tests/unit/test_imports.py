"""What libraries load in processes of volcast's own, and in others."""

import json
import subprocess
import sys

import pytest

_REPORT = """
import importlib, json, sys
library = importlib.import_module({library!r})
print(json.dumps([name for name in {unused!r} if name in sys.modules]))
for name in {unused!r}:
    importlib.import_module(name)
assert library.__spec__.loader.get_code(library.__name__)
"""


@pytest.mark.parametrize(
    ("library", "unused"),
    [
        ("xgboost", ("sklearn",)),
        ("great_expectations", ("altair", "boto3", "scipy.stats", "sqlalchemy")),
    ],
)
def test_a_process_of_volcasts_own_loads_less_and_can_load_the_rest_later(library, unused):
    code = "from volcast.core.imports import trim_imports; trim_imports()"
    assert _loaded(code, library, unused) == []


def test_another_process_loads_all():
    assert _loaded("import volcast.core.imports", "xgboost", ("sklearn",)) == ["sklearn"]


def _loaded(first: str, library: str, unused: tuple[str, ...]) -> list[str]:
    code = first + _REPORT.format(library=library, unused=unused)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)
