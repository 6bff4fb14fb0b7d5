"""The control plane's hand in the database: looks, makes sides, fences, checks rows; never in the way of a cycle.

Two loops with a connection each: one looks every second and fences, which takes milliseconds; the other does what may
take hours (expand with its backfill, contract, a check of all rows). Work happens in threads, wishes come from the
event loop; a wish replaces the one before it.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final

import psycopg

from abreast.controller.waking import Waking
from abreast.model.errors import AbreastError, LeaseLostError, MigrationError, RefusedError, UsageError
from abreast.model.spec import Spec
from abreast.operations.data import Data, opened
from abreast.ports import Clock
from abreast.postgres.consistency import TableCheck
from abreast.postgres.hand import Hand
from abreast.postgres.records import Migration
from abreast.rollout.observed import DataState
from abreast.schema.digest import Difference

LOOK_S: Final = 1.0
AGAIN_S: Final = 5.0
"""After something that could not be done yet."""
CHECK_S: Final = 10.0
CHECK_SHARE: Final = 10
"""A check of all rows rests for so many times as long as it took, so that it costs a tenth of a session at most."""
FENCE_S: Final = 0.5
"""For so long a look waits for what the loser has written and not committed; what is open then it says."""
MAINTAIN_S: Final = 3600.0

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """What the rollout wants of the database; names are empty where it wants nothing."""

    stable: str = ""
    candidate: str = ""
    expand: bool = False
    fenced: str = ""
    dropped: str = ""


class Keeper:
    """One service's database. ``on_event`` takes sentences for the audit log, ``on_news`` asks for another cycle.

    ``hand`` is what a newer keeper of a fleet takes the database away from this one by.
    """

    def __init__(
        self,
        spec: Spec,
        clock: Clock,
        on_event: Callable[[str], None],
        on_news: Callable[[], None],
        hand: Hand | None = None,
    ) -> None:
        self.spec = spec
        self._hand = hand
        self._clock = clock
        self._on_event = on_event
        self._on_news = on_news
        self._wish = Wish()
        self._hopeless: Wish | None = None
        self._unfenced: Wish | None = None
        self._opened: Wish | None = None
        self._state: DataState | None = None
        self._doing = ""
        self._failed = ""
        self._trouble = ""
        self._waking = Waking(clock)
        self._looking = asyncio.Lock()
        self._open: set[psycopg.Connection[tuple[object, ...]]] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._kept: tuple[Data, ExitStack] | None = None

    def state(self) -> DataState | None:
        """What the database said last, with what is under way."""
        if self._state is None:
            return None
        return replace(self._state, doing=self._doing or self._trouble, failed=self._failed)

    def open(self, stable: str, candidate: str, *, expand: bool) -> None:
        """The candidate's side shall be there, and be written."""
        self._want(Wish(stable, candidate, expand))

    def fence(self, version: str) -> None:
        """This version shall write nothing any more."""
        self._want(Wish(fenced=version))

    def contract(self, old: str, new: str) -> None:
        """The old version's side shall be dropped."""
        self._want(Wish(stable=old, candidate=new, dropped=old))

    async def run(self) -> None:
        """Look and work until cancelled; what is under way then is taken up by the next control plane."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look_again_and_again())
                group.create_task(self._work_again_and_again())
        finally:
            self._closed = True
            with self._lock:
                for connection in self._open:
                    connection.cancel()
            self._let_go(self._kept)

    def _want(self, wish: Wish) -> None:
        if wish != self._wish:
            self._wish = wish
            self._hopeless, self._unfenced, self._opened, self._failed = None, None, None, ""
            self._waking.wake()

    async def _look_again_and_again(self) -> None:
        while True:
            before = self._waking.happened
            await self._look_once()
            await self._waking.rest(LOOK_S, before)

    async def _look_once(self) -> None:
        async with self._looking:
            before = self.state()
            try:
                found, said = await asyncio.to_thread(self._look, self._wish)
            except LeaseLostError as error:
                self._trouble = _line(error)
            except AbreastError as error:
                self._trouble = f"the database does not answer: {_line(error)}"
            else:
                self._trouble = ""
                self._state = self._with_check(found)
                for sentence in said:
                    self._on_event(sentence)
            if self.state() != before:
                self._on_news()

    async def _work_again_and_again(self) -> None:
        maintained = checked = -MAINTAIN_S
        while True:
            wish, now = self._wish, self._clock.now()
            if self._due_to_expand(wish):
                await self._try("making its side", wish, self._expand)
            elif wish.dropped and self._state is not None and self._state.contractible == wish.dropped:
                await self._try(f"dropping the side of {wish.dropped}", wish, self._contract)
            elif self._state is not None and self._state.contractible and now >= checked:
                began = self._clock.now()
                await self._try("", wish, self._check)
                checked = self._clock.now() + max(CHECK_S, CHECK_SHARE * (self._clock.now() - began))
            elif now >= maintained + MAINTAIN_S and self._state is not None:
                maintained = now
                await self._try("", wish, self._maintain)
            await self._clock.sleep(LOOK_S)

    def _due_to_expand(self, wish: Wish) -> bool:
        state = self._state
        return bool(
            wish.expand
            and state is not None
            and wish.candidate not in (*state.ready, *state.fenced)
            and wish != self._hopeless
        )

    async def _try(self, doing: str, wish: Wish, work: Callable[[Wish], str]) -> None:
        """Do it in a thread; say what came of it. What a person must mend is not tried again for the same wish."""
        self._doing = doing
        try:
            said = await asyncio.to_thread(work, wish)
        except (MigrationError, UsageError) as error:
            self._hopeless, self._failed, self._doing = wish, _line(error), ""
            self._on_event(self._failed)
        except RefusedError as error:
            self._doing = f"waiting: {_line(error)}"
            await self._clock.sleep(AGAIN_S)
        except AbreastError as error:
            self._doing = f"trying again: {_line(error)}"
            log.warning("data: %s", error)
            await self._clock.sleep(AGAIN_S)
        else:
            self._doing = ""
            if said:
                self._on_event(said)
                await self._look_once()  # what was seen last is from before: it would be done again
        self._on_news()

    def _look(self, wish: Wish) -> tuple[DataState, list[str]]:
        """In a thread: what is there, and what was done; the fence waits for nothing else."""
        said = []
        with self._kept_database() as database:
            migration = database.status().migration
            names = dict.fromkeys(
                name for name in (*_names(migration), wish.stable, wish.candidate, wish.fenced) if name
            )
            known = [name for name in names if name in self.spec.keys.versions]
            states = {name: database.role(name) for name in known}
            loser = states.get(wish.fenced)
            if loser is not None and loser.sided and loser.writes and wish != self._unfenced:
                said.append(self._fence(database, wish))
                states[wish.fenced] = database.role(wish.fenced)
            sided = [name for name in _filled(migration, known) if states[name].exists and states[name].sided]
            name = wish.candidate
            if name in sided and not wish.dropped and wish != self._opened:
                self._opened = wish  # once: whoever fences it later means it
                if not states[name].writes:
                    database.unfence(name)
                    said.append(f"{name} may write again")
                    states[name] = database.role(name)
            under_way = migration is not None and migration.phase in ("expanded", "contracting")
            found = DataState(
                ready=tuple(name for name in sided if states[name].writes),
                ready_since=migration.changed.timestamp() if migration else 0.0,
                fenced=tuple(name for name in sided if not states[name].writes),
                unfenceable={name: ", ".join(state.beside) for name, state in states.items() if state.beside},
                contractible=migration.plan.old_version if migration and under_way else "",
                connected={name: state.sessions for name, state in states.items() if state.sessions},
            )
        return found, said

    def _with_check(self, found: DataState) -> DataState:
        """With what the last check has found, which a look knows nothing of."""
        before = self._state
        if not found.contractible:  # one side alone contradicts nobody
            return replace(found, drift=0, checked_at=self._clock.now())
        if before is None or not before.contractible:
            return found
        return replace(
            found, drift=before.drift, rows=before.rows, checked_at=before.checked_at, example=before.example
        )

    def _fence(self, database: Data, wish: Wish) -> str:
        """What came of it, as a sentence; what cannot be fenced is tried once."""
        try:
            took_s = database.fence(wish.fenced, FENCE_S)
        except RefusedError as error:
            self._unfenced = wish
            return f"{wish.fenced} is not fenced: {_line(error)}"
        return f"{wish.fenced} may write nothing any more ({took_s * 1000:.0f} ms)"

    def _expand(self, wish: Wish) -> str:
        with self._database(quiet=False) as database:
            database.expand(wish.candidate, wish.stable)
        return f"{wish.candidate} can run beside {wish.stable}"

    def _contract(self, wish: Wish) -> str:
        with self._database(quiet=False) as database:
            database.contract()
        return f"the side of {wish.dropped} is dropped"

    def _check(self, wish: Wish) -> str:
        del wish
        with self._database() as database:
            found = database.check(1)
        first = next(((table, each) for table in found for each in table.found), None)
        if self._state is not None:
            self._state = replace(
                self._state,
                drift=sum(table.divergent for table in found),
                rows=sum(table.rows for table in found),
                checked_at=self._clock.now(),
                example=_example(*first) if first else "",
            )
        return ""

    def _maintain(self, wish: Wish) -> str:
        del wish
        with self._database() as database:
            database.journal()
        return ""

    @contextmanager
    def _kept_database(self) -> Iterator[Data]:
        """The connection of the time before, as long as nothing went wrong with it and the spec is the same."""
        kept, self._kept = self._kept, None
        with ExitStack() as stack:
            if kept is not None and kept[0].spec is self.spec:
                database = kept[0]
                stack.enter_context(kept[1])
            else:
                self._let_go(kept)
                database = stack.enter_context(self._database())
            yield database
            if not self._closed:
                self._kept = database, stack.pop_all()

    @staticmethod
    def _let_go(kept: tuple[Data, ExitStack] | None) -> None:
        if kept is not None:
            kept[1].close()

    @contextmanager
    def _database(self, *, quiet: bool = True) -> Iterator[Data]:
        """A connection of its own, which the end of the control plane breaks off."""

        def tell(what: str, share: float | None) -> None:
            if self._closed:
                raise RefusedError("abreast is ending", "start it again: it goes on here")
            if not quiet:
                self._doing = what if share is None else f"{what}, {share:.0%}"

        with opened(self.spec, tell, self._hand) as database:
            with self._lock:
                if self._closed:
                    raise RefusedError("abreast is ending", "start it again: it goes on here")
                self._open.add(database.connection)
            try:
                yield database
            finally:
                with self._lock:
                    self._open.discard(database.connection)


def _names(migration: Migration | None) -> tuple[str, ...]:
    return (migration.plan.old_version, migration.plan.new_version) if migration else ()


def _filled(migration: Migration | None, known: list[str]) -> tuple[str, ...]:
    """Versions that miss nothing in the tables."""
    if migration is None:
        return tuple(known)
    plan = migration.plan
    filled = {
        "expanded": (plan.old_version, plan.new_version),
        "contracting": (plan.new_version,),
        "contracted": (plan.new_version,),
    }.get(migration.phase, (plan.old_version,))
    return tuple(name for name in filled if name in known)


def _example(table: TableCheck, each: Difference) -> str:
    key = ", ".join(f"{column} = {text}" for column, text in zip(table.key, each.key, strict=True))
    return f"{table.relation.name} with {key}"


def _line(error: AbreastError) -> str:
    """The error in one line, with its first fault where it has several."""
    faults = error.faults if isinstance(error, MigrationError) else ()
    first = f"{faults[0].file}:{faults[0].line}: {faults[0].message} → {faults[0].remedy}" if faults else ""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{first}{more}" if first else f"{error.message} → {error.remedy}"
