"""What a flag is for one user, in every phase of a rollout."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from abreast.model.bucket import bucket
from abreast.model.flag import BOOLEAN, Flag, FlagRule
from abreast.model.rollout import Phase, Rollout
from abreast.rollout.flags import Evaluation, FlagError, Reason, Unanswered, candidate_weight, evaluate, on_candidate
from abreast.rollout.turn import share_of, split_of
from tests.rollout.play import serving, under_way

USERS = [f"user-{number}" for number in range(500)]
AT_10 = under_way(Phase.PROGRESSING)
NEW = Flag("new", BOOLEAN, "off", (FlagRule("on", candidate=True),))


def of(flag: Flag, rollout: Rollout = AT_10, *, on: bool = True, **context: object) -> Evaluation:
    """The answer, which there must be."""
    found = evaluate(flag, rollout, context, on=on)
    assert isinstance(found, Evaluation)
    return found


def ruled(**conditions: Any) -> Flag:  # noqa: ANN401  # of each field its own type
    """A boolean flag with one rule."""
    return replace(NEW, rules=(FlagRule("on", **conditions),))


def test_without_rules_it_is_static() -> None:
    assert of(Flag("x", {"a": {"b": [1]}}, "a")) == Evaluation(
        "x", "a", {"b": [1]}, Reason.STATIC, {"rollout": 1, "candidate": "v2", "weight": 1000}
    )


def test_switched_off_everybody_gets_the_default_even_without_a_user() -> None:
    assert (of(NEW, on=False).variant, of(NEW, on=False).reason) == ("off", Reason.DISABLED)


def test_users_on_the_candidate_are_those_whom_the_gateway_sends_there() -> None:
    seen = {user: of(NEW, targetingKey=user) for user in USERS}
    expected = {user for user in USERS if bucket(user, "r1") < 1000}
    assert {user for user, found in seen.items() if found.value is True} == expected
    assert {found.reason for found in seen.values()} == {Reason.TARGETING_MATCH, Reason.DEFAULT}
    assert 0 < len(expected) < len(USERS)


STATES = [
    (serving(), 0),
    (under_way(Phase.PENDING), 0),
    (AT_10, 1000),
    (replace(AT_10, weight=0), 0),
    (replace(AT_10, sheltering="candidate"), 0),
    (replace(AT_10, sheltering="stable"), 10_000),
    (replace(AT_10, phase=Phase.PAUSED, resume_to=Phase.PROGRESSING), 1000),
    (replace(AT_10, phase=Phase.BAKING, weight=10_000), 10_000),
    (replace(AT_10, phase=Phase.RETIRING, weight=10_000, released_at=5.0), 10_000),
    (replace(AT_10, phase=Phase.COMPLETED, weight=10_000), 10_000),
    (replace(AT_10, phase=Phase.ROLLING_BACK, weight=0), 0),
    (replace(AT_10, phase=Phase.ROLLED_BACK, weight=0, released_at=5.0), 0),
]


@pytest.mark.parametrize(("rollout", "weight"), STATES)
def test_every_phase_agrees_with_what_the_gateways_are_told(rollout: Rollout, weight: int) -> None:
    assert candidate_weight(rollout) == weight
    assert candidate_weight(rollout) == (share_of(split_of(rollout), rollout.candidate) if rollout.candidate else 0)
    on = {user for user in USERS if on_candidate(rollout, user)}
    assert on == {user for user in USERS if bucket(user, rollout.salt) < weight}
    assert of(NEW, rollout, targetingKey=USERS[0]).metadata["weight"] == weight
    assert ("candidate" in of(NEW, rollout, targetingKey="a").metadata) is (rollout.candidate is not None)


def test_not_on_the_candidate_is_the_opposite() -> None:
    other = ruled(candidate=False)
    for user in USERS[:100]:
        assert of(other, targetingKey=user).value is not of(NEW, targetingKey=user).value


@pytest.mark.parametrize(("salt", "by"), [("", "new"), ("mine", "mine"), ("rollout", "r1")])
def test_a_share_has_a_salt_of_its_own_or_the_rollouts(salt: str, by: str) -> None:
    for user in USERS:
        found = of(ruled(below=2000, salt=salt), targetingKey=user)
        inside = bucket(user, by) < 2000
        assert (found.value, found.reason) == (inside, Reason.SPLIT if inside else Reason.DEFAULT)


def test_by_the_rollouts_salt_the_first_users_are_the_gateways_first() -> None:
    for user in USERS:
        if of(ruled(below=500, salt="rollout"), targetingKey=user).value:
            assert on_candidate(AT_10, user)


WHEN: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"plan": ("gold",)}, {"plan": "gold"}, True),
    ({"plan": ("gold",)}, {"plan": "Gold"}, False),
    ({"plan": ("gold",)}, {}, False),
    ({"country": ("CH", "DE")}, {"country": "DE"}, True),
    ({"country": ("CH",), "plan": ("gold",)}, {"country": "CH"}, False),
    ({"country": ("CH",), "plan": ("gold",)}, {"country": "CH", "plan": "gold"}, True),
    ({"age": (1,)}, {"age": 1}, True),
    ({"age": (1,)}, {"age": 1.0}, True),
    ({"age": (1,)}, {"age": True}, False),
    ({"age": (1,)}, {"age": "1"}, False),
    ({"age": ("1",)}, {"age": 1}, False),
    ({"staff": (True,)}, {"staff": True}, True),
    ({"staff": (True,)}, {"staff": 1}, False),
    ({"staff": (False,)}, {"staff": False}, True),
    ({"plan": ("gold",)}, {"plan": ["gold"]}, False),
    ({"targetingKey": ("ada", "bob")}, {"targetingKey": "bob"}, True),
]


@pytest.mark.parametrize(("when", "context", "fits"), WHEN)
def test_attributes_fit_by_value_and_kind(
    when: Mapping[str, Any], context: Mapping[str, Any], fits: bool
) -> None:  # a parameter of the test
    found = of(ruled(when=when), **context)
    assert (found.value, found.reason) == (fits, Reason.TARGETING_MATCH if fits else Reason.DEFAULT)


def test_all_conditions_of_a_rule_must_hold_and_a_share_is_a_split() -> None:
    flag = ruled(candidate=True, below=5000, when={"plan": ("gold",)})
    for user in USERS:
        inside = bucket(user, "r1") < 1000 and bucket(user, "new") < 5000
        found = of(flag, targetingKey=user, plan="gold")
        assert (found.value, found.reason) == (inside, Reason.SPLIT if inside else Reason.DEFAULT)
        assert of(flag, targetingKey=user, plan="basic").value is False


def test_the_first_rule_that_fits_decides() -> None:
    variants = {"a": "a", "b": "b", "c": "c"}
    rules = (FlagRule("a", when={"plan": ("gold",)}), FlagRule("b", below=10_000), FlagRule("c", candidate=True))
    flag = Flag("x", variants, "c", rules)
    assert of(flag, targetingKey="ada", plan="gold").variant == "a"
    assert of(flag, targetingKey="ada").variant == "b"


def test_who_asks_must_be_known_only_where_a_rule_is_about_users() -> None:
    flag = replace(NEW, rules=(FlagRule("on", when={"plan": ("gold",)}), FlagRule("on", candidate=True)))
    assert of(flag, plan="gold").value is True
    for context in ({}, {"targetingKey": ""}, {"targetingKey": None}):
        found = evaluate(flag, AT_10, context, on=True)
        assert isinstance(found, Unanswered)
        assert found.error is FlagError.TARGETING_KEY_MISSING
        assert found.details == "rule 2 of 'new' asks who the user is: the context has no `targetingKey`"


@pytest.mark.parametrize("user", [7, ["ada"], True, "a\nb", "a\0", "\ud800", "  ", "\x7f"])
def test_what_could_not_stand_in_a_header_is_no_user(user: object) -> None:
    found = evaluate(NEW, AT_10, {"targetingKey": user}, on=True)
    assert isinstance(found, Unanswered)
    assert found.error is FlagError.INVALID_CONTEXT


def test_blanks_around_a_user_do_not_count_as_in_a_header() -> None:
    for user in USERS[:50]:
        assert of(NEW, targetingKey=f" {user}\t") == of(NEW, targetingKey=user)
