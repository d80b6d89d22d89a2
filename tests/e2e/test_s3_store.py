"""A day's forecast with the store on S3: every table, run and version lies in the bucket."""

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from tests.s3_server import BUCKET, free_ports
from volcast import registry
from volcast.cli import main
from volcast.inference.forecast import predict_row
from volcast.store import Store
from volcast.store.tables import PREDICTIONS_DAILY

pytestmark = pytest.mark.xdist_group("s3_store")

AS_OF = date(2008, 12, 31)
"""The sample up to here is the least that passes the gate."""


@dataclass(frozen=True)
class Bucket:
    """A store in a bucket with a champion and one published forecast."""

    store: Store
    folder: Path
    codes: dict[str, int]

    def digests(self) -> dict[str, str]:
        objects = self.store.objects
        return {key: hashlib.sha256(objects.get(key)).hexdigest() for key in objects.list("")}


def volcast(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["volcast", *arguments])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def forecast_a_day(uri: str) -> dict[str, int]:
    """Run the daily commands; return the exit code of each."""
    from feature_repo.online import materialize

    options = ("--store", uri, "--as-of", str(AS_OF))
    codes = {"ingest": volcast("ingest", "--source", "sample", *options)}
    codes |= {name: volcast(name, *options) for name in ("features", "train")}
    materialize(uri, AS_OF, expect=["SPX"])
    return codes | {"infer": volcast("infer", *options)}


@pytest.fixture(scope="module")
def bucket(
    s3_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bucket]:
    folder, uri = tmp_path_factory.mktemp("s3_store"), f"s3://{BUCKET}/whole-way"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # where the local copies for Feast lie, and its online store
        for name, value in s3_environment.items():
            patch.setenv(name, value)
        codes = forecast_a_day(uri)
        yield Bucket(Store.open(uri), folder, codes)


def test_every_step_succeeds_and_the_champions_forecast_is_published(bucket: Bucket):
    assert bucket.codes == dict.fromkeys(["ingest", "features", "train", "infer"], 0)
    version = registry.champion(bucket.store, "SPX").version
    rows = bucket.store.read(PREDICTIONS_DAILY).to_pylist()
    published = [(row["symbol"], row["session"], row["model_version"]) for row in rows]
    assert published == [("SPX", AS_OF, version.version)]


def test_only_copies_for_feast_are_on_local_disk(bucket: Bucket):
    assert [path.name for path in bucket.folder.iterdir()] == ["var"]
    assert [path.name for path in (bucket.folder / "var").iterdir()] == ["cache"]
    copied = {path.parents[2].name for path in bucket.folder.rglob("*.parquet")}
    assert copied <= {"features_daily"}


def test_the_online_features_give_the_published_forecast(bucket: Bucket):
    from serving.lookup import OnlineFeatures

    row = OnlineFeatures(bucket.store.uri).newest("SPX")
    assert row is not None
    assert row.session == AS_OF
    champion = registry.champion(bucket.store, "SPX")
    answer = predict_row(
        champion.forecaster, champion.version.version, "SPX", row.session, row.values
    )
    published = bucket.store.read(PREDICTIONS_DAILY).to_pylist()[0]
    for name in ("feature_hash", "rv_5d_hat", "lo95", "lo80", "hi80", "hi95", "drivers"):
        assert answer[name] == published[name]


def test_the_same_day_again_changes_no_byte_in_the_bucket(bucket: Bucket):
    before = bucket.digests()
    assert forecast_a_day(bucket.store.uri) == bucket.codes
    assert bucket.digests() == before


def endpoint_down(patch: pytest.MonkeyPatch, uri: str) -> str:
    patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    return uri


def no_bucket(_: pytest.MonkeyPatch, uri: str) -> str:
    return uri.replace(BUCKET, "no-such-bucket")


@pytest.mark.parametrize("fault", [endpoint_down, no_bucket])
@pytest.mark.parametrize("command", [("ingest", "--source", "sample"), ("infer",)])
def test_an_unreachable_bucket_is_exit_code_20(s3_uri, monkeypatch, fault, command):
    assert volcast(*command, "--store", fault(monkeypatch, s3_uri)) == 20
