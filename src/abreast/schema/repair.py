"""What a bad version wrote, row by row, and whether it can be taken back. Decides; nothing here reaches a database.

A row's *chain* (``schema/chains.py``) is its journalled writes since the bad version's first one:

    clean        all of them are the bad version's: the row can be put back as it was before the first
    overwritten  somebody else wrote it later: reported with both values, never touched
    dependent    putting it back would break or take away rows that stay: reported, never touched
    repaired     put back already, or the version's writes cancelled each other out

A repair's writes carry ``undo:<chain's id>`` as their request id: so the next run knows what is done.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from abreast.schema.names import Relation

UNDO: Final = "undo:"


class Verdict(StrEnum):
    """What can be done about a row; see the module."""

    CLEAN = "clean"
    OVERWRITTEN = "overwritten"
    DEPENDENT = "dependent"
    REPAIRED = "repaired"


class Action(StrEnum):
    """What putting a row back takes."""

    UPDATE = "update"
    DELETE = "delete"
    INSERT = "insert"
    NONE = "none"


@dataclass(frozen=True)
class Change:
    """One journalled write; ``key``, ``moved_to``, ``old`` and ``new`` are JSON text as PostgreSQL writes jsonb.

    ``op`` is i, u, d, or t (TRUNCATE: no key, no images). ``texts`` names the columns whose images are texts of the
    value. ``version`` and ``request_id`` are empty where the writer named none.
    """

    at: datetime
    xid: int
    seq: int
    relation: Relation
    op: str
    key: str = ""
    moved_to: str = ""
    old: str | None = None
    new: str | None = None
    texts: tuple[str, ...] = ()
    version: str = ""
    request_id: str = ""

    @property
    def writer(self) -> str:
        """Who wrote, for people."""
        return self.version or "somebody without a version"


@dataclass(frozen=True)
class Undo:
    """One row of a proposal: ``id`` is the journal's number of the version's first write to it.

    ``before`` is the image to go back to (None: the row was not there), ``bad`` the one the version left (None: it
    deleted the row); ``found`` what holds now where somebody overwrote it. ``key`` is the row's last one. ``needs``
    are the ids of rows that must be put back first.
    """

    id: int
    relation: Relation
    key: str
    verdict: Verdict
    before: str | None
    bad: str | None
    before_texts: tuple[str, ...] = ()
    bad_texts: tuple[str, ...] = ()
    writes: int = 1
    found: str | None = None
    reason: str = ""
    needs: tuple[int, ...] = ()

    @property
    def action(self) -> Action:
        """What putting the row back takes."""
        if self.before == self.bad:
            return Action.NONE
        if self.before is None:
            return Action.DELETE
        return Action.INSERT if self.bad is None else Action.UPDATE

    @property
    def differing(self) -> frozenset[str]:
        """The columns in which the two images differ; numbers count as they are written: 1.0 is not 1.00."""
        before, bad = (json.loads(image or "{}", parse_int=str, parse_float=str) for image in (self.before, self.bad))
        return frozenset(name for name in before.keys() | bad.keys() if before.get(name) != bad.get(name))


@dataclass(frozen=True)
class Proposal:
    """All rows that ``version`` wrote since ``since``, newest first, and its TRUNCATEs, which nobody can take back.

    ``journal_from`` is when the oldest entry still kept was written: what the version wrote before is not known.
    """

    version: str
    since: datetime | None
    rows: tuple[Undo, ...]
    truncates: tuple[Change, ...] = ()
    journal_from: datetime | None = None

    def of(self, verdict: Verdict) -> tuple[Undo, ...]:
        """The rows of one verdict."""
        return tuple(row for row in self.rows if row.verdict is verdict)

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """Rows by verdict, all four of them."""
        return {verdict: len(self.of(verdict)) for verdict in Verdict}


def decided(undos: Iterable[Undo], blocked: Mapping[int, str], needs: Mapping[int, Iterable[int]]) -> tuple[Undo, ...]:
    """The rows with what the database says of their neighbours taken in, in the same order.

    ``blocked`` has why a clean row cannot be put back; ``needs`` which rows must be put back before which. Who needs a
    row that stays as it is, stays too.
    """
    rows = {undo.id: undo for undo in undos}
    needed_by: dict[int, list[int]] = defaultdict(list)
    for one, others in needs.items():
        for other in others:
            needed_by[other].append(one)
    reasons = {one: reason for one, reason in blocked.items() if rows[one].verdict is Verdict.CLEAN}
    staying = [one for one, row in rows.items() if row.verdict is Verdict.OVERWRITTEN] + list(reasons)
    while staying:
        kept = rows[staying.pop()]
        for one in needed_by[kept.id]:
            if one not in reasons and rows[one].verdict is Verdict.CLEAN:
                reasons[one] = f"it can only be put back after {kept.relation} {kept.key}, which stays as it is"
                staying.append(one)
    return tuple(
        replace(row, verdict=Verdict.DEPENDENT, reason=reasons[row.id])
        if row.id in reasons
        else replace(row, needs=tuple(sorted(set(needs.get(row.id, ())))))
        for row in rows.values()
    )


@dataclass(frozen=True)
class Outcome:
    """What a repair did: how many rows it put back, and those that turned out not to be clean any more, with why."""

    restored: int
    kept: tuple[Undo, ...]
