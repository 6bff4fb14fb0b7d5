"""A service under abreast as its user has it: a directory with a spec, `abreast up` in a process of its own."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from abreast.bench.target import free_port
from abreast.cli import main
from abreast.cli.client import Client

EXAMPLES = Path(__file__).parents[2] / "examples"
UP_S = 30.0
SHOP = (
    f"{sys.executable} -m uvicorn shop:app --host 127.0.0.1 --port {{port}}"
    " --loop uvloop --http httptools --no-access-log --timeout-graceful-shutdown 3"
)


_READY = multiprocessing.get_context("forkserver")
"""Forks processes that have imported the program already: half a second less for each command."""
_READY.set_forkserver_preload(["abreast.cli.main"])


def _command(directory: Path, words: Sequence[str], out: Path, err: Path) -> None:
    """Become `abreast` with these words, as if it had been started in the directory, its words in two files."""
    os.chdir(directory)
    os.environ["COLUMNS"] = "200"
    for number, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["abreast", *words]
    main.run()


@dataclass
class Service:
    """The spec's directory and what runs there; ``spec`` is written anew by `write`. ``options``: of `abreast up`."""

    directory: Path
    spec: dict[str, Any]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, directory: Path, versions: Mapping[str, Mapping[str, Any]], **rollout: object) -> "Service":
        """A service of these versions with short times."""
        port = free_port()
        spec = {
            "service": "shop",
            "gateway": {"listen": f"127.0.0.1:{port}", "timeout": "8s", "drain": "4s"},
            "users": {"by": ["header:x-user-id"]},
            "versions": {name: dict(version) for name, version in versions.items()},
            "rollout": rollout,
        }
        service = cls(directory, spec, port)
        service.write()
        return service

    @property
    def file(self) -> Path:
        """The spec."""
        return self.directory / "abreast.yaml"

    @property
    def url(self) -> str:
        """Where users come in."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What `abreast up` said so far."""
        return (self.directory / "up.log").read_text(encoding="utf-8")

    def write(self) -> None:
        """Write the spec."""
        self.file.write_text(yaml.safe_dump(self.spec, sort_keys=False), encoding="utf-8")

    def up(self, *, wait: bool = True) -> "Service":
        """Start `abreast up`; with ``wait`` until it says that the service is up."""
        before = len(self.log) if (self.directory / "up.log").exists() else 0
        with (self.directory / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "abreast", "up", "-f", str(self.file), *self.options], stdout=log, stderr=log
            )
        if wait:
            self.until(lambda: " is up: " in self.log[before:], UP_S)
        return self

    def until(self, true: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Wait for a condition; a control plane that ended meanwhile fails with what it said."""
        limit = time.monotonic() + timeout_s
        while not true():
            if self.process is not None and self.process.poll() is not None:
                message = f"abreast up ended with {self.process.returncode}:\n{self.log}"
                raise AssertionError(message)
            assert time.monotonic() < limit, f"not within {timeout_s} s:\n{self.log[-3000:]}"
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the control plane with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def down(self) -> int:
        """End it as Ctrl-C does; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def client(self) -> Client:
        """The command line's client."""
        return Client(self.file)

    def status(self) -> dict[str, Any]:
        """The status as JSON."""
        state: dict[str, Any] = self.client().get("/status")
        return state

    def give(self, verb: str, **body: object) -> dict[str, Any]:
        """One command over the API."""
        done: dict[str, Any] = self.client().post(f"/commands/{verb}", body)
        return done

    def run(self, *words: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """One `abreast` command as a user types it, in a process of its own."""
        with tempfile.TemporaryDirectory() as kept:
            texts = Path(kept, "out"), Path(kept, "err")
            command = _READY.Process(target=_command, args=(self.directory, words, *texts))
            command.start()
            command.join(timeout_s)
            if command.exitcode is None:
                command.kill()
                command.join()
                raise subprocess.TimeoutExpired(words, timeout_s)
            out, err = (text.read_text("utf-8") for text in texts)
            return subprocess.CompletedProcess(words, command.exitcode, out, err)

    def close(self) -> None:
        """End everything that may still run, however the test ended."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                self.process = None
        if self.process is None or self.process.returncode == -signal.SIGKILL:
            # Killed on purpose: the next control plane takes over what was left, and ends it in order.
            self.up()
            self.down()


def shop(version: str, instances: int = 2) -> dict[str, Any]:
    """A version of examples/shop."""
    return {
        "run": SHOP,
        "cwd": str(EXAMPLES / "shop"),
        "instances": instances,
        "ready": "GET /healthz",
        "timeout": "4s",
        "env": {"SHOP_VERSION": version},
    }


def origin(version: str, instances: int = 1) -> dict[str, Any]:
    """A version that is the bench's cheap origin."""
    command = f"{sys.executable} -m abreast.bench.origin --port {{port}} --version {version}"
    return {"run": command, "instances": instances, "ready": "GET /healthz", "timeout": "4s"}


def pretty(value: object) -> str:
    """For messages of failing tests."""
    return json.dumps(value, indent=1)[:4000]
