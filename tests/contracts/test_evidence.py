"""What every store keeps of evidence: the same suite over the one in memory and the one in a file."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from math import inf, nextafter
from pathlib import Path

import pytest

from abreast.analysis.tick import WAITING_S, Side, Tick
from abreast.model.errors import StoreError
from abreast.model.rollout import Phase
from abreast.ports import EvidenceStore, Store
from abreast.store.evidence import KEPT_ROLLOUTS, SqlEvidence
from abreast.store.sqlite import open_store
from tests.contracts.test_store import a_rollout
from tests.fakes.evidence import FakeEvidence
from tests.fakes.store import FakeStore


@dataclass(frozen=True)
class Both:
    """A store of evidence, and the store whose rollouts it shares."""

    evidence: EvidenceStore
    store: Store


@pytest.fixture(params=["memory", "sqlite"])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Both]:
    """With rollout 1 begun."""
    if request.param == "memory":
        fake = FakeStore()
        made = Both(FakeEvidence(fake), fake)
    else:
        real = await open_store(tmp_path / "state" / "abreast.db")
        made = Both(SqlEvidence(real), real)
    await made.store.save(a_rollout(), [])
    await made.store.save(a_rollout(1, phase=Phase.PROGRESSING), [])
    yield made
    await made.store.close()


def a_tick(at: float, requests: int = 3) -> Tick:
    waiting = (2, 1) + (0,) * (len(WAITING_S) - 2)
    candidate = Side(requests, 1, {1000: requests - 1, 250_000: 1}, waiting)
    return Tick(at, candidate, Side(40, 0, {990: 40}), warming=requests > 3)


async def test_what_was_never_saved_is_empty(both: Both) -> None:
    assert dict(await both.evidence.load_evidence("shop", 1)) == {}
    assert list(await both.evidence.load_ticks("shop", 1)) == []


async def test_ticks_come_back_as_they_went_in_and_in_order(both: Both) -> None:
    begin = 1_763_000_000.1
    ticks = [a_tick(begin), Tick(nextafter(begin, inf), alone=True), a_tick(begin + 1, 9)]
    await both.evidence.save_ticks("shop", 1, [ticks[2], ticks[0]], {})
    await both.evidence.save_ticks("shop", 1, [ticks[1]], {})
    assert list(await both.evidence.load_ticks("shop", 1)) == ticks


async def test_the_state_is_replaced_as_a_whole_and_no_number_changes(both: Both) -> None:
    await both.evidence.save_ticks("shop", 1, [a_tick(1.0)], {"old": True})
    state = {"log_e": 0.1 + 0.2, "stakes": [-inf, 5e-324, 2**53 + 1], "place": {"é": None}}
    await both.evidence.save_ticks("shop", 1, [], state)
    assert await both.evidence.load_evidence("shop", 1) == state


async def test_a_tick_that_is_known_stays_as_it_was(both: Both) -> None:
    await both.evidence.save_ticks("shop", 1, [a_tick(1.0), a_tick(2.0)], {"at": 2})
    await both.evidence.save_ticks("shop", 1, [a_tick(2.0, 99), a_tick(3.0), a_tick(3.0, 99)], {"at": 3})
    assert list(await both.evidence.load_ticks("shop", 1)) == [a_tick(1.0), a_tick(2.0), a_tick(3.0)]
    assert await both.evidence.load_evidence("shop", 1) == {"at": 3}


async def test_what_comes_late_takes_its_place(both: Both) -> None:
    await both.evidence.save_ticks("shop", 1, [a_tick(2.0)], {})
    await both.evidence.save_ticks("shop", 1, [a_tick(1.0), a_tick(2.0, 99)], {})
    assert list(await both.evidence.load_ticks("shop", 1)) == [a_tick(1.0), a_tick(2.0)]


async def test_services_and_rollouts_are_kept_apart(both: Both) -> None:
    await both.store.save(a_rollout(service="mail"), [])
    await both.store.save(a_rollout(1, service="mail"), [])
    await both.evidence.save_ticks("shop", 1, [a_tick(1.0)], {"of": "shop"})
    await both.evidence.save_ticks("mail", 1, [a_tick(1.0, 7)], {"of": "mail"})
    await both.evidence.save_ticks("mail", 0, [], {"of": "first"})
    assert list(await both.evidence.load_ticks("shop", 1)) == [a_tick(1.0)]
    assert list(await both.evidence.load_ticks("mail", 1)) == [a_tick(1.0, 7)]
    assert list(await both.evidence.load_ticks("mail", 0)) == []
    assert [(await both.evidence.load_evidence("mail", number))["of"] for number in (0, 1)] == ["first", "mail"]


async def test_nothing_is_saved_of_a_rollout_that_there_is_not(both: Both) -> None:
    with pytest.raises(StoreError):
        await both.evidence.save_ticks("shop", 7, [a_tick(1.0)], {"at": 1})
    assert list(await both.evidence.load_ticks("shop", 7)) == []
    assert dict(await both.evidence.load_evidence("shop", 7)) == {}


async def test_the_newest_rollouts_are_kept_and_older_ones_let_go_of(both: Both) -> None:
    await both.store.save(a_rollout(service="mail"), [])
    await both.store.save(a_rollout(1, service="mail"), [])
    await both.evidence.save_ticks("mail", 1, [a_tick(1.0)], {"at": 1})
    newest = KEPT_ROLLOUTS + 3
    for number in range(2, newest + 1):
        loaded = await both.store.load("shop")
        assert loaded is not None
        if loaded.active:
            await both.store.save(a_rollout(loaded.number, revision=loaded.revision), [])
        await both.store.save(a_rollout(number), [])
        if number != 5:  # one without evidence takes nobody's place
            await both.evidence.save_ticks("shop", number, [a_tick(float(number))], {"number": number})
    kept = [number for number in range(newest + 1) if await both.evidence.load_evidence("shop", number)]
    assert kept == [3, 4, *range(6, newest + 1)]
    assert [number for number in range(newest + 1) if await both.evidence.load_ticks("shop", number)] == kept
    assert list(await both.evidence.load_ticks("mail", 1)) == [a_tick(1.0)]
