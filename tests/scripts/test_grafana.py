"""The script that builds the dashboard: the committed file is what it makes."""

import json
from pathlib import Path

import pytest

from scripts.grafana import FILE, main, written


def test_the_committed_dashboard_is_what_the_script_makes() -> None:
    assert FILE.read_text("utf-8") == written(), "run scripts/grafana.py and commit what it writes"
    assert main(["--check"]) == 0


def test_it_makes_the_same_each_time() -> None:
    assert written() == written()
    assert json.loads(written())["uid"] == "abreast"


def test_a_check_finds_another_file_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "abreast.json"
    assert main(["--check"], file) == 1
    assert not file.exists()
    file.write_text("{}", encoding="utf-8")
    assert main(["--check"], file) == 1
    assert file.read_text("utf-8") == "{}"
    assert "run it and commit the file" in capsys.readouterr().err
    assert main([], file) == 0
    assert main(["--check"], file) == 0


def test_an_unknown_word_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--chek"], tmp_path / "abreast.json") == 2
    assert "--chek: unknown; allowed is --check, or nothing" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
