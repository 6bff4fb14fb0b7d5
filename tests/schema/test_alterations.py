"""Every action of ALTER is felt, harmless, or unknown; none is passed over."""

import pytest

from abreast.schema.ddl_changes import Reading, What
from abreast.schema.lexing import split
from abreast.schema.statements import reading


def read(text: str) -> Reading:
    return reading(split(text)[0])


@pytest.mark.parametrize(
    ("action", "what", "detail"),
    [
        ("DROP c", What.DROP, "column t.c"),
        ("DROP COLUMN IF EXISTS c CASCADE", What.DROP, "column t.c"),
        ("DROP CONSTRAINT IF EXISTS k", What.DROP_CONSTRAINT, "constraint k"),
        ("ALTER COLUMN c TYPE bigint USING c::bigint", What.CHANGED_TYPE, "column c"),
        ("ALTER c SET DATA TYPE bigint", What.CHANGED_TYPE, "column c"),
        ("ALTER c SET DEFAULT 3", What.CHANGED_DEFAULT, "column c"),
        ("ALTER c DROP DEFAULT", What.DROPPED_DEFAULT, "column c"),
        ("ALTER c SET NOT NULL", What.NOT_NULL, "column c"),
        ("ALTER c DROP NOT NULL", What.NULLABLE, "column c"),
        ("ALTER c ADD GENERATED ALWAYS AS IDENTITY", What.CHANGED_DEFAULT, "column c"),
        ("ALTER c DROP EXPRESSION", What.DROPPED_DEFAULT, "column c"),
        ("ALTER c RESTART WITH 5", What.CHANGED_DEFAULT, "column c"),
        ("ALTER CONSTRAINT k ENFORCED", What.NEW_CHECK, "constraint k"),
        ("RENAME TO u", What.RENAME, "t to u"),
        ("RENAME c TO d", What.RENAME, "column t.c to d"),
        ("RENAME COLUMN c TO d", What.RENAME, "column t.c to d"),
        ("RENAME CONSTRAINT k TO l", What.RENAME_CONSTRAINT, "constraint k"),
        ("SET SCHEMA app", What.RENAME, "t to app.t"),
        ("OWNER TO someone", What.REVOKE, "what only an owner may"),
        ("DETACH PARTITION p CONCURRENTLY", What.DETACH, "the rows shared with p"),
        ("NO INHERIT p", What.DETACH, "the rows shared with p"),
        ("ENABLE ALWAYS TRIGGER g", What.NEW_TRIGGER, "trigger g"),
        ("DISABLE TRIGGER ALL", What.NEW_TRIGGER, "trigger all"),
        ("DISABLE RULE r", What.NEW_TRIGGER, "rule r"),
        ("ENABLE ROW LEVEL SECURITY", What.ROW_SECURITY, "row-level security"),
        ("FORCE ROW LEVEL SECURITY", What.ROW_SECURITY, "row-level security"),
    ],
)
def test_actions_that_are_felt(action: str, what: What, detail: str) -> None:
    text = f"ALTER TABLE IF EXISTS ONLY t {action}"
    (change,) = read(text).changes
    assert (change.what, str(change.on), change.detail) == (what, "t", detail)
    assert text[change.start :].startswith(action)


@pytest.mark.parametrize(
    "action",
    [
        "VALIDATE CONSTRAINT k",
        "REPLICA IDENTITY FULL",
        "CLUSTER ON i",
        "SET WITHOUT CLUSTER",
        "SET (fillfactor = 70)",
        "RESET (fillfactor)",
        "SET TABLESPACE s",
        "SET UNLOGGED",
        "INHERIT p",
        "ATTACH PARTITION p FOR VALUES IN (1)",
        "DISABLE ROW LEVEL SECURITY",
        "NO FORCE ROW LEVEL SECURITY",
        "ALTER c SET STATISTICS 100",
        "ALTER c SET (n_distinct = 5)",
        "ALTER CONSTRAINT k DEFERRABLE",
    ],
)
def test_actions_that_no_version_meets(action: str) -> None:
    assert read(f"ALTER TABLE t {action}") == Reading()


@pytest.mark.parametrize(
    "action",
    ["", "SET", "SET SOMETHING", "ALTER c", "ALTER c BECOME d", "RENAME", "ENABLE", "NOT OF", "DROP", "DROP c,", "NO"],
)
def test_actions_that_are_not_understood_are_never_silent(action: str) -> None:
    assert [change.what for change in read(f"ALTER TABLE t {action}").changes] == [What.UNKNOWN]


