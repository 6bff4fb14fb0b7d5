"""Runs a demo from nothing to its table, and cleans up after it however it ends."""

import asyncio
import contextlib
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

import abreast
from abreast.demo.boxes import Boxes
from abreast.demo.crowd import Crowd
from abreast.demo.journal import UserShare, stretches, user_share
from abreast.demo.promises import Promise, RollBack
from abreast.demo.site import Site, example, site
from abreast.demo.stage import Stage
from abreast.demo.table import promise_line, shares_table, summary_table
from abreast.demo.teller import Teller
from abreast.envoy.counts import Totals
from abreast.load import Plan, Request
from abreast.model.errors import AbreastError
from abreast.up_process import Json, UpProcess

LONGEST_S: Final = 240.0
"""The users of a demo stop asking after this, whatever happens."""

EXPLORING_S: Final = 3600.0
EXPLORING_PER_S: Final = 50.0


class BrokenPromiseError(AbreastError):
    """The demo ran to its end, and something that it promises did not hold."""


@dataclass
class Outcome:
    """What a story brought: its roll-backs, its rollouts' comparisons, and the promises that are its own.

    A comparison is what ``GET /findings`` said at the end of a rollout.
    """

    roll_backs: list[RollBack] = field(default_factory=list)
    comparisons: list[Json] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)


@dataclass(frozen=True)
class Evidence:
    """Everything that was seen in a run: the events, the shares, the gateway's totals, the last status."""

    stage: Stage
    shares: Sequence[UserShare]
    totals: Totals
    status: Json


@dataclass(frozen=True)
class Story:
    """One demo: its example, its users, what happens, and what must have held in the end."""

    example: str
    opening: str
    rate_per_s: float
    users: int
    requests: Sequence[Request]
    watch_header: str
    prepare: Callable[[Path, Teller], Awaitable[None]]
    act: Callable[[Stage, Teller], Awaitable[Outcome]]
    promises: Callable[[Evidence, Outcome], Sequence[Promise]]

    def plan(self, url: str, rate_per_s: float, duration_s: float) -> Plan:
        """Its users' requests, open loop."""
        return Plan(
            url=url,
            rate_per_s=rate_per_s,
            duration_s=duration_s,
            connections=32,
            users=self.users,
            requests=tuple(self.requests),
            watch_header=self.watch_header,
            arrivals="poisson",
        )


async def play(story: Story, console: Console, *, keep: bool, boxes: Boxes | None = None) -> None:
    """Run the story, with ``boxes`` in containers.

    Raises BrokenPromiseError, or what stood in its way; logs are kept then and named.
    """
    directory = example(story.example)
    engine = await boxes.greet() if boxes else ""
    teller = Teller(console)
    console.print(story.opening.replace("\n", " "), highlight=False)
    if boxes:
        teller.tell("demo", f"every instance is a container of {engine}")
        await boxes.build(directory, teller)
    else:
        await story.prepare(directory, teller)
    with site(directory, boxes.keys if boxes else None) as place:
        try:
            await _play(story, place, teller, keep=keep)
        except AbreastError:
            where = f"the spec, what abreast printed (up.log) and all logs (.abreast/logs) are in {place.directory}"
            console.print(where, soft_wrap=True, highlight=False)
            raise


async def _play(story: Story, place: Site, teller: Teller, *, keep: bool) -> None:
    teller.tell("you", f"$ abreast up -f {place.spec_file}", "order")
    teller.tell("demo", "waiting for Envoy and the first version; this takes a few seconds", "detail")
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(UpProcess(place.spec_file))
        crowd = await stack.enter_async_context(Crowd(story.plan(place.url, story.rate_per_s, LONGEST_S)))
        stage = Stage(up, crowd, teller)
        outcome = await story.act(stage, teller)
        await crowd.stop()
        evidence = await _evidence(stage)
        failures = _end(story, evidence, outcome, teller)
        if keep:
            await _explore(story, place, up, teller)
        teller.tell("demo", "ending everything that was started")
    if failures:
        message = "this did not hold:\n" + "\n".join(f"  ✘ {promise.text}" for promise in failures)
        raise BrokenPromiseError(message, "a machine short of processor time may be the reason: run it again")
    teller.tell("demo", f"done in {teller.elapsed_s:.0f} s, nothing is left running", "good")


async def _evidence(stage: Stage) -> Evidence:
    """Look once more, now that the last answer is here."""
    status = await stage.up.status()
    end_s = max((answer.done_s for answer in stage.crowd.answers), default=0.0)
    found = [user_share(stage.crowd.answers, each) for each in stretches(stage.events, end_s)]
    return Evidence(stage, found, await stage.counted(), status)


def _end(story: Story, evidence: Evidence, outcome: Outcome, teller: Teller) -> list[Promise]:
    """Print the tables and the promises; returns those that did not hold."""
    console, answers = teller.console, evidence.stage.crowd.answers
    teller.chapter("what it came to")
    console.print(shares_table(evidence.shares, evidence.stage.seen))
    console.print(summary_table(answers, evidence.totals, outcome.roll_backs))
    promises = [*outcome.promises, *story.promises(evidence, outcome)]
    for promise in promises:
        console.print(promise_line(promise), soft_wrap=True)
    return [promise for promise in promises if not promise.kept]


async def _explore(story: Story, place: Site, up: UpProcess, teller: Teller) -> None:
    """Leave everything running, with a few users, until Ctrl-C or an hour has passed."""
    teller.chapter("yours to explore, until Ctrl-C")
    console = teller.console
    console.print(f"directory   {place.directory}\ngateway     {place.url}   (a few users keep asking)")
    if up.link:
        console.print(f"dashboard   {up.link}", soft_wrap=True, highlight=False)
    console.print("in another terminal:", f"  export ABREAST_FILE={shlex.quote(str(place.spec_file))}", sep="\n")
    for words in ("status -w", "explain", "events", "start v2", "findings", "finding 1", "promote", "abort", "doctor"):
        console.print(f"  {command()} {words}", highlight=False)
    stopped = asyncio.get_running_loop().create_task(_ended(up))
    try:
        async with Crowd(story.plan(place.url, EXPLORING_PER_S, EXPLORING_S)):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped, EXPLORING_S)
    except asyncio.CancelledError:
        # Ctrl-C is how this is meant to end: the rest of the demo ends in order.
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
    finally:
        stopped.cancel()


async def _ended(up: UpProcess) -> None:
    """Return when the control plane has gone by itself."""
    with contextlib.suppress(AbreastError):
        while await up.status():  # noqa: ASYNC110  # another process's state: only asking tells
            await asyncio.sleep(1.0)


def command() -> str:
    """How a person starts abreast here: by the checkout's script where there is one."""
    script = Path(abreast.__file__).parents[2] / "abreast"
    if not script.is_file():
        return "abreast" if Path(sys.executable).parent.joinpath("abreast").exists() else "python -m abreast"
    return "./abreast" if script.parent == Path.cwd() else shlex.quote(str(script))
