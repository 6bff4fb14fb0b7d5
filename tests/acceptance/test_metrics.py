"""Metrics, rules, alerts and the dashboard's queries on a real Prometheus that scrapes a real `abreast up`.

Needs `prometheus`, `promtool` and Alertmanager: installed ones, else those of Debian's packages, which are fetched.
"""

import asyncio
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from abreast.bench.target import free_port
from abreast.load.plan import Plan
from abreast.load.process import LoadProcess
from abreast.model.errors import UsageError
from tests.acceptance.exploring import exploring
from tests.acceptance.monitoring import DEPLOY, Monitoring, Programs
from tests.checks.server import Server
from tests.deploy.boards import queries
from tests.e2e.service import Service, origin
from tests.fakes.debian import program, with_its_files
from tests.metrics.pages import OPENMETRICS, parsed

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

REQUESTS = 4000
RATE = 100.0
FAIL_SHARE = 0.05
TOLD_S = 15.0
DEMO_S = 100.0


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Fetched once."""
    directory = tmp_path_factory.mktemp("programs")
    return Programs(
        program("prometheus", "prometheus", directory),
        program("promtool", "prometheus", directory),
        with_its_files("prometheus-alertmanager", "prometheus-alertmanager", directory),
    )


def failing(version: str) -> dict[str, Any]:
    """A version that fails now and then: both alike, so that nobody is rolled back for it."""
    made = origin(version)
    return {**made, "run": f"{made['run']} --fail-share {FAIL_SHARE}"}


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    """Half of the users on the candidate, all of the requests copied, until somebody orders otherwise."""
    made = Service.of(
        short_tmp,
        {"v1": failing("v1"), "v2": failing("v2")},
        steps=[{"weight": "50%", "shadow": "100%"}],
        step_time={"at_least": "1h", "at_most": "2h"},
        gates={"errors": {"budget": "50%"}, "differences": {"tolerance": "100%"}},
    )
    made.spec["api"] = {"listen": f"127.0.0.1:{free_port()}"}
    made.write()
    made.up()
    yield made
    made.close()


def api(service: Service) -> str:
    """Where the API is: host:port."""
    return str(service.spec["api"]["listen"])


def token(service: Service) -> str:
    """A viewer's."""
    made = service.run("token", "create", "prometheus", "--role", "viewer")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def promtool(programs: Programs, *words: str, page: bytes = b"") -> str:
    """What it says; it must be content."""
    ended = subprocess.run([programs.promtool, *words], input=page, capture_output=True, check=False)
    said = (ended.stdout + ended.stderr).decode()
    assert ended.returncode == 0, said
    return said


def test_promtool_is_content_with_rules_and_example(programs: Programs, tmp_path: Path) -> None:
    promtool(programs, "check", "rules", str(DEPLOY / "rules.yml"), str(DEPLOY / "alerts.yml"))
    assert "SUCCESS" in promtool(programs, "test", "rules", str(DEPLOY / "tests.yml"))
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    (tmp_path / "deploy" / "abreast.token").write_text("secret", encoding="utf-8")
    promtool(programs, "check", "config", str(tmp_path / "deploy" / "prometheus.yml"))


def test_promtool_is_content_with_the_page_and_strangers_do_not_get_it(programs: Programs, service: Service) -> None:
    url = f"http://{api(service)}/metrics"
    assert httpx.get(url).status_code == httpx.codes.UNAUTHORIZED
    secret = token(service)
    page = httpx.get(url, headers={"authorization": f"Bearer {secret}"})
    assert promtool(programs, "check", "metrics", page=page.content) == ""
    assert secret not in page.text
    modern = httpx.get(url, headers={"authorization": f"Bearer {secret}", "accept": OPENMETRICS})
    found = parsed(modern.content, openmetrics=True)
    assert found.hot("abreast_rollout_phase", "phase") == [service.status()["phase"]]


def test_envoy_s_own_come_through_its_filter(service: Service) -> None:
    bearer = {"authorization": f"Bearer {token(service)}"}

    def asked(names: str) -> httpx.Response:
        return httpx.get(f"http://{api(service)}/metrics/envoy", params={"names": names}, headers=bearer)

    page = asked(r"^cluster\.v1\.membership_healthy$")
    names = {sample.name for sample in parsed(page.content).samples}
    assert names == {"envoy_cluster_membership_healthy"}
    refused = asked("(")
    assert refused.status_code == UsageError.http_status
    assert "Envoy refuses it" in refused.json()["detail"]


