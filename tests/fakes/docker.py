"""A real Docker engine for tests: dockerd in a network namespace of its own, with one small image.

Needs root, and Debian's docker.io, iproute2 and mmdebstrap. One engine for each worker; all that it made goes with it.
The published ports are in the namespace: a test enters it by `inside`, and so does everything that it starts.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.fakes.fetched import missing, place
from tests.fakes.namespace import inside_network

IMAGE: Final = "abreast-py:1"
"""Debian's python3 and nothing else."""

SHOP_BASE: Final = "abreast-shop-base:1"
"""The same with what the example's shop needs, so that its build asks no package index."""

DEADLINE_S: Final = 30.0
_PACKAGES: Final = "python3-minimal,libpython3-stdlib,python3,dash,libc-bin,base-files"
_PROGRAMS: Final = ("dockerd", "ip", "nsenter", "mmdebstrap")


class Dockerd:
    """One engine. ``url`` is its socket's, in a directory of its own below /tmp; nothing of the machine's is used.

    With ``disk_mb`` all that it keeps is on a file system of that size, at ``data``; ``options`` are more of dockerd's.
    """

    def __init__(self, home: Path, *options: str, disk_mb: int = 0) -> None:
        self.home = home
        self.namespace = home.name
        self._options = options
        self._disk_mb = disk_mb
        self.url = f"unix://{home / 'docker.sock'}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """Where it keeps images and containers."""
        return self.home / "data"

    @property
    def namespace_file(self) -> Path:
        return Path("/run/netns") / self.namespace

    def create(self) -> None:
        """Make the namespace, start the engine, give it its image."""
        _run("ip", "netns", "add", self.namespace)
        _run("nsenter", f"--net={self.namespace_file}", "ip", "link", "set", "lo", "up")
        if self._disk_mb:
            self.data.mkdir()
            _run("mount", "-t", "tmpfs", "-o", f"size={self._disk_mb}m", "tmpfs", str(self.data))
        self.start()
        self.client("import", "--change", 'CMD ["python3"]', str(_archive()), IMAGE)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {
            "--data-root": self.data,
            "--exec-root": self.home / "exec",
            "--pidfile": self.home / "pid",
            "--host": self.url,
        }
        argv = ["nsenter", f"--net={self.namespace_file}", "dockerd", *self._options]
        argv += [f"{key}={value}" for key, value in options.items()]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        self.await_answer()

    def await_answer(self) -> None:
        """Wait until what was started answers; fails with its words if it ends, or after the deadline."""
        assert self._process is not None
        deadline = time.monotonic() + DEADLINE_S
        while _quiet(*self._client("version")) != 0:
            words = (self.home / "log").read_text(errors="replace")[-600:]
            assert self._process.poll() is None, f"dockerd ended: {words}"
            assert time.monotonic() < deadline, f"dockerd does not answer: {words}"
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to dockerd alone: the containers go on; its containerd dies with it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._await_dead_containerd()

    def _await_dead_containerd(self) -> None:
        """The next dockerd takes one that is dying, or that init has not taken note of, for a living one, and waits."""
        file = self.home / "exec" / "containerd" / "containerd.pid"
        if not file.exists():
            return
        deadline = time.monotonic() + DEADLINE_S
        with contextlib.suppress(psutil.NoSuchProcess):
            containerd = psutil.Process(int(file.read_text()))
            while containerd.status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < deadline, "containerd outlives its dockerd"
                time.sleep(0.01)
        file.unlink()

    def give_shop_base(self) -> None:
        """Build `SHOP_BASE`, of the packages that abreast's own lock names, for the image's Python."""
        context = self.home / "base"
        place = context / "packages"
        lock = Path(__file__).parents[2] / "requirements/runtime.txt"
        target = ("--target", str(place), "--python-version", "3.11", "--only-binary", ":all:")
        packages = ("fastapi", "httptools", "uvicorn", "uvloop")
        _run(sys.executable, "-m", "uv", "pip", "install", "--quiet", *target, "--constraint", str(lock), *packages)
        file = f"FROM {IMAGE}\nCOPY packages /usr/lib/python3/dist-packages\n"
        (context / "Dockerfile").write_text(file)
        self.client("build", "--quiet", "--tag", SHOP_BASE, str(context))

    def client(self, *words: str) -> str:
        """What ``docker WORDS`` prints."""
        return _run(*self._client(*words))

    def containers(self) -> list[str]:
        """The names of all containers, running or not."""
        return self.client("ps", "--all", "--format", "{{.Names}}").split()

    def clear(self) -> None:
        """Remove all containers; start the engine if a test left it dead."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        found = self.client("ps", "--all", "--quiet").split()
        if found:
            self.client("rm", "--force", "--volumes", *found)

    def remove(self) -> None:
        """End it with all that it started, and delete what it wrote."""
        self.clear()
        assert self._process is not None
        family = psutil.Process(self._process.pid).children(recursive=True)
        # Without containers there is nothing that it would have to end in order, and it takes seconds for that.
        self.kill()
        for process in [*family, *self._strays()]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, DEADLINE_S)
        self.forget()

    def forget(self) -> None:
        """Delete what it wrote, and its network."""
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
        for mounted in (line.split()[1] for line in mounts.splitlines()):
            if mounted.startswith(str(self.home)):
                _quiet("umount", "--lazy", mounted)
        _run("ip", "netns", "delete", self.namespace)
        shutil.rmtree(self.home)

    def _strays(self) -> Sequence[psutil.Process]:
        """A containerd that outlived a killed dockerd: known by the directory in its command."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if any(str(self.home) in word for word in process.cmdline()) and process.name().startswith(
                    "containerd"
                ):
                    found.append(process)
        return found

    def _client(self, *words: str) -> list[str]:
        # Debian's: another program of that name may come first in PATH.
        return ["/usr/bin/docker", f"--host={self.url}", *words]


def inside(dockerd: Dockerd) -> contextlib.AbstractContextManager[None]:
    """This thread, and all that it starts, in the engine's network; back again afterwards."""
    return inside_network(dockerd.namespace_file)


