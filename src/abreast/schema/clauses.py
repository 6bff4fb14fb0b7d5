"""Clauses of DDL, rendered: columns, constraints and indexes of a migration."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from abreast.schema.columns import Column, ColumnReference, Constraint, TableReference
from abreast.schema.names import Relation, ident, idents
from abreast.schema.operations import CreateIndex, CreateTable


@dataclass(frozen=True)
class Target:
    """A table that foreign keys may point to; ``columns`` maps the migration's names to the table's."""

    relation: Relation
    columns: Mapping[str, str] = field(default_factory=dict)

    def listed(self, names: tuple[str, ...]) -> str:
        """The columns, by the table's names."""
        return idents([self.columns.get(name, name) for name in names])


Targets = Mapping[str, Target]
"""By the names that a migration uses."""


def create_table(operation: CreateTable, relation: Relation, tables: Targets) -> str:
    """The statement; ``tables`` are those that its foreign keys point to."""
    lines = [f"  {_column(column, tables)}" for column in operation.columns]
    keys = [column.name for column in operation.columns if column.pk]
    if keys:
        lines.append(f"  PRIMARY KEY ({idents(keys)})")
    lines += [f"  CONSTRAINT {ident(one.name)} {constraint(one, tables)}" for one in operation.constraints]
    return f"CREATE TABLE {relation.sql} (\n" + ",\n".join(lines) + "\n)"


def constraint(wanted: Constraint, tables: Targets, names: Mapping[str, str] | None = None) -> str:
    """What stands after ``CONSTRAINT name``; ``names`` maps the migration's columns to the table's."""
    called = names or {}
    columns = idents([called.get(name, name) for name in wanted.columns])
    if wanted.type == "check":
        text = f"CHECK ({wanted.check})" + (" NO INHERIT" if wanted.no_inherit else "")
    elif wanted.type == "foreign_key" and wanted.references:
        text = f"FOREIGN KEY ({columns}) {_references(wanted.references, tables, called)}"
    elif wanted.exclude:
        method = f" USING {wanted.exclude.index_method}" if wanted.exclude.index_method else ""
        where = f" WHERE ({wanted.exclude.predicate})" if wanted.exclude.predicate else ""
        text = f"EXCLUDE{method} ({wanted.exclude.elements}){_parameters(wanted)}{where}"
    else:
        kind = "PRIMARY KEY" if wanted.type == "primary_key" else "UNIQUE"
        nulls = " NULLS NOT DISTINCT" if wanted.nulls_not_distinct else ""
        text = f"{kind}{nulls} ({columns}){_parameters(wanted)}"
    return text + deferral(deferrable=wanted.deferrable, deferred=wanted.initially_deferred)


def column_reference(reference: ColumnReference, column: str, tables: Targets) -> str:
    """A foreign key of one column, as a constraint of its table."""
    return f"FOREIGN KEY ({ident(column)}) {_points(reference, tables)}"


def unique_tail(wanted: Constraint, names: Mapping[str, str]) -> str:
    """The index that a unique or primary key constraint can be made of, from USING on."""
    columns = idents([names.get(name, name) for name in wanted.columns])
    given = wanted.index_parameters
    include = (
        f" INCLUDE ({idents([names.get(n, n) for n in given.include_columns])})"
        if given and given.include_columns
        else ""
    )
    nulls = " NULLS NOT DISTINCT" if wanted.nulls_not_distinct else ""
    storage = f" WITH ({given.storage_parameters})" if given and given.storage_parameters else ""
    space = f" TABLESPACE {ident(given.tablespace)}" if given and given.tablespace else ""
    return f"USING btree ({columns}){include}{nulls}{storage}{space}"


def index_tail(operation: CreateIndex, names: Mapping[str, str], predicate: str | None) -> str:
    """An index from USING on; ``predicate`` is the operation's with the table's names."""
    parts = []
    for column in operation.columns:
        text = ident(names.get(column.column, column.column))
        if column.collate:
            text += f" COLLATE {column.collate}"
        if column.opclass:
            text += f" {column.opclass.name}"
            if column.opclass.params:
                text += f" ({', '.join(column.opclass.params)})"
        text += f" {column.sort}" if column.sort else ""
        text += f" NULLS {column.nulls}" if column.nulls else ""
        parts.append(text)
    storage = f" WITH ({operation.storage_parameters})" if operation.storage_parameters else ""
    where = f" WHERE {predicate}" if predicate else ""
    return f"USING {operation.method} ({', '.join(parts)}){storage}{where}"


def _column(column: Column, tables: Targets) -> str:
    text = f"{ident(column.name)} {column.type}"
    if column.generated and column.generated.expression is not None:
        text += f" GENERATED ALWAYS AS ({column.generated.expression}) STORED"
    elif column.generated and column.generated.identity:
        identity = column.generated.identity
        options = f" ({identity.sequence_options})" if identity.sequence_options else ""
        text += f" GENERATED {identity.user_specified_values} AS IDENTITY{options}"
    if column.default is not None:
        text += f" DEFAULT {column.default}"
    if not column.nullable:
        text += " NOT NULL"
    if column.unique:
        text += " UNIQUE"
    if column.check:
        end = " NO INHERIT" if column.check.no_inherit else ""
        text += f" CONSTRAINT {ident(column.check.name)} CHECK ({column.check.constraint}){end}"
    if column.references:
        text += f" CONSTRAINT {ident(column.references.name)} {_points(column.references, tables)}"
    return text


def _points(reference: ColumnReference, tables: Targets) -> str:
    actions = f"MATCH {reference.match_type} ON DELETE {reference.on_delete} ON UPDATE {reference.on_update}"
    target = tables[reference.table]
    end = deferral(deferrable=reference.deferrable, deferred=reference.initially_deferred)
    return f"REFERENCES {target.relation.sql} ({target.listed((reference.column,))}) {actions}{end}"


def _references(reference: TableReference, tables: Targets, names: Mapping[str, str]) -> str:
    chosen = [names.get(name, name) for name in reference.on_delete_set_columns]
    on_delete = reference.on_delete + (f" ({idents(chosen)})" if chosen else "")
    actions = f"MATCH {reference.match_type} ON DELETE {on_delete} ON UPDATE {reference.on_update}"
    target = tables[reference.table]
    return f"REFERENCES {target.relation.sql} ({target.listed(reference.columns)}) {actions}"


def _parameters(wanted: Constraint) -> str:
    given = wanted.index_parameters
    if given is None:
        return ""
    text = f" INCLUDE ({idents(given.include_columns)})" if given.include_columns else ""
    text += f" WITH ({given.storage_parameters})" if given.storage_parameters else ""
    return text + (f" USING INDEX TABLESPACE {ident(given.tablespace)}" if given.tablespace else "")


def deferral(*, deferrable: bool, deferred: bool) -> str:
    """What stands at the end of a constraint that may wait for the end of a transaction."""
    return (" DEFERRABLE" if deferrable else "") + (" INITIALLY DEFERRED" if deferred else "")
