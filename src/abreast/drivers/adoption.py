"""What an earlier control plane left behind: which processes can be taken over, and which are strays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from abreast.drivers.instance import KIND
from abreast.drivers.record import Record, Records
from abreast.process.identity import Identity
from abreast.process.supervised import Mark
from abreast.process.table import Row, boot_id, read_table


@dataclass(frozen=True)
class Found:
    """A running instance that is known well enough to go on with it."""

    record: Record
    identity: Identity
    mark: Mark


@dataclass(frozen=True)
class Stock:
    """What was found: instances to adopt, and starts of which only remains are left, to be ended."""

    found: Sequence[Found] = ()
    strays: Sequence[Identity] = ()


def take_stock(home: str, records: Records) -> Stock:
    """Compare the records with the processes that run; records of what is gone are removed. Blocks briefly."""
    known = records.load()
    stock = compare(home, known, read_table(), boot_id())
    adopted = {found.record.id for found in stock.found}
    for record in known:
        if record.id not in adopted:
            records.remove(record.id)
    return stock


def compare(home: str, records: Sequence[Record], table: Iterable[Row], boot: str) -> Stock:
    """Match each record with its process: by pid and start time, else by the token in the environment.

    A process counts as ours by its token, or because pid, start time and boot are those recorded (it may have
    written over its environment). A stranger who got the pid later started at another time.
    """
    alive = [row for row in table if not row.dead]
    found = []
    for record in records:
        identity = Identity(home, KIND, record.id, record.birth)
        leader = _leader(record, identity, alive, boot)
        if leader is not None:
            found.append(Found(record, identity, Mark(leader.pid, leader.start_ticks, boot)))
    adopted = {each.identity for each in found}
    told = {Identity.parse(row.token) for row in alive if row.token}
    strays = [
        identity
        for identity in told
        if identity is not None and (identity.home, identity.kind) == (home, KIND) and identity not in adopted
    ]
    return Stock(found, sorted(strays, key=lambda stray: stray.token))


def _leader(record: Record, identity: Identity, alive: Iterable[Row], boot: str) -> Row | None:
    """The process that was started, as opposed to its descendants."""
    if record.mark is not None:
        mark = record.mark
        return next(
            (row for row in alive if mark == Mark(row.pid, row.start_ticks, boot)),
            None,
        )
    # Killed between the start and the second record: the first with the token that leads its session.
    ours = [row for row in alive if row.token == identity.token and row.pid == row.session]
    return min(ours, key=lambda row: (row.start_ticks, row.pid), default=None)
