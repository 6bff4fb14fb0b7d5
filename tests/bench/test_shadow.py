"""Copying: medians, ratios to what users noticed without it, the bar, and a real round of two cases."""

import pytest

from abreast.bench.shadow import NUMBERS, Summary, summary
from abreast.bench.shadow_case import Case, Copies, Measured


def measured(case: Case, number: int, p99_ms: float, *, method: str = "GET", failed: int = 0) -> Measured:
    return Measured(
        case=case,
        method=method,
        round=number,
        p50_ms=1.0,
        p99_ms=p99_ms,
        sent=100,
        failed=failed,
        envoy_cpu_us=200.0 + number,
        relay_cpu_us=0.0,
        control_cpu_us=50.0,
        copies=Copies(
            seen=100, compared=20 - number, skipped={"sampled-out": 80 - number, "expired": number}, lost=number
        ),
        starved=bool(number),
    )


def test_p99_is_divided_by_that_of_the_same_round_and_method() -> None:
    found = [
        measured(Case.OFF, 0, 2.0),
        measured(Case.OFF, 1, 10.0),
        measured(Case.OFF, 2, 4.0),
        measured(Case.OFF, 0, 500.0, method="POST"),
        measured(Case.SOME, 0, 3.0),
        measured(Case.SOME, 1, 11.0),
        measured(Case.SOME, 2, 4.0),
        measured(Case.SOME, 0, 700.0, method="POST"),
    ]

    told = summary(Case.SOME, "GET", found)

    assert told.p99_ratio == pytest.approx(1.1)
    assert told.medians == {
        "p50_ms": 1.0,
        "p99_ms": 4.0,
        "envoy_cpu_us": 201.0,
        "relay_cpu_us": 0.0,
        "control_cpu_us": 50.0,
    }
    assert set(told.medians) == set(NUMBERS)
    assert summary(Case.SOME, "POST", found).p99_ratio == pytest.approx(1.4)
    assert summary(Case.OFF, "GET", found).p99_ratio == 1.0


def test_counts_are_summed() -> None:
    found = [measured(Case.SOME, number, 1.0, failed=number) for number in range(3)]

    told = summary(Case.SOME, "GET", found)

    assert (told.sent, told.failed, told.starved_rounds) == (300, 3, 2)
    assert told.copies == Copies(300, 57, {"sampled-out": 237, "expired": 3}, lost=3)
    assert told.p99_ratio == 0.0  # nothing to compare with


@pytest.mark.parametrize(
    ("case", "ratio", "failed", "met"),
    [
        (Case.SOME, 1.25, 0, True),
        (Case.SOME, 1.26, 0, False),
        (Case.RELAY_HUNG, 1.0, 1, False),
        (Case.ALL, 3.0, 0, True),
        (Case.ALL, 1.0, 1, False),
    ],
)
def test_nobody_may_fail_and_p99_is_bound_but_where_all_is_copied(
    case: Case, ratio: float, failed: int, met: bool
) -> None:
    told = Summary(case, "GET", dict.fromkeys(NUMBERS, 1.0), ratio, 100, failed, Copies(0, 0, {}, 0), 0)

    assert told.met is met
