"""The main story: a shop whose second version fails now and then, and whose third one is good."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from abreast.demo import promises
from abreast.demo.play import Evidence, Outcome, Story
from abreast.demo.promises import Promise, RollBack
from abreast.demo.stage import Json, Stage
from abreast.demo.teller import Teller
from abreast.load import Request

_OPENING: Final = """\
A shop is served in version v1, behind a real Envoy. 600 users ask it for 250 things a second. First v2 is rolled
out: it fails for one product page in six and is slow for some. Then v3, which is good. Times are of seconds here
instead of hours. Pages that fail at v2 are asked again at v1, so no user sees it; orders (POST) are never sent twice,
and v2 takes orders without a fault, so none of them is lost either."""

_PAGES: Final = 12
"""So many product pages are asked for; of six in a row v2 fails for one."""

_JSON: Final = (("content-type", "application/json"),)
_MIX: Final = (
    Request("/products", weight=2),
    *(Request(f"/products/{number}", weight=0.75) for number in range(1, _PAGES + 1)),
    Request("/cart", weight=1),
    Request("/checkout", "POST", _JSON, '{"product": 7, "quantity": 1}', weight=1),
)

_ONE: Final = 100
_TEN: Final = 1000
_READY_S: Final = 40.0
_STEP_S: Final = 45.0


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
    await stage.rest(2.0)
    outcome.roll_backs.append(await _bad_version(stage, teller))
    teller.chapter("v3 is better, but somebody stops it at 10 %, and goes on later with the very same users")
    outcome.roll_backs.append(await _second_thoughts(stage, teller))
    teller.chapter("v3 again, through every step")
    await _good_version(stage, teller)
    return outcome


async def _bad_version(stage: Stage, teller: Teller) -> RollBack:
    """v2 to 10 %, where there are enough requests to find it worse."""
    teller.chapter("v2 is rolled out, and it is bad")
    await _first_users(stage, "start", version="v2")
    await stage.until(
        lambda status: status["phase"] == "rolled-back", _STEP_S, "the errors gate to find v2 worse and roll it back"
    )
    await stage.rest(1.0)
    verdict_s = next(event["at"] for event in stage.events if event["kind"] == "verdict")
    return RollBack("v2", "by the errors gate", verdict_s, time.time())


async def _second_thoughts(stage: Stage, teller: Teller) -> RollBack:
    """v3 to 10 %, and an abort there."""
    await _first_users(stage, "start", version="v3")
    await stage.until(_at(_TEN), _STEP_S, "v3 to be at 10 %")
    await stage.rest(1.8)
    order_s = await stage.order("abort", reason="let us wait for the weekend")
    await stage.until(_Wanted("rolled-back"), _STEP_S, "v3 to be rolled back")
    await stage.rest(1.0)
    until_s = time.time()
    teller.tell("demo", "the weekend is over", "aside")
    return RollBack("v3", "by abort", order_s, until_s)


async def _good_version(stage: Stage, teller: Teller) -> None:
    """v3 to 100 %, baked; v1 retired."""
    await _first_users(stage, "retry")
    teller.tell("demo", "from here on nobody does anything: each step goes on once v3 has proved itself", "aside")
    await stage.until(_Wanted("completed"), 2 * _STEP_S, "v3 to be promoted and v1 to be retired")
    await stage.rest(1.0)


async def _first_users(stage: Stage, verb: str, version: str = "") -> None:
    """A rollout to 1 %, and on by a person's word: so few users give too few requests to judge by."""
    await stage.order(verb, version)
    await stage.until(_at(_ONE), _READY_S, "the candidate to be ready and have its first users")
    await stage.rest(2.0)
    await stage.order("promote", reason="1 % is too few requests to judge by, but nothing broke")


def _promises(evidence: Evidence, outcome: Outcome) -> Sequence[Promise]:
    answers, events = evidence.stage.crowd.answers, evidence.stage.events
    first, second = (
        share.stretch for share in evidence.shares if (share.stretch.candidate, share.stretch.weight) == ("v3", _TEN)
    )
    # v2's failed pages are answered by v1, so its users are known by other pages only: too rough a measure.
    shares = [share for share in evidence.shares if share.stretch.candidate == "v3"]
    return [
        promises.nobody_failed(answers),
        promises.errors_absorbed(evidence.totals, "v2"),
        promises.rolled_back(events, 1, "v2"),
        *(promises.left_alone(answers, each) for each in outcome.roll_backs),
        promises.same_users(answers, first, second),
        promises.shares_kept(shares),
        promises.promoted(evidence.status, "v3"),
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
