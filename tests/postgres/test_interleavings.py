"""Whatever both versions write, and whenever: the two sides of a row agree, and are what the rules say."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abreast.postgres.patience import Patience
from tests.postgres import sync_model as model
from tests.postgres.interleaving import NEITHER, NEW, OLD, Act, Kind, Shop
from tests.postgres.sync_model import Row, Value

VALUES: dict[str, st.SearchStrategy[Value]] = {
    "name": st.sampled_from(["A", "b", " C "]),
    "label": st.sampled_from([None, "l", "m"]),
    "price": st.sampled_from([None, Decimal("1.00"), Decimal("2.50")]),
    "size": st.sampled_from([None, "S", "XL", "x"]),
    "note": st.sampled_from([None, "n", "of A"]),
    "_abreast_price": st.sampled_from([None, 100, 5]),
    "_abreast_size": st.sampled_from([None, 1, 2]),
    "_abreast_slug": st.sampled_from([None, "mine", "a"]),
}
KINDS: Final[tuple[Kind, ...]] = ("insert", "update", "update", "update", "upsert", "delete")
KEYS = st.integers(1, 6)
SETTINGS = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], database=None
)


@st.composite
def acts(draw: st.DrawFn, *, both: bool) -> Act:
    """A statement of v1 or of one that is neither; if ``both``, also of v2."""
    writer = draw(st.sampled_from(["v1", *(["v2"] * both), NEITHER]))
    side = writer if writer != NEITHER else draw(st.sampled_from(["v1", *(["v2"] * both)]))
    columns = [*model.SHARED, *(model.OLD if side == "v1" else model.NEW)]
    kind = draw(st.sampled_from(KINDS))
    if kind == "delete":
        return Act("delete", writer, draw(KEYS))
    chosen = draw(st.sets(st.sampled_from(columns)))
    if kind != "update":
        chosen.add("name")
    values = {name: draw(VALUES[name]) for name in columns if name in chosen}
    return Act(kind, writer, draw(KEYS), values)


ROWS = st.dictionaries(
    st.integers(1, 8), st.fixed_dictionaries({name: VALUES[name] for name in (*model.SHARED, *model.OLD)}), max_size=8
).map(lambda rows: [{"id": number, **row} for number, row in rows.items()])
BETWEEN = st.lists(st.lists(acts(both=False), max_size=3), max_size=10)
AFTER = st.lists(acts(both=True), min_size=8, max_size=25)


@pytest.fixture
def shop(database: str) -> Iterator[Shop]:
    with Shop(database) as shop:
        yield shop


def interleave(shop: Shop, rows: list[Row], between: list[list[Act]], after: list[Act], *, undo: bool) -> None:
    """The whole life of a migration, looked at before its end and after."""
    shop.fresh(rows)
    shop.expand(between)
    assert shop.seen("public.products", {name: name for name in model.COLUMNS}) == shop.rows
    for act in after:
        shop.do(act)
    assert shop.divergent() == 0
    assert shop.seen("public.products", {name: name for name in model.COLUMNS}) == shop.rows
    assert shop.seen("public_v1.products", model.V1) == shop.expected(model.V1)
    assert shop.seen("public_v2.products", model.V2) == shop.expected(model.V2)
    shop.leave()
    migrator = shop.migrator(Patience())
    if undo:
        migrator.undo("public", NEW, 0.0)
        assert shop.seen("public.products", model.V1) == shop.expected(model.V1)
    else:
        migrator.contract("public", OLD, 0.0)
        assert shop.seen("public.products", model.V2) == shop.expected(model.V2)


@given(rows=ROWS, between=BETWEEN, after=AFTER, undo=st.booleans())
@settings(SETTINGS, max_examples=40)
def test_both_versions_see_what_the_rules_say(
    shop: Shop, rows: list[Row], between: list[list[Act]], after: list[Act], *, undo: bool
) -> None:
    interleave(shop, rows, between, after, undo=undo)


@pytest.mark.acceptance
@pytest.mark.timeout(1200)
@given(rows=ROWS, between=BETWEEN, after=AFTER, undo=st.booleans())
@settings(SETTINGS, max_examples=1500)
def test_both_versions_see_what_the_rules_say_in_many_more_interleavings(
    shop: Shop, rows: list[Row], between: list[list[Act]], after: list[Act], *, undo: bool
) -> None:
    interleave(shop, rows, between, after, undo=undo)


def row_of(shop: Shop) -> Row:
    (row,) = shop.seen("public.products", {name: name for name in model.COLUMNS}).values()
    return row


A_ROW: Row = {"id": 1, "name": "A", "label": "l", "price": Decimal("2.50"), "size": "XL", "note": "by hand"}


@pytest.fixture
def expanded(each_database: str) -> Iterator[Shop]:
    """One row, seen by both versions, on each major."""
    with Shop(each_database) as shop:
        shop.fresh([A_ROW])
        shop.expand([])
        yield shop


def test_what_v2_customised_survives_an_unrelated_update_of_v1(expanded: Shop) -> None:
    expanded.do(Act("update", "v2", 1, {"_abreast_slug": "mine", "_abreast_size": 7}))
    expanded.do(Act("update", "v1", 1, {"label": "other", "price": Decimal("9.99")}))
    expanded.do(Act("update", "v1", 1, {"name": "B"}))

    row = row_of(expanded)

    assert (row["_abreast_slug"], row["_abreast_size"], row["_abreast_price"]) == ("mine", 7, 999)
    assert row["size"] == "xxxxxxx"
    assert expanded.divergent() == 0


def test_a_lossy_pair_keeps_what_v1_wrote_until_v2_writes_it(expanded: Shop) -> None:
    expanded.do(Act("update", "v2", 1, {"name": "B", "label": None}))
    assert row_of(expanded)["size"] == "XL"

    expanded.do(Act("update", "v2", 1, {"_abreast_size": 2}))  # what it is already
    assert row_of(expanded)["size"] == "XL"

    expanded.do(Act("update", "v2", 1, {"_abreast_size": 3}))
    assert row_of(expanded)["size"] == "xxx"


def test_undo_leaves_what_v1_wrote_to_the_byte(each_database: str) -> None:
    rows: list[Row] = [{**A_ROW, "id": number, "size": size} for number, size in enumerate(["", "XL", None, "é"])]
    with Shop(each_database) as shop:
        shop.fresh(rows)
        shop.expand([[Act("update", "v1", 1, {"price": Decimal("1.00")})]])
        shop.do(Act("update", "v1", 2, {"size": "S"}))
        shop.leave()
        shop.migrator(Patience()).undo("public", NEW, 0.0)

        seen = shop.seen("public.products", model.V1)

    rows[1]["price"], rows[2]["size"] = Decimal("1.00"), "S"
    assert seen == {row["id"]: row for row in rows}


@pytest.mark.parametrize(
    "path", ["public_v2, public", "extra, public_v2, public", 'public_v1, "$user", public_v2', "public", ""]
)
def test_no_search_path_makes_a_writer_another(expanded: Shop, path: str) -> None:
    """Comparing it with the name of a version's schema loses the write of one that has two entries (pgroll #829)."""
    expanded.own.execute("CREATE SCHEMA extra; GRANT USAGE ON SCHEMA extra TO shop_v2")
    expanded.session("v2").execute("SELECT set_config('search_path', %s, false)", [path])
    expanded.do(Act("update", "v2", 1, {"_abreast_price": 123}))
    expanded.do(Act("insert", "v2", 2, {"name": "C"}))

    assert expanded.seen("public.products", {name: name for name in model.COLUMNS}) == expanded.rows
    assert expanded.rows[1]["price"] == Decimal("1.23")
    assert expanded.rows[2]["note"] == "of C"


