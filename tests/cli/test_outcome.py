"""How a rollout ended, for people and for GitHub Actions."""

from pathlib import Path

import pytest

from abreast.cli.client import RemoteError
from abreast.cli.outcome import Outcome, ended_by, found, publish, rested
from abreast.model.errors import NotRunningError, RefusedError, UsageError, WaitTimeoutError
from tests.cli.plane import completed, state
from tests.cli.remote import Script

NOTHING_COMPARED = RemoteError("no answers are compared for shop", "give it a step", RefusedError.exit_code)
BAD = state(
    phase="rolled-back",
    exit_code=5,
    reason="errors: v2 fails 3.1 points more",
    explanation=["v1 → v2 is rolled-back for 1 s: errors: v2 fails 3.1 points more.", "You can: retry, start."],
)
FINDINGS = {
    "rollout": 1,
    "findings": [
        {"number": 1, "title": "GET /: the status is 500, was 200"},
        {"number": 2, "title": "GET /a: gone \x1b[1m"},
    ],
}


def api(*, status: object = BAD, findings: object = FINDINGS) -> Script:
    return Script({"/status": [status], "/findings": [findings]})


class TestRested:
    """What is said of a rollout that rests."""

    def test_a_success_needs_no_explanation(self) -> None:
        asked = api()
        outcome = rested(asked, completed())
        assert (outcome.ok, outcome.exit_code, outcome.result) == (True, 0, "completed")
        assert outcome.text() == "shop: v1 is completed: v1 is the first version of shop\n"
        assert asked.asked == []

    def test_a_failure_says_why_and_what_differs(self) -> None:
        outcome = rested(api(), BAD)
        assert (outcome.ok, outcome.exit_code, outcome.result) == (False, 5, "rolled-back")
        assert outcome.text().splitlines() == [
            "shop: v1 → v2 is rolled-back",
            "  v1 → v2 is rolled-back for 1 s: errors: v2 fails 3.1 points more.",
            "  You can: retry, start.",
            "  finding 1: GET /: the status is 500, was 200",
            r"  finding 2: GET /a: gone \x1b[1m",
        ]

    @pytest.mark.parametrize(
        "findings", [NOTHING_COMPARED, NotRunningError("gone", "start it"), {**FINDINGS, "rollout": 7}]
    )
    def test_there_may_be_no_findings_of_it(self, findings: object) -> None:
        assert rested(api(findings=findings), BAD).findings == ()

    def test_a_log_names_so_many_findings_and_not_more(self) -> None:
        many = {"rollout": 1, "findings": [{"number": each, "title": "GET /"} for each in range(1, 24)]}
        told = found(api(findings=many), 1)
        assert len(told) == 21
        assert told[-1] == "and 3 more: abreast findings"


class TestEndedBy:
    """What is said of an error."""

    def test_a_wait_that_was_too_long_tells_where_the_rollout_is(self) -> None:
        outcome = ended_by(api(status=state()), WaitTimeoutError("still progressing after 2h", "wait longer"))
        assert (outcome.exit_code, outcome.result) == (12, "timed-out")
        assert outcome.sentences == ("v1 → v2 is progressing for 12 m.", "You can: promote, abort.")
        assert outcome.findings[0].startswith("finding 1")

    def test_also_when_nobody_answers_any_more(self) -> None:
        outcome = ended_by(api(status=NotRunningError("gone", "")), WaitTimeoutError("still progressing", "wait"))
        assert (outcome.result, outcome.sentences, outcome.state) == ("timed-out", ("→ wait",), None)

    def test_any_other_is_told_with_its_remedy(self) -> None:
        asked = api()
        outcome = ended_by(asked, RemoteError("start is not possible", "wait", 6))
        assert (outcome.exit_code, outcome.result) == (6, "failed")
        assert outcome.text() == "start is not possible\n  → wait\n"
        assert asked.asked == []


class TestMarkdown:
    """The report."""

    def test_it_has_the_sentences_the_findings_and_the_status(self) -> None:
        rows = rested(api(), BAD).markdown().splitlines()
        assert rows[0] == "### ✘ shop: v1 → v2 is rolled-back"
        assert "- You can: retry, start." in rows
        assert "- finding 1: GET /: the status is 500, was 200" in rows
        assert any(row.startswith("    shop  v1 → v2   rolled-back") for row in rows)
        assert rested(api(), completed()).markdown().startswith("### ✔ shop: v1 is completed")

    def test_text_of_others_stays_text(self) -> None:
        outcome = Outcome(5, "rolled-back", "<img src=x> [a](http://b) @team #1 `c` a|b", ("*x*\\",))
        assert outcome.markdown().splitlines()[0] == (
            "### ✘ &lt;img src=x\\> \\[a\\](http://b) \\@team \\#1 \\`c\\` a\\|b"
        )
        assert "- \\*x\\*\\\\" in outcome.markdown()


class TestGitHub:
    """What its runner reads."""

    def test_an_error_is_one_line_whatever_is_in_it(self) -> None:
        outcome = Outcome(5, "rolled-back", "100 % worse\n::stop-commands::x", ("second\r",))
        assert outcome.annotation() == (
            "::error title=abreast%3A rolled-back::100 %25 worse%0A::stop-commands::x%0Asecond%0D\n"
        )

    def test_a_success_is_a_notice(self) -> None:
        assert rested(api(), completed()).annotation().startswith("::notice title=abreast::shop: v1 is completed")

    def test_the_summary_and_the_outputs_are_added_to(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        summary, outputs = tmp_path / "summary", tmp_path / "outputs"
        summary.write_text("# before\n", "utf-8")
        environ = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs)}
        publish(rested(api(), BAD), None, github=True, environ=environ)
        assert summary.read_text("utf-8").startswith("# before\n### ✘ shop")
        assert outputs.read_text("utf-8") == "result=rolled-back\nrollout=1\nexit-code=5\n"
        told = capsys.readouterr()
        assert told.err.startswith("::error title=abreast%3A rolled-back::shop")
        assert told.out == ""

    def test_elsewhere_there_is_only_the_annotation(self, capsys: pytest.CaptureFixture[str]) -> None:
        publish(ended_by(None, UsageError("no", "yes")), None, github=True, environ={})
        assert capsys.readouterr().err == "::error title=abreast%3A failed::no%0A→ yes\n"


def test_a_report_is_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.md"
    file.write_text("of the last time", "utf-8")
    outcome = rested(api(), BAD)
    publish(outcome, file, github=False)
    assert file.read_text("utf-8") == outcome.markdown()
    assert capsys.readouterr().err == ""


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--report: '.*gone/report\.md' cannot be written: No such file"):
        publish(rested(api(), BAD), tmp_path / "gone" / "report.md", github=False)
