"""Following a container's log."""

from pathlib import Path
from typing import Any, cast

from aiodocker.containers import DockerContainer

from abreast.drivers.docker_log import Lines
from abreast.process.logs import LogFile


class Saying:
    """Stands for a container whose log holds these lines; ``since`` is what was asked for."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.since = ""

    async def log(self, **asked: Any) -> Any:  # noqa: ANN401  # as aiodocker has it
        self.since = asked["since"]
        for line in self.lines:
            yield line


FIRST = "2026-01-01T00:00:00.000000001Z one\n"
SECOND = "2026-01-01T00:00:00.000000002Z two\n"


async def test_lines_come_once_and_without_their_stamp(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "v1-1.log")
    lines = Lines(log, 5.5)
    said = Saying(FIRST, SECOND)
    await lines.follow(cast("DockerContainer", said))
    await lines.follow(cast("DockerContainer", Saying(FIRST, SECOND, SECOND.replace("2Z two", "3Z three"))))
    assert log.path.read_text() == "one\ntwo\nthree\n"
    assert said.since == "5.500000000"


async def test_what_has_no_stamp_is_kept_as_it_is(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "v1-1.log")
    await Lines(log).follow(cast("DockerContainer", Saying("a line\n")))
    assert log.path.read_text() == "a line\n"
