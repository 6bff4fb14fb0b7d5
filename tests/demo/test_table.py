"""The tables say what was set, seen and counted."""

import io

from rich.console import Console, RenderableType

from abreast.demo.journal import Stretch, UserShare
from abreast.demo.promises import Promise, RollBack
from abreast.demo.stage import Seen
from abreast.demo.table import promise_line, shares_table, summary_table
from abreast.envoy.counts import Totals
from tests.demo.answers import answer


def text(shown: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(shown)
    return out.getvalue()


def row(shown: RenderableType, name: str) -> str:
    return " ".join(next(line for line in text(shown).splitlines() if name in line).split())


def test_a_step_shows_what_was_set_seen_and_counted() -> None:
    stretch = Stretch(rollout=1, candidate="v2", weight=1000, begin_s=10.0, end_s=20.0)
    table = shares_table([UserShare(stretch, 200, 21)], {10.0: Seen(0.0987, 1234)})

    assert row(table, "v2") == "v2 10 % 10.50 % 200 9.87 % 1,234"


def test_what_was_not_seen_is_a_dash() -> None:
    stretch = Stretch(rollout=1, candidate="v2", weight=1000, begin_s=10.0, end_s=20.0)

    assert row(shares_table([UserShare(stretch, 0, 0)], {}), "v2") == "v2 10 % – – – –"


def test_the_summary_counts_failures_retries_and_gaps() -> None:
    answers = [answer(1.0), answer(1.2, "v2"), answer(1.3, failure="refused"), answer(4.0)]
    totals = Totals(attempts={"v1": {200: 5}, "v2": {200: 5, 500: 3, 0: 1}})
    roll_backs = [RollBack("v2", "by abort", 1.15, 9.0), RollBack("v3", "by the gate", 1.0, 9.0)]
    table = summary_table(answers, totals, roll_backs)

    assert row(table, "requests sent") == "requests sent 4"
    assert row(table, "failed at the user") == "failed at the user 1"
    assert row(table, "then retried").endswith(" 4")
    assert row(table, "roll-back by abort").endswith(" 50 ms after")
    assert row(table, "roll-back by the gate").endswith(" none after")
    assert row(table, "downtime") == "downtime 3 s"
    assert row(table, "longest time").endswith("2800 ms")


def test_a_promise_shows_whether_it_held() -> None:
    assert str(promise_line(Promise(kept=True, text="it held"))) == "  ✔ it held"
    assert str(promise_line(Promise(kept=False, text="it broke"))) == "  ✘ it broke"
