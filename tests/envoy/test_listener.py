"""The listener: what users' connections hang on must not change with rollouts."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.envoy.capture import FILTER
from abreast.envoy.clusters import Resource
from abreast.envoy.listener import ATTEMPTS, LISTENER, USERS, listener, listeners
from abreast.envoy.log_metadata import NAMESPACE
from abreast.envoy.messages import LISTENER as LISTENER_URL
from abreast.envoy.routes import ROUTES
from abreast.envoy.snapshot import build, packed
from abreast.model.service import AccessLog, Endpoint, GatewaySettings, Tls, Traces, UserKey, Version
from abreast.model.traffic import Backend, Shadowing, Split, Traffic

SETTINGS = GatewaySettings(listen=Endpoint("127.0.0.1", 8181), timeout_s=9.0, drain_s=4.0)
LOG = AccessLog(file="/l")
TLS = replace(SETTINGS, tls=Tls("/etc/shop/certificate.pem", "/etc/shop/key.pem"))


def manager(settings: GatewaySettings = SETTINGS) -> Resource:
    """The connection manager."""
    [chain] = listener(settings, "shop")["filter_chains"]
    [each] = chain["filters"]
    found: Resource = each["typed_config"]
    return found


def router() -> Resource:
    """The router, behind the one other filter, which is off: the fewer, the less each request costs."""
    [capture, each] = manager()["http_filters"]
    assert (capture["name"], capture["disabled"]) == (FILTER, True)
    assert each["name"] == "envoy.filters.http.router"
    found: Resource = each["typed_config"]
    return found


def as_sent(settings: GatewaySettings) -> bytes:
    """The bytes that Envoy is told."""
    sent: bytes = packed(LISTENER_URL, listener(settings, "shop")).SerializeToString(deterministic=True)
    return sent


def test_there_is_one_and_it_listens_where_it_was_told() -> None:
    [only] = listeners(SETTINGS, "shop")
    assert only == listener(SETTINGS, "shop")
    assert only["name"] == LISTENER
    assert only["address"] == {"socket_address": {"address": "127.0.0.1", "port_value": 8181}}


VERSIONS = st.builds(
    Version,
    name=st.just("v1"),
    run=st.just(("serve",)),
    timeout_s=st.floats(1.0, 60.0),
    protocol=st.sampled_from(["http1", "h2c"]),
)
PORTS = st.lists(st.integers(1024, 65535), max_size=3)


@given(VERSIONS, PORTS, st.integers(0, 10_000), st.text("abc0", max_size=4), st.text("xyz1", max_size=4), st.booleans())
@settings(deadline=None)
def test_no_rollout_changes_a_byte_of_it(
    version: Version, ports: list[int], weight: int, salt: str, secret: str, rollout: bool
) -> None:
    stable = Backend(version, tuple(Endpoint("127.0.0.1", port) for port in ports))
    candidate = replace(stable, version=replace(version, name="v2")) if rollout else None
    shadow = Shadowing(weight or 1, 100.0) if version.timeout_s > 30 else None
    split = Split("v1", "v2", weight, salt, shadow) if rollout else Split("v1")
    users = (UserKey("header", f"x-{salt}u"),)
    told = build(Traffic("shop", split, stable, candidate, SETTINGS, users, secret)).resources[LISTENER_URL]
    assert set(told) == {LISTENER}
    assert packed(LISTENER_URL, told[LISTENER]).SerializeToString(deterministic=True) == as_sent(SETTINGS)


@pytest.mark.parametrize(
    "changed",
    [
        {"listen": Endpoint("127.0.0.1", 8182)},
        {"tls": TLS.tls},
        {"drain_s": 5.0},
        {"timeout_s": 900.0},
        {"access_log": LOG},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_settings_do_change_it(changed: dict[str, Any]) -> None:
    assert as_sent(replace(SETTINGS, **changed)) != as_sent(SETTINGS)


def test_threads_are_not_its_business() -> None:
    assert as_sent(replace(SETTINGS, concurrency=4)) == as_sent(SETTINGS)


def test_routes_come_apart_from_it() -> None:
    assert manager()["rds"]["route_config_name"] == ROUTES
    assert "ads" in manager()["rds"]["config_source"]
    assert "route_config" not in manager()


def test_without_tls_it_speaks_in_the_open() -> None:
    [chain] = listener(SETTINGS, "shop")["filter_chains"]
    assert "transport_socket" not in chain


def test_with_tls_it_offers_http_2_first() -> None:
    [chain] = listener(TLS, "shop")["filter_chains"]
    context = chain["transport_socket"]["typed_config"]["common_tls_context"]
    assert context["alpn_protocols"] == ["h2", "http/1.1"]
    assert context["tls_certificates"] == [
        {
            "certificate_chain": {"filename": "/etc/shop/certificate.pem"},
            "private_key": {"filename": "/etc/shop/key.pem"},
        }
    ]


def test_it_takes_http_1_http_2_and_websockets() -> None:
    assert manager()["codec_type"] == "AUTO"
    assert manager()["upgrade_configs"] == [{"upgrade_type": "websocket"}]


@pytest.mark.parametrize(("timeout_s", "expected"), [(9.0, "300.000s"), (900.0, "900.000s")])
def test_a_silent_request_lasts_at_least_as_long_as_its_time_out(timeout_s: float, expected: str) -> None:
    assert manager(replace(SETTINGS, timeout_s=timeout_s))["stream_idle_timeout"] == expected


def test_draining_takes_as_long_as_it_was_told() -> None:
    assert manager()["drain_timeout"] == "4.000s"


def test_users_command_nothing_by_headers() -> None:
    assert manager()["use_remote_address"]
    assert manager()["internal_address_config"]["cidr_ranges"] == [
        {"address_prefix": "255.255.255.255", "prefix_len": 32}
    ], "an empty list would make loopback and private addresses internal"
    assert not manager()["internal_address_config"]["unix_sockets"]
    assert router()["suppress_envoy_headers"]


def test_every_request_gets_an_id_of_ours() -> None:
    assert manager()["generate_request_id"]


def test_attempts_and_users_requests_are_counted_each_where_they_end() -> None:
    [attempts] = router()["upstream_log"]
    [users] = manager()["access_log"]
    assert {attempts["name"], users["name"]} == {"envoy.access_loggers.stats"}
    told = {each["typed_config"]["stat_prefix"]: each["typed_config"] for each in (attempts, users)}
    assert set(told) == {ATTEMPTS, USERS}
    for config in told.values():
        [counter] = config["counters"]
        assert counter["value_fixed"] == 1
        assert counter["stat"]["tags"][0]["value_format"] == "%UPSTREAM_METADATA(abreast:version)%"
        assert counter["stat"]["tags"][1]["value_format"] == "%RESPONSE_CODE%"
    tags = {prefix: [tag["name"] for tag in told[prefix]["counters"][0]["stat"]["tags"]] for prefix in told}
    assert tags == {ATTEMPTS: ["version", "code"], USERS: ["version", "code", "shadow", "capture"]}


def test_a_users_request_says_what_became_of_its_copy() -> None:
    [users] = manager()["access_log"]
    said = {each["name"]: each["value_format"] for each in users["typed_config"]["counters"][0]["stat"]["tags"]}
    assert said["shadow"] == "%METADATA(ROUTE:abreast:shadow)%"
    assert said["capture"] == "%DYNAMIC_METADATA(abreast:capture)%"


def test_latencies_are_of_attempts_in_microseconds_and_by_version_alone() -> None:
    [histogram] = router()["upstream_log"][0]["typed_config"]["histograms"]
    assert [tag["name"] for tag in histogram["stat"]["tags"]] == ["version"], "one histogram for each code costs memory"
    assert histogram["unit"] == "Microseconds"
    assert histogram["value_format"].endswith(":us)%")
    assert "histograms" not in manager()["access_log"][0]["typed_config"]


def test_logs_and_spans_are_added_when_asked_for_and_only_then() -> None:
    log = AccessLog(file="/l", otlp=Endpoint("127.0.0.1", 4317))
    made = manager(replace(SETTINGS, access_log=log, traces=Traces(Endpoint("127.0.0.1", 4318))))
    plain = manager()
    assert [each["name"] for each in made["http_filters"]] == [FILTER, NAMESPACE, "envoy.filters.http.router"]
    assert made["access_log"][0] == plain["access_log"][0], "counting goes on as before"
    assert {each["name"] for each in made["access_log"][1:]} == {
        "envoy.access_loggers.file",
        "envoy.access_loggers.open_telemetry",
    }
    assert set(made) - set(plain) == {"tracing", "request_id_extension"}


def test_nothing_is_written_for_each_request() -> None:
    assert "file" not in json.dumps(listener(SETTINGS, "shop")), "no access log but the counting ones"
