"""Findings in the store: the book and the ledger as they stand after each batch, and samples by what they show."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, and_, delete, exists, func, insert, select, tuple_, update

from abreast.findings.book import BOOK_JSON, Book
from abreast.findings.ledger import LEDGER_JSON, Ledger
from abreast.findings.report import Key, Sample
from abreast.model.event import Event
from abreast.store.rows import add_events
from abreast.store.sql import SqlStore
from abreast.store.tables import FINDINGS, RELAYS, SAMPLE_KEYS, SAMPLES

KEPT_SAMPLES: Final = 10
"""Samples kept for each key of an endpoint: the first and the newest ones. A relay that is started again knows
nothing of what was kept before, so its own bound is not enough."""

_SAMPLE_JSON: Final[TypeAdapter[Sample]] = TypeAdapter(Sample)
_ASKED_AT_ONCE: Final = 500  # keys in one statement: SQLite takes 32,766 parameters


class SqlFindings:
    """`abreast.ports.FindingsStore` in an open `SqlStore`, whose closing is this one's too."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def load_findings(self, service: str) -> tuple[Book, Ledger] | None:
        """Of the newest rollout that has any. Raises StoreError, StoreCorruptError."""
        return await self._store.transact(lambda connection: _load(connection, service))

    async def save_findings(
        self,
        service: str,
        book: Book,
        ledger: Ledger,
        relay: str = "",
        number: int = 0,
        samples: Sequence[Sample] = (),
        events: Iterable[Event] = (),
    ) -> bool:
        """Write it all in one transaction; False, and nothing written, for a batch that already was.

        Without ``relay`` it is no batch but somebody's change, and always written. Raises StoreError.
        """
        listed = tuple(events)

        def save(connection: Connection) -> bool:
            if relay and not _is_new(connection, service, relay, number):
                return False
            _save_book(connection, service, book, ledger)
            _save_samples(connection, service, book.rollout, samples)
            add_events(connection, service, listed)
            return True

        return await self._store.decide(save)

    async def samples(
        self, service: str, rollout: int, keys: Collection[tuple[str, Key]] | None = None
    ) -> Sequence[Sample]:
        """Those that show any of ``keys`` (endpoint, key), all without; oldest first. Raises StoreError."""
        return await self._store.transact(lambda connection: _samples(connection, service, rollout, keys))

    async def purge_samples(self, service: str, before: float) -> int:
        """Delete those taken before then (Unix seconds), of every rollout; how many. Raises StoreError."""
        old = delete(SAMPLES).where(SAMPLES.c.service == service, SAMPLES.c.at < before)
        return await self._store.decide(lambda connection: connection.execute(old).rowcount)


def _load(connection: Connection, service: str) -> tuple[Book, Ledger] | None:
    newest = (
        select(FINDINGS.c.book, FINDINGS.c.ledger)
        .where(FINDINGS.c.service == service)
        .order_by(FINDINGS.c.rollout.desc())
        .limit(1)
    )
    row = connection.execute(newest).one_or_none()
    return None if row is None else (BOOK_JSON.validate_json(row.book), LEDGER_JSON.validate_json(row.ledger))


def _is_new(connection: Connection, service: str, relay: str, number: int) -> bool:
    """Whether the batch is the relay's next, which is then written down."""
    place = (RELAYS.c.service == service, RELAYS.c.name == relay)
    known = connection.execute(select(RELAYS.c.number).where(*place)).scalar()
    if known is None:
        connection.execute(insert(RELAYS).values(service=service, name=relay, number=number))
    elif number > known:
        connection.execute(update(RELAYS).where(*place).values(number=number))
    else:
        return False
    return True


def _save_book(connection: Connection, service: str, book: Book, ledger: Ledger) -> None:
    place = (FINDINGS.c.service == service, FINDINGS.c.rollout == book.rollout)
    texts = {"book": BOOK_JSON.dump_json(book).decode(), "ledger": LEDGER_JSON.dump_json(ledger).decode()}
    written = connection.execute(update(FINDINGS).where(*place).values(revision=FINDINGS.c.revision + 1, **texts))
    if not written.rowcount:
        connection.execute(insert(FINDINGS).values(service=service, rollout=book.rollout, revision=1, **texts))


