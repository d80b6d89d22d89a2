"""What the server counts is what the catalogue says that it counts."""

from tests.monitoring.exposition import assert_declared
from tests.serving.live import Running


def test_the_server_shows_what_is_declared_of_it(server: Running):
    server.answer()
    assert_declared(server.http.get("/metrics").text, "server")
