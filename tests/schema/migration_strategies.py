"""Operations of every kind at random, and how they stand in a file."""

import typing
from dataclasses import dataclass, fields, is_dataclass

from hypothesis import strategies as st

from abreast.schema import columns, operations
from abreast.schema.migration_keys import KINDS
from abreast.schema.operations import UNSET, AddColumn, CreateConstraint, CreateIndex, CreateTable, Operation

RENAMED_KEYS = {"old": "from", "new": "to", "on_complete": "onComplete"}


def dumped(value: object) -> object:
    """A model value as it stands in a file; what has its default is left out."""
    if isinstance(value, CreateConstraint):
        below = dumped(value.constraint)
        assert isinstance(below, dict)
        return {"table": value.table, "up": dict(value.up), "down": dict(value.down), **below}
    if isinstance(value, operations.SetReplicaIdentity):
        identity = {"type": value.type} | ({"index": value.index} if value.index else {})
        return {"table": value.table, "identity": identity}
    if is_dataclass(value) and not isinstance(value, type):
        kept = [each for each in fields(value) if each.name != "place" and getattr(value, each.name) != each.default]
        return {RENAMED_KEYS.get(each.name, each.name): _dumped_field(value, each.name) for each in kept}
    return [dumped(item) for item in value] if isinstance(value, tuple) else value


def _dumped_field(holder: object, name: str) -> object:
    value = getattr(holder, name)
    by_column = isinstance(holder, operations.DropMultiColumnConstraint) and name in {"up", "down"}
    return dict(value) if by_column else dumped(value)


# Nothing that the reader takes for empty, and no characters that no YAML has.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\x7f\x85\u2028\u2029\ufeff"),
    min_size=1,
    max_size=12,
).filter(str.strip)
NAME = TEXT.filter(lambda name: not name.startswith("_abreast_"))
SQL = TEXT | st.sampled_from(["0", "0.10", "true", "null", "'it''s'", "now()", "a: b", "# no", "- x", "{", "`"])
MAYBE = st.none() | SQL
FLAG = st.booleans()
ACTION = st.sampled_from(typing.get_args(columns.Action))
MATCH = st.sampled_from(typing.get_args(columns.Match))
NAMES = st.lists(NAME, min_size=1, max_size=3, unique=True).map(tuple)
CHECK = st.builds(columns.Check, NAME, SQL, FLAG)
REFERENCE = st.builds(columns.ColumnReference, NAME, NAME, NAME, MATCH, ACTION, ACTION, FLAG).flatmap(
    lambda made: st.sampled_from(
        [made, columns.ColumnReference("r", "t", "c", deferrable=True, initially_deferred=True)]
    )
)
IDENTITY = st.builds(columns.Identity, st.sampled_from(["ALWAYS", "BY DEFAULT"]), MAYBE)
GENERATED = st.builds(columns.Generated, SQL) | st.builds(columns.Generated, identity=IDENTITY)
PARAMETERS = st.builds(columns.IndexParameters, MAYBE, MAYBE, st.just(()) | NAMES)


def _column(name: st.SearchStrategy[str]) -> st.SearchStrategy[columns.Column]:
    plain = st.builds(
        columns.Column,
        name,
        SQL,
        nullable=FLAG,
        unique=FLAG,
        default=MAYBE,
        comment=MAYBE,
        check=st.none() | CHECK,
        references=st.none() | REFERENCE,
    )
    return plain | st.builds(columns.Column, name, SQL, pk=FLAG, generated=GENERATED)


@dataclass(frozen=True)
class _Covered:
    """A constraint of existing columns, with expressions for each of them."""

    constraint: columns.Constraint
    up: operations.Expressions
    down: operations.Expressions


