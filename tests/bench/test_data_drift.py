"""Both ways of searching find what was planted; finding anything else is no measurement."""

import os
import sys
from pathlib import Path

import pytest

from abreast.bench import data_drift
from abreast.bench.data_drift import PLANTED, finding
from abreast.postgres.connection import connected

RELADIFF = """
import sys
import psycopg

_, one, left, other, right, *_ = sys.argv
with psycopg.connect(one) as connection:
    for row in connection.execute(f"SELECT id FROM {left} l JOIN {right} r USING (id) WHERE l.stock <> r.stock"):
        print(f"- {row[0]}\\n+ {row[0]}")
"""


def test_reladiff_is_measured_where_it_is_installed(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here something that is called so: what it is told must be enough to find the database."""
    command = tmp_path / "reladiff"
    command.write_text(f"#!{sys.executable}\n{RELADIFF}", encoding="utf-8")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with connected(database) as connection:
        found = finding(connection, database, 500, 1)
    assert found.reladiff_s
    assert found.reladiff_ratio


def test_both_ways_find_what_was_planted(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_drift, "which", lambda _: None)
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
    assert (found.reladiff_s, found.reladiff_ratio) == (None, None)


def test_a_number_other_than_the_planted_one_is_told(database: str) -> None:
    """Among nine rows ten cannot be planted."""
    with connected(database) as connection, pytest.raises(RuntimeError, match="differences were found, and 10 planted"):
        finding(connection, database, 9, 1)
