"""``abreast data`` as people type it, over a real database: what is printed, what is asked, and how it ends."""

import io
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from abreast.cli import data as data_commands
from tests.cli.plane import Run
from tests.fakes.data_shop import DataShop

CONNECT = "postgresql://shop_v2@HOST/DATABASE (a password of its own: \\password shop_v2 in psql)"


@pytest.fixture
def shop(short_tmp: Path, database: str) -> DataShop:
    return DataShop.made(short_tmp, database)


@pytest.fixture
def expanded(shop: DataShop) -> DataShop:
    """Both versions can run; writes are journalled."""
    shop.spec(tags=["products"])
    with shop.opened() as data:
        data.expand(None, None)
    return shop


class Terminal(io.StringIO):
    """Somebody who types this."""

    def isatty(self) -> bool:
        """Somebody is there."""
        return True


def test_without_a_verb_it_lists_them(abreast: Run) -> None:
    ended = abreast("data")
    for verb in (*("plan", "adopt", "expand", "status", "contract", "undo", "check", "changes"), "repair", "fence"):
        assert f"  {verb} " in ended.out + ended.err
    assert abreast("data", "--help").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["plan"],
        ["adopt", "v1"],
        ["expand"],
        ["status"],
        ["contract", "--yes"],
        ["undo", "--yes"],
        ["check"],
        ["changes", "v2"],
        ["repair", "v2"],
        ["fence", "v2"],
        ["unfence", "v2"],
    ],
)
def test_no_verb_goes_without_a_database_that_answers(shop: DataShop, abreast: Run, words: list[str]) -> None:
    shop.write("abreast.yaml", "service: shop\nversions: {v1: {run: 'true'}, v2: {run: 'true'}}\n")
    ended = abreast("data", *words)
    assert (ended.code, ended.out) == (2, "")
    assert "error: the spec has no `data`" in ended.err
    shop.spec(url="postgresql://app:s3cret@127.0.0.1:1/shop")
    ended = abreast("data", *words)
    assert (ended.code, ended.out) == (14, "")
    assert "error: connecting to shop at 127.0.0.1:1: " in ended.err
    assert "see that PostgreSQL runs" in ended.err
    assert "s3cret" not in ended.err


def test_no_spec_is_an_error_that_says_how_to_write_one(abreast: Run) -> None:
    ended = abreast("data", "status")
    assert (ended.code, ended.out) == (2, "")
    assert "abreast init" in ended.err


def test_a_plan_is_sql_with_its_locks_and_changes_nothing(shop: DataShop, abreast: Run) -> None:
    ended = abreast("data", "plan")
    assert (ended.code, ended.err) == (0, "")
    titles = [line for line in ended.out.splitlines() if line.startswith(("-- expand", "-- contract", "-- undo"))]
    assert titles == [
        "-- expand: v2 can run beside v1 then",
        "-- contract: v2 alone; what only v1 saw is dropped. It waits until v1 is not connected, and is asked for",
        "-- undo: v1 alone; what only v2 saw is dropped. It waits until v2 is not connected, and is asked for",
    ]
    assert "waits for it 200 ms at most, then tries again" in ended.out
    assert "in batches by id, each a transaction: SET _abreast_price = " in ended.out
    assert 'ALTER TABLE "public"."products" ADD COLUMN "_abreast_price" bigint;' in ended.out
    assert shop.run("SELECT count(*) FROM pg_namespace WHERE nspname ~ 'abreast|public_'") == [(0,)]


def test_a_plan_as_json_is_all_of_it(shop: DataShop, abreast: Run) -> None:
    shop.spec("v1", "v2", "v3", migrations={"v3": "cents.yaml"})
    plan = json.loads(abreast("data", "plan", "v3", "--from", "v2", "--json").out)
    assert (plan["old_version"], plan["new_version"]) == ("v2", "v3")
    assert [step["kind"] for step in plan["expand"]].count("backfill") == 1


def test_faults_of_a_migration_are_listed_and_end_with_2(shop: DataShop, abreast: Run) -> None:
    shop.write("cents.yaml", "operations: [{drop_column: {table: nothing, column: a}}, {drop_table: {name: none}}]\n")
    for verb in ("plan", "expand"):
        ended = abreast("data", verb)
        assert (ended.code, ended.out) == (2, "")
        assert "nothing" in ended.err
        assert "cents.yaml: 2 faults" in ended.err


