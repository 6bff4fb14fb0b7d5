"""What people do with the data of two versions, over a real database: which version is meant, and what is refused."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from abreast.model.errors import DatabaseError, MigrationError, RefusedError, SpecError, UsageError
from abreast.operations.data import opened
from abreast.postgres import records
from abreast.schema.names import Relation
from abreast.schema.repair import Verdict
from abreast.spec_source import load_spec
from tests.fakes.data_shop import NOTE, DataShop

PRODUCTS = Relation("public", "products")


@pytest.fixture
def shop(tmp_path: Path, database: str) -> DataShop:
    return DataShop.made(tmp_path, database)


@pytest.fixture
def expanded(shop: DataShop) -> DataShop:
    """Both versions can run."""
    with shop.opened() as data:
        assert data.expand(None, None).phase == "expanded"
    return shop


@contextmanager
def refused(error: type[UsageError | RefusedError], what: str, remedy: str) -> Iterator[None]:
    with pytest.raises(error) as raised:
        yield
    assert what in raised.value.message
    assert remedy in raised.value.remedy


def second(shop: DataShop) -> None:
    """The next release has a migration as well."""
    shop.write("note.yaml", NOTE)
    shop.spec("v1", "v2", "v3", migrations={"v2": "cents.yaml", "v3": "note.yaml"})


def phase(shop: DataShop) -> str:
    with shop.opened() as data:
        migration = data.status().migration
    return migration.phase if migration else ""


def test_a_spec_without_data_names_no_database(tmp_path: Path) -> None:
    tmp_path.joinpath("abreast.yaml").write_text("service: shop\nversions: {v1: {run: 'true'}}\n", encoding="utf-8")
    spec = load_spec(tmp_path / "abreast.yaml")
    with (
        refused(UsageError, "the spec has no `data`", "data: {url: postgresql:///"),
        opened(spec, lambda *_: None),
    ):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:s3cret%40x@127.0.0.1:1/shop",
        "host=127.0.0.1 port=1 user=app password=s3cret@x dbname=shop",
        "postgresql://app:s3cret%40x@/nowhere?host={socket}",
    ],
)
def test_a_database_that_does_not_answer_is_named_without_its_password(shop: DataShop, url: str) -> None:
    socket = re.search(r"host=([^&]+)", shop.url)
    assert socket
    shop.spec(url=url.format(socket=socket[1]))
    with pytest.raises(DatabaseError, match=r"connecting to (shop|nowhere) at ") as raised, shop.opened():
        pass
    assert "s3cret" not in str(raised.value)
    assert raised.value.exit_code == 14


def test_an_address_that_is_none_is_refused_without_its_password(shop: DataShop) -> None:
    shop.spec(url="postgresql://app:s3cret@[half/shop")
    with pytest.raises(SpecError, match=r"data\.url: ") as raised, shop.opened():
        pass
    assert "s3cret" not in str(raised.value)


def test_the_only_version_with_a_migration_is_meant_and_stable_runs_beside_it(shop: DataShop) -> None:
    with shop.opened() as data:
        plan = data.plan(None, None)
    assert (plan.old_version, plan.new_version) == ("v1", "v2")
    assert [Path(file).name for file in plan.files] == ["cents.yaml"]
    assert phase(shop) == ""


def test_the_migration_under_way_is_meant_and_its_plan_is_the_one_that_was_kept(expanded: DataShop) -> None:
    expanded.write("cents.yaml", NOTE)
    second(expanded)
    with expanded.opened() as data:
        assert (data.candidate(None), data.previous(None, "v2")) == ("v2", "v1")
        assert data.plan(None, None) == data.under_way("look").plan
        assert data.plan("v2", None).tables


def test_another_migration_waits_for_the_end_of_the_one_under_way(expanded: DataShop) -> None:
    second(expanded)
    with expanded.opened() as data, refused(RefusedError, "the migration to v2 is expanded: none to v3", "contract"):
        data.expand("v3", None)


def test_what_is_contracted_is_not_due_again_and_the_next_runs_beside_it(expanded: DataShop) -> None:
    with expanded.opened() as data:
        assert data.contract().phase == "contracted"
    with expanded.opened() as data, refused(UsageError, "no version has migrations to expand", "`data.migrations`"):
        data.plan(None, None)
    second(expanded)
    with expanded.opened() as data:
        plan = data.plan(None, None)
        assert (plan.old_version, plan.new_version) == ("v2", "v3")
        data.expand(None, None)
        data.contract()
        with refused(UsageError, "no version has migrations to expand", "`data.migrations`"):
            data.candidate(None)
        assert records.contracted(data.connection, "public") == {"v2", "v3"}
        assert records.contracted(data.connection, "other") == set()


def test_what_was_undone_is_due_again(expanded: DataShop) -> None:
    with expanded.opened() as data:
        assert data.undo().phase == "undone"
        assert (data.candidate(None), data.previous(None, "v2")) == ("v2", "v1")
        assert data.expand(None, None).phase == "expanded"


def test_several_versions_with_migrations_are_asked_about(shop: DataShop) -> None:
    second(shop)
    with shop.opened() as data:
        with refused(UsageError, "several versions have migrations: v2, v3", "name the version"):
            data.plan(None, None)
        assert data.plan("v3", None).new_version == "v3"
        assert data.plan("v3", "v2").old_version == "v2"


def test_a_candidate_that_is_stable_needs_to_hear_what_runs_beside_it(shop: DataShop) -> None:
    shop.spec(stable="v2")
    with shop.opened() as data:
        with refused(UsageError, "v2 is the spec's stable version", "--from VERSION"):
            data.plan(None, None)
        with refused(UsageError, "v2 cannot run beside itself", "name two versions"):
            data.plan(None, "v2")
        assert data.plan(None, "v1").old_version == "v1"


@pytest.mark.parametrize("ask", ["version", "role", "fence", "unfence", "adopt", "candidate"])
def test_a_version_that_the_spec_has_not_is_refused_with_those_it_has(shop: DataShop, ask: str) -> None:
    with shop.opened() as data, refused(UsageError, "no version is called 'v9'; the spec has: v1, v2", "one of these"):
        getattr(data, ask)("v9")


def test_every_fault_of_a_migration_is_told_and_nothing_is_begun(shop: DataShop) -> None:
    shop.write("cents.yaml", "operations: [{drop_column: {table: nothing, column: a}}, {drop_table: {name: none}}]\n")
    with shop.opened() as data, pytest.raises(MigrationError) as raised:
        data.expand(None, None)
    assert {word for fault in raised.value.faults for word in ("nothing", "none") if word in fault.message} == {
        "nothing",
        "none",
    }
    assert phase(shop) == ""


def test_adopting_gives_the_version_that_runs_its_own_side(shop: DataShop) -> None:
    with shop.opened() as data:
        adopted = data.adopt("v1")
        assert (adopted.role, adopted.views) == ("shop_v1", "public_v1")
        assert data.role("v1").sided
    assert shop.run("SELECT current_setting('abreast.version'), count(*) FROM products", user="shop_v1") == [("v1", 3)]


def test_a_role_of_the_specs_own_is_taken(shop: DataShop) -> None:
    shop.spec(roles={"v1": "legacy app"})
    with shop.opened() as data:
        assert data.adopt("v1").role == "legacy app"
    assert shop.run("SELECT count(*) FROM products", user="legacy app") == [(3,)]


def test_the_side_that_goes_must_not_be_connected(expanded: DataShop) -> None:
    with expanded.session("shop_v1"), expanded.opened() as data:
        with refused(RefusedError, "v1 is connected as shop_v1: 1 session", "stop v1 first; nothing was changed"):
            data.contract()
        assert data.undo().phase == "undone"
    with expanded.opened() as data:
        data.expand(None, None)
        with expanded.session("shop_v2"), refused(RefusedError, "v2 is connected as shop_v2", "stop v2 first"):
            data.undo()
        data.contract()
    assert expanded.run("SELECT price FROM products ORDER BY id", user="shop_v2") == [(100,), (250,), (7,)]


@pytest.mark.parametrize("verb", ["contract", "undo", "check"])
def test_without_a_migration_there_is_nothing_to_end_or_check(shop: DataShop, verb: str) -> None:
    with shop.opened() as data, refused(RefusedError, f"nothing to {verb}: no migration of public", "data status"):
        getattr(data, verb)()


def test_an_ended_migration_is_named_by_what_is_refused(expanded: DataShop) -> None:
    with expanded.opened() as data:
        data.undo()
        with refused(RefusedError, "the last, to v2, is undone", "data status"):
            data.mend("old")


@pytest.mark.parametrize("stands", ["expanding", "contracting", "undoing"])
def test_rows_are_not_checked_while_one_side_is_not_whole(expanded: DataShop, stands: str) -> None:
    verb = {"expanding": "expand", "contracting": "contract", "undoing": "undo"}[stands]
    with expanded.opened() as data:
        data.connection.execute("UPDATE abreast.migration SET phase = %s", [stands])
        with refused(RefusedError, f"nothing to check: the migration to v2 is {stands}", f"abreast data {verb}"):
            data.check()
        with refused(RefusedError, f"nothing to mend: the migration to v2 is {stands}", f"abreast data {verb}"):
            data.mend("new")


def test_contradictions_are_found_told_and_mended(expanded: DataShop) -> None:
    expanded.contradict("id < 3")
    with expanded.opened() as data:
        (found,) = data.check(1)
        assert (found.relation, found.rows, found.divergent, len(found.found)) == (PRODUCTS, 3, 2, 1)
        assert data.mend("new") == 2
        assert [table.divergent for table in data.check()] == [0]
        assert data.mend("new") == 0
    assert [row[1] for row in expanded.sides()] == ["1.01", "2.51", "0.07"]


def test_fence_and_unfence(expanded: DataShop) -> None:
    with expanded.opened() as data:
        assert 0 < data.fence("v2") < 5
        assert not data.role("v2").writes
        data.unfence("v2")
        assert data.role("v2").writes


def test_the_journal_begins_with_the_migration_and_follows_the_tables(shop: DataShop) -> None:
    shop.spec(tags=["products"])
    with shop.opened() as data:
        assert data.status().journalled == ()
        data.expand(None, None)
        assert data.status().journalled == (PRODUCTS,)
    shop.run("UPDATE products SET price = 5 WHERE id = 1", user="shop_v2")
    shop.run("UPDATE products SET price = 6 WHERE id = 2", user="shop_v1")
    with shop.opened() as data:
        (change,) = data.changes("v2", None, ())
        assert (change.key, change.version, change.op) == ('{"id": 1}', "v2", "u")
        data.contract()
    shop.run("UPDATE products SET price = 8 WHERE id = 3", user="shop_v2")
    with shop.opened() as data:
        last = list(data.changes("v2", None, ()))[-1]
        assert '"price": 8' in (last.new or "")


def test_every_table_is_journalled_where_the_spec_says_so(shop: DataShop) -> None:
    shop.run("CREATE TABLE public.orders (id int PRIMARY KEY)")
    shop.spec(tags=True)
    with shop.opened() as data:
        data.journal()
        assert data.status().journalled == ()  # of a database in which no migration was
        data.expand(None, None)
        assert data.status().journalled == (Relation("public", "orders"), PRODUCTS)


def test_changes_of_some_tables_and_of_late(shop: DataShop) -> None:
    shop.run("CREATE TABLE public.orders (id int PRIMARY KEY)")
    shop.spec(tags=True)
    with shop.opened() as data:
        data.expand(None, None)
    shop.run("UPDATE products SET price = 5", "INSERT INTO orders VALUES (1)", user="shop_v2")
    later = datetime.now(UTC) + timedelta(hours=1)
    with shop.opened() as data:
        assert {change.relation.name for change in data.changes("v2", None, ())} == {"orders", "products"}
        assert [change.key for change in data.changes("v2", None, ("orders",))] == ['{"id": 1}']
        assert list(data.changes("v2", later, ())) == []
        assert data.propose("v2", later).rows == ()


def test_what_was_in_a_column_that_is_gone_needs_no_repair(shop: DataShop) -> None:
    shop.write("note.yaml", NOTE)
    shop.spec(tags=["products"], migrations={"v2": "note.yaml"})
    with shop.opened() as data:
        data.expand(None, None)
    bad = ("UPDATE products SET note = 'x' WHERE id = 1", "UPDATE products SET price = 9 WHERE id = 2")
    shop.run(*bad, user="shop_v2")
    with shop.opened() as data:
        data.undo()
        proposal = data.propose("v2", None)
        assert (proposal.counts[Verdict.CLEAN], proposal.counts[Verdict.REPAIRED]) == (1, 1)
        assert data.repair(proposal).restored == 1
    assert shop.run("SELECT id, price::text FROM products ORDER BY id")[1] == (2, "2.50")


def test_tables_that_cannot_be_journalled_are_told_before_anything_is_done(shop: DataShop) -> None:
    shop.run("CREATE TABLE public.pairs (a int, b int)")
    for tags, words in ((True, "public.pairs cannot be journalled: it has no unique"), (["prices"], "no such table")):
        shop.spec(tags=tags)
        with shop.opened() as data:
            with refused(RefusedError, words, "name the others alone under `data.tags`"):
                data.plan(None, None)
            with refused(RefusedError, words, "data.tags"):
                data.expand(None, None)
            assert data.status().migration is None


def test_a_journalled_table_may_be_made_renamed_and_dropped_by_the_migration(shop: DataShop) -> None:
    shop.run("CREATE TABLE public.fines (id int PRIMARY KEY)")
    shop.write(
        "moves.yaml",
        "operations: [{rename_table: {from: products, to: items}}, {drop_table: {name: fines}},"
        " {create_table: {name: shelves, columns: [{name: id, type: int, pk: true}]}}]",
    )
    shop.spec(tags=["products", "fines", "shelves"], migrations={"v2": "moves.yaml"})
    with shop.opened() as data:
        data.expand(None, None)
        shop.run("INSERT INTO shelves VALUES (1)", "UPDATE items SET name = 'x' WHERE id = 1", user="shop_v2")
        data.contract()
        shop.run("UPDATE items SET name = 'y' WHERE id = 1", user="shop_v2")
        assert [change.op for change in data.changes("v2", None, ())] == ["i", "u", "u"]


def test_a_repair_puts_back_what_nobody_has_written_since(shop: DataShop) -> None:
    shop.spec(tags=["products"])
    with shop.opened() as data:
        data.expand(None, None)
    before = shop.sides()
    shop.run("UPDATE products SET price = 5", user="shop_v2")
    shop.run("UPDATE products SET name = 'mine' WHERE id = 1", user="shop_v1")
    with shop.opened() as data:
        proposal = data.propose("v2", None)
        assert (proposal.counts[Verdict.CLEAN], proposal.counts[Verdict.OVERWRITTEN]) == (2, 1)
        assert data.repair(proposal).restored == 2
        assert data.repair(data.propose("v2", None)).restored == 0
    assert shop.sides()[1:] == before[1:]
    assert shop.sides()[0] == (1, "0.05", 5)
    assert any(what.startswith("putting back rows: ") for what, _ in shop.told)


def test_without_a_journal_there_are_no_changes_to_tell(expanded: DataShop) -> None:
    with expanded.opened() as data:
        with refused(RefusedError, "no journal", "`tags: true`"):
            list(data.changes("v2", None, ()))
        with refused(RefusedError, "no journal", "`tags: true`"):
            data.propose("v2", None)


def test_status_tells_of_the_versions_between_which_it_stands(shop: DataShop) -> None:
    with shop.opened() as data:
        status = data.status()
        assert (status.migration, [role.version for role in status.roles]) == (None, ["v1"])
        data.expand(None, None)
        status = data.status()
        assert [role.version for role in status.roles] == ["v1", "v2"]
        assert [role.sessions for role in status.roles] == [0, 0]
    shop.spec("v2", "v3", stable="v2")
    with shop.opened() as data:
        assert [role.version for role in data.status().roles] == ["v2"]


def test_a_lock_is_waited_for_as_long_as_the_spec_says(expanded: DataShop) -> None:
    expanded.spec(lock_timeout="50ms", backfill={"pause": 2})
    with expanded.opened() as data:
        assert data.patience().lock_timeout_ms == 50
        migrator = data.migrator()
        assert (migrator.pace.rest, migrator.patience.lock_timeout_ms) == (2.0, 50)
