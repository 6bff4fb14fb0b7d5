"""Orders from a server that does not decide to the one that does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest

from abreast.model import errors
from abreast.model.errors import (
    AbreastError,
    ConflictError,
    NotRunningError,
    RefusedError,
    UsageError,
    WaitTimeoutError,
)
from abreast.model.rollout import Phase
from abreast.operations import orders as module
from abreast.operations.flags import Switch
from abreast.operations.orders import ANSWER_S, BEGIN_S, LOST, Forwarding, carry_out
from abreast.rollout.actions import Reply
from tests.fakes.clock import FakeClock
from tests.fakes.orders import FakeOrders
from tests.operations.desk import Desk, running
from tests.operations.test_flags import DARK
from tests.rollout.play import under_way


class Two:
    """A server that decides, and one that does not."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.book = FakeOrders()
        self.clock = FakeClock()
        self.forwarding = Forwarding(self.book, self.clock)

    async def answered(self, asked: Awaitable[object], token: int = 1) -> object:
        """What it comes to, once the other has carried it out."""
        task = asyncio.ensure_future(asked)
        await self.clock.settle()
        await carry_out(self.desk.control, self.book, token)
        await self.clock.advance(1.0)
        return await task


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        yield Two(desk)


async def test_a_command_is_carried_out_with_all_its_words_and_its_actor(two: Two) -> None:
    command = two.desk.stage.command("weight", weight=7000, actor="ada", reason="busy")
    reply = await two.answered(two.forwarding.command(command))
    assert isinstance(reply, Reply)
    assert reply.accepted
    assert two.desk.stage.rollout.weight == 7000
    assert [line for line in await two.desk.stage.audit() if line.startswith("ada ") and "busy" in line]


async def test_a_start_takes_its_policy_along() -> None:
    async with running(under_way(Phase.COMPLETED)) as desk:
        two = Two(desk)
        command = desk.stage.command("start", version="v3")
        await two.answered(two.forwarding.command(command))
        assert desk.stage.rollout.candidate == "v3"
        assert desk.stage.rollout.policy == command.policy


async def test_a_refusal_comes_back_as_it_was(two: Two) -> None:
    with pytest.raises(RefusedError, match="nothing was promoted") as refused:
        await two.answered(two.forwarding.command(two.desk.stage.command("undo")))
    assert "possible now" in refused.value.remedy
    with pytest.raises(ConflictError):
        await two.answered(two.forwarding.command(two.desk.stage.command("pause", revision=99)))


async def test_a_flag_is_switched_where_it_is_decided(two: Two) -> None:
    await two.desk.control.flags.adopt([DARK], 0)
    said = await two.answered(two.forwarding.switch(Switch("dark", on=True, actor="ada", reason="go")))
    assert said == "dark is on"
    with pytest.raises(UsageError, match="no flag is called 'nope'"):
        await two.answered(two.forwarding.switch(Switch("nope", on=True, actor="ada", reason="go")))


async def test_where_nobody_decides_it_is_taken_back(two: Two) -> None:
    task = asyncio.ensure_future(two.forwarding.command(two.desk.stage.command("abort")))
    await two.clock.settle()
    await two.clock.advance(BEGIN_S + 1)
    with pytest.raises(NotRunningError, match="nothing was done"):
        await task
    assert two.book.orders == {}


async def test_what_was_begun_and_is_not_answered_is_said_to_be_unknown(two: Two) -> None:
    task = asyncio.ensure_future(two.forwarding.command(two.desk.stage.command("abort")))
    await two.clock.settle()
    await two.book.begin(1, LOST)
    await two.clock.advance(ANSWER_S + 1)
    with pytest.raises(WaitTimeoutError, match="has not answered"):
        await task


async def test_what_a_lost_server_began_is_not_carried_out_again(two: Two) -> None:
    task = asyncio.ensure_future(two.forwarding.command(two.desk.stage.command("weight", weight=9000)))
    await two.clock.settle()
    await two.book.begin(1, LOST)
    await carry_out(two.desk.control, two.book, 2)
    await two.clock.advance(1.0)
    with pytest.raises(WaitTimeoutError, match="it may have been carried out, or not"):
        await task
    assert two.desk.stage.rollout.weight != 9000


def test_an_error_that_holds_more_than_words_comes_as_their_root() -> None:
    for name, kind in (("RefusedError", RefusedError), ("SpecError", AbreastError), ("Nonsense", AbreastError)):
        made = module._error(module.Answer(error=name, message="m", remedy="r"))
        assert (type(made), made.message, made.remedy) == (kind, "m", "r")
    assert (
        module._error(module.Answer(error="StoreError", message="m", remedy="r")).exit_code
        == errors.StoreError.exit_code
    )
