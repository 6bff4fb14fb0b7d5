"""Two real releases of httpbin: every true difference of their answers is found, and no noise is called one.

What is true was established by hand, with curl, one request after the other:

- ``/json`` is new in 0.10.4 (404 before);
- a redirect's ``location`` was absolute and is relative, and the page beside it is another;
- ``/bearer`` cut characters off the token that it shows;
- the digest's challenge, beside its nonces, has another order and ``stale=False`` instead of ``FALSE``;
- JSON was on one line and is indented: the same JSON, so no difference, packed or not; and the ``etag`` made of it
  is no difference either;
- all other requests are answered alike, but for the noise of UUIDs, nonces, dates, and methods in any order.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.examples.test_httpbin import HTTPBIN, prepare, release

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

OLD, NEW = prepare.RELEASES
REQUESTS = HTTPBIN / "requests.ndjson"
TRUE = {
    "GET /json": {("status", "status")},
    "GET /bearer": {("/token", "changed")},
    "GET /digest-auth/auth/u/p": {("header:www-authenticate", "header")},
    "GET /redirect/{id}": {("header:location", "header")},
    "GET /cookies/set": {("header:location", "header")},
}
PAGES = {"GET /redirect/{id}", "GET /cookies/set"}
"""Endpoints whose page differs, too; in which elements is a matter of how HTML is compared."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both releases are installed."""
    path = tmp_path_factory.mktemp("httpbin")
    for name in prepare.RELEASES:
        prepare.prepare(name, path / ".versions")
    return path


@asynccontextmanager
async def running(home: Path, *names: str) -> AsyncIterator[list[str]]:
    """The URLs of instances of these releases."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(release(name, home)) for name in names]


async def compared(*words: str) -> tuple[int, dict[str, Any]]:
    """The program's exit code and what it tells."""
    command = (sys.executable, "-m", "abreast", "compare", *words, "--requests", str(REQUESTS), "--json")
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def found(told: dict[str, Any]) -> dict[str, set[tuple[str, str]]]:
    """The keys of the findings, by endpoint."""
    keys: dict[str, set[tuple[str, str]]] = {}
    for finding in told["findings"]:
        for endpoint in finding["endpoints"]:
            keys.setdefault(endpoint, set()).update((key["pattern"], key["kind"]) for key in finding["keys"])
    return keys


@pytest.mark.parametrize("round_number", range(3))
async def test_every_true_difference_is_found_and_no_other(home: Path, round_number: int) -> None:
    async with running(home, OLD, NEW, OLD) as (a, b, control):
        code, told = await compared(a, b, "--control", control)

    keys = found(told)
    print(json.dumps({endpoint: sorted(places) for endpoint, places in keys.items()}, indent=1))
    assert code == 13
    assert keys.keys() == TRUE.keys()
    for endpoint, places in TRUE.items():
        assert places <= keys[endpoint]
        beside = {pattern for pattern, _ in keys[endpoint] - places}
        assert bool(beside) == (endpoint in PAGES)
        assert all(pattern.startswith("/") for pattern in beside)
    assert told["undecided"] == []
    assert told["ledger"]["seen"] == told["ledger"]["compared"] + 1
    assert told["ledger"]["skipped"] == {"method POST": 1}


@pytest.mark.parametrize("round_number", range(3))
@pytest.mark.parametrize("name", [OLD, NEW])
async def test_a_release_does_not_differ_from_itself(home: Path, name: str, round_number: int) -> None:
    async with running(home, name, name, name) as (a, b, control):
        apart_code, apart = await compared(a, b, "--control", control)
        alone_code, alone = await compared(a, b)

    assert (apart["findings"], alone["findings"]) == ([], [])
    assert (apart["undecided"], alone["undecided"]) == ([], [])
    assert (apart_code, alone_code) == (0, 0)
    assert "GET /uuid" in apart["noise"], "what is noise was met"


async def test_the_other_way_round_the_same_is_found(home: Path) -> None:
    async with running(home, NEW, OLD) as (a, b):
        code, told = await compared(a, b)

    assert code == 13
    assert found(told).keys() == TRUE.keys()


async def test_a_write_that_agrees_is_no_difference(home: Path) -> None:
    async with running(home, OLD, NEW) as (a, b):
        _, told = await compared(a, b, "--unsafe")

    assert told["ledger"]["skipped"] == {}
    assert told["undecided"] == []
    assert found(told).keys() == TRUE.keys()
