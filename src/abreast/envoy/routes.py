"""Routes: which request goes to which version. Pure: values in, plain dicts out.

The split is a weighted choice by a hash of the user's identity, candidate first, out of 10,000 buckets: raising
the weight only moves users over, lowering it only moves back those above the line. The salt is part of what is
hashed, by a rewrite inside the hash policy: it lives in the route table, which can change without touching a
connection (a header made by the listener's early mutation would close every connection with each new salt).
"""

import re
from collections.abc import Iterator
from typing import Final

from abreast.envoy.capture import SAMPLED, marked, sampled
from abreast.envoy.clusters import Resource, seconds
from abreast.model.service import Side, UserKey
from abreast.model.shadow import IsolatedRoute
from abreast.model.traffic import USER_COOKIE, Shadowing, Traffic
from abreast.model.units import FULL_WEIGHT

ROUTES: Final = "routes"
"""The one route table's name."""

VERSION_HEADER: Final = "x-abreast-version"
"""Authorised testers force a side with ``x-abreast-version: <side>:<secret>``; never passed on to a version."""

PRIVATE_HEADERS: Final = (
    VERSION_HEADER,
    "x-abreast-key",
    "x-abreast-shadow",
    # Envoy removes those of its own that would command it; these it would pass on, or adds.
    "x-envoy-attempt-count",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-internal",
)
"""Removed from every request before a version sees it."""

STREAM_IDLE_S: Final = 3600.0

_SAFE_METHODS: Final = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD|OPTIONS"}}}
_STREAMS: Final = (
    {"name": "upgrade", "present_match": True},
    {"name": "accept", "string_match": {"contains": "text/event-stream"}},
    {"name": "content-type", "string_match": {"prefix": "application/grpc"}},
)
"""Requests whose answers may last: WebSocket and other upgrades, server-sent events, gRPC."""
_NO_EVENTS: Final = {
    "name": "accept",
    "string_match": {"contains": "text/event-stream"},
    "invert_match": True,
    "treat_missing_header_as_empty": True,
}


def route_table(traffic: Traffic, workers: int = 1) -> Resource:
    """The RouteConfiguration for this traffic; each of so many worker threads copies its part of the budget."""
    host: Resource = {"name": traffic.service, "domains": ["*"], "routes": list(_routes(traffic, workers))}
    if traffic.split.salt:
        # For logs and spans: there is one salt for each rollout, so it names the rollout.
        host["metadata"] = {"filter_metadata": {"abreast": {"rollout": traffic.split.salt}}}
    return {
        "name": ROUTES,
        "virtual_hosts": [host],
        "request_headers_to_remove": list(PRIVATE_HEADERS),
        # Else a route to an unknown cluster is acknowledged and answers 503.
        "validate_clusters": True,
    }


def _routes(traffic: Traffic, workers: int) -> Iterator[Resource]:
    """While requests are copied each route has its word for the ledger; before one that may be, the copied share's."""
    shadowing = traffic.copying
    for word, route in _worded(traffic, shadowing):
        if shadowing is None:
            yield route
        elif word == SAMPLED:
            yield sampled(route, shadowing, workers)
            yield marked(route, "sampled-out")
        else:
            yield marked(route, word)


def _worded(traffic: Traffic, shadowing: Shadowing | None) -> Iterator[tuple[str, Resource]]:
    """Every route in its order, with the ledger's word for its requests."""
    if traffic.candidate is None:
        alone = {"cluster": traffic.split.stable}
        for stream in _STREAMS:
            yield _lasting(stream), _route(traffic, "stream", [stream], alone)
        if shadowing is not None:
            yield SAMPLED, _route(traffic, "safe", [_SAFE_METHODS], alone)
        yield "method", _route(traffic, "plain", [], alone)
        return
    for side in Side:
        yield from (("forced", route) for route in _forced(traffic, side))
    for each in shadowing.unsafe if shadowing is not None else ():
        # Before the streams: an opted-in route copies gRPC too. Not what may last.
        opted_in = _split(traffic, "unsafe", [_methods(each), _NO_EVENTS], each.prefix)
        yield from ((SAMPLED, route) for route in opted_in)
    for stream in _STREAMS:
        yield from ((_lasting(stream), route) for route in _split(traffic, "stream", [stream]))
    yield from ((SAMPLED, route) for route in _split(traffic, "idempotent", [_SAFE_METHODS]))
    yield from (("method", route) for route in _split(traffic, "unsafe", []))


