"""Judge exchanges: which of the candidate's differences are its own, and which are stable's noise.

Each exchange has stable's live answer, the candidate's, and on a share of them another of stable's, the control. Both
arms are judged by the same shapes as they were before the exchange. So under "no change" the two are exchangeable:
a shape that is still too narrow errs on both equally often, which the paired counts allow for.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from abreast.compare.exchange import compare
from abreast.compare.model import Answer
from abreast.compare.rules import Rules
from abreast.findings.noise import OVERFLOW, Exchange, Found, Noise, keys_of
from abreast.findings.report import EndpointReport, Key
from abreast.findings.tally import Tally

ENDPOINTS: Final = 200
"""Endpoints that are told apart."""

_REMEMBERED: Final = 16
"""Comparisons that are kept while a control is asked."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The differences of one exchange beyond rules and shapes, with the patterns that they are counted under.

    ``both`` are the candidate's, where the control differs in the same key. Not ``attributable``: the candidate and
    the control give the same status and it is not stable's, as when asking for what only the live instance knows.
    """

    candidate_only: Found = ()
    control_only: Found = ()
    both: Found = ()
    attributable: bool = True


_AGREED: Final = Judged()
_NOT_ATTRIBUTABLE: Final = Judged(attributable=False)


@dataclass(slots=True)
class _Endpoint:
    name: str
    noise: Noise
    tally: Tally


class Judge:
    """Judges and counts exchanges, learning noise as it goes. Bounded in memory; the same input, the same output.

    ``rules`` gives an endpoint's rules, asked once for each. ``accepted`` are the keys of intended changes, by
    endpoint.
    """

    def __init__(self, rules: Callable[[str], Rules], accepted: Collection[tuple[str, Key]] = ()) -> None:
        self._rules = rules
        self._accepted = frozenset(accepted)
        self._endpoints: dict[str, _Endpoint] = {}
        self._last_at = 0.0
        self._compared: OrderedDict[tuple[int, int], tuple[Answer, Answer, Rules, Found]] = OrderedDict()

    def judge(
        self,
        endpoint: str,
        exchange_id: int,
        at: float,
        stable: Answer,
        candidate: Answer,
        control: Answer | None,
        *,
        chosen: bool,
    ) -> Judged:
        """Judge and count an exchange answered about ``at`` (Unix s), and learn from it.

        ``exchange_id`` has 64 bits. ``chosen``: the control was asked by chance, not because the candidate differed.
        Without a control only self-evident noise (`is_self_evident`) is forgiven.
        """
        if _is_not_attributable(stable, candidate, control):
            return _NOT_ATTRIBUTABLE
        self._last_at = at
        place = self._place(endpoint)
        chosen = chosen and control is not None
        place.tally.count(controlled=chosen)
        exchange = self._exchange(place, at, stable, candidate, control, chosen=chosen)
        if not exchange.from_candidate and not exchange.from_control:
            place.noise.controls += control is not None
            return _AGREED
        judged = _judged(place.noise, exchange)
        place.tally.count_candidate(keys_of(judged.candidate_only), exchange_id, at)
        place.tally.count_both(keys_of(judged.both))
        if chosen:
            place.tally.count_control(keys_of(judged.control_only))
        place.noise.learn(exchange)
        return judged

    def wants_control(self, endpoint: str, stable: Answer, candidate: Answer, at: float | None = None) -> bool:
        """Whether the candidate differs beyond rules, shapes and accepted changes: then a control can tell.

        ``at`` is the time of the answers (Unix s), by default that of the exchange judged last.
        """
        place = self._place(endpoint)
        found = self._found(place, stable, candidate)
        if not found:
            return False
        self._keep(stable, candidate, place.noise.rules, found)
        counted = place.noise.counted(found, self._last_at if at is None else at, is_alone=False)
        return not keys_of(counted) <= place.tally.accepted

    def replayed(
        self, endpoint: str, at: float, stable: Answer, candidate: Answer, control: Answer | None = None
    ) -> Judged:
        """Judge an exchange asked again, for `confirm`; nothing is counted or learned."""
        if _is_not_attributable(stable, candidate, control):
            return _NOT_ATTRIBUTABLE
        place = self._place(endpoint)
        return _judged(place.noise, self._exchange(place, at, stable, candidate, control, chosen=False))

    def confirm(self, endpoint: str, keys: Collection[Key], again: Judged) -> None:
        """A differing exchange was asked again: the keys in which it differed, and what came of it."""
        if again.attributable:
            self._place(endpoint).tally.confirm(keys, keys_of(again.candidate_only))

    def accept(self, accepted: Collection[tuple[str, Key]]) -> None:
        """From now on these are the intended changes; what was learned stays."""
        self._accepted = frozenset(accepted)
        for place in self._endpoints.values():
            place.tally.accepted = self._accepted_at(place.name)

    def take(self) -> tuple[EndpointReport, ...]:
        """Counts since the last take, of the endpoints that have any."""
        reports = []
        for place in self._endpoints.values():
            if not place.tally.is_empty:
                reports.append(place.tally.taken(place.name, place.noise.words()))
                place.tally = Tally(place.tally.accepted)
        return tuple(reports)

    def _place(self, endpoint: str) -> _Endpoint:
        place = self._endpoints.get(endpoint)
        if place is None:
            name = endpoint if len(self._endpoints) < ENDPOINTS else OVERFLOW
            place = self._endpoints.get(name)
            if place is None:
                tally = Tally(self._accepted_at(name))
                place = self._endpoints[name] = _Endpoint(name, Noise(self._rules(name)), tally)
        return place

    def _accepted_at(self, endpoint: str) -> frozenset[Key]:
        return frozenset(key for where, key in self._accepted if where == endpoint)

    def _exchange(
        self, place: _Endpoint, at: float, stable: Answer, candidate: Answer, control: Answer | None, *, chosen: bool
    ) -> Exchange:
        from_candidate = self._found(place, stable, candidate)
        from_control = () if control is None else place.noise.named(compare(stable, control, place.noise.rules))
        return Exchange.of(at, (stable, control), (from_candidate, from_control), chosen=chosen)

    def _found(self, place: _Endpoint, stable: Answer, candidate: Answer) -> Found:
        """The candidate's differences, remembered from when a control was wanted."""
        rules = place.noise.rules
        known = self._compared.pop((id(stable), id(candidate)), None)
        if known is not None and known[0] is stable and known[1] is candidate and known[2] is rules:
            return place.noise.named(known[3])
        return place.noise.named(compare(stable, candidate, rules))

    def _keep(self, stable: Answer, candidate: Answer, rules: Rules, found: Found) -> None:
        self._compared[id(stable), id(candidate)] = (stable, candidate, rules, found)
        if len(self._compared) > _REMEMBERED:
            self._compared.popitem(last=False)


def _judged(noise: Noise, exchange: Exchange) -> Judged:
    from_candidate = noise.counted(exchange.from_candidate, exchange.at, is_alone=exchange.control is None)
    from_control = noise.counted(exchange.from_control, exchange.at, is_alone=False)
    if not from_candidate and not from_control:
        return _AGREED
    candidates, controls = keys_of(from_candidate), keys_of(from_control)
    return Judged(
        tuple(each for each in from_candidate if (each.pattern, each.kind) not in controls),
        tuple(each for each in from_control if (each.pattern, each.kind) not in candidates),
        tuple(each for each in from_candidate if (each.pattern, each.kind) in controls),
    )


def _is_not_attributable(stable: Answer, candidate: Answer, control: Answer | None) -> bool:
    return control is not None and control.status == candidate.status and control.status not in {0, stable.status}