def _archive() -> Path:
    """The image's files, made once for all workers and later runs."""
    archive = place() / "python.tar"
    if not archive.exists():
        draft = archive.with_name(f"{os.getpid()}.tar")
        options = ["--variant=extract", "--mode=root", f"--include={_PACKAGES}"]
        _run("mmdebstrap", *options, "bookworm", str(draft))
        draft.replace(archive)
    return archive


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv[:4]}: {done.stderr[-500:]}"
    return done.stdout.strip()


def _quiet(*argv: str) -> int:
    return subprocess.run(argv, capture_output=True, check=False).returncode


def require() -> None:
    """Skip where an engine cannot be had. With CI=true nothing is skipped: it fails."""
    lacking = [name for name in _PROGRAMS if shutil.which(name) is None]
    if lacking or os.geteuid() != 0:
        wanted = "root, and apt-get install docker.io iproute2 mmdebstrap"
        missing(f"a Docker engine of the tests' own needs {wanted} ({lacking})")


@contextlib.contextmanager
def new_engine(*options: str, disk_mb: int = 0) -> Iterator[Dockerd]:
    """An engine of its own; it and all that it made is gone afterwards."""
    made = Dockerd(Path(tempfile.mkdtemp(prefix="abdk-", dir="/tmp")), *options, disk_mb=disk_mb)
    try:
        made.create()
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def engine() -> Iterator[Dockerd]:
    """The worker's engine; for tests `dockerd` is the one to ask for."""
    require()
    with new_engine() as made:
        yield made


@pytest.fixture(scope="session")
def shop_base(engine: Dockerd) -> str:
    """The name of `SHOP_BASE`, which the engine has; made outside of its network, where a package index is."""
    engine.give_shop_base()
    return SHOP_BASE


@pytest.fixture
def dockerd(engine: Dockerd) -> Iterator[Dockerd]:
    """The engine, without containers; the test is in its network."""
    with inside(engine):
        yield engine
    engine.clear()
