"""``abreast data lint``: files and stdin, what is found and how it ends."""

import io
import json
import sys
from pathlib import Path

import pytest

from abreast.cli.data_lint import as_json_text
from abreast.schema.names import Relation
from tests.cli.plane import Run

RENAME = "ALTER TABLE items RENAME COLUMN name TO title;\n"
HARMLESS = "SET lock_timeout = '1s';\nSET statement_timeout = '5s';\nCREATE TABLE IF NOT EXISTS orders (id bigint);\n"


@pytest.fixture
def files(short_tmp: Path) -> Path:
    """Where the program runs, with two migrations."""
    (short_tmp / "1.sql").write_text(RENAME, encoding="utf-8")
    (short_tmp / "2.sql").write_text(HARMLESS, encoding="utf-8")
    return short_tmp


def test_what_is_found_is_told_with_its_place_and_ends_with_2(files: Path, abreast: Run) -> None:
    ended = abreast("data", "lint", "1.sql", "2.sql")
    assert (ended.code, ended.err) == (2, "")
    (ours,) = (line for line in ended.out.splitlines() if "[abreast-" in line)
    assert ours.startswith("1.sql:1:19: error: ")
    assert ended.out.endswith("found in 2 files\n")
    assert files.joinpath("1.sql").read_text("utf-8") == RENAME


@pytest.mark.usefixtures("files")
def test_nothing_found_ends_with_0(abreast: Run) -> None:
    ended = abreast("data", "lint", "2.sql")
    assert (ended.code, ended.out) == (0, "nothing found in 1 file\n")


def test_stdin_is_a_file_too(abreast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(RENAME))
    ended = abreast("data", "lint", "-")
    assert ended.code == 2
    assert ended.out.startswith("-:1:1: ")


@pytest.mark.usefixtures("files")
def test_json_has_each_finding(abreast: Run) -> None:
    ended = abreast("data", "lint", "--json", "1.sql")
    found = json.loads(ended.out)
    assert ended.code == 2
    (ours,) = (each for each in found if each["rule"].startswith("abreast-"))
    assert {"file": "1.sql", "line": 1, "column": 19, "level": "error"}.items() <= ours.items()
    assert json.loads(abreast("data", "lint", "--json", "2.sql").out) == []


@pytest.mark.usefixtures("files")
def test_rules_can_be_left_out(abreast: Run) -> None:
    found = json.loads(abreast("data", "lint", "--json", "1.sql").out)
    words = [word for violation in found for word in ("--exclude", violation["rule"])]
    assert abreast("data", "lint", *words, "1.sql").out == "nothing found in 1 file\n"


def test_the_servers_version_and_the_tools_transaction_matter(files: Path, abreast: Run) -> None:
    files.joinpath("3.sql").write_text(
        "SET lock_timeout = '1s';\nSET statement_timeout = '5s';\n"
        "ALTER TABLE items ADD COLUMN n bigint DEFAULT 1;\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON items (n);\n",
        encoding="utf-8",
    )

    def rules(*options: str) -> set[str]:
        return {each["rule"] for each in json.loads(abreast("data", "lint", "--json", *options, "3.sql").out)}

    assert rules("--pg", "10") - rules("--pg", "18")
    assert rules("--pg", "18", "--transaction") - rules("--pg", "18")


def test_all_files_that_cannot_be_read_are_named(files: Path, abreast: Run) -> None:
    files.joinpath("latin.sql").write_bytes(b"-- caf\xe9\n")
    ended = abreast("data", "lint", "nowhere.sql", "1.sql", "latin.sql")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: 'nowhere.sql' cannot be read: No such file or directory; 'latin.sql' is no UTF-8: byte 0xe9 at 6\n"
        "  → name files of SQL, in UTF-8\n"
    )


def test_a_rule_cannot_break_the_terminal(files: Path, abreast: Run) -> None:
    files.joinpath("esc.sql").write_text('ALTER TABLE "a\x1b[31m" RENAME COLUMN b TO c;\n', encoding="utf-8")
    ended = abreast("data", "lint", "esc.sql")
    assert ended.code == 2
    assert "\x1b" not in ended.out


def test_values_of_ours_are_json() -> None:
    assert as_json_text({"at": (Relation("a", "b"), None)}, indent=None) == (
        '{"at":[{"schema":"a","name":"b"},null]}\n'
    )
    assert as_json_text([1]) == "[\n  1\n]\n"
