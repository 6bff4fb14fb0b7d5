"""What every store keeps: the same suite over the one in memory and the one in a file."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.model.errors import ConflictError, StoreError
from abreast.model.event import Event, EventKind
from abreast.model.rollout import (
    ApproveStep,
    BakeStep,
    ErrorGate,
    HoldStep,
    LatencyGate,
    Phase,
    Policy,
    Rollout,
    WeightStep,
)
from abreast.ports import Latencies, Store, VersionCounts
from abreast.store.sqlite import open_store
from tests.fakes.store import FakeStore

KEEP_MINUTES = 60


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store
    if request.param == "memory":
        opened = FakeStore(keep_minutes=KEEP_MINUTES)
    else:
        opened = await open_store(tmp_path / "state" / "abreast.db", keep_counts_s=KEEP_MINUTES * 60.0)
    yield opened
    await opened.close()


def a_rollout(number: int = 0, **changes: object) -> Rollout:
    plain = Rollout(
        service="shop",
        number=number,
        stable="v1",
        candidate="v2" if number else None,
        policy=Policy(),
        phase=Phase.ROLLED_BACK if number else Phase.COMPLETED,
        phase_since=1000.125,
        started_at=999.0625,
        attempt_since=1000.0,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # any field of any type


def an_event(number: int = 0, reason: str = "because") -> Event:
    return Event(at=1000.5, rollout=number, kind=EventKind.PHASE, actor="abreast", reason=reason)


async def test_an_empty_store_has_nothing(store: Store) -> None:
    assert await store.load("shop") is None
    assert list(await store.history("shop")) == []
    assert list(await store.events("shop")) == []
    assert list(await store.counts("shop", 0)) == []


async def test_a_rollout_comes_back_exactly_with_its_new_revision(store: Store) -> None:
    policy = Policy(
        steps=(
            WeightStep(1, for_s=0.1),
            HoldStep(1e-3),
            ApproveStep("look – ähem 👀"),
            WeightStep(10_000),
            BakeStep(3.3),
        ),
        on_timeout="promote-unproven",
        on_failure="freeze",
        errors=ErrorGate(budget=1, window_s=1 / 3),
        latency=LatencyGate(tolerance=1, window_s=1 / 7, warm_up_s=0.1),
    )
    written = a_rollout(
        policy=policy,
        phase=Phase.FROZEN,
        resume_to=Phase.BAKING,
        sheltering="stable",
        candidate_missing_since=1_763_000_000.123456,
        held=True,
        released_at=1_763_000_001.5,
        retire_now=True,
        step=3,
        reason='it\'s "quoted"; -- drop table rollouts',
    )
    saved = await store.save(written, [])
    assert saved == replace(written, revision=1)
    assert await store.load("shop") == saved
    assert [type(step) for step in saved.policy.steps] == [
        WeightStep,
        HoldStep,
        ApproveStep,
        WeightStep,
        BakeStep,
    ]


async def test_each_write_needs_the_revision_that_the_last_one_returned(store: Store) -> None:
    first = await store.save(a_rollout(), [])
    second = await store.save(replace(first, weight=0, reason="again"), [])
    assert second.revision == 2
    with pytest.raises(ConflictError):
        await store.save(replace(first, reason="a stale writer"), [an_event()])
    with pytest.raises(ConflictError):
        await store.save(replace(first, revision=3, reason="a writer from the future"), [an_event()])
    assert await store.load("shop") == second
    assert list(await store.events("shop")) == []


async def test_of_two_writers_at_the_same_revision_exactly_one_wins(store: Store) -> None:
    saved = await store.save(a_rollout(), [])
    answers = await asyncio.gather(
        *(store.save(replace(saved, reason=f"writer {n}"), [an_event(reason=f"writer {n}")]) for n in range(8)),
        return_exceptions=True,
    )
    winners = [answer for answer in answers if isinstance(answer, Rollout)]
    assert len(winners) == 1
    assert sum(isinstance(answer, ConflictError) for answer in answers) == 7
    assert await store.load("shop") == winners[0]
    assert [event.reason for _, event in await store.events("shop")] == [winners[0].reason]


@pytest.mark.parametrize("number", [0, 2, 7])
async def test_a_new_rollout_must_have_the_next_number(store: Store, number: int) -> None:
    first = await store.save(a_rollout(), [])
    with pytest.raises(ConflictError):
        await store.save(a_rollout(number), [an_event()])
    assert list(await store.history("shop")) == [first]


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in {Phase.COMPLETED, Phase.ROLLED_BACK}])
async def test_a_rollout_cannot_begin_while_another_is_under_way(store: Store, phase: Phase) -> None:
    await store.save(a_rollout(), [])
    under_way = await store.save(a_rollout(1, phase=phase), [])
    with pytest.raises(ConflictError):
        await store.save(a_rollout(2), [an_event()])
    rests = await store.save(replace(under_way, phase=Phase.ROLLED_BACK), [])
    second = await store.save(a_rollout(2), [])
    assert list(await store.history("shop"))[1:] == [rests, second]


async def test_a_rollout_begins_from_the_version_that_serves(store: Store) -> None:
    await store.save(a_rollout(), [])
    await store.save(a_rollout(1, phase=Phase.COMPLETED), [])
    with pytest.raises(ConflictError):
        await store.save(a_rollout(2, stable="v1", candidate="v3"), [])
    saved = await store.save(a_rollout(2, stable="v2", candidate="v3"), [])
    assert await store.load("shop") == saved


async def test_the_first_rollout_has_number_0(store: Store) -> None:
    with pytest.raises(ConflictError):
        await store.save(a_rollout(1), [])
    with pytest.raises(ConflictError):
        await store.save(a_rollout(0, revision=1), [])
    assert await store.load("shop") is None


async def test_the_newest_rollout_is_loaded_and_history_has_all_in_their_last_state(store: Store) -> None:
    first = await store.save(a_rollout(), [])
    first = await store.save(replace(first, reason="last state of 0"), [])
    second = await store.save(a_rollout(1), [])
    assert second.revision == 1
    assert await store.load("shop") == second
    assert list(await store.history("shop")) == [first, second]


async def test_more_than_nine_rollouts_keep_their_order(store: Store) -> None:
    for number in range(12):
        await store.save(a_rollout(number), [])
    assert [rollout.number for rollout in await store.history("shop")] == list(range(12))
    newest = await store.load("shop")
    assert newest is not None
    assert newest.number == 11


async def test_a_rollout_that_was_followed_by_another_is_never_written_again(store: Store) -> None:
    first = await store.save(a_rollout(), [])
    await store.save(a_rollout(1), [])
    with pytest.raises(ConflictError):
        await store.save(replace(first, reason="too late"), [])
    assert next(iter(await store.history("shop"))) == first


async def test_services_do_not_meet(store: Store) -> None:
    shop = await store.save(a_rollout(), [an_event(reason="shop")])
    till = await store.save(a_rollout(service="till"), [an_event(reason="till")])
    await store.add_counts("till", 5, {"v1": VersionCounts({200: 1})})
    assert await store.load("shop") == shop
    assert await store.load("till") == till
    assert [event.reason for _, event in await store.events("till")] == ["till"]
    assert list(await store.counts("shop", 0)) == []


async def test_events_come_back_exactly_oldest_first_with_growing_ids(store: Store) -> None:
    written = [
        replace(
            an_event(reason=f"reason {n}"),
            at=1_763_000_000.000001 + n,
            kind=kind,
            data={"text": "ä'\"", "whole": n, "part": 0.1, "nothing": None},
        )
        for n, kind in enumerate(EventKind)
    ]
    saved = await store.save(a_rollout(), written[:4])
    await store.save(saved, iter(written[4:]))
    found = await store.events("shop")
    assert [event for _, event in found] == written
    ids = [number for number, _ in found]
    assert ids == sorted(set(ids))
    assert ids[0] > 0


async def test_events_are_limited_to_the_newest_and_continue_after_an_id(store: Store) -> None:
    await store.save(a_rollout(), [an_event(reason=str(n)) for n in range(10)])
    newest = await store.events("shop", limit=3)
    assert [event.reason for _, event in newest] == ["7", "8", "9"]
    after = await store.events("shop", after=newest[0][0])
    assert [event.reason for _, event in after] == ["8", "9"]
    assert list(await store.events("shop", after=newest[-1][0])) == []


async def test_events_of_a_rollout_that_does_not_exist_are_refused_whole(store: Store) -> None:
    with pytest.raises(StoreError):
        await store.save(a_rollout(), [an_event(0), an_event(4)])
    assert await store.load("shop") is None
    assert list(await store.events("shop")) == []


async def test_counts_of_a_minute_add_up(store: Store) -> None:
    await store.add_counts("shop", 7, {"v1": VersionCounts({200: 5, 0: 1}, Latencies({100: 6}), 3)})
    await store.add_counts(
        "shop",
        7,
        {
            "v1": VersionCounts({200: 2, 503: 1}, Latencies({100: 1, 2000: 2}), 1),
            "v2": VersionCounts({200: 1}),
        },
    )
    await store.add_counts("shop", 8, {"v1": VersionCounts({200: 9})})
    assert list(await store.counts("shop", 7)) == [
        (7, "v1", VersionCounts({200: 7, 0: 1, 503: 1}, Latencies({100: 7, 2000: 2}), 1)),
        (7, "v2", VersionCounts({200: 1})),
        (8, "v1", VersionCounts({200: 9})),
    ]
    assert list(await store.counts("shop", 8)) == [(8, "v1", VersionCounts({200: 9}))]
    assert list(await store.counts("shop", 9)) == []


async def test_counts_past_keeping_vanish_while_new_ones_come_and_events_stay(store: Store) -> None:
    await store.save(a_rollout(), [an_event()])
    for minute in range(20):
        await store.add_counts("shop", minute, {"v1": VersionCounts({200: 1})})
    for minute in range(KEEP_MINUTES + 10, KEEP_MINUTES + 20):
        await store.add_counts("shop", minute, {"v1": VersionCounts({200: 1})})
    kept = [minute for minute, _, _ in await store.counts("shop", 0)]
    assert kept == [19, *range(KEEP_MINUTES + 10, KEEP_MINUTES + 20)]
    assert len(await store.events("shop")) == 1


async def test_a_secret_is_made_once(store: Store) -> None:
    assert await store.secret("tester", "first") == "first"
    assert await store.secret("tester", "second") == "first"
    assert await store.secret("other", "third") == "third"


CALLS: list[Callable[[Store], Awaitable[object]]] = [
    lambda store: store.load("shop"),
    lambda store: store.save(a_rollout(), []),
    lambda store: store.events("shop"),
    lambda store: store.history("shop"),
    lambda store: store.add_counts("shop", 1, {}),
    lambda store: store.counts("shop", 1),
    lambda store: store.secret("name", "fresh"),
]


@pytest.mark.parametrize("call", CALLS)
async def test_a_closed_store_refuses_everything(store: Store, call: Callable[[Store], Awaitable[object]]) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await call(store)
