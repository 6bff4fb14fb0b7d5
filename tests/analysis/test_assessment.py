"""Assessments: what is proven stays, and nothing is proven by nothing."""

import pytest

from abreast.analysis.assessment import Assessment, LatencyEvidence, Progress, QuantileEvidence
from abreast.analysis.lanes import Limits
from abreast.analysis.process import Process, Stratum

PROVEN = Progress(log_e=-3.0, peak=5.6, needed=5.5)


def test_before_anything_is_known_nothing_is_proven() -> None:
    nothing = Assessment()
    assert not any(each.proven for each in (nothing.errors.worse, nothing.errors.hard, nothing.errors.fine))
    assert (nothing.errors.low, nothing.errors.high) == (-1.0, 1.0)
    assert nothing.latency is None
    assert not LatencyEvidence().fine


def test_a_proof_stays_one() -> None:
    assert PROVEN.proven
    assert PROVEN.share == 1.0


@pytest.mark.parametrize(("log_e", "share"), [(-9.0, 0.0), (0.0, 0.0), (1.5, 0.5), (2.9, 2.9 / 3), (3.5, 1.0)])
def test_the_share_of_a_proof(log_e: float, share: float) -> None:
    assert Progress(log_e, 0.0, 3.0).share == pytest.approx(share)


def test_progress_of_a_process() -> None:
    process = Process(Limits().ok_errors(0.1))
    for second in range(40):
        process.add(second, Stratum(0, 5, 0, 95))
    assert Progress.of(process) == Progress(process.log_e, process.peak, process.test.needed)
    assert Progress.of(process).proven


def test_latency_is_fine_only_if_each_quantile_is() -> None:
    fine = QuantileEvidence(0.5, fine=PROVEN)
    assert LatencyEvidence((fine, fine)).fine
    assert not LatencyEvidence((fine, QuantileEvidence(0.9))).fine
