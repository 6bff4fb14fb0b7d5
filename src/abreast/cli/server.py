"""``abreast server``: one of several control planes that share a PostgreSQL, in the foreground."""

import asyncio
import re
import signal
import socket
import sys
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final

import typer

from abreast.cli.options import DEFAULT_FILE
from abreast.model.agent import ServerAddress
from abreast.model.errors import UsageError
from abreast.model.service import Endpoint

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
    link: Annotated[str, typer.Option("--link", help="take gateways elsewhere at this HOST:PORT; see: gateway")] = "",
    gateway: Annotated[
        bool, typer.Option("--gateway/--no-gateway", help="whether Envoy runs beside this server")
    ] = True,
) -> None:
    """Run a gateway and one of several control planes on this machine, in the foreground.

    One of them decides; if it is lost, another does a few seconds later. Every one takes commands. Ctrl-C or SIGTERM
    drains and ends it; SIGHUP reads the spec again.
    """
    called = name or socket.gethostname().split(".")[0]
    if not re.fullmatch(_NAME, called):
        raise UsageError(f"--name: {called!r} is no name", "letters, digits and . _ -, at most 63, a letter first")
    listen = _listen(link)
    if not gateway and listen is None:
        raise UsageError("--no-gateway: without --link this server would tell nobody anything", "add --link HOST:PORT")
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_server(config, store, called, listen, own_gateway=gateway))


def _listen(link: str) -> Endpoint | None:
    """Where agents are taken. Raises UsageError."""
    if not link:
        return None
    address = ServerAddress.parse(link)
    try:
        if address is not None:
            return Endpoint(str(ip_address(address.host)), address.port)
    except ValueError:
        pass
    raise UsageError(f"--link: {link!r} is no address to listen on", "such as 10.0.0.11:8443, or 0.0.0.0:8443")


async def _server(config: Path, store: str, name: str, listen: Endpoint | None, *, own_gateway: bool) -> None:
    from abreast.app.linking import Linking
    from abreast.app.server import run_server

    loop = asyncio.get_running_loop()
    stop, reload = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    await run_server(config, store, name, _say, stop, reload, Linking(listen, own_gateway))


def _say(sentence: str) -> None:
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    sys.stdout.write(f"{now} {sentence}\n")
    sys.stdout.flush()
