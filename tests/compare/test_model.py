"""The nouns of comparing."""

import pytest

from abreast.compare.model import ABSENT, Answer, Difference, Kind, Request


@pytest.mark.parametrize(
    ("method", "safe"),
    [("GET", True), ("HEAD", True), ("OPTIONS", True), ("POST", False), ("get", False), ("TRACE", False)],
)
def test_asking_again_is_harmless_for_safe_methods_alone(method: str, safe: bool) -> None:
    assert Request(method, "/").safe is safe


def test_of_a_repeated_header_the_first_is_given() -> None:
    answer = Answer(200, (("vary", "accept"), ("set-cookie", "a=1"), ("set-cookie", "b=2")))
    assert answer.header("set-cookie") == "a=1"
    assert answer.header("etag") is None


def test_kinds_are_ranked_by_risk() -> None:
    ranked = sorted(Kind, key=lambda kind: kind.risk)
    assert ranked[0] is Kind.NO_ANSWER
    assert ranked[-1] is Kind.HEADER
    assert [kind.risk for kind in ranked] == list(range(len(Kind)))
    assert Kind.STATUS.risk < Kind.MISSING.risk < Kind.TYPE.risk < Kind.CHANGED.risk < Kind.ADDED.risk


def test_what_is_absent_is_not_null() -> None:
    added = Difference(Kind.ADDED, "/a", "/a", right=None)
    assert added.left is ABSENT
    assert added.right is None
    assert added != Difference(Kind.ADDED, "/a", "/a")
    assert repr(ABSENT) == "absent"
