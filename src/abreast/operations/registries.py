"""What is wrong with where endpoints are looked up, for `abreast doctor`."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from abreast.model.registry_state import RegistryState
from abreast.model.service import Endpoint, Service
from abreast.model.units import about
from abreast.operations.machine import Finding

_GUIDE = "docs/registry.md says what happens meanwhile"


def registry_findings(states: Sequence[RegistryState], service: Service, now: float) -> Iterator[Finding]:
    """A finding or more for each registry that is asked; ``now`` in Unix seconds."""
    for state in states:
        yield from _of_registry(state, now)
        listen = service.gateway.listen
        if listen in state.endpoints:
            remedy = "take it out of there: the gateway would ask itself"
            yield Finding("fault", f"{state.version}: {state.registry} has the gateway's own address, {listen}", remedy)
    yield from _shared(states, service)


def _of_registry(state: RegistryState, now: float) -> Iterator[Finding]:
    what = f"{state.version}: {state.registry}"
    count = f"{len(state.endpoints)} endpoint{'s' * (len(state.endpoints) != 1)}"
    last = f"the last {count} are used" if state.endpoints else "no endpoint is known"
    if state.failure:
        yield Finding("fault", f"{what} does not answer: {state.failure}; {last}", f"mend what it names; {_GUIDE}")
    elif state.empty_since is not None:
        since, why = about(now - state.empty_since), f" ({state.detail})" if state.detail else ""
        yield Finding("fault", f"{what} has said for {since} that there is none{why}; {last}", f"register; {_GUIDE}")
    elif state.detail:
        yield Finding("warning", f"{what} has {count}; left out: {state.detail}", _GUIDE)
    elif state.endpoints:
        yield Finding("ok", f"{what} has {count}")


def _shared(states: Sequence[RegistryState], service: Service) -> Iterator[Finding]:
    """Two versions at one address: the comparison of both would be one of a version with itself."""
    asked = {state.version: frozenset(state.endpoints) for state in states}
    places: dict[str, frozenset[Endpoint]] = {each.name: frozenset(each.endpoints) for each in service.versions} | asked
    for (one, mine), (other, its) in combinations(places.items(), 2):
        shared = sorted(mine & its)
        if shared:
            what = f"{one} and {other} are both at {', '.join(map(str, shared[:5]))}"
            yield Finding("fault", what, "give each version a name, tag or prefix of its own")
