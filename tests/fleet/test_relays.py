"""Relays apart from gateways, whole: what gateways elsewhere copy is compared, by whoever of them is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.gateways import Fleet, fleet
from tests.fleet.servers import Crowd, Server

SHADOW = {
    "steps": [{"shadow": "100%", "for": "1h"}, {"weight": "50%"}, {"bake": "1h"}],
    "step_time": {"at_least": "1s", "at_most": "2h"},
}


@pytest.fixture
def two(short_tmp: Path, database: str) -> Iterator[Fleet]:
    with fleet(short_tmp, database, "ab", ["g1", "g2"], **SHADOW) as made:
        yield made


def ledger(server: Server) -> dict[str, Any]:
    """What became of the copies."""
    found: dict[str, Any] = server.client().get("/findings")["ledger"]
    return found


def test_what_all_gateways_copy_is_compared_by_relays_elsewhere(two: Fleet) -> None:
    first, (one, other) = two.site.decider(), two.gateways[:2]
    first.give("start", version="v2")
    first.until(lambda: "none is connected; start one" in first.run("events").stdout)
    relays = [two.add_relay("r1"), two.add_relay("r2")]
    assert "relays    2: r1, r2" in first.run("status").stdout
    with Crowd(one.port) as ones, Crowd(other.port) as others:
        first.until(lambda: ledger(first)["compared"] > 100)
        finding = first.run("findings").stdout
        assert "x-version" in finding
        relays[0].kill()
        before = ledger(first)["compared"]
        first.until(lambda: ledger(first)["compared"] > before + 100)
        second = next(each for each in two.servers if each is not first)
        first.kill()
        two.site.decider([second])
        before = ledger(second)["compared"]
        second.until(lambda: ledger(second)["compared"] > before + 100)
        assert relays[1].end() == 0
    assert (ones.failures, others.failures) == ([], [])
    assert ones.answers["v2"] == others.answers["v2"] == 0
