"""What the users' answers and the audit log say together. Pure; times in Unix seconds, weights in hundredths."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, Final

from abreast.demo.crowd import Answer
from abreast.model.units import FULL_WEIGHT

SETTLE_S: Final = 0.1
"""Requests sent this soon after an order may have met the weight before it; an Envoy obeys within some 10 ms."""

_SIGMAS: Final = 4.0
"""How far a share of randomly placed users may be from the one that was set: 1 in 16,000 is farther by chance."""

Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Stretch:
    """A time in which one weight held."""

    rollout: int
    candidate: str
    weight: int
    begin_s: float
    end_s: float


@dataclass(frozen=True)
class Copying:
    """A time in which requests of a rollout were copied."""

    rollout: int
    begin_s: float
    end_s: float


@dataclass(frozen=True)
class UserShare:
    """How many users were seen in a stretch, and how many of them on the candidate."""

    stretch: Stretch
    users: int
    on_candidate: int

    @property
    def seen(self) -> float:
        """The share, 0 to 1."""
        return self.on_candidate / self.users if self.users else 0.0

    @property
    def plausible(self) -> bool:
        """Whether the share differs from the one set by no more than chance does: each user's place is random."""
        share = self.stretch.weight / FULL_WEIGHT
        expected, spread = share * self.users, sqrt(share * (1 - share) * self.users)
        # One user more or less is nothing that a share can say.
        return self.users > 0 and abs(self.on_candidate - expected) <= _SIGMAS * spread + 1


def stretches(events: Iterable[Json], end_s: float) -> list[Stretch]:
    """Every time with users on a candidate, from the ``started`` and ``weight`` events of the audit log."""
    found: list[Stretch] = []
    candidate, weight, begin_s, rollout = "", 0, 0.0, 0

    def close(until_s: float) -> None:
        if weight and candidate:
            found.append(Stretch(rollout, candidate, weight, begin_s, until_s))

    for event in events:
        if event["kind"] == "started":
            close(event["at"])
            candidate, weight, rollout = str(event["data"].get("candidate", "")), 0, event["rollout"]
        elif event["kind"] == "weight":
            close(event["at"])
            weight, begin_s = int(event["data"]["after"]), event["at"]
    close(end_s)
    return found


def copyings(events: Iterable[Json], end_s: float) -> list[Copying]:
    """Every time in which requests were copied, from the ``shadow`` events of the audit log."""
    found: list[Copying] = []
    under_way: Json | None = None
    for event in events:
        if event["kind"] != "shadow":
            continue
        if under_way:
            found.append(Copying(under_way["rollout"], under_way["at"], event["at"]))
        under_way = event if event["data"]["after"] else None
    if under_way:
        found.append(Copying(under_way["rollout"], under_way["at"], end_s))
    return found


def sent_meanwhile(answers: Iterable[Answer], times: Sequence[Copying], slack_s: float) -> tuple[int, int]:
    """How many requests were sent at those times at least and at most, if orders are obeyed within ``slack_s``."""
    sent = [answer.sent_s for answer in answers]
    least = sum(any(each.begin_s + slack_s <= at < each.end_s - slack_s for each in times) for at in sent)
    most = sum(any(each.begin_s - slack_s <= at < each.end_s + slack_s for each in times) for at in sent)
    return least, most


def sides(answers: Iterable[Answer], stretch: Stretch) -> dict[int, bool]:
    """For each user seen in the stretch, whether the candidate answered at least once.

    Where the candidate fails and stable answers instead, a user may look like one of stable's.
    """
    seen: dict[int, bool] = {}
    for answer in answers:
        if stretch.begin_s + SETTLE_S <= answer.sent_s < stretch.end_s and answer.version:
            seen[answer.user] = seen.get(answer.user, False) or answer.version == stretch.candidate
    return seen


def user_share(answers: Iterable[Answer], stretch: Stretch) -> UserShare:
    """The share of users on the candidate as the users saw it."""
    seen = sides(answers, stretch)
    return UserShare(stretch, len(seen), sum(seen.values()))


def changed_sides(answers: Sequence[Answer], before: Stretch, after: Stretch) -> tuple[int, int]:
    """Of the users seen in both stretches: how many, and how many of them were on the other side then."""
    first, second = sides(answers, before), sides(answers, after)
    both = first.keys() & second.keys()
    return len(both), sum(first[user] != second[user] for user in both)


def longest_gap_s(answers: Iterable[Answer]) -> float:
    """The longest time without a good answer, between the first and the last one."""
    times = sorted(answer.done_s for answer in answers if not answer.failure)
    return max((after - before for before, after in itertools.pairwise(times)), default=0.0)


def last_request_s(answers: Iterable[Answer], version: str, order_s: float, until_s: float) -> float:
    """How long after the order a user sent the last request that the version answered; 0 when none did after it."""
    sent = [
        answer.sent_s - order_s for answer in answers if answer.version == version and order_s < answer.sent_s < until_s
    ]
    return max(sent, default=0.0)


def percentile_ms(answers: Iterable[Answer], percent: float) -> float:
    """That percentile of what users waited, failed requests too; 0 of none."""
    waits = sorted(answer.latency_s for answer in answers)
    if not waits:
        return 0.0
    return waits[max(0, ceil(len(waits) * percent / 100) - 1)] * 1e3
