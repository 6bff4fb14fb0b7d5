"""Which of several control planes may put its hand in a database: that with the newest token, and none before it.

The database itself keeps the newest token, so that a process that stood still between looking and doing finds out
there. Every claim is one statement: a client that stops in between leaves no lock behind.
"""

import re
from dataclasses import dataclass
from typing import Final

from abreast.model.errors import LeaseLostError, RefusedError
from abreast.postgres.connection import Connection, sql
from abreast.postgres.records import PREPARING
from abreast.schema.names import OWN, literal, made_name

_TABLE: Final = f"""
SELECT pg_advisory_xact_lock({PREPARING});
CREATE SCHEMA IF NOT EXISTS {OWN};
CREATE TABLE IF NOT EXISTS {OWN}.hand (service text PRIMARY KEY, token bigint NOT NULL);
"""
"""One transaction, sent at once."""

_CLAIM: Final = f"""
INSERT INTO {OWN}.hand AS known VALUES (%(service)s, %(token)s)
ON CONFLICT (service) DO UPDATE SET token = greatest(known.token, excluded.token) RETURNING token"""

_SESSIONS: Final = """
SELECT pid, application_name FROM pg_stat_activity
 WHERE datname = current_database() AND application_name LIKE 'abreast hand %'"""

END_MS: Final = 2000
"""How long the end of an older session is waited for; while it computes it hears of it at once."""


@dataclass(frozen=True)
class Hand:
    """A control plane's right to act in a service's database. ``token`` is its lease's: a newer one ends this."""

    service: str
    token: int

    @property
    def session(self) -> str:
        """What its sessions are called (``application_name``)."""
        return made_name(f"abreast hand {self.token} of ", self.service)


def claim(connection: Connection, hand: Hand) -> None:
    """From now on no older hand of the service acts here; call it in every session that is named `Hand.session`.

    LeaseLostError if a newer one has been here, RefusedError if a session of an older one does not end.
    """
    there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{OWN}.hand"]).fetchone()
    if not (there and there[0]):
        connection.execute(sql(_TABLE))
    row = connection.execute(sql(_CLAIM), {"service": hand.service, "token": hand.token}).fetchone()
    newest = row[0] if row else hand.token
    if newest > hand.token:
        raise LeaseLostError(
            f"{hand.service}: a server with a newer token has the hand in the database (token {newest}, this one has "
            f"{hand.token})",
            "see who decides: abreast status; if the servers' store was lost and made anew, forget the token: "
            f"DELETE FROM {OWN}.hand WHERE service = {literal(hand.service).strip()}",
        )
    for pid, token in _older(connection, hand):
        # What began under an older token could still be committed; the wait is over as soon as the session is.
        connection.execute("SELECT pg_terminate_backend(%s, %s)", [pid, END_MS])
        if (pid, token) in _older(connection, hand):
            raise RefusedError(
                f"process {pid} in the database, of the server that decided before (token {token}), does not end",
                f"it is tried again; or end it: SELECT pg_terminate_backend({pid})",
            )


def _older(connection: Connection, hand: Hand) -> list[tuple[int, int]]:
    """Processes of this service's hands with an older token, and that token."""
    found = []
    for pid, name in connection.execute(_SESSIONS).fetchall():
        told = re.match(r"abreast hand (\d+) of ", name)
        token = int(told[1]) if told else hand.token
        if token < hand.token and name == Hand(hand.service, token).session:
            found.append((int(pid), token))
    return found
