"""One relay kept running: a real one, found again after a kill, replaced when it dies or hangs, ended when told."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from abreast.compare.model import Answer, Request
from abreast.findings.report import Batch
from abreast.shadow.crew import Crew
from abreast.shadow.order import Order
from abreast.shadow.relay_client import RelayUnreachableError
from tests.fakes.clock import FakeClock
from tests.process.programs import alive, until
from tests.shadow.frames import JSON, frame, order
from tests.shadow.servers import answer, serving


@dataclass
class Plane:
    """What a control plane needs for a crew; ``another`` is the next one in the same directory."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    notes: list[str] = field(default_factory=list)
    crews: list[Crew] = field(default_factory=list)

    def another(self, home: str = "") -> Crew:
        """A crew that has nothing yet."""
        made = Crew(home or self.folder.name, self.folder, self.folder, self.clock, self.notes.append)
        self.crews.append(made)
        return made

    async def started(self) -> Crew:
        """A crew whose relay answers."""
        crew = self.another()
        assert not await crew.keep()
        await answering(crew)
        return crew


def pid(crew: Crew) -> int:
    """The relay's process."""
    assert crew._process is not None
    return crew._process.pid


def told(crew: Crew) -> Order | None:
    """The order that its relay has."""
    assert crew._relay is not None
    return crew._relay._told


async def answering(crew: Crew) -> None:
    """Wait until its relay listens."""
    async with asyncio.timeout(20):
        while True:
            try:
                await crew.report()
            except RelayUnreachableError:
                await asyncio.sleep(0.02)
            else:
                return


async def batch_of(crew: Crew) -> Batch:
    """The next batch that says anything."""
    async with asyncio.timeout(10):
        while (found := await crew.report()) is None:
            await asyncio.sleep(0.01)
    return found


@pytest.fixture
async def plane(short_tmp: Path) -> AsyncIterator[Plane]:
    made = Plane(short_tmp)
    yield made
    for crew in made.crews:
        if not crew._client.is_closed:
            await crew.close(stop=True)