def test_from_adopt_to_contract(shop: DataShop, abreast: Run) -> None:
    assert abreast("data", "status").out.splitlines() == [
        "no migration yet: see abreast data plan",
        "  v1       has no side of its own here: abreast data adopt v1",
        "  journal  no table: abreast data changes and repair need `data.tags`",
    ]
    adopted = abreast("data", "adopt", "v1")
    assert adopted.code == 0
    assert adopted.out.startswith("v1 has the views public_v1 and the role shop_v1\n  → connect it as that role")
    expanded = abreast("data", "expand")
    assert expanded.code == 0
    assert expanded.out == (
        "v2 can run beside v1: views public_v2, role shop_v2\n  → connect it as that role: " + CONNECT + "\n"
    )
    assert "backfill products" in expanded.err
    status = abreast("data", "status").out.splitlines()
    assert status[0].startswith("v1 → v2  expanded since ")
    assert status[1:3] == [
        "  v1       shop_v1, reads and writes, 0 connected",
        "  v2       shop_v2, reads and writes, 0 connected",
    ]
    contracted = abreast("data", "contract", "--yes")
    assert (contracted.code, contracted.out) == (0, "v2 is alone; what only v1 saw is dropped\n")
    ended = abreast("data", "undo", "--yes")
    assert (ended.code, ended.out) == (6, "")
    assert "nothing to undo: no migration of public is under way; the last, to v2, is contracted" in ended.err


def test_status_as_json(expanded: DataShop, abreast: Run) -> None:
    status = json.loads(abreast("data", "status", "--json").out)
    assert status["migration"]["phase"] == "expanded"
    assert [(role["role"], role["writes"]) for role in status["roles"]] == [("shop_v1", True), ("shop_v2", True)]
    assert status["journalled"] == [{"schema": "public", "name": "products"}]


@pytest.mark.parametrize(
    ("verb", "warning"),
    [
        ("contract", "This drops what only v1 sees. v1 cannot run afterwards."),
        ("undo", "This drops what only v2 sees, with what it wrote there. It has to be expanded anew then."),
    ],
)
def test_what_drops_is_asked_for(
    expanded: DataShop, abreast: Run, monkeypatch: pytest.MonkeyPatch, verb: str, warning: str
) -> None:
    alone = abreast("data", verb)
    assert (alone.code, alone.out) == (2, "")
    assert alone.err.startswith(f"error: {warning} Nobody is there to be asked")
    assert "say --yes; nothing was changed" in alone.err
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    refused = abreast("data", verb)
    assert refused.code == 1
    assert f"{warning} Go on?" in refused.err
    assert json.loads(abreast("data", "status", "--json").out)["migration"]["phase"] == "expanded"
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    done = abreast("data", verb)
    assert done.code == 0
    assert "is alone; what only" in done.out
    assert expanded.run("SELECT count(*) FROM pg_attribute WHERE attname ~ '^_abreast'") == [(0,)]


@pytest.mark.parametrize("verb", ["contract", "undo"])
def test_a_side_that_is_connected_is_not_dropped(expanded: DataShop, abreast: Run, verb: str) -> None:
    role = {"contract": "shop_v1", "undo": "shop_v2"}[verb]
    with expanded.session(role):
        ended = abreast("data", verb, "--yes")
    assert (ended.code, ended.out) == (6, "")
    assert f"is connected as {role}: 1 session" in ended.err


def test_check_says_that_all_agree(expanded: DataShop, abreast: Run) -> None:
    ended = abreast("data", "check")
    assert (ended.code, ended.out) == (0, "✔ products: 3 rows looked at, the sides agree\n")
    expanded.contradict()
    ended = abreast("data", "check", "--limit", "1")
    assert ended.code == 15
    assert ended.out.splitlines()[:3] == [
        "✘ products: the sides contradict each other in 3 of 3 rows",
        "    id = 1: price: '100' by the old side, '101' by the new",
        "    and 2 more",
    ]
    assert "abreast data check --mend old, or --mend new" in ended.out


