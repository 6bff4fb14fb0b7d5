"""Spans: one of each user's request, one of each attempt at a version, told to a collector. Pure.

Trace context is W3C's. A trace that began elsewhere is continued, and recorded if it is recorded there; of those that
begin here a share is, by the trace's id, so that all gateways choose the same ones.
"""

from collections.abc import Mapping
from typing import Any, Final

from abreast.envoy.clusters import TYPE, Resource
from abreast.envoy.collectors import TRACES, collector_service, gateway_name
from abreast.model.service import Traces

TAGS: Final[Mapping[str, str]] = {
    "http.request.method": "%REQ(:METHOD)%",
    "url.path": "%PATH(NQ:PATH):2000%",
    "abreast.version": "%UPSTREAM_METADATA(abreast:version)%",
    "abreast.side": "%UPSTREAM_METADATA(abreast:side)%",
    "abreast.rollout": "%METADATA(VIRTUAL_HOST:abreast:rollout)%",
    # Two of Envoy's own, which would hold the query; the second it sets for what says that it is gRPC.
    "http.url": "%REQ(:SCHEME)%://%REQ(:AUTHORITY)%%PATH(NQ:PATH):2000%",
    "grpc.path": "%PATH(NQ:PATH):2000%",
}
"""Attributes of every span, beside Envoy's own."""

_SAMPLERS: Final = "envoy.extensions.tracers.opentelemetry.samplers.v3."
_NAME: Final = "%REQ(:METHOD)%"
"""A span's name: the method. Paths are of too many kinds for a name."""


def tracing(settings: Traces, service: str) -> dict[str, Any]:  # Any: JSON
    """Fields of the connection manager."""
    return {
        "tracing": {
            # The sampler alone decides: no header of a user's (x-client-trace-id) may.
            "client_sampling": {"value": 0},
            "random_sampling": {"value": 100},
            "overall_sampling": {"value": 100},
            "spawn_upstream_span": True,
            "operation": _NAME,
            "upstream_operation": _NAME,
            "max_path_tag_length": 0,
            "custom_tags": [{"tag": tag, "value": operator} for tag, operator in TAGS.items()],
            "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": _tracer(settings, service)},
        },
        # By default Envoy notes in the request id whether it is traced, after the route was chosen by it: users without
        # an identity would be given another id than the one their first answer's version hung on.
        "request_id_extension": {
            "typed_config": {
                "@type": TYPE + "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
                "pack_trace_reason": False,
            }
        },
    }


def _tracer(settings: Traces, service: str) -> Resource:
    ratio = {
        "name": "envoy.tracers.opentelemetry.samplers.trace_id_ratio_based",
        "typed_config": {
            "@type": TYPE + _SAMPLERS + "TraceIdRatioBasedSamplerConfig",
            "sampling_percentage": {"numerator": settings.sample, "denominator": "TEN_THOUSAND"},
        },
    }
    parent = {"@type": TYPE + _SAMPLERS + "ParentBasedSamplerConfig", "wrapped_sampler": ratio}
    return {
        "@type": TYPE + "envoy.config.trace.v3.OpenTelemetryConfig",
        "grpc_service": collector_service(TRACES),
        "service_name": gateway_name(service),
        "sampler": {"name": "envoy.tracers.opentelemetry.samplers.parent_based", "typed_config": parent},
    }
