"""What every store keeps of findings: the same suite over the one in memory and the one in a file."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from abreast.compare.model import Kind
from abreast.findings.book import Book
from abreast.findings.finding import Finding, FindingState
from abreast.findings.ledger import Ledger
from abreast.findings.report import Key, Sample, ShownAnswer, ShownDifference
from abreast.findings.tracks import Track
from abreast.model.errors import StoreError
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase
from abreast.ports import FindingsStore, Store
from abreast.store.findings import KEPT_SAMPLES, SqlFindings
from abreast.store.sqlite import open_store
from tests.contracts.test_store import a_rollout
from tests.fakes.findings import FakeFindings
from tests.fakes.store import FakeStore

TOTAL = Key("/total", Kind.TYPE)
TAGS = Key("/tags/*", Kind.MISSING)
ENDPOINT = "GET /orders/{id}"


@dataclass(frozen=True)
class Both:
    """A store of findings, and the store whose rollouts and events it shares."""

    findings: FindingsStore
    store: Store


@pytest.fixture(params=["memory", "sqlite"])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Both]:
    """With rollout 1 begun."""
    if request.param == "memory":
        fake = FakeStore()
        made = Both(FakeFindings(fake), fake)
    else:
        real = await open_store(tmp_path / "state" / "abreast.db")
        made = Both(SqlFindings(real), real)
    await made.store.save(a_rollout(), [])
    await made.store.save(a_rollout(1, phase=Phase.PROGRESSING), [])
    yield made
    await made.store.close()


def a_finding(number: int = 1, **changes: object) -> Finding:
    plain = Finding(
        number=number,
        rollout=1,
        endpoint=ENDPOINT,
        keys=(TOTAL, TAGS),
        endpoints=(ENDPOINT,),
        first_at=1_763_000_000.25,
        last_at=1_763_000_100.5,
        exchanges=124,
        compared=400,
        evidence=9.4,
        example=ShownDifference("/total", TOTAL, "12.5", '"12.50"'),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # any field of any type


BOOK = Book(1, findings=(a_finding(),), tracks=(Track(ENDPOINT, TOTAL, candidate_only=124, together=2**64 - 1),))
LEDGER = Ledger(seen=10, compared=7, skipped={"method": 2}, lost=1)


def a_sample(number: int, *keys: Key, endpoint: str = ENDPOINT, at: float | None = None) -> Sample:
    answer = ShownAnswer(200, (("content-type", "application/json"),), f'{{"total": {number}, "é": "👀"}}')
    return Sample(
        id=f"{number:016x}",
        at=float(number) if at is None else at,
        endpoint=endpoint,
        keys=keys or (TOTAL,),
        method="GET",
        path=f"/orders/{number}",
        request_headers=(("authorization", "\u2039redacted:9f86d081\u203a"),),
        request_body="",
        stable=answer,
        candidate=replace(answer, body='{"total": "12.50"}', cut=True),
        control=None,
        differences=(ShownDifference("/total", TOTAL, "12.5", None),),
    )


def an_event(reason: str = "found") -> Event:
    return Event(at=1000.5, rollout=1, kind=EventKind.FINDING, actor="abreast", reason=reason)


async def ids(both: Both, *keys: tuple[str, Key]) -> list[int]:
    """The numbers of the samples that show any of the keys, of all without keys."""
    found = await both.findings.samples("shop", 1, keys or None)
    return [int(sample.id, 16) for sample in found]


async def test_an_empty_store_has_nothing(both: Both) -> None:
    assert await both.findings.load_findings("shop") is None
    assert list(await both.findings.samples("shop", 1)) == []
    assert list(await both.findings.samples("shop", 1, [])) == []
    assert await both.findings.purge_samples("shop", 1e12) == 0


async def test_what_a_batch_brought_comes_back_exactly(both: Both) -> None:
    samples = [a_sample(1), a_sample(2, TOTAL, TAGS)]
    assert await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 1, samples, [an_event()])
    assert await both.findings.load_findings("shop") == (BOOK, LEDGER)
    assert list(await both.findings.samples("shop", 1)) == samples
    assert [event for _, event in await both.store.events("shop")] == [an_event()]


async def test_a_batch_that_comes_twice_changes_nothing(both: Both) -> None:
    await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 1, [a_sample(1)], [an_event()])
    await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 2, [a_sample(2)], [])
    for number in (1, 2):
        again = await both.findings.save_findings(
            "shop", Book(1), Ledger(), "relay-1", number, [a_sample(3)], [an_event("again")]
        )
        assert again is False
    assert await both.findings.load_findings("shop") == (BOOK, LEDGER)
    assert await ids(both) == [1, 2]
    assert len(await both.store.events("shop")) == 1


async def test_relays_count_for_themselves_and_so_do_services(both: Both) -> None:
    assert await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 3)
    assert await both.findings.save_findings("shop", BOOK, LEDGER, "relay-2", 1)
    await both.store.save(a_rollout(service="till"), [])
    assert await both.findings.save_findings("till", Book(0), LEDGER, "relay-1", 1, [a_sample(1)])
    assert await ids(both) == []
    assert await both.findings.load_findings("till") == (Book(0), LEDGER)


async def test_a_change_by_a_person_is_always_written(both: Both) -> None:
    await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 1)
    accepted = replace(BOOK, findings=(a_finding(state=FindingState.ACCEPTED, actor="ada", reason="é", until=2e9),))
    for reason in ("once", "twice"):
        assert await both.findings.save_findings("shop", accepted, LEDGER, events=[an_event(reason)])
    assert await both.findings.load_findings("shop") == (accepted, LEDGER)
    assert [event.reason for _, event in await both.store.events("shop")] == ["once", "twice"]
    assert not await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 1)


async def test_the_newest_rollouts_book_is_loaded_and_samples_stay_apart(both: Both) -> None:
    await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 1, [a_sample(1)])
    old = await both.store.load("shop")
    assert old is not None
    await both.store.save(replace(old, phase=Phase.ROLLED_BACK), [])
    await both.store.save(a_rollout(2, phase=Phase.PROGRESSING), [])
    await both.findings.save_findings("shop", Book(2), Ledger(seen=1), "relay-1", 2, [a_sample(1)])
    assert await both.findings.load_findings("shop") == (Book(2), Ledger(seen=1))
    assert [len(await both.findings.samples("shop", number)) for number in (0, 1, 2)] == [0, 1, 1]


async def test_findings_of_a_rollout_that_does_not_exist_are_refused_whole(both: Both) -> None:
    for book, events in ((Book(4), []), (BOOK, [an_event(), replace(an_event(), rollout=4)])):
        with pytest.raises(StoreError):
            await both.findings.save_findings("shop", book, LEDGER, "relay-1", 1, [a_sample(1)], events)
    assert await both.findings.load_findings("shop") is None
    assert await ids(both) == []
    assert list(await both.store.events("shop")) == []
    assert await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 1)


async def test_samples_are_found_by_what_they_show_oldest_first(both: Both) -> None:
    other = "GET /carts/{id}"
    samples = [a_sample(3, TAGS), a_sample(1, TOTAL, TAGS), a_sample(2, TOTAL), a_sample(4, TOTAL, endpoint=other)]
    await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 1, samples)
    assert await ids(both) == [1, 2, 3, 4]
    assert await ids(both, (ENDPOINT, TOTAL)) == [1, 2]
    assert await ids(both, (ENDPOINT, TAGS)) == [1, 3]
    assert await ids(both, (ENDPOINT, TAGS), (other, TOTAL)) == [1, 3, 4]
    assert await ids(both, (other, TAGS)) == []
    assert await ids(both, *((f"GET /{n}", TOTAL) for n in range(3000)), (other, TOTAL)) == [4]


async def test_a_sample_that_is_known_stays_as_it_was(both: Both) -> None:
    await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 1, [a_sample(1, TOTAL)])
    again = replace(a_sample(1, TAGS), path="/elsewhere")
    await both.findings.save_findings("shop", BOOK, LEDGER, "relay-2", 1, [again, again])
    assert list(await both.findings.samples("shop", 1)) == [a_sample(1, TOTAL)]


async def test_of_each_key_the_first_and_the_newest_samples_are_kept(both: Both) -> None:
    await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 1, [a_sample(3, TOTAL, TAGS)])
    for number in range(2, 30):
        await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", number, [a_sample(number * 10)])
    newest = [number * 10 for number in range(31 - KEPT_SAMPLES, 30)]
    assert await ids(both) == [3, *newest]
    # The one that another key still needs stays, but no longer for the first key.
    await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 30, [a_sample(1, TOTAL)])
    assert await ids(both) == [1, 3, *newest]
    assert await ids(both, (ENDPOINT, TOTAL)) == [1, *newest]
    assert await ids(both, (ENDPOINT, TAGS)) == [3]


async def test_old_samples_are_purged_and_findings_stay(both: Both) -> None:
    samples = [a_sample(number, at=1000.0 + number) for number in range(5)]
    await both.findings.save_findings("shop", BOOK, LEDGER, "relay-1", 1, samples)
    assert await both.findings.purge_samples("till", 2000.0) == 0
    assert await both.findings.purge_samples("shop", 1003.0) == 3
    assert await ids(both) == await ids(both, (ENDPOINT, TOTAL)) == [3, 4]
    assert await both.findings.purge_samples("shop", 1003.0) == 0
    assert await both.findings.load_findings("shop") == (BOOK, LEDGER)


CALLS: list[Callable[[FindingsStore], Awaitable[object]]] = [
    lambda findings: findings.load_findings("shop"),
    lambda findings: findings.save_findings("shop", BOOK, LEDGER),
    lambda findings: findings.samples("shop", 1),
    lambda findings: findings.purge_samples("shop", 1.0),
]


@pytest.mark.parametrize("call", CALLS)
async def test_a_closed_store_refuses_everything(
    both: Both, call: Callable[[FindingsStore], Awaitable[object]]
) -> None:
    await both.store.close()
    with pytest.raises(StoreError, match="closed"):
        await call(both.findings)