@pytest.mark.parametrize(("right", "price"), [("old", ("1.00", 100)), ("new", ("1.01", 101))])
def test_mending_makes_the_sides_agree_and_is_asked_for(
    expanded: DataShop, abreast: Run, right: str, price: tuple[str, int]
) -> None:
    expanded.contradict("id = 1")
    alone = abreast("data", "check", "--mend", right)
    assert alone.code == 2
    assert f"This makes 1 row again of the {right} side. Nobody is there to be asked" in alone.err
    ended = abreast("data", "check", "--mend", right, "--yes")
    assert ended.code == 0
    assert ended.out.endswith(f"made 1 row again of the {right} side\n")
    assert expanded.sides()[0] == (1, *price)
    assert abreast("data", "check", "--mend", right).code == 0


def test_a_check_as_json(expanded: DataShop, abreast: Run) -> None:
    expanded.contradict("id = 2")
    ended = abreast("data", "check", "--json")
    found = json.loads(ended.out)
    assert (ended.code, found["mended"], found["tables"][0]["divergent"]) == (15, 0, 1)
    assert found["tables"][0]["found"][0]["left"] == ["250"]
    ended = abreast("data", "check", "--json", "--mend", "new", "--yes")
    assert (ended.code, json.loads(ended.out)["mended"]) == (0, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--mend", "both"], "--mend 'both': there are two sides"),
        (["--mend", "old", "--watch"], "--watch only looks"),
    ],
)
def test_options_of_check_that_make_no_sense(shop: DataShop, abreast: Run, words: list[str], message: str) -> None:
    ended = abreast("data", "check", *words)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


@pytest.mark.parametrize("verb", ["check", "contract", "undo"])
def test_before_a_migration_there_is_nothing_to_do(shop: DataShop, abreast: Run, verb: str) -> None:
    ended = abreast("data", verb)
    assert (ended.code, ended.out) == (6, "")
    assert f"nothing to {verb}: no migration of public is under way; there has been none" in ended.err
    assert "see: abreast data status" in ended.err


