"""Where recordings come from: a state directory, a store, a file."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from abreast.analysis.tick import Tick
from abreast.model.errors import StoreCorruptError, StoreError, UsageError
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Rollout
from abreast.replay.ndjson import lines
from abreast.replay.recording import first_state
from abreast.replay.source import load
from abreast.store.evidence import SqlEvidence
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.contracts.test_store import a_rollout


@dataclass
class Plane:
    """A state directory with a store that is open, as that of a running control plane is."""

    directory: Path
    store: SqlStore

    async def rolls_out(self, number: int, *, ticks: int, service: str = "shop", **fields: object) -> Rollout:
        saved = await self.store.save(
            a_rollout(number, service=service, **fields),
            [Event(1000.0 + n, number, EventKind.STEP, "abreast", f"{number}.{n}") for n in range(3)],
        )
        ticked = [Tick(1000.0 + at) for at in range(ticks)]
        if ticks:
            await SqlEvidence(self.store).save_ticks(service, number, ticked, {"any": True})
        return saved


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Plane]:
    directory = tmp_path / ".abreast"
    made = Plane(directory, await open_store(directory / "abreast.db"))
    yield made
    await made.store.close()


async def test_the_newest_recorded_rollout_is_taken_from_a_running_control_plane(plane: Plane) -> None:
    await plane.rolls_out(0, ticks=0)
    await plane.rolls_out(1, ticks=4)
    last = await plane.rolls_out(2, ticks=5)
    await plane.rolls_out(3, ticks=0)
    recording = load(plane.directory)
    assert recording.start == first_state(last)
    assert [tick.at for tick in recording.ticks] == [1000.0 + at for at in range(5)]
    assert [event.reason for event in recording.events] == ["2.0", "2.1", "2.2"]
    assert load(plane.directory / "abreast.db") == recording
    assert len(load(plane.directory, 1).ticks) == 4


async def test_a_rollout_that_is_not_recorded_is_told_with_those_that_are(plane: Plane) -> None:
    await plane.rolls_out(0, ticks=0)
    with pytest.raises(UsageError, match="no record of any rollout of shop") as caught:
        load(plane.directory)
    assert "none is; the next rollout will be" in caught.value.remedy
    await plane.rolls_out(1, ticks=2)
    await plane.rolls_out(2, ticks=2)
    for number in (0, 7):
        with pytest.raises(UsageError, match=f"no record of rollout {number} of shop") as caught:
            load(plane.directory, number)
        assert "recorded are: 1, 2" in caught.value.remedy


async def test_evidence_without_a_second_is_told(plane: Plane) -> None:
    await plane.rolls_out(0, ticks=0)
    await plane.rolls_out(1, ticks=0)
    await SqlEvidence(plane.store).save_ticks("shop", 1, [], {})
    with pytest.raises(UsageError, match="rollout 1 of shop has no ticks"):
        load(plane.directory)


async def test_of_several_services_it_is_the_one_that_rolled_out_last(plane: Plane) -> None:
    await plane.rolls_out(0, ticks=0)
    await plane.rolls_out(1, ticks=2, started_at=5.0)
    await plane.rolls_out(0, ticks=0, service="mail")
    await plane.rolls_out(1, ticks=3, service="mail", started_at=5000.0)
    assert load(plane.directory).start.service == "mail"


async def test_an_empty_store_and_an_empty_directory_are_told(plane: Plane, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no rollout"):
        load(plane.directory)
    with pytest.raises(StoreError, match="there is no store"):
        load(tmp_path)


async def test_a_file_is_taken_with_the_number_it_has(plane: Plane, tmp_path: Path) -> None:
    await plane.rolls_out(0, ticks=0)
    await plane.rolls_out(1, ticks=2, phase=Phase.PROGRESSING)
    recording = load(plane.directory)
    file = tmp_path / "it.ndjson"
    file.write_text("\n".join(lines(recording)), "utf-8")
    assert load(file) == load(file, 1) == recording
    with pytest.raises(UsageError, match=r"--rollout 2: .* is a recording of rollout 1"):
        load(file, 2)


def test_what_is_no_file_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no"):
        load(tmp_path / "nowhere")
    (tmp_path / "bytes").write_bytes(b"{}\n{}\xff\xfe and so on")
    with pytest.raises(UsageError, match="bytes:2: byte 0xff is no UTF-8"):
        load(tmp_path / "bytes")
    (tmp_path / "empty").touch()
    with pytest.raises(UsageError, match="empty:1: there is no tick"):
        load(tmp_path / "empty")
    (tmp_path / "broken").write_bytes(b"SQLite format 3\0" + b"x" * 2000)
    with pytest.raises(StoreCorruptError, match="damaged"):
        load(tmp_path / "broken")
