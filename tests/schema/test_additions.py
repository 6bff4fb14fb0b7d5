"""New columns and constraints: only what the old version cannot bear is a change."""

import pytest

from abreast.schema.additions import references
from abreast.schema.ddl_changes import Space, Thing, What
from abreast.schema.lexing import split
from abreast.schema.statements import reading


def whats(action: str) -> list[What]:
    read = reading(split(f"ALTER TABLE t ADD {action}")[0])
    return [change.what for change in read.changes]


@pytest.mark.parametrize(
    "column",
    [
        "c int",
        "COLUMN c numeric(12, 2) NULL",
        "c int NOT NULL DEFAULT 0",
        "c int DEFAULT 0 NOT NULL",
        "c bigint GENERATED ALWAYS AS IDENTITY",
        "c bigint NOT NULL GENERATED ALWAYS AS (a * 2) STORED",
        "c bigserial NOT NULL",
        "c bigserial PRIMARY KEY",
        "c text UNIQUE",
        "c text DEFAULT NULL UNIQUE",
        "c int CHECK (c > 0 AND c::bigint IN (1, 2) OR c IS NULL)",
        "c text CHECK (length(c) < 10)",
        '"check" int',
        "IF NOT EXISTS c int",
    ],
)
def test_columns_that_the_old_version_need_not_know(column: str) -> None:
    assert whats(column) == []


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("c int NOT NULL", What.REQUIRED_COLUMN),
        ("COLUMN IF NOT EXISTS c int NOT NULL", What.REQUIRED_COLUMN),
        ("c int NOT NULL DEFAULT NULL", What.REQUIRED_COLUMN),
        ("c int PRIMARY KEY", What.REQUIRED_COLUMN),
        ("c text DEFAULT 'x' UNIQUE", What.NEW_UNIQUE),
        ("c text UNIQUE NULLS NOT DISTINCT", What.NEW_UNIQUE),
        ("c int DEFAULT 5 CHECK (c > a)", What.NEW_CHECK),
        ('c int CHECK (c IS NOT NULL OR "A" < 5)', What.NEW_CHECK),
        ("c int REFERENCES u (id)", What.NEW_REFERENCE),
        ("CHECK (a > 0) NOT VALID", What.NEW_CHECK),
        ("CONSTRAINT n CHECK (a > 0)", What.NEW_CHECK),
        ("UNIQUE (a, b)", What.NEW_UNIQUE),
        ("CONSTRAINT n PRIMARY KEY (a)", What.NEW_UNIQUE),
        ("PRIMARY KEY USING INDEX i", What.NEW_UNIQUE),
        ("EXCLUDE USING gist (during WITH &&)", What.NEW_UNIQUE),
        ("CONSTRAINT n NOT NULL a NOT VALID", What.NOT_NULL),
        ("FOREIGN KEY (a) REFERENCES t (id)", What.NEW_FOREIGN_KEY),
        ("CONSTRAINT n BANANA (a)", What.UNKNOWN),
        ("CONSTRAINT", What.UNKNOWN),
        ("", What.UNKNOWN),
    ],
)
def test_what_the_old_version_meets(action: str, what: What) -> None:
    assert whats(action) == [what]


def test_a_column_may_be_wrong_in_several_ways() -> None:
    assert whats("c int NOT NULL CHECK (c > a) REFERENCES u") == [
        What.REQUIRED_COLUMN,
        What.NEW_CHECK,
        What.NEW_REFERENCE,
    ]


@pytest.mark.parametrize("action", ["CHECK (a > 0) NOT ENFORCED", "CONSTRAINT n UNIQUE USING INDEX i"])
def test_constraints_that_ask_nothing_new(action: str) -> None:
    assert whats(action) == []


def test_a_foreign_key_changes_both_tables() -> None:
    key, reference = reading(split("ALTER TABLE t ADD CONSTRAINT n FOREIGN KEY (a) REFERENCES app.u (id)")[0]).changes
    assert (key.what, str(key.on), key.detail) == (What.NEW_FOREIGN_KEY, "t", "constraint n")
    assert (reference.what, str(reference.on), reference.detail) == (What.NEW_REFERENCE, "app.u", "by t")


def test_references_to_itself_do_not_count() -> None:
    words = split("(a int REFERENCES t, b int REFERENCES u (id), c int REFERENCES public.t)")[0].words
    assert [str(change.on) for change in references(Thing(Space.RELATION, "", "t"), words)] == ["u"]
