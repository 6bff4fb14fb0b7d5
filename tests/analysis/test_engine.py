"""The engine: what it proves, and what it never does. Any ticks at all: test_any_ticks.py."""

from itertools import count
from math import log
from random import Random

import orjson
import pytest

from abreast.analysis.assessment import Counted
from abreast.analysis.engine import Engine
from abreast.analysis.interval import Interval
from abreast.analysis.lanes import Limits
from abreast.analysis.process import Process, Stratum
from abreast.analysis.tick import Side, Tick

QUICK = Limits(tolerance=None)


def run(engine: Engine, seconds: int, candidate: Side, stable: Side, at: float = 0.0, **flags: bool) -> float:
    for second in range(seconds):
        engine.add(Tick(at + second, candidate, stable, **flags))
    return at + seconds


FAST = {900: 1}
NOTHING = Side()
CANDIDATE, STABLE = Side(5, 0, {9000: 5}), Side(95, 0, {9000: 95})
FAILING = Side(5, 5, {9000: 5})


@pytest.mark.parametrize(
    ("candidate", "stable"), [(NOTHING, NOTHING), (NOTHING, STABLE), (NOTHING, Side(95, 95)), (FAILING, NOTHING)]
)
def test_without_traffic_on_both_nothing_is_ever_proven(candidate: Side, stable: Side) -> None:
    engine = Engine(Limits(), 0.05)
    at = run(engine, 1000, candidate, stable)
    engine.change(0.1)
    run(engine, 1000, candidate, stable, at)
    known = engine.assessment()
    assert not engine.worse
    assert not engine.fine
    assert (known.errors.low, known.errors.high) == (-1.0, 1.0)
    assert known.errors.worse.log_e <= 0
    assert known.errors.fine.log_e == pytest.approx(0)


def test_ticks_without_anything_change_nothing_but_the_time() -> None:
    engine, quiet = Engine(Limits(), 0.1), Engine(Limits(), 0.1)
    for each in (engine, quiet):
        run(each, 25, CANDIDATE, STABLE)
    run(quiet, 60, NOTHING, NOTHING, at=25)
    before, after = engine.assessment(), quiet.assessment()
    assert after.at == 84
    assert after.errors.attempt == before.errors.attempt
    assert after.errors.worse.peak == before.errors.worse.peak
    assert after.errors.fine == before.errors.fine


def test_a_candidate_that_fails_is_worse_within_seconds_and_one_that_fails_as_stable_does_is_not() -> None:
    engine = Engine(QUICK, 0.1)
    run(engine, 9, FAILING, STABLE)
    known = engine.assessment().errors
    assert engine.worse
    assert known.hard.proven
    assert known.attempt == Counted(45, 45, 0, 855)
    assert known.low > 0.5
    shared = Engine(QUICK, 0.1)
    at = run(shared, 60, CANDIDATE, STABLE)
    at = run(shared, 30, Side(5, 3), Side(95, 57), at)
    run(shared, 60, CANDIDATE, STABLE, at)
    assert not shared.worse


def test_the_errors_lane_is_the_process_of_its_limits_tick_by_tick() -> None:
    random, engine, process, interval = Random(4), Engine(QUICK, 0.1), Process(QUICK.worse_errors()), Interval()
    for second in range(300):
        counts = Stratum(random.randint(0, 1), 5, random.randint(0, 2), 95)
        engine.add(Tick(second, Side(5, int(counts.bad_c)), Side(95, int(counts.bad_s))))
        process.add(second, counts)
        interval.add(counts)
        known = engine.assessment().errors
        assert (known.worse.log_e, known.worse.peak) == (process.log_e, process.peak)
        assert (known.low, known.high) == interval.bounds
    assert process.peak > log(2)


def test_a_step_is_proven_anew_and_what_speaks_against_stays() -> None:
    engine = Engine(QUICK, 0.05)
    at = run(engine, 120, CANDIDATE, STABLE)
    passed = engine.fine
    engine.change(0.1)
    assert (passed, engine.fine) == (True, False)
    known = engine.assessment().errors
    assert (known.step, known.attempt) == (Counted(), Counted(0, 600, 0, 11_400))
    at = run(engine, 5, Side(10), Side(90), at)
    assert engine.assessment().errors.step == Counted(0, 50, 0, 450)
    run(engine, 25, FAILING, STABLE, at)
    assert engine.worse
    engine.change(0.25)
    assert engine.assessment().errors.worse.proven or engine.assessment().errors.hard.proven


def test_what_waited_for_its_other_side_is_no_part_of_the_next_step_s_proof() -> None:
    """A minute of stable's errors before the candidate's first request would speak for it."""
    engine, fresh = Engine(QUICK, 0.05), Engine(QUICK, 0.1)
    at = run(engine, 60, NOTHING, Side(95, 90))
    engine.change(0.1)
    for each in (engine, fresh):
        run(each, 20, CANDIDATE, STABLE, at)
    assert engine.assessment().errors.fine == fresh.assessment().errors.fine


