"""What the world should look like is said whole in every turn, in an order that keeps users served."""

from dataclasses import replace
from typing import Final

import pytest

from abreast.model.rollout import DataGate, Phase
from abreast.rollout.actions import ContractData, FenceData, OpenData, RunVersion, SetSplit, StopVersion
from abreast.rollout.data import contract_due
from abreast.rollout.observed import DataState, Tally
from abreast.rollout.wishes import drained_at, due_next, wishes
from tests.rollout.play import BEGIN, POLICY, Play, at, under_way

BY_HAND: Final = replace(POLICY, data=DataGate())
ITSELF: Final = replace(POLICY, data=DataGate(expand=True))
READY: Final = DataState(ready=("v1", "v2"), ready_since=BEGIN, contractible="v1", drift=0, rows=1000, checked_at=BEGIN)


def test_traffic_comes_first_then_what_runs_then_what_stops() -> None:
    play = Play(under_way(Phase.PROGRESSING))
    play.ready = {"v1": 2, "v2": 2, "v3": 1}
    play.acked = {"gateway-1": at(1000), "gateway-2": at(1000)}
    kinds = [type(wish) for wish in wishes(play.rollout, play.observed)]
    assert kinds == [SetSplit, RunVersion, RunVersion, StopVersion]


def test_what_has_requests_in_flight_is_drained_before_it_stops() -> None:
    play = Play(under_way(Phase.PROGRESSING))
    play.ready = {"v1": 2, "v2": 2, "v3": 1}
    play.acked = {"gateway-1": at(1000), "gateway-2": at(1000)}
    play.step = {"v3": Tally(requests=1, in_flight=1)}
    assert StopVersion("v3") not in wishes(play.rollout, play.observed)
    end = BEGIN + POLICY.drain_s
    assert (drained_at(play.rollout, play.observed, "v3"), due_next(play.rollout, play.observed)) == (end, end)


def test_a_candidate_that_is_to_start_gets_its_side_and_may_write() -> None:
    play = Play(under_way(Phase.PENDING, ITSELF), data=READY).sees(v2=0)
    assert OpenData("v1", "v2", expand=True) in play.decision.actions
    assert FenceData("v2") not in play.decision.actions


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.PAUSED, Phase.BAKING, Phase.ROLLING_BACK])
def test_while_it_has_users_nobody_but_a_person_decides_whether_it_writes(phase: Phase) -> None:
    play = Play(under_way(phase, ITSELF), data=READY)
    assert not {OpenData("v1", "v2", expand=True), FenceData("v2")} & set(play.turn().decision.actions)


def test_it_is_fenced_once_its_last_request_is_answered() -> None:
    play = Play(under_way(Phase.ROLLED_BACK, BY_HAND), data=READY)
    play.acked = {"gateway-1": at(0), "gateway-2": at(0)}
    play.step = {"v2": Tally(requests=5, in_flight=1)}
    assert FenceData("v2") not in play.turn().decision.actions
    play.step = {"v2": Tally(requests=6)}
    assert FenceData("v2") in play.turn().decision.actions
    assert not any(isinstance(action, OpenData) for action in play.decision.actions)


def test_a_request_that_never_ends_keeps_it_open_no_longer_than_draining_takes() -> None:
    play = Play(under_way(Phase.ROLLED_BACK, BY_HAND), data=READY).hears(at(0))
    play.step = {"v2": Tally(requests=5, in_flight=1)}
    assert FenceData("v2") not in play.turn().decision.actions
    play.after(f"{POLICY.drain_s:g}s")
    assert FenceData("v2") in play.decision.actions


def test_it_is_not_fenced_while_it_serves_the_users_of_a_stable_that_is_gone() -> None:
    play = Play(under_way(Phase.ROLLED_BACK, BY_HAND), data=READY).hears(at(0)).sees(v1=0).obeyed()
    assert FenceData("v2") not in play.decision.actions
    play.sees(v1=2)
    assert FenceData("v2") not in play.decision.actions, "its users are not back yet"
    assert FenceData("v2") in play.obeyed().decision.actions


def test_the_old_side_is_dropped_so_long_after_the_end() -> None:
    play = Play(under_way(Phase.COMPLETED, replace(POLICY, data=DataGate(contract_after_s=60.0))), data=READY)
    assert contract_due(play.rollout, READY) == BEGIN + 60.0
    assert ContractData("v1", "v2") not in play.after("59s").decision.actions
    assert ContractData("v1", "v2") in play.after("2s").decision.actions
    play.data = replace(READY, contractible="")
    assert ContractData("v1", "v2") not in play.turn().decision.actions


def test_by_hand_means_by_hand() -> None:
    play = Play(under_way(Phase.COMPLETED, BY_HAND), data=READY)
    assert not any(isinstance(action, ContractData) for action in play.after("99h").decision.actions)
