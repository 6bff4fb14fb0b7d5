"""Snapshots: whole, consistent, named by their content, and accepted by the real Envoy."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from google.protobuf.json_format import MessageToDict, ParseError
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.envoy.binary import envoy_binary
from abreast.envoy.bootstrap import bootstrap
from abreast.envoy.capture import RELAY
from abreast.envoy.clusters import Resource
from abreast.envoy.messages import CLUSTER, ENDPOINTS, LISTENER, MESSAGES, ROUTE_TABLE
from abreast.envoy.snapshot import ID_LENGTH, Snapshot, build, check, digest, packed
from abreast.model.service import AccessLog, Endpoint, GatewaySettings, Probe, Tls, Traces, UserKey, Version
from abreast.model.shadow import IsolatedRoute
from abreast.model.traffic import Backend, Shadowing, Split, Traffic

STABLE = Backend(Version("v1", run=("serve",)), (Endpoint("127.0.0.1", 9001),))
CANDIDATE = Backend(Version("v2.0", run=("serve",)), (Endpoint("127.0.0.1", 9002), Endpoint("127.0.0.1", 9003)))
USERS = (UserKey("header", "x-user-id"), UserKey("cookie", "session.id"))
ALONE = Traffic("shop", Split("v1"), STABLE, None, GatewaySettings(), USERS, "secret")
ROLLOUT = Traffic("shop", Split("v1", "v2.0", 500, "salt"), STABLE, CANDIDATE, GatewaySettings(), USERS, "secret")
SHADOWING = Shadowing(2000, 100.0, (IsolatedRoute(("POST", "PUT"), "/orders"),))
SHADOWED = replace(ROLLOUT, split=replace(ROLLOUT.split, shadow=SHADOWING))

endpoints = st.lists(st.builds(Endpoint, st.just("127.0.0.1"), st.integers(1, 5)), max_size=2, unique=True).map(tuple)


def backends(name: str) -> st.SearchStrategy[Backend]:
    """A version of that name with some endpoints; of its fields those that the gateway is told."""
    version = st.builds(
        Version,
        name=st.just(name),
        run=st.just(("serve",)),
        ready=st.builds(Probe, st.just("http"), st.sampled_from(["/", "/ready"]), st.sampled_from([1.0, 2.0])),
        protocol=st.sampled_from(["http1", "h2c"]),
        timeout_s=st.sampled_from([5.0, 10.0]) if name != "v1" else st.just(10.0),
        keep_alive_s=st.sampled_from([1.5, 3.0]),
        max_requests=st.sampled_from([100, 20_000]),
    )
    return st.builds(Backend, version, endpoints)


rollouts = st.builds(
    Traffic,
    service=st.sampled_from(["shop", "bank"]),
    split=st.builds(
        Split,
        st.just("v1"),
        st.just("v2"),
        st.integers(0, 10_000),
        st.sampled_from(["a", "b"]),
        st.sampled_from([None, Shadowing(1, 100.0), Shadowing(10_000, 0.5), SHADOWING]),
    ),
    stable=backends("v1"),
    candidate=backends("v2"),
    gateway=st.builds(GatewaySettings, timeout_s=st.sampled_from([15.0, 30.0]), drain_s=st.sampled_from([5.0, 10.0])),
    users=st.lists(st.sampled_from(USERS), unique=True).map(tuple),
    tester_secret=st.sampled_from(["", "one", "other"]),
)


@given(rollouts, rollouts)
@settings(max_examples=60, deadline=None)
def test_two_snapshots_have_one_version_exactly_if_their_traffic_is_the_same(one: Traffic, other: Traffic) -> None:
    assert build(one).version == build(copy.deepcopy(one)).version
    assert (build(one).version == build(other).version) == (one == other)


def changed_version(**changes: Any) -> Callable[[Traffic], Traffic]:  # noqa: ANN401  # fields of Version
    def change(traffic: Traffic) -> Traffic:
        assert traffic.candidate is not None
        version = replace(traffic.candidate.version, **changes)
        return replace(traffic, candidate=replace(traffic.candidate, version=version))

    return change


def with_gateway(**changes: Any) -> Callable[[Traffic], Traffic]:  # noqa: ANN401  # fields of GatewaySettings
    return lambda traffic: replace(traffic, gateway=replace(traffic.gateway, **changes))


CHANGES: dict[str, Callable[[Traffic], Traffic]] = {
    "weight": lambda traffic: replace(traffic, split=replace(traffic.split, weight=501)),
    "shadow": lambda traffic: replace(traffic, split=replace(traffic.split, shadow=Shadowing(1, 1.0))),
    "salt": lambda traffic: replace(traffic, split=replace(traffic.split, salt="pepper")),
    "endpoints": lambda traffic: replace(traffic, candidate=replace(CANDIDATE, endpoints=CANDIDATE.endpoints[:1])),
    "users": lambda traffic: replace(traffic, users=USERS[::-1]),
    "secret": lambda traffic: replace(traffic, tester_secret="changed"),
    "listen": lambda traffic: replace(traffic, gateway=GatewaySettings(listen=Endpoint("127.0.0.1", 8081))),
    "tls": lambda traffic: replace(traffic, gateway=GatewaySettings(tls=Tls("/c.pem", "/k.pem"))),
    "access log": with_gateway(access_log=AccessLog(file="/l")),
    "logs' collector": with_gateway(access_log=AccessLog(otlp=Endpoint("127.0.0.1", 4317))),
    "traces": with_gateway(traces=Traces(Endpoint("127.0.0.1", 4317))),
    "timeout": changed_version(timeout_s=9.0),
    "protocol": changed_version(protocol="h2c"),
    "probe": changed_version(ready=Probe("http", "/healthz")),
    "connections": changed_version(max_connections=7),
    "candidate": lambda _: ALONE,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_each_single_change_has_a_version_of_its_own(change: Callable[[Traffic], Traffic]) -> None:
    assert build(change(ROLLOUT)).version != build(ROLLOUT).version


def test_where_the_relay_listens_and_how_many_threads_copy_is_part_of_it() -> None:
    told = build(SHADOWED, Path("/run/relay.sock"), workers=2)
    versions = {told.version, build(SHADOWED, Path("/run/relay.sock"), workers=4).version, build(SHADOWED).version}
    assert len(versions) == 3
    assert "/run/relay.sock" in str(told.resources[CLUSTER][RELAY])
    one, four = (build(ROLLOUT, workers=workers).version for workers in (1, 4))
    assert one == four, "without shadowing there is nothing to share"


def test_the_version_is_the_same_after_a_restart() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from tests.envoy.test_snapshot import *; print(build(ROLLOUT).version)"],
        # Sets are in another order under another seed.
        env={**os.environ, "PYTHONHASHSEED": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == build(ROLLOUT).version


def test_a_digest_is_short_and_does_not_hang_on_the_order_of_fields() -> None:
    assert digest([{"a": 1, "b": 2}]) == digest([{"b": 2, "a": 1}])
    assert digest([{"a": 1}, {"b": 2}]) != digest([{"b": 2}, {"a": 1}])
    assert len(digest([])) == ID_LENGTH


def test_a_snapshot_says_what_it_holds() -> None:
    snapshot = build(ROLLOUT)
    aggregates = {"v2.0/idempotent", "v2.0/unsafe", "v2.0/stream"}
    assert snapshot.split == ROLLOUT.split
    assert snapshot.names(CLUSTER) == {"v1", "v2.0", "v2.0/timed", RELAY, *aggregates}
    assert snapshot.names(ENDPOINTS) == {"v1", "v2.0"}
    assert (len(snapshot.names(LISTENER)), len(snapshot.names(ROUTE_TABLE))) == (1, 1)
    assert snapshot.routed == {"v1", "v2.0", *aggregates}, "forced sides go to the versions alone"
    assert build(ALONE).routed == {"v1"}
    assert snapshot.resources[CLUSTER][RELAY] == build(ALONE).resources[CLUSTER][RELAY], "no rollout changes it"
    assert build(SHADOWED).routed == snapshot.routed, "no request is routed to the relay"


def without(url: str, name: str) -> Snapshot:
    """The rollout's snapshot, torn."""
    snapshot = build(ROLLOUT)
    kept = {each: resource for each, resource in snapshot.resources[url].items() if each != name}
    return replace(snapshot, resources={**snapshot.resources, url: kept})


