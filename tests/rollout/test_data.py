"""The rows have a say: the candidate waits for its side, contradicting rows end it, the loser is fenced."""

from dataclasses import replace
from typing import Final

import pytest

from abreast.model.event import EventKind
from abreast.model.rollout import DataGate, Phase, Policy
from abreast.rollout.actions import RunVersion
from abreast.rollout.data import STALE_S, judge_data, missing_side, ready_since, told
from abreast.rollout.explain import explain
from abreast.rollout.observed import DataState
from tests.rollout.play import BEGIN, POLICY, V2, Play, at, under_way

BY_HAND: Final = replace(POLICY, data=DataGate())
ITSELF: Final = replace(POLICY, data=DataGate(expand=True))
READY: Final = DataState(ready=("v1", "v2"), ready_since=BEGIN, contractible="v1", drift=0, rows=1000, checked_at=BEGIN)


def pending(policy: Policy, data: DataState | None) -> Play:
    """v2 shall start, and nothing of it runs."""
    play = Play(under_way(Phase.PENDING, policy), data=data)
    return play.sees(v2=0)


def climbing(data: DataState | None, policy: Policy = BY_HAND) -> Play:
    """v2 has 10 % of the users."""
    play = Play(under_way(Phase.PROGRESSING, policy), data=data)
    play.acked = {"gateway-1": at(1000), "gateway-2": at(1000)}
    return play


@pytest.mark.parametrize(
    ("policy", "data", "words"),
    [
        (BY_HAND, None, "the database has not answered yet"),
        (BY_HAND, DataState(ready=("v1",)), "abreast data expand v2"),
        (ITSELF, DataState(ready=("v1",)), "the side of v2 is about to be made"),
        (ITSELF, DataState(ready=("v1",), doing="backfill products: 5,000 rows, 12%"), "backfill products: 5,000 rows"),
        (BY_HAND, DataState(fenced=("v2",)), "abreast data expand v2"),
    ],
)
def test_the_candidate_is_not_started_before_it_has_its_side(policy: Policy, data: DataState, words: str) -> None:
    play = pending(policy, data).phase(Phase.PENDING).waits(words)
    assert RunVersion("v2") not in play.decision.actions
    assert RunVersion("v1") in play.decision.actions
    assert play.after("1h").rollout.phase is Phase.PENDING, "a backfill may take long"


def test_it_starts_when_its_side_is_there_and_has_its_whole_time_for_it_from_then_on() -> None:
    play = pending(ITSELF, DataState(ready=("v1",))).after("1h")
    play.data = replace(READY, ready_since=play.now)
    play.turn()
    assert RunVersion("v2") in play.decision.actions
    assert ready_since(play.rollout, play.observed) == play.now
    play.after("30s").phase(Phase.PENDING)
    play.after("31s").phase(Phase.ROLLING_BACK)


def test_a_candidate_that_runs_already_is_not_taken_away_while_the_database_is_silent() -> None:
    play = climbing(None).turn()
    assert RunVersion("v2") in play.decision.actions
    play.phase(Phase.PROGRESSING)


def test_a_candidate_that_has_users_is_started_again_whatever_the_database_says() -> None:
    play = Play(under_way(Phase.RETIRING, BY_HAND), ready={})
    assert RunVersion("v2") in play.turn().decision.actions


def test_the_old_version_is_retired_once_nobody_works_in_the_database_as_it() -> None:
    working = DataState(ready=("v1", "v2"), connected={"v1": 2, "v2": 9})
    play = Play(under_way(Phase.RETIRING, BY_HAND), data=working).hears(at(10_000))
    play.after("1h").hears(V2).sees(v1=0).phase(Phase.RETIRING)
    play.waits(
        "v1 has stopped, but somebody works in the database as v1 (2 sessions): end that, or give: abreast retire"
    )
    play.data = replace(working, connected={"v2": 9})
    play.turn().phase(Phase.COMPLETED)


def test_retire_now_waits_for_nobody_in_the_database() -> None:
    working = DataState(ready=("v1", "v2"), connected={"v1": 1})
    play = Play(under_way(Phase.RETIRING, BY_HAND), data=working).hears(at(10_000))
    play.after("1h").hears(V2).sees(v1=0)
    play.waits("(1 session)").orders("retire").accepted(
        "v1 is retired now, without waiting for who works in the database"
    )
    play.phase(Phase.COMPLETED)


def test_what_a_person_must_mend_ends_the_try_with_its_reason() -> None:
    play = pending(ITSELF, DataState(ready=("v1",), failed="m.yaml:3: there is no table 'x' here → name one"))
    play.phase(Phase.ROLLED_BACK) if play.rollout.phase is Phase.ROLLED_BACK else play.phase(Phase.ROLLING_BACK)
    play.notes(EventKind.VERDICT, "data: m.yaml:3: there is no table 'x' here")


