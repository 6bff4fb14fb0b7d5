"""Capturing: how a share of the requests is copied to the relay. Pure: values in, plain dicts out.

A route decides by chance whether a request is copied; only then does Envoy run the script that reads it. Every
request says what became of it, on its route or in its own metadata, so that the access log's counters make the
ledger: ``captured``, or why it was not.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from abreast.envoy.clusters import CONNECT_TIMEOUT, TYPE, Resource
from abreast.model.agent import RELAY_NAME
from abreast.model.service import Endpoint
from abreast.model.traffic import UPSTREAM_HEADER, NodeTls, Shadowing

FILTER: Final = "abreast.capture"
RELAY: Final = "abreast/relay"
"""The relay's cluster; with a slash, which no version's name has."""
SAMPLED: Final = "sampled"
SENT: Final = "captured"

_IN_FLIGHT: Final = 64
"""Copies on their way to the relay, of at most 128 KiB each; more are dropped, which the ledger shows as lost."""
_SCRIPT: Final = Path(__file__).with_name("capture.lua")
_LUA: Final = TYPE + "envoy.extensions.filters.http.lua.v3."


def capture_filter() -> Resource:
    """The HTTP filter, off except where a route turns it on; the same in every rollout."""
    return {
        "name": FILTER,
        "disabled": True,
        "typed_config": {
            "@type": _LUA + "Lua",
            "source_codes": {"capture": {"inline_string": _SCRIPT.read_text("utf-8")}},
        },
    }


def relay_cluster(socket: Path, relays: Sequence[Endpoint] = (), tls: NodeTls | None = None) -> Resource:
    """The relays elsewhere, if there are any and ``tls`` to reach them by, else the one behind its unix socket.

    Hung ones fill what is bounded here, and then nothing is sent.
    """
    elsewhere = [{"socket_address": {"address": each.host, "port_value": each.port}} for each in relays if tls]
    addresses: list[Resource] = elsewhere or [{"pipe": {"path": str(socket)}}]
    cluster: Resource = {
        "name": RELAY,
        "type": "STATIC",
        "connect_timeout": CONNECT_TIMEOUT,
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": 8,
                    "max_pending_requests": _IN_FLIGHT,
                    "max_requests": _IN_FLIGHT,
                    "max_retries": 0,
                }
            ]
        },
        "load_assignment": {
            "cluster_name": RELAY,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": each}} for each in addresses]}],
        },
    }
    if elsewhere and tls:
        cluster["transport_socket"] = _tls(tls)
        # A relay that is gone gets no copies for a moment: the others take them.
        cluster["outlier_detection"] = {
            "consecutive_5xx": 3,
            "interval": "1s",
            "base_ejection_time": "5s",
            "max_ejection_percent": 100,
        }
    return cluster


def _tls(tls: NodeTls) -> Resource:
    """Relays show a certificate of the fleet's authority with the name that all of them have."""
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": TYPE + "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": RELAY_NAME,
            "common_tls_context": {
                "tls_certificates": [
                    {"certificate_chain": {"filename": str(tls.certificate)}, "private_key": {"filename": str(tls.key)}}
                ],
                "validation_context": {
                    "trusted_ca": {"filename": str(tls.authority)},
                    "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": RELAY_NAME}}],
                },
            },
        },
    }


def marked(route: Resource, outcome: str) -> Resource:
    """The route with a word for the ledger: why its requests are not copied."""
    return {**route, "metadata": {"filter_metadata": {"abreast": {"shadow": outcome}}}}


def sampled(route: Resource, shadowing: Shadowing, workers: int) -> Resource:
    """The route for the sampled share of its requests, with the script on; to be put before the route itself."""
    copied: dict[str, Any] = marked(route, SAMPLED)  # Any: JSON
    copied["metadata"]["filter_metadata"][FILTER] = {"rate": shadowing.at_most_per_s / workers}
    copied["name"] = f"{route['name']}-{SAMPLED}"
    fraction = {"default_value": {"numerator": shadowing.share, "denominator": "TEN_THOUSAND"}}
    copied["match"] = {**route["match"], "runtime_fraction": fraction}
    copied["typed_per_filter_config"] = {FILTER: {"@type": _LUA + "LuaPerRoute", "name": "capture"}}
    told = ("%UPSTREAM_METADATA(abreast:version)%", "%UPSTREAM_REMOTE_ADDRESS%", "%RESPONSE_FLAGS%")
    upstream = {"key": UPSTREAM_HEADER, "value": " ".join(told)}
    added = {"header": upstream, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    copied["response_headers_to_add"] = [*route.get("response_headers_to_add", ()), added]
    return copied