@pytest.mark.parametrize(
    ("url", "name", "faults"),
    [
        (CLUSTER, "v2.0/unsafe", ["a route to the unknown cluster 'v2.0/unsafe'"]),
        (
            CLUSTER,
            "v2.0/timed",
            [
                "cluster 'v2.0/idempotent' has the unknown member 'v2.0/timed'",
                "cluster 'v2.0/unsafe' has the unknown member 'v2.0/timed'",
            ],
        ),
        (
            CLUSTER,
            "v2.0",
            ["a route to the unknown cluster 'v2.0'", "cluster 'v2.0/stream' has the unknown member 'v2.0'"],
        ),
        (ENDPOINTS, "v1", ["cluster 'v1' has no endpoints resource 'v1'"]),
        (
            ENDPOINTS,
            "v2.0",
            [
                "cluster 'v2.0' has no endpoints resource 'v2.0'",
                "cluster 'v2.0/timed' has no endpoints resource 'v2.0'",
            ],
        ),
    ],
)
def test_what_is_missing_is_named_every_time_it_is_missed(url: str, name: str, faults: list[str]) -> None:
    with pytest.raises(ValueError, match=r"^inconsistent snapshot: ") as caught:
        check(without(url, name))
    assert str(caught.value).removeprefix("inconsistent snapshot: ").split("; ") == faults


