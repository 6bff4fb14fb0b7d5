"""Gates: is the candidate worse, is it proven to be fine, and in what words? All by anytime-valid evidence."""

from dataclasses import dataclass
from math import ceil, inf, log
from typing import Final

from abreast.analysis.assessment import Assessment, Counted, ErrorEvidence, LatencyEvidence, Progress, QuantileEvidence
from abreast.analysis.lanes import BETA, WORSE_DIFFERENCES, WORSE_ERRORS, WORSE_HARD, WORSE_LATENCY
from abreast.analysis.plan import requests_needed
from abreast.model.rollout import DifferenceGate, Policy, Rollout
from abreast.model.units import FULL_WEIGHT, format_weight, percent
from abreast.rollout.observed import Differences
from abreast.rollout.watch import is_alone, limits_of, next_weight

_SURELY_RARE: Final = 0.0005
"""Where so few of stable's requests fail, a proof is forecast as if none did."""

_NOBODY: Final = "undecided: no user is on the candidate"


@dataclass(frozen=True)
class Verdict:
    """``worse``: roll back now; ``proven``: enough was seen to go on; ``sentence``: why, for people.

    ``share``: how much of the proof there is (0 to 1). ``missing``: about how many candidate requests (compared
    answers, for differences) it still takes: infinite if it does not grow; None where that is not the question.
    """

    worse: bool
    proven: bool
    sentence: str
    share: float = 0.0
    missing: float | None = None


def judge_errors(rollout: Rollout, assessment: Assessment) -> Verdict:
    """Weigh the candidate's failures against stable's in the same seconds."""
    if not rollout.policy.errors.watch:
        return Verdict(worse=False, proven=True, sentence="not watched", share=1.0)
    seen = assessment.errors
    for lane, alpha, progress in (
        ("no more than 25 points worse", WORSE_HARD, seen.hard),
        ("no worse than tolerated", WORSE_ERRORS, seen.worse),
    ):
        if progress.proven:
            failed = _failures_alone(seen.alone) if is_alone(rollout) else failures(seen.attempt)
            sentence = f"{failed}. {_unlikely(lane, alpha)}"
            return Verdict(worse=True, proven=False, sentence=sentence, share=1.0)
    if is_alone(rollout):
        sentence = f"only hard failure is watched while nobody is on stable: {_failures_alone(seen.alone)}"
        return Verdict(worse=False, proven=False, sentence=sentence)
    if not rollout.weight:
        return Verdict(worse=False, proven=False, sentence=_NOBODY)
    if seen.fine.proven:
        sentence = (
            f"not worse: {_bounds(seen)}; going on to {format_weight(next_weight(rollout))} costs at most "
            f"{format_weight(rollout.policy.errors.budget)} of all requests ({failures(seen.step)})"
        )
        return Verdict(worse=False, proven=True, sentence=sentence, share=1.0)
    missing = _missing(rollout, seen)
    if not seen.step.seen_c:
        sentence = f"undecided: no candidate request in this step yet; {_still(missing)}"
    else:
        sentence = f"undecided: {_bounds(seen)} ({failures(seen.step)}); {_still(missing)}"
    return Verdict(worse=False, proven=False, sentence=sentence, share=seen.fine.share, missing=missing)


def judge_latency(rollout: Rollout, assessment: Assessment) -> Verdict:
    """Weigh how often the candidate is slower than stable's own past quantiles."""
    if rollout.policy.latency is None:
        return Verdict(worse=False, proven=True, sentence="not watched", share=1.0)
    seen = assessment.latency or LatencyEvidence()
    tolerance = format_weight(rollout.policy.latency.tolerance)
    if seen.worse.proven:
        against = [each for each in seen.quantiles if _is_slower(each.attempt)] or seen.quantiles
        slower = "; ".join(_slower(each, each.attempt, tolerance) for each in against)
        sentence = f"{slower}. {_unlikely('no slower than tolerated', WORSE_LATENCY)}"
        return Verdict(worse=True, proven=False, sentence=sentence, share=1.0)
    cannot = _latency_unknown(rollout, seen)
    if cannot is not None:
        return Verdict(worse=False, proven=False, sentence=cannot)
    if seen.fine:
        edges = ", ".join(f"{_name(each)} {_ms(each.edge_us)}" for each in seen.quantiles)
        sentence = f"not slower than stable's own quantiles ({edges}) by more than {tolerance}"
        return Verdict(worse=False, proven=True, sentence=sentence, share=1.0)
    worst = min(seen.quantiles, key=lambda each: each.fine.share)
    missing = _missing_latency(rollout, worst)
    warming = "; an instance is warming up, which does not count" if seen.warming else ""
    sentence = f"{_name(worst)} undecided: {_slower(worst, worst.step, tolerance)}{warming}; {_still(missing)}"
    return Verdict(worse=False, proven=False, sentence=sentence, share=worst.fine.share, missing=missing)


def _latency_unknown(rollout: Rollout, seen: LatencyEvidence) -> str | None:
    """Why there is nothing to compare with, if so."""
    if is_alone(rollout):
        return "not watched while nobody is on stable"
    if not rollout.weight:
        return _NOBODY
    known = seen.quantiles and seen.quantiles[0].edge_us
    return None if known else "undecided: stable's own quantiles are not known yet"


