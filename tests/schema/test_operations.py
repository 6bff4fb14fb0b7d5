"""Operations as values."""

import typing

import pytest

from abreast.schema.columns import Column
from abreast.schema.migration_keys import KINDS
from abreast.schema.operations import UNSET, AddColumn, AlterColumn, DropTable, Operation, place_of
from abreast.schema.place import NOWHERE, Place

HERE = Place("a.yaml", 2, "operations[0].add_column", (("up", Place("a.yaml", 5, "operations[0].add_column.up")),))


def test_operations_are_compared_and_hashed_without_their_places() -> None:
    column = Column("stock", "int", default="0")
    there, nowhere = AddColumn("books", column, place=HERE), AddColumn("books", column)
    assert there == nowhere
    assert hash(there) == hash(nowhere)
    assert nowhere.place is NOWHERE
    assert AddColumn("books", column, up="1") != nowhere


def test_the_place_of_a_key_is_found_by_its_name_in_the_file() -> None:
    add = AddColumn("books", Column("stock", "int"), "1", place=HERE)
    assert place_of(add) == HERE
    assert place_of(add, "up").line == 5
    assert place_of(add, "column", "type") == Place("a.yaml", 2, "operations[0].add_column.column.type")


def test_an_absent_default_is_another_than_none() -> None:
    alter = AlterColumn("books", "price", default=None)
    assert alter.default is None
    assert alter.comment is UNSET
    assert alter != AlterColumn("books", "price")


def test_every_kind_of_operation_is_read_and_has_a_place() -> None:
    kinds = typing.get_args(Operation)
    assert {keys.kind for keys in KINDS.values()} == set(kinds)
    assert len(KINDS) == len(kinds) == 15


def test_operations_do_not_change() -> None:
    with pytest.raises(AttributeError, match="cannot assign"):
        setattr(DropTable("books"), "name", "maps")  # noqa: B010  # a plain assignment would not pass mypy
