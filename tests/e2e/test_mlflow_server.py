"""The registry of a remote store is mirrored by a real MLflow server."""

from tests.mlflow_server import mlflow_server
from tests.runs import AUDIT, put_run
from tests.s3_server import BUCKET, s3_server
from volcast import registry
from volcast.registry import mlflow
from volcast.store import Store


def test_a_server_takes_a_version_of_a_remote_store_and_names_where_its_files_are(
    tmp_path, monkeypatch
):
    for name in ("s3", "mlflow"):
        (tmp_path / name).mkdir()
    with s3_server(tmp_path / "s3") as names, mlflow_server(tmp_path / "mlflow") as address:
        for name, value in names.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("VOLCAST_MLFLOW_URI", address)
        store = Store.open(f"s3://{BUCKET}/prefix")
        put_run(store, "a")
        registered = registry.register(store, "a")
        registry.promote(store, registered.version, **AUDIT)
        with mlflow._client() as client:
            version = client.get_model_version_by_alias("volcast", "champion")
            run = client.get_run(version.run_id)
        assert registry.sync(store) == 0
    assert version.source == f"s3://{BUCKET}/prefix/models/{registered.sha256}/"
    assert run.data.params["recipe"] == "blend-range"
    assert run.data.metrics["all.lines.volcast.qlike"] == 0.25
