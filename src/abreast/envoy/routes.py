"""Routes: which request goes to which version. Pure: values in, plain dicts out.

The split is a weighted choice by a hash of the user's identity, candidate first, out of 10,000 buckets: raising
the weight only moves users over, lowering it only moves back those above the line. The salt is part of what is
hashed, by a rewrite inside the hash policy: it lives in the route table, which can change without touching a
connection (a header made by the listener's early mutation would close every connection with each new salt).
"""

import re
from collections.abc import Iterator
from typing import Final

from abreast.envoy.clusters import Resource, seconds
from abreast.model.service import Side, UserKey
from abreast.model.traffic import Traffic
from abreast.model.units import FULL_WEIGHT

ROUTES: Final = "routes"
"""The one route table's name."""

VERSION_HEADER: Final = "x-abreast-version"
"""Authorised testers force a side with ``x-abreast-version: <side>:<secret>``; never passed on to a version."""

USER_COOKIE: Final = "abreast-id"
"""Set for users without an identity, so that they stay on their side."""

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


def route_table(traffic: Traffic) -> Resource:
    """The RouteConfiguration for this traffic."""
    return {
        "name": ROUTES,
        "virtual_hosts": [{"name": traffic.service, "domains": ["*"], "routes": list(_routes(traffic))}],
        "request_headers_to_remove": list(PRIVATE_HEADERS),
        # Else a route to an unknown cluster is acknowledged and answers 503.
        "validate_clusters": True,
    }


def _routes(traffic: Traffic) -> Iterator[Resource]:
    if traffic.candidate is None:
        for stream in _STREAMS:
            yield _route(traffic, "stream", [stream], {"cluster": traffic.split.stable})
        yield _route(traffic, "plain", [], {"cluster": traffic.split.stable})
        return
    for side in Side:
        yield from _forced(traffic, side)
    kinds: list[tuple[str, list[Resource]]] = [("stream", [stream]) for stream in _STREAMS]
    kinds += [("idempotent", [_SAFE_METHODS]), ("unsafe", [])]
    for kind, match in kinds:
        yield from _split(traffic, kind, match)


def _forced(traffic: Traffic, side: Side) -> Iterator[Resource]:
    """A side forced by a tester; the candidate without stable behind it, so that the tester sees its failures."""
    if not traffic.tester_secret:
        return
    version = traffic.split.stable if side is Side.STABLE else traffic.split.candidate
    header = {"name": VERSION_HEADER, "string_match": {"exact": f"{side}:{traffic.tester_secret}"}}
    for stream in _STREAMS:
        yield _route(traffic, "stream", [header, stream], {"cluster": version})
    yield _route(traffic, f"forced-{side}", [header], {"cluster": version})


def _split(traffic: Traffic, kind: str, match: list[Resource]) -> Iterator[Resource]:
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
        yield _route(traffic, f"{kind}-{key}", [*match, present], action)
    policy = _salted("x-request-id", "^(.*)$", split.salt)
    route = _route(traffic, kind, match, {"weighted_clusters": weighted, "hash_policy": [policy]})
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


def _route(traffic: Traffic, name: str, headers: list[Resource], action: Resource) -> Resource:
    lasting = name.startswith("stream")
    times: Resource = {"timeout": seconds(traffic.gateway.timeout_s)}
    if lasting:
        times = {"timeout": "0s", "idle_timeout": seconds(STREAM_IDLE_S)}
    return {"name": name, "match": {"prefix": "/", "headers": headers}, "route": {**action, **times}}
