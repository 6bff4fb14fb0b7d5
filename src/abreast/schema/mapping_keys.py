"""What every mapping of a migration is read with: its keys one by one, then all of them together."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Self, TypeAlias

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from abreast.model.document import Path
from abreast.model.spec_entry import Keys
from abreast.model.spec_values import refuse
from abreast.schema.migration_values import NOTHING, Name

Maker: TypeAlias = Callable[..., object]
SEVERAL: Final = "several"
"""The type of a pydantic error whose context holds `KeyFault` s under ``faults``."""


@dataclass(frozen=True)
class KeyFault:
    """What is wrong at ``keys``, a path inside of the mapping that found it, and what to do about it."""

    keys: Path
    message: str
    remedy: str


class MigrationKeys(Keys):
    """A mapping of a migration: sound keys become what ``kind`` makes, which has fields of the same names."""

    kind: ClassVar[Maker]
    nullable_keys: ClassVar[frozenset[str]] = frozenset()
    """Keys under which ``null`` says something."""

    @field_validator("*", mode="before")
    @classmethod
    def _there(cls, found: object, info: ValidationInfo) -> object:
        if found is None and info.field_name not in cls.nullable_keys:
            refuse(NOTHING, "write something under it, or remove the key")
        return found

    def _faults(self) -> Iterator[KeyFault]:
        """What is wrong with keys that are right one by one."""
        yield from ()

    @model_validator(mode="after")
    def _judged(self) -> Self:
        faults = tuple(self._faults())
        if faults:
            raise PydanticCustomError(SEVERAL, "several faults", {"faults": faults})
        return self

    def values(self) -> dict[str, object]:
        """What ``kind`` is made with."""
        return {name: built(getattr(self, name)) for name in type(self).model_fields}


def built(value: object) -> object:
    """The model value of what was read: mappings of keys become dataclasses, lists and expressions tuples."""
    if isinstance(value, MigrationKeys):
        return value.kind(**value.values())
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(map(built, value)) if isinstance(value, tuple) else value


def twice(named: Iterable[tuple[Path, str]], what: str) -> Iterator[KeyFault]:
    """A fault at each name that was there before."""
    seen: Counter[str] = Counter()
    for path, name in named:
        seen[name] += 1
        if seen[name] > 1:
            yield KeyFault(path, f"{what} {name!r} is here twice", "keep one of the two, or give it another name")


def repeated(key: str, names: tuple[str, ...]) -> Iterator[KeyFault]:
    """A fault at each column that a list names again."""
    return twice((((key, index), name) for index, name in enumerate(names)), "the column")


class RenameKeys(MigrationKeys):
    """From an old name to a new one."""

    old: Name = Field(alias="from")
    new: Name = Field(alias="to")

    def _faults(self) -> Iterator[KeyFault]:
        if self.old == self.new:
            yield KeyFault(("to",), f"{self.new!r} is its name already", "write the new name, or remove the operation")
