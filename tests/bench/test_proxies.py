"""The other proxies: their configurations, and those that are installed for real."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from abreast.bench.origin import Origin
from abreast.bench.proxies import COMPETITORS, HAProxy, Nginx, Traefik, installed_competitors
from abreast.bench.raw_envoy import RawEnvoy
from abreast.bench.target import ProxyTarget, Upstream
from abreast.load import Load, Plan

if TYPE_CHECKING:
    from pathlib import Path

UPSTREAMS = [Upstream(9001, 9), Upstream(9002, 1)]


def configured(kind: type[ProxyTarget], directory: Path, file: str) -> tuple[str, list[str]]:
    target = kind(UPSTREAMS, workers=2)
    target.port = 8080
    command = target.command(directory)
    return (directory / file).read_text("utf-8"), command


def test_nginx_keeps_its_upstream_connections_and_its_files_to_itself(tmp_path: Path) -> None:
    text, command = configured(Nginx, tmp_path, "nginx.conf")

    assert "server 127.0.0.1:9001 weight=9;" in text
    assert "listen 127.0.0.1:8080" in text
    assert "keepalive 256;" in text
    assert "worker_processes 2;" in text
    assert text.count(str(tmp_path)) == 6
    assert command[0].endswith("nginx")


def test_haproxy_reuses_its_upstream_connections(tmp_path: Path) -> None:
    text, command = configured(HAProxy, tmp_path, "haproxy.cfg")

    assert "server s9002 127.0.0.1:9002 weight 1" in text
    assert "bind 127.0.0.1:8080" in text
    assert "http-reuse always" in text
    assert command[1:3] == ["-db", "-f"]


def test_traefik_reads_its_routes_from_a_file_and_calls_nobody(tmp_path: Path) -> None:
    text, command = configured(Traefik, tmp_path, "routes.yaml")

    servers = json.loads(text)["http"]["services"]["origin"]["loadBalancer"]["servers"]
    assert servers == [{"url": "http://127.0.0.1:9001", "weight": 9}, {"url": "http://127.0.0.1:9002", "weight": 1}]
    assert "GOMAXPROCS=2" in command
    assert "--global.checkNewVersion=false" in command
    assert "--global.sendAnonymousUsage=false" in command


def test_raw_envoy_comes_first_and_is_always_here() -> None:
    assert COMPETITORS[0] is RawEnvoy
    assert installed_competitors()[0] is RawEnvoy


@pytest.mark.parametrize("kind", [kind for kind in COMPETITORS if kind.installed()], ids=lambda kind: kind.name)
async def test_each_one_that_is_installed_proxies(kind: type[ProxyTarget]) -> None:
    async with Origin("v1") as stable, Origin("v2") as candidate:
        target = kind([Upstream(stable.port, 9), Upstream(candidate.port, 1)], workers=1)
        await target.start()
        try:
            plan = Plan(url=target.url, rate_per_s=500, count=200, watch_header="x-version")
            report = await Load(plan).run()
        finally:
            await target.stop()

    assert (report.ok, report.failures) == (200, {})
    assert report.share("v2") == pytest.approx(0.1, abs=0.05)
