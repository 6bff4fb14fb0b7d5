"""``abreast demo``: the whole story, from nothing."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console


class Example(StrEnum):
    """What can be demonstrated."""

    SHOP = "shop"
    HTTPBIN = "httpbin"


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="leave it running for exploring, until Ctrl-C")] = False,
    example: Annotated[Example, typer.Option("--example", help="which service is rolled out")] = Example.SHOP,
) -> None:
    """Watch two bad versions being found and a good one take over, under real load, in about a minute.

    Exit code 1 if anything that it promises did not hold; it says what.
    """
    # Heavy, and no other verb needs them.
    from abreast.demo.httpbin import HTTPBIN
    from abreast.demo.play import play
    from abreast.demo.shop import SHOP

    story = {Example.SHOP: SHOP, Example.HTTPBIN: HTTPBIN}[example]
    asyncio.run(play(story, Console(), keep=keep))
