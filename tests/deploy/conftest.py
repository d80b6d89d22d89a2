"""A Kubeflow to bring schedules to."""

import ssl
from collections.abc import Iterator
from functools import lru_cache

import pytest

from tests.deploy.kubeflow_api import Kubeflow, kubeflow


@pytest.fixture(scope="module")
def certificates_read_once() -> Iterator[None]:
    """Spare each of hundreds of clients a tenth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", lru_cache(ssl.create_default_context))
        yield


@pytest.fixture
def api(certificates_read_once: None) -> Iterator[Kubeflow]:
    """Run an empty double for the test."""
    with kubeflow() as double:
        yield double
