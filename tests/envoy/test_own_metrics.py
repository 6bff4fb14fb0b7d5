"""Envoy's own statistics, asked over an admin socket; of a real Envoy in tests/acceptance/test_metrics.py."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from abreast.envoy.own_metrics import own_metrics
from abreast.model.errors import GatewayError, UsageError


class FakeAdmin:
    """Answers with ``status`` and a page, and keeps what it was asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.status = 200
        self.body = b"envoy_cluster_upstream_rq_total 7\n"
        self.asked = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        self.asked = (await reader.readuntil(b"\r\n\r\n")).decode().split()[1]
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (self.status, len(self.body), self.body))
        await writer.drain()
        writer.close()


@pytest.fixture
async def admin(short_tmp: Path) -> AsyncIterator[FakeAdmin]:
    fake = FakeAdmin(short_tmp / "admin.sock")
    async with await asyncio.start_unix_server(fake.answer, fake.path):
        yield fake


async def test_the_expression_goes_to_envoy_as_it_is(admin: FakeAdmin) -> None:
    expression = r"^cluster\.v2\.&usedonly=|x y"
    assert await own_metrics(admin.path, expression) == admin.body
    asked = urlsplit(admin.asked)
    assert asked.path == "/stats/prometheus"
    assert parse_qs(asked.query, keep_blank_values=True) == {"filter": [expression], "usedonly": [""]}


async def test_an_expression_that_envoy_refuses_is_told_with_its_words(admin: FakeAdmin) -> None:
    admin.status, admin.body = 400, b"Invalid regex: missing )\n"
    with pytest.raises(UsageError, match=r"names='\(': Envoy refuses it: Invalid regex: missing \)\n"):
        await own_metrics(admin.path, "(")


async def test_an_envoy_that_fails_or_is_gone_is_told(admin: FakeAdmin, short_tmp: Path) -> None:
    admin.status = 503
    with pytest.raises(GatewayError, match="Envoy answers 503"):
        await own_metrics(admin.path, "x")
    with pytest.raises(GatewayError, match="Envoy does not tell its statistics"):
        await own_metrics(short_tmp / "none.sock", "x")
