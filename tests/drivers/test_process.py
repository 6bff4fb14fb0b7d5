"""The process driver as a whole: errors, adoption after a real kill -9, logs, closing."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.drivers.process import ProcessDriver
from abreast.drivers.record import Records
from abreast.model.errors import DriverError
from abreast.model.service import Instance, InstanceState
from abreast.process.port import PortPool
from abreast.process.supervised import Mark
from tests.drivers.stage import Stage, only, ready
from tests.process.programs import PARENT, PYTHON, STUBBORN, WAIT, alive, number_in, until

ROOT = Path(__file__).parents[2]

CONTROL_PLANE = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from tests.drivers.stage import Stage, ready
from tests.process.programs import PARENT, STUBBORN, until

async def main(folder, kind):
    stage = Stage(folder)
    driver = stage.driver()
    await driver.start()
    if kind == "servers":
        await driver.run(stage.server(instances=2))
        await driver.run(stage.server("v2"))
        await until(lambda: len(ready(driver)) == 2 and len(ready(driver, "v2")) == 1)
    else:
        family = stage.program(PARENT, folder / "pid", STUBBORN, "session")
        await driver.run(replace(family, stop_timeout_s=0.3))
        await until((folder / "pid").exists)
    print("up", flush=True)
    await asyncio.sleep(60)

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


@pytest.fixture
async def driver(stage: Stage) -> AsyncIterator[ProcessDriver]:
    made = stage.driver()
    await made.start()
    yield made
    await made.close(stop=True)


def killed_control_plane(folder: Path, kind: str = "servers") -> None:
    """Run a control plane in a process of its own, and kill it with SIGKILL once all is up."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    with subprocess.Popen(
        [sys.executable, "-c", CONTROL_PLANE, folder, kind], stdout=subprocess.PIPE, env=environ
    ) as plane:
        assert plane.stdout is not None
        assert plane.stdout.readline() == b"up\n"
        plane.kill()


def places(instances: Sequence[Instance]) -> set[tuple[str, int | None, int]]:
    return {(instance.id, instance.pid, instance.endpoint.port) for instance in instances}


async def test_a_missing_command_is_told_at_once_and_nothing_is_begun(stage: Stage, driver: ProcessDriver) -> None:
    with pytest.raises(DriverError, match=r"there is no command '\./missing'"):
        await driver.run(replace(stage.server(), run=("./missing",)))
    assert driver.instances() == []


async def test_a_hopeless_change_leaves_what_runs(stage: Stage, driver: ProcessDriver) -> None:
    await driver.run(stage.server())
    await until(lambda: ready(driver))
    with pytest.raises(DriverError, match="there is no directory"):
        await driver.run(replace(stage.server(), cwd="/nowhere"))
    assert only(driver).ready


async def test_changes_are_told(stage: Stage, driver: ProcessDriver) -> None:
    await driver.run(stage.server())
    await until(lambda: ready(driver))
    assert stage.changes >= 2
    assert stage.states("v1-1") == ["starting", "ready"]


async def test_after_kill_9_the_next_one_adopts_what_still_serves(stage: Stage) -> None:
    await asyncio.to_thread(killed_control_plane, stage.folder)
    records = {
        (record.id, record.mark.pid if record.mark else None, record.port)
        for record in Records(stage.folder / "run" / "instances").load()
    }
    driver = stage.driver()
    await driver.start()
    # Probed before start returned: users are served all the time, and it shows.
    assert all(instance.ready for instance in driver.instances())
    assert places(driver.instances()) == records
    await driver.run(stage.server(instances=2))
    await driver.run(stage.server("v2"))
    assert places(driver.instances()) == records
    victim = ready(driver)[0]
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    await until(lambda: len(ready(driver)) == 2 and driver.instances()[0].pid != victim.pid)
    assert driver.instances()[0].restarts == 1
    await driver.close(stop=True)
    assert not any(alive(pid) for _, pid, _ in records if pid is not None)


async def test_adopted_ones_that_nobody_wants_are_ended_and_the_others_kept(stage: Stage) -> None:
    await asyncio.to_thread(killed_control_plane, stage.folder)
    driver = stage.driver()
    await driver.start()
    await driver.run(stage.server(instances=2))
    unwanted = ready(driver, "v2")[0].pid
    assert unwanted is not None
    driver.retain(["v7"])
    await until(lambda: len(driver.instances()) == 2)
    assert not alive(unwanted)
    assert len(ready(driver)) == 2
    await driver.close(stop=True)


async def test_adopted_ones_with_another_command_serve_until_they_are_replaced(stage: Stage) -> None:
    await asyncio.to_thread(killed_control_plane, stage.folder)
    driver = stage.driver()
    await driver.start()
    driver.retain(["v1"])
    old = {instance.pid for instance in ready(driver)}
    assert len(old) == 2
    await driver.run(stage.server(instances=2, mark="changed"))
    fewest = 2

    def replaced() -> bool:
        nonlocal fewest
        fewest = min(fewest, len(ready(driver)))
        return len(driver.instances()) == 2 and not {instance.pid for instance in driver.instances()} & old

    await until(replaced)
    assert fewest == 2
    assert not any(alive(pid) for pid in old if pid is not None)
    await driver.close(stop=True)


