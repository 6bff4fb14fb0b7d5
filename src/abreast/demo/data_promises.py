"""What the data demo promises of the rows, held against what was seen. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from abreast.demo.data_look import Agreement, Writes
from abreast.demo.promises import Promise

NEW_COLUMNS: Final = ("amount_cents", "currency", "id", "title")
"""What the table has when all is over."""

Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Repair:
    """One ``abreast data repair``: the keys (JSON texts) of the rows by verdict, and how many rows it put back."""

    clean: frozenset[str]
    overwritten: frozenset[str]
    dependent: frozenset[str]
    repaired: frozenset[str]
    restored: int

    @classmethod
    def of(cls, told: Json) -> Self:
        """What ``--json`` told."""
        rows = told["proposal"]["rows"]
        found = {
            name: frozenset(row["key"] for row in rows if row["verdict"] == name)
            for name in ("clean", "overwritten", "dependent", "repaired")
        }
        return cls(**found, restored=told["outcome"]["restored"] if told["outcome"] else 0)

    @property
    def sentence(self) -> str:
        """What came of it."""
        done = f"; {len(self.repaired):,} are put back already" if self.repaired else ""
        kept = (
            f"; left alone {len(self.overwritten):,} that somebody else has written since" if self.overwritten else ""
        )
        hanging = f" and {len(self.dependent):,} that other rows hang on" if self.dependent else ""
        return f"put back {self.restored:,} rows{done}{kept}{hanging}"


def both_wrote(first: Writes, second: Writes) -> Promise:
    """While both versions ran, both wrote. ``first`` is v1's since v2's first write."""
    text = f"both versions wrote products at once: v1 {first.count:,} times and v2 {second.count:,} times"
    return Promise(first.count > 0 and second.count > 0, text)


def agreed(looks: Sequence[Agreement]) -> Promise:
    """At no time was a version told another thing of a row than the other one."""
    told = ", ".join(f"{look.contradicting:,} of {look.rows:,} {look.when}" for look in looks)
    kept = bool(looks) and all(look.rows and not look.contradicting for look in looks)
    return Promise(kept, f"no row contradicted itself between two versions: {told}")


def restored(wrong: int, left: int, rows: int, first: Repair) -> Promise:
    """There were wrong rows, and every clean one is exactly what it was. ``rows``: so many were compared."""
    text = (
        f"v2 left {wrong:,} products wrong that nobody else wrote; after the repair {left:,} of {rows:,} differ from "
        f"what they were before v2 ({first.restored:,} rows were put back)"
    )
    return Promise(wrong > 0 and not left and first.restored >= wrong, text)


def overwritten_kept(first: Repair, touched: Collection[str]) -> Promise:
    """What v1 wrote over v2's values was reported and left alone. ``touched``: the keys of all rows a repair wrote."""
    wrongly = first.overwritten.intersection(touched)
    text = f"{len(first.overwritten):,} rows that v1 has written since were reported, {len(wrongly):,} of them touched"
    return Promise(bool(first.overwritten) and not wrongly, text)


def nothing_twice(first: Repair, second: Repair) -> Promise:
    """A second repair found everything done."""
    kept = not second.clean and not second.restored and len(second.repaired) >= first.restored > 0
    done = f"{len(second.repaired):,} are put back already"
    return Promise(kept, f"a second repair put {second.restored:,} rows back: {done}")


def fenced(last_write_s: float, fenced_s: float, refusal: str) -> Promise:
    """After its fence the bad version wrote nothing, and could not. Unix seconds."""
    said = f'a write in its name gets "{refusal}"' if refusal else "a write in its name was taken"
    text = f"v2's last write came {fenced_s - last_write_s:.1f} s before the fence was told, and none after; {said}"
    return Promise(bool(refusal) and 0 < last_write_s <= fenced_s, text)


def contracted(columns: Sequence[str]) -> Promise:
    """The table has the new columns, and no other ones."""
    return Promise(tuple(columns) == NEW_COLUMNS, f"contract left the new columns alone: {', '.join(columns)}")


def fence_s(events: Sequence[Json], version: str) -> float | None:
    """When the audit log told that the version may write nothing any more; None before."""
    told = [
        float(event["at"])
        for event in events
        if event["kind"] == "data" and event["reason"].startswith(f"{version} may write nothing")
    ]
    return told[-1] if told else None
