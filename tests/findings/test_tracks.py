"""The evidence of each key, and what of it is enough."""

import random
from math import log

import pytest

from abreast.analysis.eprocess import WORSE_BETS, Evidence
from abreast.compare.model import Kind
from abreast.findings.finding import Place
from abreast.findings.report import Batch, Key
from abreast.findings.tracks import (
    ALPHA,
    MOST_TRACKS,
    PATIENCE,
    Stretch,
    Track,
    advanced,
    bounded,
    discoveries,
)
from tests.findings.batches import NAME, ORDERS, TOTAL, batch, path, report, sample


def after(*batches: Batch) -> tuple[dict[Place, Track], tuple[Stretch, ...]]:
    tracks: dict[Place, Track] = {}
    stretches: tuple[Stretch, ...] = ()
    for each in batches:
        tracks, stretches = advanced(tracks.values(), stretches, each)
    return tracks, stretches


def only(*batches: Batch) -> Track:
    tracks, _ = after(*batches)
    (track,) = tracks.values()
    return track


def test_a_batch_is_one_stratum() -> None:
    track = only(batch(report(path(TOTAL, range(7), control=2), compared=100, controlled=40)))
    assert track.growth == Evidence.of(WORSE_BETS).after(7, 100, 2, 40).growth
    assert track.log_e == Evidence(WORSE_BETS, track.growth).log_e


def test_sums_are_kept() -> None:
    track = only(
        batch(report(path(TOTAL, [3, 5], control=1, both=4, at=10.0))),
        batch(report(path(TOTAL, [], control=1, at=20.0))),
        batch(report(path(TOTAL, [9], at=30.0))),
    )
    assert (track.candidate_only, track.control_only, track.both) == (3, 2, 4)
    assert track.together == 3 ^ 5 ^ 9
    assert (track.first_at, track.last_at) == (10.0, 30.0)
    assert track.compared == 300


def test_compared_counts_from_the_first_difference_of_the_candidate() -> None:
    quiet = batch(report(path(TOTAL, [], control=1, at=1.0), compared=900))
    assert only(quiet).compared == 0
    track = only(quiet, batch(report(path(TOTAL, [1], at=2.0), compared=50)), batch(report(compared=30)))
    assert (track.compared, track.first_at) == (80, 2.0)


def test_what_the_control_does_counts_before_the_candidate_ever_differs() -> None:
    noise = batch(report(path(TOTAL, [], control=30)))
    start = batch(report(path(TOTAL, range(30))))
    assert only(noise, start).log_e < only(start).log_e - 10


def test_exchanges_without_a_control_wait_for_the_next_that_has_one() -> None:
    """Otherwise noise in batches without a control chosen by chance would count as the candidate's."""
    alone = batch(report(path(TOTAL, [1]), compared=10, controlled=0))
    track = only(alone, alone)
    assert track.log_e == 0
    assert track.waiting == 2
    _, stretches = after(alone, alone)
    assert stretches == (Stretch(ORDERS, 20),)
    closing = batch(report(path(TOTAL, [], control=1), compared=10, controlled=5))
    track = only(alone, alone, closing)
    assert track.growth == pytest.approx(Evidence.of(WORSE_BETS).after(2, 30, 1, 5).growth)
    assert track.waiting == 0
    assert after(alone, closing)[1] == ()


def test_other_keys_of_the_endpoint_stop_waiting_too() -> None:
    alone = batch(report(path(TOTAL, [1]), compared=10, controlled=0))
    tracks, _ = after(alone, batch(report(path(NAME, [2]), compared=10, controlled=5)))
    total = tracks[Place(ORDERS, TOTAL)]
    assert total.waiting == 0
    assert total.growth == pytest.approx(Evidence.of(WORSE_BETS).after(1, 20, 0, 5).growth)


def test_unsafe_methods_do_without_controls() -> None:
    alone = batch(report(path(TOTAL, [1]), endpoint="POST /orders", compared=10, controlled=0))
    assert only(alone).growth == Evidence.of(WORSE_BETS).after(1, 10, 0, 10).growth


