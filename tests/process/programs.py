"""Real programs for tests to start, small enough to be up within milliseconds, and ways to wait for them."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

from abreast.process.table import read_row

PYTHON = (sys.executable, "-S", "-E", "-c")

WAIT = "import time; time.sleep(60)"
"""Does nothing for longer than any test takes; ends at SIGTERM."""

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
"""Ignores SIGTERM; says ``deaf`` when it does."""

SERVER = r"""
import os, pathlib, socket, sys
folder = pathlib.Path(sys.argv[2])
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = server.accept()
    with connection:
        path = connection.recv(4096).split(b" ")[1:2]
        if path:
            told = folder / path[0].decode().strip("/")
            status = told.read_text() if told.is_file() else "200"
            connection.sendall(b"HTTP/1.1 %b X\r\ncontent-length: 0\r\n\r\n" % status.encode())
"""
"""``SERVER PORT FOLDER``: answers ``GET /NAME`` with the status in the file FOLDER/NAME, 200 without one."""

PARENT = r"""
import os, pathlib, signal, subprocess, sys, time
child = [sys.executable, "-S", "-E", "-c", sys.argv[2]]
env = {} if "bare" in sys.argv[3:] else None
grandchild = subprocess.Popen(child, start_new_session="session" in sys.argv[3:], env=env)
draft = pathlib.Path(sys.argv[1] + ".new")
draft.write_text(str(grandchild.pid))
draft.rename(sys.argv[1])
time.sleep(60)
"""
"""``PARENT FILE PROGRAM [session] [bare]``: starts PROGRAM (in a session of its own, without environment) and
writes its pid to FILE."""


async def until(condition: Callable[[], object], what: str = "", deadline_s: float = 10.0) -> None:
    """Wait until the condition holds; fails after the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            message = f"not within {deadline_s} s: {what or condition}"
            raise AssertionError(message)
        await asyncio.sleep(0.005)


async def number_in(file: Path) -> int:
    """The number that a program writes to a file, once it is there."""
    await until(file.exists, f"{file} exists")
    return int(file.read_text())


def alive(pid: int) -> bool:
    """Whether a process runs, zombies not counted."""
    row = read_row(pid)
    return row is not None and not row.dead


class WallClock:
    """`abreast.ports.Clock` as the machine has it."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
