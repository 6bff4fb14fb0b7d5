"""A real Podman for tests: Debian's packages, unpacked and seen by nobody else, answering Docker's API on a socket.

Needs root, a container runtime (docker.io brings runc), iproute2 and util-linux. In a mount namespace of its own its
packages' /usr and /etc lie over the machine's; the network is its own too, entered by `tests.fakes.docker.inside`.
"""

import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.debian import unpacked
from tests.fakes.docker import DEADLINE_S, Dockerd, inside, require

_PACKAGES: Final = (
    *("podman", "conmon", "containernetworking-plugins", "golang-github-containers-image"),
    *("golang-github-containers-common", "libgpgme11", "libsubid4"),
)
_BEGIN: Final = """
mount --make-rprivate /
mount -t overlay overlay -o lowerdir="$1/usr":/usr /usr
mount -t overlay overlay -o lowerdir="$1/etc":/etc,upperdir="$2/etc",workdir="$2/work" /etc
exec nsenter --net="$3" podman --root "$2/storage" --runroot "$2/run" --tmpdir "$2/tmp" --runtime runc \
    --cgroup-manager cgroupfs --events-backend file system service --time 0 "$4"
"""
_MOST_FILES: Final = 10_000


class Podman(Dockerd):
    """It has no daemon: what answers on the socket may end, and containers go on."""

    def start(self) -> None:
        """Start what answers on the socket, and wait until it does."""
        files = unpacked(_PACKAGES, "podman")
        for name in ("etc", "work"):
            (self.home / name).mkdir(exist_ok=True)
        settings = self.home / "containers.conf"
        # Its own limits are above what a process in a small machine may ask for.
        most = min(_MOST_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        settings.write_text(f'[containers]\ndefault_ulimits = ["nofile={most}:{most}", "nproc={most}:{most}"]\n')
        words = (str(files), str(self.home), str(self.namespace_file), self.url)
        argv = ["unshare", "--mount", "sh", "-e", "-c", _BEGIN, "podman", *words]
        env = {**os.environ, "CONTAINERS_CONF": str(settings)}
        with (self.home / "log").open("ab") as log:
            # Its monitor of a container writes a file where it is when that runs out of memory.
            self._process = subprocess.Popen(
                argv, stdout=log, stderr=log, start_new_session=True, env=env, cwd=self.home
            )
        self.await_answer()

    def remove(self) -> None:
        """End it with all that it started, and delete what it wrote."""
        self.clear()
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGTERM)
        deadline = time.monotonic() + DEADLINE_S
        while self._process.poll() is None:
            assert time.monotonic() < deadline, "podman does not end"
            time.sleep(0.05)
        self.forget()


@pytest.fixture(scope="session")
def podman_engine() -> Iterator[Podman]:
    """The worker's Podman; for tests `podman` is the one to ask for."""
    require()
    made = Podman(Path(tempfile.mkdtemp(prefix="abpm-", dir="/tmp")))
    made.create()
    yield made
    made.remove()


@pytest.fixture
def podman(podman_engine: Podman) -> Iterator[Podman]:
    """Podman without containers; the test is in its network."""
    with inside(podman_engine):
        yield podman_engine
    podman_engine.clear()
