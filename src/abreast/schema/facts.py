"""What a server has to be asked before a plan can be made: it reads the SQL of a migration as nothing else can."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from abreast.schema.expression import Expression
from abreast.schema.names import Relation


@dataclass(frozen=True)
class CopiedIndex:
    """An index over replaced columns, for those that replace them. ``tail``: from USING to the end."""

    name: str
    unique: bool
    constraint: bool
    tail: str


@dataclass(frozen=True)
class CopiedConstraint:
    """A check or foreign key over replaced columns, for those that replace them; ``target`` is a foreign key's."""

    name: str
    definition: str
    validated: bool = True
    target: Relation | None = None


@dataclass(frozen=True)
class TableFacts:
    """Of one table: expressions by the column they derive, conditions by their text, with the table's names."""

    expressions: Mapping[str, Expression] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    indexes: tuple[CopiedIndex, ...] = ()
    constraints: tuple[CopiedConstraint, ...] = ()


Facts = Mapping[Relation, TableFacts]
