"""Traces of requests: the caller's ``traceparent``, and spans by OpenTelemetry where it is set up.

Without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing of OpenTelemetry is imported here; FastAPI and redis
import parts of it themselves.
"""

import os
import re
from contextvars import ContextVar
from http import HTTPStatus
from typing import TYPE_CHECKING

from serving.body import Headers, header
from volcast.core.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

TRACEPARENT: ContextVar[str] = ContextVar("traceparent", default="")
"""Of the request that is answered: its span's, or the caller's; empty without either."""

_VALID = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_SUPPORTED = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
}


def caller_of(headers: Headers) -> str:
    """Return the request's ``traceparent``; empty without a valid one."""
    value = header(headers, b"traceparent")
    return value.decode() if _VALID.fullmatch(value) else ""


def trace_id() -> str:
    """Return the trace id of the request that is answered; empty outside of any."""
    return TRACEPARENT.get()[3:35]


def tracer_from_environment() -> "Tracer | None":
    """Return what makes spans, by OpenTelemetry's environment variables; None without an endpoint.

    Raises
    ------
    ConfigError
        If another exporter or protocol is set, or OpenTelemetry's packages are not installed.
    """
    env = os.environ
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    disabled = env.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if disabled or env.get("OTEL_TRACES_EXPORTER") == "none" or not any(map(env.get, endpoints)):
        return None
    for name, supported in _SUPPORTED.items():
        if (value := env.get(name) or supported) != supported:
            raise ConfigError(
                found=value, expected=supported, where=name,
                remedy="Leave it out, and let the endpoint be the collector's port for HTTP, 4318.",
            )  # fmt: skip
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError(
            found=str(error), expected="OpenTelemetry's packages", where="OTEL_EXPORTER_OTLP_*",
            remedy="Run pip install 'volcast[tracing]', or unset it.",
        ) from error  # fmt: skip
    resource = Resource.create()
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "volcast"}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("volcast")


def start_span(tracer: "Tracer", method: str, route: str, headers: Headers) -> "Span":
    """Start a request's span, below the caller's; its ``traceparent`` becomes the request's."""
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind

    span = tracer.start_span(
        f"{method} {route}",
        extract({name.decode("latin-1"): value.decode("latin-1") for name, value in headers}),
        SpanKind.SERVER,
        {"http.request.method": method, "http.route": route},
    )
    own = span.get_span_context()
    TRACEPARENT.set(f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}")
    return span


def end_span(span: "Span", status: int) -> None:
    """End the span of a request with its HTTP status."""
    from opentelemetry.trace import StatusCode

    span.set_attribute("http.response.status_code", status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.set_status(StatusCode.ERROR)
    span.end()
