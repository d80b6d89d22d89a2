"""What an answer of Kubeflow is, and which error it is where it is none."""

import re
from collections.abc import Mapping
from typing import Any

import httpx

from volcast.core.errors import ConfigError, ContractError, SourceUnavailable, VolcastError

__all__ = ["entries", "flag", "identity", "inner", "refuse_error", "text", "unanswered"]

_SHOWN = 300


def identity(found: Mapping[str, Any], name: str, where: str) -> str:
    """Return an id, which must be there, and may stand in a path.

    Raises
    ------
    ContractError
    """
    id = text(found, name, where)
    if not re.fullmatch(r"[\w.-]+", id, re.ASCII):
        raise _broken(f"{name} {id!a}" if id else f"an answer without {name}", where)
    return id


def text(found: Mapping[str, Any], name: str, where: str) -> str:
    """Return a text; empty where it is left out, as a field at its default is.

    Raises
    ------
    ContractError
        If it is no text, or none that can be written.
    """
    value = found.get(name, "")
    if not isinstance(value, str):
        raise _broken(f"{name} that is {_kind(value)}, no text", where)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _broken(f"{name} {value!a}, which is no Unicode", where) from error
    return value


def flag(found: Mapping[str, Any], name: str, where: str) -> bool:
    """Return a yes or no; no where it is left out.

    Raises
    ------
    ContractError
    """
    value = found.get(name, False)
    if not isinstance(value, bool):
        raise _broken(f"{name} that is {_kind(value)}, no true or false", where)
    return value


def inner(found: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """Return an object within another; empty where it is left out.

    Raises
    ------
    ContractError
    """
    value = found.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _broken(f"{name} that is {_kind(value)}, no object", where)
    return value


def entries(page: Mapping[str, Any], name: str, where: str) -> list[dict[str, Any]]:
    """Return the objects of a list; none where it is left out.

    Raises
    ------
    ContractError
    """
    value = page.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _broken(f"{name} that is {_kind(value)}, no list", where)
    for one in value:
        if not isinstance(one, dict):
            raise _broken(f"{name} with {_kind(one)} in it, no object", where)
    return value


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
        Any other refusal, or JSON that no reader can follow.
    """
    status = answer.status_code
    if answer.is_error or answer.is_redirect:
        raise _of_status(status, f"{status} {answer.text[:_SHOWN]}", asked, answer.url)
    try:
        found = answer.json()
    except RecursionError as error:
        raise _broken("JSON that is nested too deeply", asked) from error
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


def _broken(found: str, where: str) -> ContractError:
    return ContractError(
        found=found, expected="Kubeflow Pipelines' v2beta1 API", where=where,
        remedy="Compare its version with the one in manifests/.",
    )  # fmt: skip


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _no_api(found: str, asked: str, url: httpx.URL) -> VolcastError:
    return ConfigError(
        found=found, expected=f"Kubeflow's answer to {asked}", where=str(url),
        remedy="Check --kubeflow: something else answers there, perhaps a page to log in at.",
    )  # fmt: skip
