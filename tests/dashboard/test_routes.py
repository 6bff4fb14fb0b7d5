"""The page and its files as a browser gets them."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from abreast.api.problems import answer_problems
from abreast.api.shield import HEADERS, Shield
from abreast.dashboard.routes import CONTENT_TYPES, PAGE, assets, routes

NAMES = sorted(assets())


@pytest.fixture
def app() -> FastAPI:
    """The routes in an application that answers as ours does."""
    made = FastAPI()
    answer_problems(made, HEADERS)
    made.add_middleware(Shield)
    made.include_router(routes())
    return made


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without any token."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://abreast") as made:
        yield made


async def test_the_page_is_there_for_everybody(http: httpx.AsyncClient) -> None:
    found = await http.get("/")
    assert found.status_code == 200
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert found.content == assets()[PAGE].content


@pytest.mark.parametrize("name", NAMES)
async def test_each_file_is_served_as_what_it_is(http: httpx.AsyncClient, name: str) -> None:
    found = await http.get(f"/dashboard/{name}")
    assert found.status_code == 200
    assert found.headers["content-type"] == CONTENT_TYPES[name.rpartition(".")[2]]
    assert found.content == assets()[name].content
    assert found.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/dashboard/main.js", "/dashboard/icon.svg"])
async def test_nothing_but_our_own_files_can_run(http: httpx.AsyncClient, path: str) -> None:
    policy = (await http.get(path)).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize("path", ["/", "/dashboard/main.js"])
async def test_a_file_that_the_browser_has_is_not_sent_again(http: httpx.AsyncClient, path: str) -> None:
    first = await http.get(path)
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    for held in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await http.get(path, headers={"if-none-match": held})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["content-security-policy"] == first.headers["content-security-policy"]


async def test_a_file_that_changed_is_sent(http: httpx.AsyncClient) -> None:
    for held in ('"other"', "nonsense", ""):
        assert (await http.get("/", headers={"if-none-match": held})).status_code == 200


async def test_no_two_files_have_the_same_tag() -> None:
    known = assets()
    assert len({each.etag for each in known.values()}) == len(known)


@pytest.mark.parametrize(
    "name", ["nothing.js", "routes.py", "..%2Froutes.py", "..%2f..%2fmodel%2ftoken.py", "%2Fetc%2Fpasswd", "MAIN.JS"]
)
async def test_no_other_file_is_served(http: httpx.AsyncClient, name: str) -> None:
    found = await http.get(f"/dashboard/{name}")
    assert found.status_code == 404
    assert found.headers["content-type"] == "application/problem+json"


async def test_nothing_can_be_changed(http: httpx.AsyncClient) -> None:
    for path in ("/", "/dashboard/main.js"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert (await http.request(method, path)).status_code == 405


def test_it_is_no_part_of_the_api_s_document(app: FastAPI) -> None:
    assert app.openapi()["paths"] == {}
