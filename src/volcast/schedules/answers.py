"""What an answer of Kubeflow is, and which error it is where it is none."""

from collections.abc import Mapping
from typing import Any

import httpx

from volcast.errors import ConfigError, ContractError, SourceUnavailable, VolcastError

__all__ = ["field", "refuse_error", "unanswered"]

_SHOWN = 300


def field(found: Mapping[str, Any], name: str, where: str) -> Any:
    """Return a field that must be there.

    Raises
    ------
    ContractError
    """
    if not found.get(name):
        raise ContractError(
            found=f"an answer without {name}", expected="Kubeflow Pipelines' v2beta1 API",
            where=where, remedy="Compare its version with the one in manifests/.",
        )  # fmt: skip
    return found[name]


def unanswered(error: Exception, asked: str, where: object) -> VolcastError:
    """Return the error of a request that got no answer."""
    return SourceUnavailable(
        found=f"{type(error).__name__}: {error}", expected=f"an answer to {asked}",
        where=str(where), remedy="Check --kubeflow and that its API is up, then run it again.",
    )  # fmt: skip


def refuse_error(answer: httpx.Response, asked: str) -> dict[str, Any]:
    """Return the JSON object of an answer.

    Raises
    ------
    ConfigError
        401, 403, a redirect (to a page to log in at), or what is no JSON.
    SourceUnavailable
        What may pass by itself: 408, 409 (another at work), 429, 5xx.
    ContractError
        Any other refusal.
    """
    status = answer.status_code
    if answer.is_error or answer.is_redirect:
        raise _of_status(status, f"{status} {answer.text[:_SHOWN]}", asked, answer.url)
    try:
        found = answer.json()
    except ValueError as error:
        raise _no_api(f"{status} without JSON", asked, answer.url) from error
    if not isinstance(found, dict):
        raise _no_api(f"{status} and JSON that is no object", asked, answer.url)
    return found


def _of_status(status: int, found: str, asked: str, url: httpx.URL) -> VolcastError:
    if status in (401, 403) or 300 <= status < 400:
        return ConfigError(
            found=found, expected=f"leave to {asked}", where=str(url),
            remedy="Give --token-file a token that this API takes, and --namespace one of its own.",
        )  # fmt: skip
    if status in (408, 409, 429) or status >= 500:
        return SourceUnavailable(
            found=found, expected=f"an answer to {asked}", where=str(url),
            remedy="Run it again; what was done already is not done twice.",
        )  # fmt: skip
    return ContractError(
        found=found, expected=f"an API that takes {asked}", where=str(url),
        remedy="Read what it says; check --kubeflow and the version of its API.",
    )  # fmt: skip


def _no_api(found: str, asked: str, url: httpx.URL) -> VolcastError:
    return ConfigError(
        found=found, expected=f"Kubeflow's answer to {asked}", where=str(url),
        remedy="Check --kubeflow: something else answers there, perhaps a page to log in at.",
    )  # fmt: skip
