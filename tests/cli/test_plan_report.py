"""The plan as it is printed: at a rate that is given, or at the one that a running control plane sees."""

import json
import sys
from pathlib import Path

import pytest

from abreast.cli.plan_report import Load, seen_load
from tests.cli.plane import Plane, Run, completed, version

SPEC = f"service: shop\nversions: {{v1: {{run: '{sys.executable} -V'}}, v2: {{run: '{sys.executable} -V'}}}}\n"


@pytest.fixture
def busy(plane: Plane, short_tmp: Path) -> Plane:
    """A control plane whose stable version answers 40 requests a second, of which one in a thousand fails."""
    (short_tmp / "abreast.yaml").write_text(SPEC, encoding="utf-8")
    versions = [version("v1", "stable", rps=38.0, error_share=0.001), version("v2", "", rps=2.0, error_share=0.5)]
    plane.answers("/status", completed(versions=versions))
    return plane


@pytest.mark.usefixtures("busy")
def test_the_load_is_all_users_requests_and_what_fails_on_stable(short_tmp: Path) -> None:
    assert seen_load(short_tmp / "abreast.yaml") == Load(40.0, 0.001, seen=True)


def test_where_nothing_runs_or_nobody_asks_there_is_none(plane: Plane, short_tmp: Path) -> None:
    assert seen_load(short_tmp / "elsewhere" / "abreast.yaml") is None
    plane.answers("/status", completed())
    assert seen_load(short_tmp / "abreast.yaml") is None
    broken = {"detail": "the store is corrupt", "remedy": "restore it", "exit_code": 1}
    plane.answers("/status", broken, status=500)
    assert seen_load(short_tmp / "abreast.yaml") is None


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (Load(5.0), "at 5 requests/s"),
        (Load(39.96, 0.001, seen=True), "at the 40 requests/s of just now, of which 0.10 % fail"),
    ],
)
def test_a_load_says_where_it_is_from(load: Load, words: str) -> None:
    assert str(load) == words


@pytest.mark.usefixtures("busy")
def test_check_takes_the_load_that_is_seen(abreast: Run) -> None:
    ended = abreast("check")
    assert ended.code == 0
    assert ended.out.endswith("  all of this at the 40 requests/s of just now, of which 0.10 % fail\n")


def test_start_plan_prints_the_plan_of_that_version_and_orders_nothing(busy: Plane, abreast: Run) -> None:
    ended = abreast("start", "v2", "--plan")
    assert (ended.code, ended.err) == (0, "")
    assert "A rollout of v2, if all goes well:" in ended.out
    assert ended.out.endswith("of just now, of which 0.10 % fail\n")
    assert [asked.path for asked in busy.asked] == ["/status"]


def test_as_json_it_is_one_document(busy: Plane, abreast: Run) -> None:
    found = json.loads(abreast("start", "v2", "--plan", "--json").out)
    assert (found["candidate"], found["rate_per_s"], found["warnings"]) == ("v2", 40.0, [])
    assert found["plan"][1]["requests_s"] == pytest.approx(found["plan"][1]["requests"] / 0.4)
    assert busy.asked


def test_flags_are_shown_with_who_gets_what(busy: Plane, abreast: Run, short_tmp: Path) -> None:
    text = SPEC + "flags: {new: candidate, dark: {on: false, rules: [{below: 5%, variant: on}]}}\n"
    (short_tmp / "abreast.yaml").write_text(text, encoding="utf-8")
    out = abreast("check").out
    assert "\nflag new:\n  on: users on the candidate\n  off: everybody else\n" in out
    assert "\nflag dark (begins switched off):\n  on: below 5 %\n  off: everybody else\n" in out
    found = json.loads(abreast("check", "--json").out)
    assert found["flags"]["new"] == ["on: users on the candidate", "off: everybody else"]
    assert busy.asked
