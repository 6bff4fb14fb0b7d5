"""The closed loop: every connection always busy, until time is up."""

from __future__ import annotations

import pytest

from abreast.bench.origin import Behaviour, Origin
from abreast.bench.target import free_port
from abreast.load.plan import Plan, PlanError
from abreast.load.saturation import Saturation, SaturationRun


def plan(url: str, **change: object) -> Plan:
    values: dict[str, object] = {"url": url, "rate_per_s": 1.0, "duration_s": 0.3, "connections": 4, **change}
    return Plan(**values)  # type: ignore[arg-type]  # keyword by keyword in the tests


async def test_each_connection_always_has_one_request_on_its_way() -> None:
    async with Origin(behaviour=Behaviour(delay_s=0.02)) as origin:
        found = await SaturationRun(plan(origin.url)).run()

    # Answers take 20 ms each, four at a time.
    assert 10 < found.ok <= 4 * (found.elapsed_s / 0.02 + 1)
    assert found.failed == 0
    assert found.throughput_per_s == pytest.approx(found.ok / found.elapsed_s)


async def test_it_is_faster_than_any_schedule_it_was_given() -> None:
    async with Origin() as origin:
        found = await SaturationRun(plan(origin.url, rate_per_s=1.0)).run()

    assert found.throughput_per_s > 200
    assert found.cpu_s > 0


async def test_bad_answers_are_counted_apart() -> None:
    async with Origin(behaviour=Behaviour(fail_share=0.25)) as origin:
        found = await SaturationRun(plan(origin.url, duration_s=0.6)).run()

    assert found.failed > 0
    assert set(found.failures) == {"http-500"}


async def test_a_dead_server_is_asked_at_a_walking_pace() -> None:
    found = await SaturationRun(plan(f"http://127.0.0.1:{free_port()}")).run()

    assert found.ok == 0
    assert set(found.failures) == {"refused"}
    assert found.failed <= 4 * (0.3 / 0.05 + 2)


def test_it_needs_a_duration_and_kept_connections() -> None:
    for change in ({"duration_s": None, "count": 5}, {"keep_alive": False}):
        with pytest.raises(PlanError, match="saturation"):
            SaturationRun(plan("http://127.0.0.1:1", **change))


def test_it_survives_json() -> None:
    found = Saturation(100, 3, {"http-500": 3}, 2.0, 0.5)

    assert found.as_dict()["throughput_per_s"] == 50
    assert Saturation.from_dict(found.as_dict()) == found
