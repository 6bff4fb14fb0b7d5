"""Carry out corrections of drift: a dry run unless asked otherwise, each row guarded by the values seen on both sides.

Each correction is a transaction of its own; a killed run is simply begun again: what is done already no longer differs.
Its connection writes as ``connected(url, version="~repair")``, so that triggers let both representations pass.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import psycopg

from abreast.model.errors import RefusedError
from abreast.postgres.connection import sql
from abreast.postgres.keyed_rows import KeyedRows
from abreast.postgres.patience import PATIENT, Patience
from abreast.schema.correction import Action, Correction, Target, Truth, correction
from abreast.schema.digest import Difference

_GENERATED: Final = (
    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
    "AND attgenerated <> ''"
)


@dataclass(frozen=True)
class Outcome:
    """One correction; ``why_not`` is empty where it was done, or would be (dry run)."""

    correction: Correction
    why_not: str = ""


def correct(
    left: KeyedRows,
    right: KeyedRows,
    found: Iterable[Difference],
    truth: Truth,
    *,
    dry_run: bool = True,
    written: Callable[[Correction], None] = lambda _correction: None,
    patience: Patience = PATIENT,
) -> tuple[Outcome, ...]:
    """Make the other side the same as ``truth`` where both still hold what was found.

    ``written`` is called within the transaction of each correction, so that the drift can be marked in it. RefusedError
    where the wrong side is no table of plain columns.
    """
    right_one, wrong = (left, right) if truth == "left" else (right, left)
    target = _target(wrong)
    outcomes = []
    for each in found:
        fix = correction(each, truth)
        why_not = _changed(right_one, wrong, fix) or _unwritable(target, fix)
        if not why_not and not dry_run:
            why_not = _write(wrong, target, fix, written, patience)
        outcomes.append(Outcome(fix, why_not))
    return tuple(outcomes)


def _target(wrong: KeyedRows) -> Target:
    relation = wrong.source.relation
    if relation is None:
        raise RefusedError(
            f"{wrong.source.rows} is no table: nothing can be written there",
            "correct the other side, or repair the rows by hand",
        )
    generated = {row[0] for row in wrong.connection.execute(_GENERATED, [relation.sql])}
    target = Target(wrong.source, wrong.key_types, wrong.value_types, generated)
    if target.expressions:
        raise RefusedError(
            f"{relation}: {', '.join(target.expressions)} are expressions there: nothing can be written to them",
            "correct the side that has them as columns, or repair the rows by hand",
        )
    return target


def _changed(right_one: KeyedRows, wrong: KeyedRows, fix: Correction) -> str:
    """Which side no longer holds what was seen."""
    for rows, seen, name in ((right_one, fix.after, "right"), (wrong, fix.before, "wrong")):
        now = rows.read([fix.key]).get(fix.key)
        if (now.row if now else None) != seen:
            return f"the side that is {name} has changed since"
    return ""


def _unwritable(target: Target, fix: Correction) -> str:
    return "" if target.statement(fix) else "only generated columns differ: correct what they are computed from"


def _write(
    wrong: KeyedRows, target: Target, fix: Correction, written: Callable[[Correction], None], patience: Patience
) -> str:
    statement = target.statement(fix)
    if statement is None:
        return ""

    def work() -> str:
        query, parameters = statement
        if wrong.connection.execute(sql(query), parameters).rowcount:
            written(fix)
            return ""
        taken = fix.action is Action.INSERT
        return "a row is there with this key or another unique value" if taken else "the row has changed just now"

    try:
        return patience.run(wrong.connection, f"correcting {wrong.source.rows}", work)
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        return str(error).strip()
