"""``abreast up``: gateway, control plane and versions on this machine, in the foreground."""

import asyncio
import signal
import sys
from datetime import datetime
from typing import Annotated

import typer

from abreast.cli.options import DEFAULT_FILE, SpecFile


def up(
    file: SpecFile = DEFAULT_FILE,
    config: Annotated[
        str, typer.Option(help="read the spec from a key in etcd, and follow it: etcd://HOST:2379/KEY")
    ] = "",
) -> None:
    """Run gateway, control plane and versions on this machine, in the foreground.

    Ctrl-C or SIGTERM drains and ends everything; SIGHUP reads the spec again. If this process is killed, gateway
    and versions go on serving, and the next `abreast up` takes them over. With --config, --file only says in which
    directory the state lies and paths of the spec begin.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_up(file, config))


async def _up(file: SpecFile, config: str) -> None:
    from abreast.app.up import run_up

    loop = asyncio.get_running_loop()
    stop, reload = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    await run_up(file, say, stop, reload, config)


def say(sentence: str) -> None:
    """A line of what happens, with the time."""
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    sys.stdout.write(f"{now} {sentence}\n")
    sys.stdout.flush()
