"""What servers tell each other through a PostgreSQL that they share, so that nobody need ask: NOTIFY.

A signal says only that there is something to read: it leaves with the transaction that wrote it, or not at all, and is
lost on whoever does not listen just then. So everybody also looks by himself, seldom.
"""

from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, func, select

CHANNEL: Final = "abreast_store"


class Signal(StrEnum):
    """What was written."""

    ROLLOUT = "rollout"
    FLAGS = "flags"
    ORDER = "order"
    ANSWER = "answer"
    NODES = "nodes"
    SECONDS = "seconds"


def send(connection: Connection, service: str, signal: Signal) -> None:
    """Tell all servers of the service once the transaction is done; a store in a file has one reader, who wrote it."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, f"{signal.value} {service}")))


def heard(payload: str, service: str) -> Signal | None:
    """The signal that a notification carries; None: it is of another service, or of another release."""
    name, _, of = payload.partition(" ")
    return Signal(name) if of == service and name in set(Signal) else None
