"""Keeping an Envoy running: here with programs that stand in for it; tests/integration has the real one."""

import os
import resource
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.envoy.process import RESERVED_DESCRIPTORS, EnvoyName, EnvoyProcesses, _connections, _fresh_base
from abreast.model.errors import GatewayError
from abreast.model.service import GatewaySettings
from tests.fakes.clock import FakeClock
from tests.process.programs import alive, until

SETTINGS = GatewaySettings(concurrency=1, timeout_s=3.0, drain_s=2.0)
STAYS = "exec sleep 60"
FALLS = "while [ ! -e fall ]; do sleep 0.01; done; echo 'cannot bind: address in use'; exit 1"
"""Ends as soon as there is a file ``fall``."""


class Stage:
    """Processes in a folder, started from a program that stands in for Envoy, at a time that stands still."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.home = folder.name
        self.clock = FakeClock()
        self.events: list[str] = []
        self.changes = 0
        self.monkeypatch = monkeypatch
        self.processes = self.another()

    def program(self, text: str) -> None:
        """From now on this is what is started."""
        file = self.folder / "envoy"
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        self.monkeypatch.setenv("ABREAST_ENVOY", str(file))

    def another(self, home: str = "") -> EnvoyProcesses:
        """What the next control plane would make, of this home or of another one."""

        def changed() -> None:
            self.changes += 1

        return EnvoyProcesses(
            home=home or self.home,
            run_dir=self.folder,
            log_file=self.folder / "envoy.log",
            ads=self.folder / "ads.sock",
            settings=SETTINGS,
            clock=self.clock,
            on_change=changed,
            on_event=self.events.append,
        )


@pytest.fixture
async def stage(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    made = Stage(short_tmp, monkeypatch)
    made.program(STAYS)
    yield made
    await made.processes.close(stop=True)


def test_a_name_is_a_node_and_comes_back_from_its_text() -> None:
    name = EnvoyName(4711, 2)
    assert name.node == "gateway-4711.2"
    assert EnvoyName.parse("4711.2") == name


def test_a_base_id_is_nobody_s() -> None:
    base = _fresh_base()
    assert 1 <= base < 1_000_000
    assert _fresh_base() != base


def test_descriptors_are_left_for_connections_to_versions() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft / 2 - 1 <= _connections() < soft
    assert soft - _connections() == min(RESERVED_DESCRIPTORS, soft - soft // 2)


async def test_a_start_is_told_and_is_nobody_s_child(stage: Stage) -> None:
    envoy = stage.processes.start()
    assert stage.processes.current is envoy
    assert stage.processes.all == (envoy,)
    assert stage.events == [f"Envoy {envoy.name.node} started (process {envoy.process.pid})"]
    assert stage.changes == 1
    parent = int(Path(f"/proc/{envoy.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    assert parent != os.getpid(), "it lives on when this process is killed"


async def test_it_is_told_how_to_serve(stage: Stage) -> None:
    stage.program('echo "$@"; exec sleep 60')
    envoy = stage.processes.start()
    log = stage.folder / "envoy.log"
    await until(lambda: log.exists() and "--base-id" in log.read_text(), "its arguments")
    words = log.read_text().split()
    told = dict(zip(words[::2], words[1::2], strict=True))
    assert told["--base-id"] == str(envoy.name.base)
    assert told["--restart-epoch"] == "0"
    assert told["--concurrency"] == "1"
    assert int(told["--parent-shutdown-time-s"]) > SETTINGS.timeout_s, "longer than any request"
    assert Path(told["--config-path"]).is_file()


async def test_what_cannot_be_started_is_an_error_with_a_way_out(stage: Stage) -> None:
    stage.monkeypatch.setenv("ABREAST_ENVOY", str(stage.folder / "nothing"))
    with pytest.raises(GatewayError, match="nothing"):
        stage.processes.start()
    stage.program(STAYS)
    stage.processes._run_dir = stage.folder / "gone"
    with pytest.raises(GatewayError) as raised:
        stage.processes.start()
    assert "disk" in str(raised.value)
    assert stage.processes.all == ()


async def test_one_that_falls_at_once_is_reported_with_its_last_words(stage: Stage) -> None:
    stage.program(FALLS)
    envoy = stage.processes.start()
    (stage.folder / "fall").touch()
    await until(lambda: len(stage.events) == 2, "its end")
    assert stage.events[1] == f"Envoy {envoy.name.node} was lost (ended): cannot bind: address in use"
    with pytest.raises(GatewayError, match="did not come up: cannot bind: address in use"):
        await stage.processes.wait_live(envoy)


async def test_one_that_never_answers_is_given_up_in_time(stage: Stage) -> None:
    envoy = stage.processes.start()
    stage.clock.time += 1.0
    begin = stage.clock.time

    async def sleep(seconds: float) -> None:
        stage.clock.time += seconds

    stage.monkeypatch.setattr(stage.clock, "sleep", sleep)
    with pytest.raises(GatewayError, match="did not come up: it said nothing"):
        await stage.processes.wait_live(envoy)
    assert stage.clock.time - begin > 10.0


async def test_a_lost_one_is_started_again_ever_more_slowly(stage: Stage) -> None:
    stage.program(FALLS)
    stage.processes.start()
    (stage.folder / "fall").touch()
    waits = []
    for _ in range(4):
        await until(lambda: stage.clock.sleepers, "a wait")
        waits.append(min(due for due, _ in stage.clock._sleepers) - stage.clock.time)
        await stage.clock.advance(waits[-1])
    assert waits == sorted(waits)
    assert waits[0] <= 0.5, "the first time at once, for users wait"
    assert waits[-1] >= 4 * waits[0]
    assert sum("address in use" in event for event in stage.events) >= 4, "each with its words"


async def test_a_start_that_fails_is_tried_again(stage: Stage) -> None:
    first = stage.processes.start()
    stage.monkeypatch.setenv("ABREAST_ENVOY", str(stage.folder / "nothing"))
    first.process.signal(signal.SIGKILL)
    await until(lambda: stage.clock.sleepers, "the wait after the loss")
    await stage.clock.advance(1.0)
    assert any("nothing" in event for event in stage.events), "it says why not"
    stage.program(STAYS)
    await stage.clock.advance(10.0)
    await until(lambda: stage.processes.current not in (None, first), "another")


async def test_the_next_control_plane_finds_it(stage: Stage) -> None:
    envoy = stage.processes.start()
    await stage.processes.close(stop=False)
    assert alive(envoy.process.pid)
    stranger = stage.another(home="somebody-else")
    assert not stranger.adopt()
    stage.processes = stage.another()
    assert stage.processes.adopt()
    found = stage.processes.current
    assert found is not None
    assert (found.name, found.process.pid, found.inherited) == (envoy.name, envoy.process.pid, True)
    assert "found running" in stage.events[-1]
    assert not stage.processes.outdated


async def test_other_settings_or_another_binary_are_noticed(stage: Stage) -> None:
    seen = [stage.processes.outdated]
    stage.processes.start()
    seen.append(stage.processes.outdated)
    stage.processes.settings = replace(SETTINGS, concurrency=2)
    seen.append(stage.processes.outdated)
    stage.processes.settings = SETTINGS
    stage.program(f"# another one\n{STAYS}")
    seen.append(stage.processes.outdated)
    assert seen == [False, False, True, True]


async def test_of_several_the_newest_serves_and_the_others_drain(stage: Stage) -> None:
    first = stage.processes._spawn(EnvoyName(77, 0))
    second = stage.processes._spawn(EnvoyName(77, 1))
    await stage.processes.close(stop=False)
    stage.processes = stage.another()
    assert stage.processes.adopt()
    assert [each.name.epoch for each in stage.processes.all] == [0, 1]
    assert [each.draining for each in stage.processes.all] == [True, False]
    first.process.signal(signal.SIGKILL)
    assert second.name == stage.processes.all[-1].name


async def test_the_end_leaves_nothing_behind(stage: Stage) -> None:
    envoy = stage.processes.start()
    await stage.processes.close(stop=True)
    assert not alive(envoy.process.pid)
    assert not list(stage.folder.glob("envoy-*.json"))
    assert stage.processes.all == ()


async def test_what_envoys_left_that_were_killed_unwatched_is_swept_and_that_of_the_living_is_kept(
    stage: Stage,
) -> None:
    living = stage.processes.start()
    gone = EnvoyName(_fresh_base(), 0)
    shared = Path(f"/dev/shm/envoy_shared_memory_{gone.base}0")  # noqa: S108  # Envoy's own place
    shared.touch()
    left = [stage.folder / f"envoy-{gone.base}.0.json", stage.folder / f"admin-{gone.base}.0.sock", shared]
    for file in left:
        file.touch()
    stage.processes.sweep()
    assert not any(file.exists() for file in left)
    assert (stage.folder / f"envoy-{living.name.base}.0.json").exists()
