"""Ask the server of the cluster for a forecast, as ``helm test`` does."""

import json
import os
import sys
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from volcast.core.settings import Settings, read_settings


def _answer(address: str, settings: Settings) -> tuple[int, str]:
    """Return status and body; the address is the chart's own."""
    request = Request(f"{address}/predict?symbol={settings.resolved_universe.target}")  # noqa: S310
    if settings.auth_token_file is not None:
        token = settings.auth_token_file.read_text(encoding="utf-8").split()[0]
        request.add_header("authorization", f"Bearer {token}")
    try:
        with urlopen(request, timeout=10) as found:  # noqa: S310
            return found.status, found.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def main(address: str) -> int:
    """Return 0 if the server forecasts, or, where only OIDC lets in, if it asks for a token."""
    settings = read_settings()
    stranger = settings.auth_jwks is not None and settings.auth_token_file is None
    status, body = _answer(address, settings)
    print(status, body)
    if stranger:
        return int(status != HTTPStatus.UNAUTHORIZED)
    return int(status != HTTPStatus.OK or not json.loads(body)["rv_5d"] > 0)


if __name__ == "__main__":
    sys.exit(main(os.environ["VOLCAST_TEST_ADDRESS"]))
