import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.s3_server import free_ports
from volcast.core.errors import ConfigError, ContractError, KeyMissing, NotFound, StoreUnavailable
from volcast.store import Store

KEY = "runs/a/metrics.json"


def test_get_returns_what_was_put_and_an_absent_key_is_named(any_store):
    objects = any_store.objects
    with pytest.raises(KeyMissing, match=KEY) as caught:
        objects.get(KEY)
    assert isinstance(caught.value, NotFound)
    assert objects.get_or_none(KEY) is None
    objects.put(KEY, b"one")
    objects.put(KEY, b"two")
    assert objects.get(KEY) == objects.get_or_none(KEY).data == b"two"
    for _ in range(2):
        objects.delete(KEY)
    assert objects.list("") == []


def test_a_listing_is_sorted_and_by_prefix(any_store):
    for key in ("a/b2", "a/b10/c", "a/b1", "b/x"):
        any_store.objects.put(key, b"")
    assert any_store.objects.list("a/b1") == ["a/b1", "a/b10/c"]
    assert any_store.objects.list("") == ["a/b1", "a/b10/c", "a/b2", "b/x"]
    assert any_store.objects.list("nothing/") == []


def test_a_swap_needs_the_current_tag(any_store):
    objects = any_store.objects
    assert objects.put_if(KEY, b"one", None)
    assert not objects.put_if(KEY, b"two", None)
    tag = objects.get_or_none(KEY).etag
    assert objects.put_if(KEY, b"two", tag)
    assert not objects.put_if(KEY, b"three", tag)
    assert not objects.put_if("runs/absent", b"three", tag)
    assert objects.get(KEY) == b"two"
    assert objects.get_or_none("runs/absent") is None


def test_concurrent_creators_and_swaps_lose_no_increment(any_store):
    def count_up(_: int) -> None:
        for _ in range(6):
            any_store.update(KEY, lambda was: (b"%d" % (int(was or 0) + 1), None))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_up, range(3)))
    assert any_store.objects.get(KEY) == b"18"


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/.b", "a\\b"])
def test_a_key_outside_the_store_is_refused(any_store, key):
    for action in (any_store.objects.get, lambda key: any_store.objects.put(key, b"")):
        with pytest.raises(ContractError, match="store key"):
            action(key)


def test_an_abandoned_temporary_file_is_ignored_and_overwritten(store):
    store.objects.put(KEY, b"whole")
    left = Path(store.uri) / "runs/a/.metrics.json.tmp"
    left.write_bytes(b"ha")
    assert store.objects.list("") == [KEY]
    assert store.objects.get(KEY) == b"whole"
    store.objects.put(KEY, b"new")
    assert not left.exists()
    assert store.objects.get(KEY) == b"new"


@pytest.mark.parametrize("place", ["file/store", "/proc/store"])
def test_an_unwritable_folder_is_an_unavailable_store(tmp_path, place):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable) as caught:
        Store.open(str(tmp_path / place)).objects.put(KEY, b"x")
    assert caught.value.exit_code == 20
    assert caught.value.retryable


def test_a_full_disk_leaves_the_old_bytes_and_no_temporary(store, monkeypatch):
    store.objects.put(KEY, b"old")
    (Path(store.uri) / "runs/a/.metrics.json.tmp").symlink_to("/dev/full")
    with pytest.raises(StoreUnavailable, match="No space left"):
        store.objects.put(KEY, b"new")
    assert store.objects.get(KEY) == b"old"
    assert [p.name for p in (Path(store.uri) / "runs/a").iterdir()] == ["metrics.json"]


@pytest.mark.parametrize("uri", ["", " ", "s3://", "s3:///prefix", "gs://bucket/x", "http://x"])
def test_an_address_of_no_folder_or_bucket_is_a_config_error(uri):
    with pytest.raises(ConfigError, match="s3://bucket/prefix") as caught:
        Store.open(uri)
    assert caught.value.field == "store"


def test_an_endpoint_that_does_not_answer_is_unavailable(s3_uri, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(StoreUnavailable, match="AWS_ENDPOINT_URL") as caught:
        Store.open(s3_uri).objects.get(KEY)
    assert caught.value.retryable


@pytest.mark.parametrize("address", ["localhost:9000", "nonsense", "http://[bad"])
def test_a_malformed_endpoint_is_a_config_error(s3_uri, monkeypatch, address):
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL"):
        Store.open(s3_uri)


def test_an_absent_bucket_and_wrong_credentials_are_unavailable_and_not_empty(s3_uri, monkeypatch):
    objects = Store.open("s3://no-such-bucket/prefix").objects
    for action in (objects.list, objects.get_or_none, objects.get):
        with pytest.raises(StoreUnavailable, match="bucket does not exist"):
            action(KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreUnavailable, match="credentials"):
        Store.open(s3_uri).objects.get_or_none(KEY)


def test_prefixes_of_one_bucket_do_not_see_each_other(s3_uri):
    one, longer = Store.open(s3_uri), Store.open(f"{s3_uri}0/")
    longer.objects.put(KEY, b"x")
    assert one.objects.list("") == []
    assert longer.objects.list("") == [KEY]
    assert longer.uri == f"{s3_uri}0"


class _LostAnswer(BaseHTTPRequestHandler):
    """Passes puts on to the server, and drops its first answer."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with closing(HTTPConnection(self.server.onward)) as onward:
            onward.request("PUT", self.path, body, dict(self.headers))
            status, content = (answer := onward.getresponse()).status, answer.read()
        self.close_connection = True
        if self.server.lost:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        self.server.lost = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_a_swap_whose_answer_was_lost_counts_as_won(s3_uri, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), _LostAnswer) as proxy:
        proxy.lost, proxy.onward = False, os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
        threading.Thread(target=proxy.serve_forever).start()
        direct = Store.open(s3_uri).objects
        assert direct.put_if("other", b"", None)  # marks the store as one that honours conditions
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.server_port}")
        through = Store.open(s3_uri).objects
        monkeypatch.setattr(through, "_get", direct._get)
        assert through.put_if(KEY, b"mine", None)
        assert proxy.lost
        assert not through.put_if(KEY, b"mine", None)
        proxy.shutdown()
