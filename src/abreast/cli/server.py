"""``abreast server``: one of several control planes that share a PostgreSQL, in the foreground."""

import asyncio
import re
import signal
import socket
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from abreast.cli.options import DEFAULT_FILE
from abreast.model.errors import UsageError

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"


def server(
    *,
    store: Annotated[
        str, typer.Option("--store", help="the PostgreSQL that all share, as postgresql://…; ${NAME} is replaced")
    ],
    config: Annotated[Path, typer.Option("--config", "--file", "-f", help="the spec; the same for all servers")] = (
        DEFAULT_FILE
    ),
    name: Annotated[str, typer.Option("--name", help="what this server is called; by default the machine's name")] = "",
) -> None:
    """Run a gateway and one of several control planes on this machine, in the foreground.

    One of them decides; if it is lost, another does a few seconds later. Every one takes commands. Ctrl-C or SIGTERM
    drains and ends it; SIGHUP reads the spec again.
    """
    called = name or socket.gethostname().split(".")[0]
    if not re.fullmatch(_NAME, called):
        raise UsageError(f"--name: {called!r} is no name", "letters, digits and . _ -, at most 63, a letter first")
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_server(config, store, called))


async def _server(config: Path, store: str, name: str) -> None:
    from abreast.app.server import run_server

    loop = asyncio.get_running_loop()
    stop, reload = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    await run_server(config, store, name, _say, stop, reload)


def _say(sentence: str) -> None:
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    sys.stdout.write(f"{now} {sentence}\n")
    sys.stdout.flush()
