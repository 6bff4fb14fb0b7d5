"""A real etcd for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.etcd import EtcdServer


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[EtcdServer]:
    """One that runs."""
    server = EtcdServer(tmp_path).start()
    yield server
    server.kill()
