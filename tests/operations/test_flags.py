"""Flags of a running service: adopting the spec's, switching, and the audit log."""

import pytest

from abreast.model.errors import StoreError, UsageError
from abreast.model.event import Event, EventKind
from abreast.model.flag import BOOLEAN, Flag, FlagRule
from abreast.model.rollout import Phase
from abreast.operations.flags import FlagDesk, Switch
from abreast.rollout.flags import Evaluation, FlagError, Reason, Unanswered
from tests.contracts.test_store import a_rollout
from tests.fakes.clock import FakeClock
from tests.fakes.flags import FakeFlags
from tests.fakes.store import FakeStore
from tests.rollout.play import under_way

NEW = Flag("new", BOOLEAN, "off", (FlagRule("on", candidate=True),))
DARK = Flag("dark", BOOLEAN, "off", on=False)
ROLLOUT = under_way(Phase.PROGRESSING)


class Stage:
    """A desk over a store in memory; `again` is the desk after a restart."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.kept = FakeFlags(self.store)
        self.clock = FakeClock(100.0)
        self.desk = self.again()

    def again(self) -> FlagDesk:
        """Another desk over the same store."""
        return FlagDesk("shop", self.kept, self.clock)

    async def told(self) -> list[tuple[str, str]]:
        """Actor and reason of each event."""
        return [(event.actor, event.reason) for event in await self.events()]

    async def events(self) -> list[Event]:
        """The events of flags."""
        return [event for _, event in await self.store.events("shop") if event.kind is EventKind.FLAG]

    def states(self, desk: FlagDesk | None = None) -> dict[str, bool]:
        """Which flags are on."""
        return {record.name: record.on for record in (desk or self.desk).listed()}


@pytest.fixture
async def stage() -> Stage:
    made = Stage()
    await made.store.save(a_rollout(), [])
    await made.desk.adopt([NEW, DARK], 0)
    return made


async def test_the_specs_on_is_the_beginning(stage: Stage) -> None:
    assert stage.states() == {"dark": False, "new": True}
    assert await stage.told() == [
        ("abreast", "flag new is new in the spec, and on"),
        ("abreast", "flag dark is new in the spec, and off"),
    ]
    (dark, new) = stage.desk.listed()
    assert (new.rules, dark.rules) == (["on: users on the candidate", "off: everybody else"], ["off: everybody"])
    assert (new.at, new.actor, new.reason) == (100.0, "abreast", "the spec says so")


async def test_the_same_spec_again_tells_nothing(stage: Stage) -> None:
    before = await stage.told()
    await stage.again().adopt([DARK, NEW], 0)
    assert await stage.told() == before


async def test_off_holds_at_once_over_a_restart_and_is_audited(stage: Stage) -> None:
    assert isinstance(found := stage.desk.evaluate("new", ROLLOUT, {"targetingKey": "ada"}), Evaluation)
    assert found.reason in {Reason.TARGETING_MATCH, Reason.DEFAULT}
    await stage.clock.advance(5.0)
    said = await stage.desk.switch("new", 0, "ada", "it loses carts", on=False)
    assert said == "new is off: everybody gets 'off'"
    assert isinstance(found := stage.desk.evaluate("new", ROLLOUT, {}), Evaluation)
    assert found.reason is Reason.DISABLED
    event = (await stage.events())[-1]
    assert (event.at, event.actor, event.reason) == (105.0, "ada", "flag new was switched off: it loses carts")
    assert event.data == {"flag": "new"}
    again = stage.again()
    await again.adopt([NEW, DARK], 0)
    record = next(each for each in again.listed() if each.name == "new")
    assert (record.on, record.at, record.actor, record.reason) == (False, 105.0, "ada", "it loses carts")


async def test_on_lets_the_rules_decide_again(stage: Stage) -> None:
    await stage.desk.switch("new", 0, "ada", "it loses carts", on=False)
    assert await stage.desk.switch("new", 0, "bob", "", on=True) == "new is on"
    assert stage.states()["new"]
    assert (await stage.told())[-1] == ("bob", "flag new was switched on: no reason was given")


async def test_what_is_so_already_is_no_change(stage: Stage) -> None:
    await stage.desk.switch("new", 0, "ada", "it loses carts", on=False)
    before = await stage.told()
    said = await stage.desk.switch("new", 0, "bob", "me too", on=False)
    assert said == "new is off already, since ada said: it loses carts"
    assert await stage.told() == before


async def test_an_unknown_flag_is_told_with_those_there_are(stage: Stage) -> None:
    with pytest.raises(UsageError, match="no flag is called 'nwe'; the spec has: dark, new"):
        await stage.desk.switch("nwe", 0, "ada", "because", on=False)
    found = stage.desk.evaluate("nwe", ROLLOUT, {})
    assert found == Unanswered("nwe", FlagError.FLAG_NOT_FOUND, "no flag is called 'nwe'; the spec has: dark, new")


async def test_off_holds_even_if_the_store_fails_and_is_recorded_when_asked_again(stage: Stage) -> None:
    stage.store.broken = StoreError("the disk is full", "make room")
    with pytest.raises(StoreError, match="new is off, but a restart would forget it: the disk is full") as failed:
        await stage.desk.switch("new", 0, "ada", "it loses carts", on=False)
    assert failed.value.remedy == "make room; then again: abreast flag off new"
    assert not stage.states()["new"]
    stage.store.broken = None
    await stage.desk.switch("new", 0, "ada", "it loses carts", on=False)
    assert (await stage.told())[-1] == ("ada", "flag new was switched off: it loses carts")
    again = stage.again()
    await again.adopt([NEW, DARK], 0)
    assert not stage.states(again)["new"]


async def test_on_is_not_done_when_the_store_fails(stage: Stage) -> None:
    stage.store.broken = StoreError("the disk is full", "make room")
    with pytest.raises(StoreError, match="the disk is full"):
        await stage.desk.switch("dark", 0, "ada", "", on=True)
    assert not stage.states()["dark"]


class TestAChangedSpec:
    """Read while running, or at the next start: the same."""

    async def test_changes_are_events_that_name_what_changed(self, stage: Stage) -> None:
        changed = Flag("new", {**BOOLEAN, "x": True}, "x", (FlagRule("on", below=5),))
        await stage.desk.adopt([changed, Flag("more", BOOLEAN, "on")], 0)
        assert (await stage.told())[2:] == [
            ("abreast", "the spec changed `default`, `rules`, `variants` of flag new"),
            ("abreast", "flag more is new in the spec, and on"),
            ("abreast", "flag dark is not in the spec any more"),
        ]
        assert stage.states() == {"more": True, "new": True}

    async def test_a_switch_stays_while_the_spec_says_nothing_new_of_it(self, stage: Stage) -> None:
        await stage.desk.switch("new", 0, "ada", "it loses carts", on=False)
        await stage.desk.adopt([Flag("new", BOOLEAN, "on"), DARK], 0)
        assert not stage.states()["new"]

    async def test_a_changed_on_is_the_newer_word(self, stage: Stage) -> None:
        await stage.desk.switch("dark", 0, "ada", "try it", on=True)
        await stage.desk.adopt([NEW, Flag("dark", BOOLEAN, "off", on=True)], 0)
        await stage.desk.adopt([NEW, DARK], 0)
        assert not stage.states()["dark"]
        assert (await stage.told())[-1] == ("abreast", "the spec changed `on` of flag dark: it is off")

    async def test_a_flag_that_was_away_begins_as_the_spec_says(self, stage: Stage) -> None:
        await stage.desk.switch("new", 0, "ada", "it loses carts", on=False)
        await stage.desk.adopt([DARK], 0)
        await stage.desk.adopt([NEW, DARK], 0)
        assert stage.states()["new"]

    async def test_a_store_that_fails_leaves_the_old_ones(self, stage: Stage) -> None:
        stage.store.broken = StoreError("the disk is full", "make room")
        with pytest.raises(StoreError):
            await stage.desk.adopt([], 0)
        stage.store.broken = None
        assert stage.states() == {"dark": False, "new": True}


async def test_every_flag_by_name(stage: Stage) -> None:
    found = stage.desk.every(ROLLOUT, {})
    assert [each.flag for each in found] == ["dark", "new"]
    assert isinstance(found[0], Evaluation)
    assert isinstance(found[1], Unanswered)


class TestFollowing:
    """A server that does not decide: it has what was switched elsewhere, and writes nothing."""

    async def test_it_has_what_another_switched_and_writes_nothing(self) -> None:
        stage = Stage()
        await stage.store.save(a_rollout(), [])
        await stage.desk.adopt([NEW, DARK], 0)
        other = stage.again()
        await other.follow([NEW, DARK])
        await stage.desk.switch("new", 0, "ada", "it loses carts", on=False)
        before = await stage.events()
        await other.follow()
        assert [(each.name, each.on) for each in other.listed()] == [("dark", False), ("new", False)]
        assert await stage.events() == before

    async def test_before_anybody_kept_them_the_spec_says_what_they_are(self) -> None:
        stage = Stage()
        await stage.desk.follow([NEW, DARK])
        assert [(each.name, each.on) for each in stage.desk.listed()] == [("dark", False), ("new", True)]
        assert list(await stage.kept.flags("shop")) == []

    async def test_switching_is_handed_on_and_holds_here_when_it_is_answered(self) -> None:
        stage = Stage()
        await stage.store.save(a_rollout(), [])
        await stage.desk.adopt([NEW], 0)
        asked: list[Switch] = []

        async def forward(switch: Switch) -> str:
            asked.append(switch)
            return await stage.desk.switch(switch.name, 0, switch.actor, switch.reason, on=switch.on)

        other = FlagDesk("shop", stage.kept, stage.clock, forward)
        await other.follow([NEW])
        assert await other.switch("new", 0, "ada", "carts", on=False) == "new is off: everybody gets 'off'"
        assert asked == [Switch("new", on=False, actor="ada", reason="carts")]
        assert [each.on for each in other.listed()] == [False]
