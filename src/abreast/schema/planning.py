"""Make the plan: expand's steps here, those that end it in ``ending``."""

from collections.abc import Iterator

from abreast.schema import clauses
from abreast.schema.ending import contract_steps, undo_steps
from abreast.schema.facts import Facts, TableFacts
from abreast.schema.names import Relation, ident, literal
from abreast.schema.plan import (
    EXCLUSIVE,
    ROWS_GO_ON,
    Plan,
    Step,
    TablePlan,
    copied_name,
    facts_of,
    index_steps,
    lock,
    not_null_name,
    sync_of,
    targets_of,
)
from abreast.schema.shape import Added, Shape, TableShape
from abreast.schema.sync import divergent, drop_sync, sync_functions, sync_triggers, unfilled
from abreast.schema.views import Version, first_writes, role_statements, shared_sequence, view_statements


def make_plan(shape: Shape, facts: Facts, old: Version, new: Version, files: tuple[str, ...] = ()) -> Plan:
    """Every statement, from the first of expand to the last of contract or undo."""
    changed = [table for table in shape.tables if table.changed and not table.created]
    return Plan(
        schema=shape.catalog.schema,
        old_version=old.name,
        new_version=new.name,
        expand=tuple(_expand(shape, changed, facts, old, new)),
        contract=tuple(contract_steps(shape, changed, facts, old)),
        undo=tuple(undo_steps(shape, changed, facts, new)),
        tables=tuple(_table_plan(table, facts_of(facts, table), old, new) for table in changed),
        notes=tuple(_notes(shape, changed, facts)),
        files=files,
        opaque=shape.opaque,
    )


def adoption_steps(shape: Shape, version: Version) -> tuple[Step, ...]:
    """Give a version its views and its role; nothing else changes."""
    first = first_writes(
        version, shape.catalog.major
    )  # before its views are there, by which it knows that it is the first time
    statements = (first, *view_statements(shape, version, "old"), *role_statements(shape, version, "old"))
    return (Step(f"views and role of {version.name}", "views", statements),)


def arrival_step(shape: Shape, version: Version) -> Step:
    """Views and role of the version that is to come."""
    statements = (*view_statements(shape, version, "new"), *role_statements(shape, version, "new"))
    return Step(f"views and role of {version.name}", "views", statements)


def _expand(shape: Shape, changed: list[TableShape], facts: Facts, old: Version, new: Version) -> Iterator[Step]:
    yield from adoption_steps(shape, old)
    yield from _creations(shape)
    for table in changed:
        yield from _additions(table, facts_of(facts, table), old, new)
    for operation in shape.sql:
        if not operation.on_complete:
            yield Step(f"SQL of {operation.place.path or 'the migration'}", "transaction", (operation.up,))
    for table in changed:
        yield from _filling(table, facts_of(facts, table), old, new)
    for table in shape.tables:
        yield from _constraints(shape, table, facts_of(facts, table))
        yield from _indexes(table, facts_of(facts, table))
    yield arrival_step(shape, new)


def _creations(shape: Shape) -> Iterator[Step]:
    targets = targets_of(shape)
    for table in shape.tables:
        operation = table.created
        if operation is None:
            continue
        statements = [clauses.create_table(operation, table.relation, targets)]
        if operation.comment is not None:
            statements.append(f"COMMENT ON TABLE {table.relation.sql} IS {literal(operation.comment)}")
        statements += [
            f"COMMENT ON COLUMN {table.relation.sql}.{ident(column.name)} IS {literal(column.comment)}"
            for column in operation.columns
            if column.comment is not None
        ]
        pointed = {column.references.table for column in operation.columns if column.references}
        pointed |= {one.references.table for one in operation.constraints if one.references}
        locks = lock("SHARE ROW EXCLUSIVE", *sorted({targets[name].relation for name in pointed} - {table.relation}))
        yield Step(f"create the table {table.new_name}", "transaction", tuple(statements), locks, table.relation)


