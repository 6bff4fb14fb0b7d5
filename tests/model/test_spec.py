"""The spec as a whole: defaults, the values it becomes, every fault at once, and its published schema."""

from dataclasses import replace

import pytest

from abreast.model.errors import SpecError, UsageError
from abreast.model.rollout import (
    ApproveStep,
    BakeStep,
    DataGate,
    DifferenceGate,
    ErrorGate,
    HoldStep,
    LatencyGate,
    Policy,
    ShadowStep,
    WeightStep,
)
from abreast.model.service import Endpoint, GatewaySettings, Probe, Service, Tls, UserKey, Version
from abreast.model.shadow import IsolatedRoute, RulePolicy, ShadowPolicy, TolerancePolicy
from abreast.model.spec import parse_spec, service_name

SMALLEST = """
versions:
  v1: {run: ./old}
  v2: {run: ./new}
"""

FULL = """
service: shop
gateway:
  listen: "[::1]:8443"
  tls: {certificate: shop.crt, key: /etc/shop.key}
  timeout: 20s
  drain: 30s
  concurrency: 2
users: {by: [header:X-User-Id, cookie:Session]}
versions:
  v1:
    run: gunicorn 'shop app' --bind 127.0.0.1:{port}
    instances: 2
    env: {LEVEL: info, RELEASE: 1.10, DEBUG: true, EMPTY: ""}
    cwd: releases/1
    ready: GET /healthz?full=1
    live: tcp
    start_timeout: 2m
    stop_timeout: 20s
    timeout: 12s
    keep_alive: 1s
    protocol: h2c
    capacity: {max_connections: 100, max_requests: 200}
  "1.10": {run: [./new, --port, 80, "{port}"], isolated: true}
  v3: {endpoints: ["127.0.0.1:9001", "localhost:9002", "[::1]:9003"], ready: tcp, isolated: true}
stable: v1
rollout:
  steps:
    - approve: are you ready?
    - {shadow: 10%, for: 10m}
    - {weight: 0.5%, for: 5m, shadow: 5%}
    - {shadow: 0%}
    - hold: 10m
    - approve:
    - weight: 50%
    - bake: 2h
  approve: [weight 50%]
  step_time: {at_least: 2m, at_most: 30m}
  on_timeout: promote-unproven
  on_failure: freeze
  shadow:
    at_most: 2.5
    controls: 50%
    unsafe: [{methods: [POST, PUT], prefix: /search}, {methods: [X-SYNC]}]
    operation: [header:X-Amz-Target, query:Action, body:/operationName]
    templates: ["/orders/{id}", "/a/{b}.{c}"]
    descriptors: api.pb
    timeout: 3s
    keep: 2d
  gates:
    errors: {budget: 1%, window: 2s}
    latency: {tolerance: 50%, window: 5s, warm_up: 2m}
    differences:
      tolerance: 1%
      ignore: [/generated_at, "header:X-Build", status, body, "header:Set-Cookie/SID"]
      unordered: [/tags, ""]
      keyed: {/items: id, /rows: 1.10}
      tolerances: {/total: 0.01, /ratio: 1%, /updated_at: 5s}
      mask: ['nonce="[^"]*"', 404]
      redact: [/email, "header:X-Token", "query:Session"]
      endpoints:
        "GET /orders*": {ignore: [/etag], keyed: {/x: 2.0}}
        "* /empty": {}
  retire: {after: 1h, unused_for: 5m, open_for: 10m}
data:
  url: postgresql://abreast@db/shop
  mode: shared
  schema: sales
  migrations: {"1.10": migrations/a.yaml, v3: [b.yml, c.json]}
  roles: {v1: shop_old, v3: 3}
  tags: [products, 2]
  keep_tags: 2d
  lock_timeout: 100ms
  oldest_transaction: 30s
  unused_for: 0
  backfill: {pause: 1.5, replica_lag: 2s}
alerts: ["slack://a/b/c", "alertmanager://127.0.0.1:9093"]
"""

SEVEN = """\
service: Shop
gateway:
  listen: 127.0.0.1
  timout: 10s
versions:
  v1: {run: "./old", instances: 0}
  v2: {ready: GET /healthz}
stable: v9
rollout:
  steps: [{weight: 50%}, {weight: 10%}]
"""


def faults(text: str, **environment: str) -> list[tuple[int, str, str, str]]:
    """Line, path, message and remedy of every fault in the text."""
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "a.yaml", environment=environment)
    found = caught.value.faults
    assert all(fault.file == "a.yaml" for fault in found)
    assert [fault.line for fault in found] == sorted(fault.line for fault in found)
    return [(fault.line, fault.path, fault.message, fault.remedy) for fault in found]


