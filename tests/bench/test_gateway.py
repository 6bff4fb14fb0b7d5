"""Rounds, medians and ratios; and one small real comparison."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from abreast.bench.gateway import NUMBERS, Comparison, Measured, Sizes, compare, competitors, summary
from abreast.bench.origin import Origin
from abreast.bench.raw_envoy import RawEnvoy
from abreast.bench.target import Direct, TargetError, Upstream

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL = Sizes(rounds=2, rate_per_s=200.0, rate_s=0.3, connections=4, saturation_s=0.2, crowd=0, workers=1)


def measured(target: str, number: int, value: float, **change: object) -> Measured:
    values: dict[str, object] = dict.fromkeys(NUMBERS, value) | {"failed": 0, "starved": False} | change
    return Measured(target=target, round=number, **values)  # type: ignore[arg-type]  # keyword by keyword


def test_a_ratio_is_taken_within_its_round_before_the_median() -> None:
    """A machine twice as slow in round 1 slows both targets, and leaves the ratio alone."""
    found = [
        *(measured("raw envoy", number, base) for number, base in enumerate((100.0, 200.0, 110.0))),
        *(measured("abreast", number, value) for number, value in enumerate((120.0, 240.0, 132.0))),
    ]

    told = summary("abreast", found)

    assert told.medians["cpu_us"] == 132.0
    assert told.ratios["cpu_us"] == pytest.approx(1.2)
    assert summary("raw envoy", found).ratios["p99_ms"] == 1.0


def test_what_was_not_measured_has_no_ratio() -> None:
    found = [measured("raw envoy", 0, 100.0), measured("direct", 0, 50.0, cpu_us=0.0)]

    assert "cpu_us" not in summary("direct", found).ratios
    assert summary("direct", found).ratios["p50_ms"] == 0.5
    assert summary("direct", found[1:]).ratios == {}


def test_failures_and_late_generators_are_added_up() -> None:
    found = [measured("a", 0, 1.0, failed=2), measured("a", 1, 1.0, failed=3, starved=True)]

    told = summary("a", found)

    assert (told.failed, told.starved_rounds) == (5, 1)


class Noted(Direct):
    """A target that notes its turns."""

    def __init__(self, name: str, upstreams: Sequence[Upstream], turns: list[str]) -> None:
        super().__init__(upstreams)
        self.name = name
        self.turns = turns

    async def start(self) -> None:
        self.turns.append(f"+{self.name}")

    async def stop(self) -> None:
        self.turns.append(f"-{self.name}")


async def test_every_round_visits_every_target_in_an_order_that_moves() -> None:
    turns: list[str] = []
    told: list[str] = []
    async with Origin() as origin:
        targets = [Noted(name, [Upstream(origin.port)], turns) for name in ("a", "b")]
        found = await compare(targets, SMALL, told.append)

    assert turns == ["+a", "-a", "+b", "-b", "+b", "-b", "+a", "-a"]
    assert [(each.target, each.round) for each in found.measured] == [("a", 0), ("b", 0), ("b", 1), ("a", 1)]
    assert told[0] == "round 1 of 2: a: 200 requests/s for 0.3 s"
    assert len(told) == 8
    assert all(each.failed == 0 for each in found.measured)
    assert all(each.p99_ms > 0 and each.throughput_per_s > 10 for each in found.measured)


async def test_a_target_that_breaks_is_stopped_and_the_error_told() -> None:
    turns: list[str] = []

    class Broken(Noted):
        @property
        def url(self) -> str:
            raise TargetError("gone")

        @url.setter
        def url(self, value: str) -> None:
            pass

    with pytest.raises(TargetError, match="gone"):
        await compare([Broken("a", [Upstream(1)], turns)], SMALL)

    assert turns == ["+a", "-a"]


async def test_raw_envoy_is_measured_for_real() -> None:
    sizes = Sizes(
        rounds=1, rate_per_s=300.0, rate_s=1.5, connections=8, saturation_s=0.3, crowd=50,
        crowd_rate_per_s=300.0, crowd_s=0.3, workers=1,
    )  # fmt: skip
    async with competitors(sizes) as (targets, upstreams):
        assert targets[0].name == "direct"
        assert [each.weight for each in upstreams] == [9, 1]
        raw = next(target for target in targets if isinstance(target, RawEnvoy))
        found = await compare([raw], sizes)

    (told,) = found.summaries
    assert told.failed == 0
    assert 10 < told.medians["cpu_us"] < 20_000
    assert 10 < told.medians["saturated_cpu_us"] < 20_000
    assert told.medians["memory_mib"] > 10
    assert told.medians["crowd_p99_ms"] > 0


def test_the_result_is_json() -> None:
    found = [measured("raw envoy", 0, 100.0)]
    comparison = Comparison(SMALL, tuple(found), (summary("raw envoy", found),))

    data = json.loads(json.dumps(comparison.as_dict()))

    assert data["sizes"]["rounds"] == 2
    assert data["summaries"][0]["medians"]["p99_ms"] == 100.0


def test_a_quick_look_is_smaller_in_every_way() -> None:
    quick, full = Sizes.quick(), Sizes()

    for name in ("rounds", "rate_s", "saturation_s", "crowd", "crowd_s"):
        assert getattr(quick, name) < getattr(full, name), name


def test_a_round_without_a_crowd_does_not_count_for_the_crowd() -> None:
    found = [
        measured("raw envoy", 0, 10.0),
        measured("raw envoy", 1, 10.0, crowd_p99_ms=0.0),
        measured("abreast", 0, 20.0, crowd_p99_ms=30.0),
        measured("abreast", 1, 20.0, crowd_p99_ms=0.0),
    ]

    told = summary("abreast", found)

    assert told.medians["crowd_p99_ms"] == 30.0
    assert told.ratios["crowd_p99_ms"] == 3.0


async def test_only_the_first_rounds_have_a_crowd() -> None:
    sizes = Sizes(
        rounds=2, rate_per_s=100.0, rate_s=0.2, connections=2, saturation_s=0.1, crowd=3,
        crowd_rate_per_s=50.0, crowd_s=0.2, crowd_rounds=1, workers=1,
    )  # fmt: skip
    async with Origin() as origin:
        found = await compare([Direct([Upstream(origin.port)])], sizes)

    assert [each.crowd_p99_ms > 0 for each in found.measured] == [True, False]
