"""What renovate.json looks for exists in the files that it names."""

import json
import re

import pytest

from tests.deploy.tools import ROOT, ran

CONFIG = json.loads((ROOT / "renovate.json").read_text())
FILES = ran(["git", "ls-files"]).splitlines()


@pytest.mark.parametrize("manager", CONFIG["customManagers"], ids=str)
def test_every_file_of_a_manager_names_a_version_for_it(manager):
    expressions = [re.sub(r"\(\?<(?=\w)", "(?P<", one) for one in manager["matchStrings"]]
    for pattern in manager["managerFilePatterns"]:
        paths = [path for path in FILES if re.search(pattern.strip("/"), path)]
        assert paths, pattern
        for path in paths:
            text = (ROOT / path).read_text()
            matches = [match for one in expressions for match in re.finditer(one, text)]
            assert matches, path
            for match in matches:
                assert re.match(r"v?\d", match["currentValue"]), match
                assert match.groupdict().get("depName") or manager["depNameTemplate"]


def test_every_version_of_the_platforms_is_looked_for():
    versions = re.findall(r"^(\w+)=", (ROOT / "manifests/kind/versions.env").read_text(), re.M)
    expressions = " ".join(one for each in CONFIG["customManagers"] for one in each["matchStrings"])
    for name in versions:
        assert name in expressions or name.removesuffix("_IMAGE") in expressions, name
