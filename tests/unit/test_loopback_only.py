import socket
import subprocess
import sys

import pytest

from tests.loopback import NetworkRefused


@pytest.mark.parametrize("host", ["example.com", "93.184.216.34", "2606:2800:220:1::1"])
def test_a_test_that_reaches_beyond_loopback_fails_at_once(host):
    with pytest.raises(NetworkRefused, match=host):
        socket.create_connection((host, 80), timeout=1)


def test_a_subprocess_that_asks_by_http_meets_a_dead_proxy():
    ask = "import urllib.request as r; r.urlopen('http://example.com', timeout=5)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    assert "Connection refused" in done.stderr


def test_loopback_is_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()
