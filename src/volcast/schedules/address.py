"""Where Kubeflow is and with which token it is asked; neither is shown where it may be secret."""

import re
from pathlib import Path

import httpx

from volcast.core.errors import ConfigError

__all__ = ["address", "headers"]


def address(url: str, given_by: str) -> str:
    """Return the address that requests are made to; errors name the option or setting it came by.

    Raises
    ------
    ConfigError
        If it is none that can be asked, or carries a user: errors name the address they asked.
    """
    if "@" in url:
        raise _no_address(given_by, "one with a user or password in it")
    try:
        read = httpx.URL(url)
        # As the look-up of the name will write it, which fails there with no error of its own.
        read.raw_host.decode("ascii").encode("idna")
    except (httpx.InvalidURL, ValueError) as error:
        raise _no_address(given_by, f"one that cannot be read ({type(error).__name__})") from None
    if read.scheme not in {"http", "https"} or not read.host:
        raise _no_address(given_by, "one without http(s):// and a host")
    if read.port is not None and not 0 < read.port < 65536:
        raise _no_address(given_by, f"port {read.port}")
    if read.query or read.fragment:
        raise _no_address(given_by, "one with a query or fragment, which no path can follow")
    return f"{str(read).rstrip('/')}/apis/v2beta1"


def headers(token_file: Path | None, given_by: str) -> dict[str, str]:
    """Return the headers that carry the token of a file; none where there is no file.

    Raises
    ------
    ConfigError
        If it cannot be read, or holds what no header can carry; the token is not shown.
    """
    if token_file is None:
        return {}
    where = f"{given_by} {str(token_file)!a}"
    try:
        token = token_file.read_bytes().strip()
    except OSError as error:
        raise _no_token(where, f"a file that cannot be read ({error.strerror})") from error
    if not token:
        raise _no_token(where, "an empty file")
    if not re.fullmatch(rb"[!-~]+", token):
        raise _no_token(where, "characters that no token has (not shown)")
    return {"authorization": f"Bearer {token.decode('ascii')}"}


def _no_address(given_by: str, found: str) -> ConfigError:
    return ConfigError(
        found=found, expected="http(s)://host[:port][/path]", where=given_by,
        remedy="Give the address that /apis/v2beta1 follows; a token has a file of its own.",
    )  # fmt: skip


def _no_token(where: str, found: str) -> ConfigError:
    return ConfigError(
        found=found, expected="one bearer token in a line of printable ASCII", where=where,
        remedy="Mend it, or leave it away where none is asked for.",
    )  # fmt: skip
