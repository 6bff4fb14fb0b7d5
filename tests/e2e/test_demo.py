"""The demo, as a user starts it: the smoke test of everything together."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DEMO = (sys.executable, "-m", "abreast", "demo")


@pytest.mark.timeout(150)
def test_the_demo_keeps_every_promise_and_leaves_nothing(short_tmp: Path) -> None:
    """Given nothing, when the demo is run, then what is bad is found and rolled back, what is good promoted."""
    begun_s = time.monotonic()
    done = subprocess.run(
        DEMO, capture_output=True, text=True, check=False, timeout=120, env={"TMPDIR": str(short_tmp), "PATH": "/bin"}
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - begun_s < 90
    assert "rolling back: no user was sent to v2, and none will be" in done.stdout
    assert re.search(r"what +GET /products/\{id\}: /price_cents is a string, was a number", done.stdout)
    assert re.search(r'/price_cents is (\d+) from v1, "\1" from the candidate', done.stdout)
    assert "✘" not in done.stdout
    assert done.stdout.count("✔") == 12
    assert re.search(r"failed at the user +0 *\n", done.stdout)
    assert "rolling back: all users return to v1" in done.stdout
    assert "v1 is stopped. v4 is the stable version now" in done.stdout
    assert list(short_tmp.iterdir()) == [], "a directory was left"
    assert _running(short_tmp) == []


@pytest.mark.acceptance
@pytest.mark.timeout(300)
def test_two_real_releases_take_turns(short_tmp: Path) -> None:
    """Given two releases of httpbin, when the newer one is rolled out, then it takes over and nobody is harmed."""
    env = {"TMPDIR": str(short_tmp), "PATH": "/usr/bin:/bin", "HOME": str(short_tmp / "home")}
    done = subprocess.run((*DEMO, "--example", "httpbin"), capture_output=True, text=True, check=False, env=env)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0.7.0 is stopped. 0.10.4 is the stable version now" in done.stdout
    assert _running(short_tmp) == []


@pytest.mark.timeout(90)
def test_an_interrupted_demo_ends_everything_that_it_started(short_tmp: Path) -> None:
    """Given a demo under way, when Ctrl-C is pressed, then nothing of it is left and the exit code says so."""
    env = {"TMPDIR": str(short_tmp), "PATH": "/bin", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as demo:
        assert demo.stdout is not None
        shown = ""
        while "v1 serves everybody" not in shown:
            line = demo.stdout.readline()
            assert line, shown
            shown += line
        assert _running(short_tmp) != []
        demo.send_signal(signal.SIGINT)
        shown += demo.stdout.read()

    assert demo.returncode == 130, shown
    assert list(short_tmp.iterdir()) == []
    assert _running(short_tmp) == []


def _running(directory: Path) -> list[str]:
    """The commands of living processes that name the directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if str(directory) in words:
                found.append(words)
    return found
