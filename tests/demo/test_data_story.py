"""What the data demo's users ask for fits its story: some prices are known, others are changed all the time."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from abreast.demo.crowd import Answer, Crowd
from abreast.demo.data_look import Agreement
from abreast.demo.data_play import plan
from abreast.demo.data_shop import BAD_EACH
from abreast.demo.data_site import ROWS
from abreast.demo.data_story import OPENING, REPRICED, REQUESTS, UNTOUCHED, DataOutcome, kept_promises
from abreast.demo.promises import Promise, RollBack
from abreast.demo.stage import Stage
from abreast.demo.teller import Teller
from abreast.up_process import UpProcess


def paths(method: str) -> list[str]:
    return [request.path for request in REQUESTS if request.method == method]


def test_every_request_is_one_that_can_be_sent() -> None:
    assert [fault for request in REQUESTS for fault in request.faults(request.path)] == []


def test_prices_are_changed_on_purpose_of_none_whose_price_is_known() -> None:
    repriced = {int(path.split("/")[2]) for path in paths("POST") if path.endswith("/dearer")}

    assert repriced == set(REPRICED)
    assert not repriced.intersection(UNTOUCHED)


def test_orders_hit_the_fault_of_known_and_of_changing_prices() -> None:
    ordered = {json.loads(request.body)["product"] for request in REQUESTS if request.path == "/orders"}

    assert ordered == {*UNTOUCHED, *REPRICED}
    assert max(ordered) <= ROWS
    for among in (UNTOUCHED, REPRICED):
        assert len([number for number in among if number % BAD_EACH == 0]) >= 10


def test_about_half_of_the_requests_write() -> None:
    writing = sum(request.weight for request in REQUESTS if request.method == "POST")

    assert 0.4 < writing / sum(request.weight for request in REQUESTS) < 0.6


def test_it_says_beforehand_what_is_to_be_seen() -> None:
    assert f"{ROWS:,} products" in OPENING
    assert all(version in OPENING for version in ("v1", "v2", "v3"))


@pytest.mark.parametrize(
    ("late_s", "failure", "broken"),
    [(0.0, "", []), (2.0, "", ["v2's last request came 2000 ms"]), (0.0, "reset", ["of 7 requests 1 failed"])],
)
def test_the_promises_are_told_with_what_was_seen(
    late_s: float, failure: str, broken: list[str], tmp_path: Path
) -> None:
    crowd = Crowd(plan("http://127.0.0.1:1", 1.0, 1.0))
    crowd.answers = [Answer(1, 0.5 * n, 0.5 * n + 0.1, 0.1, 200, "v1", "") for n in range(6)]
    crowd.answers.append(Answer(2, 0.5 + late_s, 0.6 + late_s, 0.1, 200, "v2", failure))
    stage = Stage(UpProcess(tmp_path / "abreast.yaml"), crowd, Teller(Console(file=io.StringIO())))
    outcome = DataOutcome(
        [Agreement("then", 10, 0)], [RollBack("v2", "by abort", 0.5, 9.0)], [Promise(kept=True, text="its own")]
    )
    status = {"phase": "completed", "versions": [{"name": "v3", "instances": [1]}, {"name": "v1", "instances": []}]}

    told = kept_promises(outcome, stage, status)

    wrong = [promise.text for promise in told if not promise.kept]
    assert len(wrong) == len(broken)
    assert all(text.startswith(words) for text, words in zip(wrong, broken, strict=True))
    assert [promise.text for promise in told].index("its own") == 2
    assert len(told) == 6