def test_two_versions_are_a_spec() -> None:
    spec = parse_spec(SMALLEST, directory="/srv/shop")
    assert spec.service() == Service(
        name="shop",
        versions=(Version("v1", run=("./old",), cwd="/srv/shop"), Version("v2", run=("./new",), cwd="/srv/shop")),
        stable="v1",
        users=(),
        gateway=GatewaySettings(),
    )
    assert spec.policy("v2") == Policy()


def test_every_key_arrives() -> None:
    spec = parse_spec(FULL, directory="/srv/x")
    service = spec.service()
    assert service.name == "shop"
    assert service.stable == "v1"
    assert service.users == (UserKey("header", "x-user-id"), UserKey("cookie", "Session"))
    assert service.gateway == GatewaySettings(
        Endpoint("::1", 8443), Tls("/srv/x/shop.crt", "/etc/shop.key"), timeout_s=20.0, concurrency=2, drain_s=30.0
    )
    assert service.version("v1") == Version(
        name="v1",
        run=("gunicorn", "shop app", "--bind", "127.0.0.1:{port}"),
        instances=2,
        env=(("LEVEL", "info"), ("RELEASE", "1.10"), ("DEBUG", "true"), ("EMPTY", "")),
        cwd="/srv/x/releases/1",
        ready=Probe("http", "/healthz?full=1"),
        live=Probe("tcp"),
        protocol="h2c",
        start_timeout_s=120.0,
        stop_timeout_s=20.0,
        timeout_s=12.0,
        keep_alive_s=1.0,
        max_connections=100,
        max_requests=200,
    )
    assert service.version("1.10") == Version(
        "1.10", run=("./new", "--port", "80", "{port}"), cwd="/srv/x", isolated=True
    )
    assert service.version("v3") == Version(
        "v3",
        endpoints=(Endpoint("127.0.0.1", 9001), Endpoint("127.0.0.1", 9002), Endpoint("::1", 9003)),
        cwd="/srv/x",
        isolated=True,
    )
    assert service.alerts == ("slack://a/b/c", "alertmanager://127.0.0.1:9093")


def test_the_policy_is_the_candidates() -> None:
    spec = parse_spec(FULL)
    assert replace(spec.policy("v1"), shadow=ShadowPolicy()) == Policy(
        steps=(
            ApproveStep("are you ready?"),
            ShadowStep(1000, 600.0),
            WeightStep(50, 300.0, shadow=500),
            ShadowStep(0),
            HoldStep(600.0),
            ApproveStep(),
            ApproveStep("before weight 50 %"),
            WeightStep(5000),
            WeightStep(10_000),
            BakeStep(7200.0),
        ),
        at_least_s=120.0,
        at_most_s=1800.0,
        on_timeout="promote-unproven",
        on_failure="freeze",
        errors=ErrorGate(budget=100, window_s=2.0),
        latency=LatencyGate(tolerance=5000, window_s=5.0, warm_up_s=120.0),
        differences=DifferenceGate(tolerance=100),
        data=DataGate(),
        retire_after_s=3600.0,
        unused_for_s=300.0,
        open_for_s=600.0,
        drain_s=30.0,
        start_timeout_s=120.0,
    )
    assert spec.policy("v3").start_timeout_s == Version.start_timeout_s


def test_latency_may_be_left_out_whatever_else_is_said_of_it() -> None:
    def latency(words: str) -> LatencyGate | None:
        text = f"versions: {{v1: {{run: a}}, v2: {{run: b}}}}\nstable: v1\nrollout: {{gates: {{latency: {words}}}}}"
        return parse_spec(text).policy("v2").latency

    assert latency("{}") == LatencyGate()
    assert latency("{watch: true, tolerance: 5%}") == LatencyGate(tolerance=500)
    assert latency("{watch: false, tolerance: 5%}") is None


@pytest.mark.parametrize(
    ("gates", "path", "message", "remedy"),
    [
        ("errors: {budget: 0%}", "errors.budget", "'0%' is not allowed here", "write at least 0.01 %"),
        ("errors: {limit: 5%}", "errors.limit", "unknown key 'limit'; allowed here: watch, budget", "abreast schema"),
        ("latency: off", "latency", "a mapping of keys", ""),
        ("latency: {warmup: 5s}", "latency.warmup", "unknown key 'warmup'", "did you mean `warm_up`?"),
        ("latency: {tolerance: 20}", "latency.tolerance", "", "%"),
        ("errors: {window: 0s}", "errors.window", "", "1s"),
    ],
)
def test_what_a_gate_cannot_be_is_refused_with_what_it_can(gates: str, path: str, message: str, remedy: str) -> None:
    ((_, found, said, advice),) = faults(f"versions: {{v1: {{run: a}}}}\nrollout: {{gates: {{{gates}}}}}")
    assert found == f"rollout.gates.{path}"
    assert message in said
    assert remedy in advice


