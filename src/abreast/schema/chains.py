"""The journal's entries gathered by row: one chain per row that a version wrote, followed where its key changes."""

from dataclasses import dataclass, field, replace
from itertools import groupby

from abreast.schema.journal import REPAIR_VERSION
from abreast.schema.names import Relation
from abreast.schema.repair import UNDO, Action, Change, Undo, Verdict


@dataclass
class _Chain:
    id: int
    key: str
    changes: list[Change] = field(default_factory=list)
    repaired: bool = False


@dataclass
class Chains:
    """Takes the journal's entries in order and keeps one chain per row that ``version`` wrote."""

    version: str
    truncates: list[Change] = field(default_factory=list)
    _all: dict[int, _Chain] = field(default_factory=dict)
    _at: dict[tuple[Relation, str], _Chain] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        """Take the next entry; those that are of no chain are passed over."""
        if change.op == "t":
            self._truncated(change)
        elif change.version == REPAIR_VERSION and change.request_id.startswith(UNDO):
            self._undone(change)
        else:
            self._written(change)

    def undos(self) -> list[Undo]:
        """A row each, newest first: clean, overwritten or repaired, as far as the journal alone can tell."""
        chains = sorted(self._all.values(), key=lambda chain: chain.changes[-1].seq, reverse=True)
        return [_undo(chain, self.version) for chain in chains]

    def _truncated(self, change: Change) -> None:
        for (relation, _), chain in self._at.items():
            if relation == change.relation:
                chain.changes.append(change)
        # A partition's trigger and its table's tell of the same TRUNCATE.
        known = {(each.xid, each.relation) for each in self.truncates}
        if change.version == self.version and (change.xid, change.relation) not in known:
            self.truncates.append(change)

    def _undone(self, change: Change) -> None:
        chain = self._all.get(int(change.request_id.removeprefix(UNDO)))
        if chain is not None:
            chain.repaired = True
            if self._at.get((change.relation, chain.key)) is chain:
                del self._at[change.relation, chain.key]

    def _written(self, change: Change) -> None:
        chain = self._at.get((change.relation, change.key))
        if chain is None:
            if change.version != self.version:
                return
            chain = self._all[change.seq] = _Chain(change.seq, change.key)
            self._at[change.relation, change.key] = chain
        chain.changes.append(change)
        if change.moved_to:
            del self._at[change.relation, change.key]
            chain.key = change.moved_to
            self._at[change.relation, change.moved_to] = chain


def _undo(chain: _Chain, version: str) -> Undo:
    foreign = next((change for change in chain.changes if change.version not in {version, REPAIR_VERSION}), None)
    truncate = next((change for change in chain.changes if change.op == "t"), None)
    written = linked([change for change in chain.changes if change.op != "t"])
    theirs = written if foreign is None else linked(_until(chain.changes, foreign))
    first, last = theirs[0], theirs[-1]
    undo = Undo(
        id=chain.id,
        relation=first.relation,
        key=chain.key,
        verdict=Verdict.CLEAN,
        before=first.old,
        bad=last.new,
        before_texts=first.texts,
        bad_texts=last.texts,
        writes=sum(change.version == version for change in chain.changes if change.op != "t"),
    )
    if chain.repaired:
        return replace(undo, verdict=Verdict.REPAIRED, reason="put back already")
    stopped = foreign or truncate
    if stopped is not None:
        did = {"i": "inserted", "u": "updated", "d": "deleted", "t": "truncated away"}[stopped.op]
        found = written[-1].new if truncate is None else None
        reason = f"{did} by {stopped.writer} at {stopped.at.isoformat(timespec='seconds')}"
        return replace(undo, verdict=Verdict.OVERWRITTEN, reason=reason, found=found)
    if undo.action is Action.NONE:
        return replace(undo, verdict=Verdict.REPAIRED, reason=f"the writes of {version} cancel each other out")
    return undo


def _until(changes: list[Change], foreign: Change) -> list[Change]:
    return [change for change in changes[: changes.index(foreign)] if change.op != "t"]


def linked(changes: list[Change]) -> list[Change]:
    """The writes of one row in the order they happened.

    A trigger of the table that writes the same row again is journalled before the write that set it off; within one
    transaction, each write is put behind the one that left the image it began with.
    """
    made: list[Change] = []
    for _, group in groupby(changes, key=lambda change: change.xid):
        left = list(group)
        if made:
            image = made[-1].new
        else:
            results = {change.new for change in left}
            image = next((change.old for change in left if change.old not in results), left[0].old)
        while left:
            following = next((change for change in left if change.old == image), left[0])
            left.remove(following)
            made.append(following)
            image = following.new
    return made
