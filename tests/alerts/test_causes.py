"""From the state to what is the matter."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.alerts.causes import MANNERS, OFTEN, UNREADY_S, Cause, CauseKind, Facts, causes
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Rollout
from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.rollout.observed import NodeState, Observed
from abreast.rollout.turn import split_of
from tests.rollout.play import BEGIN, serving, under_way
from tests.rollout.situations import situations

NOW = BEGIN + 1000.0
DOCS = Path(__file__).parents[2] / "docs" / "alerts.md"
BACK = Event(BEGIN + 5.0, 1, EventKind.PHASE, "abreast", "gate errors: worse", {"after": "rolling-back"})


def an_instance(version: str = "v1", number: int = 1, **fields: Any) -> Instance:  # noqa: ANN401  # each of its own
    plain = Instance(f"{version}-{number}", version, Endpoint("127.0.0.1", 8000), InstanceState.READY, BEGIN)
    return replace(plain, **fields)


def well(rollout: Rollout, **fields: Any) -> Observed:  # noqa: ANN401  # each of its own
    """Both versions are ready, and the gateway obeys."""
    plain = Observed(
        NOW,
        instances=(an_instance("v1"), an_instance("v2")),
        nodes=(NodeState("gateway-1", split_of(rollout), connected=True),),
    )
    return replace(plain, **fields)


def found(rollout: Rollout, observed: Observed | None = None, **facts: Any) -> list[Cause]:  # noqa: ANN401  # each of its own
    return list(causes(Facts(rollout, observed or well(rollout), **facts)))


def kinds(rollout: Rollout, observed: Observed | None = None, **facts: Any) -> list[tuple[CauseKind, str]]:  # noqa: ANN401  # each of its own
    return [(each.kind, each.subject) for each in found(rollout, observed, **facts)]


@pytest.mark.parametrize("phase", [*Phase])
def test_nothing_is_the_matter_with_a_rollout_that_goes_its_way(phase: Phase) -> None:
    assert kinds(under_way(phase)) == ([(CauseKind.FROZEN, "")] if phase is Phase.FROZEN else [])
    assert kinds(serving()) == []


class TestRollout:
    """What becomes of the rollout itself."""

    @pytest.mark.parametrize("phase", [Phase.ROLLING_BACK, Phase.ROLLED_BACK])
    def test_rolled_back_by_a_verdict(self, phase: Phase) -> None:
        (cause,) = found(under_way(phase), rolled_back=BACK)
        assert (cause.kind, cause.at) == (CauseKind.ROLLED_BACK, BEGIN + 5.0)
        assert (cause.words, cause.title) == ("v2 was rolled back", "gate errors: worse")
        assert found(under_way(phase)) == []

    def test_it_is_over_at_the_next_attempt_and_in_the_next_rollout(self) -> None:
        assert found(under_way(Phase.PENDING), rolled_back=BACK) == []
        assert found(under_way(Phase.ROLLED_BACK, number=2), rolled_back=BACK) == []

    def test_each_rolling_back_is_an_episode_of_its_own(self) -> None:
        rollout = under_way(Phase.ROLLED_BACK)
        (first,), (second,) = (found(rollout, rolled_back=each) for each in (BACK, replace(BACK, at=NOW)))
        assert first.episode != second.episode

    def test_frozen_says_why(self) -> None:
        (cause,) = found(under_way(Phase.FROZEN, reason="gate errors: worse"))
        assert (cause.title, cause.at) == ("gate errors: worse", BEGIN)

    def test_held_until_it_moves(self) -> None:
        rollout = under_way(Phase.PROGRESSING, held=True)
        assert kinds(rollout) == kinds(replace(rollout, phase=Phase.PAUSED)) == [(CauseKind.HELD, "")]
        assert kinds(replace(rollout, phase=Phase.PROMOTING, weight=10_000)) == []
        assert found(rollout)[0].episode != found(replace(rollout, step_since=NOW))[0].episode

    def test_a_silent_candidate_says_why_it_is(self) -> None:
        rollout = under_way(Phase.PROGRESSING, silent=True)
        (cause,) = found(rollout)
        assert cause.kind is CauseKind.SILENT
        assert "v1 got none either; no user reaches the gateway" in cause.title
        (fresh,) = found(rollout, well(rollout, now=BEGIN + 1))
        assert fresh.title == "v2 gets no requests although it has weight"


class TestGateways:
    """What the gateways do with what they are told."""

    def one(self, **fields: Any) -> Cause:  # noqa: ANN401  # each of its own
        rollout = under_way(Phase.PROGRESSING)
        node = replace(well(rollout).nodes[0], **fields)
        (cause,) = found(rollout, well(rollout, nodes=(node,)))
        return cause

    def test_one_that_refuses(self) -> None:
        cause = self.one(nack="duplicate port", acked=None)
        assert (cause.kind, cause.subject) == (CauseKind.REFUSED, "gateway-1")
        assert cause.title.endswith("refuses the present one: duplicate port")

    def test_one_that_does_not_obey(self) -> None:
        cause = self.one(acked=None)
        assert (cause.kind, cause.subject) == (CauseKind.DISOBEYED, "gateway-1")
        assert "may still route as before" in cause.title

    def test_one_that_is_not_connected(self) -> None:
        assert "not connected" in self.one(connected=False).title

    def test_none_at_all(self) -> None:
        rollout = under_way(Phase.PROGRESSING)
        assert kinds(rollout, well(rollout, nodes=())) == [(CauseKind.DISOBEYED, "")]


class TestInstances:
    """Instances that fail again and again, or for long."""

    def test_restarted_often_is_one_cause_for_each_version(self) -> None:
        rollout = under_way(Phase.PROGRESSING)
        many = tuple(an_instance("v2", number, detail="exited with 1") for number in range(1, 6))
        observed = well(rollout, instances=(an_instance("v1"), *many))
        often = {each.id: OFTEN for each in many}
        (cause,) = found(rollout, observed, restarts=often)
        assert (cause.kind, cause.subject) == (CauseKind.FAILING, "v2")
        assert "v2-1 is ready, restarted 3 times within 5 m: exited with 1" in cause.title
        assert cause.title.endswith("; and 2 more")
        assert kinds(rollout, observed, restarts=dict.fromkeys(often, OFTEN - 1)) == []

    @pytest.mark.parametrize(
        ("state", "since", "fails"),
        [
            (InstanceState.UNREADY, NOW - UNREADY_S, True),
            (InstanceState.FAILED, NOW - UNREADY_S, True),
            (InstanceState.UNREADY, NOW - UNREADY_S + 1, False),
            (InstanceState.STARTING, BEGIN, False),
            (InstanceState.STOPPING, BEGIN, False),
        ],
    )
    def test_not_ready_for_long(self, state: InstanceState, since: float, *, fails: bool) -> None:
        rollout = under_way(Phase.PROGRESSING)
        sick = an_instance("v2", 2, state=state, since=since)
        observed = well(rollout, instances=(an_instance("v1"), an_instance("v2"), sick))
        assert kinds(rollout, observed) == ([(CauseKind.FAILING, "v2")] if fails else [])

    def test_a_version_that_cannot_be_started(self) -> None:
        rollout = under_way(Phase.PENDING)
        (cause,) = found(rollout, well(rollout, hopeless={"v2": "no such command"}))
        assert cause.title == "cannot be started: no such command"

    @pytest.mark.parametrize("over", [under_way(Phase.ROLLED_BACK, released_at=NOW), serving()])
    def test_one_that_need_not_run_any_more_is_nobodys_concern(self, over: Rollout) -> None:
        assert kinds(over, well(over, hopeless={"v2": "no such command"})) == []
        assert kinds(over, well(over, hopeless={"v1": "gone"})) == [(CauseKind.FAILING, "v1")]


class TestSides:
    """Users without a ready instance."""

    @pytest.mark.parametrize(("side", "gone", "other"), [("candidate", "v2", "v1"), ("stable", "v1", "v2")])
    def test_sheltered_by_the_other_side(self, side: str, gone: str, other: str) -> None:
        rollout = under_way(Phase.PROGRESSING, sheltering=side)
        (cause,) = found(rollout, well(rollout, instances=(an_instance(other),)))
        assert (cause.kind, cause.subject) == (CauseKind.SHELTERED, side)
        assert cause.title == f"{gone} has no ready instance; {other} serves its users meanwhile"

    def test_nobody_serves(self) -> None:
        rollout = under_way(Phase.PROGRESSING)
        down = [(CauseKind.DOWN, "v1"), (CauseKind.DOWN, "v2")]
        assert kinds(rollout, well(rollout, instances=())) == down
        assert kinds(serving(), well(serving(), instances=(an_instance("v2"),))) == down[:1]
        done = under_way(Phase.COMPLETED)
        assert kinds(done, well(done, instances=(an_instance("v1"),))) == down[1:]

    def test_who_has_no_users_may_be_gone(self) -> None:
        rollout = under_way(Phase.PENDING)
        assert kinds(rollout, well(rollout, instances=(an_instance("v1"),))) == []


def test_the_store_and_the_relay() -> None:
    rollout = under_way(Phase.PROGRESSING)
    store, relay = found(rollout, store_error="disk full", relay_losses=OFTEN)
    assert (store.kind, store.title) == (CauseKind.STORE, "disk full")
    assert relay.title == "the relay was lost 3 times within 5 m; its copies are not compared"
    assert kinds(rollout, relay_losses=OFTEN - 1) == []


@given(st.sampled_from(Phase).flatmap(situations), st.integers(0, 5), st.sampled_from(["", "disk full"]))
def test_of_one_kind_and_subject_there_is_never_more_than_one(
    situation: tuple[Rollout, Observed], losses: int, error: str
) -> None:
    rollout, observed = situation
    restarts = {each.id: losses for each in observed.instances}
    all_of_them = found(rollout, observed, rolled_back=BACK, restarts=restarts, relay_losses=losses, store_error=error)
    names = [(each.kind, each.subject) for each in all_of_them]
    assert len(names) == len(set(names))
    assert all(each.words and each.title and each.see.startswith("abreast ") for each in all_of_them)
    assert all(bool(each.subject) <= bool(MANNERS[each.kind].subject) for each in all_of_them)


def test_every_kind_has_its_manner_and_is_documented() -> None:
    assert set(MANNERS) == set(CauseKind)
    rows = DOCS.read_text("utf-8").splitlines()
    for kind, manner in MANNERS.items():
        (row,) = (row for row in rows if row.startswith(f"| `{kind}` | {manner.severity} |"))
        when, over = row.split("|")[3:5]
        assert not manner.patience_s or f"for {manner.patience_s:g} s" in when
        assert manner.settle_s != 60.0 or "for a minute" in over
