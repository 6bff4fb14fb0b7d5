"""squawk for real: its findings in our words; squawk and PostgreSQL as witnesses for our own rules."""

import os
from pathlib import Path

import psycopg
import pytest

from abreast.model.errors import AbreastError, UsageError
from abreast.postgres import squawk as module
from abreast.postgres.connection import sql
from abreast.postgres.squawk import SAID_BY_OURS, linted, squawk
from abreast.schema.lint import Violation, lint_sql

MIGRATION = """\
-- é: columns are characters
ALTER TABLE orders ADD COLUMN note char(3);
/* é */ CREATE INDEX i ON orders (note);
ALTER TABLE orders DROP COLUMN price;
"""
OPT_IN = (
    *(
        "ban-add-composite-attribute",
        "ban-add-enum-value",
        "ban-alter-domain-with-add-constraint",
        "ban-alter-identity",
    ),
    *("ban-alter-policy-roles", "ban-alter-row-level-security", "ban-create-policy", "ban-detach-inheritance"),
    *("ban-disable-trigger", "ban-drop-constraint", "ban-drop-default", "ban-drop-domain", "ban-drop-extension"),
    *("ban-drop-function", "ban-drop-generated-expression", "ban-drop-index", "ban-drop-not-null", "ban-drop-policy"),
    *("ban-drop-schema", "ban-drop-sequence", "ban-drop-trigger", "ban-drop-type", "ban-drop-view", "ban-revoke"),
    *("ban-new-write-restriction", "ban-replace-view-function", "ban-set-default", "ban-set-schema"),
)
"""squawk's own rules about clients and rolling back, which are off unless asked for."""
CORPUS = (
    "ALTER TABLE t ADD COLUMN c int NOT NULL",
    "ALTER TABLE t ADD COLUMN c int DEFAULT 1 UNIQUE",
    "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID",
    "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)",
    "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES u (id) NOT VALID",
    "ALTER TABLE t ADD EXCLUDE USING gist (a WITH =)",
    "ALTER TABLE t ADD PRIMARY KEY (a)",
    "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)",
    "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
    "ALTER TABLE t ALTER COLUMN a DROP NOT NULL",
    "ALTER TABLE t ALTER COLUMN a SET DEFAULT 1",
    "ALTER TABLE t ALTER COLUMN a DROP DEFAULT",
    "ALTER TABLE t ALTER COLUMN a DROP EXPRESSION",
    "ALTER TABLE t ALTER COLUMN a DROP IDENTITY",
    "ALTER TABLE t ALTER COLUMN a SET GENERATED ALWAYS",
    "ALTER TABLE t ALTER COLUMN a TYPE text",
    "ALTER TABLE t DROP COLUMN a",
    "ALTER TABLE t DROP CONSTRAINT k",
    "ALTER TABLE t RENAME TO u",
    "ALTER TABLE t RENAME COLUMN a TO b",
    "ALTER TABLE t SET SCHEMA s",
    "ALTER TABLE t NO INHERIT u",
    "ALTER TABLE t DETACH PARTITION p",
    "ALTER TABLE t DISABLE TRIGGER ALL",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE t FORCE ROW LEVEL SECURITY",
    "CREATE POLICY p ON t USING (true)",
    "ALTER POLICY p ON t TO public",
    "DROP POLICY p ON t",
    "ALTER TYPE e ADD VALUE 'b' AFTER 'a'",
    "ALTER TYPE e ADD ATTRIBUTE x int",
    "ALTER DOMAIN d ADD CONSTRAINT k CHECK (value > 0)",
    "CREATE OR REPLACE VIEW v AS SELECT 1",
    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    *(f"DROP {kind} x" for kind in ("TABLE", "VIEW", "MATERIALIZED VIEW", "TYPE", "DOMAIN", "SCHEMA", "SEQUENCE")),
    *(f"DROP {kind} x" for kind in ("FUNCTION", "EXTENSION", "INDEX", "DATABASE")),
    "DROP TRIGGER g ON t",
    "TRUNCATE t CASCADE",
    "REVOKE SELECT ON t FROM x",
)


def places(violations: tuple[Violation, ...]) -> list[tuple[str, int, int, str]]:
    return [(each.file, each.line, each.column, each.rule) for each in violations if "robust" not in each.rule]


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without anybody's .squawk.toml."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_squawk_finds_counts_from_one() -> None:
    found = squawk({"a/b.sql": f"SET lock_timeout = 1; SET statement_timeout = 1;\n{MIGRATION}"})
    assert places(found) == [
        ("a/b.sql", 3, 36, "ban-char-field"),
        ("a/b.sql", 4, 9, "require-concurrent-index-creation"),
        ("a/b.sql", 5, 20, "ban-drop-column"),
    ]
    assert {each.level for each in found} == {"warning"}
    assert "concurrently" in next(each.help for each in found if each.rule.startswith("require"))


