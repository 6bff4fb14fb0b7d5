"""``abreast demo``: the whole story, from nothing."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from abreast.model.errors import UsageError


class Topic(StrEnum):
    """A demo of something that the plain one leaves out."""

    DATA = "data"


class Example(StrEnum):
    """What can be demonstrated."""

    SHOP = "shop"
    HTTPBIN = "httpbin"


class Driver(StrEnum):
    """What runs the versions."""

    PROCESS = "process"
    DOCKER = "docker"


def demo(
    topic: Annotated[
        Topic | None, typer.Argument(help="data: two versions on one PostgreSQL; left out: the plain story")
    ] = None,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="leave it running for exploring, until Ctrl-C")] = False,
    example: Annotated[Example, typer.Option("--example", help="which service is rolled out")] = Example.SHOP,
    driver: Annotated[
        Driver, typer.Option("--driver", help="what runs the versions; docker: the shop as containers of an image")
    ] = Driver.PROCESS,
    base_image: Annotated[
        str, typer.Option("--base-image", help="with --driver docker: what the image is built on, not python:3.12-slim")
    ] = "",
) -> None:
    """Watch two bad versions being found and a good one take over, under real load, in about a minute.

    With `data` the same on a PostgreSQL of its own, whose columns change meanwhile. Exit code 1 if anything that it
    promises did not hold; it says what.
    """
    docker = driver is Driver.DOCKER
    if base_image and not docker:
        raise UsageError(f"--base-image {base_image}: no image is built", "add --driver docker, or leave it out")
    if docker and (topic is not None or example is not Example.SHOP):
        raise UsageError("--driver docker: only the plain demo's shop has an image", "leave out everything else")
    # Heavy, and no other verb needs them.
    if topic is Topic.DATA:
        if example is not Example.SHOP:
            raise UsageError(f"--example {example}: the demo of data is the shop's alone", "leave it out")
        from abreast.demo.data_play import play_data

        play_data(Console(), keep=keep)
        return
    from abreast.demo.boxes import Boxes
    from abreast.demo.httpbin import HTTPBIN
    from abreast.demo.play import play
    from abreast.demo.shop import SHOP

    story = {Example.SHOP: SHOP, Example.HTTPBIN: HTTPBIN}[example]
    asyncio.run(play(story, Console(), keep=keep, boxes=Boxes(base_image) if docker else None))