def test_a_users_trigger_that_changes_a_source_is_followed(expanded: Shop) -> None:
    expanded.own.execute(
        "CREATE FUNCTION public.dearer() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN new.price := new.price + 1; RETURN new; END';"
        "CREATE TRIGGER zz_dearer BEFORE UPDATE OF label ON public.products "
        "FOR EACH ROW EXECUTE FUNCTION public.dearer()"
    )
    expanded.session("v1").execute("UPDATE public_v1.products SET label = 'x'")

    row = row_of(expanded)

    assert (row["price"], row["_abreast_price"]) == (Decimal("3.50"), 350)


def test_a_restore_that_gives_both_sides_is_let_alone(expanded: Shop) -> None:
    row = expanded.rows[1]
    both: Row = {"name": "D", "size": "XXXL", "_abreast_size": 4, "price": None, "_abreast_slug": "mine", "note": None}
    expanded.do(Act("delete", NEITHER, 1))
    expanded.do(Act("insert", NEITHER, 1, {**row, **both}))

    assert row_of(expanded) == {**row, **both, "id": 1}


def test_replication_that_silences_triggers_does_not_silence_ours(expanded: Shop) -> None:
    writer = expanded.session(NEITHER)
    writer.execute("SET session_replication_role = replica")
    writer.execute("UPDATE public.products SET price = 4")

    row = row_of(expanded)

    assert (row["price"], row["_abreast_price"]) == (Decimal("4.00"), 400)


def test_versions_that_write_the_same_row_at_once_end_in_step(expanded: Shop) -> None:
    """Each waits for the other's lock, and then derives from the row that it finds."""
    one, two = expanded.session("v1"), expanded.session("v2")
    one.execute("BEGIN")
    one.execute("UPDATE public_v1.products SET price = 7 WHERE id = 1")
    two.execute("SET lock_timeout = '50ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        two.execute("UPDATE public_v2.products SET price = price + 1 WHERE id = 1")
    one.execute("COMMIT")
    two.execute("UPDATE public_v2.products SET price = price + 1 WHERE id = 1")

    assert row_of(expanded)["price"] == Decimal("7.01")
    assert expanded.divergent() == 0
