"""A real ``abreast up`` over containers of the tests' own engine, with users that ask all the time."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from abreast.bench.target import free_port
from abreast.demo.crowd import Crowd
from abreast.load import Plan
from abreast.up_process import Json, UpProcess
from tests.fakes.docker import IMAGE

PROGRAM: Final = """
import http.server, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "3")
        self.send_header("x-version", os.environ["ABREAST_VERSION"])
        self.end_headers()
        self.wfile.write(b"ok\\n")
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Shop).serve_forever()
"""
"""Serves at $PORT and names its version; the same for a process and in a container."""

WAIT_S: Final = 45.0
"""Only a machine that is short of time needs more than a few of these seconds."""
_LOOK_S: Final = 0.05
_RATE_PER_S: Final = 100.0
_LONGEST_S: Final = 110.0


def process(instances: int = 1) -> Json:
    """The keys of a version that runs as a process."""
    return {"run": [sys.executable, "-S", "-E", "-c", PROGRAM], "instances": instances, "ready": "GET /healthz"}


def box(instances: int = 1, image: str = IMAGE, **keys: Any) -> Json:  # noqa: ANN401  # YAML
    """The keys of a version that runs as containers; more of them below ``container``."""
    container = {"command": ["python3", "-S", "-E", "-c", PROGRAM], **keys}
    return {"image": image, "instances": instances, "ready": "GET /healthz", "container": container}


@dataclass(frozen=True)
class Running:
    """``up`` is the process, ``crowd`` its users; orders are given as a person gives them."""

    up: UpProcess
    crowd: Crowd

    async def order(self, verb: str, version: str | None = None) -> None:
        """Give an order; raises OrderError when it is refused."""
        await self.up.order(verb, "a test", version=version)

    async def until(self, wanted: Mapping[str, object], deadline_s: float = WAIT_S) -> Json:
        """Wait until the status has these values; fails after the deadline, with what it is instead."""
        end = time.monotonic() + deadline_s
        while True:
            status = await self.up.status()
            if all(status[key] == value for key, value in wanted.items()):
                return status
            assert time.monotonic() < end, f"not {wanted}, but {status['phase']}: {status['because']}"
            await asyncio.sleep(_LOOK_S)

    async def ready(self, name: str, instances: int = 1) -> None:
        """Wait until so many instances of the version are ready."""
        end = time.monotonic() + WAIT_S
        while await self._ready(name) != instances:
            assert time.monotonic() < end, f"{name} is not ready"
            await asyncio.sleep(_LOOK_S)

    async def told(self, *words: str) -> str:
        """Wait for an event whose reason has all these words; fails after the deadline, with what was told."""
        end = time.monotonic() + WAIT_S
        while True:
            reasons = [str(event["reason"]) for event in await self.up.events(0)]
            found = [reason for reason in reasons if all(word in reason for word in words)]
            if found:
                return found[-1]
            assert time.monotonic() < end, f"nothing was told of {words}, only: {reasons[-8:]}"
            await asyncio.sleep(_LOOK_S)

    async def answered_by(self, version: str, more: int = 20) -> None:
        """Wait until that version has answered so many more users' requests."""
        wanted, end = self._answers(version) + more, time.monotonic() + WAIT_S
        while self._answers(version) < wanted:
            assert time.monotonic() < end, f"{version} answers nobody"
            await asyncio.sleep(_LOOK_S)

    def failures(self) -> list[str]:
        """Why users' requests failed, one for each that did."""
        return [answer.failure for answer in self.crowd.answers if answer.failure]

    def _answers(self, version: str) -> int:
        return sum(answer.version == version for answer in self.crowd.answers)

    async def _ready(self, name: str) -> int:
        versions = (await self.up.status())["versions"]
        return sum(each["state"] == "ready" for told in versions if told["name"] == name for each in told["instances"])


@asynccontextmanager
async def running(folder: Path, **versions: Json) -> AsyncIterator[Running]:
    """Up with these versions, v1 serving; fails when a user's request has failed in the end."""
    port = free_port()
    rollout = {
        "steps": [{"weight": "50%"}, {"weight": "100%"}],
        "step_time": {"at_least": "1d", "at_most": "2d"},
        "retire": {"after": "1s", "unused_for": "1s"},
    }
    gateway = {"listen": f"127.0.0.1:{port}", "drain": "1s", "concurrency": 1}
    spec = {
        "service": "shop",
        "gateway": gateway,
        "users": {"by": ["header:x-user-id"]},
        "versions": versions,
        "stable": "v1",
        "rollout": rollout,
    }
    file = folder / "abreast.yaml"
    file.write_text(yaml.safe_dump(spec), "utf-8")
    plan = Plan(
        f"http://127.0.0.1:{port}",
        rate_per_s=_RATE_PER_S,
        duration_s=_LONGEST_S,
        connections=8,
        users=100,
        watch_header="x-version",
    )
    async with UpProcess(file) as up:
        async with Crowd(plan) as crowd:
            made = Running(up, crowd)
            await made.answered_by("v1")
            yield made
            await crowd.stop()
        failed = made.failures()
        assert not failed, f"{len(failed)} of {len(crowd.answers)} requests failed: {sorted(set(failed))}"
