"""The main story: a shop of which one version answers otherwise, one fails in use, and the third one is good."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from abreast.demo import promises
from abreast.demo.found import ledger_words, short
from abreast.demo.journal import copyings, sent_meanwhile
from abreast.demo.play import Evidence, Outcome, Story
from abreast.demo.promises import Promise, RollBack
from abreast.demo.stage import Json, Stage
from abreast.demo.teller import Teller
from abreast.load import Request

_OPENING: Final = """\
A shop is served in version v1, behind a real Envoy. 600 users ask it for 250 things a second. First v2 is rolled
out: for one product in six the price is text instead of a number. Comparing its answers to copied requests shows it
before any user meets it. Then v3: its answers are the same, but once it takes orders it fails for one product page in
six, and it is slow for some. Then v4, which is good. Times are of seconds here instead of hours. Pages that fail at v3
are asked again at v1, so no user sees it; orders (POST) are never sent twice nor copied, and v3 takes orders without a
fault, so none of them is lost either."""

_PAGES: Final = 12
"""So many product pages are asked for; of six in a row one is of an imported product."""

_JSON: Final = (("content-type", "application/json"),)
_MIX: Final = (
    Request("/products", weight=2),
    # Imported products are looked at a little more often: enough to judge by within seconds.
    *(Request(f"/products/{number}", weight=0.75 if number % 6 else 1) for number in range(1, _PAGES + 1)),
    Request("/cart", weight=1),
    Request("/checkout", "POST", _JSON, '{"product": 7, "quantity": 1}', weight=2),
)

_ONE: Final = 100
_TEN: Final = 1000
_READY_S: Final = 40.0
_STEP_S: Final = 45.0

_OTHERWISE: Final = "/price_cents"
"""What v2 answers otherwise."""

_OBEYED_S: Final = 0.5
"""Requests sent this long before or after an order to copy may, on a busy machine, be seen by either side of it."""


def _at(weight: int) -> "_Wanted":
    return _Wanted("progressing", weight)


class _Wanted:
    """A phase, and perhaps a weight, to wait for."""

    def __init__(self, phase: str, weight: int | None = None) -> None:
        self._phase = phase
        self._weight = weight

    def __call__(self, status: Json) -> bool:
        same = self._weight is None or status["weight"] == self._weight
        return bool(status["phase"] == self._phase and same)


async def _prepare(_directory: Path, _teller: Teller) -> None:
    """Nothing: the shop runs with abreast's own packages."""


async def _act(stage: Stage, teller: Teller) -> Outcome:
    outcome = Outcome()
    teller.chapter("v1 serves everybody")
    await stage.rest(1.0)
    teller.chapter("v2 is rolled out; what it answers is compared first, and is not the same")
    outcome.comparisons.append(await _other_answers(stage, teller))
    teller.chapter("v3 answers the same, but is bad once it is in use")
    outcome.roll_backs.append(await _bad_version(stage, teller))
    outcome.comparisons.append(await stage.up.findings())
    teller.chapter("v4 is better, but somebody stops it at 10 %, and goes on later with the very same users")
    outcome.roll_backs.append(await _second_thoughts(stage, teller))
    teller.chapter("v4 again, through every step")
    await _good_version(stage, teller)
    outcome.comparisons.append(await stage.up.findings())
    return outcome


async def _other_answers(stage: Stage, teller: Teller) -> Json:
    """v2, which is stopped at 0 %; returns what comparing came to."""
    await stage.order("start", "v2")
    await stage.until(_Wanted("rolled-back"), _STEP_S, "v2's answers to be found different, and v2 to be rolled back")
    comparison = await stage.up.findings()
    for finding in comparison["findings"][:1]:
        teller.tell("you", f"$ abreast finding {finding['number']}", "order")
        for line in short(await stage.up.finding(finding["number"]), "v1"):
            teller.tell("abreast", line)
    teller.tell("abreast", ledger_words(comparison["ledger"]), "detail")
    met = sum(answer.version == "v2" for answer in stage.crowd.answers)
    teller.tell("users", f"of {len(stage.crowd.answers):,} answers {met} came from v2", "bad" if met else "good")
    return comparison


