"""Relays elsewhere come, go and come back; each batch counts once, and one machine's own stands in for none."""

from dataclasses import dataclass, field, replace

import pytest

from abreast.findings.report import BATCH_JSON, Batch
from abreast.shadow.relay_client import Ask, RelayAnswer, RelayUnreachableError
from abreast.shadow.roster import BACK_S, Nearest, Roster
from tests.fakes.clock import FakeClock
from tests.fakes.crew import FakeCrew
from tests.findings.batches import batch
from tests.shadow.frames import order


@dataclass
class Far:
    """A relay process elsewhere: it holds batches until they are acknowledged."""

    relay: str
    waiting: list[Batch] = field(default_factory=list)
    orders: int = 0
    refusal: str = ""
    silent: bool = False
    recorded: str = ""

    def gives(self, number: int = 1) -> None:
        """Have something to report."""
        self.waiting.append(replace(batch(number=number), relay=self.relay))

    def connected(self) -> Ask:
        """A connection to it."""

        async def ask(method: str, path: str, content: bytes) -> RelayAnswer:
            del content
            if self.silent:
                raise RelayUnreachableError(self.relay)
            if path == "/order":
                self.orders += 1
                return RelayAnswer(422, self.refusal.encode()) if self.refusal else RelayAnswer(204, b"")
            if path == "/recorded":
                return RelayAnswer(200, self.recorded.encode())
            assert (method, path.split("=", maxsplit=1)[0]) == ("GET", "/report?acknowledge")
            if self.waiting and self.waiting[0].number == int(path.split("=")[1]):
                self.waiting.pop(0)
            return RelayAnswer(200, BATCH_JSON.dump_json(self.waiting[0])) if self.waiting else RelayAnswer(204, b"")

        return ask


@dataclass
class Fleet:
    """Two relays, connected as a test says."""

    one: Far = field(default_factory=lambda: Far("aa"))
    two: Far = field(default_factory=lambda: Far("bb"))
    there: dict[str, Ask] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)

    def roster(self) -> Roster:
        """What a control plane makes of those that are connected."""
        return Roster(lambda: self.there, self.clock)

    def both(self) -> None:
        """Connect them, anew if they were."""
        self.there = {"r1": self.one.connected(), "r2": self.two.connected()}


@pytest.fixture
def fleet() -> Fleet:
    made = Fleet()
    made.both()
    return made


async def test_all_are_told_and_each_is_heard_in_its_turn(fleet: Fleet) -> None:
    roster = fleet.roster()
    assert roster.adopt()
    await roster.tell(order())
    await roster.tell(order())
    assert (fleet.one.orders, fleet.two.orders) == (1, 1)
    for number in (1, 2):
        fleet.one.gives(number)
        fleet.two.gives(number)
    heard = []
    while (found := await roster.report()) is not None:
        heard.append((found.relay, found.number))
        roster.acknowledge(found)
    assert sorted(heard) == [("aa", 1), ("aa", 2), ("bb", 1), ("bb", 2)]
    assert heard[0][0] != heard[1][0], "nobody waits until another has nothing to say"


async def test_a_batch_that_is_not_acknowledged_comes_again(fleet: Fleet) -> None:
    roster = fleet.roster()
    del fleet.there["r2"]
    fleet.one.gives()
    first = await roster.report()
    assert first is not None
    assert await roster.report() == first


async def test_a_new_connection_begins_anew(fleet: Fleet) -> None:
    """The relay behind it may be another process, which counts its batches from 1 again."""
    roster = fleet.roster()
    del fleet.there["r2"]
    fleet.one.gives(1)
    found = await roster.report()
    assert found is not None
    roster.acknowledge(found)
    another = Far("cc")
    another.gives(1)
    fleet.there = {"r1": another.connected()}
    again = await roster.report()
    assert again is not None
    assert again.relay == "cc"
    assert await roster.report() == again, "it was not taken for acknowledged"
    await roster.tell(order())
    assert another.orders == 1


