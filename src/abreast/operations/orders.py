"""Orders from one server of a fleet to the one that decides, through the store they share.

A server that does not decide writes what a person wants into the store; the one that decides carries it out, once, and
writes the answer. Nobody is sent elsewhere: the store is reached from every server, the other servers may not be, and
the socket of the command line could not be sent anywhere. Who may order was asked where the order came in.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import TypeAdapter

from abreast.controller.waking import Waking
from abreast.model import errors
from abreast.model.errors import AbreastError, NotRunningError, WaitTimeoutError
from abreast.operations.control import Control
from abreast.operations.flags import Switch
from abreast.ports import Clock
from abreast.rollout.actions import Reply
from abreast.rollout.observed import Command

BEGIN_S: Final = 12.0
"""For so long an order waits for somebody to begin with it: longer than it takes to find a new one who decides."""
ANSWER_S: Final = 30.0
LOOK_S: Final = 0.05

_SEE: Final = "look whether it was carried out: abreast status, abreast events"


class OrderBook(Protocol):
    """Orders in a shared store. Every method raises StoreError."""

    async def place(self, id_: str, body: str, wait_s: float) -> None:
        """Add an order; who decides may begin with it within ``wait_s``."""

    async def withdraw(self, id_: str) -> bool:
        """Take an order back; False: somebody has begun with it."""

    async def answer(self, id_: str) -> str | None:
        """What it came to; None while it is not answered."""

    async def begin(self, token: int, lost: str) -> Sequence[tuple[str, str]]:
        """The orders (id, body) that the holder of that token now carries out; what an earlier one began is lost."""

    async def finish(self, id_: str, answer: str) -> None:
        """Answer it."""


@dataclass(frozen=True)
class Order:
    """What a person wants, by one of these."""

    command: Command | None = None
    switch: Switch | None = None


@dataclass(frozen=True)
class Answer:
    """What it came to: a reply or a sentence; or an error, by its class's name."""

    reply: Reply | None = None
    said: str = ""
    error: str = ""
    message: str = ""
    remedy: str = ""


_ORDER: Final = TypeAdapter(Order)
_ANSWER: Final = TypeAdapter(Answer)

LOST: Final = _ANSWER.dump_json(
    Answer(
        error="WaitTimeoutError",
        message="the server that was carrying it out was lost: it may have been carried out, or not",
        remedy=_SEE,
    )
).decode()
"""The answer to an order whose server was lost: nobody carries it out a second time."""


class Forwarding:
    """Has the server that decides carry out what people want of this one.

    ``answers`` is woken when an order was answered, ``pause_s`` the longest time between two looks.
    """

    def __init__(
        self,
        book: OrderBook,
        clock: Clock,
        answers: Waking | None = None,
        pause_s: Callable[[], float] = lambda: LOOK_S,
    ) -> None:
        self._book = book
        self._clock = clock
        self._answers = answers or Waking(clock)
        self._pause_s = pause_s

    async def command(self, command: Command) -> Reply:
        """Raises what the other server raised; NotRunningError when nobody decides, WaitTimeoutError, StoreError."""
        answer = await self._carried_out(Order(command=command))
        return answer.reply or Reply(accepted=True, message=answer.said)

    async def switch(self, switch: Switch) -> str:
        """Raises what the other server raised; NotRunningError when nobody decides, WaitTimeoutError, StoreError."""
        return (await self._carried_out(Order(switch=switch))).said

    async def _carried_out(self, order: Order) -> Answer:
        id_, placed_at = secrets.token_hex(8), self._clock.now()
        before = self._answers.happened
        await self._book.place(id_, _ORDER.dump_json(order).decode(), BEGIN_S)
        while (text := await self._book.answer(id_)) is None:
            waited_s = self._clock.now() - placed_at
            if waited_s >= BEGIN_S and await self._book.withdraw(id_):
                message = f"no server of the fleet decides at present: nothing was done for {BEGIN_S:g} s"
                raise NotRunningError(message, "see which servers there are: abreast status; then try again")
            if waited_s >= ANSWER_S:
                raise WaitTimeoutError(f"the server that decides has not answered for {ANSWER_S:g} s", _SEE)
            await self._answers.rest(self._pause_s(), before)
            before = self._answers.happened
        answer = _ANSWER.validate_json(text)
        if answer.error:
            raise _error(answer)
        return answer


async def carry_out(control: Control, book: OrderBook, token: int) -> None:
    """Everything that other servers were asked for by now. Raises LeaseLostError, StoreError."""
    for id_, body in await book.begin(token, LOST):
        answer = await _done(control, _ORDER.validate_json(body))
        await book.finish(id_, _ANSWER.dump_json(answer).decode())


async def _done(control: Control, order: Order) -> Answer:
    try:
        if order.command is not None:
            return Answer(reply=await control.controller.submit(order.command))
        if order.switch is not None:
            wanted, number = order.switch, control.controller.rollout.number
            said = await control.flags.switch(wanted.name, number, wanted.actor, wanted.reason, on=wanted.on)
            return Answer(said=said)
    except AbreastError as error:
        return Answer(error=type(error).__name__, message=error.message, remedy=error.remedy)
    return Answer(error="UsageError", message="an order without anything to do", remedy="use one release everywhere")


def _error(answer: Answer) -> AbreastError:
    """The error that the other server met; errors that hold more than words come as their root."""
    kind = getattr(errors, answer.error, AbreastError)
    plain = isinstance(kind, type) and issubclass(kind, AbreastError) and "__init__" not in vars(kind)
    return (kind if plain else AbreastError)(answer.message, answer.remedy)
