"""Routes: which request goes where. Requests are matched as Envoy does it (`tests.envoy.matching`)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.envoy.clusters import Resource
from abreast.envoy.routes import PRIVATE_HEADERS, ROUTES, VERSION_HEADER, route_table
from abreast.model.service import GatewaySettings, Tls
from abreast.model.traffic import USER_COOKIE, Traffic
from abreast.model.units import FULL_WEIGHT
from tests.envoy.matching import (
    EVENTS,
    GRPC,
    SECRET,
    USERS,
    WEBSOCKET,
    Headers,
    alone,
    chosen,
    hashed,
    routes,
    targets,
    traffic,
)


def test_the_table_is_refused_as_a_whole_rather_than_answering_503() -> None:
    table = route_table(traffic())
    assert (table["name"], table["validate_clusters"]) == (ROUTES, True)


@pytest.mark.parametrize(
    "headers", [{}, {"x-user-id": "7"}, {VERSION_HEADER: f"candidate:{SECRET}"}, {":method": "PUT"}]
)
def test_without_a_candidate_everything_goes_to_stable(headers: Headers) -> None:
    route = chosen(alone(), headers)
    assert (route["name"], targets(route)) == ("plain", ["v1"])
    assert route["route"]["timeout"] == "12.500s"


@pytest.mark.parametrize("of", [alone(), traffic()], ids=["alone", "rollout"])
@pytest.mark.parametrize("headers", [WEBSOCKET, EVENTS, GRPC], ids=["websocket", "events", "grpc"])
def test_a_stream_has_no_limit_but_a_long_silence(of: Traffic, headers: Headers) -> None:
    route = chosen(of, headers)
    assert route["name"].startswith("stream")
    assert (route["route"]["timeout"], route["route"]["idle_timeout"]) == ("0s", "3600.000s")


def test_all_else_is_limited_by_the_gateway_s_time_out() -> None:
    limited = [route["route"] for route in routes(traffic()) if not route["name"].startswith("stream")]
    assert {route["timeout"] for route in limited} == {"12.500s"}
    assert not any("idle_timeout" in route for route in limited)


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"x-user-id": "7"}, "idempotent-header:x-user-id"),
        ({"x-user-id": "7", ":method": "HEAD"}, "idempotent-header:x-user-id"),
        ({"x-user-id": "7", ":method": "OPTIONS"}, "idempotent-header:x-user-id"),
        ({"x-user-id": "7", ":method": "POST"}, "unsafe-header:x-user-id"),
        ({"x-user-id": "7", ":method": "PUT"}, "unsafe-header:x-user-id"),
        ({"x-user-id": "7", ":method": "DELETE"}, "unsafe-header:x-user-id"),
        ({"x-user-id": "7", **WEBSOCKET}, "stream-header:x-user-id"),
        ({"x-user-id": "7", "cookie": "session=a"}, "idempotent-header:x-user-id"),
        ({"cookie": f"{USER_COOKIE}=b; session=a"}, "idempotent-cookie:session"),
        ({"cookie": "session=a", **EVENTS}, "stream-cookie:session"),
        ({"cookie": "theme=dark; abreast-id=b"}, "idempotent-cookie:abreast-id"),
        ({"cookie": "xsession=a"}, "idempotent"),
        ({"cookie": "session="}, "idempotent"),
        ({":method": "POST"}, "unsafe"),
        (GRPC, "stream"),
        ({}, "idempotent"),
    ],
)
def test_a_request_s_kind_and_user_choose_its_route(headers: Headers, name: str) -> None:
    assert chosen(traffic(), headers)["name"] == name


def test_users_are_known_in_the_order_of_the_spec_and_by_our_cookie_last() -> None:
    plain = [route["name"] for route in routes(traffic()) if route["name"].startswith("unsafe")]
    assert plain == ["unsafe-header:x-user-id", "unsafe-cookie:session", "unsafe-cookie:abreast-id", "unsafe"]
    reverse = [route["name"] for route in routes(traffic(users=USERS[::-1])) if route["name"].startswith("unsafe")]
    assert reverse == ["unsafe-cookie:session", "unsafe-header:x-user-id", "unsafe-cookie:abreast-id", "unsafe"]


def test_the_last_route_takes_what_is_left() -> None:
    for of in (alone(), traffic()):
        assert routes(of)[-1]["match"] == {"prefix": "/", "headers": []}


@pytest.mark.parametrize(
    ("headers", "cluster"),
    [({}, "v2/idempotent"), ({":method": "POST"}, "v2/unsafe"), (EVENTS, "v2/stream"), (WEBSOCKET, "v2/stream")],
)
@pytest.mark.parametrize(
    "user", [{"x-user-id": "7"}, {"cookie": "session=a"}, {}], ids=["header", "cookie", "stranger"]
)
def test_the_candidate_is_tried_with_stable_behind_it(headers: Headers, cluster: str, user: Headers) -> None:
    assert targets(chosen(traffic(), headers | user)) == [cluster, "v1"]


@given(st.integers(0, FULL_WEIGHT))
@settings(deadline=None)
def test_the_candidate_has_the_first_buckets_out_of_10_000(weight: int) -> None:
    split = [
        route["route"]["weighted_clusters"] for route in routes(traffic(weight)) if "cluster" not in route["route"]
    ]
    assert len(split) == 5 * 4, "five kinds of match, each with four ways to know the user"
    for each in split:
        assert [cluster["weight"] for cluster in each["clusters"]] == [weight, 10_000 - weight]
        assert each["use_hash_policy"]


@pytest.mark.parametrize(("side", "version"), [("stable", "v1"), ("candidate", "v2")])
@pytest.mark.parametrize("headers", [{}, {":method": "POST"}, {"x-user-id": "7"}, {"cookie": "session=a"}])
def test_a_tester_gets_the_side_that_he_asks_for_and_nothing_behind_it(
    side: str, version: str, headers: Headers
) -> None:
    route = chosen(traffic(), {VERSION_HEADER: f"{side}:{SECRET}"} | headers)
    assert (route["name"], targets(route)) == (f"forced-{side}", [version])
    assert route["route"]["timeout"] == "12.500s"


def test_a_tester_s_stream_is_a_stream() -> None:
    route = chosen(traffic(), {VERSION_HEADER: f"candidate:{SECRET}"} | WEBSOCKET)
    assert (targets(route), route["route"]["timeout"]) == (["v2"], "0s")


@pytest.mark.parametrize("said", ["candidate", "candidate:", "candidate:guess", f"v2:{SECRET}", f"candidate:{SECRET}x"])
def test_whoever_does_not_know_the_secret_is_a_user_like_others(said: str) -> None:
    assert chosen(traffic(), {VERSION_HEADER: said})["name"] == "idempotent"


def test_without_a_secret_no_side_can_be_forced() -> None:
    of = traffic(tester_secret="")
    assert chosen(of, {VERSION_HEADER: "candidate:"})["name"] == "idempotent"
    assert VERSION_HEADER not in str(routes(of))


def test_private_headers_never_reach_a_version() -> None:
    for of in (alone(), traffic()):
        assert route_table(of)["request_headers_to_remove"] == list(PRIVATE_HEADERS)
    assert {VERSION_HEADER, "x-abreast-key", "x-abreast-shadow"} <= set(PRIVATE_HEADERS)


TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~=%+/\\", min_size=1, max_size=30)
OTHER_COOKIES = st.lists(TOKENS.map(lambda value: f"theme={value}"), max_size=3)


@given(TOKENS, TOKENS.filter(lambda salt: "\\" not in salt))
@settings(deadline=None)
def test_a_header_s_whole_value_is_hashed_with_the_salt(user: str, salt: str) -> None:
    assert hashed(traffic(salt=salt), {"x-user-id": user}) == f"{salt}:{user}"


@given(TOKENS, OTHER_COOKIES, OTHER_COOKIES, st.sampled_from(["; ", ";"]))
@settings(deadline=None)
def test_a_cookie_s_value_alone_is_hashed_wherever_it_stands(
    user: str, before: list[str], after: list[str], separator: str
) -> None:
    cookie = separator.join([*before, f"session={user}", *after])
    assert hashed(traffic(), {"cookie": cookie}) == f"salt:{user}"


def test_the_salt_moves_users_to_other_places() -> None:
    one, other = traffic(salt="s1"), traffic(salt="s2")
    for user in ({"x-user-id": "7"}, {"cookie": "session=7"}, {"cookie": "abreast-id=7"}, {}):
        assert hashed(one, user) != hashed(other, user)


@pytest.mark.parametrize("user", [{"x-user-id": "7"}, {"cookie": "a=b; session=7"}, {"cookie": "abreast-id=7"}, {}])
def test_whatever_a_user_does_the_same_is_hashed(user: Headers) -> None:
    seen = {hashed(traffic(), user | kind) for kind in ({}, {":method": "POST"}, WEBSOCKET, EVENTS, GRPC)}
    assert len(seen) == 1


def cookie_of(route: Resource) -> str:
    """The cookie that the route's answers set; "" for none."""
    headers = [each["header"] for each in route.get("response_headers_to_add", [])]
    return next((str(each["value"]) for each in headers if each["key"] == "set-cookie"), "")


