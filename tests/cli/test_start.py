"""Start a rollout and wait for it, as pipelines do: joined, lost, cancelled, refused."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abreast.cli import wait
from tests.cli.plane import Plane, Run, completed, state, version

DONE = {"message": "rollout 1: v1 → v2 begins", "phase": "pending", "weight": 0, "revision": 8, "obeyed_s": 0.0214}
NO_FINDINGS = {"rollout": 1, "findings": []}
FAILED = state(phase="rolled-back", exit_code=5, reason="v2 failed", explanation=["v2 failed.", "You can: retry."])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again at once; and no pipeline around this one."""
    monkeypatch.setattr(wait, "REFRESH_S", 0.001)
    monkeypatch.setattr(wait, "AGAIN_S", 0.001)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)


def given(plane: Plane) -> list[str]:
    """The orders that were given."""
    return [asked.path.removeprefix("/commands/") for asked in plane.asked if asked.method == "POST"]


def test_it_ends_with_the_code_of_the_end_and_says_why(plane: Plane, abreast: Run) -> None:
    plane.answers("/commands/start", DONE)
    plane.answers("/status", completed(rollout=0), state(), FAILED)
    plane.answers("/findings", {"rollout": 1, "findings": [{"number": 1, "title": "GET /: gone"}]})
    ended = abreast("start", "v2", "--wait", "-m", "release 2")
    assert ended.code == 5
    assert ended.out.startswith("rollout 1: v1 → v2 begins\nevery gateway obeys, 21 ms after the order\nshop  v1 → v2")
    assert ended.err.endswith(
        "\nshop: v1 → v2 is rolled-back\n  v2 failed.\n  You can: retry.\n  finding 1: GET /: gone\n"
    )
    body = next(asked.body for asked in plane.asked if asked.method == "POST")
    assert body is not None
    assert (body["version"], body["reason"]) == ("v2", "release 2")


def test_a_success_explains_nothing(plane: Plane, abreast: Run) -> None:
    plane.answers("/commands/start", DONE)
    plane.answers("/status", completed(rollout=0), completed())
    ended = abreast("start", "v2", "--wait")
    assert ended.code == 0
    assert "You can" not in ended.err


@pytest.mark.parametrize(("end", "code"), [(completed(), 0), (FAILED, 5)])
def test_as_json_it_is_one_document(plane: Plane, abreast: Run, end: dict[str, Any], code: int) -> None:
    plane.answers("/commands/start", DONE)
    plane.answers("/findings", NO_FINDINGS)
    plane.answers("/status", end)
    ended = abreast("start", "v2", "--wait", "--json")
    assert (ended.code, ended.err) == (code, "")
    assert json.loads(ended.out) == end


def test_a_wait_that_is_too_long_says_where_it_is(plane: Plane, abreast: Run) -> None:
    plane.answers("/commands/start", DONE)
    plane.answers("/status", state())
    plane.answers("/findings", NO_FINDINGS)
    ended = abreast("start", "v2", "--wait", "--timeout", "20ms")
    assert ended.code == 12
    assert "\nthe rollout is still progressing after 20ms: weight 10 %" in ended.err
    assert "  You can: promote, abort.\n" in ended.err
    assert ended.err.endswith("\n  → wait longer, or see: abreast explain\n")


def test_a_pause_may_last(plane: Plane, abreast: Run) -> None:
    paused = state(phase="paused", exit_code=4)
    plane.answers("/commands/start", DONE)
    plane.answers("/status", completed(rollout=0), paused, paused, paused, completed())
    assert abreast("start", "v2", "--wait", "--halted-for", "1m").code == 0


def test_a_rollout_that_another_replaced_has_its_own_end(plane: Plane, abreast: Run) -> None:
    plane.answers("/commands/start", DONE)
    plane.answers("/status", completed(rollout=0), state(), state(rollout=2, candidate="v3"))
    row = {"number": 1, "stable": "v1", "candidate": "v2", "phase": "rolled-back", "weight": 0, "reason": "aborted"}
    plane.answers("/history", [row])
    plane.answers("/findings", NO_FINDINGS)
    ended = abreast("start", "v2", "--wait")
    assert ended.code == 5
    assert "rollout 1 (v1 → v2) is rolled-back: aborted; rollout 2 has taken its place since." in ended.err


class TestJoin:
    """The same build again: nothing is started twice."""

    @pytest.mark.parametrize(
        ("there", "started"),
        [
            (completed(versions=[version("v2", "stable")]), False),
            (state(phase="paused", exit_code=4), False),
            (state(phase="progressing"), False),
            (state(phase="rolled-back", exit_code=5), True),
            (completed(), True),
        ],
    )
    def test_what_is_there_already_is_waited_for(
        self, plane: Plane, abreast: Run, there: dict[str, Any], started: bool
    ) -> None:
        plane.answers("/commands/start", DONE)
        plane.answers("/status", there, completed())
        ended = abreast("start", "v2", "--join", "--wait", "--halted-for", "1m")
        assert ended.code == 0
        assert given(plane) == ["start"] * started
        assert ("is there already" in ended.err) != started

    def test_without_it_the_control_plane_says_what_it_thinks_of_a_second_start(
        self, plane: Plane, abreast: Run
    ) -> None:
        plane.answers("/status", state())
        plane.answers(
            "/commands/start", {"detail": "not while progressing", "remedy": "wait", "exit_code": 6}, status=409
        )
        ended = abreast("start", "v2", "--wait")
        assert (ended.code, ended.err) == (6, "error: not while progressing\n  → wait\n")


