"""Whatever the ticks are: neither restarts nor gateways have a say in what the engine knows."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.analysis.engine import Engine
from abreast.analysis.lanes import Limits
from abreast.analysis.tick import WAITING_S, Side, Tick

sides = st.builds(
    lambda requests, errors, latencies, waiting: Side(
        requests, min(errors, requests), latencies, tuple(sorted(waiting, reverse=True))
    ),
    st.sampled_from([0, 0, 1, 5, 95]),
    st.sampled_from([0, 0, 1, 4, 95]),
    st.dictionaries(st.sampled_from([900, 12_000, 40_000, 300_000, 2_000_000]), st.integers(1, 300), max_size=4),
    st.lists(st.integers(0, 4), min_size=len(WAITING_S), max_size=len(WAITING_S)),
)
flags = st.sampled_from([False, False, False, True])
gaps_s = st.sampled_from([1.0, 1.0, 1.0, 7.5, 21.0, 300.0])
courses = st.lists(st.tuples(gaps_s, st.builds(Tick, st.just(0.0), sides, sides, flags, flags), flags), max_size=14)


def dated(course: list[tuple[float, Tick, bool]]) -> list[tuple[Tick, bool]]:
    at, ticks = 1_800_000_007.0, []
    for gap_s, tick, change in course:
        at += gap_s
        ticks.append((Tick(at, tick.candidate, tick.stable, tick.warming, tick.alone), change))
    return ticks


def feed(engine: Engine, ticks: list[tuple[Tick, bool]]) -> None:
    for tick, change in ticks:
        if change:
            engine.change(0.25, weighted=tick.candidate.requests % 2 == 0)
        engine.add(tick)


def restarted(engine: Engine) -> Engine:
    """Through real JSON."""
    return Engine.restored(engine.limits, orjson.loads(orjson.dumps(engine.state())))


@given(courses, st.integers(0, 14))
@settings(deadline=None, max_examples=60)
def test_saved_and_loaded_anywhere_it_goes_on_as_if_nothing_had_been(
    course: list[tuple[float, Tick, bool]], cut: int
) -> None:
    ticks = dated(course)
    whole, halves = Engine(Limits(), 0.1), Engine(Limits(), 0.1)
    feed(whole, ticks)
    feed(halves, ticks[:cut])
    halves = restarted(halves)
    feed(halves, ticks[cut:])
    assert halves.assessment() == whole.assessment()
    assert orjson.dumps(halves.state()) == orjson.dumps(whole.state())
    assert (halves.worse, halves.fine) == (whole.worse, whole.fine)


@given(courses, courses)
@settings(deadline=None, max_examples=40)
def test_two_gateways_ticks_together_are_one_gateway_s(
    one: list[tuple[float, Tick, bool]], other: list[tuple[float, Tick, bool]]
) -> None:
    """What both counted in the same seconds, counted by one alone: each bucket, each bad answer, each that waits."""
    both, alone = Engine(Limits(), 0.1), Engine(Limits(), 0.1)
    for (gap_s, mine, _), (_, theirs, _) in zip(one, other, strict=False):
        at = both.assessment().at + gap_s
        split = [Tick(at, each.candidate, each.stable, mine.warming, mine.alone) for each in (mine, theirs)]
        both.add(split[0] + split[1])
        candidate = united(mine.candidate, theirs.candidate)
        alone.add(Tick(at, candidate, united(mine.stable, theirs.stable), mine.warming, mine.alone))
    assert both.assessment() == alone.assessment()
    assert both.state() == alone.state()


def united(one: Side, other: Side) -> Side:
    """What one gateway would have counted, from the single answers."""
    latencies: dict[int, int] = {}
    for side in (one, other):
        for bound in (bound for bound, many in side.latencies.items() for _ in range(many)):
            latencies[bound] = latencies.get(bound, 0) + 1
    waiting = tuple(map(sum, zip(one.waiting, other.waiting, strict=True)))
    return Side(one.requests + other.requests, one.errors + other.errors, latencies, waiting)


@given(courses)
@settings(deadline=None, max_examples=40)
def test_the_quick_answers_are_those_of_the_assessment(course: list[tuple[float, Tick, bool]]) -> None:
    engine = Engine(Limits(), 0.1)
    feed(engine, dated(course))
    known = engine.assessment()
    assert known.latency is not None
    assert engine.worse == (known.errors.worse.proven or known.errors.hard.proven or known.latency.worse.proven)
    assert engine.fine == (known.errors.fine.proven and known.latency.fine)
