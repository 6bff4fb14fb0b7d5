"""How an HTTPRoute's rules are to read, and what its gateways say of it."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.drivers.route_rules import MOST_MATCHES, MOST_RULES, TESTER_HEADER, Rule, rewritten, shares, verdict
from abreast.model.route import RouteSettings, ServicePort
from abreast.model.traffic import Split
from tests.fakes.gateway_api import defaulted, fault_of, reference, route, rule

SERVICES = (("v1", ServicePort("shop-v1", 80)), ("v2", ServicePort("shop-v2", 80)), ("v3", ServicePort("shop-v3", 80)))
SETTINGS = RouteSettings("shop", SERVICES)
TESTING = RouteSettings("shop", SERVICES, testers=True)


def weights(rules: list[Rule]) -> list[dict[str, int]]:
    return [{each["name"]: each["weight"] for each in found["backendRefs"]} for found in rules]


def made(
    rules: list[Rule], weight: int = 1000, settings: RouteSettings = SETTINGS, candidate: str | None = "v2"
) -> list[Rule]:
    found = rewritten(rules, "web", settings, Split("v1", candidate, weight, "salt"), "hush")
    assert found.fault == ""
    assert fault_of("httproutes", route(*found.rules)) == ""
    return list(found.rules)


def fault(rules: list[Rule], settings: RouteSettings = SETTINGS, stable: str = "v1") -> str:
    return rewritten(rules, "web", settings, Split(stable, "v2", 1000), "hush").fault


@given(weight=st.integers(0, 10_000))
def test_weights_are_hundredths_of_a_percent_and_exact(weight: int) -> None:
    rules = made([rule(reference("shop-v1"), reference("shop-v2"))], weight)
    assert weights(rules) == [{"shop-v1": 10_000 - weight, "shop-v2": weight}]


def test_a_reference_that_is_missing_is_added() -> None:
    assert weights(made([rule(reference("shop-v1"))])) == [{"shop-v1": 9000, "shop-v2": 1000}]


def test_without_a_candidate_all_goes_to_stable_and_nothing_is_taken_away() -> None:
    own = [{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["x-internal"]}}]
    before = [rule(reference("shop-v1", weight=9000), reference("shop-v2", weight=1000, filters=own))]
    assert weights(made(before, 0, candidate=None)) == [{"shop-v1": 10_000, "shop-v2": 0}]
    assert made(before, 0, candidate=None)[0]["backendRefs"][1]["filters"] == own


def test_a_version_that_the_split_does_not_name_gets_nothing() -> None:
    rules = made([rule(reference("shop-v3", weight=1), reference("shop-v1"))])
    assert weights(rules) == [{"shop-v3": 0, "shop-v1": 9000, "shop-v2": 1000}]


def test_everything_else_of_the_rules_is_kept() -> None:
    other = rule(reference("images"), name="images", matches=[{"path": {"type": "PathPrefix", "value": "/img"}}])
    elsewhere = rule(reference("shop-v1", namespace="other"))
    port = rule(reference("shop-v1", 8443))
    mine = rule(
        reference("shop-v1", filters=[{"type": "ResponseHeaderModifier"}]),
        name="shop",
        timeouts={"request": "5s"},
        filters=[{"type": "URLRewrite", "urlRewrite": {"hostname": "shop"}}],
    )
    before = [other, elsewhere, port, mine]
    kept = copy.deepcopy(before)
    rules = made(before)
    assert before == kept
    assert rules[:3] == kept[:3]
    assert {key: value for key, value in rules[3].items() if key != "backendRefs"} == {
        key: value for key, value in mine.items() if key != "backendRefs"
    }
    assert rules[3]["backendRefs"][0] == {**mine["backendRefs"][0], "weight": 9000}


def test_a_reference_that_stands_there_twice_counts_once() -> None:
    found = made([rule(reference("shop-v1"), reference("shop-v1"), reference("shop-v2"))])[0]["backendRefs"]
    assert [each["weight"] for each in found] == [9000, 0, 1000]


@pytest.mark.parametrize("settings", [SETTINGS, TESTING])
def test_rewriting_again_changes_nothing(settings: RouteSettings) -> None:
    once = made([rule(reference("shop-v1")), rule(reference("images"))], settings=settings)
    assert made(once, settings=settings) == once
    kept = defaulted({"spec": {"rules": once}})["spec"]["rules"]
    twice = made(kept, settings=settings)
    assert made(defaulted({"spec": {"rules": twice}})["spec"]["rules"], settings=settings) == twice


def test_testers_force_a_side_by_a_secret_that_no_version_gets() -> None:
    matches = [{"path": {"type": "PathPrefix", "value": "/cart"}, "headers": [{"name": "a", "value": "b"}]}]
    modifier = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-internal"]}}
    before = [rule(reference("shop-v1"), name="cart", matches=matches, filters=[modifier])]
    stable, candidate, plain = made(before, settings=TESTING)
    for forced, side, service in ((stable, "stable", "shop-v1"), (candidate, "candidate", "shop-v2")):
        assert weights([forced]) == [{service: 1}]
        assert forced["matches"][0]["path"] == {"type": "PathPrefix", "value": "/cart"}
        assert forced["matches"][0]["headers"] == [
            {"name": "a", "value": "b"},
            {"type": "Exact", "name": TESTER_HEADER, "value": f"{side}:hush"},
        ]
        assert forced["filters"] == [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-internal", TESTER_HEADER]}}
        ]
        assert "name" not in forced  # a name is unique in a route
    assert plain["name"] == "cart"
    assert plain["filters"] == [modifier]


def test_a_rule_without_matches_is_copied_for_every_path() -> None:
    stable, _, _ = made([rule(reference("shop-v1"))], settings=TESTING)
    assert stable["matches"][0]["path"] == {"type": "PathPrefix", "value": "/"}
    assert stable["filters"] == [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": [TESTER_HEADER]}}
    ]


def test_the_rules_of_testers_go_with_the_candidate_and_with_the_setting() -> None:
    before = [rule(reference("shop-v1"), matches=[{"method": "GET"}])]
    testing = made(before, settings=TESTING)
    assert len(testing) == 3
    assert len(made(testing)) == 1
    assert len(made(testing, 0, TESTING, candidate=None)) == 1


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([], "none of its rules refers to shop-v1:80, shop-v2:80"),
        ([rule(reference("images"))], "a first reference has to be there"),
        ([rule(reference("shop-v1", 81))], "none of its rules"),
        ([rule(reference("shop-v1", kind="Bucket", group="acme"))], "none of its rules"),
        ([rule(reference("shop-v1"), reference("old", 8080))], "rule 1 also sends requests to old:8080"),
    ],
)
def test_what_cannot_be_split_is_said(rules: list[Rule], words: str) -> None:
    assert words in fault(rules)


def test_a_stranger_that_gets_nothing_is_left_alone() -> None:
    rules = made([rule(reference("shop-v1"), reference("old", weight=0))])
    assert weights(rules) == [{"shop-v1": 9000, "old": 0, "shop-v2": 1000}]


def test_a_version_without_a_service_is_named() -> None:
    assert fault([rule(reference("shop-v1"))], stable="v9") == "gateway.route.backends names no Service of v9"


def test_more_rules_than_the_api_allows_are_refused() -> None:
    rules = [rule(reference("shop-v1"), matches=[{"method": "GET"}])] * (MOST_RULES // 3 + 1)
    assert "set gateway.route.testers to false" in fault(rules, TESTING)
    assert fault(rules) == ""


def test_more_matches_than_the_api_allows_are_refused() -> None:
    matches = [{"headers": [{"name": "shop", "value": str(number)}]} for number in range(MOST_MATCHES // 3)]
    assert len(made([rule(reference("shop-v1"), matches=matches)], settings=TESTING)) == 3
    rules = [rule(reference("shop-v1"), matches=[*matches, {"method": "GET"}])]
    assert "it would have 129 matches, and 128 are allowed" in fault(rules, TESTING)
    assert fault(rules) == ""


def test_shares_are_told_once_where_rules_agree() -> None:
    rules = made([rule(reference("shop-v1")), rule(reference("shop-v1"), matches=[{}])], settings=TESTING)
    assert shares(rules, "web", SETTINGS) == "v1 9000, v2 1000"
    assert shares([rule(reference("images"))], "web", SETTINGS) == "no version"


def said(*parents: dict[str, Any], of: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    found = route(rule(reference("shop-v1")))
    found["metadata"]["generation"] = 7
    found["spec"]["parentRefs"] = of if of is not None else [{"name": "public"}]
    return {**found, "status": {"parents": list(parents)}}


def parent(name: str = "public", generation: int = 7, resolved: str = "True", **reference: str) -> dict[str, Any]:
    return {
        "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name, **reference},
        "conditions": [
            {"type": "Accepted", "status": "True", "observedGeneration": generation},
            {
                "type": "ResolvedRefs",
                "status": resolved,
                "reason": "BackendNotFound",
                "message": "no shop-v2",
                "observedGeneration": generation,
            },
        ],
    }


def test_it_is_accepted_when_every_parent_has_accepted_this_generation() -> None:
    assert verdict(said(parent()), "web").accepted
    assert verdict(said(parent(namespace="web")), "web").accepted
    assert not verdict(said(), "web").accepted
    assert not verdict(said(parent(generation=6)), "web").accepted
    assert not verdict(said(parent("other")), "web").accepted
    assert not verdict(said(parent(resolved="Unknown")), "web").accepted
    both = [{"name": "public"}, {"name": "inner", "sectionName": "http"}]
    assert not verdict(said(parent(), of=both), "web").accepted
    assert verdict(said(parent(), parent("inner", sectionName="http"), of=both), "web").accepted


def test_a_refusal_is_told_in_the_gateways_words() -> None:
    told = verdict(said(parent(resolved="False")), "web")
    assert told.fault == "Gateway public says ResolvedRefs=False: BackendNotFound: no shop-v2"
    assert verdict(said(parent(resolved="False", generation=6)), "web").fault == ""
    assert "no gateway is asked" in verdict(said(of=[]), "web").fault
