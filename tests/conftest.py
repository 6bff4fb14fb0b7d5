"""What tests of every floor need."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are cores: the long tests wait for processes most of the time."""
    del config
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A temporary directory with a short path: the path of a unix socket may have 107 bytes (unix(7))."""
    path = Path(tempfile.mkdtemp(prefix="ab-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
