"""Envoy with the least configuration really proxies, by HTTP/1.1 and by h2c."""

from __future__ import annotations

import pytest

from abreast.bench.origin import Origin
from abreast.bench.raw_envoy import RawEnvoy, binary, configuration
from abreast.bench.target import Upstream
from abreast.load import Load, Plan


def test_the_binary_is_found_in_the_wheel() -> None:
    path = binary()

    assert path is not None
    assert path.name == "envoy"
    assert RawEnvoy.installed()


def test_the_configuration_is_one_route_and_one_cluster() -> None:
    made = configuration(8080, [Upstream(9001, 9), Upstream(9002, 1)])["static_resources"]

    assert len(made["listeners"]) == len(made["clusters"]) == 1
    endpoints = made["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert [each["load_balancing_weight"] for each in endpoints] == [9, 1]


@pytest.mark.parametrize("protocol", ["http/1.1", "h2c"])
async def test_it_proxies_in_the_shares_of_its_upstreams(protocol: str) -> None:
    async with Origin("v1") as stable, Origin("v2") as candidate:
        target = RawEnvoy([Upstream(stable.port, 9), Upstream(candidate.port, 1)], workers=1)
        await target.start()
        try:
            plan = Plan(url=target.url, rate_per_s=500, count=300, protocol=protocol, watch_header="x-version")  # type: ignore[arg-type]  # both literals
            report = await Load(plan).run()
        finally:
            await target.stop()

    assert (report.ok, report.failures) == (300, {})
    assert report.share("v2") == pytest.approx(0.1, abs=0.04)
