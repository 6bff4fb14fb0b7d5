from dataclasses import replace

from abreast.schema.operations import DropColumn
from abreast.schema.place import Place
from abreast.schema.reshaping import Reshaping
from tests.schema.catalogs import CATALOG

HERE = Place("m.yaml", 7, "operations[0].drop_column")


def test_a_column_that_cannot_give_way_has_a_fault_for_every_reason() -> None:
    work = Reshaping(CATALOG, {})
    authors = work.shape.by_new_name("authors")
    assert authors is not None
    operation = DropColumn("authors", "id", place=HERE)
    assert not work.replaceable(operation, authors, authors.slots["id"])
    assert [fault.message for fault in work.faults] == [
        "authors.id cannot be replaced: rows are found by it: it belongs to the key",
        "authors.id cannot be replaced: a foreign key of shop.books points to it",
    ]
    assert {(fault.file, fault.line, fault.path) for fault in work.faults} == {
        ("m.yaml", 7, "operations[0].drop_column.column")
    }


def test_a_twin_takes_over_what_the_column_has_and_the_slot_points_to_it() -> None:
    work = Reshaping(CATALOG, {})
    books = work.shape.by_new_name("books")
    assert books is not None
    twin = work.twin(DropColumn("books", "price", place=HERE), books, "price", None, "price * 2")
    assert twin is not None
    assert (twin.replaces, twin.not_null, twin.default) == ("price", True, "1")
    assert twin.up is not None
    assert (twin.up.sql, books.down["price"].sql) == ('"price"', "price * 2")
    assert books.slots["price"].physical == "_abreast_price"
    assert work.twin(DropColumn("books", "price", place=HERE), books, "price", None, None) is None
    assert work.faults[-1].message == "'price' is changed twice in one migration"


def test_names_that_are_taken() -> None:
    work = Reshaping(CATALOG, {})
    books = work.shape.by_new_name("books")
    assert books is not None
    books.renamed_constraints.append(("price_ok", "renamed"))
    for name in ("price_ok", "renamed"):
        assert not work.free_constraint(HERE, books, name)
    for name in ("books_title", "rooms"):
        assert not work.free_relation(HERE, name)
    assert work.free_constraint(HERE, books, "free")
    assert work.free_relation(HERE, "free")
    assert len(work.faults) == 4


def test_names_of_whatever_the_schema_holds_are_taken() -> None:
    catalog = replace(CATALOG, relations={"v": "a view"}, types={"mood": "a type"})
    work = Reshaping(catalog, {})
    assert not work.free_relation(HERE, "v")
    assert not work.free_relation(HERE, "mood", table=True)
    assert [fault.message for fault in work.faults] == ["there is a view 'v' already", "there is a type 'mood' already"]
    assert work.free_relation(HERE, "mood")
