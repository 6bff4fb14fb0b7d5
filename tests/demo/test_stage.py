"""Orders, waiting and telling, over a real `abreast up` with two origins."""

import io
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from abreast.bench.abreast_target import spec_text
from abreast.bench.origin import Behaviour, Origin
from abreast.bench.target import free_port
from abreast.demo.crowd import Crowd
from abreast.demo.site import HURRIED_GATES
from abreast.demo.stage import ACTOR, DemoError, Stage
from abreast.demo.teller import Teller
from abreast.load import Plan
from abreast.up_process import OrderError, UpProcess

Staged = tuple[Stage, io.StringIO]


@pytest.fixture
async def staged(short_tmp: Path) -> AsyncIterator[Staged]:
    """v1 serves 200 requests a second of 50 users; v2, to be given half of them, fails one in five."""
    port, out = free_port(), io.StringIO()
    async with Origin("v1") as good, Origin("v2", behaviour=Behaviour(fail_share=0.2)) as bad:
        file = short_tmp / "abreast.yaml"
        spec = yaml.safe_load(spec_text(port, good.port, bad.port, 5000, 1))
        spec["rollout"] |= {"gates": HURRIED_GATES, "on_failure": "roll-back"}
        file.write_text(yaml.safe_dump(spec), "utf-8")
        plan = Plan(
            url=f"http://127.0.0.1:{port}",
            rate_per_s=200,
            duration_s=60,
            connections=4,
            users=50,
            watch_header="x-version",
        )
        async with UpProcess(file) as up, Crowd(plan) as crowd:
            yield Stage(up, crowd, Teller(Console(file=out, width=200))), out


async def test_a_bad_candidate_from_its_first_request_to_its_last(staged: Staged) -> None:
    stage, out = staged

    before_s = time.time()
    ordered_s = await stage.order("start", "v2", reason="it is new")
    status = await stage.until(lambda status: status["phase"] == "rolled-back", 20, "the roll-back")
    await stage.rest(0.3)
    await stage.crowd.stop()
    totals = await stage.counted()

    shown = out.getvalue()
    assert before_s <= ordered_s <= time.time()
    assert '$ abreast start v2 -m "it is new"' in shown
    assert "50 % of users are on v2 now" in shown
    assert "verdict: gate errors" in shown
    assert shown.index("rolling back") < shown.index("the gateway confirms")
    assert status["weight"] == 0
    assert next(event["actor"] for event in stage.events if event["rollout"] == 1) == ACTOR
    assert len({event["id"] for event in stage.events}) == len(stage.events), "an event was told twice"
    assert sum(totals.attempts["v2"].get(code, 0) for code in (500,)) > 0
    assert sum(totals.users["v1"].values()) > 0
    assert all(0 < seen.share < 1 for seen in stage.seen.values())
    assert not [answer for answer in stage.crowd.answers if answer.failure]


async def test_what_is_compared_and_proven_is_told_while_it_grows(short_tmp: Path) -> None:
    """Given a step with users and copies, the teller says how many answers are compared, and how far the proof is."""
    port, out = free_port(), io.StringIO()
    async with Origin("v1") as stable, Origin("v2") as candidate:
        file = short_tmp / "abreast.yaml"
        spec = yaml.safe_load(spec_text(port, stable.port, candidate.port, 5000, 1))
        spec["rollout"]["steps"][0]["shadow"] = "100%"
        spec["rollout"]["gates"] = {"differences": {"window": "1s", "ignore": ["header:x-version"]}}
        file.write_text(yaml.safe_dump(spec), "utf-8")
        plan = Plan(f"http://127.0.0.1:{port}", rate_per_s=50, duration_s=60, connections=4, users=50)
        async with UpProcess(file) as up, Crowd(plan) as crowd:
            stage = Stage(up, crowd, Teller(Console(file=out, width=200)))
            await stage.order("start", "v2")
            told = re.compile(r"[1-9]\d* answers of v2 compared with v1's so far, 0 findings")
            await stage.until(lambda _: bool(told.search(out.getvalue())), 20, "answers to be compared")
            proof = re.compile(
                r"gate errors: [1-9]\d? % of the proof that it is not worse; undecided: at most [\d.]+ points more of "
            )
            await stage.until(lambda _: bool(proof.search(out.getvalue())), 20, "evidence to grow")
            comparison = await up.findings()

    assert "100 % of requests are copied to v2" in out.getvalue()
    assert comparison["findings"] == []
    assert comparison["ledger"]["compared"] > 0


async def test_waiting_in_vain_says_for_what_and_what_is_instead(staged: Staged) -> None:
    stage, _ = staged

    with pytest.raises(DemoError, match=r"waited 0\.2 s for v9 to serve; the rollout is completed at 0 %") as caught:
        await stage.until(lambda _: False, 0.2, "v9 to serve")

    assert str(stage.up.state.logs) in caught.value.remedy


async def test_a_refused_order_is_told_with_its_reason(staged: Staged) -> None:
    stage, out = staged

    with pytest.raises(OrderError, match="undo"):
        await stage.order("undo")

    assert "$ abreast undo" in out.getvalue()
