"""``abreast findings``: what is asked of the API, and what is printed of its answer."""

import json

from abreast.cli.finding_view import list_lines
from tests.cli.found import listed
from tests.cli.plane import Plane, Run
from tests.contracts.test_findings import a_finding


def test_it_lists_the_open_ones_unless_told_otherwise(plane: Plane, abreast: Run) -> None:
    plane.answers("/findings", listed(a_finding(7)))
    ended = abreast("findings")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == list(list_lines(listed(a_finding(7)), "open"))
    assert (plane.asked[0].method, plane.asked[0].query) == ("GET", "state=open")


def test_a_state_can_be_asked_for(plane: Plane, abreast: Run) -> None:
    plane.answers("/findings", listed())
    assert "no accepted finding" in abreast("findings", "--state", "accepted").out
    assert plane.asked[0].query == "state=accepted"


def test_a_state_that_there_is_not_is_refused_before_anybody_is_asked(plane: Plane, abreast: Run) -> None:
    ended = abreast("findings", "--state", "closed")
    assert (ended.code, ended.out, plane.asked) == (2, "", [])
    assert "'closed'" in ended.err
    assert "→ one of: open, accepted, resolved, all" in ended.err


def test_json_is_the_answer_of_the_api(plane: Plane, abreast: Run) -> None:
    plane.answers("/findings", listed(a_finding(7)))
    assert json.loads(abreast("findings", "--json").out) == listed(a_finding(7))


def test_suggestions_are_yaml_that_can_be_kept_in_a_file(plane: Plane, abreast: Run) -> None:
    yaml = "rollout:\n  gates:\n    differences:\n      ignore:\n        - /generated_at  # GET /: a timestamp\n"
    plane.answers("/findings/suggestions", {"yaml": yaml}, {"yaml": yaml}, {"yaml": ""})
    assert abreast("findings", "--suggest").out == yaml
    assert json.loads(abreast("findings", "--suggest", "--json").out) == {"yaml": yaml}
    assert abreast("findings", "--suggest").out == "# nothing that was seen so far is clearly noise\n"


def test_where_nothing_is_compared_it_ends_with_the_code_of_the_refusal(plane: Plane, abreast: Run) -> None:
    plane.answers("/findings", {"detail": "no answers", "remedy": "shadow some", "exit_code": 6}, status=409)
    ended = abreast("findings")
    assert (ended.code, ended.out, ended.err) == (6, "", "error: no answers\n  → shadow some\n")


def test_without_a_control_plane_it_says_how_to_start_one(abreast: Run) -> None:
    ended = abreast("findings")
    assert ended.code == 7
    assert "abreast up" in ended.err
