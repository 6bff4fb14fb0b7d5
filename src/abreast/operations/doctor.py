"""What is wrong with this set-up: each finding with its cause and what to do."""

from collections.abc import Iterator
from typing import Final

from abreast.model.service import InstanceState
from abreast.model.units import format_weight
from abreast.operations.control import Control
from abreast.operations.machine import Finding, machine
from abreast.rollout.explain import candidate_silence
from abreast.rollout.observed import Observed
from abreast.rollout.turn import split_of

SILENCE_S: Final = 5.0
"""How long a candidate with weight may be without requests before that is a finding."""


def examine(control: Control) -> list[Finding]:
    """Look at everything of a running control plane."""
    observed = control.controller.observe()
    return [
        *_instances(control, observed),
        *_gateways(control, observed),
        *_silence(control, observed),
        *_store(control),
        *machine(),
    ]


def _instances(control: Control, observed: Observed) -> Iterator[Finding]:
    for version in control.service.versions:
        own = [each for each in observed.instances if each.version == version.name]
        instances = [each for each in own if each.state is not InstanceState.STOPPING]
        if not instances:
            continue
        failing = [each for each in instances if not each.ready]
        for each in failing:
            starting = each.state is InstanceState.STARTING
            yield Finding(
                "fault" if observed.ready(version.name) == 0 and not starting else "warning",
                f"{each.id} is {each.state}: {each.detail or 'no reason is known'}",
                f"its probe is: {version.ready} on {each.endpoint}",
            )
        if not failing:
            yield Finding("ok", f"{version.name}: {len(instances)} of {version.wanted} instances are ready")
    for name, reason in observed.hopeless.items():
        yield Finding("fault", f"{name} cannot be started: {reason}", "mend the spec, then: abreast retry")


def _gateways(control: Control, observed: Observed) -> Iterator[Finding]:
    if not observed.nodes:
        yield Finding("fault", "no Envoy is running", "it is started again by itself; see .abreast/logs/envoy.log")
    split = split_of(control.controller.rollout)
    for node in observed.nodes:
        if node.nack:
            yield Finding("fault", f"{node.id} refuses its snapshot: {node.nack}", "mend what it names in the spec")
        elif not node.connected:
            yield Finding("warning", f"{node.id} is not connected; it goes on with its last snapshot", "wait a second")
        elif node.acked != split:
            yield Finding("warning", f"{node.id} has not yet acknowledged the present snapshot", "wait a second")
        else:
            share = f"{format_weight(split.weight)} on {split.candidate}"
            yield Finding("ok", f"{node.id} obeys: {share if split.candidate else f'all users on {split.stable}'}")


def _silence(control: Control, observed: Observed) -> Iterator[Finding]:
    silence = candidate_silence(control.controller.rollout, observed, patience_s=SILENCE_S)
    if silence:
        yield Finding("fault", silence, "see the cause named; abreast status shows instances and gateways")


def _store(control: Control) -> Iterator[Finding]:
    error = control.controller.store_error
    if error is None:
        yield Finding("ok", "the store can be written")
    else:
        yield Finding("fault", error.message, error.remedy)
