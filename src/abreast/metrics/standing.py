"""How the rollout stands: sides, weights, gates, evidence, findings, gateways."""

from collections import Counter
from collections.abc import Iterator

from abreast.analysis.assessment import Assessment, Progress
from abreast.findings.finding import FindingState
from abreast.metrics import catalogue
from abreast.metrics.sheet import Sheet
from abreast.model.rollout import Phase, Rollout
from abreast.model.units import FULL_WEIGHT
from abreast.operations.control import Control
from abreast.operations.status import Status, status
from abreast.rollout.watch import is_live


def add_standing(sheet: Sheet, control: Control) -> Status:
    """Everything that people see in the status; returns it."""
    found = status(control)
    observed = control.controller.observe()
    rollout = control.controller.rollout
    _add_versions(sheet, control, found)
    _add_rollout(sheet, rollout, found)
    _add_gateways(sheet, found)
    if is_live(rollout):
        _add_evidence(sheet, found, observed.assessment)
    _add_shadow(sheet, control, rollout)
    if control.alerts is not None:
        sheet.add(catalogue.ALERTS_FAILING, len(control.alerts.failures))
    return found


def _add_versions(sheet: Sheet, control: Control, found: Status) -> None:
    shown = {each.name: each for each in found.versions}
    for version in sorted({*shown, *(each.name for each in control.service.versions)}):
        here = shown.get(version)
        side = here.side if here is not None and here.side else "idle"
        sheet.one_hot(catalogue.VERSION_SIDE, catalogue.SIDES, side, version=version)
        sheet.add(catalogue.READY, here.ready if here else 0, version=version)
        sheet.add(catalogue.WANTED, here.wanted if here else 0, version=version)


def _add_rollout(sheet: Sheet, rollout: Rollout, found: Status) -> None:
    sheet.add(catalogue.WEIGHT_SET, found.weight / FULL_WEIGHT)
    if found.seen_share is not None:
        sheet.add(catalogue.WEIGHT_SEEN, found.seen_share)
    sheet.add(catalogue.SHADOW_SET, rollout.shadow / FULL_WEIGHT)
    sheet.one_hot(catalogue.PHASE, tuple(Phase), found.phase)
    sheet.add(catalogue.PHASE_SINCE, rollout.phase_since)
    sheet.add(catalogue.ROLLOUT, found.rollout)
    sheet.add(catalogue.STEP, found.step)
    sheet.add(catalogue.STEPS, found.steps)
    sheet.add(catalogue.HELD, float(rollout.held))
    sheet.add(catalogue.SILENT, float(found.silence is not None and found.candidate is not None))


def _add_gateways(sheet: Sheet, found: Status) -> None:
    numbers = {
        "known": len(found.nodes),
        "connected": sum(each.connected for each in found.nodes),
        "obeying": sum(each.obeys for each in found.nodes),
    }
    for state in catalogue.NODE_STATES:
        sheet.add(catalogue.NODES, numbers[state], node_state=state)


def _add_evidence(sheet: Sheet, found: Status, assessment: Assessment) -> None:
    for gate in found.gates:
        sheet.one_hot(catalogue.GATE_STATE, catalogue.GATE_STATES, gate.state, gate=gate.name)
        sheet.add(catalogue.GATE_PROOF, gate.share, gate=gate.name)
    for lane, progress in lanes(assessment):
        sheet.add(catalogue.EVIDENCE, progress.log_e, lane=lane)
        sheet.add(catalogue.EVIDENCE_NEEDED, progress.needed, lane=lane)


def lanes(assessment: Assessment) -> Iterator[tuple[str, Progress]]:
    """Every lane's name and evidence."""
    errors = assessment.errors
    yield "errors-worse", errors.worse
    yield "errors-hard", errors.hard
    yield "errors-fine", errors.fine
    if assessment.latency is not None:
        yield "latency-worse", assessment.latency.worse
        for each in assessment.latency.quantiles:
            yield f"latency-fine-p{each.quantile * 100:g}", each.fine


def _add_shadow(sheet: Sheet, control: Control, rollout: Rollout) -> None:
    """Of the present rollout; nothing where it compared nothing."""
    desk = control.findings
    if desk is None or desk.book.rollout != rollout.number:
        return
    ledger, states = desk.ledger, Counter(each.state for each in desk.book.findings)
    exchanges = Counter({"compared": ledger.compared, "lost": ledger.lost, "pending": ledger.pending})
    for reason, count in ledger.skipped.items():
        exchanges[reason if reason in catalogue.EXCHANGES else catalogue.OTHER_REASON] += count
    for exchange in catalogue.EXCHANGES:
        sheet.add(catalogue.EXCHANGE, exchanges[exchange], exchange=exchange)
    for state in FindingState:
        sheet.add(catalogue.FINDINGS, states[state], finding_state=state)
