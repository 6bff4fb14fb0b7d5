"""The file of every number: written whole, and refused before the work where it cannot be."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from abreast.cli.json_file import require_writable, write
from abreast.model.errors import UsageError


def test_numbers_are_written_and_the_place_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "found.json"

    require_writable(file)
    write(file, {"found": [1, 2.5]}, Console())

    assert json.loads(file.read_text("utf-8")) == {"found": [1, 2.5]}
    assert capsys.readouterr().out == f"every number is in {file}\n"


def test_without_a_file_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    require_writable(None)
    write(None, {"found": 1}, Console())

    assert capsys.readouterr().out == ""


def test_a_file_that_cannot_be_is_quoted(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "found.json"

    with pytest.raises(UsageError) as refused:
        require_writable(file)

    assert str(file) in refused.value.message
