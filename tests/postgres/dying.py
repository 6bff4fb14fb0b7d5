"""An abreast that dies at its n-th statement: killed for good in a process of its own, or cut off in ours."""

import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, LiteralString

import psycopg

from abreast.postgres.backfill import Pace
from abreast.postgres.connection import PINNED
from abreast.postgres.migrate import Migrator
from abreast.postgres.patience import Patience
from abreast.schema.plan import Plan
from abreast.schema.views import Version

Verb = Literal["expand", "contract", "undo"]
Moment = Literal["before", "during", "after"]
OLD: Final = Version("v1", "shop_v1", "public")
NEW: Final = Version("v2", "shop_v2", "public")
NEVER: Final = 1_000_000


class CutOffError(BaseException):
    """The connection is gone and nobody cleans up: not an ``Exception``, so that nobody takes it for one to handle."""


@dataclass
class Fate:
    """When it dies: before, during or after the ``number``-th statement (from 0), by ``die``. ``count``: so far."""

    number: int
    moment: Moment
    die: Callable[[], None]
    count: int = 0


class Mortal(psycopg.Connection[tuple[Any, ...]]):
    """A connection that counts statements. COMMIT is not one: after the last statement is before it."""

    fate: Fate | None = None

    def execute(  # type: ignore[override]  # one way of calling it will do here
        self, query: LiteralString, params: Sequence[object] | None = None
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        fate = self.fate
        due = fate is not None and fate.count == fate.number
        if fate:
            fate.count += 1
        if fate and due and fate.moment == "before":
            fate.die()
        if fate and due and fate.moment == "during":
            sent = threading.Thread(target=super().execute, args=(query, params), daemon=True)
            sent.start()
            time.sleep(0.001)
            fate.die()
        cursor = super().execute(query, params)
        if fate and due and fate.moment == "after":
            fate.die()
        return cursor


@contextmanager
def mortal(url: str) -> Iterator[Mortal]:
    """Like ``connected``, with such a connection."""
    options = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in PINNED.items())
    with Mortal.connect(url, autocommit=True, options=options) as connection:
        yield connection


Work = Callable[[psycopg.Connection[tuple[Any, ...]]], object]


def carry_out(
    connection: psycopg.Connection[tuple[Any, ...]],
    verb: Verb,
    plan: Plan,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """The verb, in the smallest batches and without a pause, however busy the machine is.

    With a clock that stands still it always takes the same statements.
    """
    patience = Patience(pause_s=0.01, longest_s=20)
    pace = Pace(smallest=4, largest=4, slow_factor=math.inf, sleep=lambda _: None)
    migrator = Migrator(connection, patience, pace, turn_s=10, clock=clock)
    if verb == "expand":
        migrator.expand(plan, NEW)
    elif verb == "contract":
        migrator.contract("public", OLD, 0.0)
    else:
        migrator.undo("public", NEW, 0.0)


def migrating(verb: Verb, plan: Plan) -> Work:
    """The verb as work that always takes the same statements."""
    return partial(carry_out, verb=verb, plan=plan, clock=_standing)


def statements(url: str, work: Work) -> int:
    """How many it takes when nothing happens."""
    with mortal(url) as connection:
        connection.fate = Fate(NEVER, "before", _alive)
        work(connection)
        return connection.fate.count


def cut_off(url: str, work: Work, number: int, moment: Moment) -> bool:
    """Do it until then, in this process; the server sees the connection end as if the process had died.

    False if it was done before then.
    """
    with mortal(url) as connection:

        def die() -> None:
            connection.pgconn.finish()
            raise CutOffError

        connection.fate = Fate(number, moment, die)
        try:
            work(connection)
        except CutOffError:
            return True
    return False


def killed(url: str, work: Work, number: int, moment: Moment) -> bool:
    """The same in a process that ends by SIGKILL."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.postgres.dying"])
    process = context.Process(target=_die, args=(url, work, number, moment))
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), f"statement {number}: {process.exitcode}"
    return process.exitcode == -signal.SIGKILL


def _die(url: str, work: Work, number: int, moment: Moment) -> None:
    with mortal(url) as connection:
        connection.fate = Fate(number, moment, lambda: os.kill(os.getpid(), signal.SIGKILL))
        work(connection)


def _standing() -> float:
    """A clock."""
    return 0.0


def _alive() -> None:
    """Nothing happens."""
