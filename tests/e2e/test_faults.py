"""What can stand in the way of `abreast up` and of a start: one clear error each, and nothing is lost."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from abreast.cli.client import RemoteError
from tests.e2e.service import Service, origin

FILES = f"{sys.executable} -m http.server {{port}} --bind 127.0.0.1"
"""Answers 404 to every path that is no file."""

LASTING = {"steps": [{"weight": "10%"}], "step_time": {"at_least": "1h", "at_most": "2h"}}


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    """Two cheap versions; not started yet."""
    made = Service.of(short_tmp, {"v1": origin("v1"), "v2": origin("v2")}, **LASTING)
    made.spec["gateway"]["drain"] = "500ms"
    made.write()
    yield made
    if made.process is not None:
        made.close()


def answers(service: Service) -> bool:
    """Whether a user is served."""
    return httpx.get(service.url).status_code == 200


def test_a_port_in_use(service: Service) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", service.port))
        holder.listen()
        ended = service.run("up")
    assert ended.returncode == 10
    assert f"gateway.listen: 127.0.0.1:{service.port} cannot be listened on: Address already in use" in ended.stderr
    assert f"(process {os.getpid()}," in ended.stderr
    assert "→ stop what holds it, or choose another address in gateway.listen" in ended.stderr
    service.up()
    assert answers(service)


def test_a_missing_command_of_stable(service: Service) -> None:
    service.spec["versions"]["v1"]["run"] = "no-such-command --port {port}"
    service.write()
    ended = service.run("up")
    assert ended.returncode == 11
    assert "versions.v1.run: there is no command 'no-such-command'" in ended.stderr
    assert "→" in ended.stderr


def test_a_missing_command_of_the_candidate(service: Service) -> None:
    service.spec["versions"]["v2"]["run"] = "no-such-command --port {port}"
    service.write()
    service.up()
    with pytest.raises(RemoteError, match=r"versions\.v2\.run: there is no command 'no-such-command'") as refused:
        service.give("start", version="v2")
    assert refused.value.exit_code == 11
    assert service.status()["phase"] == "completed"
    assert answers(service)


def test_a_probe_of_stable_that_never_succeeds(service: Service) -> None:
    service.spec["versions"]["v1"].update(run=FILES, ready="GET /nowhere", start_timeout="2s")
    service.write()
    ended = service.run("up")
    assert ended.returncode == 11
    assert "v1 has no ready instance after 2 s: v1-1: GET /nowhere answered 404" in ended.stderr


def test_a_probe_of_the_candidate_that_never_succeeds(service: Service) -> None:
    service.spec["versions"]["v2"].update(run=FILES, ready="GET /nowhere", start_timeout="2s")
    service.write()
    service.up()
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "rolled-back")
    assert "GET /nowhere answered 404" in service.status()["reason"]
    assert answers(service)


def test_a_corrupt_store(service: Service) -> None:
    service.up()
    assert service.down() == 0
    store = service.directory / ".abreast" / "abreast.db"
    damaged = b"this is no database" * 200
    store.write_bytes(damaged)
    for old in store.parent.glob("abreast.db-*"):
        old.unlink()
    ended = service.run("up")
    assert ended.returncode == 9
    assert str(store) in ended.stderr
    assert "→" in ended.stderr
    assert store.read_bytes() == damaged
    store.rename(store.with_suffix(".damaged"))
    service.up()
    assert answers(service)


def test_a_second_up_in_the_same_directory(service: Service) -> None:
    service.up()
    assert service.process is not None
    ended = service.run("up")
    assert ended.returncode == 8
    assert f"abreast already runs for '{service.directory}' (process {service.process.pid})" in ended.stderr
    assert answers(service)
    assert service.run("status").returncode == 0


def test_no_up_at_all(service: Service) -> None:
    ended = service.run("status")
    assert ended.returncode == 7
    assert f"no abreast runs for '{service.directory}'" in ended.stderr
    assert "→ start it with: abreast up" in ended.stderr


@pytest.fixture
def small_disk(short_tmp: Path) -> Iterator[Path]:
    """A tmpfs of a few megabytes, mounted by the test."""
    place = short_tmp / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def see_saw(service: Service, times: int) -> None:
    """Set the weight up and down."""
    for _ in range(times):
        service.give("weight", weight=5000)
        service.give("weight", weight=1000)


def test_a_full_disk(small_disk: Path) -> None:
    service = Service.of(small_disk, {"v1": origin("v1"), "v2": origin("v2")}, **LASTING)
    service.up()
    try:
        service.give("start", version="v2")
        service.until(lambda: service.status()["phase"] == "progressing")
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(b"x" * 65536)
                except OSError:
                    break
        # Raising the share cannot be recorded, so it does not happen; the error says so.
        with pytest.raises(RemoteError, match=r"disk|full|space") as refused:
            see_saw(service, 200)
        assert refused.value.exit_code == 9
        assert service.run("doctor").returncode == 1
        assert answers(service)
        # Rolling back does not need the disk.
        assert service.give("abort")["obeyed_s"] is not None
        assert service.status()["weight"] == 0
        ballast.unlink()
        service.until(lambda: service.status()["phase"] == "rolled-back" and not service.status()["store_error"])
        reasons = [event["reason"] for event in service.client().get("/events", limit=1000)]
        assert "aborted" in reasons
        service.kill()
        service.up()
        assert service.status()["phase"] == "rolled-back"
        assert answers(service)
    finally:
        service.close()


def test_up_on_a_full_disk(small_disk: Path) -> None:
    service = Service.of(small_disk, {"v1": origin("v1"), "v2": origin("v2")}, **LASTING)
    with (small_disk / "ballast").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4096)
            except OSError:
                break
    ended = service.run("up")
    assert ended.returncode == 9
    assert "→" in ended.stderr
    (small_disk / "ballast").unlink()
    service.up()
    try:
        assert answers(service)
    finally:
        service.close()


def test_seven_faults_in_a_spec(short_tmp: Path) -> None:
    (short_tmp / "abreast.yaml").write_text(
        """service: shop
gateway:
  listen: 127.0.0.1:99999
  timeout: 15
versions:
  v1:
    run: python app.py {port}
    instances: 0
  v2:
    rum: python app.py {port}
    ready: FETCH /healthz
stable: v3
rollout:
  steps:
    - weight: 120%
""",
        encoding="utf-8",
    )
    ended = subprocess.run(
        [sys.executable, "-m", "abreast", "check"],
        cwd=short_tmp,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    lines = [line for line in ended.stderr.splitlines() if "abreast.yaml:" in line and ": " in line]
    numbered = [int(line.split(":")[1]) for line in lines if line.split(":")[1].isdigit()]
    assert numbered == [3, 4, 8, 10, 11, 12, 15]
    assert ended.stderr.count("  → ") == 7
