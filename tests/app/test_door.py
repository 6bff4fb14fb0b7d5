"""From connected relays to a roster: the same way to ask while a connection lasts."""

import pytest

from abreast.app.door import Door
from abreast.link.messages import Reply
from abreast.link.relays import Present, RelayBook
from abreast.model.service import Endpoint
from abreast.shadow.relay_client import RelayUnreachableError
from tests.fakes.clock import FakeClock

ADDRESS = Endpoint("127.0.0.1", 7444)


async def answering(method: str, target: str, body: bytes) -> Reply:
    return Reply(1, 200, f"{method} {target} {body.decode()}")


async def hanging(method: str, target: str, body: bytes) -> Reply:
    raise TimeoutError


async def gone(method: str, target: str, body: bytes) -> Reply:
    raise ConnectionError("relay/r1 is connected no more")


async def test_the_way_is_another_only_with_another_connection() -> None:
    book = RelayBook(FakeClock())
    door = Door(book)
    assert door.connected() == {}
    book.come("r1", Present(ADDRESS, answering))
    ask = door.connected()["r1"]
    assert door.connected()["r1"] is ask
    answer = await ask("PUT", "/order", b"{}")
    assert (answer.status, answer.body) == (200, b"PUT /order {}")
    book.go("r1")
    assert door.connected() == {}
    book.come("r1", Present(ADDRESS, answering))
    assert door.connected()["r1"] is not ask


@pytest.mark.parametrize(("answer", "said"), [(hanging, "it does not answer"), (gone, "is connected no more")])
async def test_one_that_does_not_answer_is_unreachable(answer: object, said: str) -> None:
    book = RelayBook(FakeClock())
    book.come("r1", Present(ADDRESS, answer))  # type: ignore[arg-type]  # one of the two above
    with pytest.raises(RelayUnreachableError, match=said):
        await Door(book).connected()["r1"]("GET", "/report", b"")