def _lasting(stream: Resource) -> str:
    return "upgrade" if stream is _STREAMS[0] else "stream"


def _methods(isolated: IsolatedRoute) -> Resource:
    methods = "|".join(re.escape(method) for method in isolated.methods)
    return {"name": ":method", "string_match": {"safe_regex": {"regex": methods}}}


def _forced(traffic: Traffic, side: Side) -> Iterator[Resource]:
    """A side forced by a tester; the candidate without stable behind it, so that the tester sees its failures."""
    if not traffic.tester_secret:
        return
    version = traffic.split.stable if side is Side.STABLE else traffic.split.candidate
    header = {"name": VERSION_HEADER, "string_match": {"exact": f"{side}:{traffic.tester_secret}"}}
    for stream in _STREAMS:
        yield _route(traffic, "stream", [header, stream], {"cluster": version})
    yield _route(traffic, f"forced-{side}", [header], {"cluster": version})


def _split(traffic: Traffic, kind: str, match: list[Resource], prefix: str = "/") -> Iterator[Resource]:
    """One route for each way to know the user; the last serves users without an identity and gives them one."""
    split = traffic.split
    weighted = {
        "clusters": [
            {"name": f"{split.candidate}/{kind}", "weight": split.weight},
            {"name": split.stable, "weight": FULL_WEIGHT - split.weight},
        ],
        "use_hash_policy": True,
    }
    for key in (*traffic.users, UserKey("cookie", USER_COOKIE)):
        present, policy = _identity(key, split.salt)
        action = {"weighted_clusters": weighted, "hash_policy": [policy]}
        yield _route(traffic, f"{kind}-{key}", [*match, present], action, prefix)
    policy = _salted("x-request-id", "^(.*)$", split.salt)
    route = _route(traffic, kind, match, {"weighted_clusters": weighted, "hash_policy": [policy]}, prefix)
    cookie = f"{USER_COOKIE}=%REQ(X-REQUEST-ID)%; Path=/; HttpOnly; SameSite=Lax"
    if traffic.gateway.tls:
        cookie += "; Secure"
    route["response_headers_to_add"] = [
        {"header": {"key": "set-cookie", "value": cookie}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
    ]
    yield route


def _identity(key: UserKey, salt: str) -> tuple[Resource, Resource]:
    """How to see that a request carries this key, and how to hash its value."""
    if key.kind == "header":
        return {"name": key.name, "present_match": True}, _salted(key.name, "^(.*)$", salt)
    # RE2 has no look-behind: the name must follow the start or a semicolon.
    pattern = rf"^(?:.*;\s*)?{re.escape(key.name)}=([^;]+).*$"
    present = {"name": "cookie", "string_match": {"safe_regex": {"regex": pattern}}}
    return present, _salted("cookie", pattern, salt)


def _salted(header: str, pattern: str, salt: str) -> Resource:
    rewrite = {"pattern": {"regex": pattern}, "substitution": f"{salt}:\\1"}
    return {"header": {"header_name": header, "regex_rewrite": rewrite}}


def _route(traffic: Traffic, name: str, headers: list[Resource], action: Resource, prefix: str = "/") -> Resource:
    lasting = name.startswith("stream")
    times: Resource = {"timeout": seconds(traffic.gateway.timeout_s)}
    if lasting:
        times = {"timeout": "0s", "idle_timeout": seconds(STREAM_IDLE_S)}
    return {"name": name, "match": {"prefix": prefix, "headers": headers}, "route": {**action, **times}}
