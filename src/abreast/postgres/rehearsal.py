"""Whether contract can go through, asked before its first step: once the old version's views are gone nobody goes back.

The indexes that expand has built must be there; what would go with the old columns must have been there at plan; and
all statements are carried out once in a transaction that is rolled back.
"""

import time
from collections.abc import Callable, Iterator

import psycopg
from psycopg import errors

from abreast.model.errors import RefusedError
from abreast.postgres.catalog import read_catalog
from abreast.postgres.connection import Connection, sql
from abreast.postgres.indexes import Indexes
from abreast.postgres.patience import Patience
from abreast.schema.names import ident
from abreast.schema.plan import Plan, Step
from abreast.schema.views import view_schema


def rehearse(
    connection: Connection, plan: Plan, begun: int, patience: Patience, clock: Callable[[], float] = time.monotonic
) -> None:
    """RefusedError with what stands in contract's way; nothing is changed. ``begun``: steps of it that are done."""
    ways = "nothing was changed; or take the migration back: abreast data undo" if not begun else "nothing was changed"
    if not begun:
        reasons = [*_of_indexes(connection, plan, patience), *_of_columns(connection, plan)]
        if reasons:
            raise RefusedError(
                f"contract would fail, or lose what was added meanwhile: {'; '.join(reasons)}",
                f"drop or mend that, make it again after contract, and give the command again; {ways}",
            )
    refusal = _tried(connection, plan, plan.contract[begun:], patience, clock)
    if refusal:
        raise RefusedError(
            f"contract would fail: {refusal}", f"mend what the server names, then give the command again; {ways}"
        )


def _of_indexes(connection: Connection, plan: Plan, patience: Patience) -> Iterator[str]:
    indexes = Indexes(connection, patience, plan.schema)
    for step in plan.expand:
        fault = indexes.fault(step) if step.kind in ("index", "parts") else None
        if fault:
            yield fault


def _of_columns(connection: Connection, plan: Plan) -> Iterator[str]:
    """What has been put on columns that go, since the plan was made."""
    own = (view_schema(plan.schema, plan.old_version), view_schema(plan.schema, plan.new_version))
    catalog = read_catalog(connection, plan.schema, own)
    for planned in plan.tables:
        table = catalog.tables.get(planned.relation.name)
        if table is None:
            yield f"the table {planned.relation} is gone"
            continue
        gone, known = set(planned.gone), set(planned.known)
        yield from (f"{what} reads {table.relation.name}.{name}" for name, what in table.readers if name in gone)
        things = [("index", one.name, one.columns) for one in table.indexes if not one.constraint]
        things += [(f"{one.kind} constraint", one.name, one.columns) for one in table.constraints]
        for kind, name, columns in things:
            if name not in known and gone & set(columns):
                yield f"the {kind} {name} on {table.relation.name}.{', '.join(sorted(gone & set(columns)))} is new"


def _tried(
    connection: Connection, plan: Plan, steps: tuple[Step, ...], patience: Patience, clock: Callable[[], float]
) -> str | None:
    """What the server refuses, with its step. A statement that takes long is not waited for: others would be, too."""
    at = ""

    def work() -> None:
        nonlocal at
        began = clock()
        connection.execute(sql(f"SET LOCAL search_path = {ident(plan.schema)}, public"))
        connection.execute(sql(f"SET LOCAL statement_timeout = {2 * patience.lock_timeout_ms:d}"))
        for step in steps:
            at = step.name
            for statement in step.statements if step.kind == "transaction" else ():
                left_ms = max(10, patience.lock_timeout_ms - int((clock() - began) * 1000))
                connection.execute(sql(f"SET LOCAL lock_timeout = {left_ms:d}"))
                connection.execute(sql(statement))
        raise psycopg.Rollback

    try:
        patience.run(connection, "seeing whether contract can go through", work)
    except errors.QueryCanceled:
        return None
    except psycopg.Error as error:
        if error.sqlstate is None or error.sqlstate[:2] in ("08", "57"):
            raise
        said = filter(None, [error.diag.message_primary or str(error), error.diag.message_detail])
        return f"{at}: {': '.join(said)}"
    return None
