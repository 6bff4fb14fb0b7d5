"""Requests are matched here as Envoy matches them: the first route that fits."""

import re
from typing import Any

from abreast.envoy.clusters import Resource
from abreast.envoy.routes import route_table
from abreast.model.service import Endpoint, GatewaySettings, UserKey, Version
from abreast.model.traffic import Backend, Shadowing, Split, Traffic

V1 = Backend(Version("v1", run=("serve",)), (Endpoint("127.0.0.1", 9001),))
V2 = Backend(Version("v2", run=("serve",)), (Endpoint("127.0.0.1", 9002),))
USERS = (UserKey("header", "x-user-id"), UserKey("cookie", "session"))
SECRET = "open-sesame"
SETTINGS = GatewaySettings(timeout_s=12.5)

Headers = dict[str, str]

WEBSOCKET = {"upgrade": "websocket"}
EVENTS = {"accept": "text/html, text/event-stream;q=0.9"}
GRPC = {"content-type": "application/grpc+proto", ":method": "POST"}


def traffic(
    weight: int = 2500,
    salt: str = "salt",
    shadow: Shadowing | None = None,
    **changed: Any,  # noqa: ANN401  # fields of Traffic
) -> Traffic:
    """A rollout of v2 beside v1."""
    kept: dict[str, Any] = {"gateway": SETTINGS, "users": USERS, "tester_secret": SECRET}
    return Traffic("shop", Split("v1", "v2", weight, salt, shadow), V1, V2, **(kept | changed))


def alone(secret: str = SECRET) -> Traffic:
    """No rollout."""
    return Traffic("shop", Split("v1"), V1, None, SETTINGS, USERS, secret)


def routes(of: Traffic) -> list[Resource]:
    """The routes in their order."""
    [host] = route_table(of)["virtual_hosts"]
    assert host["domains"] == ["*"]
    found: list[Resource] = host["routes"]
    return found


def fits(matcher: Resource, headers: Headers) -> bool:
    """Whether Envoy's HeaderMatcher accepts; its regular expressions match whole values."""
    value = headers.get(matcher["name"], "" if matcher.get("treat_missing_header_as_empty") else None)
    if value is None:
        return False
    if matcher.get("present_match"):
        return True
    return _says(matcher["string_match"], value) is not matcher.get("invert_match", False)


def _says(string: Resource, value: str) -> bool:
    match string:
        case {"exact": str(wanted)}:
            return value == wanted
        case {"prefix": str(wanted)}:
            return value.startswith(wanted)
        case {"contains": str(wanted)}:
            return wanted in value
        case {"safe_regex": {"regex": str(pattern)}}:
            return re.fullmatch(pattern, value) is not None
    raise AssertionError(string)


def chosen(of: Traffic, headers: Headers, *, lucky: bool = True) -> Resource:
    """The route that this request takes; a ``lucky`` one is in every share, however small, another in none."""
    headers = {":method": "GET", ":path": "/", "x-request-id": "r-1"} | headers
    return next(
        route
        for route in routes(of)
        if headers[":path"].startswith(route["match"]["prefix"])
        and all(fits(each, headers) for each in route["match"]["headers"])
        and (lucky or "runtime_fraction" not in route["match"])
    )


def hashed(of: Traffic, headers: Headers) -> str:
    """What is hashed for this request."""
    headers = {"x-request-id": "r-1"} | headers
    [policy] = chosen(of, headers)["route"]["hash_policy"]
    header, rewrite = policy["header"]["header_name"], policy["header"]["regex_rewrite"]
    return re.sub(rewrite["pattern"]["regex"], rewrite["substitution"], headers[header])


def targets(route: Resource) -> list[str]:
    """The clusters that a route can send to."""
    action = route["route"]
    return (
        [action["cluster"]]
        if "cluster" in action
        else [each["name"] for each in action["weighted_clusters"]["clusters"]]
    )
