"""What is asked of the brief is read strictly."""

import pytest

from serving.brief.request import queried
from volcast.core.errors import RequestError


def test_a_query_of_thousands_of_parameters_is_refused_before_any_is_looked_at():
    query = "&".join(f"a{n}" for n in range(12_000)).encode()
    with pytest.raises(RequestError, match="parameters") as refused:
        queried(query, {"symbol"})
    assert refused.value.field is None


def test_each_parameter_is_taken_once():
    assert queried(b"symbol=SPY&as_of=", {"symbol", "as_of"}) == {"symbol": "SPY", "as_of": ""}
    with pytest.raises(RequestError, match="twice"):
        queried(b"symbol=SPY&symbol=SPY", {"symbol"})