def test_without_data_nobody_asks() -> None:
    play = pending(POLICY, None)
    assert missing_side(play.rollout, play.observed) is None
    assert RunVersion("v2") in play.decision.actions
    assert judge_data(play.rollout, play.observed).proven


def test_contradicting_rows_roll_back_with_the_first_of_them() -> None:
    data = replace(READY, drift=2, example="products with id = 7")
    play = climbing(data).turn().phase(Phase.ROLLING_BACK)
    play.notes(
        EventKind.VERDICT,
        "gate data: 2 of 1,000 rows contradict themselves between v1 and v2, 0 may; the first is products with id = 7",
    )


def test_so_many_as_may_do_not() -> None:
    policy = replace(POLICY, data=DataGate(max_drift=2))
    climbing(replace(READY, drift=2), policy).turn().phase(Phase.PROGRESSING)
    climbing(replace(READY, drift=3), policy).turn().phase(Phase.ROLLING_BACK)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "nobody has looked at the rows yet"),
        (replace(READY, drift=None), "nobody has looked at the rows yet"),
        (replace(READY, drift=9, checked_at=BEGIN - 1), "nobody has looked at the rows yet"),
        (replace(READY, ready=("v1",), fenced=("v2",)), "v2 is fenced and writes nothing: abreast data unfence v2"),
        (replace(READY, unfenceable={"v2": "orders"}), "the fence is lost: v2 could write past it (orders)"),
    ],
)
def test_what_is_not_known_decides_nothing(data: DataState | None, words: str) -> None:
    play = climbing(data)
    verdict = judge_data(play.rollout, play.observed)
    assert (verdict.worse, verdict.proven) == (False, False)
    assert words in verdict.sentence


def test_what_was_seen_long_ago_proves_nothing() -> None:
    play = climbing(READY).after("121s")
    verdict = judge_data(play.rollout, play.observed)
    assert not verdict.proven
    assert "but that was 2 m" in verdict.sentence
    assert play.now - BEGIN > STALE_S


def test_rows_that_agree_prove_it_and_people_read_so() -> None:
    play = climbing(READY)
    assert judge_data(play.rollout, play.observed).proven
    told = "\n".join(explain(play.rollout, play.observed))
    assert "Gate data: 0 of 1,000 rows contradict themselves between v1 and v2" in told


@pytest.mark.parametrize(
    ("phase", "data", "words"),
    [
        (Phase.PROGRESSING, None, "the database has not answered yet"),
        (
            Phase.PROGRESSING,
            READY,
            "v1 and v2 may write; 0 of 1,000 rows contradict themselves (3 s ago)",
        ),
        (Phase.PROGRESSING, replace(READY, drift=None), "v1 and v2 may write; nobody has looked at the rows yet"),
        (
            Phase.PENDING,
            DataState(ready=("v1",), doing="backfill of products, 40%"),
            "backfill of products, 40%; v1 may write",
        ),
        (
            Phase.ROLLED_BACK,
            replace(READY, ready=("v1",), fenced=("v2",)),
            (
                "v1 may write; v2 is fenced and only reads; 0 of 1,000 rows contradict themselves (3 s ago); "
                "the side of v2 stays until: abreast data undo"
            ),
        ),
        (
            Phase.COMPLETED,
            READY,
            (
                "v1 and v2 may write; 0 of 1,000 rows contradict themselves (3 s ago); "
                "the side of v1 stays until: abreast data contract"
            ),
        ),
        (Phase.COMPLETED, DataState(ready=("v2",)), "v2 may write"),
    ],
)
def test_what_the_database_says_is_told_in_every_phase(phase: Phase, data: DataState | None, words: str) -> None:
    state = None if data is None else replace(data, checked_at=BEGIN - 3.0)
    play = Play(under_way(phase, BY_HAND), data=state)
    assert "; ".join(told(play.rollout, play.observed)) == words
    assert f"Data: {words}." in explain(play.rollout, play.observed)


def test_when_the_old_side_is_dropped_is_told_and_waited_for() -> None:
    policy = replace(POLICY, data=DataGate(contract_after_s=3600.0))
    play = Play(under_way(Phase.COMPLETED, policy), data=READY).after("10m")
    assert "the side of v1 is dropped in 50 m" in told(play.rollout, play.observed)
    assert play.decision.wake_at == BEGIN + 3600.0


def test_without_data_nothing_is_told() -> None:
    play = Play(under_way(Phase.PROGRESSING))
    assert not list(told(play.rollout, play.observed))
    assert not any("Data" in sentence for sentence in explain(play.rollout, play.observed))
