"""Fixtures of the drivers' tests."""

from pathlib import Path

import pytest

from tests.drivers.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """An empty stage."""
    return Stage(tmp_path)
