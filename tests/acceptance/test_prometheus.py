"""Promql gates on a real Prometheus that scrapes two real, if small, versions of a service.

Needs the program `prometheus`: one that is installed, else that of Debian's package, which is fetched and unpacked.
"""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from abreast.checks import promql
from abreast.checks.checker import Checker
from abreast.checks.exchange import Exchange
from abreast.clock import SystemClock
from abreast.model.checks import Check, PromqlGate
from abreast.model.rollout import Phase
from abreast.rollout.checks import protected
from tests.checks.given import gate, under_way
from tests.checks.server import Server
from tests.fakes.debian import program

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(120)]

DEADLINE_S: Final = 30.0
CONFIG: Final = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: shop
    static_configs:
      - {{targets: ['127.0.0.1:{v1}'], labels: {{version: v1}}}}
      - {{targets: ['127.0.0.1:{v2}'], labels: {{version: v2}}}}
"""


def metrics(server: Server, requests: int, errors: int) -> None:
    server.headers = {"content-type": "text/plain; version=0.0.4"}
    lines = (f"shop_requests_total {requests}", f"shop_errors_total {errors}", "shop_share 0.5", "shop_none 0", "")
    server.body = "\n".join(lines).encode()


@pytest.fixture
async def versions() -> AsyncIterator[tuple[Server, Server]]:
    """Of each what it counted: v2 failed 30 of 100."""
    async with Server() as v1, Server() as v2:
        metrics(v1, 1000, 10)
        metrics(v2, 100, 30)
        yield v1, v2


@pytest.fixture(scope="module")
def prometheus_program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Fetched once."""
    return program("prometheus", "prometheus", tmp_path_factory.mktemp("prometheus"))


@pytest.fixture
def prometheus(prometheus_program: str, versions: tuple[Server, Server], tmp_path: Path) -> Iterator[str]:
    """The address of one that scrapes both."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(v1=versions[0].port, v2=versions[1].port), encoding="utf-8")
    options = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}", "--log.level=warn"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [prometheus_program, *options, f"--web.listen-address={address}"],
            stdout=log,
            stderr=log,
            env={"PATH": os.defpath},
        )
    yield f"http://{address}"
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    """What sends requests."""
    made = Exchange()
    yield made
    await made.close()


async def asked(exchange: Exchange, asking: PromqlGate) -> Check:
    now = time.time()
    return await promql.ask(asking, asking.query, now - 600.0, now, exchange)


async def scraped(exchange: Exchange, server: str) -> None:
    """Wait until it has seen both versions several times."""
    enough = gate(server, "min(count_over_time(shop_share[1m])) * (count(shop_share) == bool 2)", at_least=5.0)
    async with asyncio.timeout(DEADLINE_S):
        while not (await asked(exchange, enough)).passed:
            await asyncio.sleep(0.1)


ERRORS: Final = 'shop_errors_total{version="v2"} / shop_requests_total{version="v2"}'


async def test_what_a_real_one_answers(prometheus: str, exchange: Exchange) -> None:
    await scraped(exchange, prometheus)

    async def result(query: str, at_most: float = 0.25, range_s: float | None = None) -> tuple[bool | None, str]:
        found = await asked(exchange, gate(prometheus, query, at_most=at_most, range_s=range_s))
        return found.passed, found.detail

    assert await result(ERRORS) == (False, "0.3; at most 0.25 is allowed")
    assert await result(ERRORS, at_most=0.3) == (True, "0.3; at most 0.3 is allowed")
    both = "shop_errors_total / shop_requests_total"
    assert await result(both) == (False, "0.3, the worst of 2 samples; at most 0.25 is allowed")
    assert await result("scalar(max(shop_share))", at_most=0.5) == (True, "0.5; at most 0.5 is allowed")
    for window in ("", "[10s]"):
        passed, detail = await result(f"shop_share{window}", at_most=0.4)
        assert passed is False
        assert detail.startswith("0.5, the worst of ")
    passed, detail = await result(ERRORS, range_s=2.0)
    assert passed is False
    assert detail.startswith("0.3")
    for nothing in ("shop_none / shop_none", "no_such_series", "shop_share > 1"):
        assert await result(nothing) == (None, "the query gives no data")
        assert await result(nothing, range_s=60.0) == (None, "the query gives no data")
    assert await result("shop_share / 0 * 1", at_most=9.0) == (
        False,
        "inf, the worst of 2 samples; at most 9 is allowed",
    )
    assert (await result('"text"')) == (None, "the query gives a string, not numbers")
    passed, detail = await result("rate(shop_errors_total[)")
    assert passed is None
    assert detail.startswith(f"prometheus {prometheus} answered 400: ")
    assert "parse error" in detail
    passed, detail = await result("shop_share[1m]", range_s=60.0)
    assert passed is None
    assert "answered 400" in detail


async def test_a_rollout_is_sent_back_by_it(prometheus: str, exchange: Exchange) -> None:
    await scraped(exchange, prometheus)
    query = ERRORS.replace("v2", "{{candidate}}")
    beside = ERRORS.replace("v2", "{{stable}}")
    asking = gate(prometheus, query, every_s=1.0)
    control = PromqlGate("stable", prometheus, beside, at_most=0.25, every_s=1.0)
    clock, news = SystemClock(), asyncio.Event()
    checker = Checker(clock, lambda _: None, news.set)
    now = clock.now()
    rollout = under_way(Phase.PROGRESSING, asking, control, attempt_since=now, step_since=now, phase_since=now)
    checker.follow(rollout, ready=True)
    try:
        async with asyncio.timeout(DEADLINE_S):
            while protected(rollout, checker.results()) is None:
                news.clear()
                await news.wait()
    finally:
        await checker.close()
    stop = protected(rollout, checker.results())
    assert stop is not None
    assert stop.reason == "gate promql p99 failed 3 times in a row, last: 0.3; at most 0.25 is allowed"
    assert checker.results()["stable"].passed
    assert 2.5 < clock.now() - now < 10.0