async def _bad_version(stage: Stage, teller: Teller) -> RollBack:
    """v3 to 10 %, where there are enough requests to find it worse."""
    await _first_users(stage, "start", version="v3")
    teller.tell("demo", "its answers were the same; from here on its own users show how it does", "aside")
    await stage.until(
        lambda status: status["phase"] == "rolled-back", _STEP_S, "the errors gate to find v3 worse and roll it back"
    )
    await stage.rest(1.0)
    verdict_s = next(event["at"] for event in reversed(stage.events) if event["kind"] == "verdict")
    return RollBack("v3", "by the errors gate", verdict_s, time.time())


async def _second_thoughts(stage: Stage, teller: Teller) -> RollBack:
    """v4 to 10 %, and an abort there."""
    await _first_users(stage, "start", version="v4")
    await stage.until(_at(_TEN), _STEP_S, "v4 to be at 10 %")
    await stage.rest(1.8)
    order_s = await stage.order("abort", reason="let us wait for the weekend")
    await stage.until(_Wanted("rolled-back"), _STEP_S, "v4 to be rolled back")
    await stage.rest(1.0)
    until_s = time.time()
    teller.tell("demo", "the weekend is over", "aside")
    return RollBack("v4", "by abort", order_s, until_s)


async def _good_version(stage: Stage, teller: Teller) -> None:
    """v4 to 100 %, baked; v1 retired."""
    await _first_users(stage, "retry")
    teller.tell("demo", "from here on nobody does anything: each step goes on once v4 has proved itself", "aside")
    await stage.until(_Wanted("completed"), 2 * _STEP_S, "v4 to be promoted and v1 to be retired")
    await stage.rest(1.0)


async def _first_users(stage: Stage, verb: str, version: str = "") -> None:
    """A rollout whose answers prove the same, to 1 %, and on by a person's word: so few users give too few requests."""
    await stage.order(verb, version)
    await stage.until(_at(_ONE), _READY_S, "the candidate to be ready and have its first users")
    await stage.rest(2.0)
    await stage.order("promote", reason="1 % is too few requests to judge by, but nothing broke")


def _promises(evidence: Evidence, outcome: Outcome) -> Sequence[Promise]:
    answers, events = evidence.stage.crowd.answers, evidence.stage.events
    first, second = (
        share.stretch for share in evidence.shares if (share.stretch.candidate, share.stretch.weight) == ("v4", _TEN)
    )
    # v3's failed pages are answered by v1, so its users are known by other pages only: too rough a measure.
    shares = [share for share in evidence.shares if share.stretch.candidate == "v4"]
    of_v2, of_v3, of_v4 = outcome.comparisons
    # The last rollout's: enough time has passed since then for what never arrived to be called lost.
    copied = [each for each in copyings(events, time.time()) if each.rollout == of_v4["rollout"]]
    return [
        promises.nobody_failed(answers),
        promises.found_early(events, answers, of_v2, "v2"),
        promises.only_real(outcome.comparisons, _OTHERWISE),
        promises.all_accounted(of_v4, *sent_meanwhile(answers, copied, _OBEYED_S)),
        promises.errors_absorbed(evidence.totals, "v3"),
        promises.rolled_back(events, of_v3["rollout"], "v3"),
        *(promises.left_alone(answers, each) for each in outcome.roll_backs),
        promises.same_users(answers, first, second),
        promises.shares_kept(shares),
        promises.promoted(evidence.status, "v4"),
        promises.no_downtime(answers),
    ]


SHOP: Final = Story(
    example="shop",
    opening=_OPENING,
    rate_per_s=250.0,
    users=600,
    requests=_MIX,
    watch_header="x-shop-version",
    prepare=_prepare,
    act=_act,
    promises=_promises,
)
