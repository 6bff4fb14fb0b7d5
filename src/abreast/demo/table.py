"""The end of the demo: what was measured, and which promises held. Pure, but for Rich."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from abreast.demo.crowd import Answer
from abreast.demo.journal import UserShare, longest_gap_s, percentile_ms
from abreast.demo.promises import OUTAGE_S, Promise, RollBack
from abreast.demo.stage import Seen
from abreast.envoy.counts import Totals
from abreast.model.units import format_weight, percent
from abreast.ports import is_error


def shares_table(shares: Sequence[UserShare], seen: Mapping[float, Seen]) -> Table:
    """Each step's share of users: set, seen by the users, counted by the gateway."""
    table = Table(title="Share of users on the candidate", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("rollout")
    for title in ("set", "seen by users", "users", "counted by the gateway", "requests"):
        table.add_column(title, justify="right")
    for share in shares:
        stretch = share.stretch
        count = seen.get(stretch.begin_s)
        table.add_row(
            stretch.candidate,
            format_weight(stretch.weight),
            percent(share.on_candidate, share.users) if share.users else "–",
            f"{share.users:,}" if share.users else "–",
            percent(count.share, 1) if count else "–",
            f"{count.requests:,}" if count else "–",
        )
    return table


def summary_table(answers: Sequence[Answer], totals: Totals, roll_backs: Sequence[RollBack]) -> Table:
    """The numbers of the whole run."""
    table = Table(title="The whole run", title_justify="left", show_header=False, box=box.SIMPLE)
    table.add_column()
    table.add_column(justify="right")
    failed = sum(1 for answer in answers if answer.failure)
    gap_s = longest_gap_s(answers)
    retried = sum(_bad(codes) for codes in totals.attempts.values())
    table.add_row("requests sent", f"{len(answers):,}")
    table.add_row("failed at the user", f"{failed:,}")
    table.add_row("failed at a version, then retried", f"{retried:,}")
    for each in roll_backs:
        late_s = each.last_request_s(answers)
        shown = f"{late_s * 1e3:.0f} ms after" if late_s else "none after"
        table.add_row(f"last request at {each.candidate}, roll-back {each.by}", shown)
    table.add_row("downtime", f"{gap_s if gap_s >= OUTAGE_S else 0:.0f} s")
    table.add_row("longest time without a good answer", f"{gap_s * 1e3:.0f} ms")
    table.add_row("users waited, p50", f"{percentile_ms(answers, 50):.1f} ms")
    table.add_row("users waited, p99", f"{percentile_ms(answers, 99):.1f} ms")
    return table


def promise_line(promise: Promise) -> Text:
    """✔ or ✘, and the sentence."""
    mark, style = ("✔", "green") if promise.kept else ("✘", "bold red")
    return Text(f"  {mark} {promise.text}", style=style)


def _bad(codes: Mapping[int, int]) -> int:
    return sum(count for code, count in codes.items() if is_error(code))