def test_patience_for_a_control_ends() -> None:
    alone = batch(report(path(TOTAL, range(5)), compared=PATIENCE // 2, controlled=0))
    assert only(alone).log_e == 0
    assert only(alone, alone).growth == Evidence.of(WORSE_BETS).after(10, PATIENCE, 0, PATIENCE).growth


def test_noise_on_both_sides_is_never_found_with_few_controls() -> None:
    """Controls on a tenth of small batches: waiting keeps the evidence honest."""
    rng = random.Random(7)
    for seed in range(20):
        tracks: dict[Place, Track] = {}
        stretches: tuple[Stretch, ...] = ()
        for number in range(400):
            compared = rng.randint(1, 3)
            controlled = sum(rng.random() < 0.1 for _ in range(compared))
            ids = [number * 8 + at for at in range(compared) if rng.random() < 0.3]
            control = sum(rng.random() < 0.3 for _ in range(controlled))
            told = batch(report(path(TOTAL, ids, control=control), compared=compared, controlled=controlled))
            tracks, stretches = advanced(tracks.values(), stretches, told)
            assert not discoveries(tracks.values()), (seed, number)


def test_a_difference_in_every_exchange_is_found_soon() -> None:
    tracks, _ = after(*[batch(report(path(TOTAL, [number]), compared=1)) for number in range(1, 12)])
    assert discoveries(tracks.values()) == {Place(ORDERS, TOTAL)}


def with_evidence(number: int, log_e: float, *, candidate_only: int = 1, control_only: int = 0) -> Track:
    """All bets grown alike: then ln of their mean is that growth."""
    key = Key(f"/{number:05}", Kind.CHANGED)
    growth = (log_e,) * len(WORSE_BETS)
    return Track(ORDERS, key, growth, candidate_only=candidate_only, control_only=control_only)


def test_the_first_needs_as_much_as_all_questions_together_ask() -> None:
    others = [with_evidence(number, 0.0) for number in range(1, 100)]
    bar = log(100 / ALPHA)
    assert discoveries([with_evidence(0, bar - 0.01), *others]) == frozenset()
    assert discoveries([with_evidence(0, bar + 0.01), *others]) == {Place(ORDERS, Key("/00000", Kind.CHANGED))}


def test_several_help_each_other() -> None:
    """The k-th largest needs ln(m / (k·α)): ten of ten need no more than one alone."""
    bar = log(1 / ALPHA) + 0.01
    assert len(discoveries([with_evidence(number, bar) for number in range(10)])) == 10
    assert not discoveries([with_evidence(0, bar), *(with_evidence(number, 0.0) for number in range(1, 10))])


def test_keys_that_only_the_control_showed_are_questions_too() -> None:
    bar = log(2 / ALPHA)
    both = [with_evidence(0, bar - 0.01), with_evidence(1, -3.0, candidate_only=0, control_only=1)]
    assert not discoveries(both)
    assert discoveries(both[:1])
    assert discoveries([both[0], with_evidence(1, 0.0, candidate_only=0)]), (
        "where nothing differed alone, nothing is asked"
    )
    assert not discoveries([])


def test_the_least_evidence_is_dropped_and_findings_are_kept() -> None:
    many = [with_evidence(number, number / 1_000) for number in range(MOST_TRACKS + 50)]
    tracks = {track.place: track for track in many}
    kept = bounded(tracks, frozenset({many[0].place}))
    assert len(kept) == MOST_TRACKS
    names = {track.place for track in kept}
    assert many[0].place in names
    assert many[1].place not in names
    assert many[-1].place in names
    assert bounded(dict(reversed(tracks.items())), frozenset({many[0].place})) == kept, "in one order"


def test_an_example_is_the_first_sample_that_shows_the_key() -> None:
    told = batch(report(path(TOTAL, [1])), samples=[sample(TOTAL, "1", '"1"'), sample(TOTAL, "2", '"2"')])
    track = only(told, batch(report(path(TOTAL, [2])), samples=[sample(TOTAL, "3", '"3"')]))
    assert track.example is not None
    assert (track.example.left, track.example.right) == ("1", '"1"')
