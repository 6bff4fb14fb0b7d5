import pytest

from abreast.model.flag import BOOLEAN, Flag, FlagRule


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (FlagRule("on", candidate=True), "users on the candidate"),
        (FlagRule("on", candidate=False), "users not on the candidate"),
        (FlagRule("on", below=25), "below 0.25 %"),
        (FlagRule("on", below=1000, salt="rollout"), "below 10 % by salt rollout"),
        (
            FlagRule("on", candidate=True, when={"country": ("CH", "DE"), "age": (18,)}),
            "users on the candidate, country is CH or DE, age is 18",
        ),
    ],
)
def test_a_rule_says_whom_it_fits(rule: FlagRule, words: str) -> None:
    assert str(rule) == words


def test_a_flag_says_who_gets_what() -> None:
    assert Flag("x", BOOLEAN, "off").lines() == ["off: everybody"]
    flag = Flag("x", BOOLEAN, "off", (FlagRule("on", below=1000),))
    assert flag.lines() == ["on: below 10 %", "off: everybody else"]
