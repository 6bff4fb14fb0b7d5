"""The listener: where users come in. Pure. It depends on settings only, so that rollouts never touch connections."""

from collections.abc import Iterator
from typing import Final

from abreast.envoy.access_log import access_logs
from abreast.envoy.capture import capture_filter
from abreast.envoy.clusters import TYPE, Resource, seconds
from abreast.envoy.log_metadata import request_filter
from abreast.envoy.routes import ROUTES
from abreast.envoy.tracing import tracing
from abreast.model.service import GatewaySettings

LISTENER: Final = "gateway"
ATTEMPTS: Final = "att"
"""Prefix of the statistics of attempts: one for each try at a version."""
USERS: Final = "usr"
"""Prefix of the statistics of users' requests: what they got in the end."""

_VERSION_TAG: Final = {"name": "version", "value_format": "%UPSTREAM_METADATA(abreast:version)%"}
_NOBODY: Final = {"address_prefix": "255.255.255.255", "prefix_len": 32}
"""An address that nobody can have: an empty list of internal addresses means all private ones, loopback too."""
_CODE_TAG: Final = {"name": "code", "value_format": "%RESPONSE_CODE%"}
_SHADOW_TAGS: Final = [
    {"name": "shadow", "value_format": "%METADATA(ROUTE:abreast:shadow)%"},
    {"name": "capture", "value_format": "%DYNAMIC_METADATA(abreast:capture)%"},
]
"""What became of the request's copy: said by its route, and for a sampled one by the capturing script."""


def listener(settings: GatewaySettings, service: str) -> Resource:
    """The Listener resource; ``service`` is what logs and spans call it."""
    address = {"address": settings.listen.host, "port_value": settings.listen.port}
    chain: Resource = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": _manager(settings, service)}
        ]
    }
    if settings.tls is not None:
        certificate = {
            "certificate_chain": {"filename": settings.tls.certificate},
            "private_key": {"filename": settings.tls.key},
        }
        chain["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": TYPE + "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [certificate]},
            },
        }
    return {
        "name": LISTENER,
        "address": {"socket_address": address},
        "filter_chains": [chain],
        "per_connection_buffer_limit_bytes": 1_048_576,
        "tcp_backlog_size": 4096,
    }


def _manager(settings: GatewaySettings, service: str) -> Resource:
    traced = settings.traces is not None
    log = settings.access_log
    return {
        "@type": TYPE + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "codec_type": "AUTO",
        "rds": {"route_config_name": ROUTES, "config_source": {"ads": {}, "resource_api_version": "V3"}},
        "http_filters": [
            capture_filter(),
            *([request_filter(log, traced=traced)] if log else ()),
            {"name": "envoy.filters.http.router", "typed_config": _router()},
        ],
        "access_log": [
            _statistics(USERS, [_VERSION_TAG, _CODE_TAG, *_SHADOW_TAGS], None),
            *(access_logs(log, service, traced=traced) if log else ()),
        ],
        **(tracing(settings.traces, service) if settings.traces else {}),
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "use_remote_address": True,
        # Nobody is internal: x-envoy-* headers of users (retries, time-outs) are stripped, whatever their address.
        "internal_address_config": {"unix_sockets": False, "cidr_ranges": [_NOBODY]},
        "generate_request_id": True,
        "normalize_path": True,
        "common_http_protocol_options": {"idle_timeout": "3600s", "headers_with_underscores_action": "ALLOW"},
        "stream_idle_timeout": seconds(max(300.0, settings.timeout_s)),
        "request_headers_timeout": "30s",
        "drain_timeout": seconds(settings.drain_s),
        "http2_protocol_options": {
            "max_concurrent_streams": 1000,
            "initial_stream_window_size": 262_144,
            "initial_connection_window_size": 1_048_576,
        },
        "server_header_transformation": "PASS_THROUGH",
    }


def _router() -> Resource:
    latency = "%COMMON_DURATION(US_TX_BEG:US_RX_END:us)%"
    return {
        "@type": TYPE + "envoy.extensions.filters.http.router.v3.Router",
        "upstream_log": [_statistics(ATTEMPTS, [_VERSION_TAG, _CODE_TAG], latency)],
        "suppress_envoy_headers": True,
    }


def _statistics(prefix: str, tags: list[Resource], latency: str | None) -> Resource:
    """An access log that counts instead of writing."""
    config: Resource = {
        "@type": TYPE + "envoy.extensions.access_loggers.stats.v3.Config",
        "stat_prefix": prefix,
        "counters": [{"stat": {"name": "n", "tags": tags}, "value_fixed": 1}],
    }
    if latency is not None:
        stat = {"name": "us", "tags": tags[:1]}
        config["histograms"] = [{"stat": stat, "unit": "Microseconds", "value_format": latency}]
    return {"name": "envoy.access_loggers.stats", "typed_config": config}


def listeners(settings: GatewaySettings, service: str) -> Iterator[Resource]:
    """Every listener; one today."""
    yield listener(settings, service)
