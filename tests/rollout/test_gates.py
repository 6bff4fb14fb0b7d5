"""The gates: what proves a candidate worse, what proves it fine, what is neither, and in which words."""

from collections.abc import Callable
from dataclasses import replace
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.analysis.assessment import Assessment, LatencyEvidence, Progress
from abreast.analysis.engine import Engine
from abreast.analysis.lanes import BETA
from abreast.analysis.tick import Side, Tick
from abreast.model.rollout import ErrorGate, LatencyGate, Phase, Policy, Rollout
from abreast.rollout.gates import (
    Verdict,
    errors_planned,
    judge_errors,
    judge_latency,
    latency_planned,
)
from abreast.rollout.watch import limits_of
from tests.rollout.play import POLICY, under_way
from tests.rollout.traffic import BAD, BROKEN, GOOD, NOTHING, OUTAGE, SLOW, Both, Traffic, assessed, ticks

WATCHED = replace(POLICY, latency=LatencyGate())
LAST = under_way(Phase.PROGRESSING, WATCHED, step=4, weight=5000)
"""In the last step before all users: the budget is that of what the step leads to."""

ONE_OF_250 = "1 of 250 rollouts, however often we look"
ONE_OF_1000 = "1 of 1,000 rollouts, however often we look"


Judge = Callable[[Rollout, Assessment], Verdict]


def by_errors(seconds: int, both: Both, rollout: Rollout = LAST) -> Verdict:
    return judge_errors(rollout, assessed(rollout.policy, seconds, both))


def by_latency(seconds: int, both: Both, rollout: Rollout = LAST) -> Verdict:
    return judge_latency(rollout, assessed(rollout.policy, seconds, both))


