"""Memory over time: growth is of medians of minutes, and a real soak of seconds keeps its memory."""

import pytest

from abreast.bench.shadow_case import Copies
from abreast.bench.soak import Memory, Sizes, Soak, told


def soak(*looks: tuple[float, float, float], relays: tuple[int, ...] = ()) -> Soak:
    """Looks as time, Envoy's memory, the relay's."""
    pids = relays or (7,) * len(looks)
    return Soak(
        sizes=Sizes(),
        looks=tuple(Memory(*look, pid) for look, pid in zip(looks, pids, strict=True)),
        sent=10,
        failed=0,
        p50_ms=1.0,
        p99_ms=2.0,
        copies=Copies(10, 1, {"queue-full": 9}, 0),
        starved=False,
    )


def test_growth_is_of_the_medians_of_the_first_and_the_last_minute() -> None:
    rising = soak(*((float(at), 50.0, 10.0 + at / 60) for at in range(0, 601, 10)))
    spiky = soak(*((float(at), 90.0 if at in {30, 590} else 50.0, 10.0) for at in range(0, 601, 10)))

    assert rising.growth("relay_mib") == pytest.approx(19.5 / 10.5)
    assert rising.growth("envoy_mib") == 1.0
    assert spiky.growth("envoy_mib") == 1.0


def test_growth_of_a_short_soak_is_of_its_thirds() -> None:
    assert soak((0, 1, 10), (3, 1, 10), (5.9, 1, 99), (9, 1, 20)).growth("relay_mib") == 2.0
    assert soak().growth("relay_mib") == 0.0
    assert soak((0, 1, 0), (9, 1, 5)).growth("relay_mib") == 0.0


def test_relays_that_came_anew_are_counted() -> None:
    looks = [(float(at), 1.0, 1.0) for at in range(4)]

    assert soak(*looks, relays=(7, 7, 0, 8)).relay_starts == 2
    assert soak(*looks).relay_starts == 0


def test_a_look_comes_every_ten_seconds_or_ten_times() -> None:
    assert Sizes(soak_s=600.0).look_s == 10.0
    assert Sizes(soak_s=5.0).look_s == 0.5
    assert told(Memory(30.2, 70.04, 61.25, 7)) == "   30 s: Envoy 70.0 MiB, relay 61.2 MiB"
