"""What may happen to containers and to their engine."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from abreast.drivers.docker import DockerDriver
from abreast.model.container import Build, Mount
from abreast.model.errors import DriverError
from abreast.model.service import InstanceState
from tests.docker.stage import ENDING, DockerStage, changed
from tests.drivers.stage import only, ready
from tests.fakes.docker import IMAGE, Dockerd
from tests.process.programs import until


async def test_a_killed_container_is_replaced_and_says_how_it_ended(
    stage: DockerStage, driver: DockerDriver, dockerd: Dockerd
) -> None:
    await driver.run(stage.box())
    await until(lambda: ready(driver))
    first = only(driver)
    (name,) = dockerd.containers()
    dockerd.client("kill", name)
    await until(lambda: ready(driver) and only(driver).restarts == 1)
    assert only(driver).pid != first.pid
    assert "exit code 137 (SIGKILL)" in stage.reasons(InstanceState.FAILED)[0]
    assert dockerd.containers() == [name]


async def test_one_that_wants_too_much_memory_is_said_to(stage: DockerStage, driver: DockerDriver) -> None:
    greedy = changed(stage.saying("hoard = bytearray(1 << 28)"), memory_bytes=32 << 20)
    await driver.run(greedy)
    await until(lambda: stage.reasons(InstanceState.FAILED))
    assert "OOM" in stage.reasons(InstanceState.FAILED)[0] or "MemoryError" in stage.reasons(InstanceState.FAILED)[0]


async def test_an_end_is_told_with_code_and_last_line_and_the_log_is_kept(
    stage: DockerStage, driver: DockerDriver
) -> None:
    await driver.run(stage.saying("print('no database'); raise SystemExit(3)"))
    await until(lambda: [reason for reason in stage.reasons(InstanceState.FAILED) if "its last line" in reason])
    (told, *_) = [reason for reason in stage.reasons(InstanceState.FAILED) if "its last line" in reason]
    assert "exit code 3" in told
    assert "its last line: no database" in told
    assert (stage.folder / "state/logs/v1-1.log").read_text().startswith("no database\n")


async def test_after_an_engine_killed_with_9_the_same_version_is_back_without_duplicates(
    stage: DockerStage, driver: DockerDriver, dockerd: Dockerd
) -> None:
    await driver.run(stage.box(instances=2))
    await until(lambda: len(ready(driver)) == 2)
    dockerd.kill()
    await until(lambda: stage.said)
    assert "does not answer" in stage.said[0]
    await driver.run(stage.box(instances=2))
    assert len(driver.instances()) == 2
    await asyncio.to_thread(dockerd.start)
    await until(lambda: len(ready(driver)) == 2 and len(stage.said) == 2, "both are back", 30)
    assert "answers again: Docker" in stage.said[1]
    assert len(dockerd.containers()) == 2


async def test_what_should_stop_while_the_engine_is_away_is_gone_when_it_is_back(
    stage: DockerStage, driver: DockerDriver, dockerd: Dockerd
) -> None:
    await driver.run(stage.box())
    await until(lambda: ready(driver))
    dockerd.kill()
    await until(lambda: stage.said)
    await driver.stop("v1")
    assert only(driver).state is InstanceState.STOPPING
    await asyncio.to_thread(dockerd.start)
    await until(lambda: not driver.instances(), "it is gone", 20)
    assert dockerd.containers() == []


async def test_a_driver_that_was_killed_is_followed_by_one_that_adopts(stage: DockerStage, dockerd: Dockerd) -> None:
    before = stage.docker()
    await before.start()
    await before.run(stage.box(instances=2))
    await until(lambda: len(ready(before)) == 2)
    served = {(each.id, each.endpoint, each.pid) for each in before.instances()}
    await before.close(stop=False)
    dockerd.client("run", "--detach", "--name", "shop-v1-3", IMAGE, "python3", "-c", "import time; time.sleep(60)")
    after = stage.docker()
    await after.start()
    assert {(each.id, each.endpoint, each.pid) for each in after.instances()} == served
    assert all(each.ready for each in after.instances())
    await after.run(stage.box(instances=2))
    assert {(each.id, each.endpoint, each.pid) for each in after.instances()} == served
    await after.close(stop=True)
    assert dockerd.containers() == ["shop-v1-3"]


async def test_another_state_directory_never_touches_ours(stage: DockerStage, driver: DockerDriver) -> None:
    await driver.run(stage.box())
    await until(lambda: ready(driver))
    other = stage.docker("other")
    await other.start()
    await other.run(stage.box())
    await until(lambda: ready(other))
    await other.close(stop=True)
    assert only(driver).ready
    assert only(driver).restarts == 0


async def test_a_container_of_the_same_name_that_is_not_ours_is_left_alone(
    stage: DockerStage, driver: DockerDriver, dockerd: Dockerd
) -> None:
    name = f"shop-v1-1-{driver.engine.home[:8]}"
    dockerd.client("create", "--name", name, IMAGE)
    await driver.run(stage.box())
    await until(lambda: stage.reasons(InstanceState.FAILED))
    assert "it is not abreast's" in stage.reasons(InstanceState.FAILED)[0]
    assert dockerd.containers() == [name]
    dockerd.client("rm", name)
    await until(lambda: ready(driver))


async def test_a_health_that_is_never_good_keeps_it_from_users(
    stage: DockerStage, driver: DockerDriver, dockerd: Dockerd, tmp_path: Path
) -> None:
    context = tmp_path / "sick"
    context.mkdir()
    check = "HEALTHCHECK --interval=1s --retries=1 CMD echo the cache is cold; exit 1"
    (context / "Dockerfile").write_text(f"FROM {IMAGE}\nEXPOSE 8099\n{check}\n")
    sick = changed(stage.box(), image="", build=Build(str(context)))
    await driver.run(sick)
    await until(lambda: driver.instances() and "unhealthy" in only(driver).detail, "HEALTHCHECK is heard", 20)
    assert "the cache is cold" in only(driver).detail
    assert not only(driver).ready
    assert "abreast/shop:v1" in dockerd.client("images", "--format", "{{.Repository}}:{{.Tag}}")


async def test_a_build_takes_arguments_and_a_target_and_says_what_failed(
    stage: DockerStage, driver: DockerDriver, tmp_path: Path
) -> None:
    context = tmp_path / "build"
    context.mkdir()
    (context / "Dockerfile").write_text(
        f"ARG BASE\nFROM $BASE AS good\nENV SAID=target\nFROM good AS bad\nRUN echo too late; exit 7\nCMD {IMAGE!r}\n"
    )
    build = Build(str(context), args=(("BASE", IMAGE),))
    await driver.run(changed(stage.box(), image="", build=build))
    await until(lambda: stage.reasons(InstanceState.FAILED), "the build fails", 20)
    assert "returned a non-zero code: 7" in stage.reasons(InstanceState.FAILED)[0]
    assert "too late" in stage.reasons(InstanceState.FAILED)[0]
    good = Build(str(context), args=build.args, target="good")
    await driver.run(changed(stage.box(), image="shop:good", build=good))
    await until(lambda: ready(driver), "the build of the target is run", 20)


async def test_missing_image_network_and_mount_are_refused_with_a_remedy(
    stage: DockerStage, driver: DockerDriver
) -> None:
    with pytest.raises(DriverError, match="no image 'shop:9'") as caught:
        await driver.run(changed(stage.box(), image="shop:9", pull="never"))
    assert "docker pull shop:9" in caught.value.remedy
    with pytest.raises(DriverError, match="no network 'inner'") as caught:
        await driver.run(changed(stage.box(), networks=("inner",)))
    assert "docker network create inner" in caught.value.remedy
    with pytest.raises(DriverError, match="there is no '/nowhere/at/all'"):
        await driver.run(changed(stage.box(), volumes=(Mount("/x", "/nowhere/at/all"),)))
    assert list(driver.instances()) == []


async def test_an_image_that_cannot_be_pulled_shows_as_failed_and_is_tried_again(
    stage: DockerStage, driver: DockerDriver, dockerd: Dockerd
) -> None:
    await driver.run(changed(stage.box(), image="127.0.0.1:9/shop:9"))
    await until(lambda: stage.reasons(InstanceState.FAILED))
    assert "cannot start" in stage.reasons(InstanceState.FAILED)[0]
    dockerd.client("tag", IMAGE, "127.0.0.1:9/shop:9")
    await until(lambda: ready(driver))


async def test_a_command_that_is_not_there_is_told(stage: DockerStage, driver: DockerDriver) -> None:
    await driver.run(changed(stage.box(), command=("./missing",)))
    await until(lambda: stage.reasons(InstanceState.FAILED))
    assert "correct `container.command`" in stage.reasons(InstanceState.FAILED)[0]


async def test_in_a_network_it_is_reached_by_its_address(
    stage: DockerStage, driver: DockerDriver, dockerd: Dockerd
) -> None:
    dockerd.client("network", "create", "inner")
    try:
        await driver.run(changed(stage.box(), networks=("inner",)))
        await until(lambda: ready(driver))
        assert only(driver).endpoint.host != "127.0.0.1"
        assert only(driver).endpoint.port == 8080
        await driver.close(stop=True)
    finally:
        dockerd.client("network", "rm", "inner")


async def test_limits_user_and_labels_reach_the_engine(
    stage: DockerStage, driver: DockerDriver, dockerd: Dockerd
) -> None:
    wanted = changed(stage.box(), cpus=0.5, memory_bytes=64 << 20, user="65534", labels=(("team", "shop"),))
    await driver.run(wanted)
    await until(lambda: ready(driver))
    (name,) = dockerd.containers()
    form = '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.Config.User}} {{index .Config.Labels "team"}}'
    assert dockerd.client("inspect", "--format", form, name) == f"500000000 {64 << 20} 65534 shop"


async def test_sigterm_comes_first_and_sigkill_after_its_time(stage: DockerStage, driver: DockerDriver) -> None:
    serve = "import http.server as h; h.HTTPServer(('', 8080), h.BaseHTTPRequestHandler).serve_forever()"
    polite = ENDING.replace("sys.exit(0)", "print('bye', flush=True) or sys.exit(0)")
    await driver.run(stage.saying(polite + serve))
    await until(lambda: ready(driver))
    await driver.stop("v1")
    await until(lambda: not driver.instances())
    assert (stage.folder / "state/logs/v1-1.log").read_text().endswith("bye\n")


async def test_a_full_disk_is_told(stage: DockerStage, dockerd: Dockerd, driver: DockerDriver, tmp_path: Path) -> None:
    """A volume on a file system of one megabyte is full; what the engine says of it is what the instance shows."""
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=True)
    try:
        text = "open('/small/x', 'wb').write(bytes(2 << 20))"
        await driver.run(changed(stage.saying(text), volumes=(Mount("/small", str(small)),)))
        await until(lambda: "No space left" in "".join(stage.reasons(InstanceState.FAILED)))
        await driver.close(stop=True)
    finally:
        subprocess.run(["umount", str(small)], check=True)
