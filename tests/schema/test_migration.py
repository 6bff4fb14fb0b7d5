"""Migrations as whole files: every example is read, every fault is told, and what is written is what is read."""

import json
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.model.errors import Fault, MigrationError
from abreast.schema.mapping_keys import MigrationKeys
from abreast.schema.migration import Migration, combined, read_migration
from abreast.schema.migration_keys import KINDS
from abreast.schema.operations import DropIndex, Operation, place_of
from tests.schema.migration_strategies import NAMES_OF_KINDS, OPERATIONS, dumped

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "migrations.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES: dict[str, dict[str, object]] = yaml.safe_load(
    Path(__file__).with_name("pgroll_examples.yaml").read_text("utf-8")
)
SYNTAXES: list[Callable[[object], str]] = [
    lambda value: json.dumps(value, indent="\t"),
    lambda value: yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000),
]


def told(text: str, file: str = "a.yaml") -> str:
    """Every fault of a text as a user sees them."""
    with pytest.raises(MigrationError) as raised:
        read_migration(file, text)
    return str(raised.value)


# Examples.


@pytest.mark.parametrize("syntax", SYNTAXES, ids=["json", "yaml"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_pgroll_are_read(name: str, syntax: Callable[[object], str]) -> None:
    items = EXAMPLES[name]["operations"]
    assert isinstance(items, list)
    found = read_migration(f"migrations/{name}.yaml", syntax(EXAMPLES[name])).operations
    older = {"13_rename_column.json, of an earlier release": "RenameColumn"}
    kinds = [KINDS[next(iter(item))].kind.__name__ for item in items]
    assert [type(operation).__name__ for operation in found] == [older.get(name, kind) for kind in kinds]


def test_all_examples_of_pgroll_are_there() -> None:
    assert {int(name[:2]) for name in EXAMPLES} == set(range(1, 57))


@pytest.mark.parametrize("text", BLOCKS)
def test_examples_of_the_page_are_read(text: str) -> None:
    assert read_migration("a.yaml", text).operations


def test_the_page_shows_every_operation_and_names_every_key() -> None:
    shown = {type(operation) for text in BLOCKS for operation in read_migration("a.yaml", text).operations}
    assert shown == set(typing.get_args(Operation))
    words = set(re.findall(r"`([A-Za-z_]+)`", PAGE)) | set(re.findall(r"(\w+):", "".join(BLOCKS)))
    assert set(KINDS) <= words
    keys = {info.alias or name for model in _models(MigrationKeys) for name, info in model.model_fields.items()}
    assert keys - words == set()
    assert [name for name in KINDS if f"\n### {name}\n" not in PAGE] == []


def _models(model: type[MigrationKeys]) -> Iterator[type[MigrationKeys]]:
    for below in model.__subclasses__():
        if below.__module__.startswith("abreast."):
            yield below
        yield from _models(below)


# Whole files.


def test_a_migration_is_called_as_its_file() -> None:
    text = "name: other\nversion_schema: v9\noperations: [{drop_table: {name: t}}]"
    migration = read_migration("db/migrations/07_drop.t.yaml", text)
    assert (migration.name, migration.file) == ("07_drop.t", "db/migrations/07_drop.t.yaml")


def test_migrations_are_combined_in_their_order() -> None:
    first = read_migration("1.yaml", "operations: [{drop_table: {name: b}}, {drop_index: {name: i}}]")
    second = read_migration("2.yaml", "operations: [{drop_table: {name: a}}]")
    assert combined([first, second]) == (*first.operations, *second.operations)
    assert combined([]) == ()
    assert combined(iter([second, first]))[0].place.file == "2.yaml"


def test_all_faults_of_a_file_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = """\
operations:
  - drop_column: {table: t, column: a, doun: b}
  - creat_table: {name: t}
  - drop_table: {name: t}
    drop_index: {nam: i}
  - sql: {up: SELECT 1}
  - drop_table: {name: t, name: s}
  - create_table
  - {}
  - drop_table: t
versionschema: v1
name: ''
"""
    assert told(text).split("\n") == [
        "a.yaml:2: operations[0].drop_column.doun: unknown key 'doun'; allowed here: table, column, down",
        "  → did you mean `down`?",
        "a.yaml:3: operations[1].creat_table: there is no operation 'creat_table'",
        "  → did you mean `create_table`?",
        "a.yaml:4: operations[2]: an item has one operation, found 'drop_table', 'drop_index'",
        "  → begin each with a dash: `- drop_table:`, `- drop_index:`",
        "a.yaml:5: operations[2].drop_index.name: `name` is missing",
        "  → add `name: …`",
        "a.yaml:5: operations[2].drop_index.nam: unknown key 'nam'; allowed here: name",
        "  → did you mean `name`?",
        "a.yaml:6: operations[3].sql: `sql` stands alone in its file unless it runs on completion",
        "  → move it to a file of its own, or add `onComplete: true`",
        "a.yaml:7: operations[4].drop_table.name: 'name' is here twice, the first time on line 7",
        "  → keep one of the two",
        "a.yaml:8: operations[5]: 'create_table' is no operation",
        "  → write its name and its keys, such as `drop_index: {name: …}`",
        "a.yaml:9: operations[6]: an empty mapping is no operation",
        "  → write its name and its keys, such as `drop_index: {name: …}`",
        "a.yaml:10: operations[7].drop_table: 't' is not allowed here, only a mapping of keys",
        "  → write a mapping of keys",
        "a.yaml:11: versionschema: unknown key 'versionschema'; allowed here: operations, name, version_schema",
        "  → did you mean `version_schema`?",
        "a.yaml:12: name: the text is empty",
        "  → write a name",
        "a.yaml: 12 faults",
    ]


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("", "a.yaml:1: the file is empty", "write `operations:` with a list"),
        ("# nothing yet", "a.yaml:1: the file is empty", "write `operations:` with a list"),
        (
            "- drop_table: {name: t}",
            "a.yaml:1: a migration is a mapping with `operations`, found a list",
            "operations:",
        ),
        ("5", "found `5`", "write `operations:`"),
        ("name: a", "operations: `operations` is missing", "write `operations:` with a list"),
        ("operations:", "operations: nothing is listed under this key", "write `operations:` with a list"),
        ("operations: {}", "operations: nothing is listed under this key", "write `operations:` with a list"),
        ("operations: {drop_table: {name: t}}", "operations: a mapping of keys is not allowed here, only a list", "- "),
        ("operations: all", "operations: 'all' is not allowed here, only a list", "such as `- drop_index"),
        ("operations: [{drop_table: {name: t}]", "this is no valid YAML", "close the bracket"),
        ('{"operations": [}', "this is no valid YAML", ""),
        ("operations: [!!set {a}]", "the tag 'tag:yaml.org,2002:set' is not allowed", "remove the tag"),
        ("operations: [{vacuum: {}}]", "there is no operation 'vacuum'", "write one of create_table, rename_table,"),
        ("operations: [{drop_table: , name: t}]", "found 'drop_table', 'name'", "indent the operation's keys below"),
        ("version_schema: [a]\noperations: [{drop_index: {name: i}}]", "version_schema: a list is not allowed", "name"),
        ("{" * 90 + "}" * 90, "nested more than 40 levels deep", "nest less"),
        ("{" + " " * 100_000 + "}", "100,002 characters", "shorten it"),
    ],
)
def test_what_is_no_migration_is_told(text: str, message: str, remedy: str) -> None:
    found = told(text)
    assert message in found
    assert remedy in found


