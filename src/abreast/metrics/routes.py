"""``GET /metrics`` and Envoy's own below it, for the API's application."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from abreast.metrics.exposition import Exposition
from abreast.operations.control import Control


def routes(control: Control) -> APIRouter:
    """To be included without a prefix: Prometheus asks for ``/metrics`` unless told otherwise.

    Not in the OpenAPI document: the page's format has its own, and it is no part of the API's version.
    """
    router = APIRouter(include_in_schema=False)
    exposition = Exposition(control)

    @router.get("/metrics")
    async def get_metrics(accept: Annotated[str, Header()] = "") -> Response:
        """All metrics: Prometheus' text, or OpenMetrics where ``Accept`` asks for it."""
        page, content_type = await exposition.scrape(accept)
        return Response(page, headers={"content-type": content_type, "cache-control": "no-store"})

    @router.get("/metrics/envoy")
    async def get_envoy_metrics(names: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
        """Envoy's own metrics whose Envoy names the regular expression finds, such as ``^server``."""
        page = await control.gateway_metrics(names)
        return Response(page, headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4, "cache-control": "no-store"})

    return router
