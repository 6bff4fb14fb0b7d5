"""The machine's process table, read from /proc, and which of its rows belong to one identity.

Read directly rather than through psutil because the start time is needed as the kernel keeps it: in ticks
since boot (field 22 of ``/proc/PID/stat``, proc(5)). It never changes, while a time of day computed from it
moves whenever the clock is set; pid and ticks together name one process for certain until the next boot.
"""

import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from abreast.process.identity import VARIABLE, Identity

_PROC = Path("/proc")
_ENTRY = f"{VARIABLE}=".encode()
# Positions in /proc/PID/stat after the command's closing parenthesis; proc(5) counts from 1 before it.
_STATE, _PARENT, _GROUP, _SESSION, _START = 0, 1, 2, 3, 19


@dataclass(frozen=True)
class Row:
    """One process. ``start_ticks`` counts from boot; ``dead`` means a zombie; ``token`` is "" if it has none."""

    pid: int
    parent: int
    group: int
    session: int
    start_ticks: int
    dead: bool = False
    token: str = ""


def boot_id() -> str:
    """A name for the time since the machine was booted: ticks and pids mean nothing beyond it."""
    return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def read_row(pid: int) -> Row | None:
    """The process of that id, or None if there is none (any more)."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command may itself contain spaces and parentheses: what counts comes after the last one.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return Row(
        pid=pid,
        parent=int(fields[_PARENT]),
        group=int(fields[_GROUP]),
        session=int(fields[_SESSION]),
        start_ticks=int(fields[_START]),
        dead=fields[_STATE] in (b"Z", b"X"),
        token=_token(pid),
    )


def read_table() -> Sequence[Row]:
    """Every process; tokens only of those whose environment this user may read. Takes a few milliseconds."""
    pids = (int(entry) for entry in os.listdir(_PROC) if entry.isdigit())  # noqa: PTH208  # names only, quick
    return [row for row in map(read_row, pids) if row is not None]


def family(table: Iterable[Row], identity: Identity, leader: int | None) -> Sequence[Row]:
    """The living processes of one start: with its token, in its session, or descended from those.

    ``leader`` is the pid of the process that was started, and must be given only while it is certain that the
    number has not gone to somebody else (it lives, or is dead but not yet reaped). The session finds those
    whose environment cannot be read because they wrote over it to change their title; the token finds those
    that left the session. Only who does both, and is orphaned, escapes.
    """
    rows = list(table)
    found = {
        row.pid
        for row in rows
        if row.token == identity.token or (leader is not None and leader in (row.pid, row.session))
    }
    grown = True
    while grown:
        children = {row.pid for row in rows if row.parent in found} - found
        # A child with another token is an abreast's of its own (one abreast may run under another).
        children = {row.pid for row in rows if row.pid in children and row.token in ("", identity.token)}
        found |= children
        grown = bool(children)
    return [row for row in rows if row.pid in found and not row.dead]


def send(row: Row, number: signal.Signals) -> bool:
    """Send a signal to exactly this process, never to one that inherited its pid; False if it is gone."""
    try:
        descriptor = os.pidfd_open(row.pid)
    except ProcessLookupError:
        return False
    try:
        # The descriptor holds one process fast; only now is it worth asking whether it is the right one.
        now = read_row(row.pid)
        if now is None or now.start_ticks != row.start_ticks:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


def _token(pid: int) -> str:
    """The token in a process's environment; "" if it has none, is gone, or belongs to another user."""
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
    for entry in environment.split(b"\0"):
        if entry.startswith(_ENTRY):
            return entry[len(_ENTRY) :].decode(errors="replace")
    return ""
