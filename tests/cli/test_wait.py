"""Waiting until a rollout rests, with a control plane that comes and goes."""

import time
from collections.abc import Callable

import pytest

from abreast.cli.client import RemoteError
from abreast.cli.wait import Patience, duration, patiently, wait_for_rest
from abreast.model.errors import NotRunningError, UsageError, WaitTimeoutError
from tests.cli.plane import completed, state
from tests.cli.remote import Script

AWAY = NotRunningError("nobody listens", "start it")
ENDING = RemoteError("abreast is ending", "wait", NotRunningError.exit_code)
REST = state(phase="rolled-back", exit_code=5)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """A clock that only sleeping moves."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", sleep)
    return lambda: now[0]


def statuses(*answers: object) -> Script:
    return Script({"/status": list(answers)})


@pytest.mark.parametrize("phase", ["completed", "retiring", "rolled-back", "paused", "frozen"])
def test_it_ends_where_nothing_happens_by_itself(phase: str) -> None:
    api = statuses(state(), state(phase="rolling-back"), state(phase=phase))
    assert wait_for_rest(api, Patience(60.0))["phase"] == phase
    assert len(api.asked) == 3


def test_each_change_is_told_with_the_time_and_nothing_that_a_terminal_obeys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wait_for_rest(statuses(state(), state(), state(weight=2500), completed(reason="\x1b[31mred\n")), Patience(60.0))
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.partition("  shop")[0].strip() for line in told.err.splitlines()] == ["0.0 s", "1 s", "2 s"]
    assert r"\x1b[31mred\n" in told.err
    assert "\x1b" not in told.err


def test_a_log_hears_once_a_minute_that_nothing_changes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WaitTimeoutError):
        wait_for_rest(statuses(state()), Patience(130.0))
    still = [line for line in capsys.readouterr().err.splitlines() if "still" in line]
    assert still == [
        "      1 m  still progressing; next: weight 10 %: 20 s of 1 m left",
        "      2 m  still progressing; next: weight 10 %: 20 s of 1 m left",
    ]


def test_not_longer_than_it_may(clock: Callable[[], float]) -> None:
    with pytest.raises(WaitTimeoutError, match="still progressing after 1m30s: weight 10 %") as caught:
        wait_for_rest(statuses(state()), Patience(90.0, quiet=True))
    assert "abreast explain" in caught.value.remedy
    assert 90.0 < clock() < 92.0


class TestHalted:
    """A pause may be waited out, each for so long."""

    def test_a_pause_that_is_over_in_time_is_none(self) -> None:
        paused = [state(phase="paused", exit_code=4)] * 10
        api = statuses(*paused, state(), *paused, completed())
        assert wait_for_rest(api, Patience(600.0, halted_s=8.0, quiet=True))["phase"] == "completed"

    def test_one_that_is_not_ends_the_wait(self, clock: Callable[[], float]) -> None:
        api = statuses(state(), state(phase="frozen", exit_code=4))
        assert wait_for_rest(api, Patience(600.0, halted_s=8.0, quiet=True))["phase"] == "frozen"
        assert 8.0 <= clock() <= 9.5


class TestAway:
    """A control plane that is started again is no failure."""

    def test_it_goes_on_and_says_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        api = statuses(state(), AWAY, AWAY, ENDING, REST)
        assert wait_for_rest(api, Patience(60.0)) == REST
        told = capsys.readouterr().err.splitlines()
        assert told[1] == "nobody listens; asking again, for 2 m at most"
        assert told[2] == "abreast answers again, after 3 s"
        assert len(told) == 4

    def test_not_for_ever(self, clock: Callable[[], float]) -> None:
        with pytest.raises(NotRunningError, match="nobody listens; asked for 30 s") as caught:
            wait_for_rest(statuses(state(), AWAY), Patience(600.0, away_s=30.0))
        assert caught.value.remedy == "start it"
        assert 30.0 <= clock() <= 32.0

    def test_each_time_anew(self) -> None:
        away = [AWAY] * 20
        api = statuses(*away, state(), *away, REST)
        assert wait_for_rest(api, Patience(600.0, away_s=30.0, quiet=True)) == REST

    def test_no_patience_is_no_second_call(self) -> None:
        api = statuses(AWAY)
        with pytest.raises(NotRunningError):
            patiently(lambda: api.get("/status"), Patience(60.0, away_s=0.0, quiet=True))
        assert len(api.asked) == 1

    def test_another_error_is_told_at_once(self) -> None:
        api = statuses(RemoteError("the token is unknown", "make one", 1), REST)
        with pytest.raises(RemoteError, match="the token is unknown"):
            wait_for_rest(api, Patience(60.0))
        assert len(api.asked) == 1


class TestReplaced:
    """Somebody began another rollout before this one's end was read."""

    ROW: dict[str, object] = {  # noqa: RUF012  # read only
        "number": 1,
        "stable": "v1",
        "candidate": "v2",
        "phase": "rolled-back",
        "weight": 0,
        "reason": "aborted by ada",
    }
    NEXT = state(rollout=2, candidate="v3")

    def replaced(self, *rows: object) -> Script:
        return Script({"/status": [state(), self.NEXT], "/history": [list(rows)]})

    @pytest.mark.parametrize(("phase", "code"), [("rolled-back", 5), ("completed", 0)])
    def test_its_own_end_counts(self, phase: str, code: int) -> None:
        api = self.replaced({**self.ROW, "number": 0}, {**self.ROW, "phase": phase}, {**self.ROW, "number": 2})
        found = wait_for_rest(api, Patience(60.0, quiet=True), rollout=1)
        assert (found["rollout"], found["candidate"], found["phase"], found["exit_code"]) == (1, "v2", phase, code)
        assert found["explanation"] == [
            f"rollout 1 (v1 → v2) is {phase}: aborted by ada; rollout 2 has taken its place since."
        ]

    def test_one_that_is_not_on_record_is_no_success(self) -> None:
        with pytest.raises(UsageError, match="rollout 1 is not on record any more"):
            wait_for_rest(self.replaced(), Patience(60.0, quiet=True), rollout=1)

    def test_without_a_number_any_rollout_is_waited_for(self) -> None:
        api = statuses(state(), self.NEXT, completed(rollout=2))
        assert wait_for_rest(api, Patience(60.0, quiet=True))["rollout"] == 2


def test_options_are_durations() -> None:
    assert Patience.of("2h", "30m", "10s", quiet=True) == Patience(7200.0, 1800.0, 10.0, quiet=True)
    assert duration("90s") == 90.0
    with pytest.raises(UsageError, match="--halted-for: 'soon' is no duration") as caught:
        Patience.of("2h", "soon")
    assert caught.value.remedy == "such as: --halted-for 30m"