def _save_samples(connection: Connection, service: str, rollout: int, samples: Iterable[Sample]) -> None:
    shown: set[tuple[str, Key]] = set()
    for sample in samples:
        place = {"service": service, "rollout": rollout}
        of_sample = and_(SAMPLES.c.service == service, SAMPLES.c.rollout == rollout, SAMPLES.c.id == sample.id)
        if connection.execute(select(exists().where(of_sample))).scalar():
            continue  # one exchange, told again
        body = _SAMPLE_JSON.dump_json(sample).decode()
        connection.execute(insert(SAMPLES).values(id=sample.id, at=sample.at, body=body, **place))
        for key in set(sample.keys):
            connection.execute(
                insert(SAMPLE_KEYS).values(
                    endpoint=sample.endpoint, pattern=key.pattern, kind=key.kind.value, sample=sample.id, **place
                )
            )
            shown.add((sample.endpoint, key))
    for endpoint, key in shown:
        _thin_out(connection, service, rollout, endpoint, key)


def _thin_out(connection: Connection, service: str, rollout: int, endpoint: str, key: Key) -> None:
    """Keep the first and the newest samples of a key; one that no key keeps goes."""
    of_key = and_(
        SAMPLE_KEYS.c.service == service,
        SAMPLE_KEYS.c.rollout == rollout,
        SAMPLE_KEYS.c.endpoint == endpoint,
        SAMPLE_KEYS.c.pattern == key.pattern,
        SAMPLE_KEYS.c.kind == key.kind.value,
    )
    if (connection.execute(select(func.count()).where(of_key)).scalar() or 0) <= KEPT_SAMPLES:
        return
    mine = and_(
        SAMPLES.c.service == SAMPLE_KEYS.c.service,
        SAMPLES.c.rollout == SAMPLE_KEYS.c.rollout,
        SAMPLES.c.id == SAMPLE_KEYS.c.sample,
    )
    by_age = select(SAMPLES.c.id).join(SAMPLE_KEYS, mine).where(of_key).order_by(SAMPLES.c.at, SAMPLES.c.id)
    ids = list(connection.execute(by_age).scalars())
    surplus = ids[1 : 1 + len(ids) - KEPT_SAMPLES]
    connection.execute(delete(SAMPLE_KEYS).where(of_key, SAMPLE_KEYS.c.sample.in_(surplus)))
    connection.execute(
        delete(SAMPLES).where(
            SAMPLES.c.service == service,
            SAMPLES.c.rollout == rollout,
            SAMPLES.c.id.in_(surplus),
            ~exists().where(mine),
        )
    )


def _samples(
    connection: Connection, service: str, rollout: int, keys: Collection[tuple[str, Key]] | None
) -> Sequence[Sample]:
    mine = (SAMPLES.c.service == service, SAMPLES.c.rollout == rollout)
    bodies: dict[str, str] = {}
    if keys is None:
        bodies.update((row.id, row.body) for row in connection.execute(select(SAMPLES).where(*mine)))
    asked = [(endpoint, key.pattern, key.kind.value) for endpoint, key in keys or ()]
    shown = tuple_(SAMPLE_KEYS.c.endpoint, SAMPLE_KEYS.c.pattern, SAMPLE_KEYS.c.kind)
    of_sample = and_(
        SAMPLE_KEYS.c.service == SAMPLES.c.service,
        SAMPLE_KEYS.c.rollout == SAMPLES.c.rollout,
        SAMPLE_KEYS.c.sample == SAMPLES.c.id,
    )
    for begin in range(0, len(asked), _ASKED_AT_ONCE):
        some = shown.in_(asked[begin : begin + _ASKED_AT_ONCE])
        query = select(SAMPLES).where(*mine, exists().where(of_sample, some))
        bodies.update((row.id, row.body) for row in connection.execute(query))
    return sorted(map(_SAMPLE_JSON.validate_json, bodies.values()), key=lambda sample: (sample.at, sample.id))
