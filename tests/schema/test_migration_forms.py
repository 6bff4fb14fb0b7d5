"""Older forms of operations, and where their parts were written."""

import pytest

from abreast.schema.migration_forms import todays


@pytest.mark.parametrize("name", ["rename_column", "alter_column"])
def test_column_and_name_are_from_and_to(name: str) -> None:
    form = todays(name, {"table": "t", "column": "a", "name": "b"})
    assert (form.name, form.value) == ("rename_column", {"table": "t", "from": "a", "to": "b"})
    assert form.in_file(("from",)) == ("column",)
    assert form.in_file(("to",)) == ("name",)
    assert form.in_file(("table",)) == ("table",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rename_column", {"table": "t", "from": "a", "to": "b"}),
        ("rename_column", {"table": "t", "from": "a", "name": "b"}),
        ("rename_column", "text"),
        ("alter_column", {"table": "t", "column": "a", "name": "b", "type": "int"}),
        ("alter_column", {"table": "t", "column": "a"}),
        ("create_index", {"name": "i"}),
        ("create_index", {"columns": "a"}),
        ("create_index", {"columns": [{"column": "a", "name": "b"}, None]}),
        ("create_index", {"columns": {"a": {"column": "b"}}}),
        ("create_index", None),
        ("drop_table", {"column": "a", "name": "b"}),
    ],
)
def test_what_is_todays_or_nothing_known_stays_as_it_is(name: str, value: object) -> None:
    form = todays(name, value)
    assert (form.name, form.value, form.written) == (name, value, {})


def test_a_name_alone_is_a_column_of_an_index() -> None:
    form = todays("create_index", {"columns": ["a", {"column": "b", "sort": "DESC"}]})
    assert form.value == {"columns": [{"column": "a"}, {"column": "b", "sort": "DESC"}]}
    assert form.in_file(("columns", 0, "column")) == ("columns", 0)
    assert form.in_file(("columns", 1, "sort")) == ("columns", 1, "sort")


def test_name_stands_for_column_in_an_index() -> None:
    form = todays("create_index", {"columns": [{"name": "a", "nulls": "LAST"}]})
    assert form.value == {"columns": [{"column": "a", "nulls": "LAST"}]}
    assert form.in_file(("columns", 0, "column")) == ("columns", 0, "name")
    assert form.in_file(("columns", 0, "nulls")) == ("columns", 0, "nulls")


def test_names_with_settings_are_columns_of_an_index_in_their_order() -> None:
    form = todays("create_index", {"columns": {"b": {"sort": "DESC"}, "a": {}, "c": None}})
    assert form.value == {"columns": [{"column": "b", "sort": "DESC"}, {"column": "a"}, None]}
    assert form.in_file(("columns", 0, "sort")) == ("columns", "b", "sort")
    assert form.in_file(("columns", 1, "column")) == ("columns", "a")
    assert form.in_file(("columns", 2)) == ("columns", "c")


def test_what_was_read_is_not_changed() -> None:
    value = {"columns": {"a": {"sort": "DESC"}}}
    todays("create_index", value)
    assert value == {"columns": {"a": {"sort": "DESC"}}}