async def test_a_rollout_as_prometheus_sees_it(programs: Programs, service: Service, tmp_path: Path) -> None:
    secret = await asyncio.to_thread(token, service)
    async with (
        Server() as hook,
        Monitoring.of(programs, tmp_path, api(service), secret, f"{hook.url}/alert") as seen,
    ):
        await seen.reaches('up{job="abreast"}', 1)
        await asyncio.to_thread(service.give, "start", version="v2")
        await seen.reaches('abreast_rollout_phase{phase="progressing"}', 1)
        plan = Plan(service.url, rate_per_s=RATE, count=REQUESTS, connections=16, users=500)
        async with LoadProcess(plan) as load:
            missing = await seen.without_data(dict(queries()), timeout_s=REQUESTS / RATE - 5)
            report = await load.report()
        assert missing == {}, "each query gives data while a rollout goes on"
        await _agrees(seen, service, report.sent)
        assert (await seen.get("label/service/values")) == ["shop"]
        await _tells(seen, service, hook)


async def test_every_panel_has_data_while_the_demo_runs(programs: Programs, tmp_path: Path) -> None:
    with exploring() as demo:
        secret = demo.run("token", "create", "prometheus", "--role", "viewer")
        api = demo.address.removeprefix("http://")
        async with Server() as hook, Monitoring.of(programs, tmp_path, api, secret, f"{hook.url}/alert") as seen:
            await seen.reaches('up{job="abreast"}', 1)
            demo.run("start", "v3")
            assert await seen.without_data(dict(queries()), timeout_s=DEMO_S) == {}


async def _agrees(seen: Monitoring, service: Service, sent: int) -> None:
    """Prometheus and the command line have the same numbers, within one scrape of the end of the load."""
    await seen.reaches("sum(abreast_user_requests_total)", sent)
    await seen.reaches('abreast_shadow_exchanges{exchange="pending"}', 0)
    status = await asyncio.to_thread(service.status)
    assert status["users_requests"] == sent
    for version in status["versions"]:
        await _agrees_on(seen, version)
    assert await seen.value("abreast_weight_seen_ratio") == pytest.approx(status["seen_share"])
    for gate in status["gates"]:
        proof = await seen.value(f'abreast_gate_proof_ratio{{gate="{gate["name"]}"}}')
        assert proof == pytest.approx(gate["share"], abs=0.1)
    copied = status["shadow"]
    await seen.reaches('abreast_shadow_exchanges{exchange="compared"}', copied["compared"])
    print(f"{sent} requests, the same in Prometheus; {copied['compared']} of {copied['seen']} compared")


async def _agrees_on(seen: Monitoring, version: dict[str, Any]) -> None:
    """Of one version: all was in the rollout's step but what came before it."""
    of = f'{{version="{version["name"]}"}}'
    of_ok = f'{{version="{version["name"]}", outcome="ok"}}'
    count = f"sum(abreast_request_duration_seconds_count{of})"
    await seen.reaches(f"{count} >= bool sum(abreast_requests_total{of_ok})", 1)  # Envoy's histograms come a bit later
    numbers = {
        "requests": await seen.value(f"sum(abreast_requests_total{of})"),
        "ok": await seen.value(f"sum(abreast_requests_total{of_ok})"),
        "latencies": await seen.value(count),
        "in flight": await seen.value(f"abreast_requests_in_flight{of}"),
    }
    requests, ok, latencies, in_flight = (number or 0.0 for number in numbers.values())
    print(version["name"], numbers)
    assert requests == version["requests"] > 0
    assert requests - ok == version["errors"] > 0
    assert ok <= latencies <= requests
    assert in_flight == 0


async def _tells(seen: Monitoring, service: Service, hook: Server) -> None:
    """A rollback reaches the webhook, and resolves when it is tried again."""
    hook.asked.clear()
    began = time.monotonic()
    await asyncio.to_thread(service.give, "abort")
    await _told(hook, "firing")
    took = time.monotonic() - began
    assert took < TOLD_S
    await asyncio.to_thread(service.give, "retry")
    await _told(hook, "resolved")
    assert await seen.value('sum(ALERTS{alertname="AbreastRolledBack"})') is None
    print(f"the webhook was told of the rollback {took:.1f} s after it was ordered")


async def _told(hook: Server, status: str) -> None:
    """Wait for the alert of the rollback in that state."""
    async with asyncio.timeout(30.0):
        while not any(
            alert["labels"]["alertname"] == "AbreastRolledBack" and alert["status"] == status
            for asked in hook.asked
            for alert in asked.document["alerts"]
        ):
            await asyncio.sleep(0.05)
