"""Every metric of the server, in one place."""

import math
from collections.abc import Mapping
from functools import cache

from prometheus_client import Counter, Gauge, Histogram, Info, disable_created_metrics

__all__ = [
    "FEATURES_STALE",
    "FEATURE_AGE",
    "MODEL_INFO",
    "MODEL_READY",
    "MODEL_REFUSED",
    "MODEL_SWAPS",
    "ONLINE_STORE_ERRORS",
    "ONLINE_STORE_UP",
    "TURNED_AWAY",
    "UNDER_WAY",
    "observe_request",
    "show_ages",
    "show_model",
]

disable_created_metrics()  # type: ignore[no-untyped-call]

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

REQUESTS = Counter(
    "volcast_http_requests_total", "Requests answered.", ("route", "method", "status")
)
SECONDS = Histogram(
    "volcast_http_request_seconds",
    "Time to answer a request.",
    ("route", "status"),
    buckets=_BUCKETS,
)
FEATURE_AGE = Gauge(
    "volcast_feature_age_sessions",
    "Sessions between the online store's newest features and the clock; NaN without features.",
    ("symbol",),
)
FEATURES_STALE = Gauge(
    "volcast_features_stale",
    "1 if the newest features are not of the clock's session.",
    ("symbol",),
)
ONLINE_STORE_UP = Gauge(
    "volcast_online_store_up", "1 if the online store answered the last look-up, else 0."
)
ONLINE_STORE_ERRORS = Counter(
    "volcast_online_store_errors_total", "Look-ups that the online store did not answer."
)
UNDER_WAY = Gauge("volcast_http_requests_under_way", "Requests taken and not yet answered.")
TURNED_AWAY = Counter(
    "volcast_http_requests_turned_away_total", "Requests refused because too many were under way."
)
MODEL_INFO = Info("volcast_model", "The version in service.")
MODEL_READY = Gauge("volcast_model_ready", "1 if a verified champion is in service.")
MODEL_SWAPS = Counter("volcast_model_swaps_total", "Champions taken into service.")
MODEL_REFUSED = Counter("volcast_model_refused_total", "Champions refused by their checks.")

_ROUTES = {
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
    route = _ROUTES.get(path, "other")
    count, clock = _meters(route, method if method in _METHODS else "other", str(status))
    count.inc()
    clock.observe(seconds)


@cache
def _meters(route: str, method: str, status: str) -> tuple[Counter, Histogram]:
    # Looking a child up by its labels costs more than counting with it.
    return REQUESTS.labels(route, method, status), SECONDS.labels(route, status)


def show_model(version: str, sha256: str, run_id: str) -> None:
    """Show a new version as the one in service."""
    MODEL_INFO.info({"version": version, "sha256": sha256, "run_id": run_id})
    MODEL_READY.set(1)
    MODEL_SWAPS.inc()


def show_ages(ages: Mapping[str, int | None]) -> None:
    """Show how old the newest features of each symbol are, in sessions; None without any."""
    for symbol, age in ages.items():
        FEATURE_AGE.labels(symbol).set(math.nan if age is None else age)
        FEATURES_STALE.labels(symbol).set(0 if age == 0 else 1)
