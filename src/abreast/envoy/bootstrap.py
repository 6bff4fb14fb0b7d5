"""What an Envoy knows at birth: where its admin socket is, and whom to ask for everything else. Pure."""

from pathlib import Path
from typing import Final

from abreast.envoy.clusters import TYPE, Resource

ADS: Final = "abreast/ads"
"""With a slash, which no version's name has."""
ADMIN_MODE: Final = 0o600
"""The admin socket can stop Envoy without a password."""

_RUNTIME: Final[Resource] = {
    # Envoy refuses regular expressions above 100 instructions; the names of all secrets in one have about 1,000.
    "re2.max_program_size.error_level": 10_000,
    # Spans are sent each second, or 100 at a time; by default every five seconds, or five at a time.
    "tracing.opentelemetry.flush_interval_ms": 1000,
    "tracing.opentelemetry.min_flush_spans": 100,
}


def bootstrap(node: str, admin: Path, ads: Path, max_connections: int) -> Resource:
    """The bootstrap configuration of one Envoy process.

    ``max_connections`` bounds users' connections, so that file descriptors are left for the versions.
    """
    ads_source = {
        "api_type": "GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [
            {
                "envoy_grpc": {
                    "cluster_name": ADS,
                    # Back within a second of the control plane; by default it takes up to four.
                    "retry_policy": {"retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"}},
                }
            }
        ],
    }
    return {
        "node": {"id": node, "cluster": "abreast"},
        "admin": {"address": {"pipe": {"path": str(admin), "mode": ADMIN_MODE}}},
        "dynamic_resources": {
            "ads_config": ads_source,
            "cds_config": {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"},
            "lds_config": {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"},
        },
        "layered_runtime": {"layers": [{"name": "abreast", "static_layer": dict(_RUNTIME)}]},
        "static_resources": {"clusters": [_ads_cluster(ads)]},
        # Histograms are brought up to date when asked for, not only every five seconds.
        "stats_flush_on_admin": True,
        "stats_config": {"stats_matcher": _kept_statistics()},
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": TYPE + "envoy.extensions.resource_monitors.downstream_connections.v3."
                        "DownstreamConnectionsConfig",
                        "max_active_downstream_connections": max_connections,
                    },
                }
            ]
        },
    }


def _ads_cluster(ads: Path) -> Resource:
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {
        "name": ADS,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": ADS,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": str(ads)}}}}]}],
        },
        "typed_extension_protocol_options": {
            options: {
                "@type": TYPE + options,
                "explicit_http_config": {
                    "http2_protocol_options": {"connection_keepalive": {"interval": "5s", "timeout": "5s"}}
                },
            }
        },
    }


def _kept_statistics() -> Resource:
    """Only what is read: every other statistic costs time on each request and memory on each cluster."""
    prefixes = (
        *("att.", "usr.", "listener_manager.", "cluster_manager.", "server.", "control_plane.", "http.gateway."),
        # What became of lines and spans that could not be written or sent.
        *("filesystem.write_failed", "access_logs.", "tracing.opentelemetry."),
    )
    patterns: list[Resource] = [{"prefix": prefix} for prefix in prefixes]
    patterns += [{"safe_regex": {"regex": r"cluster\..*\.(upstream_rq_active|membership_.*|upstream_cx_active)"}}]
    return {"inclusion_list": {"patterns": patterns}}
