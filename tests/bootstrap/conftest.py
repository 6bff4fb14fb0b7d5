"""A checkout for each test of the starter."""

from pathlib import Path

import pytest

from tests.bootstrap.checkouts import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "checkout")