def test_a_stranger_is_given_the_identity_by_which_he_was_placed() -> None:
    set_cookie = cookie_of(chosen(traffic(), {}))
    pair, *attributes = set_cookie.split("; ")
    assert pair == f"{USER_COOKIE}=%REQ(X-REQUEST-ID)%"
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Lax"]
    first = hashed(traffic(), {"x-request-id": "4d5e-77"})
    later = hashed(traffic(), {"x-request-id": "another", "cookie": pair.replace("%REQ(X-REQUEST-ID)%", "4d5e-77")})
    assert first == later == "salt:4d5e-77"


def test_over_tls_the_identity_is_never_sent_in_the_open() -> None:
    tls = GatewaySettings(tls=Tls("/a/certificate.pem", "/a/key.pem"))
    strangers = [cookie_of(route) for route in routes(traffic(gateway=tls)) if cookie_of(route)]
    assert len(strangers) == 5
    assert all(each.endswith("; Secure") for each in strangers)


def test_only_strangers_of_a_rollout_are_given_a_cookie() -> None:
    given_to = {route["name"] for route in routes(traffic()) if cookie_of(route)}
    assert given_to == {"stream", "idempotent", "unsafe"}
    # The versions' own cookies stay beside ours.
    assert {
        each["append_action"] for route in routes(traffic()) for each in route.get("response_headers_to_add", [])
    } == {"APPEND_IF_EXISTS_OR_ADD"}
    assert not any(cookie_of(route) for route in routes(alone()))
