"""The verb: a table, a picture, a file; errors before the minutes of simulating; Ctrl-C is obeyed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from abreast.analysis.lanes import Limits
from abreast.cli.main import app
from abreast.model.errors import UsageError
from abreast.simulate import acceptance
from abreast.simulate.acceptance import Claim, Unit
from abreast.simulate.batch import Batch
from abreast.simulate.course import RULES, Outcome, Way
from abreast.simulate.truth import TRUTHS

SPEC = """\
versions:
  one:
    run: ./shop --port {port}
  two:
    run: ./shop --port {port} --new
rollout:
  steps:
    - weight: 20%
    - weight: 100%
"""


def at_s(outcomes: Sequence[Outcome]) -> float:
    return max(outcome.at_s for outcome in outcomes)


def told(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["simulate", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def refused(*arguments: str) -> UsageError:
    done = CliRunner().invoke(app, ["simulate", *arguments])
    assert isinstance(done.exception, UsageError), done.output
    return done.exception


def test_rules_stand_beside_each_other(tmp_path: Path) -> None:
    file, picture = tmp_path / "found.json", tmp_path / "found.svg"
    shown = told(
        *("--truth", "broken", "--rules", "abreast,flagger", "--weight", "5%", "--seeds", "3"),
        *("--json", str(file), "--plot", str(picture)),
    )
    assert "3 runs of each, at 5 %" in shown
    assert f"every number is in {file}" in shown.replace("\n", "")
    assert picture.read_text("utf-8").startswith("<?xml")
    data = json.loads(file.read_text("utf-8"))
    assert data["stay"] is True
    abreast, flagger = data["summaries"]
    assert (abreast["rule"], abreast["rolled_back"]) == ("abreast", 1.0)
    assert flagger["requests_p50"] > 20 * abreast["requests_p50"]


def test_a_specs_policy_is_walked(tmp_path: Path) -> None:
    spec = tmp_path / "abreast.yaml"
    spec.write_text(SPEC, "utf-8")
    shown = told("--policy", str(spec), "--truth", "same-0", "--rules", "abreast", "--seeds", "1", "--rate", "200")
    assert "1 run of each, up 20 % – promoted" in shown
    assert "100.0 %" in shown


def test_truths_and_rules_are_named() -> None:
    shown = told("--list")
    assert all(name in shown for name in (*TRUTHS, *RULES))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--truth", "best"), "'best'"),
        (("--rules", "abreast,spinnaker"), "'spinnaker'"),
        (("--weight", "5"), "--weight"),
        (("--weight", "100%"), "'100%' leaves one version without users"),
        (("--plot", "found.pdf"), "'found.pdf'"),
        (("--json", "/nowhere/found.json"), "'/nowhere/found.json'"),
        (("--policy", "/nowhere/abreast.yaml"), "'/nowhere/abreast.yaml'"),
        (("--acceptance", "--seeds", "5", "--rate", "3"), "--seeds, --rate"),
    ],
)
def test_what_makes_no_sense_is_told_at_once(arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(*arguments).message


@pytest.mark.parametrize(("bar", "code", "word"), [(100, 0, "met"), (0, 1, "missed")])
def test_a_missed_bar_is_the_exit_code(
    bar: float, code: int, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Way((0.05,), Limits(tolerance=None), longest_s=60, stay=True)
    claim = Claim("how soon", Batch(TRUTHS["broken"], way, ("abreast",), 3), at_s, bar, Unit.SECONDS)
    monkeypatch.setattr(acceptance, "claims", lambda *, quick: (claim,) * (1 + quick))
    file = tmp_path / "figures.json"

    done = CliRunner().invoke(app, ["simulate", "--acceptance", "--json", str(file)])

    assert done.exit_code == code, done.output
    assert word in done.output
    (figure,) = json.loads(file.read_text("utf-8"))["figures"]
    assert figure["met"] is (code == 0)
    assert figure["runs"] == 3


def test_an_interrupt_ends_it_without_a_word() -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "abreast", "simulate", "--acceptance"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        workers = Path(f"/proc/{program.pid}/task/{program.pid}/children")
        deadline = time.monotonic() + 30
        while len(workers.read_text("utf-8").split()) < 2:  # the resource tracker, and a worker
            assert time.monotonic() < deadline, "no worker was started"
            time.sleep(0.05)
        os.killpg(program.pid, signal.SIGINT)
        out, err = program.communicate(timeout=20)
    finally:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
    assert (out, err) == ("", "")
    assert program.returncode == 130
