import pytest

from tests.cli.plane import Plane, Run

NEW = {
    "name": "new-checkout",
    "on": False,
    "default": "off",
    "variants": {"on": True, "off": False},
    "rules": ["on: users on the candidate", "off: everybody else"],
    "at": 1_700_000_000.0,
    "actor": "ada",
    "reason": "it loses carts",
}


def test_the_list_says_since_when_by_whom_and_why(plane: Plane, abreast: Run) -> None:
    plane.answers("/flags", [NEW, {**NEW, "name": "x", "on": True, "rules": ["off: everybody"], "reason": "a\x1b[2J"}])
    lines = abreast("flag", "list").out.splitlines()
    assert lines[0].startswith("new-checkout  off  since ")
    assert lines[0].endswith(" by ada: it loses carts")
    assert [line.strip() for line in lines[1:3]] == NEW["rules"]
    assert lines[3].startswith("x             on   since ")
    assert "\x1b" not in lines[3]


def test_without_flags_it_says_where_they_go(plane: Plane, abreast: Run) -> None:
    plane.answers("/flags", [])
    assert abreast("flag", "list").out == "there is no flag; name one under `flags` in the spec\n"


def test_json_is_the_apis(plane: Plane, abreast: Run) -> None:
    plane.answers("/flags", [NEW])
    assert '"name": "new-checkout"' in abreast("flag", "list", "--json").out


@pytest.mark.parametrize(
    ("words", "reason"), [(("off", "x", "-m", "it loses carts"), "it loses carts"), (("on", "x"), "")]
)
def test_a_switch_sends_its_reason(plane: Plane, abreast: Run, words: tuple[str, ...], reason: str) -> None:
    plane.answers(f"/flags/x/{words[0]}", {"message": "done"})
    ended = abreast("flag", *words)
    assert (ended.code, ended.out) == (0, "done\n")
    (asked,) = plane.asked
    assert asked.body is not None
    assert asked.body["reason"] == reason
    assert asked.body["actor"]


def test_off_needs_a_reason_and_a_name_that_could_be_one(plane: Plane, abreast: Run) -> None:
    assert abreast("flag", "off", "x").code == 2
    ended = abreast("flag", "off", "x", "-m", " ")
    assert "--reason: nothing is written" in ended.err
    assert "'../x' is no name of a flag" in abreast("flag", "on", "../x").err
    assert not plane.asked
