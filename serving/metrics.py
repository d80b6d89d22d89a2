"""The metrics of the server, made from the catalogue in `volcast.monitoring.metrics`."""

from functools import cache

from prometheus_client import Counter, Histogram, Info

from serving.prometheus import counter, gauge, histogram
from volcast.monitoring.metrics import METRICS

REQUESTS = counter("volcast_http_requests_total")
SECONDS = histogram("volcast_http_request_seconds")
FEATURE_AGE = gauge("volcast_feature_age_sessions")
FEATURES_STALE = gauge("volcast_features_stale")
ONLINE_STORE_UP = gauge("volcast_online_store_up")
ONLINE_STORE_ERRORS = counter("volcast_online_store_errors_total")
FOLLOW_ERRORS = counter("volcast_follow_errors_total")
FOLLOWED_AT = gauge("volcast_follow_timestamp_seconds")
UNDER_WAY = gauge("volcast_http_requests_under_way")
TURNED_AWAY = counter("volcast_http_requests_turned_away_total")
MODEL_INFO = Info("volcast_model", METRICS["volcast_model_info"].help)
MODEL_READY = gauge("volcast_model_ready")
MODEL_SWAPS = counter("volcast_model_swaps_total")
MODEL_REFUSED = counter("volcast_model_refused_total")

ROUTES = {
    "/": "live",
    "/predict": "predict",
    "/metrics": "metrics",
    "/v1/models/volcast:predict": "v1_predict",
    "/v1/models/volcast:explain": "v1_explain",
    "/v1/models/volcast": "v1_ready",
    "/v2/models/volcast/infer": "v2_infer",
    "/v2/models/volcast": "v2_metadata",
    "/v2/models/volcast/ready": "v2_ready",
    "/docs": "docs",
    "/openapi.json": "openapi",
    "/v2/health/live": "v2_live",
    "/v2/health/ready": "v2_server_ready",
}
_METHODS = frozenset({"GET", "HEAD", "POST"})


def observe_request(path: str, method: str, status: int, seconds: float) -> None:
    """Count one request; unknown paths and methods share one label, so that labels stay few."""
    route = ROUTES.get(path, "other")
    count, clock = _meters(route, method if method in _METHODS else "other", str(status))
    count.inc()
    clock.observe(seconds)


@cache
def _meters(route: str, method: str, status: str) -> tuple[Counter, Histogram]:
    # Looking a child up by its labels costs more than counting with it.
    return REQUESTS.labels(route, method, status), SECONDS.labels(route, status)
