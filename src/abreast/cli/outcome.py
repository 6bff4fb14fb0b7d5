"""How a rollout that was waited for ended: in words for a log, as Markdown, and as GitHub Actions reads it."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from abreast.cli.status_view import lines
from abreast.cli.wait import Reader
from abreast.model.errors import AbreastError, UsageError, WaitTimeoutError
from abreast.model.visible import visible

Json = dict[str, Any]

_MOST: Final = 20
"""Findings that are named; a log is read by people."""
TIMED_OUT, FAILED, INTERRUPTED = "timed-out", "failed", "interrupted"


@dataclass(frozen=True)
class Outcome:
    """``result`` is the phase it rests in, or one of the three above; ``state`` the last status, if there was one."""

    exit_code: int
    result: str
    headline: str
    sentences: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    state: Json | None = None

    @property
    def ok(self) -> bool:
        """Whether the build may go on."""
        return self.exit_code == 0

    def text(self) -> str:
        """The explanation, as a log shows it."""
        return "\n".join([self.headline, *(f"  {each}" for each in (*self.sentences, *self.findings))]) + "\n"

    def markdown(self) -> str:
        """A report for people: what, why, what the candidate answers differently, and the last status."""
        rows = [f"### {'✔' if self.ok else '✘'} {_plain(self.headline)}", ""]
        rows += [f"- {_plain(each)}" for each in self.sentences]
        if self.findings:
            rows += ["", "#### What it answers differently", "", *(f"- {_plain(each)}" for each in self.findings)]
        if self.state is not None:
            tree = [visible(line) for line in lines(self.state)]
            rows += ["", *(f"    {line}" for line in tree)]  # by indentation: no text of others can end such a block
        return "\n".join(rows) + "\n\n"

    def annotation(self) -> str:
        """The workflow command that puts it on top of a run's page."""
        kind, title = ("notice", "abreast") if self.ok else ("error", f"abreast: {self.result}")
        message = "\n".join([self.headline, *self.sentences, *self.findings])
        return f"::{kind} title={_escaped(title, ',:')}::{_escaped(message)}\n"

    def outputs(self) -> str:
        """The step's outputs."""
        rollout = "" if self.state is None else self.state["rollout"]
        return f"result={self.result}\nrollout={rollout}\nexit-code={self.exit_code}\n"


def rested(client: Reader, state: Json) -> Outcome:
    """The outcome of a rollout that rests: an explanation and findings if it did not succeed."""
    versions = f"{state['stable']} → {state['candidate']}" if state["candidate"] else state["stable"]
    headline = visible(f"{state['service']}: {versions} is {state['phase']}")
    if state["exit_code"] == 0:
        return Outcome(0, state["phase"], f"{headline}: {visible(state['reason'])}", state=state)
    sentences = tuple(visible(each) for each in state["explanation"])
    return Outcome(state["exit_code"], state["phase"], headline, sentences, found(client, state["rollout"]), state)


def ended_by(client: Reader | None, error: AbreastError) -> Outcome:
    """The outcome of an error; of a wait that was too long, with where the rollout is."""
    headline, remedy = visible(error.message), f"→ {visible(error.remedy)}"
    if not isinstance(error, WaitTimeoutError) or client is None:
        return Outcome(error.exit_code, FAILED, headline, (remedy,))
    try:
        state: Json = client.get("/status")
    except AbreastError:
        return Outcome(error.exit_code, TIMED_OUT, headline, (remedy,))
    sentences = tuple(visible(each) for each in state["explanation"])
    return Outcome(error.exit_code, TIMED_OUT, headline, sentences, found(client, state["rollout"]), state)


def found(client: Reader, rollout: int) -> tuple[str, ...]:
    """The open findings of a rollout; none where nothing is compared, or nobody answers."""
    try:
        record = client.get("/findings", state="open")
    except AbreastError:
        return ()
    if record["rollout"] != rollout:
        return ()
    told = [f"finding {each['number']}: {visible(each['title'])}" for each in record["findings"]]
    more = [f"and {len(told) - _MOST} more: abreast findings"] if len(told) > _MOST else []
    return (*told[:_MOST], *more)


def publish(outcome: Outcome, report: Path | None, *, github: bool, environ: Mapping[str, str] = os.environ) -> None:
    """Write the report, and tell GitHub Actions by the files that its variables name. Raises UsageError."""
    if report is not None:
        _write(report, outcome.markdown(), "w", "--report")
    if not github:
        return
    # On stderr, where the rest of the log is: the runner reads both, and stdout stays one document with --json.
    sys.stderr.write(outcome.annotation())
    for name, text in (("GITHUB_STEP_SUMMARY", outcome.markdown()), ("GITHUB_OUTPUT", outcome.outputs())):
        if environ.get(name):
            _write(Path(environ[name]), text, "a", name)


def _write(path: Path, text: str, mode: str, named: str) -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        message = f"{named}: {str(path)!r} cannot be written: {error.strerror}"
        raise UsageError(message, "name a file in a directory that is there") from error


def _plain(text: str) -> str:
    """Text of others within Markdown: no links, tags or mentions of it come to life."""
    for sign in "\\`*_[]<>|#@":
        text = text.replace(sign, f"\\{sign}" if sign != "<" else "&lt;")
    return text


def _escaped(text: str, also: str = "") -> str:
    """Text within a workflow command."""
    for sign in f"%\r\n{also}":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
