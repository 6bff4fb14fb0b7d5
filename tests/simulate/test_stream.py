"""The traffic is what the truth says, at the weight that was asked for."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from abreast.analysis.tick import WAITING_S, Side, Tick
from abreast.simulate.stream import WARM_UP_S, Stream
from abreast.simulate.truth import TRUTHS, Drift, Episode, Latency, Onset, Stalls, Storms, Truth

PLAIN = Truth("plain", "nothing fails", healthy=True)


def ticks(truth: Truth, seconds: int, weight: float = 0.5, seed: int = 0) -> list[Tick]:
    stream = Stream(truth, seed)
    return [stream.tick(weight) for _ in range(seconds)]


def share_failed(sides: Sequence[Side]) -> float:
    return sum(side.errors for side in sides) / sum(side.requests for side in sides)


def test_the_same_seed_is_the_same_run() -> None:
    truth = TRUTHS["stalls-1s"]
    assert ticks(truth, 200, seed=7) == ticks(truth, 200, seed=7)
    assert ticks(truth, 200, seed=7) != ticks(truth, 200, seed=8)


def test_seconds_follow_each_other() -> None:
    at = [tick.at for tick in ticks(PLAIN, 100)]
    assert [later - earlier for earlier, later in pairwise(at)] == [1.0] * 99


def test_runs_begin_anywhere_in_a_window() -> None:
    assert len({Stream(PLAIN, seed).tick(0.5).at % 10 for seed in range(60)}) == 10


@pytest.mark.parametrize("weight", [0.01, 0.25, 1.0])
def test_the_weight_is_the_candidates_share(weight: float) -> None:
    run = ticks(PLAIN, 2000, weight)
    assert sum(tick.candidate.requests for tick in run) == pytest.approx(200_000 * weight, rel=0.1)
    assert sum(tick.stable.requests for tick in run) == pytest.approx(200_000 * (1 - weight), rel=0.1)


def test_errors_are_the_shares_of_either() -> None:
    run = ticks(replace(PLAIN, errors_s=0.02, errors_c=0.1), 2000)
    assert share_failed([tick.stable for tick in run]) == pytest.approx(0.02, rel=0.05)
    assert share_failed([tick.candidate for tick in run]) == pytest.approx(0.1, rel=0.05)


def test_it_turns_bad_when_it_has_had_its_weight_for_so_long() -> None:
    stream = Stream(replace(PLAIN, errors_c=0.5, onset=Onset(weight=0.25, after_s=15)), 0)
    before = [stream.tick(0.1) for _ in range(50)]
    unknown = stream.onset_s
    at_first = [stream.tick(0.25) for _ in range(15)]
    assert (unknown, stream.onset_s) == (None, 65)
    after = [stream.tick(0.25) for _ in range(50)]

    assert share_failed([tick.candidate for tick in before + at_first]) == 0
    assert share_failed([tick.candidate for tick in after]) == pytest.approx(0.5, abs=0.05)
    assert share_failed([tick.stable for tick in after]) == 0


def test_an_outage_hits_both_in_the_same_seconds() -> None:
    run = ticks(replace(PLAIN, episode=Episode(share=0.6, for_s=30)), 300)
    out = [tick for tick in run if tick.stable.errors]

    assert out[-1].at - out[0].at == 29
    assert share_failed([tick.stable for tick in out]) == pytest.approx(0.6, abs=0.05)
    assert share_failed([tick.candidate for tick in out]) == pytest.approx(0.6, abs=0.05)
    assert [tick for tick in run if tick.candidate.errors] == out


def test_spikes_come_again() -> None:
    run = ticks(replace(PLAIN, episode=Episode(share=0.5, for_s=3, every_s=45)), 450)
    assert 28 <= sum(tick.stable.errors > 0 for tick in run) <= 32


def test_a_drift_goes_up_and_comes_back() -> None:
    run = ticks(replace(PLAIN, rate_per_s=1000, drift=Drift(share=0.1, over_s=300)), 300)
    shares = [share_failed([tick.candidate for tick in run[start : start + 30]]) for start in range(0, 300, 30)]

    assert shares[0] < 0.01
    assert shares[-1] < 0.01
    assert shares[4] == pytest.approx(0.1, abs=0.01)
    assert shares[:5] == sorted(shares[:5])


def test_a_storm_is_one_users_on_one_side() -> None:
    truth = replace(PLAIN, storms=Storms(requests=10, for_s=5, every_s=60))
    hit = {"candidate": 0, "stable": 0}
    for seed in range(400):
        run = ticks(truth, 30, weight=0.25, seed=seed)  # the next storm comes half a minute later at the soonest
        failing = [tick for tick in run if tick.candidate.errors + tick.stable.errors]
        failed = {
            "candidate": sum(tick.candidate.errors for tick in failing),
            "stable": sum(tick.stable.errors for tick in failing),
        }
        if failing:
            assert failing[-1].at - failing[0].at < 5
            assert min(failed.values()) == 0
            hit[max(failed, key=failed.__getitem__)] += 1
        assert sum(failed.values()) <= 10
    assert sum(hit.values()) == pytest.approx(200, abs=50)
    assert hit["candidate"] / sum(hit.values()) == pytest.approx(0.25, abs=0.12)


def test_a_stall_holds_requests_and_lets_them_go_at_once() -> None:
    run = ticks(replace(PLAIN, stalls=Stalls(for_s=5, every_s=60), latency=Latency()), 600, weight=0.5)
    stables = [tick.stable for tick in run]
    silent = [at for at, side in enumerate(stables) if side.requests == 0]
    waited = [at for at, side in enumerate(stables) if side.waiting[WAITING_S.index(2.0)]]

    assert 20 <= len(silent) <= 50  # four whole seconds of each of about ten
    assert waited
    assert all(stables[at + 1].waiting >= stables[at].waiting for at in silent if at + 1 in silent)
    assert sum(side.requests for side in stables) == pytest.approx(30_000, rel=0.05)  # nobody is lost
    slow = sum(count for side in stables for bound, count in side.latencies.items() if bound >= 500_000)
    assert slow == pytest.approx(10 * 4.5 * 50, rel=0.3)
    assert max(bound for side in stables for bound in side.latencies) < 5_500_000


def test_versions_stall_at_times_of_their_own() -> None:
    run = ticks(replace(PLAIN, stalls=Stalls(for_s=5, every_s=60), latency=Latency()), 600, weight=0.5)
    stable = {at for at, tick in enumerate(run) if not tick.stable.requests}
    candidate = {at for at, tick in enumerate(run) if not tick.candidate.requests}
    assert stable - candidate
    assert candidate - stable


def test_each_request_has_a_latency() -> None:
    for tick in ticks(TRUTHS["slow-tail"], 100):
        assert sum(tick.stable.latencies.values()) == tick.stable.requests
        assert sum(tick.candidate.latencies.values()) == tick.candidate.requests


def test_the_first_minute_is_warm_up_where_latency_counts() -> None:
    assert [tick.warming for tick in ticks(TRUTHS["slow-tail"], WARM_UP_S + 5)] == [True] * WARM_UP_S + [False] * 5
    assert not any(tick.warming for tick in ticks(PLAIN, 5))


def test_silence_is_silent() -> None:
    assert all(tick.candidate == tick.stable == Side() for tick in ticks(TRUTHS["silence"], 100))
