"""What tests of every floor need."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A temporary directory with a short path: the path of a unix socket may have 107 bytes (unix(7))."""
    path = Path(tempfile.mkdtemp(prefix="ab-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
