"""Capturing: how a share of the requests is copied to the relay. Pure: values in, plain dicts out.

A route decides by chance whether a request is copied; only then does Envoy run the script that reads it. Every
request says what became of it, on its route or in its own metadata, so that the access log's counters make the
ledger: ``captured``, or why it was not.
"""

from pathlib import Path
from typing import Any, Final

from abreast.envoy.clusters import CONNECT_TIMEOUT, TYPE, Resource
from abreast.model.traffic import UPSTREAM_HEADER, Shadowing

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


def relay_cluster(socket: Path) -> Resource:
    """The relay behind its unix socket. A hung one fills what is bounded here, and then nothing is sent."""
    return {
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
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": str(socket)}}}}]}],
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
