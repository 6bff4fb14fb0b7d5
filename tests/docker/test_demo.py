"""`abreast demo --driver docker`, as a user starts it, on the tests' own engine."""

import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fakes.docker import Dockerd

DEMO = (sys.executable, "-m", "abreast", "demo", "--driver", "docker")


@pytest.fixture
def env(short_tmp: Path, dockerd: Dockerd) -> Mapping[str, str]:
    return {"TMPDIR": str(short_tmp), "PATH": "/bin", "DOCKER_HOST": dockerd.url, "PYTHONUNBUFFERED": "1"}


@pytest.mark.acceptance
@pytest.mark.timeout(240)
def test_it_keeps_every_promise_and_leaves_nothing(
    short_tmp: Path, shop_base: str, dockerd: Dockerd, env: Mapping[str, str]
) -> None:
    """Given an engine and a base image, the demo is the one that processes have, with containers."""
    done = subprocess.run((*DEMO, "--base-image", shop_base), capture_output=True, text=True, check=False, env=env)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "every instance is a container of Docker 20.10" in done.stdout
    assert "✘" not in done.stdout
    assert done.stdout.count("✔") == 12
    assert re.search(r"failed at the user +0 *\n", done.stdout)
    assert "v1 is stopped. v4 is the stable version now" in done.stdout
    assert list(short_tmp.iterdir()) == [], "a directory was left"
    assert dockerd.containers() == []


@pytest.mark.timeout(90)
def test_an_interrupted_one_ends_every_container(
    short_tmp: Path, shop_base: str, dockerd: Dockerd, env: Mapping[str, str]
) -> None:
    argv = (*DEMO, "--base-image", shop_base)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as demo:
        assert demo.stdout is not None
        shown = ""
        while "v1 serves everybody" not in shown:
            line = demo.stdout.readline()
            assert line, shown
            shown += line
        assert len(dockerd.containers()) == 2
        demo.send_signal(signal.SIGINT)
        shown += demo.stdout.read()

    assert demo.returncode == 130, shown
    assert "Step 3/" in shown
    assert dockerd.containers() == []
    assert list(short_tmp.iterdir()) == []


def test_without_a_registry_it_asks_for_a_base_image(dockerd: Dockerd, env: Mapping[str, str]) -> None:
    done = subprocess.run(DEMO, capture_output=True, text=True, check=False, env=env)

    assert done.returncode != 0
    assert "the shop's image could not be built: " in done.stderr
    assert "--base-image IMAGE" in done.stderr
    assert "Traceback" not in done.stderr
    assert dockerd.containers() == []
