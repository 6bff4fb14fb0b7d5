"""The program: it lists every verb, and an error of ours is one message and its exit code."""

import re
from pathlib import Path
from typing import NoReturn

import pytest
from typer.main import get_command

from abreast.cli import verbs
from abreast.cli.main import app
from tests.cli.plane import Plane, Run

VERBS = (
    *(
        "up",
        "down",
        "server",
        "gateway",
        "relay",
        "operator",
        "start",
        "status",
        "promote",
        "pause",
        "resume",
        "weight",
        "abort",
        "undo",
        "retry",
        "retire",
    ),
    *("explain", "findings", "finding", "accept", "reopen", "compare"),
    *("events", "history", "doctor", "check", "schema", "init", "simulate", "replay"),
    *("demo", "import", "join-token", "tester", "restart-gateway", "bench", "alerts", "token", "data", "flag"),
)


def test_every_verb_is_listed_with_a_sentence(abreast: Run) -> None:
    ended = abreast("--help")
    assert ended.code == 0
    listed = re.findall(r"^  ([a-z][a-z-]+) {2,}[A-Z]\w+", ended.out, re.MULTILINE)
    assert tuple(listed) == VERBS


def test_every_option_and_argument_of_every_verb_is_described() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]  # Typer declares a Command, it makes a Group
    silent = [
        f"{name} {parameter.name}"
        for name, command in commands.items()
        for parameter in command.params
        if not getattr(parameter, "help", None)
    ]
    assert silent == []


def test_without_words_it_shows_its_help(abreast: Run) -> None:
    ended = abreast()
    assert ended.code == 2
    assert "Usage:" in ended.out + ended.err


def test_an_error_is_one_message_with_its_remedy_and_code(abreast: Run, short_tmp: Path) -> None:
    ended = abreast("status")
    assert (ended.code, ended.out) == (7, "")
    assert ended.err == (
        f"error: no abreast runs for '{short_tmp}'\n  → start it with: abreast up; or name its spec with --file\n"
    )


def test_the_spec_can_be_named(abreast: Run, plane: Plane, short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.answers("/history", [])
    monkeypatch.chdir("/")
    assert abreast("history", "-f", str(short_tmp / "abreast.yaml")).code == 0
    monkeypatch.setenv("ABREAST_FILE", str(short_tmp / "abreast.yaml"))
    assert abreast("history").code == 0
    assert len(plane.asked) == 2


def test_an_interrupted_command_ends_as_shells_expect(abreast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_file: Path) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "Client", interrupted)
    assert abreast("history").code == 130
