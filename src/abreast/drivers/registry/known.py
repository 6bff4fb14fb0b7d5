"""What is known of a version's endpoints: what a registry answered, over time. Pure.

An answer with endpoints is believed at once. Two things take none away:

- **No answer.** Who cannot be asked says nothing about the instances: the last ones stay for as long as it lasts, as
  Envoy keeps the hosts of a name that cannot be resolved.
- **An answer without any**, after there were some, for ``keep_s``. It may be true; more often somebody registered
  anew, a health check of the registry's failed everywhere at once, or a record was wrong for a moment, and believing
  it would take every user's endpoint away. The instances are probed all the while, so those that have really gone get
  no request. It is bounded because an address may become somebody else's.
"""

from dataclasses import dataclass, replace
from typing import Final

from abreast.drivers.registry.found import Found
from abreast.model.service import Endpoint
from abreast.model.units import format_duration

_NAMED: Final = 5
"""Endpoints that a sentence names."""


@dataclass(frozen=True)
class Known:
    """``endpoints``: those to use. ``empty_since`` (Unix seconds): since when the registry says that there is none.

    ``answered``: the registry has been heard in this run. ``failure``: why it does not answer now; ``detail``: what its
    last answer left out, or why it had none.
    """

    endpoints: tuple[Endpoint, ...] = ()
    answered: bool = False
    empty_since: float | None = None
    failure: str = ""
    detail: str = ""

    @property
    def kept(self) -> bool:
        """Whether the endpoints are not what the registry says now."""
        return bool(self.endpoints) and (self.empty_since is not None or bool(self.failure) or not self.answered)


def heard(known: Known, answer: Found, now: float, keep_s: float) -> tuple[Known, str]:
    """What is known after an answer, and a sentence of what is new in it; empty if nothing is."""
    again = "answers again; " if known.failure else ""
    after = replace(known, answered=True, failure="", detail=answer.detail)
    if answer.endpoints:
        after = replace(after, endpoints=answer.endpoints, empty_since=None)
        return after, again + _change(known, after)
    why = f" ({answer.detail})" if answer.detail else ""
    since = now if known.empty_since is None else known.empty_since
    if known.endpoints and now - since < keep_s:
        after = replace(after, empty_since=since)
        if known.empty_since is not None:
            return after, again.removesuffix("; ")
        kept = (
            f"the last {_several(known.endpoints)} are kept for {format_duration(keep_s)}, as far as their probes hold"
        )
        return after, f"{again}says that there is none{why}; {kept}"
    after = replace(after, endpoints=(), empty_since=since)
    if known.endpoints:
        lasted = f"for {format_duration(keep_s)} " if keep_s else ""
        return after, f"{again}has said {lasted}that there is none{why}: {_several(known.endpoints)} are given up"
    return after, again + (f"says that there is none{why}" if known.empty_since is None else "")


def unheard(known: Known, reason: str) -> tuple[Known, str]:
    """What is known when the registry could not be asked, and a sentence the first time."""
    after = replace(known, failure=reason)
    if known.failure:
        return after, ""
    kept = f"the last {_several(known.endpoints)} stay" if known.endpoints else "no endpoint is known"
    return after, f"does not answer: {reason}; {kept}"


def _change(before: Known, after: Known) -> str:
    """What came and what went."""
    old, new = set(before.endpoints), set(after.endpoints)
    left_out = f"; left out: {after.detail}" if after.detail and after.detail != before.detail else ""
    if old == new:
        back = "has endpoints again: the same" if before.empty_since is not None and before.endpoints else ""
        return back + (left_out if back else left_out.removeprefix("; "))
    came, went = sorted(new - old), sorted(old - new)
    parts = [f"{sign}{_several(tuple(each))}" for sign, each in (("+ ", came), ("− ", went)) if each]
    first = "found " if not old else "changed: "
    return first + (_several(after.endpoints) if not old else ", ".join(parts)) + left_out


def _several(endpoints: tuple[Endpoint, ...]) -> str:
    """``2 endpoints (10.0.0.1:80, 10.0.0.2:80)``."""
    shown = ", ".join(map(str, endpoints[:_NAMED])) + (", …" if len(endpoints) > _NAMED else "")
    return f"{len(endpoints)} endpoint{'s' * (len(endpoints) != 1)} ({shown})"
