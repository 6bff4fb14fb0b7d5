"""The lane: every compared answer counts once, and is weighed against stable's own noise."""

from dataclasses import replace
from math import log

import pytest

from abreast.analysis.eprocess import OK_BETS, WORSE_BETS, Evidence
from abreast.findings.lane import PATIENCE, WINDOW_S, Lane
from abreast.findings.report import Batch, EndpointReport
from tests.findings.batches import batch

TOLERANCE = 0.001
WORSE_CAP = log(1000) / 3
CLEAR_CAP = log(20) / 3


def report(
    compared: int,
    candidate_only: int = 0,
    *,
    controlled: int | None = None,
    control_only: int = 0,
    endpoint: str = "GET /",
) -> EndpointReport:
    """``controlled`` None: as many as were compared."""
    return EndpointReport(
        endpoint, compared, compared if controlled is None else controlled, candidate_only, control_only
    )


def weighed(*batches: Batch) -> Lane:
    lane = Lane(7.0)
    for each in batches:
        lane = lane.after(each, TOLERANCE)
    return lane


def capped(evidence: Evidence, cap: float) -> Evidence:
    """What one window of it is worth."""
    return replace(evidence, growth=tuple(min(each, cap) for each in evidence.growth))


def apart(*batches: Batch) -> Lane:
    """Each batch in a window of its own."""
    return weighed(*(replace(each, at=number * WINDOW_S) for number, each in enumerate(batches)))


def counts(lane: Lane) -> tuple[int, int, int, int]:
    return lane.compared, lane.controlled, lane.candidate_only, lane.control_only


def test_it_begins_with_nothing() -> None:
    assert counts(Lane()) == (0, 0, 0, 0)
    assert Lane().against.log_e == pytest.approx(0.0, abs=1e-12)
    assert Lane().clear.log_e == pytest.approx(0.0, abs=1e-12)


def test_a_batch_is_one_stratum_over_all_its_endpoints() -> None:
    lane = weighed(batch(report(60, 3, control_only=1), report(40, 2, controlled=30, endpoint="POST /")))
    assert counts(lane) == (100, 90, 5, 1)
    assert lane.since == 7.0
    assert lane.against == capped(Evidence.of(WORSE_BETS).after(5, 100, 1, 90, delta=TOLERANCE), WORSE_CAP)
    assert lane.clear == capped(Evidence.of(OK_BETS).after(5, 100, 1, 90, delta=TOLERANCE), CLEAR_CAP)


def test_batches_are_strata_of_their_own() -> None:
    one, two = batch(report(100, 5)), batch(report(50, 1, control_only=1))
    lane = weighed(one, two)
    assert counts(lane) == (150, 150, 6, 1)
    strata = Evidence.of(WORSE_BETS).after(5, 100, 0, 100, delta=TOLERANCE).after(1, 50, 1, 50, delta=TOLERANCE)
    assert lane.against == capped(strata, WORSE_CAP)


def test_a_burst_is_no_proof_and_what_goes_on_is() -> None:
    burst = [batch(report(100, 50)) for _ in range(30)]
    assert weighed(*burst).against.log_e <= WORSE_CAP
    assert apart(*burst[:2]).against.log_e < log(1000)
    assert apart(*burst[:4]).against.log_e >= log(1000)


def test_one_window_proves_nothing_clear_either() -> None:
    agreeing = [batch(report(10_000)) for _ in range(4)]
    assert weighed(*agreeing).clear.log_e <= CLEAR_CAP
    assert apart(*agreeing).clear.log_e >= log(20)


def test_a_batch_of_an_earlier_window_counts_in_the_present_one() -> None:
    late = [replace(batch(report(100, 50)), at=at) for at in (20.0, 20.0, 5.0)]
    assert weighed(*late).against.log_e <= WORSE_CAP
    assert weighed(*late).weighed_against.window == 2


def test_a_batch_without_anything_compared_changes_nothing() -> None:
    before = weighed(batch(report(100, 5)))
    assert before.after(batch(), TOLERANCE) == before
    assert before.after(batch(report(0)), TOLERANCE) == before


class TestWithoutControls:
    """Differences of answers for which no control was asked may be noise."""

    def test_they_wait_for_the_next_control(self) -> None:
        lane = weighed(batch(report(30, 3, controlled=0)))
        assert counts(lane) == (30, 0, 3, 0)
        assert (lane.waiting, lane.waiting_candidate_only) == (30, 3)
        assert lane.against == Lane().against
        assert lane.clear == Lane().clear
        after = lane.after(batch(report(20, 1, control_only=4)), TOLERANCE)
        assert counts(after) == (50, 20, 4, 4)
        assert (after.waiting, after.waiting_candidate_only) == (0, 0)
        assert after.against == capped(Evidence.of(WORSE_BETS).after(4, 50, 4, 20, delta=TOLERANCE), WORSE_CAP)

    def test_none_is_counted_twice_while_they_wait(self) -> None:
        lane = weighed(*(batch(report(10, 1, controlled=0)) for _ in range(5)))
        assert counts(lane) == (50, 0, 5, 0)
        assert (lane.waiting, lane.waiting_candidate_only) == (50, 5)

    def test_after_long_waiting_stable_is_taken_to_agree_with_itself(self) -> None:
        almost = weighed(batch(report(PATIENCE - 1, 5, controlled=0)))
        assert almost.waiting == PATIENCE - 1
        lane = almost.after(batch(report(1, controlled=0)), TOLERANCE)
        assert (lane.waiting, counts(lane)) == (0, (PATIENCE, 0, 5, 0))
        assert lane.against == capped(
            Evidence.of(WORSE_BETS).after(5, PATIENCE, 0, PATIENCE, delta=TOLERANCE), WORSE_CAP
        )

    def test_equal_answers_without_controls_still_prove_in_the_end(self) -> None:
        lane = apart(*(batch(report(500, controlled=0)) for _ in range(20)))
        assert lane.clear.log_e > 3
        assert counts(lane) == (10_000, 0, 0, 0)


def test_noise_of_stable_s_own_is_no_evidence_against_the_candidate() -> None:
    noisy = apart(*(batch(report(100, 10, control_only=10)) for _ in range(30)))
    worse = apart(*(batch(report(100, 10)) for _ in range(30)))
    assert noisy.against.log_e < 1
    assert worse.against.log_e > 60
    assert noisy.clear.log_e > worse.clear.log_e


def test_a_wider_tolerance_takes_more_to_exceed() -> None:
    narrow, wide = (Lane().after(batch(report(1000, 20)), tolerance) for tolerance in (0.001, 0.05))
    assert narrow.against.log_e > 1.5
    assert wide.against.log_e < 0
    assert counts(narrow) == counts(wide)
