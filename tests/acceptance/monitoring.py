"""A Prometheus and an Alertmanager that watch one service under abreast, as deploy/prometheus sets them up."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx
import yaml

from abreast.bench.target import free_port

DEPLOY: Final = Path(__file__).parents[2] / "deploy" / "prometheus"
DEADLINE_S: Final = 60.0
SCRAPE: Final = "1s"


@dataclass(frozen=True)
class Programs:
    """Where they are; of Alertmanager the command."""

    prometheus: str
    promtool: str
    alertmanager: tuple[str, ...]


@dataclass
class Monitoring:
    """Both running; ``url`` is Prometheus'."""

    url: str
    client: httpx.AsyncClient

    @classmethod
    @asynccontextmanager
    async def of(cls, programs: Programs, directory: Path, api: str, token: str, webhook: str) -> AsyncIterator[Self]:
        """Scrape the API at ``api`` (host:port) with the token, send alerts to the webhook."""
        prometheus, alertmanager = (f"127.0.0.1:{free_port()}" for _ in range(2))
        _write(directory, api, token, alertmanager, webhook)
        async with AsyncExitStack() as stack:
            for name, command in {
                "prometheus": [
                    programs.prometheus,
                    f"--config.file={directory / 'prometheus.yml'}",
                    f"--storage.tsdb.path={directory / 'prometheus'}",
                    f"--web.listen-address={prometheus}",
                ],
                "alertmanager": [
                    *programs.alertmanager,
                    f"--config.file={directory / 'alertmanager.yml'}",
                    f"--storage.path={directory / 'alertmanager'}",
                    f"--web.listen-address={alertmanager}",
                    "--cluster.listen-address=",
                ],
            }.items():
                stack.enter_context(_running(command, directory / f"{name}.log"))
            client = httpx.AsyncClient(base_url=f"http://{prometheus}", timeout=10.0)
            yield cls(f"http://{prometheus}", await stack.enter_async_context(client))

    async def get(self, path: str, **params: str) -> Any:  # noqa: ANN401  # JSON
        """The data of an answer; None while it is not up."""
        try:
            answer = await self.client.get(f"/api/v1/{path}", params=params)
        except httpx.TransportError:
            return None
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:  # it listens before it is ready
            return None
        assert answer.status_code == httpx.codes.OK, f"{params}: {answer.text}"
        return answer.json()["data"]

    async def result(self, query: str) -> list[dict[str, Any]]:
        """What the query gives now; nothing while it is not up."""
        data = await self.get("query", query=query)
        return [] if data is None else list(data["result"])

    async def value(self, query: str) -> float | None:
        """The only number that the query gives; None where there is none."""
        found = await self.result(query)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    async def reaches(self, query: str, value: float) -> None:
        """Wait until the query gives this number."""
        last: float | None = None
        try:
            async with asyncio.timeout(DEADLINE_S):
                while (last := await self.value(query)) != value:
                    await asyncio.sleep(0.2)
        except TimeoutError:
            message = f"{query} is {last}, not {value}"
            raise AssertionError(message) from None

    async def without_data(self, queries: Mapping[str, str], timeout_s: float = DEADLINE_S) -> dict[str, str]:
        """The queries that have given nothing until the deadline."""
        missing = dict(queries)
        limit = asyncio.get_running_loop().time() + timeout_s
        while missing and asyncio.get_running_loop().time() < limit:
            for place, query in list(missing.items()):
                if await self.result(query):
                    del missing[place]
            await asyncio.sleep(0.2)
        return missing


def _write(directory: Path, api: str, token: str, alertmanager: str, webhook: str) -> None:
    """The example's configuration with this service's addresses and shorter times."""
    (directory / "abreast.token").write_text(token, encoding="utf-8")
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": SCRAPE}
    config["rule_files"] = [str(DEPLOY / name) for name in config["rule_files"]]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [api]}]
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    route = {"receiver": "hook", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"}
    hook = {"url": webhook, "send_resolved": True}
    alerting = {"route": route, "receivers": [{"name": "hook", "webhook_configs": [hook]}]}
    (directory / "alertmanager.yml").write_text(yaml.safe_dump(alerting), encoding="utf-8")


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen([*command, "--log.level=warn"], stdout=out, stderr=out, env={"PATH": os.defpath})
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