async def test_after_kill_9_without_records_nothing_is_left_over(stage: Stage) -> None:
    await asyncio.to_thread(killed_control_plane, stage.folder)
    folder = stage.folder / "run" / "instances"
    pids = [record.mark.pid for record in Records(folder).load() if record.mark]
    for file in folder.glob("*.json"):
        file.unlink()
    driver = stage.driver()
    await driver.start()
    assert driver.instances() == []
    assert len(pids) == 3
    await until(lambda: not any(map(alive, pids)))
    await driver.close(stop=True)


async def test_grandchildren_in_other_sessions_are_found_after_kill_9(stage: Stage) -> None:
    await asyncio.to_thread(killed_control_plane, stage.folder, "parent")
    grandchild = await number_in(stage.folder / "pid")
    assert alive(grandchild)
    driver = stage.driver()
    await driver.start()
    assert only(driver).version == "v1"
    await driver.stop("v1")
    await until(lambda: not driver.instances())
    assert not alive(grandchild)
    await driver.close(stop=True)


async def test_a_reused_pid_is_not_touched(stage: Stage) -> None:
    await asyncio.to_thread(killed_control_plane, stage.folder)
    records = Records(stage.folder / "run" / "instances")
    with subprocess.Popen([*PYTHON, WAIT], start_new_session=True) as stranger:
        for record in records.load():
            assert record.mark is not None
            os.killpg(record.mark.pid, signal.SIGKILL)
            await until(lambda pid=record.mark.pid: not alive(pid))  # type: ignore[misc]  # a default is bound here
            records.write(replace(record, mark=Mark(stranger.pid, record.mark.start_ticks, record.mark.boot)))
        driver = stage.driver()
        await driver.start()
        assert driver.instances() == []
        await driver.run(stage.server())
        await until(lambda: ready(driver))
        await driver.close(stop=True)
        assert stranger.poll() is None
        stranger.kill()


async def test_two_state_directories_do_not_touch_each_other(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other_stage = Stage(tmp_path / "other")
    other = other_stage.driver()
    await other.start()
    await other.run(other_stage.server())
    await until(lambda: ready(other))
    driver = stage.driver()
    await driver.start()
    assert driver.instances() == []
    await driver.close(stop=True)
    assert len(ready(other)) == 1
    await other.close(stop=True)


async def test_closing_without_stop_leaves_all_for_the_next(stage: Stage) -> None:
    first = stage.driver()
    await first.start()
    await first.run(stage.server(instances=2))
    await until(lambda: len(ready(first)) == 2)
    before = places(first.instances())
    await first.close(stop=False)
    assert first.instances() == []
    second = stage.driver()
    await second.start()
    assert places(second.instances()) == before
    await second.close(stop=True)
    assert not any(alive(pid) for _, pid, _ in before if pid is not None)


async def test_an_adopted_one_that_ends_before_it_is_claimed_just_goes(stage: Stage) -> None:
    first = stage.driver()
    await first.start()
    await first.run(stage.server())
    await until(lambda: ready(first))
    pid = only(first).pid
    assert pid is not None
    await first.close(stop=False)
    second = stage.driver()
    await second.start()
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not second.instances())
    await second.close(stop=True)


async def test_closing_waits_for_the_slow(stage: Stage) -> None:
    driver = stage.driver()
    await driver.start()
    await driver.run(replace(stage.program(PARENT, stage.folder / "pid", STUBBORN), stop_timeout_s=0.2))
    grandchild = await number_in(stage.folder / "pid")
    await driver.close(stop=True)
    assert driver.instances() == []
    assert not alive(grandchild)


async def test_logs_are_rotated(stage: Stage, driver: ProcessDriver) -> None:
    log = stage.folder / "state" / "logs" / "v1-1.log"
    older = log.with_name("v1-1.log.1")
    log.parent.mkdir(parents=True)
    # Written by an earlier run: what is written while the log is cut may be lost.
    log.write_bytes(b"x" * (11 << 20))
    await driver.run(stage.program(f"print('fresh', flush=True); {WAIT}"))
    await until(older.exists)
    await until(lambda: b"fresh" in older.read_bytes()[-99:] + log.read_bytes())
    assert older.stat().st_size >= 11 << 20


async def test_a_log_that_cannot_be_rotated_is_told(
    stage: Stage, driver: ProcessDriver, caplog: pytest.LogCaptureFixture
) -> None:
    (stage.folder / "state" / "logs").mkdir()
    (stage.folder / "state" / "logs" / "v1-1.log.0").mkdir()
    await driver.run(stage.program(f"print('x' * {11 << 20}, flush=True); {WAIT}"))
    await until(lambda: "cannot be rotated" in caplog.text)
    assert only(driver).state is InstanceState.STARTING


async def test_a_reserved_port_is_given_to_no_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(PortPool, "keep", lambda _, port: taken.append(port))
    Stage(tmp_path).driver().reserve(8080)
    assert taken == [8080]
