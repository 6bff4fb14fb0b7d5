"""``abreast finding N``: one finding in full."""

import json
from dataclasses import replace
from typing import Any

import pytest

from abreast.cli.curl import curl
from abreast.cli.side_by_side import LEGEND
from abreast.cli.terminal import moment
from tests.cli.found import SAMPLE, detailed, sample
from tests.cli.plane import Plane, Run
from tests.contracts.test_findings import a_finding

OTHER = replace(SAMPLE, id="0000000000000002", method="POST", path="/orders", request_body='{"pin": 1}')
DETAIL: dict[str, Any] = detailed(a_finding(7), SAMPLE, OTHER)


def test_it_shows_what_is_known_and_the_first_exchange(plane: Plane, abreast: Run) -> None:
    plane.answers("/findings/7", DETAIL)
    ended = abreast("finding", "7")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "finding 7 of rollout 1"
    assert lines[1] == f"  what      {a_finding().title}"
    assert any(line.startswith("  evidence  if the candidate were no different") for line in lines)
    assert f"sample 1 of 2   {moment(SAMPLE.at)}   GET /orders/4711?full=1" in lines
    assert '✘ -   "total": 12.5' in lines
    assert '✘ +   "total": "12.50"' in lines
    assert lines[-1] == LEGEND
    assert "\x1b" not in ended.out


def test_on_a_wide_terminal_both_answers_are_side_by_side(
    plane: Plane, abreast: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    plane.answers("/findings/7", DETAIL)
    (changed,) = (line for line in abreast("finding", "7").out.splitlines() if '"total"' in line)
    assert changed.startswith('✘   "total": 12.5')
    assert changed.rstrip().endswith('"total": "12.50"')


def test_another_exchange_can_be_chosen(plane: Plane, abreast: Run) -> None:
    plane.answers("/findings/7", DETAIL)
    assert f"sample 2 of 2   {moment(OTHER.at)}   POST /orders" in abreast("finding", "7", "--sample", "2").out


@pytest.mark.parametrize("options", [[], ["--curl"]])
def test_an_exchange_that_is_not_kept_is_refused(plane: Plane, abreast: Run, options: list[str]) -> None:
    plane.answers("/findings/7", DETAIL)
    ended = abreast("finding", "7", "--sample", "3", *options)
    assert (ended.code, ended.out) == (2, "")
    assert "finding 7 has no sample 3; 2 are kept" in ended.err


def test_the_request_as_a_command(plane: Plane, abreast: Run) -> None:
    plane.answers("/findings/7", DETAIL)
    assert abreast("finding", "7", "--curl").out == curl(sample(), "http://127.0.0.1:8080")
    assert "--data-binary" in abreast("finding", "7", "--curl", "--sample", "2").out


def test_json_is_the_answer_of_the_api(plane: Plane, abreast: Run) -> None:
    plane.answers("/findings/7", DETAIL)
    assert json.loads(abreast("finding", "7", "--json").out) == DETAIL


def test_without_samples_the_facts_are_still_there(plane: Plane, abreast: Run) -> None:
    plane.answers("/findings/7", detailed(a_finding(7)))
    ended = abreast("finding", "7")
    assert ended.code == 0
    assert ended.out.endswith("no sample is kept: they go after a while, the counts stay\n")
    refused = abreast("finding", "7", "--curl")
    assert (refused.code, refused.out) == (2, "")
    assert "finding 7 has no sample 1; 0 are kept" in refused.err


@pytest.mark.parametrize("number", ["0", "-1", "seven"])
def test_a_number_that_makes_no_sense_asks_nobody(plane: Plane, abreast: Run, number: str) -> None:
    assert abreast("finding", "--", number).code == 2
    assert plane.asked == []
