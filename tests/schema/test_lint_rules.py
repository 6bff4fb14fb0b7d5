"""Every kind of change has its rule, and every rule says what is met and where to go."""

import re
from pathlib import Path

import pytest

from abreast.schema.ddl_changes import What
from abreast.schema.lint_rules import RULES

DOCS = Path(__file__).parents[2] / "docs" / "lint.md"
OPERATIONS = {
    *("add_column", "alter_column", "create_constraint", "drop_column", "drop_constraint", "drop_index", "drop_table"),
    *("rename_column", "rename_constraint", "rename_table"),
}


@pytest.mark.parametrize("what", What)
def test_every_change_has_a_rule(what: What) -> None:
    rule = RULES[what]
    places = set(re.findall(r"\{(\w*)\}", rule.message))
    assert "detail" in places
    assert places <= {"on", "detail"}
    assert "{" not in rule.help
    assert what is What.UNKNOWN or "the old version" in rule.message + rule.help


def test_no_rule_is_about_nothing() -> None:
    assert set(RULES) == set(What)


@pytest.mark.parametrize("what", What)
def test_remedies_name_operations_that_exist(what: What) -> None:
    assert set(re.findall(r"\b[a-z]+_(?:column|constraint|index|table)\b", RULES[what].help)) <= OPERATIONS


@pytest.mark.parametrize("what", What)
def test_the_page_lists_every_rule_with_its_level(what: What) -> None:
    assert f"| `abreast-{what}` | {RULES[what].level} |" in DOCS.read_text()
