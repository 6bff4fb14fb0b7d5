"""Digests without a server: the arithmetic of buckets, the merge, and the SQL's quoting."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.schema.digest import (
    BUCKETS_MAX,
    Algorithm,
    Difference,
    Entry,
    Kind,
    Source,
    Value,
    bucket_count,
    buckets_sql,
    by_keys_sql,
    columns_sql,
    difference,
    differing_buckets,
    differing_keys,
    entries_sql,
    placeholder_safe,
)
from abreast.schema.names import Relation

SOURCE = Source.of(Relation("public", "T%"), ["id", 'B"'], ["v"])


@pytest.mark.parametrize(
    ("rows", "buckets"), [(0, 1), (1, 1), (1000, 1), (1001, 2), (2001, 4), (1_000_000, 1024), (10**12, BUCKETS_MAX)]
)
def test_a_power_of_two_of_buckets_of_about_a_thousand_rows(rows: int, buckets: int) -> None:
    assert bucket_count(rows) == buckets


def test_the_number_of_buckets_follows_the_rows_wanted_in_each() -> None:
    assert [bucket_count(1000, each) for each in (1, 100, 250, 10_000)] == [1024, 16, 4, 1]


def test_a_difference_names_its_kind_and_columns() -> None:
    key, names = ("1",), ("a", "b")
    assert difference(key, ("x", None), ("x", None), names) is None
    assert difference(key, None, None, names) is None
    assert difference(key, ("x", None), ("x", ""), names) == Difference(
        key, Kind.DIFFERS, ("x", None), ("x", ""), ("b",)
    )
    missing = difference(key, None, ("x", "y"), names)
    assert missing == Difference(key, Kind.MISSING_LEFT, None, ("x", "y"), names)
    gone = difference(key, ("x", "y"), None, names)
    assert gone is not None
    assert (gone.kind, gone.columns) == (Kind.MISSING_RIGHT, names)


def test_buckets_differ_by_count_by_sum_and_by_being_there() -> None:
    left = {1: (2, 10), 2: (2, 10), 3: (2, 10), 5: (1, 0)}
    right = {1: (2, 10), 2: (3, 10), 3: (2, -10), 4: (1, 0)}
    assert differing_buckets(left, right) == [2, 3, 4, 5]
    assert differing_buckets(right, left) == [2, 3, 4, 5]
    assert differing_buckets(left, left) == differing_buckets({}, {}) == []


def entries(rows: dict[str, int]) -> list[Entry]:
    """In buckets of their key's length, as the server sorts them."""
    made = [Entry(len(key), key, (key,), digest) for key, digest in rows.items()]
    return sorted(made, key=lambda each: (each.bucket, each.text.encode()))


@given(*[st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), st.integers(0, 2), max_size=12)] * 2)
def test_the_merge_finds_what_comparing_all_with_all_finds(left: dict[str, int], right: dict[str, int]) -> None:
    expected = {(key,) for key in left.keys() | right.keys() if left.get(key) != right.get(key)}
    found = list(differing_keys(iter(entries(left)), iter(entries(right))))
    assert set(found) == expected
    assert len(found) == len(expected)


def test_the_merge_takes_no_more_of_a_side_than_it_needs() -> None:
    taken = []

    def counted(rows: list[Entry]) -> Iterator[Entry]:
        for row in rows:
            taken.append(row)
            yield row

    many = entries({f"{number:03d}": number for number in range(900)})
    found = differing_keys(counted(many), iter([]))
    assert next(found) == ("000",)
    assert len(taken) <= 2


def test_the_pages_of_slices_meet_and_the_last_is_open() -> None:
    first = buckets_sql(SOURCE, 8, Algorithm.HASH, (0, 100))
    last = buckets_sql(SOURCE, 8, Algorithm.HASH, (100, None))
    assert first.endswith("WHERE t.ctid >= '(0,0)' AND t.ctid < '(100,0)' GROUP BY 1")
    assert last.endswith("WHERE t.ctid >= '(100,0)' GROUP BY 1")
    assert "ctid" not in buckets_sql(SOURCE, 8, Algorithm.HASH)


def test_all_rows_digests_are_added_and_never_xored_and_hold_the_key() -> None:
    for algorithm in Algorithm:
        query = buckets_sql(SOURCE, 8, algorithm)
        assert "count(*), sum(" in query
        assert "xor" not in query
        assert 'ROW((t."id")::text, (t."B""")::text, (t."v")::text)::text' in query
        assert "& 7)" in query
        assert (algorithm.value in query) is True
    assert "hashtextextended" not in buckets_sql(SOURCE, 8, Algorithm.MD5)


def test_entries_are_of_the_wanted_buckets_in_the_order_of_bytes() -> None:
    query = entries_sql(SOURCE, 8, Algorithm.HASH, [3, 5])
    assert "= ANY ('{3,5}'::bigint[])" in query
    assert query.rpartition("ORDER BY ")[2].startswith("1, convert_to(")


def test_only_statements_with_parameters_double_percent_signs() -> None:
    assert '"public"."T%" AS t' in buckets_sql(SOURCE, 8, Algorithm.HASH)
    assert columns_sql(SOURCE) == 'SELECT t."id", t."B""", (t."v") FROM "public"."T%" AS t LIMIT 0'
    query = by_keys_sql(SOURCE, ["integer", "bpchar"])
    assert query.count("%s::text[]") == 2
    assert '"public"."T%%" AS t ON t."id" = w."~0"::integer AND t."B""" = w."~1"::bpchar' in query
    assert query % ("$1", "$2")  # no percent sign is left over
    assert placeholder_safe("100 % 7") == "100 %% 7"


def test_a_table_s_source_reads_its_columns_and_its_stamp() -> None:
    assert SOURCE.rows == '"public"."T%"'
    assert SOURCE.values == (Value("v", 't."v"'),)
    assert (SOURCE.names, SOURCE.stamp, SOURCE.relation) == (("v",), "t.xmin::text", Relation("public", "T%"))
    assert "t.xmin::text FROM" in by_keys_sql(SOURCE, ["integer", "text"])
    mapped = Source("(SELECT 1 AS id)", ("id",), ())
    assert "NULL FROM" in by_keys_sql(mapped, ["integer"])
