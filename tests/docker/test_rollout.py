"""Rollouts of containers under load, from `abreast up` to its end, and what may happen meanwhile."""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from socket import create_server

import pytest

from tests.docker.running import box, process, running
from tests.fakes.docker import IMAGE, Dockerd, inside, new_engine
from tests.process.programs import until

pytestmark = pytest.mark.acceptance
"""Two minutes of engines that die beside users' requests."""


@pytest.fixture(autouse=True)
def _engine(dockerd: Dockerd, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything finds the tests' engine; in the end none of its containers and networks is left."""
    monkeypatch.setenv("DOCKER_HOST", dockerd.url)
    before = dockerd.client("network", "ls", "--format", "{{.Name}}")
    yield
    assert dockerd.containers() == []
    assert dockerd.client("network", "ls", "--format", "{{.Name}}") == before


async def test_a_version_takes_over_although_its_containers_are_killed_on_the_way(
    short_tmp: Path, dockerd: Dockerd
) -> None:
    """Given half of the users on v2, when its containers are killed, v1 answers them; v2 takes over all the same."""
    async with running(short_tmp, v1=box(), v2=box(2, labels={"team": "shop"})) as shop:
        await shop.order("start", "v2")
        await shop.until({"phase": "progressing", "weight": 5000})
        await shop.answered_by("v2")
        for number in (1, 2):
            (name,) = [each for each in dockerd.containers() if each.startswith(f"shop-v2-{number}-")]
            dockerd.client("kill", name)
            await shop.told(f"v2-{number}", "SIGKILL")
        await shop.ready("v2", 2)

        await shop.order("promote")
        status = await shop.until({"phase": "completed"}, 30)

        assert [each["name"] for each in status["versions"] if each["instances"]] == ["v2"]
        assert sorted(name.rpartition("-")[0] for name in dockerd.containers()) == ["shop-v2-1", "shop-v2-2"]
        await shop.answered_by("v2")


async def test_an_engine_that_is_killed_and_restarted_is_no_outage_where_the_other_side_is_healthy(
    short_tmp: Path, dockerd: Dockerd
) -> None:
    async with running(short_tmp, v1=process(), v2=box(2)) as shop:
        await shop.order("start", "v2")
        await shop.until({"phase": "progressing", "weight": 5000})
        await shop.answered_by("v2")

        dockerd.kill()
        await shop.told("the container engine at", "does not answer")
        await shop.answered_by("v1", 100)
        await asyncio.to_thread(dockerd.start)
        await shop.told("the container engine answers again: Docker")

        await shop.ready("v2", 2)
        assert len(dockerd.containers()) == 2
        await shop.order("abort")
        await shop.until({"phase": "rolled-back"})


async def test_what_cannot_start_is_told_and_no_user_notices(short_tmp: Path, dockerd: Dockerd) -> None:
    """Given v1 serving, when versions that are hopeless are started, each says why, and v1 goes on."""
    sick = short_tmp / "sick"
    sick.mkdir()
    check = "HEALTHCHECK --interval=1s --retries=1 CMD echo the cache is cold; exit 1"
    (sick / "Dockerfile").write_text(f"FROM {IMAGE}\n{check}\n")
    unbuilt = box(build={"context": "./sick"})
    del unbuilt["image"]
    versions = {
        "v1": box(),
        "absent": box(image="shop:9", pull="never"),
        "unpulled": box(image="127.0.0.1:9/unpulled:1"),
        "sick": unbuilt,
        "broken": box(command=["./missing"]),
    }
    async with running(short_tmp, **versions) as shop:
        for name, words in (
            ("absent", ("no image 'shop:9'",)),
            ("unpulled", ("unpulled-1", "cannot start", "connection refused")),
            ("sick", ("sick-1", "unhealthy", "the cache is cold")),
            ("broken", ("broken-1", "correct `container.command`")),
        ):
            await shop.order("start", name)
            await shop.told(*words)
            await shop.order("abort")
            await shop.until({"phase": "rolled-back"})
        await until(lambda: [each.rpartition("-")[0] for each in dockerd.containers()] == ["shop-v1-1"])


async def test_an_engine_with_a_full_disk_is_told_and_what_runs_goes_on(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given v1 on an engine whose disk is then filled, v2 says why it cannot start, until there is room."""
    with new_engine(disk_mb=160) as small, inside(small):
        monkeypatch.setenv("DOCKER_HOST", small.url)
        async with running(short_tmp, v1=box(), v2=box()) as shop:
            filling = small.data / "filling"
            with contextlib.suppress(OSError), filling.open("wb") as file:
                while True:
                    file.write(bytes(1 << 16))

            await shop.order("start", "v2")
            await shop.told("v2-1", "the engine's disk is full")
            await shop.answered_by("v1")
            filling.unlink()
            await shop.until({"phase": "progressing"})
            await shop.order("abort")
            await shop.until({"phase": "rolled-back"})
        assert small.containers() == []


async def test_an_engine_that_keeps_containers_may_be_killed_and_started_under_load(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an engine with live-restore and without a proxy of its own, its end and return harm no user of either."""
    with new_engine("--live-restore", "--userland-proxy=false") as lasting, inside(lasting):
        monkeypatch.setenv("DOCKER_HOST", lasting.url)
        async with running(short_tmp, v1=box(), v2=box()) as shop:
            await shop.order("start", "v2")
            await shop.until({"phase": "progressing", "weight": 5000})
            await shop.answered_by("v2")
            before = lasting.containers()

            lasting.kill()
            await shop.told("the container engine at", "does not answer")
            await shop.answered_by("v1")
            await shop.answered_by("v2")
            await asyncio.to_thread(lasting.start)
            await shop.told("the container engine answers again: Docker")

            await shop.answered_by("v1")
            await shop.answered_by("v2")
            assert lasting.containers() == before
            restarts = [each["restarts"] for told in (await shop.up.status())["versions"] for each in told["instances"]]
            assert restarts == [0, 0]
        assert lasting.containers() == []


async def test_ports_that_others_have_are_told_and_left_to_them(short_tmp: Path, dockerd: Dockerd) -> None:
    """Given that somebody listens at the ports that come next, the start is tried again until one is free."""
    async with running(short_tmp, v1=box(), v2=box()) as shop, AsyncPorts(dockerd):
        await shop.order("start", "v2")
        await shop.told("v2-1", "somebody has the port; it is tried again")
        await shop.ready("v2")
        await shop.order("abort")
        await shop.until({"phase": "rolled-back"})


class AsyncPorts:
    """Listens at the ports that the engine would give next: it tries ten by itself before it gives up."""

    def __init__(self, dockerd: Dockerd) -> None:
        (name,) = dockerd.containers()
        self._first = int(dockerd.client("port", name).rpartition(":")[2]) + 1
        self._stack = ExitStack()

    async def __aenter__(self) -> None:
        for port in range(self._first, self._first + 16):
            self._stack.enter_context(closing(create_server(("127.0.0.1", port))))

    async def __aexit__(self, *_: object) -> None:
        self._stack.close()
