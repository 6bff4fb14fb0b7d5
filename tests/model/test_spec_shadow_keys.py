"""The keys of copying and comparing: defaults, and the values they become."""

import pytest
from pydantic import BaseModel

from abreast.model.shadow import IsolatedRoute, RulePolicy, ShadowPolicy, TolerancePolicy
from abreast.model.spec_shadow_keys import DifferencesKeys, RuleKeys, ShadowKeys, UnsafeKeys

ALL = (ShadowKeys, UnsafeKeys, RuleKeys, DifferencesKeys)


@pytest.mark.parametrize("model", ALL)
def test_no_key_carries_its_unit(model: type[BaseModel]) -> None:
    names = [info.alias or name for name, info in model.model_fields.items()]
    assert not [name for name in names if name.endswith(("_s", "_"))]


@pytest.mark.parametrize("model", ALL)
def test_defaults_in_the_schema_are_sound_as_written(model: type[BaseModel]) -> None:
    properties = model.model_json_schema()["properties"]
    defaults = {name: each["default"] for name, each in properties.items() if each.get("default") is not None}
    needed = {"methods": ["POST"]} if model is UnsafeKeys else {}
    assert model.model_validate(defaults | needed) == model.model_validate(needed)


def test_what_is_left_out_is_the_policys_own_default() -> None:
    keys = ShadowKeys()
    assert (keys.at_most_per_s, keys.controls, keys.timeout_s, keys.keep_s) == (
        ShadowPolicy.at_most_per_s,
        ShadowPolicy.controls,
        ShadowPolicy.timeout_s,
        ShadowPolicy.sample_ttl_s,
    )
    assert (keys.unsafe, keys.operation, keys.templates, keys.descriptors) == ((), (), (), None)


def test_an_unsafe_route_is_for_all_paths_unless_told() -> None:
    assert UnsafeKeys.model_validate({"methods": ["POST", "PUT"]}).route() == IsolatedRoute(("POST", "PUT"), "/")
    assert UnsafeKeys.model_validate({"methods": ["PUT"], "prefix": "/a"}).route() == IsolatedRoute(("PUT",), "/a")


def test_rules_become_a_policy() -> None:
    keys = RuleKeys.model_validate(
        {
            "ignore": ["/a/*/b", "header:X-A"],
            "unordered": ["/tags"],
            "keyed": {"/items": "id"},
            "tolerances": {"/x": 0.5, "header:Age": "5s"},
            "mask": ["a+"],
        }
    )
    assert keys.rules("GET /") == RulePolicy(
        "GET /",
        ignore=("/a/*/b", "header:x-a"),
        unordered=("/tags",),
        keyed=(("/items", "id"),),
        tolerance=(("/x", TolerancePolicy(absolute=0.5)), ("header:age", TolerancePolicy(seconds=5.0))),
        mask=("a+",),
    )
    assert RuleKeys().rules() == RulePolicy()


def test_rules_for_all_come_before_those_for_some() -> None:
    keys = DifferencesKeys.model_validate(
        {"endpoints": {"GET /b": {"ignore": ["/x"]}, "* /a*": {"mask": ["m"]}}, "ignore": ["/y"], "tolerance": "2%"}
    )
    assert [rules.endpoint for rules in keys.every_rule()] == ["*", "GET /b", "* /a*"]
    assert keys.tolerance == 200


def test_rules_that_say_nothing_are_none() -> None:
    assert list(DifferencesKeys().every_rule()) == []
    assert list(DifferencesKeys.model_validate({"redact": ["/a"], "endpoints": {"GET /": {}}}).every_rule()) == []
