"""What is wrong with this set-up: each finding with its cause and what to do."""

from collections.abc import Iterator
from typing import Final

from abreast.model.service import InstanceState
from abreast.model.units import format_weight
from abreast.operations.control import Control
from abreast.operations.machine import Finding, machine
from abreast.operations.registries import registry_findings
from abreast.rollout.observed import Observed
from abreast.rollout.silence import candidate_silence
from abreast.rollout.turn import split_of

SILENCE_S: Final = 5.0
"""How long a candidate with weight may be without requests before that is a finding."""


def examine(control: Control) -> list[Finding]:
    """Look at everything of a running control plane."""
    observed = control.controller.observe()
    return [
        *_instances(control, observed),
        *registry_findings(control.registries(), control.service, observed.now),
        *_gateways(control, observed),
        *_silence(control, observed),
        *_shadow(control, observed),
        *_store(control),
        *_spec(control),
        *_servers(control),
        *_alerts(control),
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
            yield Finding(
                "ok", f"{version.name}: {len(instances)} of {observed.wanted[version.name]} instances are ready"
            )
    for name, reason in observed.hopeless.items():
        yield Finding("fault", f"{name} cannot be started: {reason}", "mend the spec, then: abreast retry")


def _gateways(control: Control, observed: Observed) -> Iterator[Finding]:
    if not observed.nodes:
        fleet = "start a gateway: docs/fleet.md says how; one beside a server is started again by itself"
        alone = "it is started again by itself; see .abreast/logs/envoy.log"
        yield Finding("fault", "no Envoy is running", fleet if control.fleet else alone)
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


def _shadow(control: Control, observed: Observed) -> Iterator[Finding]:
    rollout, desk = control.controller.rollout, control.findings
    if not rollout.shadow or desk is None:
        return
    if observed.ready(rollout.stable) == 1:
        what = (
            f"{rollout.stable} has one ready instance, so its control is itself: host names, start times and the like, "
            "which are constant within a process, look like differences of the candidate"
        )
        yield Finding("warning", what, f"give {rollout.stable} `instances: 2`, or ignore those places by a rule")
    ledger = desk.ledger
    if ledger.lost:
        what = f"{ledger.lost:,} of {ledger.captured:,} copies were lost on the way to a relay, or with it"
        yield Finding("warning", what, "see .abreast/logs/relay.log; lower rollout.shadow.at_most if it is overloaded")
    if ledger.captured and not ledger.compared and not ledger.pending:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(ledger.skipped.items()))
        yield Finding("fault", f"no answers are compared: {reasons}", "docs/shadow.md explains each reason")


def _store(control: Control) -> Iterator[Finding]:
    error = control.controller.store_error
    if error is None:
        yield Finding("ok", "the store can be written")
    else:
        yield Finding("fault", error.message, error.remedy)


def _spec(control: Control) -> Iterator[Finding]:
    trouble = control.spec_trouble()
    if trouble:
        remedy = "the last good spec holds meanwhile; docs/registry.md says what else"
        yield Finding("fault", f"the spec in etcd is not in force: {trouble}", remedy)


def _servers(control: Control) -> Iterator[Finding]:
    """Of a fleet: who decides, and which servers and gateways are silent."""
    servers = control.fleet.servers if control.fleet else ()
    if not servers:
        return
    decides = next((each.name for each in servers if each.decides), "")
    if decides:
        yield Finding("ok", f"{decides} decides, of {len(servers)} servers")
    else:
        remedy = "wait a few seconds; if it stays so, see whether the servers reach the database"
        yield Finding("fault", f"none of {len(servers)} servers decides: users are served, nothing moves", remedy)
    for each in servers:
        if each.lost:
            what = (
                f"server {each.name} has been silent for {each.silent_s:.0f} s; its Envoy goes on as it was told last"
            )
            yield Finding("warning", what, "see that it runs and reaches the database: its gateway obeys no order")
    for each in control.fleet.gateways if control.fleet else ():
        if each.lost:
            what = f"gateway {each.name} has been silent for {each.silent_s:.0f} s; it serves as it was told last"
            remedy = f"see that it runs and reaches a server; one that is gone: abreast join-token {each.name} --revoke"
            yield Finding("warning", what, remedy)
    if sum(not each.lost for each in servers) == 1:
        yield Finding("warning", "there is one server: nobody takes over from it", "start another: abreast server")


def _alerts(control: Control) -> Iterator[Finding]:
    if control.alerts is None:
        return
    for address, reason in control.alerts.failures.items():
        remedy = "mend the address in `alerts` of the spec, or what is behind it, then look: abreast alerts test"
        yield Finding("warning", f"alerts do not reach {address}: {reason}", remedy)
    if not control.alerts.failures:
        yield Finding("ok", "alerts arrive, or none was to be sent")