def _additions(table: TableShape, facts: TableFacts, old: Version, new: Version) -> Iterator[Step]:
    statements = []
    for physical, added in table.added.items():
        if added.sequence:
            sequence = table.sequence(physical).sql
            statements.append(f"CREATE SEQUENCE {sequence} AS {added.column.type}")
            if table.table.owner:  # a sequence belongs to a column of its own owner's only
                statements.append(f"ALTER SEQUENCE {sequence} OWNER TO {ident(table.table.owner)}")
            statements.append(f"GRANT USAGE, SELECT, UPDATE ON SEQUENCE {sequence} TO {ident(old.writer)}")
            statements.append(shared_sequence(table.relation, table.sequence(physical)))
        collation = f" COLLATE {added.column.collation}" if added.column.collation else ""
        default = f" DEFAULT {added.default}" if added.table_default else ""
        statements.append(
            f"ALTER TABLE {table.relation.sql} ADD COLUMN {ident(physical)} {added.column.type}{collation}{default}"
        )
        if added.sequence:
            owner = f"{table.relation.sql}.{ident(physical)}"
            statements.append(f"ALTER SEQUENCE {table.sequence(physical).sql} OWNED BY {owner}")
    if table.replica_identity:
        statements.append(f"ALTER TABLE {table.relation.sql} REPLICA IDENTITY {table.replica_identity}")
    sync = sync_of(table, facts, old.name, new.name)
    if sync.needed:
        statements += [*drop_sync(table.relation), *sync_functions(sync, filling=True), *sync_triggers(sync)]
    if statements:
        name = f"add to {table.relation.name} what {new.name} needs, and keep both in step"
        yield Step(name, "transaction", tuple(statements), lock(EXCLUSIVE, table.relation), table.relation)


def _filling(table: TableShape, facts: TableFacts, old: Version, new: Version) -> Iterator[Step]:
    sync = sync_of(table, facts, old.name, new.name)
    if unfilled(sync):
        yield Step(
            f"backfill {table.relation.name}", "backfill", (), lock("ROW EXCLUSIVE", table.relation), table.relation
        )
    if sync.needed:
        name = f"from now on keep what {new.name} changes in {table.relation.name}"
        yield Step(name, "transaction", sync_functions(sync, filling=False), (), table.relation)


def _constraints(shape: Shape, table: TableShape, facts: TableFacts) -> Iterator[Step]:
    """First unproven, in a moment; then proven while rows are written."""
    targets = targets_of(shape)
    wanted: list[tuple[str, str, Relation | None]] = []
    for physical, added in table.added.items():
        wanted += _of_column(physical, added, facts, targets)
    names = dict(table.new_view)
    for constraint, _ in table.constraints:
        target = targets[constraint.references.table].relation if constraint.references else None
        if constraint.type == "check":
            text = f"CHECK ({facts.conditions[str(constraint.check)]})" + (
                " NO INHERIT" if constraint.no_inherit else ""
            )
            wanted.append((constraint.name, text, None))
        elif constraint.type == "foreign_key":
            wanted.append((constraint.name, clauses.constraint(constraint, targets, names), target))
    wanted += [(copied_name(one.name), one.definition, one.target) for one in facts.constraints]
    unproven = {copied_name(one.name) for one in facts.constraints if not one.validated}
    relation = table.relation
    for name, text, target in wanted:
        quoted = ident(name)
        at_once = table.table.partitioned and text.startswith("FOREIGN KEY")  # before 18 it cannot wait for its proof
        statements = (
            f"ALTER TABLE {relation.sql} DROP CONSTRAINT IF EXISTS {quoted}",
            f"ALTER TABLE {relation.sql} ADD CONSTRAINT {quoted} {text}{'' if at_once else ' NOT VALID'}",
        )
        locks = (*lock(EXCLUSIVE, relation), *(lock("SHARE ROW EXCLUSIVE", target) if target else ()))
        yield Step(f"add the constraint {name}", "transaction", statements, locks, relation)
        if at_once or name in unproven:
            continue
        proof = (f"ALTER TABLE {relation.sql} VALIDATE CONSTRAINT {quoted}",)
        yield Step(f"prove the constraint {name}", "transaction", proof, lock(ROWS_GO_ON, relation), relation)


def _of_column(
    physical: str, added: Added, facts: TableFacts, targets: clauses.Targets
) -> Iterator[tuple[str, str, Relation | None]]:
    if added.not_null:
        yield not_null_name(physical), f"CHECK ({ident(physical)} IS NOT NULL)", None
    for name, text, no_inherit in added.checks:
        yield name, f"CHECK ({facts.conditions[text.sql]})" + (" NO INHERIT" if no_inherit else ""), None
    for reference, _ in added.references:
        target = targets[reference.table].relation
        yield reference.name, clauses.column_reference(reference, physical, targets), target


