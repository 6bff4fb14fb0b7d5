"""Each gate as people read it: how it stands, what is missing, how long that takes."""

from dataclasses import replace

import pytest

from abreast.model.rollout import ErrorGate, LatencyGate, Phase
from abreast.model.units import about
from abreast.rollout.evidence import GateEvidence, evidence_of, why_alike
from abreast.rollout.gates import Verdict, judge_errors, judge_latency
from tests.rollout.play import BEGIN, POLICY, Play, silent, under_way
from tests.rollout.traffic import BAD, GOOD, NOTHING, OUTAGE, Both, Traffic

WATCHED = replace(POLICY, latency=LatencyGate(warm_up_s=0.0))


def served(seconds: int, both: Both) -> Play:
    """A rollout at 10 % for so long, with that traffic."""
    play = silent(WATCHED)
    play.now = BEGIN
    return play.serves(f"{seconds}s", both)


def named(play: Play) -> dict[str, GateEvidence]:
    return {each.name: each for each in evidence_of(play.rollout, play.observed)}


def test_every_gate_of_the_policy_has_its_verdict() -> None:
    play = served(10, GOOD)
    found = named(play)
    assert list(found) == ["errors", "latency"]
    assert found["errors"].verdict == judge_errors(play.rollout, play.observed.assessment)
    assert found["latency"].verdict == judge_latency(play.rollout, play.observed.assessment)
    play.rollout = replace(play.rollout, policy=POLICY, shadow=2000)
    assert list(named(play)) == ["errors", "differences"]
    play.rollout = replace(play.rollout, shadow=0)
    assert list(named(play)) == ["errors"]
    assert list(named(play.compares(0, 100))) == ["errors", "differences"], "what was compared still counts"


def test_what_is_missing_takes_as_long_as_the_candidate_needs_for_it_at_its_present_rate() -> None:
    errors = named(served(10, GOOD))["errors"]
    assert errors.verdict.missing is not None
    assert errors.missing_s == pytest.approx(errors.verdict.missing / 20)
    assert errors.missing_s is not None
    assert errors.sentence == f"{errors.verdict.sentence}; at the present rate that takes {about(errors.missing_s)}"


def test_after_a_restart_the_rate_is_of_what_was_counted_since() -> None:
    """The evidence goes on, the counts begin anew."""
    play = served(10, GOOD)
    before = named(play)["errors"]
    play.counting_since, play.step = play.now, {}
    assert named(play)["errors"].missing_s is None
    play.now, play.step = (
        play.now + 2,
        {name: replace(tally, requests=40) for name, tally in served(1, GOOD).step.items()},
    )
    assert named(play)["errors"].missing_s == pytest.approx(before.missing_s)


def test_compared_answers_have_their_own_rate() -> None:
    play = served(10, GOOD).compares(0, 500)
    found = named(play)["differences"]
    assert found.verdict.missing is not None
    assert found.missing_s == pytest.approx(found.verdict.missing / 50)


@pytest.mark.parametrize("both", [NOTHING, (Traffic(), GOOD[1])])
def test_without_requests_nobody_knows_how_long_it_takes(both: Both) -> None:
    errors = named(served(10, both))["errors"]
    assert errors.missing_s is None
    assert errors.sentence == errors.verdict.sentence


@pytest.mark.parametrize(("worse", "proven"), [(True, False), (False, True)])
def test_what_is_decided_takes_no_longer(worse: bool, proven: bool) -> None:
    verdict = Verdict(worse=worse, proven=proven, sentence="so it is")
    assert GateEvidence("errors", verdict, 10.0).sentence == "so it is"


class TestWhyAlike:
    """Failures of both are no reason to roll back, and people are told so."""

    def test_both(self) -> None:
        play = served(30, OUTAGE)
        assert why_alike(play.rollout, play.observed) == (
            "Both versions failed in the same seconds (360 of 600 candidate requests, 3,240 of 5,400 of stable's): "
            "what hits both alike says nothing against the candidate"
        )

    @pytest.mark.parametrize("both", [NOTHING, BAD, (Traffic(20), Traffic(180)), (Traffic(20, 0.1), Traffic(180))])
    def test_not_both(self, both: Both) -> None:
        play = served(15, both)
        assert why_alike(play.rollout, play.observed) is None

    def test_where_nobody_is_on_stable_there_is_no_such_excuse(self) -> None:
        play = served(30, OUTAGE)
        assert why_alike(under_way(Phase.BAKING), play.observed) is None


def test_an_errors_gate_that_is_not_watched_has_no_say() -> None:
    blind = replace(POLICY, errors=ErrorGate(watch=False), latency=None)
    play = silent(blind)
    assert evidence_of(play.rollout, play.observed) == ()
    verdict = judge_errors(play.rollout, play.observed.assessment)
    assert (verdict.worse, verdict.proven, verdict.sentence) == (False, True, "not watched")
