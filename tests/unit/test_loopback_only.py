import socket
import subprocess
import sys

import pytest

from tests.loopback import NetworkRefused


@pytest.mark.parametrize("host", ["example.com", "93.184.216.34", "2606:2800:220:1::1"])
def test_a_connection_beyond_loopback_is_refused(host):
    with pytest.raises(NetworkRefused, match=host):
        socket.create_connection((host, 80), timeout=1)


def test_http_in_a_subprocess_meets_a_dead_proxy():
    ask = "import urllib.request as r; r.urlopen('http://example.com', timeout=5)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    assert "Connection refused" in done.stderr
