"""What every mapping of a migration is read with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest
from pydantic import ValidationError

from abreast.schema.mapping_keys import SEVERAL, KeyFault, Maker, MigrationKeys, RenameKeys, built, repeated, twice
from abreast.schema.migration_values import Name, Names


@dataclass(frozen=True)
class Shelf:
    name: str
    books: tuple[str, ...]


class ShelfKeys(MigrationKeys):
    kind: ClassVar[Maker] = Shelf
    name: Name
    books: Names

    def _faults(self) -> Iterator[KeyFault]:
        yield from repeated("books", self.books)
        if self.name == "none":
            yield KeyFault(("name",), "no shelf", "name it")


def test_sound_keys_become_what_they_stand_for() -> None:
    keys = ShelfKeys.model_validate({"name": "poems", "books": ["a", "b"]})
    assert built(keys) == Shelf("poems", ("a", "b"))
    assert built((keys,)) == (Shelf("poems", ("a", "b")),)
    assert built({"b": "1", "a": "2"}) == (("b", "1"), ("a", "2"))
    assert built(None) is None


def test_all_faults_of_a_mapping_are_in_one_error() -> None:
    with pytest.raises(ValidationError) as raised:
        ShelfKeys.model_validate({"name": "none", "books": ["a", "b", "a", "b"]})
    (details,) = raised.value.errors()
    assert details["type"] == SEVERAL
    assert [(fault.keys, fault.message) for fault in details["ctx"]["faults"]] == [
        (("books", 2), "the column 'a' is here twice"),
        (("books", 3), "the column 'b' is here twice"),
        (("name",), "no shelf"),
    ]


def test_a_name_that_comes_three_times_has_two_faults() -> None:
    named = [((index,), name) for index, name in enumerate("abcaa")]
    assert [fault.keys for fault in twice(named, "the song")] == [(3,), (4,)]


def test_unknown_keys_are_refused_and_nothing_is_converted() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        ShelfKeys.model_validate({"name": "a", "books": ["a"], "kind": "b"})
    with pytest.raises(ValidationError, match="valid tuple"):
        ShelfKeys.model_validate({"name": "a", "books": "a"})


def test_a_new_name_is_another_one() -> None:
    with pytest.raises(ValidationError) as raised:
        RenameKeys.model_validate({"from": "a", "to": "a"})
    (fault,) = raised.value.errors()[0]["ctx"]["faults"]
    assert (fault.keys, fault.message) == (("to",), "'a' is its name already")
    assert RenameKeys.model_validate({"from": "a", "to": "A"}).values() == {"old": "a", "new": "A"}
