"""What the rest of a spec has against a route."""

from typing import Any

import pytest

from abreast.model.document import dotted
from abreast.model.spec_keys import SpecKeys
from abreast.model.spec_route_checks import route_conflicts

SERVICES = {"v1": "shop-v1:80", "v2": "shop-v2:80"}
BLIND = {"errors": {"watch": False}, "latency": {"watch": False}}
STEPS = [{"weight": "10%"}, {"approve": "look"}]
QUERY = {"name": "errors", "server": "http://prometheus:9090", "query": "errors", "at_most": 1}


def found(
    services: dict[str, str] | None = SERVICES,
    gates: dict[str, Any] = BLIND,
    steps: list[dict[str, Any]] | None = STEPS,
    **more: Any,  # noqa: ANN401  # a spec's keys
) -> dict[str, str]:
    """Path and message of each conflict."""
    gateway = {**more.pop("gateway", {}), **({"route": {"name": "shop", "backends": services}} if services else {})}
    rollout = {"gates": gates, **({"steps": steps} if steps is not None else {}), **more.pop("rollout", {})}
    versions = {name: {"run": "a"} for name in ("v1", "v2")}
    keys = SpecKeys.model_validate({"versions": versions, "gateway": gateway, "rollout": rollout, **more})
    conflicts = list(route_conflicts(keys))
    assert all(each.remedy for each in conflicts)
    return {dotted(each.path): each.message for each in conflicts}


def test_a_route_with_somebody_who_judges_is_well() -> None:
    assert found() == {}
    assert found(steps=[{"weight": "10%"}], gates={**BLIND, "promql": [QUERY]}) == {}
    assert found(steps=[{"weight": "10%"}], rollout={"approve": ["weight 10%"]}) == {}
    hook = {"name": "smoke", "url": "http://h/"}
    for kind, well in (("rollout", True), ("confirm-promotion", True), ("event", False), ("rollback", False)):
        conflicts = found(steps=[{"weight": "10%"}], gates={**BLIND, "webhooks": [{**hook, "type": kind}]})
        assert (conflicts == {}) is well
    assert found(steps=[{"weight": "10%"}], gates={**BLIND, "promql": [{**QUERY, "dry_run": True}]})


def test_gates_that_need_counts_are_named_with_what_to_do() -> None:
    conflicts = found(gates={})
    assert set(conflicts) == {"rollout.gates.errors", "rollout.gates.latency"}
    assert "can never be proven with `gateway.route`" in conflicts["rollout.gates.errors"]


def test_somebody_has_to_say_whether_the_candidate_is_well() -> None:
    assert "abreast sees no answers" in found(steps=[{"weight": "10%"}])["rollout.gates"]


def test_nothing_can_be_compared() -> None:
    assert "the answers of a mirror are thrown away" in found(steps=[{"shadow": "5%"}, *STEPS])["rollout.steps[0]"]
    beside = [{"weight": "10%", "shadow": "5%"}, {"approve": "look"}]
    assert "rollout.steps[0]" in found(steps=beside)
    assert "begin with `shadow`" in found(steps=None, rollout={"approve": ["weight 10%"]})["rollout"]


def test_every_version_has_a_service_of_its_own() -> None:
    assert "'v2' has no Service" in found({"v1": "a:80"})["gateway.route.backends"]
    assert "no version is called 'v3'" in found({**SERVICES, "v3": "a:80"})["gateway.route.backends.v3"]
    assert "shop-v1:80 is the Service of 'v1' already" in found({**SERVICES, "v2": "shop-v1:80"}).popitem()[1]


@pytest.mark.parametrize("key", [{"listen": "127.0.0.1:80"}, {"tls": {"certificate": "a", "key": "b"}}])
def test_keys_of_our_own_gateway_have_no_effect(key: dict[str, Any]) -> None:
    (conflict,) = found(gateway=key).items()
    assert conflict[0] == f"gateway.{next(iter(key))}"
    assert "has no effect with `route`" in conflict[1]


def test_users_cannot_be_kept_on_a_side() -> None:
    assert "a share of requests, not of users" in found(users={"by": ["cookie:session"]})["users.by"]


def test_our_own_gateway_always_counts_failures() -> None:
    assert "rollout.gates.errors.watch" in found(None, gates=BLIND)
    assert found(None, gates={}) == {}
