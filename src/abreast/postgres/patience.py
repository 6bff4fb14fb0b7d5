"""Work that never makes anybody wait for long: short lock time-outs, and another try after a while.

A statement that waits for a lock makes all who come after it wait as well. So it waits for a moment only, gives up,
and comes back at a time that is not the same for two of them.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

import psycopg
from psycopg import errors

from abreast.model.errors import DatabaseError
from abreast.postgres.connection import Connection, sql

Telling = Callable[[str, float | None], None]
"""Takes what is being done and how much of it is done (0 to 1; None where nobody knows)."""
Result = TypeVar("Result")

_AGAIN: Final = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure)
_RACE: Final = "tuple concurrently updated"

_HOLDERS: Final = """
SELECT a.pid, coalesce(a.usename, ''), extract(epoch FROM clock_timestamp() - a.xact_start)::int, left(a.query, 80)
  FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
   AND a.xact_start IS NOT NULL ORDER BY a.xact_start LIMIT 3"""


def silent(what: str, share: float | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Patience:
    """How long one statement waits for a lock, and for how long it is tried again.

    ``lock_timeout_ms`` is also why no application is told of a deadlock with us: it is shorter than the server's
    deadlock_timeout (1 s unless changed), so we have given up before that is looked for.
    """

    lock_timeout_ms: int = 200
    longest_s: float = 600.0
    pause_s: float = 0.2
    tell: Telling = silent
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: random.Random = field(default_factory=random.SystemRandom)

    def run(self, connection: Connection, what: str, work: Callable[[], Result]) -> Result:
        """Do ``work`` in a transaction; again and again while its locks are taken.

        DatabaseError when the time is over, with the server's words and the transactions that are open then.
        """

        def attempt() -> Result:
            with connection.transaction():
                connection.execute(sql(f"SET LOCAL lock_timeout = {self.lock_timeout_ms:d}"))
                return work()

        return self.again(connection, what, attempt)

    def again(self, connection: Connection, what: str, attempt: Callable[[], Result]) -> Result:
        """The same for an ``attempt`` that leaves nothing behind that would stop the next; DatabaseError as above."""
        began = self.clock()
        tries = 0
        while True:
            try:
                return attempt()
            except psycopg.Error as error:
                if not _passing(error):
                    raise
                tries += 1
                if self.clock() - began >= self.longest_s:
                    raise DatabaseError(
                        f"{what}: {_stopped(error)} in {self.longest_s:g} s ({_holders(connection)})",
                        "let those transactions end, then give the command again: it goes on here",
                    ) from error
            self.tell(f"{what}: waiting for a lock, try {tries + 1} ({_holders(connection)})", None)
            # Uneven, so that we do not come back each time that somebody else does.
            self.sleep(self.pause_s * min(tries, 10) * self.chance.uniform(0.5, 1.5))


PATIENT: Final = Patience()


@contextmanager
def unhurried(connection: Connection) -> Iterator[None]:
    """For what makes nobody wait however long it takes itself: no lock time-out meanwhile."""
    connection.execute("SET lock_timeout = 0")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("RESET lock_timeout")


def _passing(error: psycopg.Error) -> bool:
    """Whether time mends it."""
    return isinstance(error, _AGAIN) or _RACE in str(error)


def _stopped(error: psycopg.Error) -> str:
    if isinstance(error, errors.LockNotAvailable):
        return "the lock was not free once"
    return f"stopped at each try ({error.diag.message_primary or error})"


def _holders(connection: Connection) -> str:
    rows = connection.execute(_HOLDERS).fetchall()
    return "; ".join(
        f"process {pid} of {user or 'nobody'}, {age} s old: {query}" for pid, user, age, query in rows
    ) or ("nobody seen")
