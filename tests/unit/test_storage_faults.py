"""Object stores that break off, refuse, ignore or are none: a typed error, and nothing lost."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from tests.misbehaving_s3 import FOLDER_MARKERS, Fault, cut, opened, page, refusal
from tests.runs import AUDIT, put_run
from tests.s3_server import BUCKET
from volcast import registry
from volcast.brief.corpus.documents import read_documents
from volcast.core.errors import ConfigError, ObjectTooLarge, StoreUnavailable
from volcast.registry.run_files import prune
from volcast.store import Store
from volcast.store.s3 import S3Objects
from volcast.store.tables import PREDICTIONS_DAILY

KEY = "registry/champions/SPY.json"
MARKER = ".conditional-writes"
HTML = b"<!DOCTYPE html><html><head><meta charset=utf-8></head><body>Console</body></html>"


def times(count: int, fault: Fault) -> Fault:
    """Return a fault of the first requests only."""
    left = [count]

    def first(request):
        left[0] -= 1
        return left[0] >= 0 and fault(request)

    return first


@pytest.mark.parametrize("way", ["short", "chunked", "reset"])
def test_an_answer_that_breaks_off_is_read_again_and_then_unavailable(monkeypatch, way):
    with opened(monkeypatch, times(2, cut(way))) as (store, bucket):
        bucket.objects[KEY] = b"whole"
        assert store.objects.get(KEY) == b"whole"
    with opened(monkeypatch, cut(way)) as (store, bucket):
        for action in (store.objects.get_or_none, store.objects.list):
            with pytest.raises(StoreUnavailable) as caught:
                action(KEY)
            assert caught.value.retryable
        assert len(bucket.requests) == 6


def test_a_listing_that_ends_early_without_a_length_is_unavailable(monkeypatch):
    def half(request):
        request.close_connection = True
        request.send_response(200)
        request.end_headers()
        return request.wfile.write(b"<ListBucketResult><Name>bucket</Name><Contents><Key>regi")

    with opened(monkeypatch, half) as (store, _), pytest.raises(StoreUnavailable):
        store.objects.list("")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (301, "PermanentRedirect"), (400, "ExpiredToken"), (403, "RequestTimeTooSkewed"),
        (403, "AccessDenied"), (404, "NoSuchBucket"), (500, "InternalError"), (503, "SlowDown"),
    ],
)  # fmt: skip
def test_a_refused_request_is_unavailable_and_never_an_absent_object(monkeypatch, status, code):
    with opened(monkeypatch, refusal(status, code)) as (store, _):
        objects = store.objects
        for action in (objects.get_or_none, objects.list, lambda key: objects.put(key, b"")):
            with pytest.raises(StoreUnavailable, match=code) as caught:
                action(KEY)
            assert caught.value.exit_code == 20


def test_a_server_that_asks_to_slow_down_is_asked_again(monkeypatch):
    with opened(monkeypatch, times(2, refusal(503, "SlowDown"))) as (store, _):
        store.objects.put(KEY, b"new")
        assert store.objects.get(KEY) == b"new"


@pytest.mark.parametrize("name", ["a bucket", "ümlaut"])
def test_a_name_that_no_bucket_can_have_is_a_config_error(monkeypatch, name):
    with opened(monkeypatch) as (_, bucket), pytest.raises(ConfigError):
        Store.open(f"s3://{name}/prefix").objects.list("")
    assert bucket.requests == []


@pytest.mark.parametrize("ignored", ["If-None-Match", "If-Match"])
def test_a_store_that_ignores_conditions_is_refused_before_anything_is_written(
    monkeypatch, ignored
):
    with opened(monkeypatch, ignored=frozenset({ignored})) as (store, bucket):
        for etag in (None, store.objects.where):
            with pytest.raises(ConfigError) as caught:
                store.objects.put_if(KEY, b"mine", etag)
            assert caught.value.exit_code == 2
        with pytest.raises(ConfigError):
            Store.open(store.uri).update(KEY, lambda _: (b"mine", None))
        assert KEY not in bucket.objects


def test_a_store_that_does_not_implement_conditions_is_refused(monkeypatch):
    def without_conditions(request):
        conditional = request.headers["If-None-Match"] or request.headers["If-Match"]
        return conditional and refusal(501, "NotImplemented")(request)

    with opened(monkeypatch, without_conditions) as (store, bucket):
        with pytest.raises(ConfigError):
            store.objects.put_if(KEY, b"mine", None)
        assert bucket.objects == {}


def test_a_store_is_checked_once_and_a_check_that_was_cut_short_is_repeated(monkeypatch):
    with opened(monkeypatch) as (store, bucket):
        bucket.objects[MARKER] = b""
        assert store.objects.put_if(KEY, b"1", None)
        assert bucket.objects[MARKER]
        bucket.requests.clear()
        later = Store.open(store.uri)
        assert [later.objects.put_if(KEY, b"2", None) for _ in range(2)] == [False, False]
        assert [(method, key) for method, key, _ in bucket.requests] == [
            ("GET", MARKER), ("PUT", KEY), ("PUT", KEY),
        ]  # fmt: skip
        assert later.objects.list("") == [KEY]


def test_a_real_server_passes_the_check_of_several_writers_of_whom_one_wins(s3_uri):
    stores = [Store.open(s3_uri) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(lambda store: store.objects.put_if(KEY, b"1", None), stores))
    assert sum(won) == 1
    assert stores[0].objects.list("") == [KEY]


def test_a_store_that_refuses_checksums_of_amazon_is_read_and_written(monkeypatch):
    def without_checksums(request):
        foreign = [name for name in request.headers if "checksum" in name.lower()]
        return foreign and refusal(400, "InvalidArgument")(request)

    with opened(monkeypatch, without_checksums) as (store, _):
        store.objects.put(KEY, b"1")
        assert store.objects.get(KEY) == b"1"


@pytest.mark.parametrize(
    ("address", "amazon"),
    [
        (None, True), ("https://s3.eu-central-1.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn/", True),
        ("https://amazonaws.com.example.org", False), ("http://minio:9000", False),
    ],
)  # fmt: skip
def test_only_amazon_is_sent_its_checksums_and_trusted_with_conditions(
    monkeypatch, address, amazon
):
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "eu-central-1")
    if address is None:
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    config = S3Objects("bucket", "")._client.meta.config
    assert (config.request_checksum_calculation == "when_supported") is amazon
    assert (config.response_checksum_validation == "when_supported") is amazon


def test_markers_of_folders_and_hidden_files_are_no_objects_of_a_store(monkeypatch):
    with opened(monkeypatch) as (store, bucket):
        bucket.objects |= dict.fromkeys(FOLDER_MARKERS, b"")
        put_run(store, "a")
        version = registry.register(store, "a")
        registry.promote(store, version.version, **AUDIT)
        assert [event.new for event in registry.history(store)] == [version.version]
        assert registry.champion(store, "SPY").version == version
        assert prune(store, 0) == []
        assert len(store.read(PREDICTIONS_DAILY)) == 0
        assert read_documents(store).unread == ()
        assert not set(FOLDER_MARKERS) & set(store.objects.list(""))


def test_a_real_server_with_markers_of_folders_is_read(s3_uri):
    prefix = s3_uri.removeprefix(f"s3://{BUCKET}/")
    client = boto3.session.Session().client("s3")
    for marker in FOLDER_MARKERS:
        client.put_object(Bucket=BUCKET, Key=f"{prefix}/{marker}", Body=b"")
    store = Store.open(s3_uri)
    store.objects.put(KEY, b"{}")
    assert store.objects.list("") == [KEY]


@pytest.mark.parametrize(
    "fault",
    [
        page(HTML), page(b"<html><body/></html>"), page(b""), page(b'{"status": "ok"}'),
        page(HTML, ETag='"65f0-12"', **{"Content-Type": "text/html; charset=utf-8"}),
    ],
    ids=["html", "xhtml", "empty", "json", "tagged html"],
)  # fmt: skip
def test_an_endpoint_that_answers_anything_with_a_page_is_no_store(monkeypatch, fault):
    with opened(monkeypatch, fault) as (store, _):
        objects = store.objects
        for action in (
            objects.get_or_none, objects.list, lambda key: objects.put(key, b""),
            lambda key: objects.put_if(key, b"", None),
            lambda _: registry.champion_pointer(store, "SPY"),
        ):  # fmt: skip
            with pytest.raises(ConfigError) as caught:
                action(KEY)
            assert caught.value.exit_code == 2


def test_a_prefix_may_have_spaces_and_any_letters(s3_uri):
    store = Store.open(f"{s3_uri}/Übung 1/данные+%20")
    store.objects.put("runs/a b/é.json", b"1")
    assert store.objects.put_if("runs/a b/é.json", b"2", None) is False
    assert store.objects.list("runs/a") == ["runs/a b/é.json"]
    assert store.objects.get("runs/a b/é.json") == b"1"


def test_the_size_of_a_document_is_known_before_it_is_read(store, monkeypatch):
    huge = Path(store.uri) / "documents/huge.txt"
    huge.parent.mkdir(parents=True)
    with huge.open("wb") as file:
        file.truncate(300_000_000)
    (huge.parent / "small.txt").write_text("A document of a few words.")
    tracemalloc.start()
    documents = read_documents(store)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [name for name, _ in documents.unread] == ["huge.txt"]
    assert len(documents.passages) == 1
    assert peak < 50_000_000
    with pytest.raises(ObjectTooLarge):
        store.objects.get("documents/huge.txt")


def test_the_size_of_an_object_on_a_server_is_known_before_it_is_read(monkeypatch):
    def huge(request):
        if request.command == "GET" and "list-type" not in request.path:
            request.close_connection = True
            request.send_response(200)
            request.send_header("ETag", '"0"')
            request.send_header("Content-Length", "2600000000")
            request.end_headers()
            return True
        return False

    with opened(monkeypatch, huge) as (store, bucket):
        bucket.objects["documents/huge.pdf"] = b""
        assert [name for name, _ in read_documents(store).unread] == ["huge.pdf"]
        with pytest.raises(ObjectTooLarge) as caught:
            store.objects.get(KEY)
        assert caught.value.http_status == 503


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_a_bucket_is_in_the_path_unless_the_configuration_names_hosts(monkeypatch, tmp_path, style):
    (tmp_path / "config").write_text(f"[default]\ns3 =\n    addressing_style = {style}\n")
    for name, value in {
        "AWS_CONFIG_FILE": str(tmp_path / "config" if style == "virtual" else tmp_path / "absent"),
        "AWS_ENDPOINT_URL": "http://minio:9000", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "of-no-worth",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    client = S3Objects("bucket", "")._client
    address = client.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "key"})
    host = "minio:9000/bucket" if style == "path" else "bucket.minio:9000"
    assert address.startswith(f"http://{host}/key?")
