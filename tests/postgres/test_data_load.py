"""A small table migrates under load and nobody notices; the full size is in tests/acceptance."""

from tests.fakes.postgres import Servers
from tests.postgres.data_load import migrate_under_load


def test_nobody_notices_a_migration_under_load(servers: Servers, database: str) -> None:
    told = migrate_under_load(database, servers[18].home / "log", rows=3000, spell_s=0.3, tell=lambda _: None)

    assert told.errors == ()
    assert told.deadlocks == 0
    assert told.waits == ()
    assert told.counted == told.stock > 100
    assert (told.divergent, told.unlike) == (0, 0)
