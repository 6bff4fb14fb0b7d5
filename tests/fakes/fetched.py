"""What tests fetch: kept for all workers and later runs, and what is done where it cannot be had."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest


def place() -> Path:
    """The directory of all that is fetched, which is there."""
    found = Path(tempfile.gettempdir()) / f"abreast-fetched-{os.geteuid()}"
    found.mkdir(mode=0o755, exist_ok=True)
    assert found.stat().st_uid == os.geteuid(), f"{found} is somebody else's"
    return found


@contextmanager
def fetching(name: str) -> Iterator[Path]:
    """The same directory, while nobody else fetches what has that name."""
    found = place()
    with (found / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield found


def missing(message: str) -> NoReturn:
    """Skip the test, in these words. With CI=true nothing is skipped: it fails."""
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