def judge_differences(gate: DifferenceGate, seen: Differences) -> Verdict:
    """Weigh how often the candidate's answers differ beyond stable's own noise. Nothing compared decides nothing."""
    if not seen.compared:
        return Verdict(worse=False, proven=False, sentence="undecided: no answers compared yet")
    limit = format_weight(gate.tolerance)
    shares = (
        f"{percent(seen.candidate_only, seen.compared)} of the candidate's answers differ "
        f"({seen.candidate_only} of {seen.compared}; stable's own: {seen.control_only} of {seen.controlled})"
    )
    if seen.against.log_e >= -log(WORSE_DIFFERENCES):
        first = f"; first of all {seen.findings[0]}" if seen.findings else ""
        sentence = f"{shares}. {_unlikely(f'no more than {limit} different', WORSE_DIFFERENCES)}{first}"
        return Verdict(worse=True, proven=False, sentence=sentence, share=1.0)
    if gate.tolerance >= FULL_WEIGHT or seen.clear.log_e >= -log(BETA):
        return Verdict(worse=False, proven=True, sentence=f"no more than {limit} differ: {shares}", share=1.0)
    needed = answers_needed(gate)
    sentence = f"undecided: {shares}; about {needed:,} compared answers are needed if none differs"
    share = Progress(seen.clear.log_e, seen.clear.log_e, -log(BETA)).share
    missing = max(0, needed - seen.compared)
    return Verdict(worse=False, proven=False, sentence=sentence, share=share, missing=missing)


def answers_needed(gate: DifferenceGate) -> int:
    """How many compared answers prove the tolerance if none differs, each with a control.

    Of the bets only the most daring one counts then: b = 1 / (1 + (θ-1) / 2), growth δ·(1 - θ·b) per answer.
    """
    seen = Differences().clear
    boldest = min(seen.bets)
    growth = gate.tolerance / FULL_WEIGHT * (1 - boldest / (1 + (boldest - 1) / 2))
    return round((-log(BETA) + log(len(seen.bets))) / growth) if growth else 0


def failures(counted: Counted) -> str:
    """Both versions' failures over the same seconds, as a clause."""
    return (
        f"in the same seconds, {percent(counted.bad_c, counted.seen_c)} of candidate requests failed against "
        f"{percent(counted.bad_s, counted.seen_s)} of stable's "
        f"({counted.bad_c:,} of {counted.seen_c:,}; {counted.bad_s:,} of {counted.seen_s:,})"
    )


def _failures_alone(counted: Counted) -> str:
    """The candidate's failures while it had all users, and stable's before that, as a clause."""
    return (
        f"since all users are on it, {percent(counted.bad_c, counted.seen_c)} of candidate requests failed against "
        f"{percent(counted.bad_s, counted.seen_s)} of stable's before "
        f"({counted.bad_c:,} of {counted.seen_c:,}; {counted.bad_s:,} of {counted.seen_s:,})"
    )


def errors_planned(policy: Policy, weight: int, next_: int, bad: float = 0.0) -> float:
    """Candidate requests that the errors gate needs at ``weight`` before ``next_``, if ``bad`` is the failing share."""
    if not policy.errors.watch:
        return 0.0
    return requests_needed(limits_of(policy).ok_errors(next_ / FULL_WEIGHT), weight / FULL_WEIGHT, bad)


def latency_planned(policy: Policy, weight: int, next_: int) -> float:
    """The same of the latency gate, for a candidate that is as fast as stable."""
    if policy.latency is None:
        return 0.0
    tests = limits_of(policy).ok_latency(next_ / FULL_WEIGHT)
    return max(
        requests_needed(test, weight / FULL_WEIGHT, 1 - quantile)
        for test, quantile in zip(tests, (0.5, 0.9, 0.99), strict=True)
    )


def _missing(rollout: Rollout, seen: ErrorEvidence) -> float:
    bad = seen.attempt.bad_s / seen.attempt.seen_s if seen.attempt.seen_s else 0.0
    bad = bad if bad > _SURELY_RARE else 0.0
    planned = errors_planned(rollout.policy, rollout.weight, next_weight(rollout), bad)
    return planned * (1 - seen.fine.share) if planned < inf else inf


def _missing_latency(rollout: Rollout, worst: QuantileEvidence) -> float:
    planned = latency_planned(rollout.policy, rollout.weight, next_weight(rollout))
    return planned * (1 - worst.fine.share) if planned < inf else inf


def _unlikely(null: str, alpha: float) -> str:
    return (
        f"If the candidate were {null}, evidence this strong would appear in fewer than "
        f"1 of {round(1 / alpha):,} rollouts, however often we look"
    )


def _bounds(seen: ErrorEvidence) -> str:
    """What cannot be ruled out yet."""
    if seen.high >= 1:
        return "nothing can be ruled out yet"
    points = f"{seen.high * 100:.2g} points" if seen.high > 0 else "nothing"
    return f"at most {points} more of its requests fail than of stable's"


def _is_slower(counted: Counted) -> bool:
    """Whether the candidate was beyond its edge more often than stable beyond its own."""
    return counted.bad_c * counted.seen_s > counted.bad_s * counted.seen_c


def _slower(each: QuantileEvidence, counted: Counted, tolerance: str) -> str:
    return (
        f"{percent(counted.bad_c, counted.seen_c)} of candidate requests took {tolerance} longer than stable's "
        f"{_name(each)} of {_ms(each.edge_us)} ({counted.bad_c:,} of {counted.seen_c:,}; of stable's "
        f"{percent(counted.bad_s, counted.seen_s)} longer than that)"
    )


def _name(each: QuantileEvidence) -> str:
    return f"p{each.quantile * 100:g}"


def _ms(microseconds: int) -> str:
    return f"{microseconds / 1000:.3g} ms"


def _still(missing: float) -> str:
    if missing == inf:
        return "as it is the proof does not grow"
    return f"about {max(1, ceil(missing)):,} more candidate requests are needed if it is as good as stable"
