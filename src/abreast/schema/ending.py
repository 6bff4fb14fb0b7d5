"""How a migration ends: contract leaves the new version's side alone, undo the old one's."""

from collections.abc import Iterator

from abreast.schema.carrying import carried_over
from abreast.schema.catalog import Constraint
from abreast.schema.clauses import deferral
from abreast.schema.facts import CopiedIndex, Facts, TableFacts
from abreast.schema.names import Relation, ident, literal
from abreast.schema.plan import (
    EXCLUSIVE,
    Step,
    copied_name,
    drop_index_step,
    facts_of,
    lock,
    not_null_name,
    targets_of,
)
from abreast.schema.shape import Added, Shape, TableShape
from abreast.schema.sync import drop_sync
from abreast.schema.views import Version, drop_views, leaving_statement


def contract_steps(shape: Shape, changed: list[TableShape], facts: Facts, old: Version) -> Iterator[Step]:
    """Take the old version's side away and give the new one's its names."""
    names = [table.old_name for table in shape.tables if table.old_name]
    statements = (leaving_statement(old), *drop_views(names, old))
    yield Step(f"take the views of {old.name} away", "transaction", statements)
    for table in changed:
        if table.new_name is None:
            continue
        statements = tuple(_contracted(table, facts_of(facts, table)))
        name = f"make {table.relation.name} what the new version sees"
        gone = {one.target for one in table.table.constraints if one.target and _ends(table, one)}
        locks = lock(EXCLUSIVE, table.relation, *sorted(gone - {table.relation}))
        yield Step(name, "transaction", statements, locks, table.relation)
        if table.table.partitioned:
            for index in facts_of(facts, table).indexes:
                whole = Relation(table.relation.schema, index.name)
                yield Step(f"name the parts of {index.name}", "name parts", (), index=whole)
    for name in shape.dropped_indexes:
        found = shape.catalog.index(name)
        owner = next((one for one in shape.tables if found and one.table is found[0]), None)
        yield drop_index_step(owner, Relation(shape.catalog.schema, name))
    dropped = [table.relation for table in shape.tables if table.new_name is None]
    if dropped:  # at once: they may refer to each other
        drop = f"DROP TABLE IF EXISTS {', '.join(relation.sql for relation in dropped)}"
        listed = ", ".join(relation.name for relation in dropped)
        pointed = {
            one.target
            for table in shape.tables
            if table.new_name is None
            for one in table.table.constraints
            if one.target
        }
        yield Step(f"drop the table {listed}", "transaction", (drop,), lock(EXCLUSIVE, *sorted({*dropped, *pointed})))
    for operation in shape.sql:
        if operation.on_complete:
            yield Step(f"SQL of {operation.place.path or 'the migration'}", "transaction", (operation.up,))


def undo_steps(shape: Shape, changed: list[TableShape], facts: Facts, new: Version) -> Iterator[Step]:
    """Take the new version's side away."""
    targets = targets_of(shape)
    names = [table.new_name for table in shape.tables if table.new_name]
    yield Step(f"take the views of {new.name} away", "transaction", (leaving_statement(new), *drop_views(names, new)))
    for raw in reversed(shape.sql):
        if raw.down:
            yield Step(f"SQL of {raw.place.path or 'the migration'}", "transaction", (raw.down,))
    for table in changed:
        relation = table.relation
        statements = [*drop_sync(relation)]
        if table.replica_identity:
            statements.append(f"ALTER TABLE {relation.sql} REPLICA IDENTITY {table.table.replica_identity}")
        statements += [
            f"ALTER TABLE {relation.sql} DROP COLUMN IF EXISTS {ident(physical)}" for physical in table.added
        ]
        statements += [
            f"ALTER TABLE {relation.sql} DROP CONSTRAINT IF EXISTS {ident(one.name)}"
            for one, _ in table.constraints
            if one.type in ("check", "foreign_key")
        ]
        name = f"take from {relation.name} what {new.name} needed"
        pointed = {one.target for one in facts_of(facts, table).constraints if one.target}
        pointed |= {targets[one.table].relation for added in table.added.values() for one, _ in added.references}
        pointed |= {targets[one.references.table].relation for one, _ in table.constraints if one.references}
        locks = lock(EXCLUSIVE, relation, *sorted(pointed - {relation}))
        yield Step(name, "transaction", tuple(statements), locks, relation)
    for table in shape.tables:
        made = [one.name for one in table.indexes if not table.created]
        made += [one.name for one, _ in table.constraints if one.type in ("unique", "primary_key")]
        for name in made:
            yield drop_index_step(table, Relation(table.relation.schema, name))
    for table in reversed(shape.tables):
        if table.created:
            drop = f"DROP TABLE IF EXISTS {table.relation.sql}"
            yield Step(f"drop the table {table.new_name}", "transaction", (drop,), table=table.relation)


