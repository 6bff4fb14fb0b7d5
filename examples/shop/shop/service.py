"""What all versions of the shop share: the catalogue, carts, checkout, a stream, an echo, health.

Every answer names its version and its instance, so that whoever watches can tell who answered.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Header, HTTPException, Query, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.datastructures import MutableHeaders

from shop.catalogue import Product, products
from shop.stamp import stamped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

VERSIONS = ("v1", "v2", "v3", "v4")
_TICK_S = 0.25
_TICKS_AT_MOST = 100_000
_SLOW_AT_MOST_S = 30.0

UserId = Annotated[str, Header(alias="x-user-id")]


class Line(BaseModel):
    """One line of a cart."""

    product: int
    quantity: int = Field(default=1, ge=1, le=99)


@dataclass(slots=True)
class Shelf:
    """What one instance holds in memory: gone when it ends, and never shared with another."""

    products: dict[int, Product] = field(default_factory=products)
    carts: dict[str, dict[int, int]] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    """How often each idempotency key was received: above 1 is a duplicate."""
    sold: Counter[str] = field(default_factory=Counter)
    """Pieces sold, by the currency of the product."""
    looks: Counter[int] = field(default_factory=Counter)
    """How often each product was looked at."""
    interest: dict[int, float] = field(default_factory=dict)
    """Looks at a product for each piece sold in its currency."""

    def product(self, number: int) -> Product:
        """The product; HTTP 404 for a number that there is not."""
        try:
            return self.products[number]
        except KeyError:
            raise HTTPException(404, f"there is no product {number}; 1 to {len(self.products)} are") from None


@dataclass(frozen=True, slots=True)
class Release:
    """What differs from version to version."""

    version: str
    describe: Callable[[Product], dict[str, object]] = Product.as_dict
    delay_s: Callable[[Product], float] = lambda _: 0.0
    """How long it takes to describe a product."""
    looked: Callable[[Product, Shelf], None] | None = None
    """What it does when a product is looked at; with it there is a page ``/interest``."""


class Signature:
    """ASGI middleware that puts the version and the instance on every answer (streams too)."""

    def __init__(self, app: ASGIApp, version: str, instance: str) -> None:
        """Wrap the application."""
        self._app = app
        self._version = version
        self._instance = instance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers where an answer starts; a WebSocket's handshake too."""

        async def signed(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                headers = MutableHeaders(scope=message)
                headers["x-shop-version"] = self._version
                headers["x-shop-instance"] = self._instance
            await send(message)

        await self._app(scope, receive, signed)


def make_app(release: Release) -> FastAPI:
    """Build the shop of one release, with a shelf of its own."""
    instance = os.environ.get("SHOP_INSTANCE", f"{release.version}-{os.getpid()}")
    app = FastAPI(title="shop", version=release.version)
    app.add_middleware(Signature, version=release.version, instance=instance)
    app.add_exception_handler(ArithmeticError, _broken)
    shelf = Shelf()
    app.state.shelf = shelf
    _add_catalogue(app, shelf, release)
    _add_orders(app, shelf)
    _add_streams(app, release, instance)
    return app


def _add_catalogue(app: FastAPI, shelf: Shelf, release: Release) -> None:
    @app.get("/products")
    async def catalogue(
        offset: Annotated[int, Query(ge=0)] = 0, limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> JSONResponse:
        page = [shelf.products[number] for number in sorted(shelf.products)][offset : offset + limit]
        listed = [product.as_dict() for product in page]
        return stamped({"products": listed, "total": len(shelf.products)})

    @app.get("/products/{number}")
    async def described(number: int) -> JSONResponse:
        product = shelf.product(number)
        if delay_s := release.delay_s(product):
            await asyncio.sleep(delay_s)
        if release.looked:
            release.looked(product, shelf)
        # The warehouse's answer comes in whichever order it has.
        beside = random.sample(product.goes_with, len(product.goes_with))
        return stamped({**release.describe(product), "goes_with": beside})

    if release.looked:

        @app.get("/interest")
        async def interest() -> JSONResponse:
            return stamped({"looks_per_sale": dict(sorted(shelf.interest.items()))})


def _add_orders(app: FastAPI, shelf: Shelf) -> None:
    @app.get("/cart")
    async def cart(x_user_id: UserId = "nobody") -> JSONResponse:
        return stamped(_cart(shelf, x_user_id))

    @app.put("/cart")
    async def put(line: Line, x_user_id: UserId = "nobody") -> JSONResponse:
        shelf.product(line.product)
        shelf.carts.setdefault(x_user_id, {})[line.product] = line.quantity
        return stamped(_cart(shelf, x_user_id))

    @app.post("/checkout")
    async def checkout(
        line: Line | None = None,
        x_user_id: UserId = "nobody",
        idempotency_key: Annotated[str, Header()] = "",
    ) -> JSONResponse:
        lines = {line.product: line.quantity} if line else shelf.carts.pop(x_user_id, {})
        if not lines:
            raise HTTPException(409, f"the cart of {x_user_id!r} is empty; send a line, or fill it with PUT /cart")
        total_cents = sum(shelf.product(number).price_cents * count for number, count in lines.items())
        for number, count in lines.items():
            shelf.sold[shelf.product(number).currency] += count
        received = shelf.orders[idempotency_key] = shelf.orders.get(idempotency_key, 0) + 1
        order = {"idempotency_key": idempotency_key, "received": received, "total_cents": total_cents}
        return stamped(order, 201)

    @app.get("/orders")
    async def orders() -> JSONResponse:
        duplicates = sum(count - 1 for key, count in shelf.orders.items() if key)
        return stamped({"orders": len(shelf.orders), "duplicates": duplicates})


def _add_streams(app: FastAPI, release: Release, instance: str) -> None:
    @app.get("/healthz")
    async def healthy() -> JSONResponse:
        return JSONResponse({"status": "ok", "version": release.version})

    @app.get("/slow")
    async def slow(seconds: Annotated[float, Query(ge=0, le=_SLOW_AT_MOST_S)] = 1.0) -> JSONResponse:
        await asyncio.sleep(seconds)
        return JSONResponse({"slept_s": seconds, "version": release.version})

    @app.get("/stream")
    async def stream(ticks: Annotated[int, Query(ge=1, le=_TICKS_AT_MOST)] = _TICKS_AT_MOST) -> StreamingResponse:
        async def told() -> AsyncIterator[str]:
            for tick in range(1, ticks + 1):
                yield f"id: {tick}\ndata: {release.version} {instance} {tick}\n\n"
                if tick < ticks:
                    await asyncio.sleep(_TICK_S)

        return StreamingResponse(told(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    @app.websocket("/ws")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_text(f"{release.version}: {await socket.receive_text()}")
        except WebSocketDisconnect:
            return


def _cart(shelf: Shelf, user: str) -> dict[str, object]:
    lines = shelf.carts.get(user, {})
    return {"user": user, "lines": [{"product": number, "quantity": count} for number, count in lines.items()]}


async def _broken(_request: Request, error: Exception) -> JSONResponse:
    """Say in one line what a traceback would say in thirty: an example's log should stay readable."""
    return JSONResponse({"detail": f"internal error: {error}"}, 500)
