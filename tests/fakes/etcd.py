"""A real etcd of one member: Debian's, installed or unpacked; and what tests do to it and to its keys."""

import base64
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from abreast.bench.target import free_port
from tests.fakes.debian import program
from tests.fakes.fetched import fetching

DEADLINE_S = 20.0


def etcd_program() -> str:
    """Where etcd is; fetched once for all workers and later runs where it is not installed."""
    with fetching("etcd") as place:
        return program("etcd", "etcd-server", place)


@dataclass
class EtcdServer:
    """One etcd in a directory; started anew it has the same data and port. ``options`` are further ones."""

    directory: Path
    options: Sequence[str] = ()
    scheme: str = "http"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    verify: Any = True  # as httpx takes it

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where clients come in."""
        return f"{self.scheme}://{self.host}"

    def start(self) -> "EtcdServer":
        """Start it, and wait until it has a leader."""
        peer = f"http://127.0.0.1:{free_port()}"
        with (self.directory / "etcd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    etcd_program(),
                    *("--name", "t", "--data-dir", str(self.directory / "etcd"), "--logger", "zap"),
                    *("--listen-client-urls", self.url, "--advertise-client-urls", self.url),
                    *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
                    *("--initial-cluster", f"t={peer}", "--unsafe-no-fsync"),
                    *self.options,
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, "ETCD_UNSUPPORTED_ARCH": "arm64"},
            )
        limit = time.monotonic() + DEADLINE_S
        while not self._answers():
            assert self.process.poll() is None, (self.directory / "etcd.log").read_text()[-2000:]
            assert time.monotonic() < limit, "etcd does not answer"
            time.sleep(0.02)
        return self

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """It still has its connections, and answers none: as if cut off."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It answers again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def post(self, path: str, token: str = "", **body: object) -> dict[str, Any]:
        """One call of its JSON gateway."""
        headers = {"Authorization": token} if token else {}
        verify = self.verify
        answer = httpx.post(f"{self.url}/v3/{path}", json=body, headers=headers, verify=verify, trust_env=False)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def put(self, key: str, value: str | bytes, lease: str = "0") -> int:
        """Write a key, which goes with the lease if there is one; the revision."""
        raw = base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        return int(self.post("kv/put", key=coded(key), value=raw, lease=lease)["header"]["revision"])

    def delete(self, key: str) -> int:
        """Delete a key; the revision."""
        return int(self.post("kv/deleterange", key=coded(key))["header"]["revision"])

    def compact(self, revision: int) -> None:
        """Forget what was before that revision."""
        self.post("kv/compaction", revision=str(revision), physical=True)

    def _answers(self) -> bool:
        try:
            self.post("kv/range", key=coded("x"))
        except httpx.HTTPStatusError:
            return True  # it wants somebody to log in
        except httpx.HTTPError:
            return False
        return True


def coded(text: str) -> str:
    """As the gateway takes keys."""
    return base64.b64encode(text.encode()).decode()
