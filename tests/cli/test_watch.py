"""The status once, watched, and waited for."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from abreast.cli import wait, watch
from abreast.cli.status_view import lines
from tests.cli.plane import Plane, Run, completed, state


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again at once."""
    monkeypatch.setattr(watch, "REFRESH_S", 0.001)
    monkeypatch.setattr(wait, "REFRESH_S", 0.001)


@pytest.mark.parametrize("code", [0, 3, 4, 5])
def test_the_exit_code_is_the_one_of_the_status(plane: Plane, abreast: Run, code: int) -> None:
    plane.answers("/status", state(exit_code=code))
    ended = abreast("status")
    assert ended.code == code
    assert ended.out == "\n".join(lines(state())) + "\n"


def test_as_json_it_has_the_fields_of_the_api(plane: Plane, abreast: Run) -> None:
    plane.answers("/status", state())
    assert json.loads(abreast("status", "--json").out) == state()


class TestWait:
    """It ends when nothing more happens by itself."""

    @pytest.mark.parametrize(("phase", "code"), [("completed", 0), ("rolled-back", 5), ("paused", 4), ("frozen", 4)])
    def test_until_the_rollout_rests(self, plane: Plane, abreast: Run, phase: str, code: int) -> None:
        rest = state(phase=phase, exit_code=code)
        plane.answers("/status", state(), state(phase="rolling-back", exit_code=5), rest)
        ended = abreast("status", "--wait")
        assert ended.code == code
        assert len(plane.asked) == 3
        assert ended.out == "\n".join(lines(rest)) + "\n"

    def test_each_change_is_told_once_on_stderr(self, plane: Plane, abreast: Run) -> None:
        plane.answers("/status", state(), state(phase_s=721.0), state(step=3, weight=2500), completed())
        told = abreast("status", "--wait").err.splitlines()
        assert [line.strip().split("   ")[1:4] for line in told[:2]] == [
            ["progressing", "step 2 of 7", "10 % of users"],
            ["progressing", "step 3 of 7", "25 % of users"],
        ]
        assert len(told) == 3

    def test_with_json_nothing_else_is_said(self, plane: Plane, abreast: Run) -> None:
        plane.answers("/status", state(), completed())
        ended = abreast("status", "--wait", "--json")
        assert ended.err == ""
        assert json.loads(ended.out) == completed()

    def test_not_for_ever(self, plane: Plane, abreast: Run) -> None:
        plane.answers("/status", state())
        ended = abreast("status", "--wait", "--timeout", "20ms")
        assert ended.code == 12
        assert "error: the rollout is still progressing after 20ms: weight 10 %: 20 s of 1 m left" in ended.err
        assert "→ wait longer, or see: abreast explain" in ended.err


class TestWatch:
    """It shows until Ctrl-C, and ends with what was last."""

    @pytest.fixture(autouse=True)
    def interrupted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ctrl-C in the third pause."""

        def pauses() -> Iterator[None]:
            yield
            yield
            raise KeyboardInterrupt

        pause = pauses()
        monkeypatch.setattr(time, "sleep", lambda _s: next(pause))

    def test_without_a_terminal_there_is_a_line_for_each_change(self, plane: Plane, abreast: Run) -> None:
        last = state(phase="paused", exit_code=4, reason="paused: lunch")
        plane.answers("/status", state(), state(phase_s=721.0), last)
        ended = abreast("status", "-w")
        assert ended.code == 4
        told = ended.out.splitlines()
        assert told[:2] == [
            "shop  v1 → v2   progressing   step 2 of 7   10 % of users   2 of 2 instances of v2 are ready",
            "shop  v1 → v2   paused   step 2 of 7   10 % of users   paused: lunch",
        ]
        assert told[2:] == list(lines(last))

    def test_on_a_terminal_the_tree_is_painted_again(
        self, plane: Plane, abreast: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        last: dict[str, Any] = state(weight=2500)
        plane.answers("/status", state(), state(), last)
        ended = abreast("status", "--watch")
        assert ended.code == 3
        assert "\x1b[" in ended.out
        assert ended.out.count("   10 % of users") == 2
        assert ended.out.endswith("\n".join(lines(last)) + "\n"), "what was last stays to be read"


def test_a_control_plane_that_ends_is_told(plane: Plane, abreast: Run) -> None:
    plane.answers("/status", {"detail": "the control plane is ending", "exit_code": 7}, status=503)
    ended = abreast("status", "-w")
    assert ended.code == 7
    assert "the control plane is ending" in ended.err
