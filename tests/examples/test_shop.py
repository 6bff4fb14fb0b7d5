"""The sample shop: what its versions share, how each one differs, and that it runs as its spec says."""

from __future__ import annotations

import asyncio
import importlib
import os
import platform
import sys
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import websockets
import yaml

from abreast.bench.target import answers, free_port
from abreast.load import Load, Plan, Request
from abreast.spec_source import load_spec, missing_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SHOP = Path(__file__).parents[2] / "examples" / "shop"
VERSIONS = ("v1", "v2", "v3", "v4")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SHOP))


@asynccontextmanager
async def shop(version: str) -> AsyncIterator[httpx.AsyncClient]:
    """One instance of its own, asked in memory."""
    service = importlib.import_module("shop.service")
    release = importlib.import_module(f"shop.{version}")
    parts = {
        name: getattr(release, f"_{name}") for name in ("describe", "delay_s", "looked") if hasattr(release, f"_{name}")
    }
    app = service.make_app(service.Release(version, **parts))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as http:
        yield http


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_answer_names_its_version_and_instance(version: str) -> None:
    async with shop(version) as http:
        for path in ("/healthz", "/products", "/products/1", "/cart", "/nowhere", "/slow?seconds=0"):
            answer = await http.get(path)
            assert answer.headers["x-shop-version"] == version, path
            assert answer.headers["x-shop-instance"].startswith(version), path


@pytest.mark.parametrize("version", VERSIONS)
async def test_all_instances_sell_the_same_products(version: str) -> None:
    async with shop("v1") as one, shop(version) as other:
        mine = unstamped(await one.get("/products?limit=100"))
        theirs = unstamped(await other.get("/products?limit=100"))

    assert mine == theirs
    assert mine["total"] == len(mine["products"]) == 60


async def test_pages_of_products() -> None:
    async with shop("v1") as http:
        page = (await http.get("/products?offset=58&limit=5")).json()["products"]
        refused = await http.get("/products?limit=0")

    assert [product["id"] for product in page] == [59, 60]
    assert refused.status_code == 422


async def products(version: str, *, sold: bool = False) -> dict[int, httpx.Response]:
    """Every product's page of one instance, new or after a sale."""
    async with shop(version) as http:
        if sold:
            assert (await http.post("/checkout", json={"product": 7})).status_code == 201
        return {number: await http.get(f"/products/{number}") for number in range(1, 61)}


def unstamped(answer: httpx.Response) -> dict[str, Any]:
    """What an answer says, without what is different in each."""
    content: dict[str, Any] = answer.json()
    del content["served"]
    if "goes_with" in content:
        content["goes_with"] = sorted(content["goes_with"])
    return content


IMPORTED = set(range(6, 61, 6))


async def test_v1_describes_every_product_in_its_own_money() -> None:
    told = await products("v1", sold=True)

    assert {answer.status_code for answer in told.values()} == {200}
    assert {number for number, answer in told.items() if answer.json()["currency"] == "SEK"} == IMPORTED
    assert {type(answer.json()["price_cents"]) for answer in told.values()} == {int}


@pytest.mark.parametrize("version", VERSIONS)
async def test_each_answer_has_a_time_an_id_a_process_and_an_order_of_its_own(version: str) -> None:
    async with shop(version) as http:
        asked = [await http.get("/products/1") for _ in range(30)]
        told = [answer.json() for answer in asked]

    assert len({one["served"]["request"] for one in told}) == 30
    assert all(uuid.UUID(one["served"]["request"]).version == 4 for one in told)
    times = [datetime.fromisoformat(one["served"]["at"]) for one in told]
    assert times == sorted(times)
    assert all(abs(datetime.now(UTC) - time).total_seconds() < 60 for time in times)
    assert {one["served"]["by"] for one in told} == {f"{platform.node()}/{os.getpid()}"}
    assert len({tuple(one["goes_with"]) for one in told}) > 1, "30 times the same order"
    assert {tuple(sorted(one["goes_with"])) for one in told} == {(2, 8, 23)}


async def test_v2_answers_with_text_where_a_number_was_for_exactly_the_imported_products() -> None:
    before, after = await products("v1", sold=True), await products("v2", sold=True)

    for number, answer in after.items():
        was, now = unstamped(before[number]), unstamped(answer)
        assert answer.status_code == 200
        assert now.pop("price_cents") == (str(was["price_cents"]) if number in IMPORTED else was["price_cents"])
        del was["price_cents"]
        assert now == was


@pytest.mark.parametrize("version", ["v3", "v4"])
async def test_the_later_versions_answer_the_same_as_long_as_they_sell_nothing(version: str) -> None:
    before, after = await products("v1"), await products(version)

    assert {number: unstamped(answer) for number, answer in after.items()} == {
        number: unstamped(answer) for number, answer in before.items()
    }


