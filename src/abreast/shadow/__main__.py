"""``python -m abreast.shadow``: one relay, until SIGTERM or until nobody has needed it for ten minutes.

It outlives the control plane, as the gateway does, and is found again by the next one.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvloop

from abreast.shadow.ask import Asker
from abreast.shadow.difference_log import open_difference_log
from abreast.shadow.server import RelayApp, RelayServer, at_path
from abreast.shadow.worker import Relay

NICENESS: Final = 10
"""Copies get what processor time the live requests leave (nice(2))."""
IDLE_S: Final = 600.0
CLOSING_S: Final = 2.0
"""How long an ending relay decides and reports what it holds."""
_LOOK_S: Final = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; 0 after an orderly end, 1 when the socket or the log cannot be had."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    os.nice(max(NICENESS - os.nice(0), 0))
    try:
        open_difference_log(options.log)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(options.socket, options.idle))
    except OSError as error:
        sys.stderr.write(f"the relay cannot begin: {error}\n")
        return 1
    return 0


async def _serve(path: Path, idle_s: float) -> None:
    """Serve at ``path``. Raises OSError."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    async with Asker() as asker:
        relay = Relay(asker, secrets.token_hex(8))
        server = RelayServer(RelayApp(relay), at_path(path))
        gc.freeze()  # what is imported lives to the end: collections need not walk it
        serving = loop.create_task(server.serve())
        working = loop.create_task(relay.run())
        await _end(over, working, relay, idle_s)
        await relay.close(CLOSING_S)
        server.stop()
        await serving
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working


async def _end(over: asyncio.Event, working: asyncio.Task[None], relay: Relay, idle_s: float) -> None:
    """Wait until somebody ends it, nobody needs it, or it has a defect."""
    look_s = min(_LOOK_S, idle_s)
    while not over.is_set() and not working.done() and relay.silence_s < idle_s:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), look_s)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="abreast.shadow", description="Compare copies of live requests.")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen: a path of at most 107 bytes")
    parser.add_argument("--log", type=Path, required=True, help="the file for a line of JSON per difference")
    parser.add_argument("--idle", type=float, default=IDLE_S, help="end after so many seconds without any request")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
