"""A release group with a fleet in it: its servers ask for the others, and any of them answers for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.service import Service
from tests.fleet.servers import Site, site

ROLLOUT = {"steps": [{"hold": "1s"}], "retire": {"after": "0s", "unused_for": "0s", "open_for": "0s"}}
GROUP = {"name": "spring", "order": ["cart", "shop"]}


@dataclass
class Group:
    """A fleet of two servers for the shop, and the cart under an `abreast up` that asks one of them."""

    shop: Site
    cart: Service


@pytest.fixture
def group(short_tmp: Path, database: str) -> Iterator[Group]:
    with site(short_tmp, database) as shop:
        for name in "ab":
            server = shop.add(name, ROLLOUT)
            server.spec["group"] = {**GROUP, "members": {"cart": "../cart"}}
            server.write()
            server.up(wait=False)
        (short_tmp / "cart").mkdir()
        versions = {name: {"endpoints": [f"127.0.0.1:{port}"], "timeout": "4s"} for name, port in shop.ports.items()}
        cart = Service.of(short_tmp / "cart", versions, **ROLLOUT)
        cart.spec |= {"service": "cart", "group": {**GROUP, "members": {"shop": "../a"}}}
        cart.write()
        try:
            cart.up()
            for each in shop.servers:
                each.until_said(" is up: ", 45)
            yield Group(shop, cart)
        finally:
            cart.close()


def test_a_fleet_waits_for_its_group_and_every_server_says_for_whom(group: Group) -> None:
    servers, cart = group.shop.servers, group.cart
    servers[1].give("start", version="v2")
    for server in servers:
        server.until(partial(stands, server, "cart has not begun this attempt"))
    cart.give("start", version="v2")
    for each in (*servers, cart):
        each.until(partial(has_ended, each))
    for server in servers:
        server.until(partial(stands, server, "cart is completed"))
    cart.until(lambda: stands(cart, "shop is completed"))


def stands(each: Service, words: str) -> bool:
    return any(words in line for line in each.status()["group"])


def has_ended(each: Service) -> bool:
    return bool(each.status()["phase"] == "completed")
