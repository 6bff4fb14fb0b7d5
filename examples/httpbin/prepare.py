"""Make one virtual environment for each of the two releases of httpbin: ``python prepare.py``.

The releases need libraries that exclude each other, so each gets an environment of its own, in
``.versions/``. Made by uv where it can be imported (seconds), else by pip. A second run does
nothing. Standard library only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
RELEASES = {"0.7.0": HERE / "old.txt", "0.10.4": HERE / "new.txt"}


class PrepareError(RuntimeError):
    """An environment could not be made; the message holds the installer's own words."""


def prepare(release: str, where: Path) -> bool:
    """Make the environment of one release under ``where``; false when it was there already.

    Raises PrepareError with what the installer said.
    """
    wanted = RELEASES[release]
    target = where / release
    mark = target / "prepared"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text("utf-8") == digest:
        return False
    shutil.rmtree(target, ignore_errors=True)
    where.mkdir(parents=True, exist_ok=True)
    (where / ".gitignore").write_text("*\n", "utf-8")
    python = target / "bin" / "python"
    if importlib.util.find_spec("uv"):
        _run([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, str(target)], release)
        _run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "-p", str(python), "-r", str(wanted)], release)
    else:
        venv.create(target, with_pip=True)
        _run([str(python), "-m", "pip", "install", "--quiet", "-r", str(wanted)], release)
    mark.write_text(digest, "utf-8")
    return True


def main() -> int:
    """Prepare both, saying so; 1 when one of them failed."""
    for release in RELEASES:
        sys.stdout.write(f"httpbin {release}: ")
        sys.stdout.flush()
        begun_s = time.monotonic()
        try:
            made = prepare(release, HERE / ".versions")
        except PrepareError as error:
            sys.stdout.write(f"failed\n{error}\n")
            return 1
        sys.stdout.write(f"made in {time.monotonic() - begun_s:.1f} s\n" if made else "already there\n")
    return 0


def _run(command: list[str], release: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - made above, no shell
    if done.returncode:
        words = (done.stderr or done.stdout).strip()
        raise PrepareError(
            f"{' '.join(command)}\nended with {done.returncode}:\n{words}\n"
            f"httpbin {release} is not prepared; mend what it says and run this again."
        )


if __name__ == "__main__":
    raise SystemExit(main())
