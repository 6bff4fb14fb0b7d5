"""Capturing as configuration; what a real Envoy makes of it is in tests/integration."""

import copy
import re
from pathlib import Path

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from google.protobuf.json_format import ParseDict

from abreast.envoy.capture import (
    FILTER,
    RELAY,
    SAMPLED,
    SENT,
    capture_filter,
    marked,
    relay_cluster,
    sampled,
)
from abreast.envoy.clusters import Resource
from abreast.envoy.messages import NESTED
from abreast.envoy.routes import PRIVATE_HEADERS
from abreast.findings.ledger import CAPTURED
from abreast.model.service import Endpoint
from abreast.model.shadow import BODY_LIMIT
from abreast.model.traffic import UPSTREAM_HEADER, NodeTls, Shadowing

ROUTE: Resource = {
    "name": "idempotent",
    "match": {"prefix": "/", "headers": [{"name": "x-user-id", "present_match": True}]},
    "route": {"cluster": "v1"},
    "response_headers_to_add": [{"header": {"key": "set-cookie", "value": "abreast-id=1"}}],
}


def script() -> str:
    """The script that Envoy is told."""
    return str(capture_filter()["typed_config"]["source_codes"]["capture"]["inline_string"])


def test_the_filter_is_off_until_a_route_turns_it_on() -> None:
    assert (capture_filter()["name"], capture_filter()["disabled"]) == (FILTER, True)
    assert capture_filter() == capture_filter(), "the same in every rollout: it is part of the listener"


def test_the_script_is_given_by_a_name_that_the_sampled_routes_say() -> None:
    lua = next(each for each in NESTED if each.__name__.endswith("lua_pb2"))
    typed = {name: value for name, value in capture_filter()["typed_config"].items() if name != "@type"}
    read = ParseDict(typed, lua.Lua())
    per_route = sampled(ROUTE, Shadowing(1, 1.0), 1)["typed_per_filter_config"][FILTER]
    assert set(read.source_codes) == {per_route["name"]}
    assert per_route["@type"].endswith(lua.LuaPerRoute.DESCRIPTOR.full_name)
    assert capture_filter()["typed_config"]["@type"].endswith(lua.Lua.DESCRIPTOR.full_name)


@pytest.mark.parametrize(
    ("name", "value"), [("LIMIT", str(BODY_LIMIT)), ("RELAY", f'"{RELAY}"')], ids=["limit", "relay"]
)
def test_the_script_s_constants_are_ours(name: str, value: str) -> None:
    found = re.search(rf"^local {name} = (\S+)", script(), re.MULTILINE)
    assert found is not None
    assert found[1] == value


def test_the_script_and_the_ledger_use_the_same_words() -> None:
    assert SENT == CAPTURED
    words = set(re.findall(r'mark\(handle, "([a-z-]+)"\)', script()))
    assert words == {SENT, "budget", "aborted", "no-upstream", "oversize"}
    assert f'headers:remove("{UPSTREAM_HEADER}")' in script()


def test_the_script_never_waits() -> None:
    assert script().count("httpCall") == 1
    assert "asynchronous = true" in script()
    assert "handle:body()" not in script(), "that would buffer: bodies are read as they pass by"


def test_the_relay_is_a_cluster_with_narrow_bounds_behind_its_socket() -> None:
    cluster = relay_cluster(Path("/run/shop/relay.sock"))
    read = ParseDict(cluster, Cluster())
    assert read.name == RELAY
    [locality] = read.load_assignment.endpoints
    [endpoint] = locality.lb_endpoints
    assert endpoint.endpoint.address.pipe.path == "/run/shop/relay.sock"
    [bounds] = read.circuit_breakers.thresholds
    assert bounds.max_retries.value == 0
    assert bounds.max_requests.value * 2 * BODY_LIMIT <= 16 * 2**20, "memory that a hung relay can hold"
    assert bounds.max_pending_requests.value <= bounds.max_requests.value


def test_relays_elsewhere_are_reached_by_mutual_tls_alone() -> None:
    socket, relays = Path("/run/shop/relay.sock"), (Endpoint("10.0.0.1", 7444), Endpoint("10.0.0.2", 7444))
    assert relay_cluster(socket, relays) == relay_cluster(socket), "never in the clear"
    tls = NodeTls(Path("/c.pem"), Path("/c.key"), Path("/ca.pem"))
    assert relay_cluster(socket, (), tls) == relay_cluster(socket)
    read = ParseDict(relay_cluster(socket, relays, tls), Cluster())
    [locality] = read.load_assignment.endpoints
    addresses = [each.endpoint.address.socket_address for each in locality.lb_endpoints]
    assert [(each.address, each.port_value) for each in addresses] == [("10.0.0.1", 7444), ("10.0.0.2", 7444)]
    assert "/run/shop/relay.sock" not in str(read)
    assert read.transport_socket.typed_config.type_url.endswith("UpstreamTlsContext")
    assert read.circuit_breakers == ParseDict(relay_cluster(socket), Cluster()).circuit_breakers


def test_no_version_can_have_the_relay_s_name() -> None:
    assert "/" in RELAY


def test_a_marked_route_differs_by_its_word_alone() -> None:
    before = copy.deepcopy(ROUTE)
    route = marked(ROUTE, "method")
    assert route.pop("metadata") == {"filter_metadata": {"abreast": {"shadow": "method"}}}
    assert route == before == ROUTE


@pytest.mark.parametrize(("workers", "rate"), [(1, 50.0), (4, 12.5), (64, 0.78125)])
def test_a_sampled_route_has_the_script_with_its_thread_s_part_of_the_budget(workers: int, rate: float) -> None:
    before = copy.deepcopy(ROUTE)
    route = sampled(ROUTE, Shadowing(300, 50.0), workers)
    metadata = route["metadata"]["filter_metadata"]
    assert metadata == {"abreast": {"shadow": SAMPLED}, FILTER: {"rate": rate}}
    assert route["match"] == {
        **before["match"],
        "runtime_fraction": {"default_value": {"numerator": 300, "denominator": "TEN_THOUSAND"}},
    }
    assert (route["name"], route["route"]) == ("idempotent-sampled", before["route"])
    assert before == ROUTE, "the route itself comes after it, unchanged"


def test_the_answer_of_a_copied_request_says_who_gave_it_and_whether_it_was_a_version() -> None:
    *kept, added = sampled(ROUTE, Shadowing(1, 1.0), 1)["response_headers_to_add"]
    assert kept == ROUTE["response_headers_to_add"]
    assert added["header"]["key"] == UPSTREAM_HEADER
    version, address, flags = added["header"]["value"].split(" ")
    assert (version, address) == ("%UPSTREAM_METADATA(abreast:version)%", "%UPSTREAM_REMOTE_ADDRESS%")
    assert flags == "%RESPONSE_FLAGS%"
    assert added["append_action"] == "OVERWRITE_IF_EXISTS_OR_ADD", "a version may not say it for us"
    [alone] = sampled({**ROUTE, "response_headers_to_add": []}, Shadowing(1, 1.0), 1)["response_headers_to_add"]
    assert alone == added


def test_no_user_can_say_that_he_is_a_copy() -> None:
    assert "x-abreast-shadow" in PRIVATE_HEADERS
