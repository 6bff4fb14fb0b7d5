"""The places of an operation's parts."""

from abreast.schema.place import NOWHERE, Place

COLUMN = Place("a.yaml", 7, "operations[0].create_index.columns.price")
CREATE = Place("a.yaml", 3, "operations[0].create_index", (("columns[0]", COLUMN), ("name", Place("a.yaml", 4, "x.y"))))


def test_a_part_has_the_place_where_it_was_written() -> None:
    assert CREATE.at("columns", 0) == COLUMN
    assert CREATE.at("name") == Place("a.yaml", 4, "x.y")
    assert CREATE.at() == CREATE


def test_what_is_absent_has_the_line_of_what_would_hold_it() -> None:
    assert CREATE.at("columns", 0, "sort") == Place("a.yaml", 7, f"{COLUMN.path}.sort")
    assert CREATE.at("columns", 1, "sort") == Place("a.yaml", 3, "operations[0].create_index.columns[1].sort")
    assert NOWHERE.at("table") == Place("", 0, "table")
    assert COLUMN.at(2).path == f"{COLUMN.path}[2]"


def test_a_fault_stands_at_its_place() -> None:
    fault = COLUMN.fault("this is wrong", "mend it")
    assert str(fault) == f"a.yaml:7: {COLUMN.path}: this is wrong\n  → mend it"
