"""What every keeper of tokens does: the same suite over the one in memory and the one in a file."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from abreast.model.errors import RefusedError, StoreError, UsageError
from abreast.model.event import EventKind
from abreast.model.token import Role, Session, Token
from abreast.ports import Store, Tokens
from abreast.store.sqlite import open_store
from abreast.store.tokens import SqlTokens
from tests.contracts.test_store import a_rollout
from tests.fakes.store import FakeStore
from tests.fakes.tokens import FakeTokens

ADA = Token("0" * 12, "ada", Role.OPERATOR, created_at=5.0, created_by="root", expires_at=90.5)
BOB = Token("1" * 12, "bob", Role.VIEWER, created_at=6.0, created_by="ada")


@dataclass(frozen=True)
class Both:
    """A keeper of tokens, and the store whose audit log it shares."""

    tokens: Tokens
    store: Store


@pytest.fixture(params=["memory", "sqlite"])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Both]:
    if request.param == "memory":
        fake = FakeStore()
        made = Both(FakeTokens(fake), fake)
    else:
        real = await open_store(tmp_path / "state" / "abreast.db")
        made = Both(SqlTokens(real), real)
    yield made
    await made.store.close()


async def told(both: Both) -> list[tuple[float, int, str, str]]:
    """The audit log's rows about tokens."""
    events = [event for _, event in await both.store.events("shop") if event.kind is EventKind.TOKEN]
    return [(event.at, event.rollout, event.actor, event.reason) for event in events]


async def test_tokens_come_back_as_they_went_in_by_name(both: Both) -> None:
    await both.tokens.create_token("shop", BOB, "hash-b")
    await both.tokens.create_token("shop", ADA, "hash-a")
    assert list(await both.tokens.tokens()) == [ADA, BOB]
    assert await both.tokens.token(BOB.id) == (BOB, "hash-b")
    assert await both.tokens.token("2" * 12) is None


async def test_a_name_is_given_once_until_it_is_revoked(both: Both) -> None:
    await both.tokens.create_token("shop", ADA, "hash")
    again = Token("3" * 12, "ada", Role.ADMIN, 7.0, "eve")
    with pytest.raises(RefusedError, match="a token 'ada' already"):
        await both.tokens.create_token("shop", again, "other")
    assert list(await both.tokens.tokens()) == [ADA]
    await both.tokens.revoke_token("shop", "ada", 8.0, "root")
    await both.tokens.create_token("shop", again, "other")
    assert list(await both.tokens.tokens()) == [again]


async def test_an_unknown_name_is_told_with_those_there_are(both: Both) -> None:
    await both.tokens.create_token("shop", ADA, "hash")
    with pytest.raises(UsageError, match="no token is called 'eve'; there are: ada"):
        await both.tokens.revoke_token("shop", "eve", 8.0, "root")
    assert list(await both.tokens.tokens()) == [ADA]


async def test_every_change_is_an_event_of_the_newest_rollout(both: Both) -> None:
    await both.store.save(a_rollout(), [])
    await both.store.save(a_rollout(1), [])
    await both.tokens.create_token("shop", ADA, "hash")
    await both.tokens.revoke_token("shop", "ada", 8.0, "eve")
    assert await told(both) == [
        (5.0, 1, "root", "token ada (operator) was created"),
        (8.0, 1, "eve", "token ada was revoked, with the sessions that it opened"),
    ]


async def test_what_was_changed_before_the_first_rollout_waits_for_it(both: Both) -> None:
    await both.tokens.create_token("shop", ADA, "hash")
    await both.tokens.create_token("elsewhere", BOB, "hash")
    await both.tokens.record_pending("shop")
    await both.store.save(a_rollout(), [])
    for _ in range(2):
        await both.tokens.record_pending("shop")
        assert await told(both) == [(5.0, 0, "root", "token ada (operator) was created")]


async def test_a_use_is_remembered(both: Both) -> None:
    await both.tokens.create_token("shop", ADA, "hash")
    await both.tokens.note_use(ADA.id, 3600.0)
    assert [token.used_at for token in await both.tokens.tokens()] == [3600.0]


async def test_sessions_end_when_told_and_with_their_token(both: Both) -> None:
    await both.tokens.create_token("shop", ADA, "hash")
    by_token, by_link = Session("ada", Role.OPERATOR, 90.0, ADA.id), Session("eve", Role.OPERATOR, 90.0)
    for hashed, session in (("s1", by_token), ("s2", by_token), ("s3", by_link)):
        await both.tokens.create_session(hashed, session, 10.0)
    assert await both.tokens.session("s1") == by_token
    assert await both.tokens.session("s3") == by_link
    await both.tokens.end_session("s1")
    await both.tokens.end_session("s1")
    assert await both.tokens.session("s1") is None
    await both.tokens.revoke_token("shop", "ada", 11.0, "root")
    assert await both.tokens.session("s2") is None
    assert await both.tokens.session("s3") == by_link


async def test_sessions_past_their_time_go_when_others_come(both: Both) -> None:
    await both.tokens.create_session("old", Session("ada", Role.VIEWER, 20.0), 10.0)
    await both.tokens.create_session("new", Session("ada", Role.VIEWER, 90.0), 20.0)
    assert await both.tokens.session("old") is None
    assert await both.tokens.session("new") is not None


async def test_a_closed_store_refuses(both: Both) -> None:
    await both.store.close()
    with pytest.raises(StoreError):
        await both.tokens.tokens()
    with pytest.raises(StoreError):
        await both.tokens.create_token("shop", ADA, "hash")
