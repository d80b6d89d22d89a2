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
    # In memory if there is some: what SIGKILL spares is the same, and a busy disk costs minutes.
    place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        killer = [sys.executable, "-m", "tests.resilience.killed_writer", table, folder, str(KILLS)]
        done = subprocess.run(killer, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["faults"] == {}
    assert sum(found["stored"].values()) == KILLS
    assert found["stored"].keys() == {"0", "1", "2"}
    assert min(found["stored"].values()) > KILLS // 20
