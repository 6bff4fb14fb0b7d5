"""What the demo promises, held against what was seen. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from abreast.demo.crowd import Answer
from abreast.demo.found import ledger_words
from abreast.demo.journal import Stretch, UserShare, changed_sides, last_request_s, longest_gap_s
from abreast.envoy.counts import Totals
from abreast.model.units import format_weight
from abreast.ports import is_error

OUTAGE_S: Final = 1.0
"""A longer time without one good answer is downtime. (A busy machine pauses everything for tenths of a second.)"""

LATE_S: Final = 1.0
"""A candidate that still answers requests sent this long after a roll-back was not rolled back."""

Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Promise:
    """One sentence, and whether it held."""

    kept: bool
    text: str


@dataclass(frozen=True)
class RollBack:
    """A roll-back: when it was ordered or decided (Unix seconds), and when the candidate might be used again."""

    candidate: str
    by: str
    order_s: float
    until_s: float

    def last_request_s(self, answers: Iterable[Answer]) -> float:
        """How long after it a user sent the last request that the candidate answered; 0 when none did."""
        return last_request_s(answers, self.candidate, self.order_s, self.until_s)


def nobody_failed(answers: Sequence[Answer]) -> Promise:
    """Every request of every user got a good answer."""
    failures = sorted({answer.failure for answer in answers if answer.failure})
    failed = sum(1 for answer in answers if answer.failure)
    why = f" ({', '.join(failures)})" if failures else ""
    return Promise(bool(answers) and not failed, f"of {len(answers):,} requests {failed} failed at the user{why}")


def no_downtime(answers: Sequence[Answer]) -> Promise:
    """There was always somebody who answered well."""
    gap_s = longest_gap_s(answers)
    return Promise(gap_s < OUTAGE_S, f"no downtime: the longest time without a good answer was {gap_s * 1e3:.0f} ms")


def errors_absorbed(totals: Totals, version: str) -> Promise:
    """The version failed, as the gateway counted, and its users did not notice."""
    bad = sum(count for code, count in totals.attempts.get(version, {}).items() if is_error(code))
    everything = sum(totals.attempts.get(version, {}).values())
    seen = sum(count for codes in totals.users.values() for code, count in codes.items() if is_error(code))
    return Promise(
        bool(bad) and not seen,
        f"{version} failed {bad} of {everything} requests; each was retried elsewhere and {seen} reached a user",
    )


def rolled_back(events: Sequence[Json], rollout: int, version: str) -> Promise:
    """Abreast itself found the version worse and took it out of traffic."""
    own = [event for event in events if event["rollout"] == rollout]
    verdict = any(event["kind"] == "verdict" and event["data"].get("verdict") == "worse" for event in own)
    return Promise(verdict and _is_rolled_back(own), f"{version} was rolled back by the errors gate, without a person")


def found_early(events: Sequence[Json], answers: Iterable[Answer], comparison: Json, version: str) -> Promise:
    """A change of a type was found by comparing answers, and stopped the rollout before it had a user.

    ``comparison`` is what ``GET /findings`` said at its end.
    """
    own = [event for event in events if event["rollout"] == comparison["rollout"]]
    found = [each for each in comparison["findings"] if any(key["kind"] == "type" for key in each["keys"])]
    met = sum(answer.version == version for answer in answers)
    verdict = any(event["kind"] == "verdict" and "differences" in event["reason"] for event in own)
    sent = any(event["kind"] == "weight" and event["data"]["after"] for event in own)
    return Promise(
        bool(found) and verdict and _is_rolled_back(own) and not sent and not met,
        f"{version}'s change of a type was found before any user met it: {len(found)} such finding, stopped at 0 %, "
        f"{met} users' requests answered by {version}",
    )


def only_real(comparisons: Sequence[Json], place: str) -> Promise:
    """Of several rollouts' comparisons, none reported anything but what differs at that place."""
    noise = [
        each["title"]
        for comparison in comparisons
        for each in comparison["findings"]
        if {key["pattern"] for key in each["keys"]} != {place}
    ]
    compared = [comparison["ledger"]["compared"] for comparison in comparisons]
    text = (
        f"nothing that is only noise was reported: {sum(compared):,} answers were compared, each with a time, an id, a "
        f"process and an order of its own, and {len(noise)} findings came of it beside the one at {place}"
    )
    return Promise(bool(compared) and all(compared) and not noise, f"{text}{': ' + '; '.join(noise) if noise else ''}")


def all_accounted(comparison: Json, least: int, most: int) -> Promise:
    """Each request is compared, left out for a reason or lost, and there are as many as users sent meanwhile.

    ``least`` and ``most`` are the users' own count of what they sent while answers were compared.
    """
    ledger = comparison["ledger"]
    accounted = ledger["compared"] + sum(ledger["skipped"].values()) + ledger["lost"]
    kept = 0 < accounted == ledger["seen"] and least <= ledger["seen"] <= most
    sent = f"users sent {least:,} to {most:,} meanwhile"
    return Promise(kept, f"every request is accounted for: {ledger_words(ledger)}; {sent}")


def left_alone(answers: Sequence[Answer], roll_back: RollBack) -> Promise:
    """After a roll-back nobody is sent to the candidate."""
    late_s = roll_back.last_request_s(answers)
    return Promise(
        late_s < LATE_S,
        f"{roll_back.candidate}'s last request came {late_s * 1e3:.0f} ms after the roll-back {roll_back.by}",
    )


def shares_kept(shares: Sequence[UserShare]) -> Promise:
    """Each step had the share of users that was set, as exactly as chance places users."""
    wrong = [
        f"{share.seen:.1%} instead of {format_weight(share.stretch.weight)}" for share in shares if not share.plausible
    ]
    text = "in each step the share of users on the candidate was the one set, within what chance does"
    return Promise(bool(shares) and not wrong, f"{text}{': ' + ', '.join(wrong) if wrong else ''}")


def same_users(answers: Sequence[Answer], before: Stretch, after: Stretch) -> Promise:
    """A second try at the same weight has the very same users."""
    both, changed = changed_sides(answers, before, after)
    what = f"{format_weight(after.weight)} of {after.candidate}"
    return Promise(
        both > 0 and not changed,
        f"the second try brought the very same users back: of {both} seen at {what} both times, {changed} had changed",
    )


def promoted(status: Json, version: str) -> Promise:
    """The version serves everybody, and nothing of another one runs."""
    running = [each["name"] for each in status["versions"] if each["instances"]]
    kept = status["phase"] == "completed" and running == [version]
    return Promise(kept, f"{version} was promoted through every step, and the version before it retired")


def _is_rolled_back(events: Sequence[Json]) -> bool:
    return any(event["kind"] == "phase" and event["data"]["after"] == "rolled-back" for event in events)
