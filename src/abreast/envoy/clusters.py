"""Clusters: a version as Envoy sees it, alone and with stable behind it. Pure: values in, plain dicts out.

A version ``v2`` has one endpoint set (EDS ``v2``) and up to five clusters over it:

    v2              the version alone, for stable's users and members of the below
    v2/timed        the same with ``max_stream_duration``, so that a hung candidate is given up in time
    v2/idempotent   [v2/timed, stable]: any failure is retried once on stable
    v2/unsafe       [v2/timed, stable]: retried only where nothing can have reached the candidate
    v2/stream       [v2, stable]: like unsafe, without a time limit

``v2`` is the same in every role, so promoting a version never rebuilds the cluster that long-lived streams use.
"""

from collections.abc import Iterator
from typing import Any, Final

from abreast.model.service import Probe, Side, Version
from abreast.model.traffic import Backend, Traffic

Resource = dict[str, Any]
"""A protobuf message as JSON: what `google.protobuf.json_format.ParseDict` reads."""

RETRY_IDEMPOTENT: Final = "5xx,reset,connect-failure,refused-stream"
RETRY_UNSAFE: Final = "connect-failure,refused-stream,reset-before-request"
"""Retries where the upstream saw not one byte; the words are Envoy's (unknown ones would be ignored silently)."""

CONNECT_TIMEOUT: Final = "2s"
"""Shorter ones made false errors on a starved machine."""

HTTP_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
TYPE: Final = "type.googleapis.com/"


def seconds(value: float) -> str:
    """A protobuf Duration as JSON writes it."""
    return f"{value:.3f}s"


def clusters(traffic: Traffic) -> Iterator[Resource]:
    """Every cluster that the routes of this traffic need."""
    stable = traffic.stable.version
    yield _alone(stable, stable.name)
    if traffic.candidate is not None:
        candidate = traffic.candidate.version
        timed = f"{candidate.name}/timed"
        yield _alone(candidate, candidate.name)
        yield _alone(candidate, timed, limit_s=candidate.timeout_s)
        yield _with_fallback(candidate, "idempotent", [timed, stable.name], RETRY_IDEMPOTENT)
        yield _with_fallback(candidate, "unsafe", [timed, stable.name], RETRY_UNSAFE)
        yield _with_fallback(candidate, "stream", [candidate.name, stable.name], RETRY_UNSAFE)


def assignments(traffic: Traffic) -> Iterator[Resource]:
    """The endpoints of each version, marked with its name and side, by which attempts are counted and logged."""
    yield _assignment(traffic.stable, Side.STABLE)
    if traffic.candidate is not None:
        yield _assignment(traffic.candidate, Side.CANDIDATE)


def _assignment(backend: Backend, side: Side) -> Resource:
    name = backend.version.name
    endpoints = [
        {
            "endpoint": {"address": {"socket_address": {"address": each.host, "port_value": each.port}}},
            "metadata": {"filter_metadata": {"abreast": {"version": name, "side": side.value}}},
        }
        for each in backend.endpoints
    ]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}] if endpoints else []}


def _alone(version: Version, name: str, limit_s: float | None = None) -> Resource:
    candidate = limit_s is not None
    cluster: Resource = {
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {
            "service_name": version.name,
            "eds_config": {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "5s"},
        },
        "connect_timeout": CONNECT_TIMEOUT,
        "lb_policy": "ROUND_ROBIN",
        "ignore_health_on_host_removal": True,
        "common_lb_config": {"update_merge_window": "0s"},
        "health_checks": [_health_check(version.ready, version)],
        "outlier_detection": _outlier_detection(candidate=candidate),
        "circuit_breakers": {"thresholds": [_limits(version)]},
        "typed_extension_protocol_options": {HTTP_OPTIONS: _protocol(version, limit_s)},
    }
    if candidate:
        # Never fall back on unhealthy hosts: stable is there.
        cluster["common_lb_config"]["healthy_panic_threshold"] = {"value": 0}
    return cluster


def _with_fallback(candidate: Version, kind: str, members: list[str], retry_on: str) -> Resource:
    protocol = _protocol(candidate, None)
    protocol["retry_policy"] = {
        "retry_on": retry_on,
        "num_retries": 1,
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type": TYPE + "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": 1,
            },
        },
    }
    return {
        "name": f"{candidate.name}/{kind}",
        "connect_timeout": CONNECT_TIMEOUT,
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {
                "@type": TYPE + "envoy.extensions.clusters.aggregate.v3.ClusterConfig",
                "clusters": members,
            },
        },
        "circuit_breakers": {"thresholds": [_limits(candidate)]},
        "typed_extension_protocol_options": {HTTP_OPTIONS: protocol},
    }


def _limits(version: Version) -> Resource:
    """What the version can take.

    Retries have no budget of their own below that. All that is in flight fails at once when a candidate dies, and
    with a budget of 25 % most of it would fail at the user. It cannot grow into a storm: each request is tried again
    once at most, by stable, which would get it anyway with the candidate ejected.
    """
    return {
        "max_connections": version.max_connections,
        "max_pending_requests": version.max_requests,
        "max_requests": version.max_requests,
        "max_retries": version.max_requests,
    }


def _protocol(version: Version, limit_s: float | None) -> Resource:
    protocols: Resource = {"http1": {"http_protocol_options": {}}, "h2c": {"http2_protocol_options": {}}}
    common: Resource = {"idle_timeout": seconds(version.keep_alive_s)}
    if limit_s is not None:
        common["max_stream_duration"] = seconds(limit_s)
    return {
        "@type": TYPE + HTTP_OPTIONS,
        "explicit_http_config": protocols[version.protocol],
        "common_http_protocol_options": common,
    }


def _outlier_detection(*, candidate: bool) -> Resource:
    """A candidate is given up host by host after five failures in a row; of stable at most half is.

    A host of the candidate's is tried again within the second: nothing speaks against a candidate that nobody asks, and
    one that always fails has to do so in several seconds before the hard failure lane calls it that.
    """
    return {
        "consecutive_5xx": 5,
        "enforcing_consecutive_5xx": 100 if candidate else 0,
        "consecutive_gateway_failure": 5,
        "enforcing_consecutive_gateway_failure": 100,
        "enforcing_success_rate": 0,
        "interval": "0.5s",
        "base_ejection_time": "0.5s" if candidate else "5s",
        "max_ejection_time": "0.5s" if candidate else "30s",
        "max_ejection_percent": 100 if candidate else 50,
        # Else a passing health check brings back a host that answers 500.
        "successful_active_health_check_uneject_host": False,
    }


def _health_check(probe: Probe, version: Version) -> Resource:
    check: Resource = {
        "timeout": seconds(probe.timeout_s),
        "interval": seconds(probe.interval_s),
        "no_traffic_interval": seconds(probe.interval_s),
        "unhealthy_interval": seconds(min(probe.interval_s, 0.5)),
        "initial_jitter": "0.1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    }
    if probe.kind == "http":
        codec = {"http1": "HTTP1", "h2c": "HTTP2"}[version.protocol]
        statuses = [{"start": "200", "end": "400"}]
        check["http_health_check"] = {"path": probe.path, "codec_client_type": codec, "expected_statuses": statuses}
    else:
        check["tcp_health_check"] = {}
    return check