def test_what_does_not_parse_is_an_error_at_its_place() -> None:
    found = squawk({"-": "SELECT 1;\nALTER TABL t;\n"})
    assert {(each.file, each.line, each.rule, each.level) for each in found} == {("-", 2, "syntax-error", "error")}


def test_nothing_found_is_nothing() -> None:
    assert squawk({}) == squawk({"a.sql": "", "b.sql": "SELECT 1;"}) == ()


def test_placeholders_of_flyway_are_names_to_squawk_and_move_nothing() -> None:
    found = squawk({"V1__a.sql": "CREATE TABLE ${schema}.t (a text, b char(3));"})
    assert [(each.line, each.column) for each in found if each.rule == "ban-char-field"] == [(1, 37)]
    assert "syntax-error" not in {each.rule for each in found}


def test_the_major_and_the_transaction_are_passed_on() -> None:
    text = {"a.sql": "CREATE INDEX CONCURRENTLY i ON t (a);\nSELECT 1;"}
    rule = "ban-concurrent-index-creation-in-transaction"
    assert rule in {each.rule for each in squawk(text, 15, in_transaction=True)}
    assert rule not in {each.rule for each in squawk(text, 15)}
    default = {"a.sql": "ALTER TABLE t ADD COLUMN a int DEFAULT 1;"}
    assert "adding-field-with-default" in {each.rule for each in squawk(default, 10)}
    assert "adding-field-with-default" not in {each.rule for each in squawk(default, 15)}


def test_squawks_own_comment_and_settings_hold(somewhere: Path) -> None:
    assert "ban-char-field" in {each.rule for each in linted({"a.sql": MIGRATION})}
    ignored = f"-- squawk-ignore-file ban-char-field\n{MIGRATION}"
    assert "ban-char-field" not in {each.rule for each in linted({"a.sql": ignored})}
    (somewhere / ".squawk.toml").write_text('excluded_rules = ["ban-char-field"]\n')
    after = {each.rule for each in linted({"a.sql": MIGRATION}, excluded=["require-concurrent-index-creation"])}
    assert not after & {"ban-char-field", "require-concurrent-index-creation"}
    assert "abreast-drop" in after


def test_settings_that_squawk_refuses_are_told(somewhere: Path) -> None:
    (somewhere / ".squawk.toml").write_text("[oops")
    with pytest.raises(UsageError, match="Configuration error"):
        squawk({"a.sql": "SELECT 1;"})


def test_a_squawk_that_is_missing_is_told(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(somewhere / "python"))
    monkeypatch.setenv("PATH", str(somewhere))
    with pytest.raises(UsageError) as raised:
        squawk({"a.sql": "SELECT 1;"})
    assert raised.value.remedy == "install it: pip install squawk-cli"


@pytest.mark.parametrize(
    ("script", "message"),
    [("cat >/dev/null; echo '[{\"line\": 1}]'", "not understood"), ("exec sleep 5", "did not finish in 0.2 s")],
)
def test_another_squawk_on_the_path(
    somewhere: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    program = somewhere / "bin" / "squawk"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(somewhere / "python"))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    with pytest.raises(AbreastError, match=message):
        squawk({"a.sql": "SELECT 1;"})


def test_both_linters_in_the_order_of_files_and_lines() -> None:
    found = linted({"b.sql": MIGRATION, "a.sql": "DROP TABLE orders;"}, excluded=["prefer-robust-stmts"])
    assert [(each.file, each.line) for each in found] == sorted((each.file, each.line) for each in found)
    drops = [(each.file, each.line, each.rule) for each in found if "drop" in each.rule]
    assert drops == [("a.sql", 1, "abreast-drop"), ("b.sql", 4, "abreast-drop")]


def test_rules_of_ours_may_be_excluded_too() -> None:
    assert not [each for each in linted({"a.sql": "DROP TABLE t;"}, excluded=["abreast-drop"]) if "drop" in each.rule]


@pytest.mark.parametrize("statement", CORPUS)
def test_ours_are_silent_about_nothing_that_squawk_would_report(statement: str, somewhere: Path) -> None:
    """Squawk parses the whole grammar and has opt-in rules for most of this: a second reader for each statement."""
    included = ", ".join(f'"{rule}"' for rule in OPT_IN)
    (somewhere / ".squawk.toml").write_text(f"included_rules = [{included}]\n")
    theirs = {each.rule for each in squawk({"a.sql": f"{statement};"})}
    ours = {each.rule for each in lint_sql("a.sql", f"{statement};")}
    assert "syntax-error" not in theirs
    assert ours
    assert ours != {"abreast-unknown"}