async def exchange(plane: Plane, upstream: str) -> None:
    """Hand one exchange to the relay, as the gateway does."""
    reader, writer = await asyncio.open_unix_connection(plane.folder / "relay.sock")
    body = frame(Request("GET", "/orders"), Answer(200, JSON, b"{}"), upstream=upstream)
    writer.write(b"POST /exchange HTTP/1.1\r\nhost: relay\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    assert b"204" in await reader.readline()
    writer.close()


async def test_nothing_runs_until_it_is_wanted(plane: Plane) -> None:
    crew = plane.another()
    assert not crew.running
    assert await crew.report() is None
    await crew.tell(order())
    await crew.stop()
    assert plane.notes == []


async def test_a_relay_starts_and_is_kept(plane: Plane) -> None:
    crew = await plane.started()
    first = pid(crew)
    assert plane.notes == [f"the relay started (process {first})"]
    for _ in range(3):
        assert not await crew.keep()
    assert (pid(crew), crew.running) == (first, True)
    assert (plane.folder / "relay.sock").is_socket()
    assert (plane.folder / "relay.log").exists()


async def test_batches_are_given_again_until_they_are_acknowledged(plane: Plane) -> None:
    crew = await plane.started()
    same = answer(b"{}", content_type="application/json")
    async with serving(lambda _: same) as stable, serving(lambda _: same) as candidate:
        await crew.tell(order(stable=(stable.endpoint,), candidate=(candidate.endpoint,)))
        await exchange(plane, f"v1 {stable.endpoint}")
        one = await batch_of(crew)
        assert await crew.report() == one
        crew.acknowledge(one)
        received, compared = one.received, one.compared
        while compared < 1:
            another = await batch_of(crew)
            assert another.number == one.number + 1
            received, compared, one = received + another.received, compared + another.compared, another
            crew.acknowledge(one)
        assert (received, compared) == (1, 1)
        assert await crew.report() is None


async def test_an_order_is_sent_only_when_it_changed(plane: Plane) -> None:
    crew = await plane.started()
    await crew.tell(order())
    crew._process.signal(signal.SIGSTOP)  # type: ignore[union-attr]  # it is there
    async with asyncio.timeout(1):
        await crew.tell(order())
    crew._process.signal(signal.SIGCONT)  # type: ignore[union-attr]  # it is there
    await crew.tell(order(timeout_s=3.0))
    assert told(crew) == order(timeout_s=3.0)


async def test_an_order_that_the_relay_refuses_is_told_in_its_words(plane: Plane) -> None:
    crew = await plane.started()
    broken = replace(order(), rollout="one")  # type: ignore[arg-type]  # what is to be refused
    with (
        pytest.warns(UserWarning, match="Pydantic serializer"),
        pytest.raises(ValueError, match=r"the relay refuses its order: .*rollout"),
    ):
        await crew.tell(broken)
    await crew.tell(order())


class TestAdoption:
    """A relay outlives its control plane, and is found again."""

    async def test_after_a_kill_the_next_one_takes_it_over_with_what_was_not_acknowledged(self, plane: Plane) -> None:
        crew = await plane.started()
        same = answer(b"{}", content_type="application/json")
        async with serving(lambda _: same) as stable, serving(lambda _: same) as candidate:
            said = order(stable=(stable.endpoint,), candidate=(candidate.endpoint,))
            await crew.tell(said)
            await exchange(plane, f"v1 {stable.endpoint}")
            told = await batch_of(crew)
            first = pid(crew)
            await crew.close(stop=False)
            assert alive(first)
            successor = plane.another()
            assert successor.adopt()
            assert (pid(successor), successor.running) == (first, True)
            assert await successor.report() == told
            await successor.tell(said)
            assert not await successor.keep()
            assert len(plane.notes) == 1, "it did not start another one"

    async def test_an_adopted_one_that_dies_is_replaced(self, plane: Plane) -> None:
        crew = await plane.started()
        first = pid(crew)
        await crew.close(stop=False)
        successor = plane.another()
        assert successor.adopt()
        os.kill(first, signal.SIGKILL)
        await until(lambda: not successor.running, "its end")
        plane.clock.time += 60
        assert await successor.keep()
        assert pid(successor) != first

    async def test_another_directory_s_relay_is_not_taken(self, plane: Plane) -> None:
        crew = await plane.started()
        await crew.close(stop=False)
        assert not plane.another(home="elsewhere").adopt()
        assert plane.another().adopt()

    async def test_where_none_runs_none_is_found(self, plane: Plane) -> None:
        assert not plane.another().adopt()


class TestLoss:
    """A relay that dies is started again, but not for ever at full speed."""

    async def test_one_that_died_is_said_and_started_again(self, plane: Plane) -> None:
        crew = await plane.started()
        await crew.tell(order())
        first = pid(crew)
        plane.clock.time += 60
        os.kill(first, signal.SIGKILL)
        await until(lambda: not crew.running, "its end")
        assert await crew.report() is None
        assert crew.losses == 0
        assert await crew.keep()
        assert crew.losses == 1
        assert plane.notes[1].startswith(f"the relay (process {first}) was lost: killed by SIGKILL")
        assert plane.notes[2] == f"the relay started (process {pid(crew)})"
        await answering(crew)
        await crew.tell(order())
        assert told(crew) == order(), "the new one knows nothing, and is told anew"

    async def test_each_loss_makes_the_next_start_wait_longer(self, plane: Plane) -> None:
        crew = plane.another()
        await crew.keep()
        waits = []
        for _ in range(5):
            os.kill(pid(crew), signal.SIGKILL)
            await until(lambda: not crew.running, "its end")
            began = plane.clock.time
            assert await crew.keep()
            while not crew.running:
                plane.clock.time += 0.5
                assert not await crew.keep(), "a loss is told once"
            waits.append(plane.clock.time - began)
        assert waits == [1.0, 2.0, 5.0, 10.0, 10.0]

    async def test_one_that_lived_long_is_forgiven(self, plane: Plane) -> None:
        crew = plane.another()
        crew._failures = 4
        await crew.keep()
        await answering(crew)
        batch = Batch("r", 1, 0.0, 1, 0, 0, 0, {})
        crew.acknowledge(batch)
        assert crew._failures == 4
        plane.clock.time += 31
        crew.acknowledge(batch)
        assert crew._failures == 0

    async def test_one_that_hangs_is_ended_and_replaced(self, plane: Plane) -> None:
        crew = await plane.started()
        first = pid(crew)
        os.kill(first, signal.SIGSTOP)
        for _ in range(2):
            with pytest.raises(RelayUnreachableError):
                await crew.report()
            assert not await crew.keep(), "it may come back"
            plane.clock.time += 8
        assert await crew.keep()
        assert not alive(first)
        assert plane.notes[1].startswith(f"the relay (process {first}) was lost: it did not answer")
        await until(lambda: crew.running, "the next one")
        await answering(crew)

    async def test_a_short_silence_is_forgotten(self, plane: Plane) -> None:
        crew = await plane.started()
        first = pid(crew)
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(RelayUnreachableError):
            await crew.report()
        os.kill(first, signal.SIGCONT)
        await answering(crew)
        plane.clock.time += 100
        assert not await crew.keep()
        assert pid(crew) == first

    async def test_one_that_cannot_be_started_is_an_error(self, plane: Plane) -> None:
        crew = plane.another()
        (plane.folder / "relay.log").mkdir()
        with pytest.raises(OSError, match=r"relay\.log"):
            await crew.keep()
        assert not crew.running


async def test_an_order_to_end_ends_it(plane: Plane) -> None:
    crew = await plane.started()
    first = pid(crew)
    await crew.stop()
    assert not alive(first)
    assert not crew.running
    assert await crew.report() is None
    await crew.stop()


async def test_one_that_hangs_is_ended_all_the_same(plane: Plane) -> None:
    crew = await plane.started()
    first = pid(crew)
    os.kill(first, signal.SIGSTOP)
    await crew.close(stop=True)
    assert not alive(first)


async def test_what_the_relay_says_is_not_believed_when_it_cannot_be_read(plane: Plane) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    await (await plane.started()).close(stop=False)
    crew = plane.another()
    assert crew.adopt()
    (plane.folder / "relay.sock").unlink()
    async with await asyncio.start_unix_server(nonsense, plane.folder / "relay.sock"):
        with pytest.raises(RelayUnreachableError, match="the relay's report cannot be read"):
            await crew.report()
