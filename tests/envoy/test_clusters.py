"""Clusters: what Envoy knows of each version in each situation."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.envoy.clusters import HTTP_OPTIONS, Resource, assignments, clusters, seconds
from abreast.model.service import Endpoint, GatewaySettings, Probe, Version
from abreast.model.traffic import Backend, Split, Traffic

V1 = Version("v1", run=("serve",))
V2 = Version("v2", run=("serve",), timeout_s=7.0)
FIRST, SECOND, THIRD = (Endpoint("127.0.0.1", port) for port in (9001, 9002, 9003))

AGGREGATES = ("v2/idempotent", "v2/unsafe", "v2/stream")

# Envoy's documentation, x-envoy-retry-on and x-envoy-retry-grpc-on; Envoy ignores every other word silently.
KNOWN_RETRIES = {
    *("5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "envoy-ratelimited"),
    *("retriable-4xx", "refused-stream", "retriable-status-codes", "retriable-headers", "http3-post-connect-failure"),
    *("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"),
}


def traffic(stable: Version = V1, candidate: Version | None = None) -> Traffic:
    """An instance of stable, two of the candidate."""
    split = Split(stable.name, candidate.name if candidate else None)
    second = Backend(candidate, (SECOND, THIRD)) if candidate else None
    return Traffic("shop", split, Backend(stable, (FIRST,)), second, GatewaySettings())


def named(stable: Version = V1, candidate: Version | None = None) -> dict[str, Resource]:
    """The clusters by name."""
    made = list(clusters(traffic(stable, candidate)))
    found = {each["name"]: each for each in made}
    assert len(found) == len(made), "no name twice"
    return found


def options(cluster: Resource) -> Resource:
    """Its HTTP options."""
    found: Resource = cluster["typed_extension_protocol_options"][HTTP_OPTIONS]
    return found


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401  # JSON
    """Every field that is not itself made of fields, with its name."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from leaves(below, name)
    elif isinstance(value, list):
        for below in value:
            yield from leaves(below, key)
    else:
        yield key, value


def test_without_a_candidate_stable_is_all() -> None:
    assert set(named()) == {"v1"}


def test_a_candidate_has_five_clusters() -> None:
    assert set(named(V1, V2)) == {"v1", "v2", "v2/timed", *AGGREGATES}


@pytest.mark.parametrize(
    ("name", "members"),
    [("v2/idempotent", ["v2/timed", "v1"]), ("v2/unsafe", ["v2/timed", "v1"]), ("v2/stream", ["v2", "v1"])],
)
def test_stable_stands_behind_the_candidate(name: str, members: list[str]) -> None:
    cluster = named(V1, V2)[name]
    assert cluster["cluster_type"]["name"] == "envoy.clusters.aggregate"
    assert cluster["cluster_type"]["typed_config"]["clusters"] == members
    assert cluster["lb_policy"] == "CLUSTER_PROVIDED"


def test_a_promotion_leaves_the_version_s_cluster_as_it_is() -> None:
    as_candidate, as_stable = named(V1, V2)["v2"], named(V2)["v2"]
    assert as_candidate == as_stable, "streams on it would be cut"
    assert named(V1, V2)["v1"] == named(V1)["v1"] == named(V2, V1)["v1"]


def test_only_the_timed_cluster_gives_a_request_up() -> None:
    limits = {
        name: options(cluster)["common_http_protocol_options"].get("max_stream_duration")
        for name, cluster in named(V1, V2).items()
    }
    assert {name: limit for name, limit in limits.items() if limit is not None} == {"v2/timed": "7.000s"}


def test_both_of_a_version_s_clusters_find_its_endpoints_over_ads() -> None:
    made = named(V1, V2)
    for name, service in {"v1": "v1", "v2": "v2", "v2/timed": "v2"}.items():
        source = made[name]["eds_cluster_config"]
        assert (made[name]["type"], source["service_name"]) == ("EDS", service)
        assert "ads" in source["eds_config"]
    assert all("eds_cluster_config" not in made[name] for name in AGGREGATES)


@pytest.mark.parametrize("name", AGGREGATES)
def test_a_failed_attempt_is_made_once_more_at_stable(name: str) -> None:
    policy = options(named(V1, V2)[name])["retry_policy"]
    assert policy["num_retries"] == 1
    assert policy["retry_priority"]["name"] == "envoy.retry_priorities.previous_priorities"
    assert policy["retry_priority"]["typed_config"]["update_frequency"] == 1, "the second attempt is elsewhere"
    assert set(policy["retry_on"].split(",")) <= KNOWN_RETRIES


@pytest.mark.parametrize("name", ["v2/unsafe", "v2/stream"])
def test_what_must_not_happen_twice_is_tried_again_only_where_nothing_arrived(name: str) -> None:
    words = set(options(named(V1, V2)[name])["retry_policy"]["retry_on"].split(","))
    assert words == {"connect-failure", "refused-stream", "reset-before-request"}


def test_any_failure_of_what_may_happen_twice_is_tried_again() -> None:
    words = set(options(named(V1, V2)["v2/idempotent"])["retry_policy"]["retry_on"].split(","))
    assert {"5xx", "reset"} <= words


@pytest.mark.parametrize("name", ["v1", "v2", "v2/timed"])
def test_a_version_alone_is_never_retried(name: str) -> None:
    assert "retry_policy" not in options(named(V1, V2)[name])


def test_each_cluster_speaks_its_version_s_protocol() -> None:
    made = named(V1, replace(V2, protocol="h2c"))
    spoken = {name: set(options(cluster)["explicit_http_config"]) for name, cluster in made.items()}
    assert spoken.pop("v1") == {"http_protocol_options"}
    assert set(map(frozenset, spoken.values())) == {frozenset({"http2_protocol_options"})}


