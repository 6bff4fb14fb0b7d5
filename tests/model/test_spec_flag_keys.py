"""Flags of a spec: both forms, and every fault at its line."""

from typing import Any

import jsonschema
import pytest
import yaml

from abreast.model.errors import SpecError
from abreast.model.flag import BOOLEAN, Flag, FlagRule
from abreast.model.spec import parse_spec
from abreast.model.spec_schema import schema

BEFORE = "versions: {v1: {run: a}}\nflags:\n"


def flags(text: str) -> tuple[Flag, ...]:
    """The flags of a spec with these lines under `flags`."""
    return parse_spec(BEFORE + text).flags


def faults(text: str) -> list[tuple[int, str, str]]:
    """Line, path and message of each fault."""
    with pytest.raises(SpecError) as refused:
        flags(text)
    return [(fault.line, fault.path, fault.message) for fault in refused.value.faults]


def test_without_flags_there_are_none() -> None:
    assert parse_spec("versions: {v1: {run: a}}").flags == ()


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("candidate", FlagRule("on", candidate=True)),
        ("10%", FlagRule("on", below=1000)),
        ("0.01%", FlagRule("on", below=1)),
    ],
)
def test_the_short_forms(written: str, rule: FlagRule) -> None:
    assert flags(f"  new: {written}\n") == (Flag("new", BOOLEAN, "off", (rule,)),)


def test_the_long_form() -> None:
    text = """
  checkout:
    variants: {new: {steps: 1, slow: false}, old: {steps: 3}}
    default: old
    on: false
    rules:
      - {candidate: true, when: {country: [CH, DE], plan: gold, staff: true, age: 18}, variant: new}
      - {below: 5%, salt: rollout, variant: new}
      - {candidate: false, below: 1%, variant: new}
"""
    when: dict[str, tuple[Any, ...]] = {"country": ("CH", "DE"), "plan": ("gold",), "staff": (True,), "age": (18,)}
    rules = (
        FlagRule("new", candidate=True, when=when),
        FlagRule("new", below=500, salt="rollout"),
        FlagRule("new", candidate=False, below=100),
    )
    variants = {"new": {"steps": 1, "slow": False}, "old": {"steps": 3}}
    assert flags(text) == (Flag("checkout", variants, "old", rules, on=False),)


@pytest.mark.parametrize("value", ["true", "text", "3", "3.5", "{a: [1]}", "[1, a]"])
def test_a_variant_is_any_value_of_json(value: str) -> None:
    (flag,) = flags(f"  x: {{variants: {{only: {value}}}, default: only}}\n")
    assert flag.variants == {"only": yaml.safe_load(value)}


def test_names_of_variants_are_text_as_written() -> None:
    (flag,) = flags("  x: {variants: {true: a, 1.10: b}, default: 1.10, rules: [{variant: true, when: {a: b}}]}\n")
    assert (list(flag.variants), flag.default, flag.rules[0].variant) == (["true", "1.10"], "1.10", "true")


WRONG = [
    ("x: nonsense", "flags.x", "'nonsense' is no flag"),
    ("x: 0%", "flags.x", "'0%' is not allowed here"),
    ("x: 101%", "flags.x", "'101%' is no share"),
    ("x: 12", "flags.x", "`12` is not allowed here, only a mapping of keys"),
    ("x:", "flags.x", "nothing is written under this key"),
    ("a b: candidate", 'flags."a b"', "'a b' is not allowed here"),
    ("x: {default: oops}", "flags.x.default", "no variant is called 'oops'; `variants` has: on, off"),
    ("x: {variants: {a: 1}}", "flags.x", "`default` is missing"),
    ("x: {variants: {}, default: a}", "flags.x.variants", "there is no variant"),
    ("x: {variants: {a: }, default: a}", "flags.x.variants.a", "nothing is written under this key"),
    ("x: {variants: {a: 1, b: x}, default: a}", "flags.x.variants", "the variants are of different types: a number"),
    ("x: {rules: [{candidate: true}]}", "flags.x.rules[0].variant", "`variant` is missing"),
    ("x: {rules: [{variant: on}]}", "flags.x.rules[0]", "this rule has no condition: it fits everybody"),
    ("x: {rules: [{variant: on, when: {}}]}", "flags.x.rules[0]", "this rule has no condition: it fits everybody"),
    ("x: {rules: [{variant: neu, below: 1%}]}", "flags.x.rules[0].variant", "no variant is called 'neu'"),
    ("x: {rules: [{variant: on, belwo: 1%, below: 1%}]}", "flags.x.rules[0].belwo", "unknown key 'belwo'"),
    ("x: {rules: [{variant: on, below: 10}]}", "flags.x.rules[0].below", "`10` is no share"),
    ("x: {rules: [{variant: on, candidate: v2}]}", "flags.x.rules[0].candidate", "'v2' is not allowed here"),
    ("x: {rules: [{variant: on, candidate: true, salt: s}]}", "flags.x.rules[0].salt", "`salt` has no effect"),
    ("x: {rules: [{variant: on, when: {a: []}}]}", "flags.x.rules[0].when.a", "the list is empty"),
    ("x: {rules: [{variant: on, when: {a: {b: c}}}]}", "flags.x.rules[0].when.a", "a mapping of keys is not allowed"),
    ("x: {on: maybe}", "flags.x.on", "'maybe' is not allowed here"),
]


@pytest.mark.parametrize(("written", "path", "message"), WRONG)
def test_what_is_wrong_is_said_at_its_place(written: str, path: str, message: str) -> None:
    (found,) = faults(f"  {written}\n")
    assert found[0] == 3
    assert found[1] == path
    assert message in found[2]


def test_all_faults_at_once_each_with_its_line() -> None:
    found = faults("  a: nonsense\n  b: {default: oops}\n  c:\n    rules:\n    - {variant: neu, belwo: 1%}\n  d: 5%\n")
    assert sorted((line, path) for line, path, _ in found) == [
        (3, "flags.a"),
        (4, "flags.b.default"),
        (7, "flags.c.rules[0].belwo"),
        (7, "flags.c.rules[0].variant"),
    ]


def test_what_a_fault_leaves_in_doubt_is_not_judged() -> None:
    found = faults("  a: {variants: {x: , y: 1}, default: x}\n")
    assert [path for _, path, _ in found] == ["flags.a.variants.x"]


def schema_takes(written: str) -> bool:
    """Whether the published JSON Schema takes that flag."""
    spec = yaml.safe_load(BEFORE + f"  {written}\n")
    return jsonschema.Draft202012Validator(schema()).is_valid(spec)


def test_the_json_schema_takes_both_forms_and_refuses_others() -> None:
    for sound in ("x: candidate", "x: 10%", "x: {rules: [{variant: 'on', below: 1%, when: {a: [1, b]}}]}"):
        assert schema_takes(sound), sound
    for wrong in ("x: nonsense", "x: 12", "x: {rules: [{variant: a, belwo: 1}]}", "a b: candidate", "x: {on: maybe}"):
        assert not schema_takes(wrong), wrong
