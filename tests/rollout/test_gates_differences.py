"""The gate of differences: by evidence alone; how much of it there is decides, not how many answers there were."""

from dataclasses import replace
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.analysis.lanes import BETA, WORSE_DIFFERENCES
from abreast.model.rollout import DifferenceGate
from abreast.rollout.gates import Verdict, answers_needed, judge_differences
from abreast.rollout.observed import Differences
from tests.rollout.play import differing

ONE_OF_1000 = "1 of 1,000 rollouts, however often we look"


class TestDifferences:
    """By evidence alone: how much of it there is decides, not how many answers there were."""

    def test_nothing_compared_decides_nothing(self) -> None:
        verdict = judge_differences(DifferenceGate(), Differences())
        assert verdict == Verdict(worse=False, proven=False, sentence="undecided: no answers compared yet")

    @pytest.mark.parametrize(
        ("candidate_only", "compared", "control_only", "worse", "proven"),
        [
            (0, 1, 0, False, False),
            (1, 1, 0, False, False),
            (0, 4000, 0, False, False),
            (0, 5100, 0, False, True),
            (5, 10_000, 5, False, False),  # as noisy as stable itself, but not yet enough to say so
            (50, 100_000, 50, False, True),
            (1000, 3000, 1000, False, False),  # much noise, and the same on both sides
            (8, 40, 0, False, False),
            (15, 100, 0, True, False),
            (100, 10_000, 0, True, False),
            (300, 3000, 100, True, False),
            (3, 3000, 0, False, False),
        ],
    )
    def test_worse_or_proven_or_neither(
        self, candidate_only: int, compared: int, control_only: int, worse: bool, proven: bool
    ) -> None:
        verdict = judge_differences(DifferenceGate(10), differing(candidate_only, compared, control_only))
        assert (verdict.worse, verdict.proven) == (worse, proven), verdict.sentence
        assert verdict.sentence.startswith("undecided: ") is not (worse or proven)

    def test_the_limits_are_those_that_are_said(self) -> None:
        def grown(what: str, log_e: float) -> Verdict:
            """What is said of evidence that strong."""
            seen = Differences(compared=1)
            strong = {name: replace(getattr(seen, name), growth=(log_e,) * 5) for name in (what,)}
            return judge_differences(DifferenceGate(), replace(seen, **strong))

        assert (WORSE_DIFFERENCES, BETA) == (0.001, 0.05)
        assert grown("against", log(1000) + 1e-9).worse
        assert not grown("against", log(1000) - 1e-9).worse
        assert grown("clear", log(20) + 1e-9).proven
        assert not grown("clear", log(20) - 1e-9).proven

    def test_evidence_both_ways_is_worse(self) -> None:
        """The later answers of a candidate that broke do not get the benefit of the earlier ones."""
        seen = differing(100, 10_000)
        verdict = judge_differences(DifferenceGate(), replace(seen, clear=differing(0, 100_000).clear))
        assert (verdict.worse, verdict.proven) == (True, False)

    def test_the_sentences_have_all_numbers(self) -> None:
        gate = DifferenceGate(10)
        first, second = "GET /orders/{id}: /total is a string", "GET /: status 500"
        assert judge_differences(gate, differing(124, 400, 2, findings=(first, second))).sentence == (
            "31.00 % of the candidate's answers differ (124 of 400; stable's own: 2 of 400). If the candidate were no "
            "more than 0.1 % different, evidence this strong would appear in fewer than 1 of 1,000 rollouts, however "
            f"often we look; first of all {first}"
        )
        assert judge_differences(gate, differing(124, 400)).sentence.endswith(ONE_OF_1000)
        assert judge_differences(gate, differing(0, 6000)).sentence == (
            "no more than 0.1 % differ: 0.00 % of the candidate's answers differ (0 of 6000; stable's own: 0 of 6000)"
        )
        assert judge_differences(gate, differing(1, 50)).sentence == (
            "undecided: 2.00 % of the candidate's answers differ (1 of 50; stable's own: 0 of 50); "
            f"about {answers_needed(gate):,} compared answers are needed if none differs"
        )

    def test_a_tolerance_of_all_answers_is_no_gate_once_something_was_compared(self) -> None:
        gate = DifferenceGate(10_000)
        assert not judge_differences(gate, Differences()).proven
        assert judge_differences(gate, Differences(compared=1, controlled=1, candidate_only=1)).proven

    @pytest.mark.parametrize("tolerance", [1, 10, 100, 2000, 9_900])
    def test_so_many_equal_answers_as_are_said_to_be_needed_are_enough_and_much_fewer_are_not(
        self, tolerance: int
    ) -> None:
        gate = DifferenceGate(tolerance)
        needed = answers_needed(gate)
        assert judge_differences(gate, differing(0, needed + 1, tolerance=tolerance)).proven
        fewer = int(needed * 0.85)
        assert not judge_differences(gate, differing(0, fewer, tolerance=tolerance)).proven

    def test_a_tolerance_of_nothing_can_never_be_proven(self) -> None:
        assert answers_needed(DifferenceGate(0)) == 0
        assert not judge_differences(DifferenceGate(0), differing(0, 10_000_000, tolerance=0)).proven

    @given(st.integers(0, 200), st.integers(1, 5000), st.integers(0, 200), st.sampled_from([1, 10, 500]))
    @settings(deadline=None, max_examples=60)
    def test_one_difference_more_never_makes_a_candidate_look_better(
        self, differs: int, compared: int, noisy: int, tolerance: int
    ) -> None:
        gate = DifferenceGate(tolerance)
        compared += differs + noisy + 1
        now, then = (
            judge_differences(gate, differing(count, compared, noisy, tolerance=tolerance))
            for count in (differs, differs + 1)
        )
        assert not (now.worse and now.proven)
        assert then.worse or not now.worse
        assert now.proven or not then.proven
