"""A demo ends with its tables and promises; one that breaks a promise says which, and keeps its logs."""

import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

import abreast
from abreast.demo.play import BrokenPromiseError, Evidence, Outcome, Story, command, play
from abreast.demo.promises import Promise, nobody_failed
from abreast.demo.stage import Stage
from abreast.demo.teller import Teller
from abreast.load import Request


async def prepare(_directory: Path, _teller: Teller) -> None:
    """Nothing to prepare."""


async def act(stage: Stage, _teller: Teller) -> Outcome:
    await stage.rest(0.5)
    return Outcome(promises=[Promise(kept=True, text="the act ended")])


def promises(evidence: Evidence, _outcome: Outcome) -> Sequence[Promise]:
    return [
        nobody_failed(evidence.stage.crowd.answers),
        Promise(evidence.status["phase"] == "retiring", "this was never so"),
    ]


STORY = Story(
    example="shop",
    opening="A short\nstory.",
    rate_per_s=50.0,
    users=10,
    requests=(Request("/products"),),
    watch_header="x-shop-version",
    prepare=prepare,
    act=act,
    promises=promises,
)


def test_the_plan_is_open_loop_and_watches_the_version() -> None:
    plan = STORY.plan("http://127.0.0.1:8080", 7.0, 3.0)

    assert (plan.rate_per_s, plan.duration_s, plan.users) == (7.0, 3.0, 10)
    assert (plan.arrivals, plan.watch_header) == ("poisson", "x-shop-version")


async def test_a_broken_promise_is_an_error_that_names_it_and_its_logs_stay(
    monkeypatch: pytest.MonkeyPatch, short_tmp: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_tmp))
    out = io.StringIO()

    with pytest.raises(BrokenPromiseError, match="✘ this was never so") as caught:
        await play(STORY, Console(file=out, width=100), keep=False)

    shown = out.getvalue()
    (directory,) = short_tmp.iterdir()
    assert caught.value.exit_code == 1
    assert "✔" not in caught.value.message
    assert shown.startswith("A short story.")
    assert "  ✔ the act ended" in shown
    assert re.search(r"✔ of \d+ requests 0 failed at the user", shown)
    assert f"are in {directory}" in shown
    assert (directory / "up.log").exists()
    assert list((directory / ".abreast" / "logs").iterdir()) != []


@pytest.mark.parametrize(("inside", "shown"), [(True, "./abreast"), (False, "/abreast")])
def test_a_person_starts_abreast_by_the_checkout_s_script(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, inside: bool, shown: str
) -> None:
    monkeypatch.chdir(Path(abreast.__file__).parents[2] if inside else tmp_path)

    assert command().endswith(shown)
    assert command().startswith(".") is inside


def test_without_a_checkout_it_is_the_installed_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(abreast, "__file__", str(tmp_path / "a" / "b" / "abreast" / "__init__.py"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert command() == "python -m abreast"

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "abreast").touch()
    assert command() == "abreast"
