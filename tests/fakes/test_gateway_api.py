"""What the fake API server takes of an HTTPRoute: what the published models do, and a strict server with them."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.cluster import Cluster
from tests.fakes.gateway_api import GatewayController, defaulted, fault_of, reference, route, rule

HEADERS = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-internal"]}}


def whole() -> dict[str, Any]:
    """A route with one of everything that abreast writes."""
    match = {
        "path": {"type": "PathPrefix", "value": "/cart"},
        "headers": [{"type": "Exact", "name": "x-side", "value": "a"}],
    }
    backends = (reference("shop-v1", weight=9500), reference("shop-v2", weight=500))
    return route(rule(*backends, name="cart", matches=[match], filters=[HEADERS], timeouts={"request": "5s"}))


def test_a_right_one_is_taken_as_written_with_the_defaults_and_with_its_status() -> None:
    cluster = Cluster()
    controller = GatewayController(cluster)
    cluster.write("httproutes", whole())
    assert fault_of("httproutes", whole()) == ""
    assert fault_of("httproutes", defaulted(whole())) == ""
    controller.look()
    (kept,) = cluster.all("httproutes")
    assert kept["status"]["parents"]
    assert fault_of("httproutes", kept) == ""


def in_rule(change: Callable[[dict[str, Any]], object]) -> str:
    """What there is against the route once its rule is changed so."""
    found = copy.deepcopy(whole())
    change(found["spec"]["rules"][0])
    return fault_of("httproutes", found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rule: rule["backendRefs"][1].update(weight=-1), "data/spec/rules/0/backendRefs/1/weight must be >= 0"),
        (lambda rule: rule["backendRefs"][0].update(weight=1_000_001), "weight must be <= 1000000"),
        (lambda rule: rule["backendRefs"][0].update(weight="5"), "weight must be integer"),
        (lambda rule: rule["backendRefs"][0].update(port=70_000), "port must be <= 65535"),
        (lambda rule: rule["backendRefs"][0].pop("name"), "must have required property name"),
        (lambda rule: rule["matches"][0]["headers"][0].update(type="Prefix"), "equal to one of the allowed values"),
        (lambda rule: rule["matches"][0]["headers"][0].update(name="x side"), "headers/0/name must match pattern"),
        (lambda rule: rule["matches"][0].update(method="FETCH"), "equal to one of the allowed values"),
        (lambda rule: rule["filters"][0].update(type="Redirect"), "filters/0/type must be equal to one of"),
        (lambda rule: rule.update(matches=[{}] * 65), "matches must NOT have more than 64 items"),
        (lambda rule: rule.update(backendRefs=rule["backendRefs"] * 9), "backendRefs must NOT have more than 16"),
        (lambda rule: rule.update(timeouts={"request": "5 s"}), "timeouts/request must match pattern"),
    ],
)
def test_the_models_refuse_what_is_wrong(change: Callable[[dict[str, Any]], object], words: str) -> None:
    assert words in in_rule(change)


def test_a_field_that_is_unknown_is_refused_wherever_it_is() -> None:
    assert in_rule(lambda rule: rule.update(wieght=1)) == "data/spec/rules/0/wieght is no field"
    assert in_rule(lambda rule: rule["filters"][0]["requestHeaderModifier"].update(drop=["x"])) == (
        "data/spec/rules/0/filters/0/requestHeaderModifier/drop is no field"
    )


def test_metadata_may_have_fields_of_any_name() -> None:
    found = whole()
    found["metadata"]["managedFields"] = [{"manager": "someone", "fieldsV1": {"f:spec": {"f:rules": {}}}}]
    assert fault_of("httproutes", found) == ""


def test_all_faults_are_told_at_once() -> None:
    found = route(rule(reference("shop-v1", weight=-1, port=0), name="one", weihgt=1))
    told = fault_of("httproutes", found)
    assert all(words in told for words in ("weight must be >= 0", "port must be >= 1", "weihgt is no field"))


def test_what_the_crd_says_in_cel_is_said_too() -> None:
    assert "filter cannot be repeated" in in_rule(lambda rule: rule.update(filters=[HEADERS, HEADERS]))
    many = [rule(reference("shop-v1"), matches=[{}] * each) for each in (64, 63)]
    assert fault_of("httproutes", route(*many, rule(reference("shop-v1")))) == ""
    assert "less than 128" in fault_of("httproutes", route(*many, rule(reference("shop-v1")), rule(reference("x"))))


def test_other_kinds_are_not_its_business() -> None:
    assert fault_of("services", {"spec": 3}) == ""
