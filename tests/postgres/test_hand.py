"""One hand at a time in a real database: a newer token ends the sessions of older ones, and they never come back."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import psycopg
import pytest

from abreast.model.errors import DatabaseError, LeaseLostError, RefusedError
from abreast.postgres import hand as module
from abreast.postgres import records
from abreast.postgres.connection import Connection, connected
from abreast.postgres.hand import Hand, claim

LONG = "a-service-whose-name-is-longer-than-what-postgresql-keeps-of-a-name-at-all"

Begin = Callable[[str, int], Connection]


@pytest.fixture
def begin(database: str) -> Iterator[Begin]:
    """Begins a session of that service's hand with that token; it may be ended by others."""
    with suppress(DatabaseError, psycopg.OperationalError), ExitStack() as stack:

        def begun(service: str, token: int) -> Connection:
            hand = Hand(service, token)
            connection = stack.enter_context(connected(database, application_name=hand.session))
            claim(connection, hand)
            return connection

        yield begun


def lives(connection: Connection) -> bool:
    """Whether the server still has the session."""
    try:
        return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_a_newer_one_ends_the_older_ones_sessions_and_they_are_refused_from_then_on(begin: Begin) -> None:
    old = begin("shop", 3)
    new = begin("shop", 4)
    assert (lives(old), lives(new)) == (False, True)
    with pytest.raises(LeaseLostError) as refused:
        begin("shop", 3)
    assert "a server with a newer token has the hand in the database (token 4, this one has 3)" in str(refused.value)
    assert refused.value.remedy.endswith("DELETE FROM abreast.hand WHERE service = 'shop'")
    assert lives(new)


def test_what_an_older_one_has_begun_is_rolled_back(begin: Begin) -> None:
    old = begin("shop", 1)
    old.execute("BEGIN; CREATE TABLE public.half (id int)")
    assert begin("shop", 2).execute("SELECT to_regclass('public.half')").fetchone() == (None,)


def test_one_that_computes_is_ended_before_the_claim_returns(begin: Begin) -> None:
    old = begin("shop", 1)
    ended: list[Exception] = []

    def compute() -> None:
        try:
            old.execute("SELECT pg_sleep(60)")
        except psycopg.Error as error:
            ended.append(error)

    thread = threading.Thread(target=compute)
    thread.start()
    query = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
    assert begin("shop", 2).execute(query, [old.info.backend_pid]).fetchone() == (0,)
    thread.join(20)
    assert len(ended) == 1


def test_the_same_hand_has_several_sessions(begin: Begin) -> None:
    assert all([lives(begin("shop", 7)), lives(begin("shop", 7))])


@pytest.mark.parametrize("other", ["shop-x", "sho", LONG[:-1], LONG + "-x"])
def test_hands_of_other_services_stay(begin: Begin, other: str) -> None:
    beside = begin(other, 1)
    begin(LONG if other.startswith("a-") else "shop", 5)
    assert lives(beside)


def test_a_long_name_is_recognised_as_the_server_cuts_it(begin: Begin) -> None:
    old = begin(LONG, 9)
    begin(LONG, 10)
    assert not lives(old)


def test_other_sessions_stay_whatever_they_are_called(database: str, begin: Begin) -> None:
    with connected(database, application_name="abreast hand of nobody") as strange, connected(database) as own:
        begin("shop", 5)
        assert (lives(strange), lives(own)) == (True, True)


def test_it_needs_no_right_to_make_a_schema_once_that_is_there(database: str, begin: Begin) -> None:
    owner = begin("shop", 1)
    records.prepare(owner)
    owner.execute("CREATE ROLE hand_alone LOGIN")
    try:
        owner.execute("GRANT USAGE ON SCHEMA abreast TO hand_alone")
        owner.execute("GRANT SELECT, INSERT, UPDATE ON abreast.hand TO hand_alone")
        with connected(psycopg.conninfo.make_conninfo(database, user="hand_alone")) as connection:
            claim(connection, Hand("cart", 2))
    finally:
        owner.execute("DROP OWNED BY hand_alone; DROP ROLE hand_alone")


def test_a_session_that_does_not_end_is_named_and_the_claim_refused(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "END_MS", 50)
    old = begin("shop", 1)
    pid = old.info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(RefusedError) as refused:
            begin("shop", 2)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert f"process {pid} in the database, of the server that decided before (token 1), does" in str(refused.value)
    begin("shop", 2)
    assert not lives(old)