class TestAway:
    """The control plane is restarted while the order is given."""

    ENDING = ({"detail": "abreast is ending", "remedy": "", "exit_code": 7}, 503)

    def test_an_order_whose_answer_was_lost_is_not_given_again(self, plane: Plane, abreast: Run) -> None:
        plane.answers("/commands/start", self.ENDING[0], status=self.ENDING[1])
        plane.answers("/status", completed(rollout=0), state(), completed())
        ended = abreast("start", "v2", "--wait")
        assert ended.code == 0
        assert given(plane) == ["start"]
        assert "abreast is ending; asking again, for 2 m at most" in ended.err
        assert "abreast answers again" in ended.err

    def test_one_that_did_not_arrive_is(self, plane: Plane, abreast: Run) -> None:
        plane.answers("/commands/start", self.ENDING[0], status=self.ENDING[1])
        plane.answers("/commands/start", DONE)
        plane.answers("/status", completed(rollout=0), completed(rollout=0), completed())
        assert abreast("start", "v2", "--wait").code == 0
        assert given(plane) == ["start", "start"]

    def test_nobody_is_waited_for_so_long_and_not_longer(self, short_tmp: Path, abreast: Run) -> None:
        ended = abreast("start", "v2", "--wait", "--away-for", "20ms")
        assert ended.code == 7
        assert f"error: no abreast runs for '{short_tmp}'; asked for 0.0 s" in ended.err


class TestInterrupted:
    """A build that is cancelled leaves the rollout, or aborts it."""

    @pytest.fixture(autouse=True)
    def signalled(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """SIGTERM in the first pause; what comes before and after it are the test's."""
        before = signal.getsignal(signal.SIGTERM)

        def sleep(_s: float) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

        monkeypatch.setattr(time, "sleep", sleep)
        yield
        assert signal.getsignal(signal.SIGTERM) == before

    def begun(self, plane: Plane, *after: dict[str, Any]) -> None:
        plane.answers("/commands/start", DONE)
        plane.answers("/commands/abort", {**DONE, "message": "all users go back to v1"})
        plane.answers("/status", completed(rollout=0), *after)

    def test_it_stays_as_it_is(self, plane: Plane, abreast: Run) -> None:
        self.begun(plane, state())
        ended = abreast("start", "v2", "--wait")
        assert ended.code == 143
        assert given(plane) == ["start"]
        assert "interrupted by SIGTERM; rollout 1 stays as it is (progressing): abreast status\n" in ended.err

    def test_it_is_rolled_back(self, plane: Plane, abreast: Run, tmp_path: Path) -> None:
        self.begun(plane, state())
        ended = abreast("start", "v2", "--wait", "--on-interrupt", "abort", "--report", str(tmp_path / "report.md"))
        assert ended.code == 143
        assert given(plane) == ["start", "abort"]
        assert plane.asked[-1].body is not None
        assert plane.asked[-1].body["reason"] == "who waited for it was interrupted (SIGTERM)"
        assert "interrupted by SIGTERM; all users go back to v1\n" in ended.err
        assert "interrupted by SIGTERM" in (tmp_path / "report.md").read_text("utf-8")

    def test_another_one_is_not(self, plane: Plane, abreast: Run) -> None:
        self.begun(plane, state(), state(), state(rollout=2, candidate="v3"))
        ended = abreast("start", "v2", "--wait", "--on-interrupt", "abort")
        assert given(plane) == ["start"]
        assert "no rollout of v2 is under way" in ended.err

    def test_before_it_began_there_is_nothing_to_roll_back(self, abreast: Run) -> None:
        ended = abreast("start", "v2", "--wait", "--on-interrupt", "abort")
        assert ended.code == 143
        assert "interrupted by SIGTERM; no abreast runs" in ended.err


class TestPublished:
    """What a pipeline shows besides its log."""

    def test_an_error_is_an_annotation_too(self, plane: Plane, abreast: Run) -> None:
        plane.answers("/status", {"detail": "the token is revoked", "remedy": "make one", "exit_code": 1}, status=401)
        ended = abreast("start", "v2", "--wait", "--github")
        assert ended.code == 1
        assert ended.err.startswith("::error title=abreast%3A failed::the token is revoked%0A→ make one\n")

    def test_summary_outputs_and_report(
        self, plane: Plane, abreast: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
            monkeypatch.setenv(name, str(tmp_path / name))
        plane.answers("/commands/start", DONE)
        plane.answers("/status", FAILED)
        plane.answers("/findings", NO_FINDINGS)
        abreast("start", "v2", "--wait", "--github", "--report", str(tmp_path / "report.md"))
        report = (tmp_path / "report.md").read_text("utf-8")
        assert report.startswith("### ✘ shop: v1 → v2 is rolled-back")
        assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text("utf-8") == report
        assert "result=rolled-back\n" in (tmp_path / "GITHUB_OUTPUT").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--join", "--github"], "--join and --github: there is nothing to wait for"),
        (["--wait", "--on-interrupt", "explode"], "--on-interrupt: 'explode' is neither"),
        (["--wait", "--halted-for", "soon"], "--halted-for: 'soon' is no duration"),
        (["--wait", "--report", "gone/report.md"], "--report: there is no directory 'gone'"),
    ],
)
def test_options_that_make_no_sense_start_nothing(plane: Plane, abreast: Run, words: list[str], said: str) -> None:
    ended = abreast("start", "v2", *words)
    assert ended.code == 2
    assert said in ended.err
    assert plane.asked == []
