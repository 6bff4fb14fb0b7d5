"""Whatever the text, its pieces join back; and a statement ends only where PostgreSQL and psql end it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.schema.lexing import Kind, Lines, split

FRAGMENTS = st.sampled_from(
    [
        *(
            "'",
            "''",
            "E'\\'",
            '"',
            '""',
            "$$",
            "$a$",
            "$1",
            "a$b$",
            "--",
            "\n",
            "/*",
            "*/",
            ";",
            "(",
            ")",
            "\\",
            "\\.\n",
        ),
        *(
            "BEGIN ATOMIC",
            "CASE",
            "END",
            "CREATE FUNCTION f()",
            "COPY t FROM stdin;\n",
            "${x}",
            "U&'",
            "é",
            " ",
            "drop",
        ),
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(FRAGMENTS, max_size=30).map("".join)))
def test_splitting_takes_any_text_and_loses_nothing(text: str) -> None:
    statements = split(text)
    assert "".join(statement.text for statement in statements) == text
    starts = [token.start for statement in statements for token in statement.tokens]
    assert starts == sorted(set(starts))
    assert all(token.text for statement in statements for token in statement.tokens)


@given(st.lists(st.sampled_from(["SELECT ';'", 'DROP TABLE ";"', "DO $x$ a; b $x$", "/* ; /* ; */ ; */ BEGIN"])))
def test_statements_put_together_come_apart_again(wanted: list[str]) -> None:
    found = split("".join(f"{each};\n" for each in wanted))
    assert [statement.text.strip() for statement in found if statement.words] == [f"{each};" for each in wanted]


@pytest.mark.parametrize(
    "one",
    [
        "SELECT 'a;b''c;d';",
        "SELECT E'it\\'s; one', 'a\\';",
        'ALTER TABLE "a;b""c;" DROP COLUMN "d;";',
        "DO $$ begin; end; $$;",
        "DO $body$ select $$;$$; $body$;",
        "SELECT 1 /* ; /* ; */ ; */ + 1;",
        "SELECT 1 -- ; not here\n + 1;",
        "SELECT a$b$c;",
        "SELECT $1 + $2;",
        "SELECT U&'d!0061;' UESCAPE '!', B'1;0', x';';",
        "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); INSERT INTO u VALUES (2));",
        "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;",
        "CREATE PROCEDURE p() LANGUAGE SQL BEGIN ATOMIC DELETE FROM t; DELETE FROM u; END;",
        "COPY t (a, b) FROM stdin;\n1\t'\n;\t$$\n\\.\n",
        "COPY t FROM STDIN;\n\\.\n",
        "ALTER TABLE ${schema}.${a;b} DROP c;",
    ],
)
def test_one_statement_stays_one(one: str) -> None:
    assert [statement.text for statement in split(f"{one}DROP TABLE after;")] == [one, "DROP TABLE after;"]


def test_copied_data_without_an_end_hides_nothing() -> None:
    assert [each.text for each in split("COPY t FROM stdin;\nDROP TABLE t;")] == [
        "COPY t FROM stdin;",
        "\nDROP TABLE t;",
    ]


def test_begin_of_a_transaction_is_no_body() -> None:
    assert len(split("BEGIN; DROP TABLE t; END;")) == 3


def test_a_comment_on_its_line_belongs_to_the_statement_before_it() -> None:
    first, second = split("DROP TABLE a; -- the first\n-- the second\nDROP TABLE b;")
    assert first.text == "DROP TABLE a; -- the first"
    assert second.text == "\n-- the second\nDROP TABLE b;"


def test_commands_of_psql_end_with_their_line() -> None:
    pieces = split("\\set ON_ERROR_STOP on\n\\restrict it's\nDROP TABLE t;")
    assert [piece.text for piece in pieces] == ["\\set ON_ERROR_STOP on", "\n\\restrict it's", "\nDROP TABLE t;"]
    assert [piece.words[0].kind for piece in pieces] == [Kind.DATA, Kind.DATA, Kind.WORD]


@pytest.mark.parametrize(
    "text", ["SELECT 'a;", 'SELECT "a;', "SELECT $x$;$y$", "/* /* */ DROP", "SELECT (1;", "SELECT 1);"]
)
def test_what_is_never_closed_is_known(text: str) -> None:
    assert split(text)[0].unclosed


@pytest.mark.parametrize("text", ["SELECT '(';", "SELECT (1);", "/* ( */ SELECT 1", "-- '\nSELECT 1", ""])
def test_what_is_closed_is_known(text: str) -> None:
    assert not any(statement.unclosed for statement in split(text))


def test_words_are_read_as_postgresql_does() -> None:
    words = split('ALTER /* - */ TaBLe "Odd ""Name"".x" -- -\n.Other;')[0].words
    assert [word.value for word in words] == ["alter", "table", 'Odd "Name".x', ".", "other"]
    assert [word.keyword for word in words] == ["ALTER", "TABLE", "", ".", "OTHER"]
    assert split('\ufeffDROP U&"b";')[0].words[1].value == "b"


def test_positions_count_from_one() -> None:
    text = "a\n  bé\n"
    assert [Lines(text).position(text.index(one)) for one in "abé"] == [(1, 1), (2, 3), (2, 4)]


@given(st.text(alphabet="a\n", max_size=20))
def test_positions_lead_back_to_the_character(text: str) -> None:
    lines = Lines(text)
    for start in range(len(text)):
        line, column = lines.position(start)
        assert f"{text}\n".splitlines(keepends=True)[line - 1][column - 1] == text[start]
