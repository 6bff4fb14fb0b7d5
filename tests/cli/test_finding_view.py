"""Findings as text."""

from abreast.cli.finding_view import facts, ledger_line, list_lines
from abreast.cli.terminal import moment
from abreast.findings.finding import FindingState
from abreast.findings.report import ShownDifference
from tests.cli.found import detailed, listed
from tests.contracts.test_findings import TOTAL, a_finding

LEDGER = "18,400 of 20,112 requests compared, 1,700 skipped (method 1,200, sampled-out 500), 12 lost"


def test_the_ledger_says_what_became_of_each_request() -> None:
    assert ledger_line(listed()["ledger"]) == LEDGER
    nothing = {"seen": 0, "compared": 0, "skipped": {}, "lost": 0, "pending": 0}
    assert ledger_line(nothing) == "0 of 0 requests compared"
    assert ledger_line({**nothing, "pending": 3}).endswith("compared, 3 pending")


def test_the_list_has_each_finding_with_when_and_how_often() -> None:
    accepted = a_finding(12, state=FindingState.ACCEPTED, actor="ada", reason="new format", until=1_800_000_000.0)
    lines = list(list_lines(listed(a_finding(7, confirmed=118, transient=6), accepted), "all"))
    first, last = moment(1_763_000_000.25), moment(1_763_000_100.5)
    assert lines == [
        f"rollout 1   {LEDGER}",
        f" 7  open      {a_finding().title}",
        f"              first {first}, last {last}; asked again, 118 differed again and 6 did not",
        f"12  accepted  {a_finding().title}",
        f"              first {first}, last {last}",
        f"              by ada until {moment(1_800_000_000.0)}: new format",
        "one in full: abreast finding 7",
    ]


def test_a_list_without_findings_says_so_and_where_others_may_be() -> None:
    assert list(list_lines(listed(), "all"))[1:] == ["no finding"]
    assert list(list_lines(listed(), "open"))[1:] == ["no open finding; all states: abreast findings --state all"]


def test_the_facts_of_one() -> None:
    told = dict(facts(detailed(a_finding(7, confirmed=118, transient=6))["finding"]))
    assert told["what"] == a_finding().title
    assert told["state"] == "open"
    assert told["share"] == ("31.00 %: 124 of 400 compared answers; asked again, 118 differed again and 6 did not")
    assert told["seen"] == f"first {moment(1_763_000_000.25)}, last {moment(1_763_000_100.5)}"
    assert told["evidence"].startswith("if the candidate were no different, evidence this strong would appear in fewer")
    assert told["together"] == "/total (type), /tags/* (missing)"
    assert "endpoints" not in told
    assert told["next"].startswith("if it is meant: abreast accept 7")


def test_facts_that_there_are_none_of_are_left_out() -> None:
    carried = a_finding(
        1,
        keys=(TOTAL,),
        endpoints=("GET /a", "GET /b"),
        first_at=0.0,
        last_at=0.0,
        exchanges=0,
        compared=0,
        evidence=0.0,
    )
    told = dict(facts(detailed(carried)["finding"]))
    assert (told["share"], told["evidence"]) == ("0.00 %: 0 of 0 compared answers", "no evidence of this rollout's own")
    assert told["endpoints"] == "GET /a, GET /b"
    assert not {"seen", "together"} & set(told)


def test_what_a_service_or_a_person_wrote_is_shown_and_not_obeyed() -> None:
    hostile = a_finding(
        7,
        example=ShownDifference("/total", TOTAL, None, "\x1b[2J"),
        endpoint="GET /\x1b[2J",
        actor="a\x1b[2Jda",
        reason="\x1b[2J",
    )
    text = "\n".join([*list_lines(listed(hostile), "open"), *(line for _, line in facts(detailed(hostile)["finding"]))])
    assert "\x1b" not in text
    assert r"\x1b[2J" in text
