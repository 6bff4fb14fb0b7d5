"""Containers that somebody else runs, found by their labels on a real engine."""

import asyncio
from collections.abc import Callable

import pytest

from abreast.drivers.registry.containers import LabelledContainers
from abreast.drivers.registry.found import Found, NoAnswerError
from abreast.model.registry import Containers
from tests.fakes.docker import IMAGE, Dockerd
from tests.process.programs import WallClock

PLACE = Containers(("shop.version=v2",), port=8080)


def run(dockerd: Dockerd, name: str, *options: str) -> str:
    """Start a container as its owner would; its address."""
    words = ["run", "--detach", "--name", name, "--label", "shop.version=v2", "--init", *options, IMAGE]
    dockerd.client(*words, "python3", "-c", "import time; time.sleep(60)")
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    return dockerd.client("inspect", "--format", template, name).split()[0]


async def heard(source: LabelledContainers, wanted: Callable[[Found], bool]) -> Found:
    """Ask until that is the answer; each question but the first waits for an event."""
    async with asyncio.timeout(10):
        while not wanted(found := await source.ask()):
            await asyncio.sleep(found.again_s)
    return found


async def test_they_are_followed_as_they_come_and_go_and_through_the_end_of_the_engine(dockerd: Dockerd) -> None:
    source = LabelledContainers(PLACE, WallClock(), lambda: dockerd.url)
    assert (await source.ask()).endpoints == ()
    one = await asyncio.to_thread(run, dockerd, "shop-1")
    dockerd.client(
        "run", "--detach", "--label", "shop.version=v1", IMAGE, "python3", "-c", "import time; time.sleep(60)"
    )
    (found,) = (await heard(source, lambda found: bool(found.endpoints))).endpoints
    assert str(found) == f"{one}:8080"
    two = await asyncio.to_thread(run, dockerd, "shop-2", "--expose", "9000")
    both = await heard(source, lambda found: len(found.endpoints) == 2)
    assert [str(each) for each in both.endpoints] == sorted([f"{one}:8080", f"{two}:8080"])
    dockerd.client("pause", "shop-2")
    dockerd.client("kill", "shop-1")
    await heard(source, lambda found: found.endpoints == ())
    dockerd.kill()
    with pytest.raises(NoAnswerError, match="does not answer"):
        await heard(source, lambda _: False)
    await asyncio.to_thread(dockerd.start)
    dockerd.client("start", "shop-1")
    back = await heard(source, lambda found: bool(found.endpoints))
    assert [each.port for each in back.endpoints] == [8080]
    await source.close()


async def test_the_address_is_that_of_the_network_that_is_named(dockerd: Dockerd) -> None:
    dockerd.client("network", "create", "--subnet", "10.99.0.0/24", "shop_net")
    try:
        await asyncio.to_thread(run, dockerd, "shop-1", "--network", "shop_net", "--expose", "9000")
        dockerd.client("network", "connect", "bridge", "shop-1")
        source = LabelledContainers(Containers(PLACE.labels), WallClock(), lambda: dockerd.url)
        assert (await source.ask()).detail == "shop-1: it is in the networks bridge, shop_net: write `network`"
        await source.close()
        source = LabelledContainers(Containers(PLACE.labels, "shop_net"), WallClock(), lambda: dockerd.url)
        (found,) = (await source.ask()).endpoints
        assert (found.host.startswith("10.99.0."), found.port) == (True, 9000)
        await source.close()
    finally:
        dockerd.client("rm", "--force", "shop-1")
        dockerd.client("network", "rm", "shop_net")
