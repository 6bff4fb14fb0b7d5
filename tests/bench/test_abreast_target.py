"""abreast as a target: a valid spec, a real start, and users split as the upstreams' weights say."""

from pathlib import Path

import psutil
import pytest

from abreast.bench.abreast_target import CANDIDATE, STABLE, Abreast, spec_text
from abreast.bench.origin import Origin
from abreast.bench.process import OriginProcess
from abreast.bench.target import TargetError, Upstream
from abreast.load import LoadProcess, Plan
from abreast.spec_source import load_spec


def test_the_spec_is_valid_and_stays_at_its_weight(tmp_path: Path) -> None:
    file = tmp_path / "abreast.yaml"
    file.write_text(spec_text(8000, 8001, 8002, 1000, 3), "utf-8")

    spec = load_spec(file)

    policy = spec.policy(CANDIDATE)
    assert [getattr(step, "weight", None) for step in policy.ladder] == [1000]
    assert policy.at_least_s == 86_400
    assert policy.on_failure == "freeze"
    assert spec.service().gateway.concurrency == 3
    assert [version.name for version in spec.service().versions] == [STABLE, CANDIDATE]


def lives(pid: int) -> bool:
    """Whether it runs; one that has ended and that nobody has asked about yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_users_are_split_and_the_gateway_is_told_apart_from_the_control_plane() -> None:
    async with OriginProcess("v1") as stable, OriginProcess("v2") as candidate:
        target = Abreast([Upstream(stable.port, 3), Upstream(candidate.port, 1)], workers=1)
        await target.start()
        try:
            (envoy,) = target.pids
            (control,) = target.beside
            names = [" ".join(psutil.Process(pid).cmdline()) for pid in (envoy, control)]
            plan = Plan(url=target.url, rate_per_s=800, count=800, users=4000, watch_header="x-version")
            async with LoadProcess(plan) as load:
                report = await load.report()
        finally:
            await target.stop()

    assert "envoy --config-path" in names[0]
    assert "abreast up" in names[1]
    assert report.failed == 0
    assert report.share("v2") == pytest.approx(0.25, abs=0.08)
    assert not lives(envoy)
    assert not lives(control)


async def test_a_target_that_cannot_start_says_what_abreast_said() -> None:
    async with Origin() as origin:
        target = Abreast([Upstream(origin.port), Upstream(0)], workers=1)
        with pytest.raises(TargetError, match="0 is no port"):
            await target.start()

    assert target.pids == ()
    with pytest.raises(TargetError, match="not running"):
        _ = target.up
