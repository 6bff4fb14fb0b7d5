"""Links that sign in once."""

from abreast.api.links import LINK_S, MOST_LINKS, Links
from abreast.model.token import Role
from abreast.operations.tokens import SESSION_S
from tests.fakes.clock import FakeClock


def test_a_link_is_good_once_for_an_operators_session() -> None:
    clock = FakeClock()
    links = Links(clock)
    secret, other = links.make("ada by link"), links.make("ada by link")
    assert secret != other
    session = links.redeem(secret)
    assert session is not None
    assert (session.name, session.role, session.token) == ("ada by link", Role.OPERATOR, None)
    assert session.expires_at == clock.now() + SESSION_S
    assert links.redeem(secret) is None
    assert links.redeem(other) is not None
    assert links.redeem("guessed") is None


async def test_a_link_that_was_never_opened_is_too_old_one_day() -> None:
    clock = FakeClock()
    links = Links(clock)
    early, late = links.make("ada"), links.make("ada")
    await clock.advance(LINK_S - 1)
    assert links.redeem(early) is not None
    await clock.advance(1)
    assert links.redeem(late) is None


def test_the_oldest_links_go_first_and_no_secret_is_kept() -> None:
    links = Links(FakeClock())
    secrets = [links.make("ada") for _ in range(MOST_LINKS + 1)]
    assert not any(secret in repr(vars(links)) for secret in secrets)
    assert links.redeem(secrets[0]) is None
    assert links.redeem(secrets[1]) is not None
