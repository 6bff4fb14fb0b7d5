"""What tests of every floor need."""

import compileall
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.postgres import database, databases, each_database, server, servers

__all__ = ["database", "databases", "each_database", "server", "servers"]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two more than there are cores, and beside the suite three: what is there waits for processes most of the time."""
    return (os.cpu_count() or 1) + (3 if config.getoption("--beside") else 2)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the program once: the processes that tests start would each do it where nothing may be written.

    And listen to SIGINT: who is started in the background ignores it, and so would all that tests start and interrupt.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(session.config, "workerinput"):
        compileall.compile_dir(Path(__file__).parents[1] / "src", quiet=1, workers=os.cpu_count() or 1)


BESIDE: Final = tuple(
    Path(__file__).parent / name
    for name in (
        "postgres",
        "docker",
        "etcd",
        "fleet",
        "fakes/test_postgres.py",
        *(f"operations/test_{name}.py" for name in ("data", "data_keeper")),
        "cli/test_data.py",
        *(f"demo/test_data_{name}.py" for name in ("commands", "look", "play", "shop", "site", "story")),
        "demo/test_play.py",
        *(
            f"e2e/test_{name}.py"
            for name in ("cli", "demo", "demo_data", "faults", "group", "kubernetes", "pipelines", "shadow", "verdicts")
        ),
        "app/test_down.py",
        "bench",
        "cli/test_bench.py",
    )
)
"""What keeps real PostgreSQLs, a Docker engine or an etcd busy for minutes, rollouts that wait for live evidence or for
each other, whole control planes that are killed, and the benches, small as they are: beside the suite, unless they are
asked for by name. CI runs both."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--beside``: what the suite leaves beside it, instead of the suite."""
    parser.addoption("--beside", action="store_true", help="the tests that the suite leaves out for their time")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the full-size runs where none of them is wanted, nor the other part of the tests."""
    if collection_path.name == "acceptance" and config.getoption("-m") == "not acceptance":
        return True
    if collection_path.is_dir() and collection_path not in BESIDE:
        return None
    whole = [Path(each).name for each in config.args] == ["tests"]
    beside = any(collection_path.is_relative_to(each) for each in BESIDE)
    return True if whole and beside != config.getoption("--beside") else None


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A temporary directory with a short path: the path of a unix socket may have 107 bytes (unix(7))."""
    path = Path(tempfile.mkdtemp(prefix="ab-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """The log that a control plane in the test's own process sets up ends with the test: it would hear later ones."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
