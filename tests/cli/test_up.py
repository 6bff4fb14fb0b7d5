"""``abreast up`` as a process: what it says, how its signals end it. More of it is in tests/e2e."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from abreast.bench.target import free_port

NEVER_READY = f"""service: slow
gateway: {{listen: "127.0.0.1:0"}}
versions:
  v1:
    run: {sys.executable} -m http.server {{port}} --bind 127.0.0.1
    instances: 1
    ready: GET /nowhere
    start_timeout: 40s
  v2: {{endpoints: ["127.0.0.1:9"]}}
"""


@pytest.fixture
def up(short_tmp: Path) -> Iterator[subprocess.Popen[str]]:
    """A service whose stable version does not get ready."""
    file = short_tmp / "abreast.yaml"
    file.write_text(NEVER_READY.replace("127.0.0.1:0", f"127.0.0.1:{free_port()}"), encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "abreast", "up", "-f", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        if process.poll() is None:
            process.kill()


def test_a_missing_spec_ends_it_with_the_next_move(short_tmp: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "abreast", "up"], cwd=short_tmp, capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 2
    assert (
        ended.stderr
        == "error: there is no spec 'abreast.yaml'\n  → write one with: abreast init, or name another file\n"
    )
    assert list(short_tmp.iterdir()) == [], "nothing was made"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("abreast.yaml", "error: --config: 'abreast.yaml' is no address of etcd\n  → write etcd://HOST:2379/KEY"),
        ("etcd://127.0.0.1:PORT/shop", "etcd does not answer: "),
    ],
)
def test_a_spec_in_etcd_that_cannot_be_had_ends_it_with_the_next_move(short_tmp: Path, config: str, words: str) -> None:
    command = [sys.executable, "-m", "abreast", "up", "--config", config.replace("PORT", str(free_port()))]
    ended = subprocess.run(command, cwd=short_tmp, capture_output=True, text=True, check=False, timeout=90)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert list(short_tmp.iterdir()) == [], "nothing was made"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_before_it_is_up(up: subprocess.Popen[str], number: signal.Signals) -> None:
    assert up.stdout is not None
    said = ""
    while "process " not in said:
        line = up.stdout.readline()
        assert line, said
        said += line
    children = psutil.Process(up.pid).children(recursive=True)
    up.send_signal(number)
    rest, errors = up.communicate(timeout=15)
    assert up.returncode == 0, errors
    assert "waiting for v1: 1 × GET /nowhere" in said + rest
    assert rest.endswith("stopped before the service was up\n")
    assert not any(child.is_running() for child in children)
