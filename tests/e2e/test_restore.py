"""A store copied as docs/backup.md does is the same registry, and a new mirror is made of it."""

from tests.mlflow_server import mlflow_server
from tests.runs import AUDIT, put_run
from tests.s3_server import BUCKET, s3_server
from volcast import registry
from volcast.registry import mlflow
from volcast.store import Store


def test_a_copy_of_the_store_has_champion_history_and_mirror(tmp_path, monkeypatch):
    for name in ("s3", "mlflow"):
        (tmp_path / name).mkdir()
    with s3_server(tmp_path / "s3") as names:
        for name, value in names.items():
            monkeypatch.setenv(name, value)
        original, copy = (Store.open(f"s3://{BUCKET}/{name}") for name in ("store", "copy"))
        for run in ("a", "b", "c"):
            put_run(original, run)
            registry.promote(original, registry.register(original, run).version, **AUDIT)
        registry.rollback(original, "SPY", **AUDIT)
        keys = sorted(original.objects.list(""), key=lambda key: key.startswith("registry/"))
        for key in keys:
            if not key.startswith("monitoring/underway/"):
                copy.objects.put(key, original.objects.get(key))
        first, second = (registry.champion(one, "SPY") for one in (original, copy))
        assert first is not None
        assert second is not None
        assert (second.version, second.version.version) == (first.version, "2")
        assert second.forecaster.files() == first.forecaster.files()
        assert registry.history(copy) == registry.history(original)
        assert registry.list_versions(copy) == registry.list_versions(original)
        for one in registry.list_versions(copy):
            registry.verify(copy, one.version)  # files, checksums, golden forecasts
        with mlflow_server(tmp_path / "mlflow") as address:
            monkeypatch.setenv("VOLCAST_MLFLOW_URI", address)
            assert registry.sync(copy) > 0
            with mlflow._client() as client:
                version = client.get_model_version_by_alias("volcast", "champion")
            assert registry.sync(copy) == 0
    assert version.source.startswith(f"s3://{BUCKET}/copy/models/")
