"""The ledger is exact: whatever dies, and in whatever order the parts are read."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.findings.ledger import CAPTURED, GRACE_S, LEDGER_JSON, REMEMBERED_RELAYS, Ledger
from abreast.findings.report import Batch


def batch(relay: str, number: int, *, compared: int = 0, held: int = 0, at: float = 0.0, **skipped: int) -> Batch:
    received = compared + sum(skipped.values()) + held
    return Batch(relay, number, at, 1, received, compared, held, skipped)


def balanced(ledger: Ledger) -> bool:
    """The identity, and no count that makes no sense."""
    total = ledger.compared + sum(ledger.skipped.values()) + ledger.lost + ledger.pending
    counts = (ledger.seen, ledger.compared, ledger.lost, ledger.pending, *ledger.skipped.values())
    return total == ledger.seen and min(counts) >= 0


def test_every_exchange_is_somewhere() -> None:
    ledger = Ledger().after_gateway({CAPTURED: 10, "method": 4, "sampled-out": 80}, 0.0)
    assert (ledger.seen, ledger.pending, ledger.lost) == (94, 10, 0)
    ledger = ledger.after_batch(batch("a", 1, compared=6, held=3, expired=1), 1.0)
    assert (ledger.compared, ledger.pending) == (6, 3)
    assert dict(ledger.skipped) == {"method": 4, "sampled-out": 80, "expired": 1}
    ledger = ledger.after_batch(batch("a", 2, compared=2, expired=1), 2.0)
    assert (ledger.seen, ledger.compared, ledger.pending) == (94, 8, 0)
    assert ledger.skipped["expired"] == 2


def test_a_batch_that_comes_twice_counts_once() -> None:
    once = Ledger().after_gateway({CAPTURED: 5}, 0.0).after_batch(batch("a", 1, compared=5), 1.0)
    assert once.knows(batch("a", 1))
    assert not once.knows(batch("a", 2))
    assert not once.knows(batch("b", 1))
    assert once.after_batch(batch("a", 1, compared=5), 2.0) is once


def test_what_a_relay_held_when_it_died_is_lost_at_once() -> None:
    ledger = Ledger().after_gateway({CAPTURED: 9}, 0.0).after_batch(batch("a", 1, compared=2, held=4), 1.0)
    ledger = ledger.after_death("a", 2.0)
    assert (ledger.lost, ledger.pending) == (4, 3), "what it had received since its report is not known yet"
    ledger = ledger.after_gateway({}, GRACE_S)
    assert (ledger.lost, ledger.pending) == (7, 0)


def test_what_a_living_relay_holds_is_never_lost() -> None:
    ledger = Ledger().after_gateway({CAPTURED: 5}, 0.0)
    for number, at in enumerate(range(1, 200), start=1):
        ledger = ledger.after_gateway({}, at).after_batch(batch("a", number, held=5), at)
    assert (ledger.lost, ledger.pending) == (0, 5)


def test_what_never_reached_a_relay_is_lost_after_the_time_of_grace() -> None:
    ledger = Ledger().after_gateway({CAPTURED: 5}, 0.0).after_batch(batch("a", 1, compared=4), 1.0)
    assert ledger.after_gateway({}, GRACE_S - 0.1).lost == 0
    assert ledger.after_gateway({}, GRACE_S).lost == 1


def test_what_turns_up_after_all_is_not_lost() -> None:
    ledger = Ledger().after_gateway({CAPTURED: 5}, 0.0).after_gateway({}, GRACE_S)
    assert (ledger.lost, ledger.pending) == (5, 0)
    ledger = ledger.after_batch(batch("a", 1, compared=3), GRACE_S + 1)
    assert (ledger.seen, ledger.compared, ledger.lost) == (5, 3, 2)


def test_relays_may_be_read_before_the_gateways() -> None:
    ledger = Ledger().after_batch(batch("a", 1, compared=7), 0.0)
    assert (ledger.seen, ledger.pending) == (7, 0)
    ledger = ledger.after_gateway({CAPTURED: 7}, 0.5)
    assert (ledger.seen, ledger.pending, ledger.lost) == (7, 0, 0), "counted once"


def test_a_gateway_that_died_unread_has_captured_what_was_decided() -> None:
    ledger = Ledger().after_gateway({CAPTURED: 10}, 0.0).after_batch(batch("a", 1, compared=30), 1.0)
    for at in (2.0, GRACE_S + 1, 2 * GRACE_S):
        ledger = ledger.after_gateway({}, at)
    assert (ledger.seen, ledger.captured) == (30, 30)
    ledger = ledger.after_gateway({CAPTURED: 5}, 2 * GRACE_S + 1)
    assert (ledger.seen, ledger.pending) == (35, 5), "the next gateway's count comes on top"


def test_a_batch_that_comes_after_its_relay_was_found_dead_holds_nothing_back() -> None:
    ledger = Ledger().after_gateway({CAPTURED: 6}, 0.0).after_batch(batch("a", 1, compared=1, held=5), 1.0)
    ledger = ledger.after_death("a", 2.0)
    ledger = ledger.after_batch(batch("a", 2, compared=2, held=3), 3.0).after_gateway({}, GRACE_S + 3)
    assert (ledger.compared, ledger.lost, ledger.pending) == (3, 3, 0)


def test_what_a_dead_relay_says_it_holds_is_lost_all_the_same() -> None:
    ledger = Ledger().after_gateway({CAPTURED: 10}, 0.0).after_batch(batch("a", 1, compared=1, held=2), 1.0)
    ledger = ledger.after_death("a", 2.0).after_batch(batch("a", 2, compared=2, held=7), 3.0)
    ledger = ledger.after_gateway({}, GRACE_S + 3)
    assert (ledger.compared, ledger.lost, ledger.pending) == (3, 7, 0)


def test_the_death_of_a_relay_that_never_reported() -> None:
    ledger = Ledger().after_gateway({CAPTURED: 2}, 0.0).after_death("unheard of", 1.0)
    assert (ledger.lost, ledger.pending) == (0, 2)


def test_it_stays_small() -> None:
    ledger = Ledger()
    for number in range(1, 3_000):
        relay = f"relay {number // 10}"
        ledger = ledger.after_gateway({CAPTURED: 1}, number * 0.01)
        ledger = ledger.after_batch(batch(relay, number, compared=1), number * 0.01).after_death(relay, number * 0.01)
    assert len(ledger.relays) <= REMEMBERED_RELAYS
    assert len(ledger.readings) <= 70
    assert balanced(ledger)


def test_it_is_said_and_read_again() -> None:
    ledger = Ledger().after_gateway({CAPTURED: 6, "method": 1}, 0.25).after_batch(batch("a", 1, held=2, side=1), 1.0)
    assert LEDGER_JSON.validate_json(LEDGER_JSON.dump_json(ledger)) == ledger


@dataclass
class Relay:
    """A relay as it is: what it got, and what of it no batch has told."""

    name: str
    received: int = 0
    compared: int = 0
    skipped: int = 0
    told: Counter[str] = field(default_factory=Counter)
    number: int = 0

    @property
    def held(self) -> int:
        return self.received - self.compared - self.skipped

    def report(self) -> Batch:
        self.number += 1
        compared, skipped = self.compared - self.told["compared"], self.skipped - self.told["skipped"]
        self.told.update(compared=compared, skipped=skipped)
        return batch(self.name, self.number, compared=compared, held=self.held, **{"queue-full": skipped})

    @property
    def told_in_all(self) -> int:
        return self.told["compared"] + self.told["skipped"]


class Scene:
    """Gateways, two relays, and the ledger that is told of them; ``truth`` counts what really happened."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.ledger = Ledger()
        self.relays = [Relay("a1"), Relay("b1")]
        self.unread: Counter[str] = Counter()
        self.captured = 0
        self.forgotten = 0
        self.decided_by_the_dead = 0
        self.under_way = 0

    def do(self, action: str, which: int, count: int) -> None:
        getattr(self, action)(which, count)
        assert balanced(self.ledger)

    def capture(self, _which: int, count: int) -> None:
        self.unread[CAPTURED] += count
        self.captured += count
        self.under_way += count

    def skip(self, _which: int, count: int) -> None:
        self.unread["method"] += count

    def receive(self, which: int, count: int) -> None:
        got = min(count, self.under_way)
        self.relays[which].received += got
        self.under_way -= got

    def drop(self, _which: int, count: int) -> None:
        self.under_way -= min(count, self.under_way)

    def decide(self, which: int, count: int) -> None:
        self.relays[which].compared += min(count, self.relays[which].held)

    def refuse(self, which: int, count: int) -> None:
        self.relays[which].skipped += min(count, self.relays[which].held)

    def report(self, which: int, count: int) -> None:
        told = self.relays[which].report()
        for _ in range(2 if count % 3 == 0 else 1):
            self.ledger = self.ledger.after_batch(told, self.now)

    def relay_dies(self, which: int, _count: int) -> None:
        relay = self.relays[which]
        self.ledger = self.ledger.after_death(relay.name, self.now)
        self.decided_by_the_dead += relay.told_in_all
        self.relays[which] = Relay(f"{relay.name[0]}{int(relay.name[1:]) + 1}")

    def read(self, _which: int, _count: int) -> None:
        self.ledger = self.ledger.after_gateway(self.unread, self.now)
        self.unread.clear()

    def gateway_dies(self, _which: int, _count: int) -> None:
        self.forgotten += self.unread[CAPTURED]
        self.unread.clear()

    def wait(self, _which: int, count: int) -> None:
        self.now += count

    def settle(self) -> None:
        """All that can still be decided is; then everything is read until nothing changes."""
        for which in range(len(self.relays)):
            self.do("decide", which, 10**9)
            self.do("report", which, 1)
        for _ in range(3):
            self.do("read", 0, 0)
            self.do("wait", 0, int(GRACE_S) + 1)
        self.do("read", 0, 0)

    @property
    def told(self) -> int:
        """Decided, and reported before its relay died."""
        return self.decided_by_the_dead + sum(relay.told_in_all for relay in self.relays)


