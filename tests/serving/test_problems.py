import json

import pytest

from serving.problems import problem
from volcast.core import errors


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("RequestError", 400),
        ("RequestTooLarge", 413),
        ("NotFound", 404),
        ("StaleInput", 503),
        ("ModelError", 503),
        ("StoreUnavailable", 503),
        ("CorruptFile", 503),
        ("ConfigError", 500),
    ],
)
def test_each_error_has_its_status_and_keeps_its_secrets(name, status):
    kind = getattr(errors, name)
    error = kind(found="/srv/secret", expected="a", where="b", remedy="c", field="iv")
    answer = problem(error)
    body = json.loads(answer.body)
    assert answer.media_type == "application/problem+json"
    assert (answer.status_code, body["status"], body["field"]) == (status, status, "iv")
    for_client = name in {"RequestError", "RequestTooLarge", "NotFound", "StaleInput"}
    assert ("/srv/secret" in body["detail"]) == for_client
    assert ("retry-after" in answer.headers) == (status == 503)
