"""Checkouts to start: with an interpreter that only pretends, so that a set-up takes milliseconds."""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

SCRIPT = Path(__file__).resolve().parent.parent.parent / "abreast"
DEADLINE_S = 40.0

# An interpreter that writes down what it is asked to run, and does what the files beside it say.
PRETENDED_PYTHON = """\
#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
case "$*" in
  "-m uv "*) [ -e "$here/uv-says" ] && { cat "$here/uv-says"; exit 2; } ;;
  "-m pip "*bootstrap.txt) [ -e "$here/no-uv" ] && { cat "$here/no-uv"; exit 1; } ;;
  "-m pip "*) [ -e "$here/pip-says" ] && { cat "$here/pip-says"; exit 1; } ;;
  "-P -m "*) pwd; for word in "$@"; do echo "<$word>"; done; exit 7 ;;
esac
[ -e "$here/hang" ] && { echo $$ > "$here/hanging"; exec sleep 60; }
exit 0
"""


def load_starter() -> ModuleType:
    loader = SourceFileLoader("abreast_starter", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


starter = load_starter()


class Site:
    """A checkout in a temporary directory whose environment has the pretended interpreter."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "requirements").mkdir(parents=True)
        for name in ("bootstrap", "runtime", "dev"):
            (root / "requirements" / f"{name}.txt").write_text(f"# {name}\n", "ascii")
        shutil.copy(SCRIPT, root / "abreast")
        self.bin = root / ".venv" / "bin"
        self.bin.mkdir(parents=True)
        (self.bin / "python").write_text(PRETENDED_PYTHON, "ascii")
        (self.bin / "python").chmod(0o755)
        self.checkout = starter.Checkout(str(root), str(root / ".venv"))
        Path(self.checkout.owner).touch()
        self.checkout.write_stamp("venv")

    def calls(self) -> list[str]:
        """Return what the interpreter was asked to run, in short, since the last question."""
        path = self.bin / "calls"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [f"{line.split()[1]} {Path(line.split()[-1]).stem}" for line in lines]

    def start(self, *words: str, cwd: Path | None = None, script: Path | None = None) -> "Outcome":
        return start([str(script or self.root / "abreast"), *words], cwd=cwd)


class Outcome:
    """How a start ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


def start(command: list[str], *, cwd: Path | None = None, environment: dict[str, str] | None = None) -> Outcome:
    kept = {name: value for name, value in os.environ.items() if name != "ABREAST_VENV"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=kept | (environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.01)


class Running:
    """A start that goes on while the test looks; its words go to a file."""

    def __init__(self, root: Path, name: str, *words: str, environment: dict[str, str] | None = None) -> None:
        self.said = root / f"{name}.err"
        kept = {key: value for key, value in os.environ.items() if key != "ABREAST_VENV"}
        with self.said.open("wb") as err, (root / f"{name}.out").open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(root / "abreast"), *words],
                env=kept | (environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def says(self, words: str) -> bool:
        return words in self.said.read_text("utf-8")

    def end(self) -> int:
        return self.process.wait(DEADLINE_S)


@contextmanager
def holding(directory: Path) -> Iterator[None]:
    lock_fd = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock_fd)


def exists(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
