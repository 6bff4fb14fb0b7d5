"""What a comparison found, as people and as programs read it."""

import json

from abreast.compare.model import Answer, Request
from abreast.model.shadow import ShadowPolicy
from abreast.offline.entry import Entry
from abreast.offline.report import FOUND_EXIT, Report
from abreast.offline.requests_file import RequestsFile
from abreast.offline.run import Sides
from abreast.offline.side import Side
from abreast.offline.verdict import Answers, Verdict

AT = 1_750_000_000.0
A, B, CONTROL = (Side.of(name, f"http://{name.lower()}:80{place}") for place, name in enumerate(["A", "B", "control"]))


def answer(value: object, status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/json"),), json.dumps(value).encode())


def report(
    differing: dict[Request, tuple[Answer, Answer]],
    times: int = 20,
    control: Side = CONTROL,
    left_out: dict[str, int] | None = None,
) -> Report:
    """The report on these requests, each answered so that many times."""
    entries = tuple(Entry(line, "", request) for line, request in enumerate(differing, start=1))
    verdict = Verdict(entries, ShadowPolicy(), b"salt")
    for time in range(times):
        for number, (stable, candidate) in enumerate(differing.values()):
            if entries[number].request.safe or not time:
                control_answer = stable if entries[number].request.safe else None
                verdict.judge(number, Answers(AT + time, stable, candidate, control_answer))
    verdict.end_round(AT)
    return Report(Sides(A, B, control), RequestsFile("orders.har", entries, left_out or {}), verdict)


def text(found: Report) -> str:
    return "\n".join(line.text for line in found.lines())


ORDER = Request("GET", "/orders/7?token=top-5ecret")
SAME = {Request("GET", "/orders/8"): (answer(1), answer(1))}
DIFFERENT = {
    **SAME,
    ORDER: (answer({"total": 7, "by": "top-5ecret"}), answer({"total": "7", "by": "top-5ecret", "x": [None]})),
}


def test_agreement_is_short() -> None:
    found = report(SAME, 1)

    assert text(found).split("\n") == [
        "A        http://a:800",
        "B        http://b:801",
        "control  http://control:802",
        "",
        "endpoint          requests  compared  skipped",
        "GET /orders/{id}         1         1        0",
        "",
        "no difference beyond noise",
        "",
        "1 request = 1 compared + 0 skipped",
    ]
    assert found.exit_code == 0


def test_without_a_control_of_its_own_the_reader_is_told_what_that_means() -> None:
    assert "control  A, asked again: what differs between any two instances" in text(report(SAME, 1, A))


def test_a_finding_is_shown_with_an_example_of_both_sides() -> None:
    found = report(DIFFERENT)
    shown = text(found)

    assert found.exit_code == FOUND_EXIT == 13
    assert (
        "\n1 finding\n\n1. GET /orders/{id}: /total is a string, was a number, and 1 more that change together" in shown
    )
    assert '   /total (type)\n     A  7\n     B  "7"\n   /x (added)\n     A  absent\n     B  [null]\n' in shown
    assert "in GET /orders/7?token=\u2039redacted:" in shown
    assert shown.endswith("2 requests = 2 compared + 0 skipped; 38 exchanges more to decide")
    assert [line.tone for line in found.lines() if line.text.startswith(("     A", "     B"))] == ["left", "right"] * 2


def test_the_gravest_is_first_and_numbered_so() -> None:
    found = report({**DIFFERENT, Request("GET", "/gone"): (answer(1), answer(1, 500))})

    titles = [line.text for line in found.lines() if line.text[:1].isdigit() and ". " in line.text[:4]]
    assert [title[:8] for title in titles] == ["1. GET /", "2. GET /"]
    assert "the status is 500, was 200" in titles[0]
    assert [each["number"] for each in found.as_dict()["findings"]] == [1, 2]


def test_long_values_are_shown_from_where_they_begin_to_differ() -> None:
    found = report({Request("GET", "/"): (answer("x" * 170 + "left"), answer("x" * 100 + "right" + "y" * 90))})

    left, right = (line.text for line in found.lines() if line.tone in {"left", "right"})
    assert left == "     A  …" + "x" * 94 + 'left"'
    assert right == "     B  …" + "x" * 24 + "right" + "y" * 90 + '"'


def test_what_could_not_be_decided_is_told_and_counts_where_it_is_grave() -> None:
    write = Request("POST", "/orders", (), b"{}")
    light = report({write: (answer({"s": "a"}), answer({"s": "b"}))})
    grave = report({write: (answer({"s": "a"}, 201), answer({"s": "a"}, 500))})

    assert light.exit_code == 0
    assert "\nnot decided\n   POST /orders: /s (changed) in 1 of 1 answer: asked only once\n" in text(light)
    assert grave.exit_code == FOUND_EXIT
    assert "   POST /orders: status (status) in 1 of 1 answer: asked only once, and too grave not to count\n" in text(
        grave
    )
    assert "     A  201\n     B  500\n" in text(grave)
    undecided = grave.as_dict()["undecided"][0]
    assert (undecided["counted"], undecided["once"], undecided["sample"]["method"]) == (True, True, "POST")


def test_many_doubts_are_shortened() -> None:
    old = {f"s{number:02}": "a" for number in range(15)}
    found = report({Request("POST", "/"): (answer(old), answer(dict.fromkeys(old, "b")))})

    assert text(found).count("asked only once") == 10
    assert "\n   and 5 more\n" in text(found)
    assert len(found.as_dict()["undecided"]) == 15


def test_a_finding_of_many_places_shows_some() -> None:
    old = {f"s{number:02}": "a" for number in range(15)}
    found = report({Request("GET", "/"): (answer(old), answer(dict.fromkeys(old, "b")))})

    assert "and 14 more that change together" in text(found)
    assert "   and 9 more differences in this answer" in text(found)


def test_programs_get_everything_with_samples_and_no_secret() -> None:
    found = report(DIFFERENT, left_out={"web socket": 2})
    found.verdict.skipped["method POST"] += 1
    whole = found.as_dict()
    written = json.dumps(whole)

    assert whole["ledger"] == {
        "seen": 2,
        "compared": 2,
        "skipped": {"method POST": 1},
        "left_out": {"web socket": 2},
        "asked_again": 38,
    }
    assert (whole["a"], whole["control"], whole["requests"]) == ("http://a:800", "http://control:802", "orders.har")
    finding = whole["findings"][0]
    assert finding["keys"] == [{"pattern": "/total", "kind": "type"}, {"pattern": "/x", "kind": "added"}]
    assert [each["path"] for each in finding["sample"]["differences"]] == ["/total", "/x"]
    assert "5ecret" not in written
    assert "5ecret" not in text(found)
    assert text(found).endswith("; left out of orders.har: 2 web socket")