def actions(*more: str) -> st.SearchStrategy[list[tuple[str, int, int]]]:
    names = ["capture", "skip", "receive", "drop", "decide", "refuse", "report", "relay_dies", "read", "wait"]
    return st.lists(st.tuples(st.sampled_from([*names, *more]), st.integers(0, 1), st.integers(0, 9)), max_size=80)


@settings(max_examples=300, deadline=None)
@given(actions())
def test_in_any_order_it_ends_exact(steps: list[tuple[str, int, int]]) -> None:
    scene = Scene()
    for step in steps:
        scene.do(*step)
    scene.settle()
    ledger = scene.ledger
    assert ledger.pending == 0
    assert ledger.seen == ledger.compared + sum(ledger.skipped.values()) + ledger.lost
    assert ledger.seen == scene.captured + ledger.skipped.get("method", 0)
    assert ledger.lost == scene.captured - scene.told


@settings(max_examples=300, deadline=None)
@given(actions("gateway_dies"))
def test_it_balances_even_if_gateways_die_unread(steps: list[tuple[str, int, int]]) -> None:
    scene = Scene()
    for step in steps:
        scene.do(*step)
    scene.settle()
    ledger = scene.ledger
    assert ledger.pending == 0
    captured = ledger.seen - ledger.skipped.get("method", 0)
    assert scene.captured - scene.forgotten <= captured <= scene.captured
    assert captured >= scene.told
    assert ledger.lost == captured - scene.told


@pytest.mark.parametrize("gap_s", [0.1, 1.0, 5.0])
def test_steady_traffic_with_nothing_lost_loses_nothing(gap_s: float) -> None:
    """Reports are late by one turn all the time, and gateways are read after the relay."""
    ledger = Ledger()
    for number in range(1, 1_000):
        at = number * gap_s
        ledger = ledger.after_batch(batch("a", number, compared=9, held=3), at)
        ledger = ledger.after_gateway({CAPTURED: 9 if number > 1 else 12}, at)
        assert ledger.lost == 0
        assert ledger.pending == 3
