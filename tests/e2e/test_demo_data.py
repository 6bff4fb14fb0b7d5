"""The data demo, as a user starts it: rollout, rows, fence, repair and contract together, on a real PostgreSQL."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

DEMO = (sys.executable, "-m", "abreast", "demo", "data")


@pytest.fixture
def tmp(short_tmp: Path) -> Path:
    """A directory that the server's user, too, may pass through."""
    short_tmp.chmod(0o755)
    return short_tmp


@pytest.mark.timeout(240)
def test_the_data_demo_keeps_every_promise_and_leaves_nothing(tmp: Path) -> None:
    """Given nothing, when the demo is run, then the bad version's rows are put back and the good one is contracted."""
    done = subprocess.run(
        DEMO, capture_output=True, text=True, check=False, timeout=220, env={"TMPDIR": str(tmp), "PATH": "/bin"}
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "✘" not in done.stdout
    assert len(re.findall(r"^  ✔ ", done.stdout, re.MULTILINE)) == 11
    assert re.search(r"✔ of [\d,]{5,} requests 0 failed at the user", done.stdout)
    (looks,) = re.findall("✔ no row contradicted itself.*", done.stdout)
    assert looks.count("0 of 20,000 ") == 5
    assert "v2 may write nothing any more" in done.stdout
    put_back = re.search(r"put back (\d+) rows; left alone (\d+) that somebody else has written since", done.stdout)
    assert put_back is not None
    assert int(put_back[1]) >= 8
    assert int(put_back[2]) >= 1
    assert "put back 0 rows; " in done.stdout
    assert "v1 is alone; what only v2 saw is dropped" in done.stdout
    assert "v3 is alone; what only v1 saw is dropped" in done.stdout
    assert "contract left the new columns alone: amount_cents, currency, id, title" in done.stdout
    assert list(tmp.iterdir()) == [], "a directory was left"
    assert list(running(tmp)) == []


@pytest.mark.timeout(90)
def test_an_interrupted_data_demo_ends_its_database_too(tmp: Path) -> None:
    """Given a demo under way, when Ctrl-C is pressed, then nothing of it is left and the exit code says so."""
    env = {"TMPDIR": str(tmp), "PATH": "/bin", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as demo:
        assert demo.stdout is not None
        shown = ""
        while "v1 serves everybody" not in shown:
            line = demo.stdout.readline()
            assert line, shown
            shown += line
        assert any("postgres" in words for words in running(tmp))
        demo.send_signal(signal.SIGINT)
        shown += demo.stdout.read()

    assert demo.returncode == 130, shown
    assert list(tmp.iterdir()) == []
    assert list(running(tmp)) == []


def running(directory: Path) -> Iterator[str]:
    """The commands of living processes that name the directory, or work in it as PostgreSQL's do."""
    for process in psutil.process_iter():
        try:
            words, at = " ".join(process.cmdline()), process.cwd()
        except psutil.Error:
            continue
        if str(directory) in words or at.startswith(str(directory)):
            yield words
