from sqlalchemy import make_url
from sqlalchemy.schema import CreateIndex, CreateTable

from abreast.store.tables import EVENTS, METADATA

DIALECTS = {name: make_url(f"{name}://").get_dialect()() for name in ("sqlite", "postgresql")}


def test_every_table_can_be_made_in_both_databases() -> None:
    for table in METADATA.sorted_tables:
        for dialect in DIALECTS.values():
            made = str(CreateTable(table).compile(dialect=dialect))
            assert f"CREATE TABLE {table.name}" in made
            assert "PRIMARY KEY" in made


def test_event_ids_count_up_in_both_databases() -> None:
    made = str(CreateTable(EVENTS).compile(dialect=DIALECTS["postgresql"]))
    assert "id BIGSERIAL" in made
    made = str(CreateTable(EVENTS).compile(dialect=DIALECTS["sqlite"]))
    assert "id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT" in made


def test_a_services_events_are_found_by_index() -> None:
    (index,) = EVENTS.indexes
    assert "(service, id)" in str(CreateIndex(index))


def test_every_constraint_but_single_keys_has_a_name_so_that_a_migration_can_change_it() -> None:
    for table in METADATA.sorted_tables:
        for constraint in table.constraints:
            assert constraint.name is not None or len(table.primary_key.columns) == 1
