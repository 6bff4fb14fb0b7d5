"""Each pipeline of deploy/pipelines against a real `abreast up`: over TCP with a token, a success and a failure."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from abreast.bench.target import free_port
from tests.deploy.steps import Step, argocd, github, gitlab, jenkins
from tests.e2e.service import Service, origin

pytestmark = pytest.mark.timeout(120)

QUICK = {
    "steps": [{"weight": "10%"}, {"bake": "100ms"}],
    "step_time": {"at_least": "100ms", "at_most": "1s"},
    "on_timeout": "promote-unproven",
    "retire": {"after": "100ms", "unused_for": "100ms"},
}
DEAF = {
    "run": f"{sys.executable} -c 'import time; time.sleep(600)'",
    "ready": "GET /healthz",
    "start_timeout": "1s",
    "timeout": "4s",
}
"""A version that never listens: it is rolled back before any user meets it."""


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    made = Service.of(short_tmp, {"v1": origin("v1"), "v2": origin("v2"), "deaf": DEAF}, **QUICK)
    made.spec["gateway"]["drain"] = "100ms"
    made.spec["api"] = {"listen": f"127.0.0.1:{free_port()}"}
    made.write()
    yield made
    made.close()


class Runner:
    """A build machine: the program on its path, and where the control plane is."""

    def __init__(self, service: Service, directory: Path) -> None:
        token = service.run("token", "create", "ci", "--role", "operator").stdout.strip()
        service.up()
        address = re.search(r"API: (http://\S+)", service.log)
        assert address is not None
        self.directory = directory
        program = directory / "abreast"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m abreast "$@"\n', "utf-8")
        program.chmod(0o755)
        self._environ = {
            "PATH": f"{directory}:{os.environ['PATH']}",
            "HOME": str(directory),
            "ABREAST_TOKEN": token,
            "GITHUB_STEP_SUMMARY": str(directory / "summary.md"),
            "GITHUB_OUTPUT": str(directory / "outputs"),
        }
        self.url = address[1]

    def run(self, step: Step) -> subprocess.CompletedProcess[str]:
        """Run a pipeline's step to its end."""
        environ = {**self._environ, **step.environ, "ABREAST_TOKEN": self._environ["ABREAST_TOKEN"]}
        return subprocess.run(
            step.words, cwd=self.directory, env=environ, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture
def runner(service: Service, tmp_path: Path) -> Runner:
    return Runner(service, tmp_path)


def require_failed(ended: subprocess.CompletedProcess[str]) -> None:
    """The build failed with the explanation, in a log without control characters."""
    assert ended.returncode == 5, ended.stdout + ended.stderr
    assert re.search(r"v\d → deaf is rolled-back for .*: .*0 of 1 instances of deaf are ready", ended.stderr), (
        ended.stderr
    )
    assert "You can: start, retry" in ended.stderr
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", ended.stdout + ended.stderr)


def test_each_pipeline_succeeds_and_fails_as_its_rollout_does(runner: Runner, service: Service) -> None:
    steps = {
        "v2": github(version="v2", url=runner.url, command="abreast", reason="release 2"),
        "v1": jenkins(version="v1", url=runner.url),
    }
    for version, step in steps.items():
        ended = runner.run(step)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "progressing" in ended.stderr
        service.until(lambda: service.status()["phase"] == "completed")
        assert service.status()["versions"][0]["name"] == version
    assert "result=" in (runner.directory / "outputs").read_text("utf-8")
    assert "release 2  [ci]" in service.run("events").stdout, "the token's name is the actor"

    require_failed(runner.run(gitlab(version="deaf", url=runner.url)))
    report = (runner.directory / "abreast-rollout.md").read_text("utf-8")
    assert report.startswith("### ✘ shop: v1 → deaf is rolled-back")
    require_failed(runner.run(argocd(VERSION="deaf", ABREAST_URL=runner.url)))


def test_a_build_outlives_a_restart_of_the_control_plane(runner: Runner, service: Service) -> None:
    service.spec["rollout"]["steps"] = [{"weight": "10%"}, {"hold": "3s"}, {"bake": "100ms"}]
    service.write()
    assert service.process is not None
    service.process.send_signal(signal.SIGHUP)
    service.until(lambda: "the spec was read again" in service.log)
    ended: list[subprocess.CompletedProcess[str]] = []
    step = argocd(VERSION="v2", ABREAST_URL=runner.url)
    build = threading.Thread(target=lambda: ended.append(runner.run(step)))
    build.start()
    try:
        service.until(lambda: service.status()["candidate"] == "v2")
        service.kill()
        service.up()
    finally:
        build.join(60)
    assert ended[0].returncode == 0, ended[0].stderr
    assert "asking again, for 2 m at most" in ended[0].stderr
    assert "abreast answers again" in ended[0].stderr
    again = runner.run(step)
    assert again.returncode == 0, again.stderr
    assert "of v2 is there already" in again.stderr
    assert len([row for row in service.client().get("/history") if row["candidate"] == "v2"]) == 1
