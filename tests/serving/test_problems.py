import inspect
import json

import pytest

from serving.problems import problem
from volcast.core import errors

FOR_CLIENT = (errors.RequestError, errors.NotFound, errors.StaleInput, errors.Overloaded)
KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.VolcastError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_answer_of_each_error_has_the_status_and_title_of_its_class(kind):
    error = kind(found="/srv/secret", expected="a", where="b", remedy="c", field="iv")
    answer = problem(error)
    body = json.loads(answer.body)
    status = kind.http_status
    assert answer.media_type == "application/problem+json"
    assert (answer.status_code, body["status"], body["title"]) == (status, status, kind.title)
    assert body["field"] == "iv"
    assert ("/srv/secret" in body["detail"]) == issubclass(kind, FOR_CLIENT)
    assert ("retry-after" in answer.headers) == (status == 503)