@pytest.mark.parametrize(("protocol", "codec"), [("http1", "HTTP1"), ("h2c", "HTTP2")])
def test_an_http_probe_asks_for_its_path_in_the_version_s_protocol(protocol: Any, codec: str) -> None:  # noqa: ANN401  # a Literal
    probe = Probe("http", "/ready?deep=1", interval_s=2.0, timeout_s=0.5)
    [check] = named(replace(V1, protocol=protocol, ready=probe))["v1"]["health_checks"]
    # Envoy's ranges are half-open: 200 to 399 are well, as `Probe` says.
    asked = {
        "path": "/ready?deep=1",
        "codec_client_type": codec,
        "expected_statuses": [{"start": "200", "end": "400"}],
    }
    assert check["http_health_check"] == asked
    assert "tcp_health_check" not in check
    assert (check["interval"], check["no_traffic_interval"], check["timeout"]) == ("2.000s", "2.000s", "0.500s")


def test_a_tcp_probe_connects_and_sends_nothing() -> None:
    [check] = named(V1)["v1"]["health_checks"]
    assert check["tcp_health_check"] == {}
    assert "http_health_check" not in check


@pytest.mark.parametrize(("interval_s", "expected"), [(5.0, "0.500s"), (0.2, "0.200s")])
def test_an_instance_that_failed_is_asked_again_soon(interval_s: float, expected: str) -> None:
    [check] = named(replace(V1, ready=Probe(interval_s=interval_s)))["v1"]["health_checks"]
    assert check["unhealthy_interval"] == expected
    assert check["healthy_threshold"] == 1


def test_limits_are_what_the_version_can_take() -> None:
    strong = replace(V2, max_connections=300, max_requests=4000, keep_alive_s=2.5)
    made = named(V1, strong)
    expected = {"max_connections": 300, "max_pending_requests": 4000, "max_requests": 4000, "max_retries": 4000}
    for name in ("v2", "v2/timed", *AGGREGATES):
        assert made[name]["circuit_breakers"]["thresholds"] == [expected]
        assert options(made[name])["common_http_protocol_options"]["idle_timeout"] == "2.500s"
    assert made["v1"]["circuit_breakers"]["thresholds"][0]["max_connections"] == V1.max_connections


def test_a_candidate_may_be_given_up_whole_and_stable_by_half_at_most() -> None:
    made = named(V1, V2)
    ejection = {name: made[name]["outlier_detection"] for name in ("v1", "v2", "v2/timed")}
    assert {name: each["max_ejection_percent"] for name, each in ejection.items()} == {
        "v1": 50,
        "v2": 50,  # the same in every role
        "v2/timed": 100,
    }
    assert {name: (each["base_ejection_time"], each["max_ejection_time"]) for name, each in ejection.items()} == {
        "v1": ("5s", "30s"),
        "v2": ("5s", "30s"),
        "v2/timed": ("0.5s", "0.5s"),  # or there would be no evidence against it
    }
    # Else a passing probe would bring back an instance that answers 500.
    assert not any(each["successful_active_health_check_uneject_host"] for each in ejection.values())
    assert ejection["v2/timed"]["enforcing_consecutive_5xx"] == 100
    assert ejection["v1"]["enforcing_consecutive_5xx"] == 0, "stable's own 500 are not worth losing it"


def test_users_go_to_stable_rather_than_to_unhealthy_candidates() -> None:
    made = named(V1, V2)
    assert made["v2/timed"]["common_lb_config"]["healthy_panic_threshold"] == {"value": 0}
    assert "healthy_panic_threshold" not in made["v1"]["common_lb_config"]


def test_connecting_may_take_two_seconds_and_ejections_show_at_once() -> None:
    made = named(V1, V2)
    assert {cluster["connect_timeout"] for cluster in made.values()} == {"2s"}
    assert {made[name]["common_lb_config"]["update_merge_window"] for name in ("v1", "v2", "v2/timed")} == {"0s"}


def test_every_time_is_in_seconds() -> None:
    version = replace(V2, ready=Probe("http", "/", 0.25, 1.5), keep_alive_s=0.75)
    endings = ("timeout", "interval", "_time", "_window", "_duration", "jitter")
    times = [
        value for cluster in named(V1, version).values() for key, value in leaves(cluster) if key.endswith(endings)
    ]
    assert len(times) > 30
    assert [value for value in times if not re.fullmatch(r"\d+(\.\d{1,3})?s", str(value))] == []


@given(st.floats(0.001, 1e6))
@settings(deadline=None)
def test_seconds_are_as_protobuf_reads_them(value: float) -> None:
    read = Duration()
    read.FromJsonString(seconds(value))
    assert read.ToTimedelta().total_seconds() == pytest.approx(value, abs=0.0006)


def test_endpoints_carry_their_version_s_name_and_side() -> None:
    first, second = assignments(traffic(V1, V2))
    assert (first["cluster_name"], second["cluster_name"]) == ("v1", "v2")
    [locality] = second["endpoints"]
    places = [each["endpoint"]["address"]["socket_address"] for each in locality["lb_endpoints"]]
    assert places == [{"address": "127.0.0.1", "port_value": port} for port in (9002, 9003)]
    for assignment, side in ((first, "stable"), (second, "candidate")):
        said = {"version": assignment["cluster_name"], "side": side}
        for endpoint in assignment["endpoints"][0]["lb_endpoints"]:
            assert endpoint["metadata"] == {"filter_metadata": {"abreast": said}}


def test_a_version_without_a_ready_instance_has_no_endpoints() -> None:
    empty = replace(traffic(), stable=Backend(V1, ()))
    assert list(assignments(empty)) == [{"cluster_name": "v1", "endpoints": []}]
