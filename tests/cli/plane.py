"""A control plane that is only an API: a web server on the unix socket, with canned answers."""

import json
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any, Final, Self, cast

import pytest

from abreast.cli.main import run
from abreast.operations.status import GateStatus, InstanceStatus, NodeStatus, Status, StepStatus, VersionStatus
from abreast.state_dir import StateDir

Json = dict[str, Any]  # Any: JSON

PREFIX: Final = "/api/v1"


def version(name: str, side: str, **fields: Any) -> VersionStatus:  # noqa: ANN401  # of each field its own type
    """A version with two ready instances that nobody has asked yet."""
    quiet = VersionStatus(
        name=name,
        side=side,
        ready=2,
        wanted=2,
        rps=0.0,
        requests=0,
        errors=0,
        error_share=None,
        errors_by_code={},
        p50_ms=None,
        p99_ms=None,
        distribution=[],
        in_flight=0,
        waiting_long=0,
        instances=[
            InstanceStatus(f"{name}-{number}", f"127.0.0.1:80{number}", "ready", "GET / answered 200", 0, 100 + number)
            for number in (1, 2)
        ],
    )
    return replace(quiet, **fields)


NODE: Final = NodeStatus("gateway-1", connected=True, obeys=True, weight=1000, nack="")

CLIMBING: Final = Status(
    service="shop",
    rollout=1,
    revision=7,
    stable="v1",
    candidate="v2",
    phase="progressing",
    phase_s=720.0,
    reason="2 of 2 instances of v2 are ready",
    step=2,
    steps=7,
    ladder=[StepStatus("weight", "weight 1 %"), StepStatus("weight", "weight 10 %")],
    weight=1000,
    seen_share=0.1003,
    seen_requests=41_210,
    users_failed=2,
    users_requests=50_000,
    because="weight 10 %: 20 s of 1 m left",
    wake_in_s=20.0,
    exit_code=3,
    store_error="",
    silence=None,
    shadow=None,
    data=[],
    versions=[
        version("v1", "stable", rps=612.4, error_share=0.0002, p50_ms=8.04, p99_ms=41.4),
        version("v2", "candidate", rps=68.1, error_share=0.0003, p50_ms=7.0, p99_ms=38.0),
    ],
    nodes=[NODE],
    gates=[GateStatus("errors", "not-worse", "not worse: at most 0.2 points more fail", 1.0, None, None)],
    allowed=["promote", "abort"],
    startable=[],
    explanation=["v1 → v2 is progressing for 12 m.", "You can: promote, abort."],
)


def state(**fields: Any) -> Json:  # noqa: ANN401  # of each field its own type
    """The API's status at 10 %, with these fields changed."""
    return asdict(replace(CLIMBING, **fields))


def completed(**fields: Any) -> Json:  # noqa: ANN401  # of each field its own type
    """The API's status while nothing is rolled out."""
    rest: Json = {
        "candidate": None,
        "phase": "completed",
        "weight": 0,
        "exit_code": 0,
        "because": "v1 serves all users",
        "reason": "v1 is the first version of shop",
        "seen_share": None,
        "wake_in_s": None,
        "gates": [],
        "versions": [version("v1", "stable")],
    }
    return state(**{**rest, **fields})


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    method: str
    path: str
    query: str
    body: Json | None


@dataclass(frozen=True)
class Answer:
    """What is answered: JSON, or text that is none."""

    status: int
    body: object


class Plane:
    """Answers each path with what a test gave it, one after the other; the last answer stays."""

    def __init__(self, directory: Path) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[str, list[Answer]] = defaultdict(list)
        self._late = threading.Event()
        directory.joinpath("abreast.yaml").touch()
        place = StateDir.beside(directory)
        place.make()
        self.socket = place.api
        self._server = _Server(str(self.socket), self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def answers(self, path: str, *bodies: object, status: int = 200) -> None:
        """Answer that path with these, in turn."""
        self._answers[path] += [Answer(status, body) for body in bodies]

    def hang(self) -> None:
        """From now on, answer nothing until the end."""
        self._late.clear()

    def answer(self, asked: Asked) -> Answer:
        """The next answer for what is asked."""
        self.asked.append(asked)
        self._late.wait()
        waiting = self._answers.get(asked.path)
        if not waiting:
            return Answer(404, {"detail": f"the test gave no answer for {asked.path}"})
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._late.set()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._late.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingUnixStreamServer):
    def __init__(self, path: str, plane: Plane) -> None:
        self.plane = plane
        super().__init__(path, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked went away before the answer; that is the point of some tests."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # named by http.server
        self._answer(None)

    def do_POST(self) -> None:  # named by http.server
        self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def _answer(self, body: Json | None) -> None:
        path, _, query = self.path.partition("?")
        asked = Asked(self.command, path.removeprefix(PREFIX), query, body)
        answer = cast("_Server", self.server).plane.answer(asked)
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        self.send_response(answer.status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named by http.server
        """Say nothing."""


@dataclass(frozen=True)
class Ended:
    """A command of the program that ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]
"""Runs the program with these words."""


def runner(directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program within this process, as if typed in that directory."""
    monkeypatch.chdir(directory)

    def abreast(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["abreast", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run()
        told = capsys.readouterr()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        return Ended(code or 0, told.out, told.err)

    return abreast
