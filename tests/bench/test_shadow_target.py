"""abreast that copies: a valid spec, and every share can be brought about from every other."""

from pathlib import Path

import pytest

from abreast.bench.abreast_target import CANDIDATE
from abreast.bench.process import OriginProcess
from abreast.bench.shadow_target import SHARES, ShadowingAbreast, spec_text
from abreast.bench.target import TargetError, Upstream
from abreast.load import LoadProcess, Plan
from abreast.model.rollout import ShadowStep
from abreast.model.units import FULL_WEIGHT
from abreast.spec_source import load_spec


def test_the_spec_copies_reads_and_writes_and_nothing_ends_it(tmp_path: Path) -> None:
    file = tmp_path / "abreast.yaml"
    file.write_text(spec_text(8000, 8001, 8002, 3), "utf-8")

    spec = load_spec(file)

    policy = spec.policy(CANDIDATE)
    assert tuple(step.share for step in policy.ladder if isinstance(step, ShadowStep)) == SHARES
    assert policy.at_least_s == 86_400
    assert policy.shadow.at_most_per_s == 100_000
    assert [route.methods for route in policy.shadow.isolated] == [("POST",)]
    assert policy.differences.tolerance == FULL_WEIGHT
    assert spec.service().gateway.concurrency == 3


@pytest.mark.timeout(90)
async def test_every_share_can_be_had_and_there_is_a_relay_while_something_is_copied() -> None:
    async with OriginProcess("v1", json_bytes=2048) as stable, OriginProcess("v2", json_bytes=2048) as candidate:
        target = ShadowingAbreast([Upstream(stable.port), Upstream(candidate.port)], workers=1)
        await target.start()
        try:
            (relay,) = target.relays
            shares = []
            for share in (10_000, 0, 2000):
                await target.bring(share)
                status = await target.up.status()
                assert status["weight"] == 0
                assert all(node["obeys"] for node in status["nodes"])
                shares.append(status["shadow"]["share"])
            plan = Plan(url=target.url, rate_per_s=50, count=40)
            async with LoadProcess(plan) as load:
                await load.report()
            ledger = await target.settled(40, 20.0)
            assert target.relays == [relay]
        finally:
            await target.stop()

    assert shares == [10_000, 0, 2000]
    assert ledger["seen"] == 40
    assert ledger["compared"] + ledger["skipped"]["sampled-out"] + ledger["lost"] + ledger["pending"] == 40
    assert ledger["skipped"]["sampled-out"] > 20
    assert target.relays == []
    with pytest.raises(TargetError, match="not running"):
        await target.ledger()
