"""Policies and worlds drawn by the dice of a seed."""

import random

from abreast.model.rollout import (
    ApproveStep,
    BakeStep,
    DataGate,
    DifferenceGate,
    ErrorGate,
    HoldStep,
    LatencyGate,
    Policy,
    ShadowStep,
    Step,
    WeightStep,
)
from abreast.model.units import FULL_WEIGHT
from tests.simulation.world import Faults, Node, Quality, World

VERSIONS = ("v1", "v2", "v3")


def policy_of(dice: random.Random) -> Policy:
    """Any policy that a spec can express, with short times."""
    weights = sorted(dice.sample(range(1, FULL_WEIGHT), dice.randint(0, 4)))
    steps: list[Step] = []
    if dice.random() < 0.7:
        steps.append(ShadowStep(dice.choice([0, 5000, FULL_WEIGHT]), dice.choice([None, 0.0, 20.0])))
    for weight in weights:
        shadow = dice.choice([None, None, None, 0, 2000])
        steps.append(WeightStep(weight, dice.choice([None, 0.0, 20.0]), shadow))
        if dice.random() < 0.2:
            steps.append(HoldStep(dice.choice([0.0, 15.0])))
        if dice.random() < 0.1:
            steps.append(ApproveStep())
    steps.append(WeightStep(FULL_WEIGHT))
    if dice.random() < 0.8:
        steps.append(BakeStep(dice.choice([0.0, 30.0, 300.0])))
    return Policy(
        steps=tuple(steps),
        at_least_s=dice.choice([0.0, 5.0, 60.0]),
        at_most_s=dice.choice([120.0, 3600.0]),
        on_timeout=dice.choice(["hold", "hold", "promote-unproven"]),
        on_failure=dice.choice(["roll-back", "roll-back", "freeze"]),
        errors=ErrorGate(dice.choice([500, 2000, FULL_WEIGHT]), dice.choice([1.0, 3.0])),
        latency=dice.choice([None, None, LatencyGate(dice.choice([0, 5000]), 2.0, dice.choice([0.0, 10.0]))]),
        differences=DifferenceGate(dice.choice([10, 1000, 2000])),
        data=_data_gate(dice),
        retire_after_s=dice.choice([0.0, 100.0, 5000.0]),
        unused_for_s=dice.choice([0.0, 50.0]),
        drain_s=dice.choice([0.0, 10.0]),
        start_timeout_s=dice.choice([10.0, 60.0]),
    )


def _data_gate(dice: random.Random) -> DataGate | None:
    if dice.random() < 0.6:
        return None
    return DataGate(dice.choice([0, 5]), expand=dice.random() < 0.8, contract_after_s=dice.choice([None, 50.0]))


def world_of(dice: random.Random) -> World:
    """One to three gateways, three versions, of which stable surely starts."""
    qualities = {
        name: Quality(
            error_share=dice.choice([0.0, 0.0, 0.01, 0.3, 0.8]),
            ms=dice.choice([10, 10, 10, 40]),
            difference_share=dice.choice([0.0, 0.0, 0.0, 0.01, 0.5]),
            drift=dice.choice([0, 0, 0, 3, 9]),
            starts=name == "v1" or dice.random() < 0.9,
            wanted=dice.randint(1, 3),
        )
        for name in VERSIONS
    }
    nodes = tuple(Node(f"gateway-{n}") for n in range(dice.randint(1, 3)))
    return World(dice, qualities, nodes, Faults(), rate=dice.choice([1.0, 20.0, 200.0]))