@st.composite
def _covered(draw: st.DrawFn) -> _Covered:
    names = draw(NAMES)
    up, down = (tuple((name, draw(SQL)) for name in names) for _ in range(2))
    kind = draw(st.sampled_from(["unique", "primary_key", "check", "foreign_key"]))
    name, parameters, deferrable = draw(NAME), draw(st.none() | PARAMETERS), draw(FLAG)
    if kind == "check":
        made = columns.Constraint(name, "check", names, draw(SQL), no_inherit=draw(FLAG))
    elif kind == "foreign_key":
        targets = tuple(f"{index}{target}"[:12] for index, target in enumerate(names))
        reference = columns.TableReference(draw(NAME), targets, draw(MATCH), "SET NULL", draw(ACTION), names[:1])
        made = columns.Constraint(name, "foreign_key", names, references=reference, deferrable=deferrable)
    else:
        distinct = kind == "unique" and draw(FLAG)
        made = columns.Constraint(
            name,
            "unique" if kind == "unique" else "primary_key",
            names,
            index_parameters=parameters,
            nulls_not_distinct=distinct,
            deferrable=deferrable,
        )
    return _Covered(made, up, down)


@st.composite
def _create_table(draw: st.DrawFn) -> CreateTable:
    names = draw(NAMES)
    made = tuple(draw(_column(st.just(name))) for name in names)
    named = [part.name for column in made for part in (column.check, column.references) if part]
    exclusion = columns.Exclusion(draw(SQL), draw(MAYBE), draw(MAYBE))
    constraint = columns.Constraint(draw(NAME), "exclude", exclude=exclusion)
    if len({*named, constraint.name}) != len(named) + 1:
        return CreateTable(draw(NAME), (columns.Column(names[0], "int"),), comment=draw(MAYBE))
    return CreateTable(draw(NAME), made, (constraint,), draw(MAYBE))


INDEX_COLUMN = st.builds(
    columns.IndexColumn,
    NAME,
    MAYBE,
    st.sampled_from([None, "ASC", "DESC"]),
    st.sampled_from([None, "FIRST", "LAST"]),
    st.none() | st.builds(columns.OperatorClass, SQL, st.lists(SQL, max_size=2).map(tuple)),
)
ALTER = st.builds(
    operations.AlterColumn,
    *(NAME, NAME, MAYBE, st.none() | FLAG, st.none() | st.builds(columns.Unique, NAME)),
    check=st.none() | CHECK.map(lambda check: columns.Check("c", check.constraint, check.no_inherit)),
    references=st.none() | REFERENCE.map(lambda found: columns.ColumnReference("r", found.table, found.column)),
    default=MAYBE | st.just(UNSET),
    comment=MAYBE,
    up=SQL,
    down=SQL,
)
RENAMED = st.lists(NAME, min_size=2, max_size=2, unique=True)
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    _create_table(),
    RENAMED.map(lambda names: operations.RenameTable(*names)),
    st.builds(operations.DropTable, NAME),
    _column(NAME).flatmap(
        lambda column: st.builds(AddColumn, NAME, st.just(column), st.none() if column.generated else SQL)
    ),
    st.builds(operations.DropColumn, NAME, NAME, MAYBE),
    RENAMED.map(lambda names: operations.RenameColumn("t", *names)),
    ALTER,
    st.builds(
        CreateIndex,
        *(NAME, NAME, st.lists(INDEX_COLUMN, min_size=1, max_size=3).map(tuple), FLAG, st.just("btree"), MAYBE, MAYBE),
    ),
    st.builds(operations.DropIndex, NAME),
    _covered().flatmap(
        lambda made: st.builds(CreateConstraint, NAME, st.just(made.constraint), st.just(made.up), st.just(made.down))
    ),
    st.builds(operations.DropConstraint, NAME, NAME, SQL, SQL),
    _covered().flatmap(
        lambda made: st.builds(
            operations.DropMultiColumnConstraint, NAME, NAME, st.just(made.down), st.sampled_from([(), made.up])
        )
    ),
    RENAMED.map(lambda names: operations.RenameConstraint("t", *names)),
    st.builds(operations.SetReplicaIdentity, NAME, st.just("index"), NAME)
    | st.builds(operations.SetReplicaIdentity, NAME, st.sampled_from(["full", "default", "nothing"])),
    st.builds(operations.Sql, SQL, on_complete=st.just(True)),  # noqa: FBT003  # hypothesis wants a value
)
NAMES_OF_KINDS = {keys.kind: name for name, keys in KINDS.items()}
