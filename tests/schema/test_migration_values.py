"""Single values of a migration, sound and refused."""

from collections.abc import Callable

import pytest
from pydantic_core import PydanticCustomError

from abreast.model.document import read_document
from abreast.schema.migration_values import (
    Unquoted,
    one_of,
    read_default,
    read_expression,
    read_flag,
    read_name,
    read_new_comment,
    read_new_default,
    read_optional,
    read_text,
    show,
    written,
)

Reader = Callable[[object], object]


def told(read: Reader, found: object) -> tuple[str, str]:
    """The fault and the remedy of a value that is refused."""
    with pytest.raises(PydanticCustomError) as raised:
        read(found)
    context = raised.value.context
    assert context
    return context["message"], context["remedy"]


def test_numbers_and_booleans_are_the_text_of_the_file() -> None:
    document = read_document("a: 0.10\nb: [true, 007, -3, '5']\nc: {d: null, e: False}", "a.yaml")
    assert written(document, document.value, ()) == {
        "a": "0.10",
        "b": ["true", "007", "-3", "5"],
        "c": {"d": None, "e": "False"},
    }


@pytest.mark.parametrize(
    ("read", "found", "value"),
    [
        (read_name, "Odd Näme", "Odd Näme"),
        (read_name, Unquoted("5"), "5"),
        (read_name, "n" * 63, "n" * 63),
        (read_expression, " a || b ", " a || b "),
        (read_expression, Unquoted("0"), "0"),
        (read_optional, "", None),
        (read_optional, " \n", None),
        (read_optional, "id > 10", "id > 10"),
        (read_default, Unquoted("false"), "false"),
        (read_new_default, None, None),
        (read_new_default, "now()", "now()"),
        (read_new_comment, None, None),
        (read_new_comment, "", None),
        (read_flag, Unquoted("true"), True),
        (read_flag, Unquoted("FALSE"), False),
        (one_of("SET NULL", "CASCADE"), "set  null", "SET NULL"),
        (one_of("ASC", "DESC", empty=True), "", None),
        (one_of("btree"), "BTree", "btree"),
    ],
)
def test_values_are_read(read: Reader, found: object, value: object) -> None:
    result = read(found)
    assert result == value
    assert type(result) in {str, bool, type(None)}


@pytest.mark.parametrize(
    ("read", "found", "message", "remedy"),
    [
        (read_name, None, "nothing is written under this key", "write a name, or remove the key"),
        (read_name, "", "the text is empty", "write a name"),
        (read_name, ["a"], "a list is not allowed here", "write a name"),
        (read_name, "a\0b", "'a\\x00b' holds a NUL character", "remove it"),
        (read_name, "ä" * 32, "has 64 bytes, and PostgreSQL keeps 63 of them", "choose a shorter name"),
        (read_name, "_abreast_price", "names that begin with _abreast_ are abreast's own", "choose another name"),
        (read_expression, " ", "the text is empty", "write an SQL expression"),
        (read_expression, {}, "a mapping of keys is not allowed here", "write an SQL expression"),
        (read_optional, None, "nothing is written under this key", "write text, or remove the key"),
        (read_default, "", "the text is empty", "write \"''\" for the empty text, or remove the key"),
        (read_default, None, "nothing is written under this key", "write an SQL expression, or remove the key"),
        (read_new_default, "", "the text is empty", "write \"''\" for the empty text, or remove the key"),
        (read_flag, "true", "'true' is not allowed here", "write `true` or `false`, unquoted"),
        (read_flag, Unquoted("1"), "`1` is not allowed here", "write `true` or `false`, unquoted"),
        (read_flag, None, "nothing is written under this key", "write `true` or `false`, unquoted"),
        (one_of("ASC", "DESC"), "", "'' is not allowed here, only one of `ASC`, `DESC`", "write one of `ASC`, `DESC`"),
        (one_of("ASC", "DESC"), "desk", "'desk' is not allowed here", "did you mean `DESC`?"),
        (one_of("full", unsupported={"part": "nobody has it"}), "PART", "'PART' is not allowed here: nobody", "`full`"),
        (one_of("a"), None, "nothing is written under this key", "write one of `a`"),
    ],
)
def test_values_are_refused(read: Reader, found: object, message: str, remedy: str) -> None:
    said, advice = told(read, found)
    assert message in said
    assert remedy in advice


def test_what_is_no_text_is_said_so() -> None:
    assert told(lambda found: read_text(found, "a song"), [])[1] == "write a song"
    assert show(Unquoted("0.10")) == "`0.10`"
    assert show("0.10") == "'0.10'"
