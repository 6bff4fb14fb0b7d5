"""Release groups: when a member may go on, and when it goes back with another.

Attempts of the group are counted by the members together: who begins one takes the number of the attempt that others
have begun already, or the next one, and only once everybody has ended the one before. So whatever is said belongs to
one attempt by its number, and no clock is compared with another machine's.

Nobody ends up apart. A member is *completed* only once every member was *released* in the attempt. Who has said
*released* goes back only after one that has not: no gate acts on it any more, and a person is refused. So once all have
said it nobody goes back, and if one goes back before it has said it, nobody is ever completed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from abreast.model.group import FORMAT, Heard, Stage, Standing
from abreast.model.rollout import Group, Phase, Rollout
from abreast.model.units import about
from abreast.rollout import checks
from abreast.rollout.observed import Observed

STALE_S: Final = 10.0
"""What was said longer ago counts as not said, and so long a rollback waits for a member that does not answer."""

PATIENCE_S: Final = 60.0
"""So long a rollback waits for a member before this one that answers, and is not rolled back."""

_SHOWN: Final = 200
_BACK: Final = frozenset({Phase.ROLLING_BACK, Phase.ROLLED_BACK})


@dataclass(frozen=True)
class Following:
    """Another member was rolled back: ``reason``. ``waiting``: who goes first, until ``until``; empty: go back now."""

    reason: str
    waiting: str = ""
    until: float | None = None


def standing(rollout: Rollout, observed: Observed, because: str) -> Standing:
    """What this member says of itself; ``because`` is what its decision waits for."""
    group = rollout.policy.group
    if because.startswith(_waits(rollout)):
        because = "the other members"  # who hears this is one of them, or hears them itself
    return Standing(
        format=FORMAT,
        service=rollout.service,
        group=group.name if group else "",
        order=group.order if group else (),
        attempt=rollout.attempt,
        alone=rollout.alone,
        phase=rollout.phase,
        phase_s=max(0.0, observed.now - rollout.phase_since),
        stage=_stage(rollout, observed),
        because=_short(because),
        reason=_short(rollout.reason.removeprefix(confirmed(rollout))),
    )


def confirmed(rollout: Rollout) -> str:
    """What the reason of a rollback begins with once every gateway has confirmed it."""
    return f"every gateway sends all users to {rollout.stable}; "


def bake_end(rollout: Rollout) -> float:
    """When the bake under way is over."""
    return rollout.phase_since + rollout.policy.bake_s


def _stage(rollout: Rollout, observed: Observed) -> Stage:
    match rollout.phase:
        case Phase.COMPLETED:
            return Stage.RELEASED
        case Phase.RETIRING:
            return Stage.RELEASED if rollout.released_at is not None else Stage.RETIRING
        case Phase.BAKING if rollout.sheltering is None and observed.now >= bake_end(rollout):
            return Stage.BAKED
        case _:
            return Stage.READY if rollout.promoted or _is_ready(rollout, observed) else Stage.WALKING


def _is_ready(rollout: Rollout, observed: Observed) -> bool:
    """Whether nothing but the group keeps it from its promotion."""
    at_the_top = rollout.phase is Phase.PROGRESSING and rollout.step >= len(rollout.policy.ladder)
    healthy = rollout.candidate_missing_since is None and rollout.sheltering is None
    return at_the_top and healthy and not checks.holding(rollout, observed.checks, "promotion")


def holding(rollout: Rollout, observed: Observed, needed: Stage) -> str:
    """Whom this member waits for until all have reached that stage, and what each lacks; empty: go on."""
    group = _group_of(rollout, observed)
    if group is None:
        return ""
    lacking = [
        sentence
        for name, heard in _others(group, rollout, observed)
        if (sentence := _lack(name, heard, rollout, group, observed.now, needed))
    ]
    return f"{_waits(rollout)}{'; '.join(lacking)}" if lacking else ""


def following(rollout: Rollout, observed: Observed) -> Following | None:
    """Whether another member that went back takes this one with it, and when."""
    group = _group_of(rollout, observed)
    if group is None or rollout.phase in {*_BACK, Phase.COMPLETED}:
        return None
    heard = dict(_others(group, rollout, observed))
    back = {name: said for name, each in heard.items() if (said := _ended(name, each, rollout, group)) is not None}
    if not back:
        return None
    reason = _blamed(back, rollout, group)
    since = min(heard[name].at - said.phase_s for name, said in back.items())
    waiting: list[str] = []
    limits: list[float] = []
    for name in group.order[: group.order.index(rollout.service)]:
        limit_s = _patience(name, heard[name], rollout, group, observed.now)
        if limit_s and observed.now < since + limit_s:
            waiting.append(name)
            limits.append(since + limit_s)
    if not waiting:
        return Following(reason)
    return Following(reason, f"{' and '.join(waiting)} before it in the group's order", min(limits))


def _patience(name: str, heard: Heard, rollout: Rollout, group: Group, now: float) -> float:
    """For how many seconds a rollback waits for that member before this one; 0: it does not."""
    said = heard.said
    if said is None or now - heard.at > STALE_S:
        return 0.0 if said is not None and said.phase is Phase.ROLLED_BACK else STALE_S
    if _stranger(name, said, group) or said.alone or said.attempt != rollout.attempt:
        return 0.0
    return 0.0 if said.phase in {Phase.ROLLED_BACK, Phase.COMPLETED} else PATIENCE_S


def _ended(name: str, heard: Heard, rollout: Rollout, group: Group) -> Standing | None:
    """What that member said if it went back in this attempt. However long ago: it cannot become untrue."""
    said = heard.said
    if said is None or said.alone or _stranger(name, said, group):
        return None
    if said.attempt == rollout.attempt:
        return said if said.phase in _BACK else None
    # It began another one only once this was over; without this member's release that was no completion.
    over = said.attempt > rollout.attempt and not _stage_is_released(rollout)
    return said if over else None


def _stage_is_released(rollout: Rollout) -> bool:
    return rollout.phase is Phase.RETIRING and rollout.released_at is not None


def _blamed(back: Mapping[str, Standing], rollout: Rollout, group: Group) -> str:
    """The member that went back first, and its own reason; a reason that names another member is passed on."""
    for name, said in back.items():
        if said.attempt != rollout.attempt:
            return f"{name} has begun attempt {said.attempt} of the group: attempt {rollout.attempt} is over"
        own = not any(said.reason.startswith(_rolled_back(each)) for each in group.order)
        if own:
            return f"{_rolled_back(name)}{said.reason}"
    return next(iter(back.values())).reason


def _rolled_back(name: str) -> str:
    return f"{name} was rolled back: "


def beginning(before: Rollout, group: Group | None, observed: Observed, *, alone: bool) -> tuple[int, str]:
    """The number of the group's attempt that a rollout of ``group`` begins; or why it may not begin now.

    Alone, and without a group, the number stays as it was.
    """
    if group is None or observed.group is None or alone:
        return before.attempt, ""
    heard = dict(_others(group, before, observed))
    unclear = [sentence for name, each in heard.items() if (sentence := _unheard(name, each, group, observed.now))]
    if unclear:
        return 0, f"{'; '.join(unclear)}: a rollout begins once all members of group {group.name} answer"
    standings = {name: each.said for name, each in heard.items() if each.said is not None}
    top = max([before.attempt, *(said.attempt for said in standings.values())])
    latest = {name: said for name, said in standings.items() if said.attempt == top and not said.alone}
    now_in = {name: said for name, said in latest.items() if _under_way(said)}
    back = [name for name, said in latest.items() if said.phase in _BACK]
    if before.attempt < top and now_in and not back:
        return top, ""
    if now_in:
        ending = ", ".join(f"{name} ({said.phase})" for name, said in now_in.items())
        return 0, f"attempt {top} of group {group.name} has not ended everywhere yet: {ending}"
    return top + 1, ""


def _under_way(said: Standing) -> bool:
    return said.phase not in {Phase.COMPLETED, Phase.ROLLED_BACK}


def bound(rollout: Rollout, observed: Observed) -> str:
    """Why this member may not be rolled back by a person any more; empty: it may."""
    group = _group_of(rollout, observed)
    if group is None or not _stage_is_released(rollout) or following(rollout, observed) is not None:
        return ""
    warm = [
        name
        for name, heard in _others(group, rollout, observed)
        if not _lack(name, heard, rollout, group, observed.now, Stage.RETIRING)
        and heard.said is not None
        and heard.said.stage is Stage.RETIRING
    ]
    through = f"{rollout.stable} has left the gateway, and other members of group {group.name} may be completed"
    return f"{through}; abort {' or '.join(warm)}, where the old version is warm: all follow" if warm else through


def told(rollout: Rollout, observed: Observed) -> Iterator[str]:
    """How the group stands, for people; nothing without one."""
    group = rollout.policy.group
    if group is None or observed.group is None:
        return
    if rollout.alone:
        yield f"this rollout goes alone, without group {group.name}"
        return
    for name, heard in _others(group, rollout, observed):
        lack = _unheard(name, heard, group, observed.now)
        if lack or heard.said is None:
            yield lack
        elif rollout.active:
            lack = _lack(name, heard, rollout, group, observed.now, _next_stage(rollout))
            yield lack or f"{name} is {heard.said.phase}: {heard.said.stage}"
        else:
            yield f"{name} is {heard.said.phase}"


def _next_stage(rollout: Rollout) -> Stage:
    """What the next barrier of this member needs of the others."""
    if not rollout.promoted:
        return Stage.READY
    if rollout.phase is not Phase.RETIRING:
        return Stage.BAKED
    return Stage.RELEASED if _stage_is_released(rollout) else Stage.RETIRING


def _group_of(rollout: Rollout, observed: Observed) -> Group | None:
    """The group that this rollout goes with."""
    return None if rollout.alone or rollout.candidate is None or observed.group is None else rollout.policy.group


def _others(group: Group, rollout: Rollout, observed: Observed) -> Iterator[tuple[str, Heard]]:
    """Every other member in the group's order, with what is known of it."""
    for name in group.order:
        if name != rollout.service:
            yield name, (observed.group or {}).get(name, Heard())


