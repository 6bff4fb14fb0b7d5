"""Which lines of two answers belong together, and which of them differ."""

from dataclasses import asdict
from typing import Any

from abreast.operations.aligned import CONTEXT, Row, body_rows, header_rows, status_row
from tests.cli.found import CANDIDATE, STABLE, answer

Json = dict[str, Any]


def told(body: object, **changes: Any) -> Json:  # noqa: ANN401  # of each field its own type
    return asdict(answer(body, **changes))


class TestStatus:
    """How both ended."""

    def test_the_same_and_another_one(self) -> None:
        assert status_row(told(""), told(""), []) == Row("same", "status 200", "status 200")
        assert status_row(told(""), told("", status=500), ["status"]) == Row("differs", "status 200", "status 500")

    def test_another_one_that_stable_gives_too_at_times(self) -> None:
        assert status_row(told(""), told("", status=503), []).mark == "noise"

    def test_no_answer_says_why(self) -> None:
        row = status_row(told(""), told("", status=0, failure="time-out after 2 s"), [])
        assert row == Row("differs", "status 200", "no answer: time-out after 2 s")


class TestHeaders:
    """Only those that differ, by name."""

    def test_changed_new_and_missing_ones(self) -> None:
        left = told("", headers=(("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")))
        right = told("", headers=(("d", "4"), ("b", "9"), ("c", "8"), ("e", "5\x1b")))
        assert list(header_rows(left, right, ["header:a", "header:b"])) == [
            Row("differs", "a: 1", None),
            Row("differs", "b: 2", "b: 9"),
            Row("noise", "c: 3", "c: 8"),
            Row("noise", None, r"e: 5\x1b"),
        ]

    def test_one_that_is_there_several_times(self) -> None:
        left = told("", headers=(("set-cookie", "a"), ("set-cookie", "b")))
        right = told("", headers=(("set-cookie", "a"),))
        assert list(header_rows(left, right, ["header:set-cookie"])) == [
            Row("differs", "set-cookie: a", "set-cookie: a"),
            Row("differs", "set-cookie: b", None),
        ]


class TestBodies:
    """Line by line."""

    def test_what_differs_is_told_from_noise_by_its_place(self) -> None:
        rows = body_rows(told(STABLE), told(CANDIDATE), ["/total", "/currency"])
        assert [row for row in rows if row.mark != "same"] == [
            Row("noise", '  "made_at": "2026-11-23T14:02:11Z"', '  "made_at": "2026-11-23T14:02:12Z"'),
            Row("differs", '  "total": 12.5', '  "total": "12.50"'),
            Row("differs", None, '  "currency": "EUR"'),
        ]

    def test_a_place_means_what_is_inside_of_it_and_no_other_with_the_same_beginning(self) -> None:
        left = {"a": {"b": [1, 2]}, "ab": 1}
        right = {"a": {"b": [1, 3]}, "ab": 2}
        marks = [row.mark for row in body_rows(told(left), told(right), ["/a"]) if row.mark != "same"]
        assert marks == ["differs", "noise"]

    def test_the_whole_body(self) -> None:
        assert body_rows(told(1), told("2"), [""]) == [Row("differs", "1", "2")]

    def test_of_text_every_line_that_is_not_the_same_may_be_what_differs(self) -> None:
        rows = body_rows(told("a\nb\nc"), told("a\nx\nc"), ["/1"])
        assert [row.mark for row in rows] == ["same", "differs", "same"]
        assert [row.mark for row in body_rows(told("a\nb"), told("a\nx"), ["header:a"])] == ["same", "noise"]

    def test_long_runs_of_equal_lines_are_folded_around_what_differs(self) -> None:
        left = [*range(50)]
        right = [*range(20), "x", *range(21, 50)]
        rows = body_rows(told(left), told(right), ["/20"])
        assert [row.left for row in rows if row.mark == "fold"] == ["… 18 equal lines", "… 27 equal lines"]
        assert [row.mark for row in rows] == ["fold", *["same"] * CONTEXT, "differs", *["same"] * CONTEXT, "fold"]

    def test_a_line_is_never_folded_alone(self) -> None:
        rows = body_rows(told([1, 2, 3, 4]), told([1, 2, 3, 5]), ["/3"])
        assert [row.mark for row in rows] == ["same"] * 4 + ["differs", "same"]

    def test_empty_bodies_have_no_lines(self) -> None:
        assert body_rows(told(""), told(""), []) == []
        assert body_rows(told(""), told("x"), ["body"]) == [Row("differs", None, "x")]
