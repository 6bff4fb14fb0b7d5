"""Commands are looked for beside the interpreter, then on the PATH."""

from pathlib import Path

import pytest

from abreast.bench.commands import which


def test_a_command_beside_the_interpreter_is_found_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, path = tmp_path / "bin", tmp_path / "path"
    for directory in (beside, path):
        directory.mkdir()
        (directory / "traefik").write_text("#!/bin/sh\n", encoding="utf-8")
        (directory / "traefik").chmod(0o755)
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setattr("sys.executable", str(beside / "python"))
    assert which("traefik") == str(beside / "traefik")
    (beside / "traefik").unlink()
    assert which("traefik") == str(path / "traefik")
    (path / "traefik").unlink()
    assert which("a-command-that-nobody-has") is None
