"""The newest features of a symbol, as a request is answered from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pydantic import SecretStr

from feature_repo.places import locate
from feature_repo.rows import OnlineRows
from volcast.store import Store


@dataclass(frozen=True)
class FeatureRow:
    """Every feature of one symbol in the online store, by name, available at a session's close.

    It is unconfirmed once a later read failed, or found none: there may be a newer one.
    """

    session: date
    values: Mapping[str, float | None]
    confirmed: bool = True


class OnlineFeatures:
    """The online store of a volcast store."""

    def __init__(self, store_uri: str, online: SecretStr | None = None) -> None:
        self._rows = OnlineRows(locate(Store.open(store_uri), online=online))

    def newest(self, symbol: str) -> FeatureRow | None:
        """Return the newest features of ``symbol``, of whatever age; None if there are none."""
        row = self._rows.newest(symbol)
        # A session closes in New York on the same day as in UTC.
        return None if row is None else FeatureRow(row[0].date(), row[1])
