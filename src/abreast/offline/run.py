"""One comparison by a file of requests: asks the sides, a few at a time, and again where that can tell more."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from abreast.compare.model import Answer, Request
from abreast.model.errors import AbreastError
from abreast.model.shadow import ShadowPolicy
from abreast.offline.entry import Entry
from abreast.offline.side import Side, SideAsker
from abreast.offline.verdict import Answers, Verdict, exchange_id

LEARNING_ROUNDS: Final = 5
"""How often stable is asked beside itself before the candidate, where the two answers differ."""
LEARNING_REQUESTS: Final = 10
"""Requests of one endpoint that noise is learned from beforehand; the rest is learned on the way."""

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


class NothingComparedError(AbreastError):
    """No request was compared: that is no agreement."""


@dataclass(frozen=True)
class Sides:
    """``a`` is stable's side, ``b`` the candidate's; ``control`` is another of stable's, or A asked again."""

    a: Side
    b: Side
    control: Side

    @property
    def all(self) -> tuple[Side, ...]:
        """Each of them once."""
        return tuple(dict.fromkeys((self.a, self.b, self.control)))


@dataclass(frozen=True)
class Settings:
    """How to ask.

    ``repeat``: how often at most a differing request is asked again. ``concurrency``: requests at once, each of all
    sides. ``unsafe``: also methods that may change something, once each. ``own_host``: each side is asked by its own
    name, instead of all by A's.
    """

    repeat: int = 20
    concurrency: int = 8
    unsafe: bool = False
    own_host: bool = False


class Run:
    """Compares the sides. ``now`` gives Unix seconds."""

    def __init__(self, sides: Sides, asker: SideAsker, settings: Settings, now: Callable[[], float]) -> None:
        self._sides = sides
        self._asker = asker
        self._settings = settings
        self._now = now
        self._asked = 0

    async def compare(self, entries: tuple[Entry, ...], policy: ShadowPolicy, salt: bytes, tell: Tell) -> Verdict:
        """Ask for everything in ``entries``. Raises NothingComparedError."""
        verdict = Verdict(entries, policy, salt)
        numbers = []
        for number, entry in enumerate(entries):
            if entry.request.safe or self._settings.unsafe:
                numbers.append(number)
            else:
                verdict.skip(number, f"method {entry.request.method}")
        await self._learn(entries, verdict, [each for each in numbers if entries[each].request.safe], tell)
        await self._judge(entries, verdict, numbers, "compared", tell)
        for repeated in range(self._settings.repeat):
            again = verdict.undecided(self._settings.repeat - repeated)
            if not again:
                break
            await self._judge(entries, verdict, again, f"asked again (round {repeated + 1})", tell)
        if not verdict.compared:
            raise _nothing(verdict)
        return verdict

    async def _learn(self, entries: tuple[Entry, ...], verdict: Verdict, numbers: list[int], tell: Tell) -> None:
        """Ask stable beside itself, for what is noise."""
        by_endpoint: dict[str, list[int]] = {}
        for number in numbers:
            by_endpoint.setdefault(verdict.endpoints[number], []).append(number)
        asked = [number for each in by_endpoint.values() for number in each[:LEARNING_REQUESTS]]
        for _ in range(LEARNING_ROUNDS):
            noisy: list[int] = []

            async def one(number: int, noisy: list[int] = noisy) -> None:
                request, at = entries[number].request, self._now()
                stable, control = await self._ask(request, (self._sides.a, self._sides.control))
                if verdict.learn(number, Answers(at, stable, stable, control)):
                    noisy.append(number)

            await self._each(asked, one, "learned from A and the control", tell)
            asked = sorted(noisy)
            if not asked:
                break
        verdict.forget_round()

    async def _judge(
        self, entries: tuple[Entry, ...], verdict: Verdict, numbers: Iterable[int], what: str, tell: Tell
    ) -> None:
        sides = self._sides

        async def one(number: int) -> None:
            request, at = entries[number].request, self._now()
            if request.safe:
                stable, candidate, control = await self._ask(request, (sides.a, sides.b, sides.control))
                verdict.judge(number, Answers(at, stable, candidate, control))
            else:
                stable, candidate = await self._ask(request, (sides.a, sides.b))
                verdict.judge(number, Answers(at, stable, candidate, None))

        await self._each(tuple(numbers), one, what, tell)
        verdict.end_round(self._now())

    async def _ask(self, request: Request, sides: tuple[Side, ...]) -> tuple[Answer, ...]:
        """The answers of all the sides, asked at the same time, the first by chance."""
        self._asked += 1
        first = exchange_id(self._asked) % len(sides)
        turned = (*sides[first:], *sides[:first])
        host = self._sides.a.authority
        own = self._settings.own_host
        answers = await asyncio.gather(
            *(self._asker.ask(side, request, side.authority if own else host) for side in turned)
        )
        back = len(sides) - first
        return (*answers[back:], *answers[:back])

    async def _each(self, numbers: Iterable[int], one: Callable[[int], Awaitable[None]], what: str, tell: Tell) -> None:
        """Do ``one`` for each of the numbers, ``concurrency`` at a time."""
        waiting = list(numbers)
        total, done = len(waiting), 0
        waiting.reverse()

        async def work() -> None:
            nonlocal done
            while waiting:
                await one(waiting.pop())
                done += 1
                tell(what, done, total)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._settings.concurrency, total)):
                group.create_task(work())


def _nothing(verdict: Verdict) -> NothingComparedError:
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(verdict.skipped.items()))
    remedy = "give it requests of safe methods that A answers; writes are sent, to both, only with --unsafe"
    return NothingComparedError(f"nothing was compared: {reasons or 'there is no request'}", remedy)