def _indexes(table: TableShape, facts: TableFacts) -> Iterator[Step]:
    names = dict(table.new_view)
    for index in facts.indexes:
        yield from index_steps(table, copied_name(index.name), unique=index.unique, tail=index.tail)
    for physical, added in table.added.items():
        for name in added.unique:
            yield from index_steps(table, name, unique=True, tail=f"USING btree ({ident(physical)})")
    for constraint, _ in table.constraints:
        if constraint.type in ("unique", "primary_key"):
            yield from index_steps(table, constraint.name, unique=True, tail=clauses.unique_tail(constraint, names))
    for operation in table.indexes:
        predicate = facts.conditions.get(operation.predicate) if operation.predicate else None
        tail = clauses.index_tail(operation, names, predicate or operation.predicate)
        yield from index_steps(table, operation.name, unique=operation.unique, tail=tail)


def _table_plan(table: TableShape, facts: TableFacts, old: Version, new: Version) -> TablePlan:
    sync = sync_of(table, facts, old.name, new.name)
    return TablePlan(
        relation=table.relation,
        key=table.table.key,
        key_types=tuple(sync.columns[name].type for name in table.table.key),
        assignments=tuple((kept.name, kept.expression.over_new) for kept in sync.side("new") if kept.expression),
        unfilled=unfilled(sync),
        divergent=divergent(sync),
        restorations=tuple((kept.name, kept.expression.over_new) for kept in sync.side("old") if kept.expression),
        pairs=tuple(
            (table.added[kept.name].final, kept.expression.over_new, f"new.{ident(kept.name)}")
            for kept in sync.side("new")
            if kept.expression and sync.has_way_back(kept)
        ),
        watched=tuple(sorted(sync.watched)),
        gone=tuple(table.gone),
        known=tuple(
            sorted({*(one.name for one in table.table.indexes), *(one.name for one in table.table.constraints)})
        ),
    )


def _notes(shape: Shape, changed: list[TableShape], facts: Facts) -> Iterator[str]:
    for table in changed:
        yield from _notes_on_losses(table)
        yield from _notes_on_publications(table)
        yield from _notes_on_expressions(table, facts_of(facts, table))
    for operation in shape.sql:
        if not operation.on_complete and not operation.down:
            yield f"undo cannot take the SQL of {operation.place.file}:{operation.place.line} back: it has no `down`"


def _notes_on_losses(table: TableShape) -> Iterator[str]:
    """What goes with a column, and what sees less than all while both versions run."""
    of = table.table
    lost = set(table.gone) - {added.replaces for added in table.added.values()}
    things = [("index", index.name, index.columns) for index in of.indexes if not index.constraint]
    things += [("constraint", constraint.name, constraint.columns) for constraint in of.constraints]
    for what, name, columns in things:
        if lost & set(columns):
            yield f"the {what} {name} of {of.relation.name} goes with {', '.join(sorted(lost & set(columns)))}"
    if of.partitioned:
        copied = {added.replaces for added in table.added.values()}
        names = [one.name for one in of.constraints if one.kind == "unique" and copied & set(one.columns)]
        names += [name for added in table.added.values() for name in added.unique]
        names += [one.name for one, _ in table.constraints if one.type in ("unique", "primary_key")]
        for name in names:
            yield f"{name} of the partitioned {of.relation.name} becomes a unique index, without a constraint"
    triggers = [name for name in of.before_triggers if not name.startswith("~abreast")]
    if triggers and table.gone:
        yield (
            f"the trigger {', '.join(triggers)} of {of.relation.name} runs before the versions are put in step: what "
            f"the new version has just written it does not see in {', '.join(table.gone)}, and what it puts there then "
            "is made again of that"
        )


def _notes_on_publications(table: TableShape) -> Iterator[str]:
    """Subscribers stop where a column is sent to them that they have not."""
    listed = ", ".join(table.table.publications)
    if listed and table.added:
        columns = ", ".join(f"{ident(name)} {added.column.type}" for name, added in table.added.items())
        final = ", ".join(ident(added.final) for added in table.added.values())
        yield (
            f"{table.relation.name} is in the publication {listed}: before expand its subscribers need {columns}, and "
            f"before contract {final} with the new type, or they stop"
        )


def _notes_on_expressions(table: TableShape, facts: TableFacts) -> Iterator[str]:
    for name, expression in facts.expressions.items():
        said = f"{expression.written!r} of {table.relation.name}.{name}"
        if expression.relations:
            yield f"{said} reads {', '.join(expression.relations)}: rows are not looked at again when that changes"
        elif expression.volatility == "stable" and expression.columns:
            yield f"{said} hangs on settings of the session (TimeZone and the like): give both versions the same"
