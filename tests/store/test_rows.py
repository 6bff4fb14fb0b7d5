from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import ClauseElement, Connection, create_engine, event, func, make_url, select

from abreast.model.errors import ConflictError
from abreast.model.rollout import Phase
from abreast.ports import VersionCounts
from abreast.store import rows
from abreast.store.tables import COUNTS, METADATA, ROLLOUTS
from tests.contracts.test_store import a_rollout, an_event

POSTGRESQL = make_url("postgresql://").get_dialect()()


@pytest.fixture
def said() -> list[str]:
    """Every statement that was executed, as PostgreSQL would be told it."""
    return []


@pytest.fixture
def connection(said: list[str]) -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)

    def compile_for_postgresql(_connection: Connection, statement: ClauseElement, *_: object) -> None:
        said.append(str(statement.compile(dialect=POSTGRESQL)))

    event.listen(engine, "before_execute", compile_for_postgresql)
    with engine.begin() as opened:
        yield opened
    engine.dispose()


def test_every_statement_can_be_said_in_postgresql_too(connection: Connection, said: list[str]) -> None:
    saved = rows.save_rollout(connection, a_rollout(), [an_event()])
    rows.save_rollout(connection, saved, [])
    rows.newest_rollout(connection, "shop")
    rows.all_rollouts(connection, "shop")
    rows.newest_events(connection, "shop", 5, 0)
    for _ in range(2):
        rows.add_counts(connection, "shop", 1, {"v1": VersionCounts({200: 1})}, keep_minutes=1)
        rows.secret(connection, "name", "fresh")
    rows.counts_since(connection, "shop", 0)
    assert {statement.split()[0] for statement in said} == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert any("FOR UPDATE" in statement for statement in said)


def test_compare_and_set_is_one_statement(connection: Connection, said: list[str]) -> None:
    saved = rows.save_rollout(connection, a_rollout(), [])
    said.clear()
    rows.save_rollout(connection, saved, [])
    assert [statement.split()[0] for statement in said] == ["UPDATE"]
    assert "revision" in said[0].partition("WHERE")[2]


def test_a_conflict_says_which_rollout_and_revision_and_what_to_do(connection: Connection) -> None:
    saved = rows.save_rollout(connection, a_rollout(), [])
    with pytest.raises(ConflictError, match="shop: rollout 0 is no longer at revision 5") as refused:
        rows.save_rollout(connection, replace(saved, revision=5), [])
    assert "abreast status" in refused.value.remedy
    with pytest.raises(ConflictError, match="shop: rollout 4 cannot begin: the next one is number 1"):
        rows.save_rollout(connection, a_rollout(4), [])
    with pytest.raises(ConflictError, match="shop: rollout 1 cannot begin: v1 serves since rollout 0, not v9"):
        rows.save_rollout(connection, a_rollout(1, stable="v9"), [])
    rows.save_rollout(connection, a_rollout(1, phase=Phase.PAUSED), [])
    with pytest.raises(ConflictError, match="shop: rollout 2 cannot begin: rollout 1 is paused"):
        rows.save_rollout(connection, a_rollout(2), [])


def test_people_who_read_the_table_see_phase_and_revision(connection: Connection) -> None:
    saved = rows.save_rollout(connection, a_rollout(), [])
    rows.save_rollout(connection, saved, [])
    columns = (ROLLOUTS.c.service, ROLLOUTS.c.number, ROLLOUTS.c.revision, ROLLOUTS.c.phase)
    assert connection.execute(select(*columns)).all() == [("shop", 0, 2, "completed")]


def test_one_write_of_counts_drops_at_most_a_few_old_minutes_of_all_services(connection: Connection) -> None:
    for minute in range(20):
        for service in ("shop", "till"):
            rows.add_counts(connection, service, minute, {"v1": VersionCounts()}, keep_minutes=10_000)
    left = []
    for _ in range(4):
        rows.add_counts(connection, "shop", 1000, {"v1": VersionCounts()}, keep_minutes=10)
        left.append(connection.execute(select(func.count()).select_from(COUNTS)).scalar_one() - 1)
    step = 2 * rows.PRUNED_MINUTES
    assert left == [40 - step, 40 - 2 * step, 40 - 3 * step, 0]


def test_exactly_the_set_time_is_kept(connection: Connection) -> None:
    for minute in (989, 990, 991):
        rows.add_counts(connection, "shop", minute, {"v1": VersionCounts()}, keep_minutes=10_000)
    rows.add_counts(connection, "shop", 1000, {}, keep_minutes=10)
    assert [minute for minute, _, _ in rows.counts_since(connection, "shop", 0)] == [990, 991]
