"""Many seeds through the miniature world: every invariant after every cycle, and rest once the faults stop.

A failure names its seed; ``Run(seed)`` repeats it exactly.
"""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from abreast.analysis.engine import Engine
from abreast.model.rollout import Phase, Rollout
from abreast.model.traffic import Shadowing, Split
from abreast.rollout import data, steps
from abreast.rollout import decide as core
from abreast.rollout import turn as turns
from abreast.rollout.gates import Verdict
from abreast.rollout.observed import NodeState, Observed
from abreast.rollout.turn import Turn
from tests.simulation.run import Run
from tests.simulation.world import Node

QUICK_SEEDS = 100
QUICK_CYCLES = 100
RESTED_SEEDS = 20
BLOCKS = 10


async def simulated(seed: int, cycles: int, *, calm: bool = False) -> Run:
    """One run; a broken invariant is told with its seed and what happened last."""
    run = Run(seed)
    try:
        await run.faulty(cycles)
        if calm:
            await run.calm()
    except AssertionError as broken:
        raise AssertionError(f"seed {seed}, cycle {run.cycles}: {broken}\n{run.story()}") from broken
    return run


@pytest.mark.parametrize("block", range(BLOCKS))
async def test_the_invariants_hold_under_any_order_of_faults(block: int) -> None:
    phases: Counter[str] = Counter()
    for seed in range(block, QUICK_SEEDS, BLOCKS):
        phases.update((await simulated(seed, QUICK_CYCLES)).phases)
    assert {Phase.PENDING, Phase.PROGRESSING, Phase.ROLLING_BACK, Phase.ROLLED_BACK} <= set(phases)


async def test_the_runs_lead_through_every_phase_and_back() -> None:
    phases: Counter[str] = Counter()
    reasons: list[str] = []
    for seed in range(1000, 1030):
        run = await simulated(seed, 2 * QUICK_CYCLES)
        phases.update(run.phases)
        reasons += [event.reason for _, event in run.log]
    assert set(phases) == set(Phase)
    assert min(phases.values()) >= 2, phases
    for words in (
        "gate errors: ",
        "gate latency: ",
        "gate differences: ",
        "errors: not worse",
        "differences: no more ",
    ):
        assert any(reason.startswith(words) for reason in reasons), f"{words!r}: evidence decides, both ways"


@pytest.mark.parametrize("block", range(4))
async def test_once_the_faults_stop_it_rests_or_says_what_it_waits_for(block: int) -> None:
    for seed in range(2000 + block, 2000 + RESTED_SEEDS, 4):
        await simulated(seed, QUICK_CYCLES, calm=True)


async def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    one, again, other = [await simulated(seed, 2 * QUICK_CYCLES) for seed in (5, 5, 6)]
    assert one.trace == again.trace
    assert [event for _, event in one.log] == [event for _, event in again.log]
    assert one.trace != other.trace
    assert one.log


def _routed_by_what_was_said(self: Observed, version: str) -> bool:
    return any(node.acked is not None and version in node.acked.versions for node in self.nodes)


def _routed_with_known_nodes(self: Observed, version: str) -> bool:
    return any(node.acked is None or version in node.acked.versions for node in self.nodes)


def _obeyed_by_somebody(self: Observed, split: Split) -> bool:
    return any(node.acked == split for node in self.nodes)


def _last_answer(self: Node) -> NodeState:
    """What the gateway had acknowledged before it was sent something else."""
    return NodeState(self.id, self.acked, self.connected, self.nack)


def _by_phase(rollout: Rollout) -> str:
    return f"r{int(rollout.phase_since)}"


def _proven(*_: object) -> Verdict:
    return Verdict(worse=False, proven=True, sentence="good enough")


def _worse(*_: object) -> Verdict:
    return Verdict(worse=True, proven=False, sentence="bad enough")


def _always_copying(rollout: Rollout) -> Shadowing | None:
    return Shadowing(rollout.shadow, 1.0) if rollout.shadow else None


def _sleepily(turn: Turn) -> core.Advance:
    after, because, _ = core._baking(turn)
    return after, because, None


def _mutely(turn: Turn) -> core.Advance:
    after, _, wake_at = core._promoting(turn)
    return after, "", wake_at


Sabotage = Callable[[pytest.MonkeyPatch], None]

