"""A cluster of a test's own, to be started, killed and started again."""

import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from abreast.postgres.binaries import find_binaries
from abreast.postgres.launcher import Cluster
from tests.fakes.postgres import NEWEST, QUICK, kill

NewCluster = Callable[..., Cluster]


@pytest.fixture
def cluster_home(short_tmp: Path) -> Path:
    """A directory that the server's user reaches; not made yet."""
    short_tmp.chmod(0o755)
    return short_tmp / "pg"


@pytest.fixture(scope="module")
def initialised() -> Iterator[Path]:
    """A home in which initdb has been: copies of it are quicker."""
    directory = Path(tempfile.gettempdir()) / f"abpg-{uuid.uuid4().hex[:8]}"
    cluster = Cluster.create(directory, find_binaries({}, NEWEST), QUICK)
    yield cluster.home
    cluster.remove()


@pytest.fixture
def new_cluster(cluster_home: Path, initialised: Path) -> Iterator[NewCluster]:
    """Makes the cluster of that home on the newest major; its server is ended after the test."""
    made: list[Cluster] = []
    subprocess.run(["cp", "-a", initialised, cluster_home], check=True)

    def create(settings: Mapping[str, str] | None = None, port: int | None = None) -> Cluster:
        cluster = Cluster.create(cluster_home, find_binaries({}, NEWEST), {**QUICK, **(settings or {})}, port=port)
        made.append(cluster)
        return cluster

    yield create
    for cluster in made:
        kill(cluster)
