"""The contenders do what they are compared in: each keeps both sides in step, in its own way."""

from collections.abc import Iterator
from typing import LiteralString

import pytest

from abreast.bench.data_triggers import (
    CHANGED,
    CONTENDERS,
    INSERT,
    NONE,
    OURS,
    RIVAL,
    WRITES,
    Cost,
    Written,
    cost,
    costs,
)
from abreast.postgres.connection import Connection, connected


def test_medians_are_of_one_write_and_ratios_are_within_a_round() -> None:
    seen = {NONE: (1.0, 2.0, 1.0), OURS: (2.0, 4.0, 9.0), RIVAL: (5.0, 6.0, 10.0)}
    found = [
        Written(contender, CHANGED, number, row_us)
        for contender, rounds in seen.items()
        for number, row_us in enumerate(rounds)
    ]
    found.append(Written(OURS, INSERT, 0, 99.0))

    told = cost(CHANGED, found)

    assert told.row_us == {NONE: 1.0, OURS: 4.0, RIVAL: 6.0}
    assert told.ratio == pytest.approx(4 / 6)
    assert told.added_ratio == pytest.approx(0.5)
    assert told.met


def test_the_bar_is_seven_tenths() -> None:
    assert Cost(INSERT, {}, 0.7, 0.0).met
    assert not Cost(INSERT, {}, 0.701, 0.0).met


SIDES = "SELECT count(*), count(*) FILTER (WHERE _abreast_price = (price * 100)::bigint) FROM products"


@pytest.fixture
def measured(database: str) -> Iterator[tuple[Connection, tuple[Cost, ...]]]:
    """After a round of fifty rows, on a server."""
    with connected(database) as connection:
        yield connection, costs(connection, 50, 2)


def test_both_triggers_keep_every_row_in_step_and_none_does_not(measured: tuple[Connection, tuple[Cost, ...]]) -> None:
    connection, found = measured
    in_step = {}
    for schema in ("bench_none", "bench_ours", "bench_rival"):
        connection.execute("SELECT set_config('search_path', %s, false)", [schema])
        in_step[schema] = connection.execute(SIDES, prepare=False).fetchone()
    assert in_step == {"bench_none": (50, 0), "bench_ours": (50, 50), "bench_rival": (50, 50)}
    assert [each.write for each in found] == list(WRITES)
    assert all(each.row_us[name] > 0 for each in found for name in CONTENDERS)


@pytest.mark.parametrize(
    ("update", "path"),
    [
        ("UPDATE bench_ours.products SET _abreast_price = 12345 WHERE id = 3 RETURNING price::text", "bench_ours_v2"),
        ("UPDATE bench_rival.products SET _abreast_price = 12345 WHERE id = 3 RETURNING price::text", "bench_rival_03"),
    ],
)
def test_what_the_new_version_writes_comes_back_in_both(
    measured: tuple[Connection, tuple[Cost, ...]], update: LiteralString, path: str
) -> None:
    connection, _ = measured
    connection.execute(
        "SELECT set_config('search_path', %s, false), set_config('abreast.version', 'v2', false)", [path]
    )

    assert connection.execute(update).fetchone() == ("123.45",)
