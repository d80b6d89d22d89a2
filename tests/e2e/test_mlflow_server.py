"""A version of a remote store is recorded by a real MLflow server."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.mlflow_server import mlflow_server
from tests.s3_server import BUCKET, s3_server
from volcast.evaluation.table import Skill, SkillTable
from volcast.registry import mlflow as mlflow_log
from volcast.registry import versions
from volcast.registry.run_files import Lineage, Metrics
from volcast.store import Store

CLOSED = datetime(2021, 12, 31, 21, tzinfo=UTC)
FILES = {name: name.encode() for name in versions.VERSION_FILES} | {
    "lineage.json": Lineage(CLOSED.date(), recipes={"trees": 150}).to_bytes(),
    "metrics.json": Metrics(
        SkillTable((Skill("volcast", 0.4, 5.0, 0.0, 0.5),), 1, CLOSED.date(), CLOSED.date())
    ).to_bytes(),
}


def test_a_server_takes_a_version_of_a_remote_store_and_names_where_its_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("s3", "mlflow"):
        (tmp_path / name).mkdir()
    with s3_server(tmp_path / "s3") as names, mlflow_server(tmp_path / "mlflow") as address:
        for name, value in names.items():
            monkeypatch.setenv(name, value)
        store = Store.open(f"s3://{BUCKET}/prefix")
        monkeypatch.setenv("VOLCAST_MLFLOW_URI", address)
        number = mlflow_log.log_version(store, "ab" * 32, FILES, CLOSED)
        mlflow_log.set_aliases(address, {"champion": number, "challenger": None})
        with mlflow_log._client(address) as client:
            version = client.get_model_version_by_alias(versions.NAME, "champion")
            run = client.get_run(version.run_id)
        assert mlflow_log.log_version(store, "ab" * 32, FILES, CLOSED) == number
    sha256 = versions.content_hash(FILES)
    assert version.source == f"s3://{BUCKET}/prefix/models/{sha256}/"
    assert run.data.params["recipes.trees"] == "150"
    assert run.data.metrics["all.lines.volcast.qlike"] == 0.4
