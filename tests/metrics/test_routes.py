"""``GET /metrics`` as a scraper asks for it."""

import httpx
import pytest
from fastapi import FastAPI

from abreast.metrics.routes import routes
from abreast.model.errors import UsageError
from tests.controller.stage import Stage
from tests.metrics.pages import OPENMETRICS, parsed
from tests.operations.desk import desk_of


async def answered(accept: str | None = None, path: str = "/metrics") -> httpx.Response:
    app = FastAPI()
    app.include_router(routes(desk_of(await Stage.climbing()).control))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://abreast") as client:
        return await client.get(path, headers={} if accept is None else {"accept": accept})


async def test_a_scraper_gets_what_it_reads() -> None:
    found = await answered(OPENMETRICS)
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert parsed(found.content, openmetrics=True).value("abreast_rollout_number") == 1


async def test_anybody_else_gets_text() -> None:
    for accept in (None, "*/*"):
        found = await answered(accept)
        assert found.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert parsed(found.content).value("abreast_rollout_number") == 1


async def test_a_page_is_never_an_old_one() -> None:
    assert (await answered()).headers["cache-control"] == "no-store"


async def test_the_api_s_document_is_about_the_api_alone() -> None:
    app = FastAPI()
    app.include_router(routes(desk_of(await Stage.climbing()).control))
    assert app.openapi()["paths"] == {}


async def test_envoy_s_own_are_given_by_a_filter_only() -> None:
    found = await answered(path="/metrics/envoy?names=cluster_up")
    assert found.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert parsed(found.content).value("envoy_cluster_up") == 1
    for missing in ("", "?names=", f"?names={'x' * 201}"):
        assert (await answered(path=f"/metrics/envoy{missing}")).status_code == 422


async def test_what_envoy_refuses_is_left_to_the_application_to_tell() -> None:
    with pytest.raises(UsageError, match="Envoy refuses it"):
        await answered(path="/metrics/envoy?names=(")