async def test_one_that_stays_away_is_lost_and_one_that_comes_back_is_not(fleet: Fleet) -> None:
    roster = fleet.roster()
    roster.adopt()
    fleet.one.gives()
    fleet.two.gives()
    for _ in range(2):
        found = await roster.report()
        assert found is not None
        roster.acknowledge(found)
    fleet.clock.time += BACK_S
    assert list(roster.lost(["aa", "bb"])) == []
    del fleet.there["r2"]
    assert not await roster.keep()
    fleet.clock.time += BACK_S / 2
    assert not await roster.keep()
    fleet.both()
    assert not await roster.keep()
    for _ in range(2):
        await roster.report()
    del fleet.there["r2"]
    assert not await roster.keep()
    fleet.clock.time += BACK_S
    assert await roster.keep()
    assert roster.losses == 1
    fleet.one.gives(2)
    assert await roster.report() is not None
    assert list(roster.lost(["aa", "bb"])) == ["bb"]


async def test_after_a_takeover_nothing_is_lost_before_all_had_time_to_speak(fleet: Fleet) -> None:
    roster = fleet.roster()
    roster.adopt()
    assert list(roster.lost(["aa", "bb", "old"])) == []
    fleet.one.gives()
    fleet.two.gives()
    for _ in range(2):
        found = await roster.report()
        assert found is not None
        roster.acknowledge(found)
    fleet.clock.time += BACK_S
    assert list(roster.lost(["aa", "bb", "old"])) == ["old"]


async def test_one_that_is_silent_holds_up_nobody(fleet: Fleet) -> None:
    roster = fleet.roster()
    fleet.one.silent = True
    fleet.two.gives()
    fleet.two.recorded = '{"a": 1}\n'
    await roster.tell(order())
    assert fleet.two.orders == 1
    assert await roster.report() is not None
    assert list(await roster.recorded()) == ['{"a": 1}']
    fleet.two.silent = True
    for ask in (roster.report, roster.recorded, lambda: roster.tell(order(timeout_s=3.0))):
        with pytest.raises(RelayUnreachableError):
            await ask()


async def test_a_refusal_of_one_is_told_when_the_others_know(fleet: Fleet) -> None:
    fleet.one.refusal = "policy: no such rule"
    with pytest.raises(ValueError, match="no such rule"):
        await fleet.roster().tell(order())
    assert fleet.two.orders == 1


async def test_without_any_it_has_nothing_to_say() -> None:
    roster = Fleet().roster()
    assert not roster.adopt()
    assert not roster.running
    await roster.tell(order())
    assert await roster.report() is None
    assert list(await roster.recorded()) == []


async def test_when_they_are_not_needed_they_do_not_run_for_us(fleet: Fleet) -> None:
    roster = fleet.roster()
    states = []
    for change in (roster.keep, roster.stop):
        await change()
        states.append(roster.running)
    assert states == [True, False]
    fleet.one.gives()
    assert await roster.report() is not None
    fleet.clock.time += BACK_S
    assert list(roster.lost(["aa", "old"])) == ["old"], "they wait for what comes"


class TestNearest:
    """A relay of this machine works where there is none elsewhere."""

    async def test_it_ends_when_others_are_there_and_begins_when_they_are_gone(self, fleet: Fleet) -> None:
        own, there = FakeCrew(), fleet.there
        fleet.there = {}
        relays = Nearest(own, fleet.roster())
        await relays.keep()
        await relays.tell(order())
        assert (own.starts, len(own.orders)) == (1, 1)
        own.gives(batch())
        found = await relays.report()
        assert found is not None
        relays.acknowledge(found)
        assert own.acknowledged == [("relay-1", 1)]
        fleet.there = there
        await relays.keep()
        assert own.stops == 1
        await relays.tell(order())
        assert (fleet.one.orders, fleet.two.orders) == (1, 1)
        fleet.there = {}
        fleet.clock.time += BACK_S
        await relays.keep()
        fleet.clock.time += BACK_S
        assert await relays.keep()
        own.losses = 1
        assert (own.starts, relays.losses) == (2, 3)

    async def test_what_it_knew_is_lost_only_when_it_is_in_neither_place(self, fleet: Fleet) -> None:
        own = FakeCrew(left_running=True)
        relays = Nearest(own, fleet.roster())
        assert relays.adopt()
        fleet.clock.time += BACK_S
        assert list(relays.lost(["aa", "relay-1"])) == []
        own.gives(batch())
        await own.report()
        assert list(relays.lost(["aa", "relay-1"])) == ["aa"]
        await relays.keep()
        fleet.one.gives()
        assert await relays.report() is not None
        fleet.clock.time += BACK_S
        assert list(relays.lost(["aa", "relay-1"])) == ["relay-1"], "the own one was ended"
        await relays.close(stop=True)
        assert own.closed
        assert not await relays.stop()
