"""What comparing came to, in words: a finding in short, and what became of each request. Pure."""

from collections.abc import Iterator
from typing import Any

from abreast.model.units import percent

Json = dict[str, Any]  # Any: JSON


def short(detail: Json, stable: str) -> Iterator[str]:
    """One finding, as ``GET /findings/N`` has it, in the lines of ``abreast finding N`` that matter most."""
    finding = detail["finding"]
    yield f"finding {finding['number']} of rollout {finding['rollout']}"
    yield f"  what      {finding['title']}"
    share = percent(finding["exchanges"], finding["compared"])
    yield f"  share     {share}: {finding['exchanges']:,} of {finding['compared']:,} compared answers"
    yield f"  evidence  {finding['strength']}"
    places = {key["pattern"] for key in finding["keys"]}
    for sample in detail["samples"][:1]:
        for each in sample["differences"]:
            if each["pattern"] in places:
                values = f"{_shown(each['stable'])} from {stable}, {_shown(each['candidate'])} from the candidate"
                yield f"  such as   {sample['method']} {sample['path']}: {each['path']} is {values}"


def ledger_words(ledger: Json) -> str:
    """What became of each request while answers were compared."""
    reasons = sorted(ledger["skipped"].items(), key=lambda each: (-each[1], each[0]))
    why = ", ".join(f"{reason} {count:,}" for reason, count in reasons)
    left_out = f"{sum(ledger['skipped'].values()):,} left out{f' ({why})' if why else ''}"
    pending = f" + {ledger['pending']:,} under way" if ledger["pending"] else ""
    return (
        f"{ledger['seen']:,} requests = {ledger['compared']:,} compared + {left_out} + {ledger['lost']:,} lost{pending}"
    )


def _shown(value: str | None) -> str:
    return "absent" if value is None else value
