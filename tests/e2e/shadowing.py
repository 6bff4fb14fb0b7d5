"""What tests of shadowing share: versions of the noisy service, the ledger, the relay's process, a webhook."""

import json
import re
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from tests.e2e.service import Service, pretty

NOISY = Path(__file__).with_name("noisy.py")
STEP_TIME = {"at_least": "0s", "at_most": "2h"}
LASTING = {
    "steps": [{"shadow": "100%", "for": "1h"}],
    "gates": {"differences": {"tolerance": "100%", "window": "1s", "ignore": ["header:x-version"]}},
}
"""The copying goes on, whatever is found."""


def noisy(version: str, flaw: str = "", instances: int = 1) -> dict[str, Any]:
    """A version of the noisy service."""
    return {
        "run": f"{sys.executable} {NOISY} --port {{port}}",
        "instances": instances,
        "ready": "GET /healthz",
        "timeout": "4s",
        "env": {"VERSION": version, "FLAW": flaw},
    }


def shadowed(directory: Path, flaw: str, **rollout: object) -> Service:
    """Two instances of stable, and a candidate with that flaw, to be copied to in full."""
    settings = {
        "steps": [{"shadow": "100%"}, {"weight": "10%"}],
        "step_time": STEP_TIME,
        "shadow": {"at_most": "10000/s"},
        "gates": {"differences": {"window": "1s", "ignore": ["header:x-version"]}},
        **rollout,
    }
    made = Service.of(directory, {"v1": noisy("v1", instances=2), "v2": noisy("v2", flaw)}, **settings)
    made.spec["gateway"].update(drain="500ms", concurrency=1)
    made.write()
    return made


def begin(service: Service) -> None:
    """Start the rollout, and wait until requests are copied."""
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "progressing")
    service.until(lambda: all(node["obeys"] for node in service.status()["nodes"]) and obeying(service))


def typed(service: Service, *words: str, code: int = 0) -> str:
    """What a command prints that must end with that code."""
    ended = service.run(*words)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def ledger(service: Service) -> dict[str, Any]:
    """The ledger, whose sum must come out at any time."""
    told: dict[str, Any] = service.client().get("/findings")["ledger"]
    total = told["compared"] + sum(told["skipped"].values()) + told["lost"] + told["pending"]
    assert told["seen"] == total, pretty(told)
    assert min(told["lost"], told["pending"]) >= 0, pretty(told)
    return told


def settled(service: Service, seen: int, timeout_s: float = 30.0) -> dict[str, Any]:
    """The ledger once it knows of so many requests and what became of each."""
    service.until(lambda: ledger(service)["seen"] >= seen, timeout_s)
    service.until(lambda: ledger(service)["pending"] == 0, timeout_s)
    return ledger(service)


def relay(service: Service) -> int | None:
    """The process of the relay that lives, by what the audit log says."""
    log = [row["reason"] for row in service.client().get("/events", limit=1000) if row["kind"] == "relay"]
    found = [
        int(match[1]) for match in (re.search(r"the relay started \(process (\d+)\)", each) for each in log) if match
    ]
    return next((pid for pid in sorted(found, reverse=True) if living(pid)), None)


def obeying(service: Service) -> bool:
    """Whether the relay knows what to do: what is copied before that is lost."""
    path = str(service.directory / ".abreast" / "run" / "relay.sock")
    with socket.socket(socket.AF_UNIX) as probe:  # httpx leaves a socket open that could not be connected
        if probe.connect_ex(path):
            return False
    with httpx.Client(transport=httpx.HTTPTransport(uds=path), base_url="http://relay") as client:
        return bool(client.get("/health").json()["rollout"])


def living(pid: int) -> bool:
    """Whether that process has not ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Webhook:
    """Takes alerts; ``bodies`` are what was posted."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.bodies.append(self.rfile.read(int(self.headers["content-length"])).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """What the spec calls it."""
        return f"json://127.0.0.1:{self._server.server_port}"

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What was posted, read."""
        return [json.loads(body) for body in self.bodies]

    def __enter__(self) -> Self:
        """Listen."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