def test_each_action_of_a_list_is_read() -> None:
    found = read('ALTER TABLE t\n  ADD c numeric(3, 2),\n  ALTER "C" DROP NOT NULL,\n  DROP d')
    assert [(change.what, change.columns) for change in found.changes] == [(What.NULLABLE, ("C",)), (What.DROP, ("d",))]
    assert [column for _, column in found.added] == ["c"]


def test_one_action_that_is_not_understood_makes_the_statement_unknown() -> None:
    assert [change.what for change in read("ALTER TABLE t DROP c, FROBNICATE d").changes] == [What.UNKNOWN]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("ALTER TYPE e ADD VALUE IF NOT EXISTS 'b' BEFORE 'a'", What.NEW_ENUM_VALUE),
        ("ALTER TYPE e RENAME VALUE 'a' TO 'b'", What.RENAME),
        ("ALTER TYPE e RENAME TO f", What.RENAME),
        ("ALTER TYPE p ADD ATTRIBUTE z int", What.CHANGED_TYPE),
        ("ALTER TYPE p RENAME ATTRIBUTE x TO y", What.RENAME),
        ("ALTER TYPE e OWNER TO someone", What.REVOKE),
        ("ALTER TYPE e BECOME f", What.UNKNOWN),
        ("ALTER DOMAIN d ADD CONSTRAINT k CHECK (value > 0) NOT VALID", What.NEW_CHECK),
        ("ALTER DOMAIN d SET NOT NULL", What.NOT_NULL),
        ("ALTER DOMAIN d DROP NOT NULL", What.NULLABLE),
        ("ALTER DOMAIN d SET DEFAULT 1", What.CHANGED_DEFAULT),
        ("ALTER DOMAIN d DROP DEFAULT", What.DROPPED_DEFAULT),
        ("ALTER DOMAIN d DROP CONSTRAINT k", What.DROP_CONSTRAINT),
        ("ALTER DOMAIN d SET SCHEMA s", What.RENAME),
        ("ALTER INDEX IF EXISTS i RENAME TO j", What.RENAME_CONSTRAINT),
        ("ALTER SEQUENCE s RESTART WITH 1000", What.CHANGED_DEFAULT),
        ("ALTER SEQUENCE IF EXISTS s AS bigint", What.CHANGED_DEFAULT),
        ("ALTER SEQUENCE s RENAME TO z", What.RENAME),
        ("ALTER SEQUENCE s SET SCHEMA z", What.RENAME),
        ("ALTER VIEW v RENAME TO w", What.RENAME),
        ("ALTER VIEW v ALTER COLUMN c SET DEFAULT 1", What.CHANGED_DEFAULT),
        ("ALTER VIEW v ALTER c DROP DEFAULT", What.DROPPED_DEFAULT),
        ("ALTER VIEW v SET (security_invoker = true)", What.UNKNOWN),
        ("ALTER MATERIALIZED VIEW v RENAME COLUMN c TO d", What.RENAME),
        ("ALTER SCHEMA s RENAME TO z", What.RENAME),
        ("ALTER FUNCTION f(int, text) RENAME TO g", What.RENAME),
        ("ALTER FUNCTION f(int) SET search_path = x", What.UNKNOWN),
        ("ALTER FOREIGN TABLE t DROP c", What.DROP),
        ("ALTER POLICY p ON t USING (true)", What.ROW_SECURITY),
        ("ALTER ROLE r NOLOGIN", What.UNKNOWN),
        ("ALTER SYSTEM SET work_mem = '1MB'", What.UNKNOWN),
        ("ALTER EXTENSION x UPDATE", What.UNKNOWN),
    ],
)
def test_what_other_alters_do(text: str, what: What) -> None:
    assert [change.what for change in read(text).changes] == [what]


@pytest.mark.parametrize(
    "text",
    [
        "ALTER DOMAIN d VALIDATE CONSTRAINT k",
        "ALTER TYPE e SET (receive = x)",
        "ALTER INDEX i SET (fillfactor = 70)",
        "ALTER INDEX i ATTACH PARTITION j",
        "ALTER SEQUENCE s OWNED BY t.id",
        "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM x",
        "ALTER STATISTICS s SET STATISTICS 10",
        "ALTER PUBLICATION p ADD TABLE t",
    ],
)
def test_other_alters_that_no_version_meets(text: str) -> None:
    assert read(text).changes == ()
