"""The wiring's own decisions; that everything runs together is told in tests/e2e."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from abreast.analysis.assessment import Assessment
from abreast.analysis.tick import Tick
from abreast.app.parts import Up
from abreast.app.up import store_evidence, up
from abreast.bench.target import free_port
from abreast.controller.jury import Jury
from abreast.model.errors import DriverError, SpecError, StoreError
from abreast.model.rollout import Phase, Rollout
from abreast.rollout.observed import Observed
from tests.app.specs import building, spec
from tests.fakes.clock import FakeClock
from tests.fakes.counts import FakeCounts
from tests.rollout.play import BEGIN, under_way


class TestUp:
    """What stands in the way is told before anything is started."""

    async def test_a_spec_that_names_missing_files(self, short_tmp: Path) -> None:
        spec(short_tmp, gateway={"tls": {"certificate": "none.crt", "key": "none.key"}})
        with pytest.raises(SpecError, match="2 faults"):
            async with up(short_tmp / "abreast.yaml", lambda _: None):
                pass
        assert not (short_tmp / ".abreast").exists()

    async def test_endpoints_that_nobody_knows_name_who_was_asked(self, short_tmp: Path) -> None:
        where = f"http://127.0.0.1:{free_port()}"
        endpoints = {"consul": "shop", "address": where}
        listen = f"127.0.0.1:{free_port()}"
        spec(short_tmp, versions={"v1": {"endpoints": endpoints, "start_timeout": "1s"}}, gateway={"listen": listen})
        said: list[str] = []
        with pytest.raises(
            DriverError, match=r"no ready instance after 1 s: Consul service shop: .*connection attempts"
        ):
            async with up(short_tmp / "abreast.yaml", said.append):
                pass
        assert any("v1: Consul service shop does not answer" in sentence for sentence in said)


class Writer:
    """An evidence store that can be full; ``written`` is what was saved."""

    def __init__(self) -> None:
        self.broken = False
        self.written: list[float] = []

    async def save_ticks(self, service: str, rollout: int, ticks: Sequence[Tick], state: Mapping[str, Any]) -> None:
        """As the port says."""
        if self.broken:
            raise StoreError("the store cannot be written: disk full", "make room on the disk")
        assert (service, rollout, state != {}) == ("shop", 1, True)
        self.written += [tick.at for tick in ticks]


class TestEvidence:
    """What the jury weighed is written, sooner or later."""

    @pytest.fixture
    async def running(self, short_tmp: Path) -> AsyncIterator[Up]:
        async with building(short_tmp, spec(short_tmp)) as running:
            yield running

    async def test_it_is_in_the_store_and_the_next_control_plane_has_it(self, running: Up, short_tmp: Path) -> None:
        weighed = judged(running)
        stored = await running.store.save(replace(climbing(running), revision=0), [])
        assert not await store_evidence(running)
        assert running.jury.unsaved() is None
        assert [tick.at for tick in await running.evidence.load_ticks("shop", 1)] == [BEGIN + 1, BEGIN + 2]
        await running.store.close()
        async with building(short_tmp, spec(short_tmp)) as again:
            assert again.control.controller.rollout.number == stored.number
            assert again.jury.assess(stored, Observed(now=BEGIN + 2)).errors == weighed.errors

    async def test_without_any_nothing_is_written(self, running: Up) -> None:
        assert not await store_evidence(running)
        assert await running.evidence.load_evidence("shop", 0) == {}

    async def test_what_could_not_be_written_is_written_later_and_the_trouble_is_said_once(
        self, running: Up, caplog: pytest.LogCaptureFixture
    ) -> None:
        judged(running)
        writer = Writer()
        running.evidence = writer  # type: ignore[assignment]  # it has all that is asked of one here
        writer.broken, failed = True, False
        for _ in range(3):
            failed = await store_evidence(running, failed=failed)
            assert failed
        [said] = [record.message for record in caplog.records if "evidence" in record.message]
        assert said.startswith("evidence could not be stored: the store cannot be written: disk full")
        writer.broken = False
        assert not await store_evidence(running, failed=failed)
        assert writer.written == [BEGIN + 1, BEGIN + 2]


def climbing(running: Up) -> Rollout:
    """v2 has users, by the spec's policy."""
    return under_way(Phase.PROGRESSING, running.control.policy("v2"))


def judged(running: Up) -> Assessment:
    """Two seconds of a rollout, weighed; nothing of it is written yet."""
    clock = FakeClock(BEGIN)
    counts = FakeCounts(clock, since=BEGIN)
    for _ in range(2):
        counts.add("v2", {200: 9, 500: 1})
        counts.add("v1", {200: 90})
        clock.time += 1.0
    running.jury = Jury(counts)
    return running.jury.assess(climbing(running), Observed(now=clock.now()))