def test_the_corpus_breaks_every_one_of_those_rules(somewhere: Path) -> None:
    included = ", ".join(f'"{rule}"' for rule in OPT_IN)
    (somewhere / ".squawk.toml").write_text(f"included_rules = [{included}]\n")
    theirs = {each.rule for each in squawk({"a.sql": ";\n".join(CORPUS) + ";"})}
    assert {*OPT_IN, *SAID_BY_OURS} - theirs == set()


BEFORE = """
CREATE TYPE mood AS ENUM ('ok');
CREATE TABLE u (id int PRIMARY KEY);
INSERT INTO u VALUES (1), (2);
CREATE TABLE t (id int PRIMARY KEY, a int, b int DEFAULT 1 NOT NULL);
INSERT INTO t VALUES (1, 1, 1);
CREATE UNIQUE INDEX t_b_partial ON t (b) WHERE b > 100;
ALTER TABLE t ADD CONSTRAINT one UNIQUE (id, a);
"""
FAILS = (
    ("ALTER TABLE t ADD CHECK (a > 0) NOT VALID", "INSERT INTO t (id, a) VALUES (2, 0)", "new-check"),
    ("ALTER TABLE t ADD c int DEFAULT 5 CHECK (c > a)", "INSERT INTO t (id, a) VALUES (2, 9)", "new-check"),
    ("CREATE UNIQUE INDEX ON t (a)", "INSERT INTO t (id, a) VALUES (2, 1)", "new-unique"),
    ("ALTER TABLE t ADD c int DEFAULT 5 UNIQUE", "INSERT INTO t (id, a) VALUES (2, 9)", "new-unique"),
    ("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u", "INSERT INTO t (id, a) VALUES (2, 9)", "new-foreign-key"),
    ("CREATE TABLE w (u int REFERENCES u); INSERT INTO w VALUES (1)", "DELETE FROM u WHERE id = 1", "new-reference"),
    ("ALTER TABLE t ALTER a SET NOT NULL", "INSERT INTO t (id) VALUES (2)", "not-null"),
    ("TRUNCATE t; ALTER TABLE t ADD c int NOT NULL", "INSERT INTO t (id) VALUES (2)", "required-column"),
    ("ALTER TABLE t ALTER b DROP DEFAULT", "INSERT INTO t (id) VALUES (2)", "dropped-default"),
    ("ALTER TABLE t DROP a", "SELECT a FROM t", "drop"),
    ("DROP INDEX t_b_partial", "INSERT INTO t (id) VALUES (2) ON CONFLICT (b) WHERE b > 100 DO NOTHING", "drop-index"),
    ("ALTER TABLE t RENAME a TO c", "SELECT a FROM t", "rename"),
    (
        "ALTER TABLE t RENAME CONSTRAINT one TO two",
        "INSERT INTO t (id) VALUES (2) ON CONFLICT ON CONSTRAINT one DO NOTHING",
        "rename-constraint",
    ),
    (
        "ALTER TABLE t DROP CONSTRAINT one",
        "INSERT INTO t (id) VALUES (2) ON CONFLICT ON CONSTRAINT one DO NOTHING",
        "drop-constraint",
    ),
)
BEARS = (
    "ALTER TABLE t ADD c int",
    "ALTER TABLE t ADD c int NOT NULL DEFAULT 1",
    "ALTER TABLE t ADD c text UNIQUE CHECK (length(c) < 10)",
    "ALTER TABLE t ADD c bigint GENERATED ALWAYS AS IDENTITY",
    "ALTER TABLE t ADD c bigserial UNIQUE",
    "CREATE INDEX ON t (a)",
    "CREATE TABLE w (a int CHECK (a > 0) UNIQUE NOT NULL)",
    "CREATE VIEW v AS SELECT a FROM t",
)


@pytest.mark.parametrize(("migration", "old", "rule"), FAILS)
def test_what_is_reported_does_break_the_old_version(database: str, migration: str, old: str, rule: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(sql(BEFORE))
        with connection.transaction(force_rollback=True):
            connection.execute(sql(old))
        connection.execute(sql(migration))
        with pytest.raises(psycopg.Error):
            connection.execute(sql(old))
    assert f"abreast-{rule}" in {each.rule for each in lint_sql("a.sql", migration)}


def test_what_is_not_reported_does_not_break_it(database: str) -> None:
    writes = (
        "INSERT INTO t (id, a) VALUES (2, 0), (3, 0); UPDATE t SET a = 9; DELETE FROM u; DELETE FROM t WHERE id = 1"
    )
    for migration in BEARS:
        assert lint_sql("a.sql", migration) == ()
        with psycopg.connect(database) as connection:
            connection.execute(sql(BEFORE))
            connection.execute(sql(migration))
            connection.execute(sql(writes))
            connection.rollback()
