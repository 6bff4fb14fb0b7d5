"""Envoy's own statistics, as Prometheus' text, for who has to look deeper than abreast's metrics."""

from pathlib import Path
from typing import Final

import httpx

from abreast.model.errors import GatewayError, UsageError

_TIMEOUT_S: Final = 2.0
_WORDS: Final = 200


async def own_metrics(admin: Path, names: str) -> bytes:
    """Those used so far whose names the regular expression (RE2) finds, from the Envoy behind the admin socket.

    Raises UsageError when Envoy refuses the expression, GatewayError when it does not answer.
    """
    query = {"filter": names, "usedonly": ""}
    transport = httpx.AsyncHTTPTransport(uds=str(admin), verify=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://envoy", timeout=_TIMEOUT_S) as client:
        try:
            answer = await client.get("/stats/prometheus", params=query)
        except httpx.HTTPError as error:
            raise GatewayError(f"Envoy does not tell its statistics: {error!r}", "see: abreast doctor") from error
    if answer.status_code == httpx.codes.BAD_REQUEST:
        said = answer.text.strip()[:_WORDS]
        raise UsageError(f"names={names!r}: Envoy refuses it: {said}", "send a regular expression as RE2 has them")
    if not answer.is_success:
        raise GatewayError(f"Envoy answers {answer.status_code} when asked for statistics", "see: abreast doctor")
    return answer.content