@pytest.mark.parametrize("beside", ["drop_table: {name: t}", "sql: {up: SELECT 2}", "drop_table: {}"])
def test_sql_at_the_start_stands_alone(beside: str) -> None:
    assert "operations[1].sql: `sql` stands alone" in told(f"operations: [{{{beside}}}, {{sql: {{up: SELECT 1}}}}]")
    if beside != "drop_table: {}":
        beside = beside.replace("2}", "2, onComplete: true}")
        later = f"operations: [{{sql: {{up: SELECT 1, onComplete: true}}}}, {{{beside}}}]"
        assert len(read_migration("a.yaml", later).operations) == 2


def test_a_fault_of_an_older_form_is_where_it_was_written() -> None:
    text = """\
operations:
  - create_index:
      table: t
      name: i
      columns:
        a: {}
        b:
          sort: UP
"""
    assert "a.yaml:8: operations[0].create_index.columns.b.sort: 'UP' is not allowed" in told(text)


def test_the_places_of_single_keys_are_kept() -> None:
    text = """\
operations:
  - create_index:
      table: t
      name: i
      columns:
        b:
          sort: DESC
  - rename_column:
      table: t
      column: a
      name: b
  - create_table:
      name: t
      columns:
        - {name: a, type: int}
        - name: b
          type: int
"""
    index, rename, table = read_migration("a.yaml", text).operations
    assert (index.place.line, index.place.path) == (2, "operations[0].create_index")
    sort = place_of(index, "columns", 0, "sort")
    assert (sort.line, sort.path) == (7, "operations[0].create_index.columns.b.sort")
    assert place_of(index, "columns", 0, "column").line == 6
    assert place_of(index, "predicate").path == "operations[0].create_index.predicate"
    assert (place_of(rename, "to").line, place_of(rename, "to").path) == (11, "operations[1].rename_column.name")
    assert place_of(table, "columns", 1, "type").line == 17
    assert place_of(table, "columns", 1, "default").line == 16


# JSON.


def test_json_is_read_with_tabs_and_characters_in_two_halves() -> None:
    text = '{\n\t"operations":\t[\n\t\t{"drop_index": {"name": "a\\ud83d\\ude00\\tb\\\\ud83d"}}\n\t]\n}'
    (operation,) = read_migration("a.json", text).operations
    assert operation == DropIndex("a😀\tb\\ud83d")
    assert operation.place.line == 3


def test_half_a_character_is_refused() -> None:
    assert "half of a surrogate pair" in told('{"operations": [{"drop_index": {"name": "\\ud83d"}}]}')


def test_tabs_in_yaml_text_stay() -> None:
    (operation,) = read_migration("a.yaml", "{operations: [{drop_index: {name: 'a\tb'}}]}").operations
    assert operation == DropIndex("a\tb")


@settings(max_examples=150, deadline=None)
@given(st.lists(OPERATIONS, min_size=1, max_size=3), st.sampled_from(SYNTAXES))
def test_what_is_written_is_what_is_read(made: list[Operation], syntax: Callable[[object], str]) -> None:
    text = syntax({"operations": [{NAMES_OF_KINDS[type(operation)]: dumped(operation)} for operation in made]})
    assert read_migration("a.yaml", text) == Migration("a", "a.yaml", tuple(made))


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(
                st.sampled_from(["table", "name", "columns", "up", "type", "check", *KINDS]), below, max_size=3
            )
        ),
        max_leaves=12,
    )
)
def test_nothing_that_is_written_breaks_the_reader(value: object) -> None:
    for kind in KINDS:
        faults: tuple[Fault, ...] = ()
        try:
            read_migration("a.yaml", json.dumps({"operations": [{kind: value}]}))
        except MigrationError as error:
            faults = error.faults
        assert all(fault.line == 1 and fault.path and fault.message and fault.remedy for fault in faults)
