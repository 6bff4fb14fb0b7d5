"""What a flag is for one user, by the state of the rollout: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from abreast.model.bucket import bucket
from abreast.model.flag import ROLLOUT_SALT, Flag, FlagRule, Scalar
from abreast.model.rollout import Rollout
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.turn import split_of

TARGETING_KEY: Final = "targetingKey"
"""The context's name for who the user is (OpenFeature); here the value that the gateway tells users apart by."""


class Reason(StrEnum):
    """Why it is that variant, in OpenFeature's words."""

    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DEFAULT = "DEFAULT"
    DISABLED = "DISABLED"
    STATIC = "STATIC"


class FlagError(StrEnum):
    """Why there is no answer, in OpenFeature's words."""

    PARSE_ERROR = "PARSE_ERROR"
    TARGETING_KEY_MISSING = "TARGETING_KEY_MISSING"
    INVALID_CONTEXT = "INVALID_CONTEXT"
    FLAG_NOT_FOUND = "FLAG_NOT_FOUND"
    GENERAL = "GENERAL"


@dataclass(frozen=True)
class Evaluation:
    """A flag's answer. ``metadata`` says of which rollout it speaks."""

    flag: str
    variant: str
    value: object
    reason: Reason
    metadata: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Unanswered:
    """No answer, and why; ``flag`` is empty when that concerns all of them."""

    flag: str
    error: FlagError
    details: str


def evaluate(flag: Flag, rollout: Rollout, context: Mapping[str, object], *, on: bool) -> Evaluation | Unanswered:
    """What this flag is for who has this context; ``on``: whether it is switched on."""

    def answer(variant: str, reason: Reason) -> Evaluation:
        return Evaluation(flag.name, variant, flag.variants[variant], reason, metadata(rollout))

    if not on:
        return answer(flag.default, Reason.DISABLED)
    if not flag.rules:
        return answer(flag.default, Reason.STATIC)
    for number, rule in enumerate(flag.rules, 1):
        fits = _fits(flag, rule, rollout, context)
        if isinstance(fits, Unanswered):
            return replace(fits, details=f"rule {number} of {flag.name!r} asks who the user is: {fits.details}")
        if fits is not None:
            return answer(rule.variant, fits)
    return answer(flag.default, Reason.DEFAULT)


def _fits(flag: Flag, rule: FlagRule, rollout: Rollout, context: Mapping[str, object]) -> Reason | Unanswered | None:
    """Why the rule decides, or None: it does not fit. Only a rule about the user needs to know who that is."""
    if not _attributes_fit(rule, context):
        return None
    if rule.candidate is None and rule.below is None:
        return Reason.TARGETING_MATCH
    user = _user(flag, context)
    if isinstance(user, Unanswered):
        return user
    if rule.candidate is not None and on_candidate(rollout, user) is not rule.candidate:
        return None
    if rule.below is None:
        return Reason.TARGETING_MATCH
    return Reason.SPLIT if bucket(user, _salt(flag, rule, rollout)) < rule.below else None


def on_candidate(rollout: Rollout, user: str) -> bool:
    """Whether the gateway sends this user to the candidate, whatever phase the rollout is in."""
    return bucket(user, rollout.salt) < candidate_weight(rollout)


def candidate_weight(rollout: Rollout) -> int:
    """The share of users that is on the candidate by what the gateways are told, in hundredths of a percent."""
    split = split_of(rollout)
    if rollout.candidate is None:
        return 0
    return FULL_WEIGHT if split.stable == rollout.candidate else split.weight


def metadata(rollout: Rollout) -> dict[str, str | int]:
    """Of which rollout an answer speaks: its number, its candidate if any, and that one's weight."""
    named: dict[str, str | int] = {"rollout": rollout.number}
    if rollout.candidate is not None:
        named["candidate"] = rollout.candidate
    return {**named, "weight": candidate_weight(rollout)}


def _user(flag: Flag, context: Mapping[str, object]) -> str | Unanswered:
    """The identity, as it arrives at the gateway in a header's value."""
    found = context.get(TARGETING_KEY)
    if found is None or found == "":
        return Unanswered(flag.name, FlagError.TARGETING_KEY_MISSING, f"the context has no `{TARGETING_KEY}`")
    if not isinstance(found, str):
        return Unanswered(flag.name, FlagError.INVALID_CONTEXT, f"`{TARGETING_KEY}` is no text")
    user = found.strip(" \t")
    if not user or any(letter < " " or letter == "\x7f" or "\ud800" <= letter <= "\udfff" for letter in user):
        details = f"`{TARGETING_KEY}` could not stand in a header: it is blank, or holds a control character"
        return Unanswered(flag.name, FlagError.INVALID_CONTEXT, details)
    return user


def _salt(flag: Flag, rule: FlagRule, rollout: Rollout) -> str:
    return rollout.salt if rule.salt == ROLLOUT_SALT else rule.salt or flag.name


def _attributes_fit(rule: FlagRule, context: Mapping[str, object]) -> bool:
    return all(any(_same(context.get(name), value) for value in values) for name, values in rule.when.items())


def _same(found: object, wanted: Scalar) -> bool:
    """Equal and of one kind: ``1`` is ``1.0``, but neither ``"1"`` nor true."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(wanted, str):
        return found == wanted
    return isinstance(found, int | float) and found == wanted
