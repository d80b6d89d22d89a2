import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
KILLS = 200


@pytest.mark.parametrize(
    "table",
    ["raw.market", "curated.market_daily", "features_daily", "labels_daily", "predictions_daily"],
)
def test_a_writer_killed_at_200_points_loses_breaks_and_repeats_nothing(table):
    # In memory, because a busy disk costs minutes.
    place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        killer = [sys.executable, "-m", "tests.resilience.killed_writer", table, folder, str(KILLS)]
        done = subprocess.run(killer, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["faults"] == {}
    assert sum(outcome["stored"].values()) == KILLS
    assert outcome["stored"].keys() == {"0", "1", "2"}
    assert min(outcome["stored"].values()) > KILLS // 20