async def test_v3_fails_for_exactly_the_imported_products_after_a_sale_and_is_slow_for_scarce_ones() -> None:
    told = await products("v3", sold=True)

    assert {number for number, answer in told.items() if answer.status_code == 500} == IMPORTED
    assert {answer.status_code for number, answer in told.items() if number not in IMPORTED} == {200}
    assert told[6].json() == {"detail": "internal error: division by zero"}
    delay_s = importlib.import_module("shop.v3")._delay_s
    slow = {number for number, product in catalogue().items() if delay_s(product)}
    assert 5 < len(slow) < 30
    assert delay_s(catalogue()[min(slow)]) == 0.12


async def test_v4_mends_the_faults_and_brings_something_new() -> None:
    assert {answer.status_code for answer in (await products("v4", sold=True)).values()} == {200}

    async with shop("v4") as http:
        await http.get("/products/1")
        await http.post("/checkout", json={"product": 7, "quantity": 2})
        for number in (1, 1, 6):
            await http.get(f"/products/{number}")
        assert unstamped(await http.get("/interest")) == {"looks_per_sale": {"1": 1.5}}
    async with shop("v1") as http:
        assert (await http.get("/interest")).status_code == 404


def catalogue() -> dict[int, Any]:
    made: dict[int, Any] = importlib.import_module("shop.catalogue").products()
    return made


async def test_a_product_that_is_not_there_is_a_404_in_words() -> None:
    async with shop("v1") as http:
        answer = await http.get("/products/61")

    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no product 61; 1 to 60 are"


async def test_a_cart_is_filled_and_checked_out_once() -> None:
    async with shop("v1") as http:
        user = {"x-user-id": "u1"}
        await http.put("/cart", json={"product": 7, "quantity": 2}, headers=user)
        cart = (await http.get("/cart", headers=user)).json()
        order = await http.post("/checkout", headers={**user, "idempotency-key": "k1"})
        again = await http.post("/checkout", headers={**user, "idempotency-key": "k2"})

    assert (cart["user"], cart["lines"]) == ("u1", [{"product": 7, "quantity": 2}])
    assert order.status_code == 201
    assert order.json()["total_cents"] == 2 * catalogue()[7].price_cents
    assert again.status_code == 409


async def test_an_order_that_came_twice_says_so() -> None:
    async with shop("v1") as http:
        await http.post("/checkout", json={"product": 7}, headers={"idempotency-key": "k"})
        answer = await http.post("/checkout", json={"product": 7}, headers={"idempotency-key": "k"})
        counted = unstamped(await http.get("/orders"))

    assert answer.json()["received"] == 2
    assert answer.json()["idempotency_key"] == "k"
    assert counted == {"orders": 1, "duplicates": 1}


async def test_a_stream_ticks_with_its_version() -> None:
    async with shop("v4") as http:
        answer = await http.get("/stream?ticks=2")

    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.text.strip().split("\n\n")
    assert [event.splitlines()[0] for event in events] == ["id: 1", "id: 2"]
    assert all(event.splitlines()[1].startswith("data: v4 v4-") for event in events)


async def test_it_runs_as_its_spec_says_under_load_with_a_websocket_open() -> None:
    spec = yaml.safe_load((SHOP / "abreast.yaml").read_text("utf-8"))
    version = spec["versions"]["v4"]
    port = free_port()
    command = version["run"].replace("{port}", str(port)).split()
    assert command[0] == "python"
    environment = {**os.environ, **version["env"]}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *command[1:]), cwd=SHOP, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await answers(f"http://127.0.0.1:{port}{version['ready'].removeprefix('GET ')}", process)
        async with websockets.connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as socket:
            mix = (Request("/products", weight=3), Request.parse('POST /checkout {"product": 7}'))
            plan = Plan(
                url=f"http://127.0.0.1:{port}",
                rate_per_s=300,
                count=300,
                requests=mix,
                watch_header="x-shop-version",
                id_header="idempotency-key",
            )
            report = await Load(plan).run()
            await socket.send("still there?")
            assert await socket.recv() == "v4: still there?"
            assert socket.response is not None
            assert socket.response.headers["x-shop-version"] == "v4"
    finally:
        process.terminate()
        await process.wait()

    assert (report.ok, report.failures) == (300, {})
    assert report.versions == {"v4": 300}


def test_the_spec_has_no_faults_and_misses_nothing() -> None:
    spec = load_spec(SHOP / "abreast.yaml")

    assert list(missing_files(spec)) == []
    assert spec.keys.service == "shop"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_spec_names_every_version(version: str) -> None:
    spec = yaml.safe_load((SHOP / "abreast.yaml").read_text("utf-8"))

    assert spec["versions"][version]["env"] == {"SHOP_VERSION": version}
    assert spec["stable"] == "v1"


def test_a_version_that_there_is_not_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_VERSION", "v9")
    monkeypatch.delitem(sys.modules, "shop", raising=False)

    with pytest.raises(SystemExit, match="SHOP_VERSION is 'v9'; it must be one of v1, v2, v3, v4"):
        importlib.import_module("shop")
