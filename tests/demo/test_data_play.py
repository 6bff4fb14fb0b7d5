"""The data demo's users, and its end where there is no PostgreSQL. The whole runs in tests/e2e/test_demo_data.py."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from abreast.demo.data_play import USERS, plan, play_data
from abreast.demo.data_shop import VERSION_HEADER
from abreast.demo.data_story import REQUESTS
from abreast.model.errors import DatabaseError


def test_the_plan_is_open_loop_and_watches_the_version() -> None:
    made = plan("http://127.0.0.1:8080", 7.0, 3.0)

    assert (made.rate_per_s, made.duration_s, made.users) == (7.0, 3.0, USERS)
    assert (made.arrivals, made.watch_header, made.requests) == ("poisson", VERSION_HEADER, REQUESTS)


def test_without_postgresql_it_says_where_it_looked(monkeypatch: pytest.MonkeyPatch, short_tmp: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_tmp))
    monkeypatch.setenv("ABREAST_PG_BIN", str(short_tmp))
    out = io.StringIO()

    with pytest.raises(DatabaseError, match="has no postgres, initdb, pg_ctl") as caught:
        play_data(Console(file=out, width=100), keep=False)

    assert "ABREAST_PG_BIN" in caught.value.remedy
    assert out.getvalue().startswith("A shop sells 20,000 products")
    assert list(short_tmp.iterdir()) == []
