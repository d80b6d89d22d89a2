"""The tests' own ground: those that share one costly thing run on one worker."""

import os

import pytest

pytestmark = pytest.mark.xdist_group("groups")


def test_xdist_notes_the_group_of_a_test_in_its_id(request: pytest.FixtureRequest) -> None:
    """Without the note xdist spreads a group, and every worker makes the costly thing anew."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("runs under workers: pytest -n 2 --dist loadgroup")
    assert request.node.nodeid.endswith("@groups"), (
        "this pytest and this pytest-xdist do not fit together: install those of "
        "requirements/dev.txt"
    )
