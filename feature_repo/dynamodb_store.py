"""Feast's DynamoDB store, with short timeouts and no step back to an older session."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from feast import RepoConfig
from feast.infra.online_stores.dynamodb import (
    DynamoDBOnlineStore,
    DynamoDBOnlineStoreConfig,
    _to_resource_write_item,
)
from feast.utils import make_tzaware

from feature_repo.places import dynamodb_resource

__all__ = ["ForwardDynamoDBOnlineStore", "ForwardDynamoDBOnlineStoreConfig"]


class ForwardDynamoDBOnlineStoreConfig(DynamoDBOnlineStoreConfig):  # type: ignore[misc]
    """Feast finds this class by the store's name."""

    type: str = f"{__name__}.ForwardDynamoDBOnlineStore"


class ForwardDynamoDBOnlineStore(DynamoDBOnlineStore):  # type: ignore[misc]
    """The layout is Feast's own: one item a symbol, with its time and a map of its features."""

    _dynamodb_resource: Any = None

    def _get_dynamodb_client(self, *where: Any) -> Any:
        return self._get_dynamodb_resource(*where).meta.client

    def _get_dynamodb_resource(
        self, region: str, endpoint_url: str | None = None, _: bool | None = False
    ) -> Any:
        # Feast's own timeouts reach only its asynchronous client.
        if self._dynamodb_resource is None:
            self._dynamodb_resource = dynamodb_resource(region, endpoint_url)
        return self._dynamodb_resource

    def _write_batch_non_duplicates(
        self,
        table_instance: Any,
        data: list[tuple[Any, dict[str, Any], datetime, datetime | None]],
        progress: Callable[[int], Any] | None,
        config: RepoConfig,
    ) -> None:
        """Write each row unless a later session's is there; Feast's own overwrites."""
        for entity, values, moment, _ in data:
            # As text the times of one zone sort in the order of time.
            stamp = make_tzaware(moment).astimezone(UTC)
            try:
                table_instance.put_item(
                    Item=_to_resource_write_item(config, entity, values, stamp),
                    ConditionExpression="attribute_not_exists(event_ts) OR event_ts <= :stamp",
                    ExpressionAttributeValues={":stamp": str(stamp)},
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
            if progress:
                progress(1)