class TestErrors:
    """Against stable in the same seconds."""

    def test_hard_failure_is_worse_within_seconds(self) -> None:
        assert not by_errors(4, BROKEN).worse, "no second is more than a fifth of the proof"
        verdict = by_errors(10, BROKEN)
        assert (verdict.worse, verdict.proven, verdict.share) == (True, False, 1.0)
        assert verdict.sentence == (
            "in the same seconds, 90.00 % of candidate requests failed against 1.00 % of stable's "
            "(180 of 200; 18 of 1,800). If the candidate were no more than 25 points worse, evidence this strong "
            "would appear in fewer than 1 of 1,000 rollouts, however often we look"
        )

    def test_failing_more_is_worse_after_some_windows(self) -> None:
        assert not by_errors(20, BAD).worse, "no window is more than a third of the proof"
        verdict = by_errors(30, BAD)
        assert (verdict.worse, verdict.proven) == (True, False)
        assert verdict.sentence == (
            "in the same seconds, 20.00 % of candidate requests failed against 1.00 % of stable's "
            "(120 of 600; 54 of 5,400). If the candidate were no worse than tolerated, evidence this strong "
            "would appear in fewer than 1 of 250 rollouts, however often we look"
        )

    def test_as_good_as_stable_is_proven_with_what_it_may_cost(self) -> None:
        verdict = by_errors(60, GOOD)
        assert verdict == Verdict(
            worse=False,
            proven=True,
            sentence="not worse: at most 1.2 points more of its requests fail than of stable's; going on to 100 % "
            "costs at most 5 % of all requests (in the same seconds, 1.00 % of candidate requests failed against "
            "1.00 % of stable's (12 of 1,200; 108 of 10,800))",
            share=1.0,
        )

    def test_better_than_stable_never_fails_more(self) -> None:
        verdict = by_errors(120, (Traffic(20), Traffic(180, 0.2)))
        assert verdict.proven
        assert verdict.sentence.startswith("not worse: at most nothing more of its requests fail than of stable's;")

    def test_in_between_is_undecided_and_says_what_is_ruled_out_and_how_much_is_missing(self) -> None:
        verdict = by_errors(10, GOOD)
        assert (verdict.worse, verdict.proven) == (False, False)
        assert 0 < verdict.share < 1
        assert verdict.missing is not None
        assert verdict.sentence == (
            "undecided: at most 3.9 points more of its requests fail than of stable's (in the same seconds, 1.00 % of "
            "candidate requests failed against 1.00 % of stable's (2 of 200; 18 of 1,800)); about 99 more candidate "
            "requests are needed if it is as good as stable"
        )

    def test_while_nothing_is_ruled_out_it_says_so(self) -> None:
        assert by_errors(1, (Traffic(1), Traffic(9))).sentence.startswith("undecided: nothing can be ruled out yet (")

    def test_nothing_counted_decides_nothing(self) -> None:
        for assessment in (Assessment(), assessed(WATCHED, 3600, NOTHING)):
            verdict = judge_errors(LAST, assessment)
            assert (verdict.worse, verdict.proven, verdict.share) == (False, False, 0.0)
            assert verdict.sentence == (
                "undecided: no candidate request in this step yet; about 95 more candidate requests are needed "
                "if it is as good as stable"
            )

    @pytest.mark.parametrize("both", [(Traffic(20, 1.0), Traffic()), (Traffic(), Traffic(180, 1.0))])
    def test_one_side_alone_decides_nothing(self, both: Both) -> None:
        verdict = by_errors(600, both)
        assert (verdict.worse, verdict.proven) == (False, False)

    def test_an_outage_of_both_is_not_the_candidates_fault(self) -> None:
        assert not any(by_errors(seconds, OUTAGE).worse for seconds in range(0, 120, 5))

    def test_one_window_of_failures_is_no_proof_however_many_there_are(self) -> None:
        """A burst that fell on the candidate alone; it is not as long as hard failure takes either."""
        engine = Engine(limits_of(WATCHED))
        for tick in ticks(4, (Traffic(2000, 1.0), Traffic(18_000))):
            engine.add(tick)
        assert not judge_errors(LAST, engine.assessment()).worse

    def test_what_was_proven_once_stays_a_verdict(self) -> None:
        engine = Engine(limits_of(WATCHED))
        for tick in (*ticks(30, BAD), *ticks(600, GOOD, begin=1_000_030.0)):
            engine.add(tick)
        assert judge_errors(LAST, engine.assessment()).worse, "although all of the later ones were good"

    def test_a_proof_of_worse_goes_before_a_proof_of_fine(self) -> None:
        engine = Engine(limits_of(WATCHED))
        for tick in (*ticks(60, GOOD), *ticks(60, BAD, begin=1_000_060.0)):
            engine.add(tick)
        errors = engine.assessment().errors
        assert errors.fine.proven
        verdict = judge_errors(LAST, engine.assessment())
        assert (verdict.worse, verdict.proven) == (True, False)

    @pytest.mark.parametrize("error_gate", [ErrorGate(25), ErrorGate(100, 5.0), ErrorGate(500, 1.0)])
    @pytest.mark.parametrize("step", range(2))
    def test_so_many_requests_as_are_said_to_be_missing_are_the_proof(self, error_gate: ErrorGate, step: int) -> None:
        """Without a failure; the windows round it up."""
        rollout = under_way(Phase.PROGRESSING, replace(POLICY, errors=error_gate), step=step, weight=(100, 1000)[step])
        next_ = (1000, 5000)[step]
        planned = errors_planned(rollout.policy, rollout.weight, next_)
        assert planned == pytest.approx(4.3 * next_ / error_gate.budget, rel=0.1)
        missing = judge_errors(rollout, Assessment()).missing
        assert missing == pytest.approx(planned)
        per_s = max(1, round(planned / (6 * error_gate.window_s)))
        both = Traffic(per_s), Traffic(per_s * (10_000 - rollout.weight) // rollout.weight)
        enough = assessed(rollout.policy, round(1.15 * planned / per_s), both, next_weight=next_)
        fewer = assessed(rollout.policy, round(0.8 * planned / per_s), both, next_weight=next_)
        assert judge_errors(rollout, enough).proven
        undecided = judge_errors(rollout, fewer)
        assert not undecided.proven
        assert undecided.missing is not None
        assert undecided.missing < planned

    def test_without_a_user_on_the_candidate_nothing_is_missing_but_users(self) -> None:
        rollout = under_way(Phase.PROGRESSING, WATCHED, step=0, weight=0)
        for verdict in (judge_errors(rollout, Assessment()), judge_latency(rollout, assessed(WATCHED, 60, NOTHING))):
            assert verdict == Verdict(worse=False, proven=False, sentence="undecided: no user is on the candidate")

    @pytest.mark.parametrize("judge", [judge_errors, judge_latency])
    def test_users_taken_back_by_hand_do_not_undo_a_verdict(self, judge: Judge) -> None:
        both = BAD if judge is judge_errors else SLOW
        assert judge(replace(LAST, weight=0), assessed(WATCHED, 120, both)).worse

    def test_a_larger_budget_is_never_harder_to_keep(self) -> None:
        found = [by_errors(60, GOOD, replace(LAST, policy=replace(POLICY, errors=ErrorGate(b)))) for b in (1, 100, 500)]
        assert [each.proven for each in found] == sorted(each.proven for each in found)
        assert found[-1].proven
        assert not found[0].proven


class TestAlone:
    """All users on the candidate: hard failure against what stable did before, and nothing else."""

    BAKING = under_way(Phase.BAKING, WATCHED)

    def guarded(self, seconds: int, candidate: Traffic) -> Verdict:
        """After an hour's minute beside stable, so many seconds alone."""
        engine = Engine(limits_of(WATCHED))
        for tick in (*ticks(60, GOOD), *ticks(seconds, (candidate, Traffic()), begin=1_000_060.0, alone=True)):
            engine.add(tick)
        return judge_errors(self.BAKING, engine.assessment())

    def test_it_says_so(self) -> None:
        verdict = self.guarded(5, Traffic(20, 0.1))
        assert (verdict.worse, verdict.proven, verdict.missing) == (False, False, None)
        assert verdict.sentence == (
            "only hard failure is watched while nobody is on stable: since all users are on it, 10.00 % of candidate "
            "requests failed against 1.00 % of stable's before (10 of 100; 108 of 10,800)"
        )
        latency = judge_latency(self.BAKING, assessed(WATCHED, 60, GOOD))
        assert (latency.worse, latency.proven) == (False, False)
        assert latency.sentence == "not watched while nobody is on stable"

    def test_hard_failure_is_worse_with_the_counts_of_that_time(self) -> None:
        verdict = self.guarded(20, Traffic(20, 0.9))
        assert (verdict.worse, verdict.proven) == (True, False)
        assert verdict.sentence.startswith(
            "since all users are on it, 90.00 % of candidate requests failed against 1.00 % of stable's before "
            "(360 of 400; 108 of 10,800). If the candidate were no more than 25 points worse"
        )
        assert verdict.sentence.endswith(ONE_OF_1000)

    def test_what_stable_did_too_is_not(self) -> None:
        assert not self.guarded(600, Traffic(20, 0.2)).worse, "within 25 points of stable's past"
        assert not self.guarded(600, Traffic()).worse


class TestLatency:
    """Against stable's own past quantiles."""

    def test_slower_is_worse_with_all_three_quantiles(self) -> None:
        assert not by_latency(30, SLOW).worse
        verdict = by_latency(120, SLOW)
        assert (verdict.worse, verdict.proven, verdict.share) == (True, False, 1.0)
        assert verdict.sentence.startswith(
            "100.00 % of candidate requests took 20 % longer than stable's p50 of 11 ms (2,020 of 2,020; of stable's "
            "40.00 % longer than that); 100.00 % of candidate requests took 20 % longer than stable's p90 of 21 ms"
        )
        assert verdict.sentence.endswith(f"If the candidate were no slower than tolerated, evidence this strong would "
            f"appear in fewer than {ONE_OF_250}")  # fmt: skip

    def test_as_fast_is_proven(self) -> None:
        verdict = by_latency(120, GOOD)
        assert (verdict.worse, verdict.proven, verdict.share) == (False, True, 1.0)
        assert verdict.sentence == (
            "not slower than stable's own quantiles (p50 11 ms, p90 21 ms, p99 41 ms) by more than 20 %"
        )

    def test_within_the_tolerance_is_proven_and_beyond_it_worse(self) -> None:
        slower = Traffic(20, 0.01, ms=11), GOOD[1]
        assert by_latency(120, slower).proven
        strict = replace(LAST, policy=replace(WATCHED, latency=LatencyGate(tolerance=100)))
        assert not by_latency(120, slower, strict).proven

    def test_in_between_is_undecided_by_the_quantile_that_lacks_most(self) -> None:
        verdict = by_latency(30, GOOD)
        assert (verdict.worse, verdict.proven) == (False, False)
        assert verdict.sentence.startswith(
            "p90 undecided: 5.00 % of candidate requests took 20 % longer than stable's p90 of 21 ms (11 of 220; "
            "of stable's 5.00 % longer than that); about "
        )
        assert verdict.sentence.endswith(" more candidate requests are needed if it is as good as stable")
        assert verdict.missing is not None
        planned = latency_planned(WATCHED, LAST.weight, 10_000)
        assert verdict.missing == pytest.approx((1 - verdict.share) * planned)

    @pytest.mark.parametrize("both", [NOTHING, (Traffic(20), Traffic()), (Traffic(20), Traffic(1))])
    def test_before_stable_is_known_it_decides_nothing(self, both: Both) -> None:
        verdict = by_latency(60, both)
        assert (verdict.worse, verdict.proven) == (False, False)
        assert verdict.sentence == "undecided: stable's own quantiles are not known yet"

    def test_no_candidate_request_decides_nothing(self) -> None:
        verdict = by_latency(600, (Traffic(), GOOD[1]))
        assert (verdict.worse, verdict.proven) == (False, False)

    def test_an_instance_that_is_warming_up_counts_for_nothing_but_its_errors(self) -> None:
        engine = Engine(limits_of(WATCHED))
        slow_and_bad = Traffic(20, 0.9, ms=500), GOOD[1]
        for tick in (*ticks(60, GOOD), *ticks(300, slow_and_bad, begin=1_000_060.0, warming=True)):
            engine.add(tick)
        assessment = engine.assessment()
        latency = judge_latency(LAST, assessment)
        assert not latency.worse
        assert "an instance is warming up, which does not count; " in latency.sentence
        assert judge_errors(LAST, assessment).worse

    def test_requests_that_hang_are_slow_before_they_end(self) -> None:
        engine = Engine(limits_of(WATCHED))
        for tick in ticks(60, GOOD):
            engine.add(tick)
        hanging = 0
        for tick in ticks(120, (Traffic(), GOOD[1]), begin=1_000_060.0):
            hanging += 20
            engine.add(replace(tick, candidate=Side(waiting=(hanging,) * 4 + (0,) * 5)))
        assert judge_latency(LAST, engine.assessment()).worse

    def test_where_nobody_asks_it_is_neither_a_reason_nor_an_obstacle(self) -> None:
        unwatched = replace(LAST, policy=POLICY)
        verdict = judge_latency(unwatched, assessed(POLICY, 300, SLOW))
        assert verdict == Verdict(worse=False, proven=True, sentence="not watched", share=1.0)
        assert latency_planned(POLICY, 1000, 5000) == 0

    def test_three_quantiles_are_all_needed(self) -> None:
        assessment = assessed(WATCHED, 120, GOOD)
        assert assessment.latency is not None
        first, *others = assessment.latency.quantiles
        lacking = replace(first, fine=Progress(0.5, 0.5, -log(BETA)))
        latency = LatencyEvidence((lacking, *others), assessment.latency.worse)
        verdict = judge_latency(LAST, replace(assessment, latency=latency))
        assert not verdict.proven
        assert verdict.sentence.startswith("p50 undecided: ")


@given(
    st.integers(0, 40),
    st.sampled_from([0.0, 0.01, 0.3, 1.0]),
    st.sampled_from([0.0, 0.01, 0.3, 1.0]),
    st.integers(0, 30),
    st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_more_errors_never_make_a_candidate_look_better(
    seconds: int, bad: float, bad_s: float, more: int, hard: bool
) -> None:
    both = Traffic(20, bad), Traffic(180, bad_s)
    policy: Policy = replace(POLICY, errors=ErrorGate(500, 1.0 if hard else 10.0))
    now, then = Engine(limits_of(policy)), Engine(limits_of(policy))
    for tick in ticks(seconds, both):
        now.add(tick)
        worse = replace(tick.candidate, errors=min(tick.candidate.requests, tick.candidate.errors + more))
        then.add(Tick(tick.at, worse, tick.stable))
    before, after = (judge_errors(LAST, engine.assessment()) for engine in (now, then))
    assert not (before.worse and before.proven)
    assert after.worse or not before.worse
    assert before.proven or not after.proven
