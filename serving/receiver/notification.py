"""What Alertmanager sends to a webhook, version 4."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from volcast.core.errors import RequestError

__all__ = ["Alert", "Notification", "parsed"]

_ALERTS_AT_MOST = 1000


class Alert(BaseModel):
    """One alert of a notification."""

    model_config = ConfigDict(frozen=True)

    status: Literal["firing", "resolved"]
    labels: Mapping[str, str]

    @property
    def wants_training(self) -> bool:
        """Whether it fires, and its rule says that training again may mend it."""
        return self.status == "firing" and self.labels.get("retrain") == "true"


class Notification(BaseModel):
    """A group of alerts."""

    model_config = ConfigDict(frozen=True)

    version: Literal["4"]
    alerts: tuple[Alert, ...] = Field(max_length=_ALERTS_AT_MOST)

    def causes(self, symbol: str) -> list[str]:
        """Return the names of the alerts that want ``symbol`` trained again, sorted.

        An alert that names no symbol is of the one that is forecast.
        """
        wanted = (alert.labels for alert in self.alerts if alert.wants_training)
        return sorted(
            {labels.get("alertname", "an alert") for labels in wanted
             if labels.get("symbol", symbol) == symbol}
        )  # fmt: skip


def parsed(body: bytes) -> Notification:
    """Return the notification that a request's body is.

    Raises
    ------
    RequestError
        If it is none, with the first field that is wrong.
    """
    try:
        return Notification.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or None
        raise RequestError(
            found=first["msg"], expected="a notification of Alertmanager, version 4",
            where=field or "body", remedy="Point webhook_configs of Alertmanager here.",
            field=field,
        ) from error  # fmt: skip
