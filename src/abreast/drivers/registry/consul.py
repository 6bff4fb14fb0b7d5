"""Endpoints out of Consul, by its health API and blocking queries, whose rules for the index are kept.

https://developer.hashicorp.com/consul/api-docs/health and
https://developer.hashicorp.com/consul/api-docs/features/blocking
"""

from typing import Any, Final
from urllib.parse import quote

from abreast.drivers.registry.found import Found, NoAnswerError, endpoint, found
from abreast.drivers.registry.http import Http, Reply
from abreast.model.registry import ConsulService
from abreast.model.service import Endpoint

WAIT_S: Final = 30
"""How long Consul may wait for a change before it says that there was none."""
PLAIN_S: Final = 1.0
"""Between two questions to a Consul that gives no index."""
_SLACK_S: Final = 10.0


class Consul:
    """`abreast.drivers.registry.found.Source` over Consul's HTTP API."""

    def __init__(self, place: ConsulService, http: Http | None = None) -> None:
        """Ask about that service, over ``http`` if it is given."""
        self._place = place
        self._http = http or Http()
        self._index = 0

    async def ask(self) -> Found:
        """The instances whose checks pass: at once, later when something has changed or Consul has waited enough."""
        place, index = self._place, self._index
        self._index = 0  # whatever fails, the next question is answered at once
        params = {"passing": "true"}
        if place.tag:
            params["tag"] = place.tag
        if place.datacenter:
            params["dc"] = place.datacenter
        if index:
            params |= {"index": str(index), "wait": f"{WAIT_S}s"}
        headers = {"X-Consul-Token": place.token} if place.token else None
        # Consul adds up to a sixteenth to the wait, so that not all who ask come back at once.
        limit_s = _SLACK_S + (WAIT_S * 17 / 16 if index else 0)
        url = f"{place.address}/v1/health/service/{quote(place.service, safe='')}"
        reply = await self._http.ask("GET", url, limit_s, params=params, headers=headers)
        if not reply.ok:
            raise NoAnswerError(f"{place.address} {reply.words}")
        answer = _instances(reply.json(), place)
        self._index = _next_index(reply, index)
        return answer if self._index else Found(answer.endpoints, answer.detail, PLAIN_S)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._http.close()


def _next_index(reply: Reply, before: int) -> int:
    """The index of the next question; 0, which means not to wait, after one that went backwards."""
    text = reply.headers.get("x-consul-index", "")
    index = int(text) if text.isascii() and text.isdigit() else 0
    return index if index >= before else 0


def _instances(document: Any, place: ConsulService) -> Found:  # noqa: ANN401  # JSON
    """The service's own address, else its node's. Raises NoAnswerError."""
    if not isinstance(document, list):
        raise NoAnswerError(f"{place.address} is no Consul: its answer is no list of instances")
    endpoints: list[Endpoint] = []
    left_out: list[str] = []
    for entry in document:
        try:
            service, node = entry["Service"], entry["Node"]
            name = str(service.get("ID") or node.get("Node") or "an instance")
            host, port = service.get("Address") or node["Address"], service["Port"]
        except (TypeError, KeyError, AttributeError):
            raise NoAnswerError(f"{place.address} is no Consul: an instance without address or port") from None
        try:
            endpoints.append(endpoint(host, port))
        except ValueError as error:
            left_out.append(f"{name}: {error}")
    if not document:
        left_out.append("it is not registered, or no instance passes its checks")
    return found(endpoints, left_out)
