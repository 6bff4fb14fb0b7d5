"""Both ways of searching find what was planted; finding anything else is no measurement."""

import pytest

from abreast.bench.data_drift import PLANTED, finding
from abreast.postgres.connection import connected


def test_both_ways_find_what_was_planted(database: str) -> None:
    with connected(database) as connection:
        found = finding(connection, database, 500, 2)

        unlike = connection.execute(
            "SELECT count(*) FROM public.left_side l JOIN public.right_side r USING (id) WHERE l.stock <> r.stock"
        ).fetchone()
    assert unlike == (PLANTED,)
    assert (found.rows, found.planted) == (500, PLANTED)
    assert found.sweep_s > 0
    assert found.copy_s > 0
    assert found.ratio > 0


def test_a_number_other_than_the_planted_one_is_told(database: str) -> None:
    """Among nine rows ten cannot be planted."""
    with connected(database) as connection, pytest.raises(RuntimeError, match="differences were found, and 10 planted"):
        finding(connection, database, 9, 1)
