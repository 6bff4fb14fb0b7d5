"""Open dashboards: what is told of them, and a short look at real ones."""

import io
import json
import time

import pytest
from rich.console import Console

from abreast.bench.dashboard import Dashboards, Sizes, Truth, Visit, measure
from abreast.bench.rollback import Abort
from abreast.bench.table import dashboard_table


def visit(readers: int, core: float, *lags_s: float, last_ms: float = 9.0) -> Visit:
    aborts = (Abort(1.0, last_ms, 20.0),)
    return Visit(readers, core, lags_s, len(lags_s), aborts, failed=0, starved=False)


SIZES = Sizes(rounds=3, cases=(0, 1))
FOUND = Dashboards(
    SIZES,
    (
        (visit(0, 0.10), visit(1, 0.12, 0.5, 0.9)),
        (visit(0, 0.20), visit(1, 0.23, 0.7, last_ms=30.0)),
        (visit(0, 0.15), visit(1, 0.16, 0.6, 1.1)),
    ),
)


def test_more_is_the_median_of_what_a_round_shows() -> None:
    none, one = FOUND.summaries
    assert (none.core, none.more, none.lag) == (0.15, 0.0, None)
    assert one.core == 0.16
    assert one.more == pytest.approx(0.02)
    assert one.lag is not None
    assert (one.lag.p50_ms, one.lag.max_ms) == (700.0, 1100.0)
    assert one.last_request.max_ms == 30.0


@pytest.mark.parametrize(
    ("one", "met"), [(visit(1, 0.14, 1.9), True), (visit(1, 0.16, 1.9), False), (visit(1, 0.14, 1.9, 2.1), False)]
)
def test_it_is_met_by_young_figures_and_a_cheap_first_dashboard(one: Visit, met: bool) -> None:
    assert Dashboards(Sizes(rounds=1, cases=(0, 1)), ((visit(0, 0.10), one),)).met is met


def test_the_table_and_the_json_tell_the_same() -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(dashboard_table(FOUND))
    rows = [line.split() for line in out.getvalue().splitlines() if line.strip().startswith(("0 ", "1 "))]
    assert rows == [
        ["0", "15.0", "%", "–", "–", "–", "9.0", "9.0", "0"],
        ["1", "16.0", "%", "+2.0", "%", "0.70", "1.10", "9.0", "30.0", "0"],
    ]
    data = json.loads(json.dumps(FOUND.as_dict()))
    assert data["met"] is True
    assert data["summaries"][1]["lag"]["max_ms"] == 1100.0


def test_a_status_is_as_old_as_the_moment_that_it_tells_of() -> None:
    truth = Truth((), told=100, received=0)
    truth.note(10.0, 0)
    truth.note(11.0, 50)
    truth.note(12.0, 100)
    seen = [(9.0, 100), (11.5, 150), (12.0, 140), (11.9, 100), (12.5, 200)]
    assert truth.lags_s(seen) == [0.5, 1.0], "neither before requests come nor after, nor at the very first"


@pytest.mark.acceptance
@pytest.mark.timeout(90)
async def test_one_open_dashboard_is_measured_for_real() -> None:
    begun_s = time.monotonic()
    told: list[str] = []
    sizes = Sizes(rounds=1, visit_s=2.5, rate_per_s=100, connections=4, workers=1, aborts=1, cases=(0, 1))

    found = await measure(sizes, told.append)

    none, one = found.summaries
    assert (none.lag, none.failed, one.failed) == (None, 0, 0)
    assert one.lag is not None
    assert 0 <= one.lag.p50_ms <= one.lag.max_ms < (time.monotonic() - begun_s) * 1e3
    assert 0 < none.core < 2
    assert found.rounds[0][1].statuses > 1
    assert one.last_request.max_ms < 1000
    assert told[1:] == ["round 1 of 1: 0 open", "round 1 of 1: 1 open"]
