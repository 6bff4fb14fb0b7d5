"""Following a container's log."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiodocker import Docker
from aiodocker.exceptions import DockerError

from abreast.drivers.docker_log import Lines, said
from abreast.process.logs import LogFile
from tests.fakes.engine_api import engine_api


class Saying:
    """A log that holds these lines; ``since`` is what was asked for."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.since = ""

    async def __call__(self, since: str) -> AsyncGenerator[str]:
        self.since = since
        for line in self.lines:
            yield line


FIRST = "2026-01-01T00:00:00.000000001Z one\n"
SECOND = "2026-01-01T00:00:00.000000002Z two\n"


async def test_lines_come_once_and_without_their_stamp(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "v1-1.log")
    lines = Lines(log, 5.5)
    saying = Saying(FIRST, SECOND)
    await lines.follow(saying)
    await lines.follow(Saying(FIRST, SECOND, SECOND.replace("2Z two", "3Z three")))
    assert log.path.read_text() == "one\ntwo\nthree\n"
    assert saying.since == "5.500000000"


async def test_a_line_that_comes_in_parts_is_one_line(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "v1-1.log")
    await Lines(log).follow(Saying(FIRST.strip(), FIRST.replace("one", ""), SECOND))
    assert log.path.read_text() == "one\ntwo\n"


async def test_podman_s_shorter_fractions_are_in_their_order(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "v1-1.log")
    stamps = ("00Z", "00.1Z", "00.12Z", "00.2+00:00", "01Z")
    said_twice = Saying(*(f"2026-01-01T00:00:{stamp} {number}\n" for number, stamp in enumerate(stamps)))
    lines = Lines(log)
    await lines.follow(said_twice)
    await lines.follow(said_twice)
    assert log.path.read_text() == "0\n1\n2\n3\n4\n"


async def test_lines_of_the_same_moment_are_all_kept_and_once(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "v1-1.log")
    lines = Lines(log)
    both = (FIRST, FIRST.replace("one", "uno"))
    await lines.follow(Saying(*both))
    await lines.follow(Saying(*both, FIRST.replace("one", "eins"), SECOND))
    assert log.path.read_text() == "one\nuno\neins\ntwo\n"


async def test_what_has_no_stamp_is_kept_as_it_is(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "v1-1.log")
    await Lines(log).follow(Saying("a line\n"))
    assert log.path.read_text() == "a line\n"


async def test_the_engine_s_frames_are_taken_apart(short_tmp: Path) -> None:
    frame = b"\x01\0\0\0" + len(FIRST).to_bytes(4, "big") + FIRST.encode()
    async with engine_api(short_tmp) as api, Docker(api.url) as docker:
        api.answers["GET /containers/c1/logs"] = (200, frame)

        assert [line async for line in said(docker, "c1", "0")] == [FIRST]


async def test_a_container_that_is_gone_has_no_log(short_tmp: Path) -> None:
    async with engine_api(short_tmp) as api, Docker(api.url) as docker:
        with pytest.raises(DockerError) as caught:
            await anext(said(docker, "c1", "0"))

    assert caught.value.status == 404
