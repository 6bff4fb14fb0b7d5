"""What the keys of copying and comparing have against the rest of a spec."""

from collections.abc import Iterator
from typing import Final

from abreast.model.document import Path
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_keys import SpecKeys

UNSAFE: Final[Path] = ("rollout", "shadow", "unsafe")
DIFFERENCES: Final[Path] = ("rollout", "gates", "differences")


def shadow_conflicts(keys: SpecKeys) -> Iterator[Conflict]:
    """Every conflict, in no particular order."""
    yield from _unsafe(keys)
    if keys.rollout.gates.differences.tolerance == 0:
        message = "0 % can never be proven: no number of equal answers rules out that one differs"
        remedy = "write a share above 0%, such as 0.1%"
        yield Conflict((*DIFFERENCES, "tolerance"), message, remedy)


def _unsafe(keys: SpecKeys) -> Iterator[Conflict]:
    """What is copied of unsafe methods would be done twice by a candidate that shares stable's data."""
    unsafe = keys.rollout.shadow.unsafe
    for index, route in enumerate(unsafe):
        if not route.methods:
            yield Conflict((*UNSAFE, index, "methods"), "the list has no methods", "name one, such as POST")
    if not unsafe:
        return
    stable = keys.stable or next(iter(keys.versions), None)
    for name, version in keys.versions.items():
        if name == stable or version.isolated:
            continue
        path: Path = ("versions", name, "isolated")
        message = f"{name!r} is not isolated, but rollout.shadow.unsafe would have users' writes copied to it"
        remedy = "write `isolated: true` if it has a database, schema or tenant of its own, else remove `unsafe`"
        yield Conflict(path, message, remedy, (UNSAFE, ("stable",)))
