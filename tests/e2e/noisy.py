"""A service whose answers are never the same twice, and whose version ``FLAW`` also answers something else.

    FLAW=type python tests/e2e/noisy.py --port 9001

- ``GET /orders/N``: JSON with ten noisy members (times, UUIDs, arrays in any order, what differs from process to
  process, chance) and a header made of a set, whose order depends on the process's hash seed.
- ``/echo``: what was asked, in many spellings, with a cookie of its own.
- ``POST /orders``: an order's number; ``GET /large``: 100 KB; ``GET /slow``: nothing for a minute;
  ``GET /events``: server-sent events until the user leaves; ``/ws``: a WebSocket that says everything back.

``FLAW``: ``type``: the total of every third order is a string; the echo's length is one, too, and the echo says more of
what it was sent than it did before; ``needle``: the stock of one order in 200 is one too many.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import random
import time
import uuid
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import uvicorn

TAGS = ("new", "sale", "fair", "local", "heavy", "gift")
LARGE = 100_000
SLOW_S = 60.0
_FLAW = os.environ.get("FLAW", "")
_STARTED = time.time()
_HOST = f"node-{uuid.uuid4().hex[:8]}"
_FEATURES = ", ".join({"search", "basket", "wishlist", "reviews", "gift-cards", "returns"})

Message = MutableMapping[str, Any]  # Any: ASGI's own type
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def order(number: int) -> dict[str, Any]:  # Any: JSON
    """One order: what is the same for everybody, and what never is."""
    total = 10 + number % 90
    return {
        "id": number,
        "name": f"order {number}",
        "total": str(total) if _FLAW == "type" and number % 3 == 0 else total,
        "stock": number % 7 + (_FLAW == "needle" and zlib.crc32(b"%d" % number) % 200 == 0),
        "at": datetime.now(UTC).isoformat(),
        "epoch": round(time.time(), 3),
        "trace": str(uuid.uuid4()),
        "nonce": random.randbytes(12).hex(),
        "tags": random.sample(TAGS, len(TAGS)),
        "host": _HOST,
        "pid": os.getpid(),
        "started": _STARTED,
        "took_ms": round(random.lognormvariate(1, 0.5), 3),
        "cache": random.choice(("hit", "miss")),
    }


def echo(scope: Message, body: bytes) -> dict[str, Any]:  # Any: JSON
    """What was asked, as debugging pages and error reports say it: plain, encoded, and within other JSON."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    text = body.decode("utf-8", "replace")
    said = [*headers.values(), query, text]
    length = len(text) + len(query)
    more = {"sent_by": [headers.get("authorization"), headers.get("cookie")], "fields": text} if _FLAW == "type" else {}
    return {
        "length": str(length) if _FLAW == "type" else length,
        **more,
        "headers": headers,
        "url": f"http://{headers.get('host', '')}{scope['path']}?{query}",
        "body": text,
        "encoded": [quote(each, safe="") for each in said],
        "base64": [base64.b64encode(each.encode()).decode() for each in said],
        "report": json.dumps({"request": {"headers": headers, "body": text}}),
        "trace": str(uuid.uuid4()),
    }


def minted(scope: Message) -> tuple[bytes, bytes]:
    """A cookie that nobody can have known before, the same from every instance."""
    return b"set-cookie", b"session=%s; Path=/; HttpOnly" % hashlib.sha256(scope["query_string"]).hexdigest().encode()


async def body_of(receive: Receive) -> bytes:
    """The whole body of the request."""
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def answer(
    send: Send, value: bytes, *headers: tuple[bytes, bytes], media_type: bytes = b"application/json"
) -> None:
    """A whole answer."""
    said = [(b"content-type", media_type), (b"content-length", b"%d" % len(value)), *headers]
    await send({"type": "http.response.start", "status": 200, "headers": said})
    await send({"type": "http.response.body", "body": value})


async def events(receive: Receive, send: Send) -> None:
    """Server-sent events until the user leaves."""
    gone = asyncio.create_task(until_gone(receive))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    while not gone.done():
        await send({"type": "http.response.body", "body": b"data: tick\n\n", "more_body": True})
        await asyncio.wait({gone}, timeout=0.05)


async def until_gone(receive: Receive) -> None:
    """Wait for the user to leave."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def socket(receive: Receive, send: Send) -> None:
    """A WebSocket that says everything back."""
    while True:
        message = await receive()
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif message["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        else:
            return


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """One request."""
    if scope["type"] == "websocket":
        await socket(receive, send)
        return
    path, version = scope["path"], (b"x-version", os.environ.get("VERSION", "").encode())
    if path == "/events":
        await events(receive, send)
        return
    if path == "/slow":
        await asyncio.wait({asyncio.create_task(until_gone(receive))}, timeout=SLOW_S)
    body = await body_of(receive) if scope["method"] not in {"GET", "HEAD"} else b""
    if path == "/echo":
        told = dict(scope["headers"]).get(b"authorization", b"nobody")
        debug = (b"x-debug", quote(told).encode() if _FLAW == "type" else b"off")
        await answer(send, json.dumps(echo(scope, body)).encode(), version, minted(scope), debug)
    elif path == "/orders":
        await answer(send, json.dumps({"accepted": len(body), "trace": str(uuid.uuid4())}).encode(), version)
    elif path.startswith("/orders/"):
        value = json.dumps(order(int(path.rpartition("/")[2]))).encode()
        await answer(send, value, version, (b"x-features", _FEATURES.encode()))
    else:
        await answer(send, b"x" * (LARGE if path == "/large" else 2), version, media_type=b"text/plain")


def main() -> None:
    """Serve on loopback."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    settings = uvicorn.Config(
        app,
        port=parser.parse_args().port,
        lifespan="off",
        log_level="warning",
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(settings).run()


if __name__ == "__main__":
    main()
