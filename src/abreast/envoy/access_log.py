"""The access log: what Envoy writes down of users' requests, named as OpenTelemetry names it. Pure.

Envoy's operators copy; they neither take a query apart nor choose. So

- what is taken apart is taken apart by `request_filter` before, into metadata that the operators then copy;
- what depends on the outcome (``error.type``) has one logger for each outcome, of which exactly one writes.

Names: https://opentelemetry.io/docs/specs/semconv/http/http-spans/; operators: Envoy's "Substitution Formatter".
"""

from collections.abc import Iterator, Mapping
from typing import Final

from abreast.envoy.clusters import TYPE, Resource
from abreast.envoy.collectors import LOGS, collector_service, gateway_name
from abreast.envoy.log_metadata import HOST, NAMESPACE, QUERY, SPAN_ID, TRACE_ID
from abreast.model.service import AccessLog
from abreast.model.units import FULL_WEIGHT

FIELDS: Final[Mapping[str, str]] = {
    "timestamp": "%START_TIME(%Y-%m-%dT%H:%M:%S.%6fZ)%",
    "http.request.method": "%REQ(:METHOD)%",
    "url.scheme": "%REQ(:SCHEME)%",
    "url.path": "%PATH(NQ:PATH):2000%",
    "url.query": f"%DYNAMIC_METADATA({NAMESPACE}:{QUERY}):2000%",
    "http.response.status_code": "%RESPONSE_CODE%",
    "http.request.body.size": "%BYTES_RECEIVED%",
    "http.response.body.size": "%BYTES_SENT%",
    "http.server.request.duration": "%TYPED_CEL(request.duration)%",
    "server.address": f"%DYNAMIC_METADATA({NAMESPACE}:{HOST}):200%",
    "client.address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "user_agent.original": "%REQ(USER-AGENT):500%",
    "network.protocol.version": "%CEL("
    "request.protocol == 'HTTP/2' ? '2' : request.protocol == 'HTTP/1.0' ? '1.0' : '1.1')%",
    "trace_id": f"%DYNAMIC_METADATA({NAMESPACE}:{TRACE_ID})%",
    "span_id": f"%DYNAMIC_METADATA({NAMESPACE}:{SPAN_ID})%",
    "abreast.version": "%UPSTREAM_METADATA(abreast:version)%",
    "abreast.side": "%UPSTREAM_METADATA(abreast:side)%",
    "abreast.instance": "%UPSTREAM_REMOTE_ADDRESS%",
    "abreast.rollout": "%METADATA(VIRTUAL_HOST:abreast:rollout)%",
    "abreast.route": "%ROUTE_NAME%",
    "abreast.attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "abreast.request_id": "%REQ(X-REQUEST-ID)%",
    # What became of its copy: for a sampled one the capturing script says it, for others the route.
    "abreast.shadow": "%COALESCE("
    '{"operators": [{"command": "DYNAMIC_METADATA", "param": "abreast:capture"},'
    ' {"command": "METADATA", "param": "ROUTE:abreast:shadow"}]})%',
    "envoy.response_flags": "%RESPONSE_FLAGS_LONG%",
    "envoy.response_code_details": "%RESPONSE_CODE_DETAILS%",
}
"""Each field's name, and the operator that Envoy makes it with."""

ERROR: Final = "error.type"
SERVICE: Final = "service.name"
HEADER: Final = "http.request.header."

_OUTCOMES: Final[tuple[tuple[str, str], ...]] = (
    ("answered", ""),
    # An answer of 5xx says itself what it is; without an answer only Envoy can say why.
    ("failed", "%RESP(:STATUS)%"),
    ("unanswered", "%RESPONSE_FLAGS_LONG%"),
)
_HEADER_LENGTH: Final = 500


def access_logs(settings: AccessLog, service: str, *, traced: bool) -> Iterator[Resource]:
    """The loggers of the connection manager. ``traced``: Envoy has spans of its own, whose ids are written."""
    for outcome, error in _OUTCOMES:
        fields = dict(_fields(settings, error, traced=traced))
        shared = {"filter": _filter(outcome, settings.sample)}
        if settings.file:
            yield {**shared, **_to_file(settings.file, {SERVICE: gateway_name(service), **fields})}
        if settings.otlp is not None:
            yield {**shared, **_to_collector(service, fields)}


def _fields(settings: AccessLog, error: str, *, traced: bool) -> Iterator[tuple[str, str]]:
    for name, operator in FIELDS.items():
        if name == "url.query" and settings.query == "drop":
            continue
        own = {"trace_id": "%TRACE_ID%", "span_id": "%SPAN_ID%"}.get(name) if traced else None
        yield name, own or operator
        if name == "http.response.status_code" and error:
            yield ERROR, error
    for header in settings.headers:
        yield f"{HEADER}{header}", f"%REQ({header}):{_HEADER_LENGTH}%"


def _filter(outcome: str, sample: int) -> Resource:
    """Exactly one outcome's filter lets a request through, or none: an answered one that was not in the sample.

    An answer that was cut short has a status that says nothing of it; such requests carry a response flag, and count as
    failed too.
    """
    if outcome == "failed":
        return _status("GE", 500)
    if outcome == "unanswered":
        return _status("EQ", 0)
    answered = [_status("GE", 1), _status("LE", 499)]
    if sample < FULL_WEIGHT:
        answered.append({"or_filter": {"filters": [_sampled(sample), {"response_flag_filter": {}}]}})
    return {"and_filter": {"filters": answered}}


def _status(comparison: str, value: int) -> Resource:
    # Envoy wants a name under which the value could be overridden while it runs; nobody does.
    bound = {"default_value": value, "runtime_key": "abreast.access_log.status"}
    return {"status_code_filter": {"comparison": {"op": comparison, "value": bound}}}


def _sampled(sample: int) -> Resource:
    return {
        "runtime_filter": {
            "runtime_key": "abreast.access_log.sample",
            "percent_sampled": {"numerator": sample, "denominator": "TEN_THOUSAND"},
            "use_independent_randomness": True,
        }
    }


def _to_file(path: str, fields: Mapping[str, str]) -> Resource:
    kind = "envoy.extensions.access_loggers.file.v3.FileAccessLog"
    lines = {"json_format": fields, "omit_empty_values": True}
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {"@type": TYPE + kind, "path": path, "log_format": lines},
    }


def _to_collector(service: str, fields: Mapping[str, str]) -> Resource:
    kind = "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig"
    return {
        "name": "envoy.access_loggers.open_telemetry",
        "typed_config": {
            "@type": TYPE + kind,
            "common_config": {
                "log_name": "abreast",
                "grpc_service": collector_service(LOGS),
                "transport_api_version": "V3",
                "buffer_flush_interval": "1s",
            },
            "disable_builtin_labels": True,
            "resource_attributes": {"values": list(_pairs({SERVICE: gateway_name(service)}))},
            "body": {"string_value": "%REQ(:METHOD)% %PATH(NQ:PATH):2000% %RESPONSE_CODE%"},
            # When it was is part of every record.
            "attributes": {"values": [each for each in _pairs(fields) if each["key"] != "timestamp"]},
        },
    }


def _pairs(fields: Mapping[str, str]) -> Iterator[Resource]:
    for name, operator in fields.items():
        yield {"key": name, "value": {"string_value": operator}}
