"""Compose's variables as a spec takes them."""

import pytest

from abreast.compose.variables import Variables, read_env_file


def variables() -> Variables:
    return Variables({"SET": "value", "BLANK": ""})


@pytest.mark.parametrize(
    ("written", "translated", "resolved"),
    [
        ("plain", "plain", "plain"),
        ("$SET/x", "${SET}/x", "value/x"),
        ("a${SET}b", "a${SET}b", "avalueb"),
        ("${SET:-other}", "${SET:-other}", "value"),
        ("${GONE:-other}", "${GONE:-other}", "other"),
        ("${GONE-other}", "${GONE:-other}", "other"),
        ("${GONE:-${SET}}", "${GONE:-value}", "value"),
        ("${GONE:-${ALSO:-deep}}", "${GONE:-deep}", "deep"),
        ("${GONE:?say it}", "${GONE}", ""),
        ("${SET:+yes}", "yes", "yes"),
        ("${GONE:+yes}", "", ""),
        ("${BLANK+yes}", "yes", "yes"),
        ("${BLANK:+yes}", "", ""),
        ("${GONE}", "${GONE:-}", ""),
        ("cost: $$5 and $", "cost: $$5 and $", "cost: $5 and $"),
        ("${not closed", "${not closed", "${not closed"),
        ("$1", "$1", "$1"),
    ],
)
def test_each_form_is_kept_or_replaced(written: str, translated: str, resolved: str) -> None:
    assert variables().translated(written) == translated
    assert variables().resolved(written) == resolved


def test_it_is_known_which_are_needed_and_which_are_empty() -> None:
    told = variables()

    told.translated("${SET} ${ASKED:?} ${GONE} ${DEFAULT:-x} $BLANK")

    assert told.needed == {"SET", "ASKED"}
    assert told.empty == {"GONE", "BLANK"}


def test_a_name_without_a_value_is_handed_through() -> None:
    assert variables().passed("SET") == "${SET}"
    assert variables().passed("GONE") == "${GONE:-}"


def test_a_file_of_variables_is_read_as_compose_reads_it() -> None:
    text = """
# a comment
PLAIN=a b
export TOLD=yes
QUOTED="x # y" # z
SINGLE='it'
TAIL=word # why
EMPTY=
no sign
1BAD=x
"""
    assert read_env_file(text) == {
        "PLAIN": "a b",
        "TOLD": "yes",
        "QUOTED": "x # y",
        "SINGLE": "it",
        "TAIL": "word",
        "EMPTY": "",
    }