SEARCH_FROM = {
    "an older answer counts while a newer one is due": 115,
    "gateways that were not found yet count as none": 27,
    "a step inherits the proof of the one before": 49,
    "no comparison proves": 19,
    "rows that nobody looked at prove": 53,
}
"""Rare ones, and the seed near which to look first."""

SABOTAGES: dict[str, tuple[Sabotage, str]] = {
    "an unknown gateway counts as none": (
        lambda patch: patch.setattr(Observed, "routed", _routed_by_what_was_said),
        "1: ",
    ),
    "gateways that were not found yet count as none": (
        lambda patch: patch.setattr(Observed, "routed", _routed_with_known_nodes),
        "1: ",
    ),
    "nobody is sheltered": (lambda patch: patch.setattr(core, "shelter_of", lambda *_: None), "2: "),
    "the buckets move within a rollout": (
        lambda patch: patch.setattr(Rollout, "salt", property(_by_phase)),
        "4: ",
    ),
    "one gateway's word is enough": (lambda patch: patch.setattr(Observed, "obeyed", _obeyed_by_somebody), "7: "),
    "an older answer counts while a newer one is due": (
        lambda patch: patch.setattr(Node, "state", property(_last_answer)),
        "7: ",
    ),
    "no data proves": (lambda patch: patch.setattr(steps, "judge_errors", _proven), "8: "),
    "no data condemns": (lambda patch: patch.setattr(core, "judge_errors", _worse), "8: "),
    "no data proves speed": (
        lambda patch: patch.setattr(steps, "judge_latency", _proven),
        "8: a step is done too slow",
    ),
    "no data condemns as slow": (lambda patch: patch.setattr(core, "judge_latency", _worse), "8: a verdict"),
    "a step inherits the proof of the one before": (
        lambda patch: patch.setattr(Engine, "change", lambda *_, **__: None),
        "8: ",
    ),
    "no comparison proves": (lambda patch: patch.setattr(steps, "judge_differences", _proven), "8: no answer"),
    "no comparison condemns": (lambda patch: patch.setattr(core, "judge_differences", _worse), "8: a verdict"),
    "a candidate needs no side": (lambda patch: patch.setattr(data, "missing_side", lambda *_: None), "data: a cand"),
    "rows that nobody looked at prove": (lambda patch: patch.setattr(steps, "judge_data", _proven), "8: nobody looked"),
    "rows that nobody looked at condemn": (lambda patch: patch.setattr(data, "judge_data", _worse), "8: a verdict"),
    "the fence does not wait for users": (
        lambda patch: patch.setattr(data, "is_over", lambda rollout, _: rollout.phase is Phase.ROLLED_BACK),
        "is fenced while",
    ),
    "a side is dropped under its users": (
        lambda patch: patch.setattr(data, "contract_due", lambda *_: 0.0),
        "is dropped while",
    ),
    "copies go on whatever happens": (lambda patch: patch.setattr(turns, "_shadowing", _always_copying), "copies"),
    "a bake sleeps for ever": (
        lambda patch: patch.setitem(core._ADVANCES, Phase.BAKING, _sleepily),
        "but it sleeps",
    ),
    "nothing is said while waiting": (
        lambda patch: patch.setitem(core._ADVANCES, Phase.PROMOTING, _mutely),
        "without its because",
    ),
}


@pytest.mark.parametrize("defect", SABOTAGES)
async def test_a_defect_in_the_core_would_be_found(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks can fail: with each of these defects some seed soon shows the invariant that it breaks."""
    sabotage, words = SABOTAGES[defect]
    sabotage(monkeypatch)
    found = []
    begin = SEARCH_FROM.get(defect, 0)
    for seed in range(begin, begin + 400):
        try:
            await simulated(seed, 150)
        except AssertionError as broken:
            found.append(str(broken).partition("\n")[0])
            if words in found[-1]:
                return
    pytest.fail(f"{defect}: not found, but {found}")


@pytest.mark.acceptance
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("block", range(8))
async def test_the_invariants_hold_for_thousands_of_cycles_per_seed(block: int) -> None:
    for seed in range(10_000 + block, 10_400, 8):
        await simulated(seed, 2000, calm=True)


@pytest.mark.acceptance
@pytest.mark.timeout(600)
async def test_the_invariants_hold_for_seeds_that_nobody_chose() -> None:
    seeds = random.SystemRandom()
    for _ in range(500):
        await simulated(seeds.randrange(1 << 40), 200, calm=True)
