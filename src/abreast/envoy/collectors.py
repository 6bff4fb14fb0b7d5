"""Where logs and spans are sent: clusters of the collectors that take OpenTelemetry's protocol. Pure.

Envoy gives up what it cannot get rid of. Few messages may wait at once, so that a collector that hangs costs memory
that is bounded, and no user's request waits for one.
"""

from collections.abc import Iterator
from typing import Final

from abreast.envoy.clusters import CONNECT_TIMEOUT, HTTP_OPTIONS, TYPE, Resource
from abreast.model.service import Endpoint, GatewaySettings

LOGS: Final = "abreast/logs"
TRACES: Final = "abreast/traces"
"""The collectors' clusters; with a slash, which no version's name has."""

_WAITING: Final = 64
"""Messages without an answer, of 16 KiB of records or of 100 spans each."""
_PATIENCE: Final = "5s"


def collectors(settings: GatewaySettings) -> Iterator[Resource]:
    """The clusters that logs and spans need."""
    if settings.access_log is not None and settings.access_log.otlp is not None:
        yield _collector(LOGS, settings.access_log.otlp)
    if settings.traces is not None:
        yield _collector(TRACES, settings.traces.otlp)


def collector_service(cluster: str) -> Resource:
    """How a logger or a tracer names its collector."""
    return {"envoy_grpc": {"cluster_name": cluster}, "timeout": _PATIENCE}


def gateway_name(service: str) -> str:
    """``service.name`` of what the gateway tells; the versions tell their own."""
    return f"{service}-gateway"


def _collector(name: str, otlp: Endpoint) -> Resource:
    address = {"socket_address": {"address": otlp.host, "port_value": otlp.port}}
    limits = {"max_connections": 4, "max_pending_requests": _WAITING, "max_requests": _WAITING, "max_retries": 0}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": CONNECT_TIMEOUT,
        "circuit_breakers": {"thresholds": [limits]},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "typed_extension_protocol_options": {
            HTTP_OPTIONS: {
                "@type": TYPE + HTTP_OPTIONS,
                "explicit_http_config": {
                    "http2_protocol_options": {"connection_keepalive": {"interval": "10s", "timeout": "5s"}}
                },
            }
        },
    }