def test_every_key_of_copying_and_comparing_arrives() -> None:
    assert parse_spec(FULL, directory="/srv/x").policy("v3").shadow == ShadowPolicy(
        at_most_per_s=2.5,
        controls=5000,
        isolated=(IsolatedRoute(("POST", "PUT"), "/search"), IsolatedRoute(("X-SYNC",), "/")),
        rules=(
            RulePolicy(
                ignore=("/generated_at", "header:x-build", "status", "body", "header:set-cookie/SID"),
                unordered=("/tags", ""),
                keyed=(("/items", "id"), ("/rows", "1.10")),
                tolerance=(
                    ("/total", TolerancePolicy(absolute=0.01)),
                    ("/ratio", TolerancePolicy(relative=0.01)),
                    ("/updated_at", TolerancePolicy(seconds=5.0)),
                ),
                mask=('nonce="[^"]*"', "404"),
            ),
            RulePolicy("GET /orders*", ignore=("/etag",), keyed=(("/x", "2.0"),)),
        ),
        redact=("/email", "header:x-token", "query:Session"),
        operation=("header:x-amz-target", "query:Action", "body:/operationName"),
        templates=("/orders/{id}", "/a/{b}.{c}"),
        timeout_s=3.0,
        sample_ttl_s=172_800.0,
        descriptors="/srv/x/api.pb",
    )


def test_nothing_unsafe_is_copied_to_a_version_that_is_not_isolated() -> None:
    spec = parse_spec(FULL)
    assert spec.policy("1.10").shadow.isolated
    assert spec.policy("v1").shadow.isolated == ()


def test_routes_of_an_openapi_document_are_templates_behind_those_of_the_spec() -> None:
    spec = parse_spec("rollout: {shadow: {openapi: api.yaml, templates: [/a]}}\n" + SMALLEST, directory="/srv/x")
    assert spec.openapi == "/srv/x/api.yaml"
    assert replace(spec, routes=("/b", "/a")).policy("v2").shadow.templates == ("/a", "/b")
    assert parse_spec(SMALLEST).openapi == parse_spec(SMALLEST).descriptors == ""


def test_a_candidate_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="no version is called 'v7'; the spec has: v1, v2") as caught:
        parse_spec(SMALLEST).policy("v7")
    assert "add `v7`" in caught.value.remedy


def test_seven_faults_are_seven_each_with_line_and_remedy() -> None:
    found = faults(SEVEN)
    assert [(line, path) for line, path, _, _ in found] == [
        (1, "service"),
        (3, "gateway.listen"),
        (4, "gateway.timout"),
        (6, "versions.v1.instances"),
        (7, "versions.v2"),
        (8, "stable"),
        (10, "rollout.steps[1].weight"),
    ]
    assert [message for _, _, message, _ in found] == [
        "'Shop' is not allowed here",
        "'127.0.0.1' is no address with a port",
        "unknown key 'timout'; allowed here: listen, tls, timeout, drain, concurrency, route",
        "`0` is not allowed here",
        (
            "none of `run`, `image`, `deployment`, `kubernetes.template`, `endpoints`: there is no way to reach this "
            "version"
        ),
        "no version is called 'v9'; `versions` has: v1, v2",
        "weight 10 % does not rise above the 50 % before it",
    ]
    assert all(remedy for _, _, _, remedy in found)
    assert found[2][3] == "did you mean `timeout`?"


def test_faults_of_the_text_come_with_those_of_the_values() -> None:
    found = faults("versions: {v1: {run: a}}\nstable: v2\nstable: v1\nservice: 'A'")
    assert [(line, path) for line, path, _, _ in found] == [(2, "stable"), (3, "stable"), (4, "service")]


def test_what_hangs_on_a_fault_is_not_reported_as_one() -> None:
    found = faults("versions:\n  V2: {run: a}\n  v1: {enpoints: ['127.0.0.1:1']}\nstable: V2")
    assert [path for _, path, _, _ in found] == ["versions.V2", "versions.v1.enpoints"]


@pytest.mark.parametrize("text", ["[]", "text", "5", "- a", "true"])
def test_a_spec_is_a_mapping(text: str) -> None:
    ((line, path, message, remedy),) = faults(text)
    assert (line, path) == (1, "")
    assert "a spec is a mapping of keys, found" in message
    assert "versions" in remedy


@pytest.mark.parametrize("text", ["service: shop", "versions: {}", "versions:", "versions: []"])
def test_a_spec_has_versions(text: str) -> None:
    ((_, path, _, remedy),) = faults(text)
    assert path == "versions"
    assert remedy


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("/srv/shop", "shop"),
        ("/srv/My Shop", "my-shop"),
        ("/", "service"),
        ("", "service"),
        ("/srv/.hidden-", "hidden"),
        ("/srv/ÄÖ", "service"),
        ("/srv/" + "a" * 60, "a" * 40),
    ],
)
def test_a_service_is_named_after_its_directory(directory: str, name: str) -> None:
    assert service_name(directory) == name
    assert parse_spec(SMALLEST, directory=directory).service().name == name
    parse_spec(f"service: {name}\n{SMALLEST}")