def _ends(table: TableShape, constraint: Constraint) -> bool:
    """Whether the old version's constraint goes."""
    return constraint.name in table.dropped_constraints or bool(set(constraint.columns) & set(table.gone))


def _contracted(table: TableShape, facts: TableFacts) -> Iterator[str]:
    alter = f"ALTER TABLE {table.relation.sql}"
    yield from drop_sync(table.relation)
    for physical, added in table.added.items():
        replaced = table.table.column(added.replaces) if added.replaces else None
        if replaced and replaced.sequence:  # or it would go with the column that it belongs to
            yield f"ALTER SEQUENCE {replaced.sequence} OWNED BY {table.relation.sql}.{ident(physical)}"
        if added.replaces:
            yield carried_over(table.relation, added.replaces, physical)
    for name in table.dropped_constraints:
        yield f"{alter} DROP CONSTRAINT IF EXISTS {ident(name)}"
    for name in table.gone:
        yield f"{alter} DROP COLUMN {ident(name)}"
    yield from _renamed_columns(table)
    for physical, added in table.added.items():
        yield from _of_added(table, physical, added, alter)
    yield from _defaults_and_comments(table, alter)
    yield from _named_again(table, facts, alter)
    if table.new_name and table.new_name != table.relation.name:
        yield f"{alter} RENAME TO {ident(table.new_name)}"


def _of_added(table: TableShape, physical: str, added: Added, alter: str) -> Iterator[str]:
    """What a column is given that so far the new version's view and checks have stood for."""
    column = ident(added.final)
    default = table.view_default(added.final)
    if default not in (None, "NULL"):
        yield f"{alter} ALTER COLUMN {column} SET DEFAULT {default}"
    if added.not_null:  # the proven check saves reading the table
        yield f"{alter} ALTER COLUMN {column} SET NOT NULL"
        yield f"{alter} DROP CONSTRAINT {ident(not_null_name(physical))}"
    if not table.table.partitioned:
        for name in added.unique:
            yield f"{alter} ADD CONSTRAINT {ident(name)} UNIQUE USING INDEX {ident(name)}"


def _defaults_and_comments(table: TableShape, alter: str) -> Iterator[str]:
    for name, slot in table.slots.items():
        column = ident(name)
        if slot.physical not in table.added and slot.default_changed:
            text = "DROP DEFAULT" if slot.default is None else f"SET DEFAULT {slot.default}"
            yield f"{alter} ALTER COLUMN {column} {text}"
        if slot.comment_changed or (slot.physical in table.added and slot.column.comment is not None):
            text = "NULL" if slot.column.comment is None else literal(slot.column.comment)
            yield f"COMMENT ON COLUMN {table.relation.sql}.{column} IS {text}"


def _renamed_columns(table: TableShape) -> Iterator[str]:
    """In two steps where a name is another column's until then."""
    alter = f"ALTER TABLE {table.relation.sql}"
    changing = [(slot.physical, name) for name, slot in table.slots.items() if slot.physical != name]
    taken = {physical for physical, _ in changing}
    for number, (physical, name) in enumerate(changing):
        step = ident(f"_abreast_{number}") if name in taken else ident(name)
        yield f"{alter} RENAME COLUMN {ident(physical)} TO {step}"
    for number, (_, name) in enumerate(changing):
        if name in taken:
            yield f"{alter} RENAME COLUMN {ident(f'_abreast_{number}')} TO {ident(name)}"


def _named_again(table: TableShape, facts: TableFacts, alter: str) -> Iterator[str]:
    """Copies take the names of what they were copied from; indexes become the constraints they stand for."""
    for constraint in facts.constraints:
        yield f"{alter} RENAME CONSTRAINT {ident(copied_name(constraint.name))} TO {ident(constraint.name)}"
    for index in facts.indexes:
        yield _index_named_again(table, index, alter)
        if table.replica_identity is None and table.table.replica_identity == f"USING INDEX {ident(index.name)}":
            yield f"{alter} REPLICA IDENTITY {table.table.replica_identity}"
    for wanted, _ in table.constraints:
        if wanted.type in ("unique", "primary_key") and not table.table.partitioned:
            kind = "UNIQUE" if wanted.type == "unique" else "PRIMARY KEY"
            end = deferral(deferrable=wanted.deferrable, deferred=wanted.initially_deferred)
            yield f"{alter} ADD CONSTRAINT {ident(wanted.name)} {kind} USING INDEX {ident(wanted.name)}{end}"
    for old, new in table.renamed_constraints:
        yield f"{alter} RENAME CONSTRAINT {ident(old)} TO {ident(new)}"


def _index_named_again(table: TableShape, index: CopiedIndex, alter: str) -> str:
    copied = copied_name(index.name)
    if index.constraint and not table.table.partitioned:
        return f"{alter} ADD CONSTRAINT {ident(index.name)} UNIQUE USING INDEX {ident(copied)}"
    return f"ALTER INDEX {Relation(table.relation.schema, copied).sql} RENAME TO {ident(index.name)}"
