"""What each statement does; above all, that none which is not understood passes for harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.schema.ddl_changes import What
from abreast.schema.lexing import split
from abreast.schema.statements import reading


def whats(text: str) -> list[What]:
    (statement,) = split(text)
    return [change.what for change in reading(statement).changes]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-- nothing",
        ";",
        "BEGIN",
        "COMMIT",
        "SET LOCAL lock_timeout = '1s'",
        "CREATE TABLE t (a int CHECK (a > 0), UNIQUE (a))",
        "CREATE TABLE p PARTITION OF t FOR VALUES IN (1)",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE MATERIALIZED VIEW v AS SELECT 1",
        "CREATE TYPE e AS ENUM ('a')",
        "CREATE EXTENSION IF NOT EXISTS hstore",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ DELETE FROM t $$",
        "CREATE STATISTICS s ON a, b FROM t",
        "COMMENT ON TABLE t IS 'drop it; all'",
        "GRANT ALL ON t TO x",
        "INSERT INTO alembic_version (version_num) VALUES ('1')",
        "DELETE FROM t WHERE a = 1",
        "UPDATE t SET a = 1 WHERE a = 2",
        "SELECT * FROM t",
        "SELECT setval('s', max(id)) FROM t",
        "SELECT pg_catalog.set_config('x.y', '', false)",
        "SELECT g FROM generate_series(1, 3) g",
        "SELECT (1)",
        "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
        "DROP STATISTICS s",
        "COPY t FROM stdin;\n'\n\\.\n",
    ],
)
def test_what_changes_nothing_for_the_old_version(text: str) -> None:
    assert [what for statement in split(text) for what in reading(statement).changes] == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON s.t (a)", What.NEW_UNIQUE),
        ("CREATE UNIQUE INDEX ON t (a)", What.NEW_UNIQUE),
        ("CREATE TRIGGER g BEFORE INSERT OR UPDATE OF a ON t EXECUTE FUNCTION f()", What.NEW_TRIGGER),
        ("CREATE OR REPLACE CONSTRAINT TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f()", What.NEW_TRIGGER),
        ("CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING", What.NEW_TRIGGER),
        ("CREATE EVENT TRIGGER g ON sql_drop EXECUTE FUNCTION f()", What.NEW_TRIGGER),
        ("CREATE POLICY p ON t USING (true)", What.ROW_SECURITY),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", What.REPLACED),
        ("CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$", What.REPLACED),
        ("CREATE TABLE t (a int REFERENCES u)", What.NEW_REFERENCE),
        ("DROP TABLE IF EXISTS t CASCADE", What.DROP),
        ("DROP MATERIALIZED VIEW v", What.DROP),
        ("DROP FUNCTION f(int, text)", What.DROP),
        ("DROP SCHEMA s", What.DROP),
        ("DROP TYPE e", What.DROP),
        ("DROP OWNED BY x", What.DROP),
        ("DROP INDEX CONCURRENTLY IF EXISTS i", What.DROP_INDEX),
        ("DROP TRIGGER IF EXISTS g ON t", What.DROP_TRIGGER),
        ("DROP RULE r ON t", What.DROP_TRIGGER),
        ("DROP POLICY p ON t", What.ROW_SECURITY),
        ("TRUNCATE t", What.EMPTIED),
        ("DELETE FROM ONLY t", What.EMPTIED),
        ("DELETE FROM t USING (SELECT a FROM u WHERE a > 1) v", What.EMPTIED),
        ("UPDATE t SET a = (SELECT 1 FROM u WHERE true)", What.REWRITTEN),
        ("UPDATE ONLY t AS x SET (a, b) = (1, 2)", What.REWRITTEN),
        ("REVOKE SELECT (a) ON t FROM PUBLIC", What.REVOKE),
        ("REVOKE GRANT OPTION FOR ALL ON ALL TABLES IN SCHEMA s FROM x", What.REVOKE),
        ("REVOKE a FROM b", What.REVOKE),
        ("REASSIGN OWNED BY a TO b", What.REVOKE),
    ],
)
def test_what_the_old_version_meets(text: str, what: What) -> None:
    assert whats(text) == [what]


@pytest.mark.parametrize(
    "text",
    [
        "DO $$ BEGIN DROP TABLE t; END $$",
        "CALL p()",
        "EXECUTE x",
        "EXPLAIN ANALYZE DELETE FROM t",
        "ROLLBACK",
        "SELECT cron.schedule('a', 'b')",
        "SELECT * FROM cron.schedule('a', 'b')",
        "SELECT 'DROP TABLE t' \\gexec",
        "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
        "CREATE CAST (a AS b) WITHOUT FUNCTION",
        "DROP CAST (a AS b)",
        "DROP TABLE",
        "DROP",
        "ALTER",
        "ALTER TABL t DROP c",
        "CREATE UNIQUE t",
        "UPDATE t",
        "DELETE t",
        "TRUNCATE",
        "REVOKE ALL ON",
        '"DROP" TABLE t',
        "'x'",
        "\\i other.sql",
        "ALTER TABLE t DROP c, ADD CHECK (a > '0)",
        "ALTER TABLE t ADD d text DEFAULT $x$ ; DROP TABLE t",
        "BEGIN /* DROP TABLE t",
        "ВЫБРАТЬ 1",
    ],
)
def test_what_is_not_understood_is_said_to_be(text: str) -> None:
    assert whats(text) == [What.UNKNOWN]


WORDS = st.sampled_from(
    [
        *("ALTER", "TABLE", "ADD", "DROP", "COLUMN", "CONSTRAINT", "CHECK", "NOT", "NULL", "SET", "DEFAULT", "TYPE"),
        *("CREATE", "UNIQUE", "INDEX", "ON", "VIEW", "DOMAIN", "VALUE", "RENAME", "TO", "DELETE", "FROM", "UPDATE"),
        *("WHERE", "REVOKE", "TRUNCATE", "SELECT", "WITH", "REFERENCES", "t", "'x'", '"q"', "(", ")", ",", ";", "."),
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_no_order_of_words_is_too_strange_to_read(text: str) -> None:
    for statement in split(text):
        for change in reading(statement).changes:
            assert 0 <= change.start < len(text)


HEADS = st.sampled_from(["ALTER TABLE t", "DROP", "TRUNCATE", "REVOKE ALL"])


@given(HEADS, st.lists(WORDS, max_size=6).map(" ".join))
def test_a_dangerous_verb_alone_is_never_harmless(head: str, tail: str) -> None:
    """No harmless action begins with that word, whatever follows it."""
    first = split(f"{head} FROBNICATE {tail}")[0]
    assert reading(first).changes


def test_several_things_at_once_are_several_changes() -> None:
    (statement,) = split('DROP TABLE a, s.b, "C"')
    assert [change.detail for change in reading(statement).changes] == ["table a", "table s.b", "table C"]
    assert whats("TRUNCATE a, b RESTART IDENTITY") == [What.EMPTIED, What.EMPTIED]


def test_what_is_made_is_known_by_its_name() -> None:
    made = [
        str(thing)
        for statement in split(
            "CREATE TABLE a (); CREATE TEMP TABLE s.b AS SELECT 1; CREATE UNIQUE INDEX i ON s.b (x); CREATE SCHEMA q;"
            "CREATE TABLE IF NOT EXISTS c (); CREATE OR REPLACE VIEW d AS SELECT 1;"
            "CREATE FUNCTION f() RETURNS int AS ''"
        )
        for thing in reading(statement).made
    ]
    assert made == ["a", "s.b", "s.i", "q"]


def test_bare_names_move_with_the_search_path() -> None:
    for text in ("SET search_path = x", "SET LOCAL search_path TO x", "SELECT set_config('search_path', '', false)"):
        assert reading(split(text)[0]).moves
    assert not reading(split("SET statement_timeout = 0")[0]).moves


def test_the_set_columns_of_an_update_are_known() -> None:
    (change,) = reading(split("UPDATE t SET a = f(b, c), d = 1")[0]).changes
    assert change.columns == ("a", "d")
