"""Tokens and sessions over a keeper in memory: who is let in, for how long, and what is written of it."""

import pytest

from abreast.model.errors import StoreError
from abreast.model.token import Role, Session, Token
from abreast.operations.tokens import (
    SESSION_S,
    Created,
    TokenDesk,
    create,
    holder,
    listed,
    revoke,
    session,
    sign_in,
    sign_out,
)
from tests.fakes.clock import FakeClock
from tests.fakes.store import FakeStore
from tests.fakes.tokens import FakeTokens


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def desk(clock: FakeClock, store: FakeStore) -> TokenDesk:
    return TokenDesk(FakeTokens(store), clock, "shop")


async def known(desk: TokenDesk, made: Created) -> Token:
    found = await holder(desk, made.secret)
    assert found is not None
    return found


async def test_a_new_token_opens_and_no_two_are_alike(desk: TokenDesk) -> None:
    ada, bob = await create(desk, "ada", Role.OPERATOR, "root"), await create(desk, "bob", Role.VIEWER, "ada")
    assert (await known(desk, ada)).name == "ada"
    assert (await known(desk, bob)).role is Role.VIEWER
    assert len({ada.secret, bob.secret, ada.token.id, bob.token.id}) == 4
    assert ada.secret not in repr(ada)
    assert [token.name for token in await listed(desk)] == ["ada", "bob"]


async def test_what_is_nearly_a_token_opens_nothing(desk: TokenDesk) -> None:
    made, other = await create(desk, "ada", Role.ADMIN, "root"), await create(desk, "bob", Role.ADMIN, "root")
    head, _, secret = made.secret.rpartition("_")
    changed = ("A" if secret[0] != "A" else "B") + secret[1:]
    for text in (f"{head}_{changed}", f"{head}_{other.secret[-43:]}", made.secret[:-1], f"{made.secret}x", "", "ada"):
        assert await holder(desk, text) is None, text


async def test_after_its_time_or_revoked_it_opens_nothing(desk: TokenDesk, clock: FakeClock) -> None:
    short, long = (
        await create(desk, "short", Role.VIEWER, "root", 60.0),
        await create(desk, "long", Role.VIEWER, "root"),
    )
    await clock.advance(59.0)
    assert await holder(desk, short.secret) is not None
    await clock.advance(1.0)
    assert await holder(desk, short.secret) is None
    assert "long is revoked" in await revoke(desk, "long", "ada")
    assert await holder(desk, long.secret) is None


async def test_its_use_is_noted_to_the_hour(desk: TokenDesk, clock: FakeClock) -> None:
    made = await create(desk, "ada", Role.VIEWER, "root")
    noted = []
    for _ in range(4):
        await known(desk, made)
        noted.append((await listed(desk))[0].used_at)
        await clock.advance(1800.0)
    first = noted[0]
    assert first is not None
    assert first % 3600 == 0
    assert 0 <= clock.now() - 7200 - first < 3600
    assert sorted(set(noted), key=lambda at: at or 0) == sorted(
        {first, first + 3600, noted[-1]}, key=lambda at: at or 0
    )


async def test_a_store_that_takes_no_writes_keeps_nobody_out(desk: TokenDesk) -> None:
    class ReadOnly(FakeTokens):
        async def note_use(self, id_: str, at: float) -> None:
            raise StoreError("the disk is full", "make room")

    read_only = TokenDesk(ReadOnly(FakeStore()), desk.clock, "shop")
    made = await create(read_only, "ada", Role.OPERATOR, "root")
    assert (await known(read_only, made)).name == "ada"


async def test_a_session_ends_after_a_day_or_with_its_token_or_when_told(desk: TokenDesk, clock: FakeClock) -> None:
    long, short = (
        await create(desk, "long", Role.OPERATOR, "root"),
        await create(desk, "short", Role.VIEWER, "root", 60.0),
    )
    cookies = [(await sign_in(desk, (await known(desk, made))))[0] for made in (long, long, short)]
    found = [await session(desk, cookie) for cookie in cookies]
    assert [(each.name, each.role) if each else None for each in found] == [
        ("long", Role.OPERATOR),
        ("long", Role.OPERATOR),
        ("short", Role.VIEWER),
    ]
    await clock.advance(60.0)
    assert await session(desk, cookies[2]) is None
    await sign_out(desk, cookies[0])
    assert await session(desk, cookies[0]) is None
    assert await session(desk, cookies[1]) is not None
    await clock.advance(SESSION_S)
    assert await session(desk, cookies[1]) is None


async def test_a_link_begins_the_session_that_it_is_good_for(desk: TokenDesk, clock: FakeClock) -> None:
    granted = Session("ada by link", Role.OPERATOR, clock.now() + 5)
    cookie, begun = await sign_in(desk, granted)
    assert begun == granted == await session(desk, cookie)
    assert await session(desk, cookie + "x") is None
