"""What the other members of the release group are told of this one."""

from abreast.model.group import Standing
from abreast.operations.control import Control
from abreast.rollout import group
from abreast.rollout.decide import decide


def standing(control: Control) -> Standing:
    """How this service stands in its group; without one it says so."""
    rollout, observed = control.controller.rollout, control.controller.observe()
    return group.standing(rollout, observed, decide(rollout, observed).because)
