"""The story of the data demo: a price becomes amount and currency while two versions write; the first try is bad."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from abreast.demo import data_promises, promises
from abreast.demo.data_commands import DataCommands
from abreast.demo.data_look import Agreement, DataLook, Known, changed
from abreast.demo.data_promises import Repair
from abreast.demo.data_site import ROWS, SERVICE
from abreast.demo.promises import Promise, RollBack
from abreast.demo.stage import Json, Stage
from abreast.demo.teller import Teller
from abreast.load import Request

OPENING: Final = f"""\
A shop sells {ROWS:,} products out of one real PostgreSQL, behind a real Envoy. v2 wants the price as amount_cents and
currency, and the name as title; v1 still wants price and name. For a while both write the same rows, each through its
own views. v2 has a fault: when it takes an order it writes the order's discount to the product. It is rolled back, what
it wrote is found and put back. Then v3, without the fault, goes all the way, and the old columns are dropped."""

UNTOUCHED: Final = range(1, 61)
"""Ordered by users, but nobody changes their price on purpose: what they cost is known."""
REPRICED: Final = range(61, 91)
"""Ordered, and made dearer by a cent all the time."""

_JSON: Final = (("content-type", "application/json"),)
REQUESTS: Final = (
    Request("/products", weight=12),
    Request(f"/products?after={ROWS // 2}", weight=12),
    *(Request(f"/products/{number}", weight=0.5) for number in (*UNTOUCHED, *REPRICED)),
    *(
        Request("/orders", "POST", _JSON, f'{{"product": {number}, "quantity": 1}}', weight=0.5)
        for number in (*UNTOUCHED, *REPRICED)
    ),
    *(Request(f"/products/{number}/dearer", "POST", _JSON, "{}", weight=0.7) for number in REPRICED),
)

_EXPAND_S: Final = 60.0
_STEP_S: Final = 60.0
_ENDED_S: Final = 30.0
_NOTICED: Final = 8
"""So many wrong prices are noticed by somebody."""


@dataclass
class DataOutcome:
    """What was seen on the way."""

    looks: list[Agreement] = field(default_factory=list)
    roll_backs: list[RollBack] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)


@dataclass
class DataStory:
    """Who acts, who looks, and what was seen."""

    stage: Stage
    teller: Teller
    commands: DataCommands
    look: DataLook
    outcome: DataOutcome = field(default_factory=DataOutcome)

    async def act(self) -> DataOutcome:
        """All of it. DemoError where it does not go on."""
        self.teller.chapter("v1 serves everybody; they read, order and change prices")
        await self.stage.rest(2.0)
        known = await asyncio.to_thread(self.look.known)
        self.teller.chapter("v2 is rolled out: first its side of the rows is made, under load, then it gets users")
        await self._bad_version(known)
        self.teller.chapter("what v2 wrote is found, and put back")
        await self._repaired(known)
        self.teller.chapter("v3, the same change without the fault, goes all the way")
        await self._good_version()
        self.teller.chapter("v1 is gone; what only v1 saw may go too")
        await self._contracted()
        return self.outcome

    async def _bad_version(self, known: Known) -> None:
        await self._expanded("v2")
        await self.stage.until(lambda status: status["weight"] > 0, _STEP_S, "v2 to be ready and get users")
        wrong = await self._noticed(known)
        await self.stage.order("pause", reason="prices look wrong; nobody else on v2 until that is known")
        await self.stage.rest(2.0)
        await self._agree("while v1 and v2 wrote", "v2", check=True)
        second = await asyncio.to_thread(self.look.writes, "v2")
        first = await asyncio.to_thread(self.look.writes, "v1", second.first_s)
        self.outcome.promises.append(data_promises.both_wrote(first, second))
        before, now = known[wrong][1], (await asyncio.to_thread(self.look.known))[wrong][1]
        self.teller.tell(
            "demo",
            f"both versions agree, and both are wrong: product {wrong} costs {now}, and cost {before}. "
            "Somebody calls: orders through v2 change prices",
            "bad",
        )
        order_s = await self.stage.order("abort", reason=f"product {wrong} is {now} instead of {before}")
        await self.stage.until(lambda status: status["phase"] == "rolled-back", _ENDED_S, "v2 to be rolled back")
        await self.stage.until(
            lambda _: data_promises.fence_s(self.stage.events, "v2") is not None, _ENDED_S, "v2's writes to be fenced"
        )
        await self.stage.rest(1.0)
        self.outcome.roll_backs.append(RollBack("v2", "by abort", order_s, time.time()))

    async def _noticed(self, known: Known) -> int:
        """Wait until enough products are wrong; the first of them."""
        deadline_s = time.monotonic() + _STEP_S
        while True:
            await self.stage.until(
                lambda status: status["phase"] == "progressing", _STEP_S, "v2 still to have users when it is noticed"
            )
            wrong = changed(known, await asyncio.to_thread(self.look.known), UNTOUCHED)
            if len(wrong) >= _NOTICED or (wrong and time.monotonic() > deadline_s):
                return wrong[0]
            await self.stage.rest(0.3)

    async def _repaired(self, known: Known) -> None:
        wrong = len(changed(known, await asyncio.to_thread(self.look.known), UNTOUCHED))
        await self.commands.give("changes", "v2", stage=self.stage)
        writes = await asyncio.to_thread(self.look.writes, "v2")
        self.teller.tell("abreast", f"{writes.count:,} writes of v2 to {writes.products:,} products", "news")
        await self.commands.give("repair", "v2", stage=self.stage)
        first, second = await self._repair(), await self._repair()
        await self._agree("after the repair", "v2")
        now = await asyncio.to_thread(self.look.known)
        compared = [number for number in known if number not in REPRICED]
        left = len(changed(known, now, compared))
        self.outcome.promises += [
            data_promises.restored(wrong, left, len(compared), first),
            data_promises.overwritten_kept(first, await asyncio.to_thread(self.look.repaired)),
            data_promises.nothing_twice(first, second),
            data_promises.fenced(
                (await asyncio.to_thread(self.look.writes, "v2")).last_s,
                data_promises.fence_s(self.stage.events, "v2") or 0.0,
                await asyncio.to_thread(self.look.refusal, SERVICE, "v2"),
            ),
        ]
        await self._ended("v2")
        await self.commands.give("undo", "--yes", stage=self.stage)

    async def _repair(self) -> Repair:
        done = Repair.of(await self.commands.json("repair", "v2", "--apply", "--yes", stage=self.stage))
        self.teller.tell("abreast", done.sentence, "good")
        return done

    async def _good_version(self) -> None:
        await self._expanded("v3")
        await self.stage.until(lambda status: status["weight"] > 0, _STEP_S, "v3 to be ready and get users")
        self.teller.tell(
            "demo", "from here on nobody does anything: each step goes on once v3 has proved itself", "aside"
        )
        await self.stage.until(lambda status: status["phase"] == "completed", 2 * _STEP_S, "v3 to be promoted")

    async def _contracted(self) -> None:
        await self._agree("with v3 alone", "v3", check=True)
        await self._ended("v1")
        self.teller.tell("demo", "may price and name be dropped for good? v1 cannot come back then", "aside")
        self.teller.tell("you", "yes: v3 has every user, v1 is stopped, and nothing contradicts", "order")
        await self.commands.give("contract", "--yes", stage=self.stage)
        await self.stage.rest(1.5)
        self.outcome.promises.append(data_promises.contracted(await asyncio.to_thread(self.look.columns)))

    async def _expanded(self, version: str) -> None:
        await self.stage.order("start", version)
        told = f"{version} can run beside v1"
        begun_s = time.monotonic()
        await self.stage.until(
            lambda _: any(event["kind"] == "data" and event["reason"] == told for event in self.stage.events),
            _EXPAND_S,
            f"the side of {version} to be made",
        )
        self.teller.tell(
            "abreast", f"{ROWS:,} rows were filled and proven in {time.monotonic() - begun_s:.1f} s, under load", "good"
        )
        await self._agree(f"after {version}'s expand", version)

    async def _agree(self, when: str, version: str, *, check: bool = False) -> None:
        """Look at all rows; ``check``: as a person would, too."""
        if check:
            await self.commands.give("check", stage=self.stage, expected=(0, 15))
        self.outcome.looks.append(await asyncio.to_thread(self.look.agreement, when, version))

    async def _ended(self, version: str) -> None:
        """Wait until no instance of the version is left."""

        def gone(status: Json) -> bool:
            return not any(each["name"] == version and each["instances"] for each in status["versions"])

        await self.stage.until(gone, _ENDED_S, f"the instances of {version} to have ended")


def kept_promises(outcome: DataOutcome, stage: Stage, status: Json) -> list[Promise]:
    """All promises, in the order in which they are told."""
    answers = stage.crowd.answers
    return [
        promises.nobody_failed(answers),
        data_promises.agreed(outcome.looks),
        *outcome.promises,
        *(promises.left_alone(answers, each) for each in outcome.roll_backs),
        promises.promoted(status, "v3"),
        promises.no_downtime(answers),
    ]
