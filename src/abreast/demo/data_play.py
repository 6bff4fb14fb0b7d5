"""Runs the data demo from nothing to its promises, and cleans up after it however it ends."""

import asyncio
import contextlib
import shlex
from contextlib import AsyncExitStack
from typing import Final

from rich.console import Console

from abreast.demo.crowd import Crowd
from abreast.demo.data_commands import DataCommands
from abreast.demo.data_look import DataLook
from abreast.demo.data_shop import VERSION_HEADER
from abreast.demo.data_site import ROWS, DataSite, data_site
from abreast.demo.data_story import OPENING, REQUESTS, DataStory, kept_promises
from abreast.demo.play import EXPLORING_S, LONGEST_S, BrokenPromiseError, command
from abreast.demo.stage import Stage
from abreast.demo.table import promise_line, summary_table
from abreast.demo.teller import Teller
from abreast.load import Plan
from abreast.model.errors import AbreastError
from abreast.up_process import UpProcess

RATE_PER_S: Final = 150.0
USERS: Final = 500


def play_data(console: Console, *, keep: bool) -> None:
    """Run it. Raises BrokenPromiseError, or what stood in its way; logs are kept then and named.

    The database is started before there is a loop and ended after it, so Ctrl-C finds no thread half way in between.
    """
    teller = Teller(console)
    console.print(OPENING.replace("\n", " "), highlight=False)
    teller.tell("demo", f"a PostgreSQL of its own is made, with {ROWS:,} products in it", "detail")
    with data_site() as site:
        version = site.cluster.binaries.major
        teller.tell("demo", f"PostgreSQL {version} runs in {site.cluster.home}, reached by its socket alone", "detail")
        try:
            asyncio.run(_play(site, teller, keep=keep))
        except AbreastError:
            where = f"the spec, what abreast printed (up.log) and all logs are in {site.place.directory}"
            console.print(where, soft_wrap=True, highlight=False)
            raise
    teller.tell("demo", f"done in {teller.elapsed_s:.0f} s, nothing is left running", "good")


async def _play(site: DataSite, teller: Teller, *, keep: bool) -> None:
    spec_file = site.place.spec_file
    commands = DataCommands(spec_file, teller)
    await commands.give("adopt", "v1")
    teller.tell("you", f"$ abreast up -f {spec_file}", "order")
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(UpProcess(spec_file))
        crowd = await stack.enter_async_context(Crowd(plan(site.place.url, RATE_PER_S, LONGEST_S)))
        stage = Stage(up, crowd, teller)
        outcome = await DataStory(stage, teller, commands, DataLook(site.database)).act()
        await crowd.stop()
        found = kept_promises(outcome, stage, await up.status())
        teller.chapter("what it came to")
        teller.console.print(summary_table(crowd.answers, await stage.counted(), outcome.roll_backs))
        for promise in found:
            teller.console.print(promise_line(promise), soft_wrap=True)
        if keep:
            await _explore(site, teller)
        teller.tell("demo", "ending everything that was started")
    failures = [promise for promise in found if not promise.kept]
    if failures:
        message = "this did not hold:\n" + "\n".join(f"  ✘ {promise.text}" for promise in failures)
        raise BrokenPromiseError(message, "a machine short of processor time may be the reason: run it again")


def plan(url: str, rate_per_s: float, duration_s: float) -> Plan:
    """The users' requests, open loop."""
    return Plan(
        url=url,
        rate_per_s=rate_per_s,
        duration_s=duration_s,
        connections=32,
        users=USERS,
        requests=REQUESTS,
        watch_header=VERSION_HEADER,
        arrivals="poisson",
    )


async def _explore(site: DataSite, teller: Teller) -> None:
    """Leave everything running until Ctrl-C or an hour has passed."""
    teller.chapter("yours to explore, until Ctrl-C")
    print_line = teller.console.print
    print_line(f"directory   {site.place.directory}\ngateway     {site.place.url}", highlight=False, soft_wrap=True)
    print_line(f"database    psql '{site.database}'", highlight=False, soft_wrap=True)
    print_line("in another terminal:", f"  export ABREAST_FILE={shlex.quote(str(site.place.spec_file))}", sep="\n")
    for words in ("data status", "data changes v2", "status", "events", "explain"):
        print_line(f"  {command()} {words}", highlight=False)
    with contextlib.suppress(TimeoutError):
        try:
            await asyncio.wait_for(asyncio.Event().wait(), EXPLORING_S)
        except asyncio.CancelledError:
            # Ctrl-C is how this is meant to end: the rest of the demo ends in order.
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
