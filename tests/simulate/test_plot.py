"""Pictures: drawn where matplotlib is, and told in one line where it is not."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.analysis.lanes import Limits
from abreast.model.errors import UsageError
from abreast.simulate.batch import Batch, run_all
from abreast.simulate.course import RULES, End, Way
from abreast.simulate.plot import draw, growth, require_plottable
from abreast.simulate.truth import TRUTHS

WAY = Way((0.05, 0.25), Limits(tolerance=None), longest_s=400)
NAMES = ("broken",)


@pytest.mark.parametrize(("suffix", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_picture_is_drawn(suffix: str, begins: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"found.{suffix}"
    truths = [TRUTHS[name] for name in NAMES]
    found = run_all([Batch(truth, WAY, tuple(RULES), 3) for truth in truths], 1, lambda _ended: None)

    require_plottable(file)
    draw(file, list(zip(truths, found, strict=True)), WAY)

    assert file.read_bytes().startswith(begins)
    assert file.stat().st_size > 10_000


def test_a_place_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "found.svg"
    found = run_all([Batch(TRUTHS["broken"], WAY, ("abreast",), 1)], 1, lambda _ended: None)
    with pytest.raises(UsageError, match="nowhere"):
        draw(file, [(TRUTHS["broken"], found[0])], WAY)


def test_another_ending_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'found\.pdf' is neither"):
        require_plottable(Path("found.pdf"))


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError) as caught:
        require_plottable(Path("found.svg"))
    assert caught.value.remedy == "pip install 'abreast[plot]'"
    assert caught.value.exit_code == 2


def test_evidence_grows_until_it_is_a_proof() -> None:
    grown = growth(TRUTHS["broken"], 0, WAY)
    assert grown.end is End.ROLLED_BACK
    assert grown.worse[-1] >= 1 > grown.worse[-2]
    assert len(grown.fine) == len(grown.worse) <= 20
    assert grown.advanced_s == ()


def test_evidence_of_a_healthy_one_begins_anew_with_each_step() -> None:
    grown = growth(TRUTHS["same-0"], 0, WAY)
    assert grown.end is End.PROMOTED
    first, last = grown.advanced_s
    assert last == len(grown.fine) - 1
    assert grown.fine[first] >= 1
    assert grown.fine[first + 1] < 0.5
    assert max(grown.worse) < 1


def test_where_the_weight_stays_nothing_is_promoted() -> None:
    grown = growth(TRUTHS["same-0"], 0, replace(WAY, ladder=(0.05,), stay=True, longest_s=200))
    assert grown.end is End.UNDECIDED
    assert len(grown.worse) == 200
    assert grown.advanced_s == ()
