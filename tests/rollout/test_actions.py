"""Wishes and replies are plain values: the same wish twice is one wish."""

from abreast.rollout.actions import Decision, Reply, RunVersion, SetSplit, StopVersion
from tests.rollout.play import at, serving


def test_wishes_compare_by_what_they_say() -> None:
    wishes = [SetSplit(at(1000)), SetSplit(at(1000)), SetSplit(at(1000), urgent=True), RunVersion("v1")]
    assert len({*wishes, RunVersion("v1"), StopVersion("v1")}) == 4


def test_a_decision_that_changes_nothing_asks_for_nothing() -> None:
    decision = Decision(serving())
    assert (decision.events, decision.actions, decision.wake_at, dict(decision.replies)) == ((), (), None, {})


def test_a_refusal_is_no_conflict_unless_it_says_so() -> None:
    assert not Reply(accepted=False, message="no").conflict
