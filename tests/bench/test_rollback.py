"""Aborts under load: what is told of them, and two real ones."""

import io
import json

import pytest
from rich.console import Console

from abreast.bench.rollback import Abort, RollBacks, Sizes, Spread, measure
from abreast.bench.table import roll_back_table


def found(*last_ms: float, failed: int = 0) -> RollBacks:
    aborts = tuple(Abort(1.0, each, 30.0) for each in last_ms)
    return RollBacks(Sizes(times=len(aborts)), aborts, sent=1000, failed=failed, starved=False)


def test_the_percentiles_of_a_hundred() -> None:
    spread = Spread.of([float(number) for number in range(100, 0, -1)])

    assert spread == Spread(p50_ms=50.0, p99_ms=99.0, max_ms=100.0)


def test_the_p99_of_a_few_is_the_greatest() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 3.0, 3.0)
    assert Spread.of([5.0]) == Spread(5.0, 5.0, 5.0)


def test_the_table_and_the_json_tell_the_same() -> None:
    told = found(4.0, 9.5, 5.0, failed=7)
    out = io.StringIO()
    Console(file=out, width=100).print(roll_back_table(told))
    data = json.loads(json.dumps(told.as_dict()))

    row = next(line for line in out.getvalue().splitlines() if "last request" in line).split()
    assert row[-3:] == ["5.0", "9.5", "9.5"]
    assert "of 1,000 requests 7 failed at the user" in out.getvalue()
    assert data["spreads"]["last_request_ms"] == {"p50_ms": 5.0, "p99_ms": 9.5, "max_ms": 9.5}
    assert len(data["aborts"]) == 3


@pytest.mark.timeout(90)
async def test_two_real_aborts_are_obeyed_soon_and_nobody_notices() -> None:
    told: list[str] = []

    measured = await measure(Sizes(times=2, rate_per_s=200.0, connections=8, users=200, workers=1), told.append)

    assert len(measured.aborts) == 2
    assert measured.failed == 0
    assert measured.sent > 50
    for each in measured.aborts:
        assert 0 <= each.decided_ms <= each.obeyed_ms < 2000
        assert each.last_request_ms < 1000
    assert [line for line in told if line.startswith("abort 2 of 2")]
