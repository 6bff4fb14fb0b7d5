"""Users' requests for a file: ``abreast compare --record`` reads them."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from abreast.api.access import Operator
from abreast.api.problems import statuses
from abreast.operations.control import Control
from abreast.operations.findings import recorded

_MOST: Final = 1_000_000


def routes(control: Control) -> APIRouter:
    """The endpoint over one running control plane."""
    router = APIRouter(prefix="/captures", tags=["findings"])

    @router.get(
        "",
        response_class=StreamingResponse,
        responses={
            **statuses(409),
            200: {"description": "One request on each line.", "content": {"application/x-ndjson": {}}},
        },
    )
    async def get_captures(_caller: Operator, count: Annotated[int, Query(ge=1, le=_MOST)] = 1000) -> StreamingResponse:
        """Requests of users as they come in, redacted, one JSON object on each line, until there are ``count``."""
        return StreamingResponse(_ended(recorded(control, count)), media_type="application/x-ndjson")

    return router


async def _ended(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        yield f"{line}\n"