def test_only_a_change_of_weight_brings_fresh_stakes() -> None:
    stakes = []
    for weighted in (False, True):
        engine = Engine(Limits(), 0.1)
        engine.change(0.25, weighted=weighted)
        known = engine.assessment()
        assert known.latency is not None
        stakes.append([known.errors.worse.log_e, known.errors.hard.log_e, known.latency.worse.log_e])
    assert stakes[0] == pytest.approx([log(0.5)] * 3)
    assert stakes[1] == pytest.approx([log(0.55)] * 3)


def test_warming_excuses_latency_and_no_error() -> None:
    slow = Side(5, 0, {400_000: 5})
    engine = Engine(Limits(), 0.1)
    at = run(engine, 40, CANDIDATE, STABLE, warming=True)
    run(engine, 300, slow, STABLE, at, warming=True)
    known, worse = engine.assessment(), engine.worse
    assert known.latency is not None
    assert known.latency.warming
    assert not known.latency.fine
    run(engine, 25, FAILING, STABLE, at + 300, warming=True)
    assert (worse, engine.worse) == (False, True)
    warm = Engine(Limits(), 0.1)
    at = run(warm, 40, CANDIDATE, STABLE)
    run(warm, 300, slow, STABLE, at)
    assert warm.worse


def test_alone_hard_failure_against_stable_s_own_past_is_all_that_is_watched() -> None:
    engine = Engine(Limits(), 1.0)
    at = run(engine, 60, Side(50, 0, FAST), Side(50, 5, FAST))
    before = engine.assessment()
    at = run(engine, 300, Side(100, 30, {5_000_000: 100}), NOTHING, at, alone=True)
    after, worse = engine.assessment(), engine.worse  # 30 % are within 25 points of stable's 10 %
    assert after.errors.attempt == before.errors.attempt
    assert (after.errors.fine, after.latency) == (before.errors.fine, before.latency)
    at = run(engine, 60, NOTHING, NOTHING, at, alone=True)
    worse |= engine.worse
    run(engine, 25, Side(100, 80), NOTHING, at, alone=True)
    assert (worse, engine.worse) == (False, True)
    known = engine.assessment().errors
    assert known.hard.proven
    assert known.alone == Counted(300 * 30 + 25 * 80, 325 * 100, 300, 3000)


def test_alone_without_any_past_nobody_is_expected_to_fail() -> None:
    engine = Engine(QUICK, 1.0)
    run(engine, 100, Side(100, 20), NOTHING, alone=True)
    worse = engine.worse
    run(engine, 25, Side(100, 70), NOTHING, at=100, alone=True)
    assert (worse, engine.worse) == (False, True)


def binomial(random: Random, seen: int, share: float) -> int:
    return sum(random.random() < share for _ in range(seen))


def test_identical_versions_with_storms_and_stalls_are_not_rolled_back() -> None:
    """Each version stalls for a second now and then, and now and then one user's ten requests in a row fail."""
    random, spans, worse = Random(7), [9000, 12_000, 20_000, 45_000, 90_000], 0
    for _ in range(12):
        engine, begin = Engine(Limits(), 0.1), random.uniform(0, 60)
        stalls = {"c": random.randrange(20, 60), "s": random.randrange(20, 60)}
        for second in range(400):
            ours, theirs = (
                Side(
                    seen,
                    binomial(random, seen, 0.01),
                    {stalled(second, stalls[name], span): many for span, many in spread(random, spans, seen)},
                )
                for name, seen in (("c", 5), ("s", 95))
            )
            if second % 180 == 100:
                unlucky = Side(10, 10)
                ours, theirs = (ours + unlucky, theirs) if random.random() < 0.05 else (ours, theirs + unlucky)
            engine.add(Tick(begin + second, ours, theirs))
        worse += engine.worse
    assert worse == 0


def spread(random: Random, spans: list[int], seen: int) -> list[tuple[int, int]]:
    taken = random.choices(spans, weights=[40, 30, 20, 8, 2], k=seen)
    return [(span, taken.count(span)) for span in spans if span in taken]


def stalled(second: int, offset: int, span: int) -> int:
    """In the second of a stall all take longer, each in a bucket of its own."""
    return 600_000 + span // 1000 * 10_000 if second % 60 == offset else span


def seconds_until_worse(engine: Engine, candidate: Side, stable: Side, at: float) -> int:
    for second in count():
        engine.add(Tick(at + second, candidate, stable))
        if engine.worse or second == 5000:
            return second
    raise AssertionError


def test_a_late_regression_is_found_about_as_soon_as_an_early_one() -> None:
    bad = Side(25, 5)
    early, late = Engine(QUICK, 0.5), Engine(QUICK, 0.5)
    run(late, 3600, Side(25), Side(75, 1))
    assert seconds_until_worse(late, bad, Side(75, 1), 3600) < seconds_until_worse(early, bad, Side(75, 1), 0) + 70


@pytest.mark.parametrize(("limits", "most"), [(QUICK, 1700), (Limits(), 4500)])
def test_its_state_is_small(limits: Limits, most: int) -> None:
    random, engine = Random(1), Engine(limits, 0.1)
    spans = [9000, 12_000, 15_000, 20_000, 26_000, 33_000, 45_000, 60_000, 90_000, 140_000]
    for second in range(600):
        latencies = {span: random.randint(1, 20) for span in spans}
        engine.add(Tick(1.8e9 + second, Side(10, 1, latencies), Side(90, 2, latencies)))
    assert len(orjson.dumps(engine.state())) < most
