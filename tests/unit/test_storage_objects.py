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


def test_bytes_come_back_as_they_were_put(any_store):
    any_store.objects.put(KEY, b"one")
    any_store.objects.put(KEY, b"two")
    assert any_store.objects.get(KEY) == any_store.objects.get_or_none(KEY).data == b"two"


def test_an_absent_key_is_a_not_found_that_names_it(any_store):
    with pytest.raises(KeyMissing, match=KEY) as caught:
        any_store.objects.get(KEY)
    assert isinstance(caught.value, NotFound)
    assert any_store.objects.get_or_none(KEY) is None


def test_a_listing_is_sorted_and_goes_by_prefix_and_not_by_folder(any_store):
    for key in ("a/b2", "a/b10/c", "a/b1", "b/x"):
        any_store.objects.put(key, b"")
    assert any_store.objects.list("a/b1") == ["a/b1", "a/b10/c"]
    assert any_store.objects.list("") == ["a/b1", "a/b10/c", "a/b2", "b/x"]
    assert any_store.objects.list("nothing/") == []


def test_deleting_twice_is_no_failure(any_store):
    any_store.objects.put(KEY, b"one")
    any_store.objects.delete(KEY)
    any_store.objects.delete(KEY)
    assert any_store.objects.list("") == []


def test_a_swap_wants_the_tag_of_what_is_there(any_store):
    objects = any_store.objects
    assert objects.put_if(KEY, b"one", None)
    assert not objects.put_if(KEY, b"two", None)
    tag = objects.get_or_none(KEY).etag
    assert objects.put_if(KEY, b"two", tag)
    assert not objects.put_if(KEY, b"three", tag)
    assert not objects.put_if("runs/absent", b"three", tag)
    assert objects.get(KEY) == b"two"
    assert objects.get_or_none("runs/absent") is None


def test_of_many_that_create_a_key_one_wins(any_store):
    with ThreadPoolExecutor(8) as pool:
        wins = list(pool.map(lambda i: any_store.objects.put_if(KEY, b"%d" % i, None), range(8)))
    assert sum(wins) == 1
    assert any_store.objects.get(KEY) == b"%d" % wins.index(True)


def test_increments_by_swap_lose_none(any_store):
    def count_up(_: int) -> None:
        for _ in range(6):
            while not any_store.objects.put_if(
                KEY, b"%d" % (int((was := any_store.objects.get_or_none(KEY)).data) + 1), was.etag
            ):
                pass

    any_store.objects.put(KEY, b"0")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_up, range(3)))
    assert any_store.objects.get(KEY) == b"18"


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/.b", "a\\b"])
def test_a_key_that_leaves_the_store_is_refused(any_store, key):
    with pytest.raises(ContractError, match="store key"):
        any_store.objects.put(key, b"")
    with pytest.raises(ContractError, match="store key"):
        any_store.objects.get(key)


def test_a_temporary_left_behind_is_neither_listed_nor_read_and_is_overwritten(store):
    store.objects.put(KEY, b"whole")
    left = Path(store.uri) / "runs/a/.metrics.json.tmp"
    left.write_bytes(b"ha")
    assert store.objects.list("") == [KEY]
    assert store.objects.get(KEY) == b"whole"
    store.objects.put(KEY, b"new")
    assert not left.exists()
    assert store.objects.get(KEY) == b"new"


@pytest.mark.parametrize("place", ["file/store", "/proc/store"])
def test_a_place_that_cannot_be_written_is_an_unavailable_store(tmp_path, place):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="folder that can be read and written") as caught:
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
def test_an_address_that_is_neither_folder_nor_bucket_is_a_config_error(uri):
    with pytest.raises(ConfigError, match="s3://bucket/prefix") as caught:
        Store.open(uri)
    assert caught.value.field == "store"


def test_opening_and_reading_make_nothing(tmp_path):
    assert Store.open(str(tmp_path / "store")).objects.list("") == []
    assert list(tmp_path.iterdir()) == []


def test_an_object_store_that_does_not_answer_is_unavailable(s3_uri, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(StoreUnavailable, match="AWS_ENDPOINT_URL") as caught:
        Store.open(s3_uri).objects.get(KEY)
    assert caught.value.retryable


@pytest.mark.parametrize("address", ["localhost:9000", "nonsense", "http://[bad"])
def test_an_endpoint_that_is_no_address_is_a_config_error(s3_uri, monkeypatch, address):
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL"):
        Store.open(s3_uri)


def test_a_bucket_that_is_not_there_is_unavailable_and_not_empty(s3_uri):
    objects = Store.open("s3://no-such-bucket/prefix").objects
    for ask in (objects.list, objects.get_or_none, objects.get):
        with pytest.raises(StoreUnavailable, match="bucket does not exist"):
            ask(KEY)


def test_wrong_credentials_are_told_apart_from_absence(s3_uri, monkeypatch):
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
    """Passes puts on to the server, and hangs up in place of its first answer."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with closing(HTTPConnection(self.server.onward)) as onward:
            onward.request("PUT", self.path, body, dict(self.headers))
            status, said = (answer := onward.getresponse()).status, answer.read()
        self.close_connection = True
        if self.server.lost:
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
        self.server.lost = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_swap_whose_answer_was_lost_is_known_to_be_won(s3_uri, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), _LostAnswer) as proxy:
        proxy.lost, proxy.onward = False, os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
        threading.Thread(target=proxy.serve_forever).start()
        direct = Store.open(s3_uri).objects
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.server_port}")
        through = Store.open(s3_uri).objects
        monkeypatch.setattr(through, "get_or_none", direct.get_or_none)
        assert through.put_if(KEY, b"mine", None)
        assert proxy.lost
        assert not through.put_if(KEY, b"mine", None)
        proxy.shutdown()