@pytest.mark.parametrize("as_json", [False, True])
def test_a_watched_check_looks_again_until_it_is_interrupted(
    expanded: DataShop, abreast: Run, monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    """A second look finds what was written in between; the interrupt ends it with what was found last."""
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 1:
            expanded.contradict("id = 2")
        else:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(10)

    monkeypatch.setattr(time, "sleep", nap)
    ended = abreast("data", "check", "--watch", *["--json"] * as_json)
    assert (ended.code, naps) == (15, [data_commands.WATCH_S] * 2)
    if as_json:
        looks = [json.loads(line) for line in ended.out.splitlines()]
        assert [look["tables"][0]["divergent"] for look in looks] == [0, 1]
        assert looks[0]["at"] < looks[1]["at"]
    else:
        assert ended.out.startswith(
            "✔ products: 3 rows looked at, the sides agree\n✘ products: the sides contradict each other in 1 of 3 rows"
        )


def test_changes_are_listed_oldest_first(expanded: DataShop, abreast: Run) -> None:
    assert abreast("data", "changes", "v2").out == "v2 wrote nothing that is journalled\n"
    expanded.run(
        "SET abreast.request_id = 'r-7'",
        "UPDATE products SET price = 5 WHERE id = 1",
        "DELETE FROM products WHERE id = 3",
        user="shop_v2",
    )
    ended = abreast("data", "changes", "v2")
    first, second = ended.out.splitlines()
    assert first[19:] == '  products {"id": 1} updated  request r-7  price: 1.00 → 0.05, _abreast_price: 100 → 5'
    assert '  products {"id": 3} deleted  request r-7' in second
    lines = abreast("data", "changes", "v2", "--json", "--table", "products", "--since", "1h").out.splitlines()
    assert [json.loads(line)["op"] for line in lines] == ["u", "d"]
    for since in ("2100-01-01", "2100-01-01T00:00:00Z", "2100-01-01T00:00:00+02:00"):
        assert abreast("data", "changes", "v2", "--json", "--since", since).out == ""
    assert len(abreast("data", "changes", "v2", "--since", "2000-01-01").out.splitlines()) == 2
    assert abreast("data", "changes", "v2", "--table", "orders").out == "v2 wrote nothing that is journalled\n"


@pytest.mark.parametrize("since", ["yesterday", "7", "99999999999d"])
@pytest.mark.parametrize("verb", ["changes", "repair"])
def test_a_since_that_is_no_time(expanded: DataShop, abreast: Run, verb: str, since: str) -> None:
    ended = abreast("data", verb, "v2", "--since", since)
    assert (ended.code, ended.out) == (2, "")
    assert f"--since '{since}' is no time" in ended.err


@pytest.mark.parametrize("verb", ["changes", "repair"])
def test_what_was_not_journalled_is_not_known(shop: DataShop, abreast: Run, verb: str) -> None:
    ended = abreast("data", verb, "v2")
    assert (ended.code, ended.out) == (6, "")
    assert "this database has no journal" in ended.err
    assert "tags: true" in ended.err


def test_a_repair_is_proposed_asked_for_and_done_once(expanded: DataShop, abreast: Run) -> None:
    assert abreast("data", "repair", "v2").out == "v2 wrote nothing that is journalled\n"
    expanded.run("UPDATE products SET price = 5", user="shop_v2")
    expanded.run("UPDATE products SET name = 'mine' WHERE id = 3", user="shop_v1")
    proposed = abreast("data", "repair", "v2")
    assert proposed.code == 0
    assert "3 rows: 2 clean, 1 overwritten" in proposed.out
    assert proposed.out.endswith("nothing was changed; do it with --apply\n")
    alone = abreast("data", "repair", "v2", "--apply")
    assert alone.code == 2
    assert "This puts 2 rows back to what was there before v2 wrote. Nobody is there" in alone.err
    assert [row[2] for row in expanded.sides()] == [5, 5, 5]
    done = abreast("data", "repair", "v2", "--apply", "--yes")
    assert done.code == 0
    assert "put back 2 rows\n" in done.out
    assert [row[2] for row in expanded.sides()] == [100, 250, 5]
    again = abreast("data", "repair", "v2", "--apply")
    assert again.code == 0
    assert "put back 0" not in again.out


def test_a_repair_as_json(expanded: DataShop, abreast: Run) -> None:
    expanded.run("UPDATE products SET price = 5 WHERE id = 1", user="shop_v2")
    found = json.loads(abreast("data", "repair", "v2", "--json").out)
    assert (found["proposal"]["rows"][0]["verdict"], found["outcome"]) == ("clean", None)
    done = json.loads(abreast("data", "repair", "v2", "--json", "--apply", "--yes").out)
    assert done["outcome"] == {"restored": 1, "kept": []}


def test_fence_and_unfence(expanded: DataShop, abreast: Run) -> None:
    fenced = abreast("data", "fence", "v2")
    assert fenced.code == 0
    assert fenced.out.startswith("v2 writes nothing any more (")
    assert "shop_v2, fenced: reads only, 0 connected" in abreast("data", "status").out
    assert abreast("data", "unfence", "v2").out == "v2 may write again\n"
    assert "shop_v2, reads and writes" in abreast("data", "status").out


def test_a_fence_that_would_not_hold_is_refused_with_the_cure(expanded: DataShop, abreast: Run) -> None:
    expanded.run("GRANT UPDATE ON products TO PUBLIC")
    ended = abreast("data", "fence", "v2")
    assert (ended.code, ended.out) == (6, "")
    assert "shop_v2 may still write products" in ended.err
    assert "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON public.products FROM PUBLIC" in ended.err
    assert "a fence would leave it products" in abreast("data", "status").out


@pytest.mark.parametrize("verb", ["adopt", "fence", "unfence", "changes", "repair"])
def test_a_version_that_the_spec_has_not(expanded: DataShop, abreast: Run, verb: str) -> None:
    ended = abreast("data", verb, "v9")
    assert (ended.code, ended.out) == (2, "")
    assert "no version is called 'v9'; the spec has: v1, v2" in ended.err


def test_another_file_may_be_named(expanded: DataShop, abreast: Run) -> None:
    spec = (expanded.directory / "abreast.yaml").rename(expanded.directory / "other.yaml")
    assert abreast("data", "status").code == 2
    assert abreast("data", "status", "--file", str(spec)).code == 0