def _lack(name: str, heard: Heard, rollout: Rollout, group: Group, now: float, needed: Stage) -> str:
    """What that member lacks until it has reached the stage in this attempt; empty if nothing."""
    unheard = _unheard(name, heard, group, now)
    said = heard.said
    if unheard or said is None:
        return unheard
    if said.alone:
        return f"{name} goes alone: it is {said.phase}"
    if said.attempt != rollout.attempt:
        ahead = "is at a later attempt" if said.attempt > rollout.attempt else "has not begun this attempt"
        return f"{name} {ahead} of the group: it is {said.phase}"
    if said.phase not in _BACK and said.stage.reached(needed):
        return ""
    return f"{name} is {said.phase}{f': {said.because}' if said.because else ''}"


def _unheard(name: str, heard: Heard, group: Group, now: float) -> str:
    """Why nothing is known of that member now; empty if something is."""
    if heard.said is None:
        return f"{name} has not answered yet{f' ({heard.trouble})' if heard.trouble else ''}"
    if now - heard.at > STALE_S:
        why = f" ({heard.trouble})" if heard.trouble else ""
        return f"{name} has not answered for {about(now - heard.at)}{why}"
    stranger = _stranger(name, heard.said, group)
    return f"{name} {stranger}" if stranger else ""


def _stranger(name: str, said: Standing, group: Group) -> str:
    """Why what was said is not that member's of this group; empty if it is."""
    if said.service != name:
        return f"is not there: at its address answers {said.service}"
    if said.group != group.name:
        return f"is in {f'group {said.group}' if said.group else 'no group'} by its own spec, not in {group.name}"
    if said.order != group.order:
        return f"has another `order` in its spec: {', '.join(said.order)}"
    return ""


def _waits(rollout: Rollout) -> str:
    group = rollout.policy.group
    return f"waiting for group {group.name}: " if group else "\0"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
