"""``python -m abreast`` is the program."""

import subprocess
import sys


def test_it_runs_the_program() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "abreast", "schema", "--help"], capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 0
    assert "Print the JSON Schema of the spec" in ended.stdout