@given(rollouts)
@settings(max_examples=30, deadline=None)
def test_every_snapshot_that_is_built_is_consistent_and_speaks_envoy_s_language(traffic: Traffic) -> None:
    snapshot = build(traffic)
    check(snapshot)
    for url, resources in snapshot.resources.items():
        for name, resource in resources.items():
            message = MESSAGES[url]()
            wrapped = packed(url, resource)
            assert wrapped.type_url == url
            assert wrapped.Unpack(message)
            assert getattr(message, "cluster_name", "") or getattr(message, "name", "") == name


@pytest.mark.parametrize("name", ["v1", "v2.0/timed", "v2.0/idempotent"])
def test_packing_loses_nothing(name: str) -> None:
    cluster = build(ROLLOUT).resources[CLUSTER][name]
    message = MESSAGES[CLUSTER]()
    packed(CLUSTER, cluster).Unpack(message)
    read = MessageToDict(message, preserving_proto_field_name=True)
    assert set(cluster) - set(read) <= {"lb_policy"}, "only what is the default need not be said"
    assert packed(CLUSTER, read) == packed(CLUSTER, cluster)


@pytest.mark.parametrize(
    "misspell",
    [
        lambda cluster: cluster | {"conect_timeout": "2s"},
        lambda cluster: cluster | {"connect_timeout": "two seconds"},
        lambda cluster: cluster | {"circuit_breakers": {"thresholds": [{"max_request": 1}]}},
        lambda cluster: cluster | {"lb_policy": "ROUND_ROBBIN"},
        lambda cluster: cluster | {"typed_extension_protocol_options": {"x": {"@type": "type.googleapis.com/no.Such"}}},
    ],
    ids=["field", "duration", "nested", "word", "type"],
)
def test_what_is_misspelt_is_not_sent(misspell: Callable[[Resource], Resource]) -> None:
    cluster = misspell(build(ROLLOUT).resources[CLUSTER]["v1"])
    with pytest.raises(ParseError):
        packed(CLUSTER, cluster)


def rendition(snapshot: Snapshot, folder: Path) -> Resource:
    """The same as one static configuration: endpoints and routes inside of what would ask for them."""
    config = bootstrap("gateway-1.0", folder / "admin.sock", folder / "ads.sock", 10_000)
    resources = copy.deepcopy(snapshot.resources)
    for cluster in resources[CLUSTER].values():
        if source := cluster.pop("eds_cluster_config", None):
            cluster["type"] = "STATIC"
            cluster["load_assignment"] = resources[ENDPOINTS][source["service_name"]]
    for listener in resources[LISTENER].values():
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["route_config"] = resources[ROUTE_TABLE][manager.pop("rds")["route_config_name"]]
    config["static_resources"]["clusters"] += resources[CLUSTER].values()
    config["static_resources"]["listeners"] = list(resources[LISTENER].values())
    return config


def validated(snapshot: Snapshot, folder: Path) -> str:
    """What Envoy has against it; "" for nothing."""
    file = folder / "envoy.json"
    file.write_text(json.dumps(rendition(snapshot, folder)))
    command = [str(envoy_binary()), "--mode", "validate", "-c", str(file), "-l", "warning", "--concurrency", "1"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    return "" if told.returncode == 0 else told.stderr + told.stdout


H2C = replace(CANDIDATE, version=replace(CANDIDATE.version, protocol="h2c", ready=Probe("http", "/ready")))

TRAFFICS = {
    "stable alone": ALONE,
    "no instance is ready": replace(ALONE, stable=replace(STABLE, endpoints=())),
    "a rollout": ROLLOUT,
    "nobody yet, no secret, no users": replace(
        ROLLOUT, split=replace(ROLLOUT.split, weight=0), users=(), tester_secret=""
    ),
    "everybody, h2c, HTTP probe": replace(ROLLOUT, split=replace(ROLLOUT.split, weight=10_000), candidate=H2C),
    "shadowing": SHADOWED,
    "IPv6": replace(ROLLOUT, stable=replace(STABLE, endpoints=(Endpoint("::1", 9001),))),
}


@pytest.mark.parametrize("traffic", TRAFFICS.values(), ids=TRAFFICS)
def test_envoy_accepts_it(traffic: Traffic, short_tmp: Path) -> None:
    assert validated(build(traffic), short_tmp) == ""


def test_envoy_accepts_it_with_tls(short_tmp: Path) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(short_tmp / "certificate.pem")
    certificate.private_key_pem.write_to_path(short_tmp / "key.pem")
    tls = Tls(str(short_tmp / "certificate.pem"), str(short_tmp / "key.pem"))
    assert validated(build(replace(ROLLOUT, gateway=GatewaySettings(tls=tls))), short_tmp) == ""


def test_envoy_would_refuse_what_the_check_refuses(short_tmp: Path) -> None:
    assert "unknown" in validated(without(CLUSTER, "v2.0/unsafe"), short_tmp)
