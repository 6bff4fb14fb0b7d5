"""Over many exchanges: noise makes no finding, and the smallest real difference does."""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from math import inf, log

import pytest

from abreast.analysis.eprocess import WORSE_BETS, Evidence
from abreast.compare.model import Kind
from abreast.compare.rules import Rules
from abreast.findings.judge import Judge
from abreast.findings.report import EndpointReport, Key
from tests.findings.noisy_service import START, Body, Change, Process

ENDPOINT = "GET /orders/{id}"
BATCH = 50
SEEDS = range(5)


def reports(
    seed: int, exchanges: int, change: Change | None = None, *, instances: int = 2, controls: float = 1.0
) -> Iterator[EndpointReport]:
    """What is reported of so many exchanges, batch by batch.

    Stable has ``instances``; the control is another one than the live answer's. It is chosen on a share of
    ``controls``, and asked whenever the candidate differs. ``change`` is what the candidate does to its answers.
    """
    dice = random.Random(seed)
    judge = Judge(lambda _: Rules())
    stables = [Process(f"web-{number}", f"{seed} stable {number}") for number in range(instances)]
    candidate = Process("canary", f"{seed} candidate")
    for number in range(exchanges):
        at = START + number * 0.5
        live, other = dice.sample(stables, 2)
        stable, copy = live.answer(number, at), candidate.answer(number, at, change)
        chosen = dice.random() < controls
        asked = chosen or judge.wants_control(ENDPOINT, stable, copy, at)
        control = other.answer(number, at) if asked else None
        judge.judge(ENDPOINT, dice.getrandbits(64), at, stable, copy, control, chosen=chosen)
        if number % BATCH == BATCH - 1:
            yield from judge.take()


class Docket:
    """The evidence for each key, as batches come in, and its highest ever."""

    def __init__(self) -> None:
        self.compared = 0
        self.noise: dict[str, str] = {}
        self._evidence: defaultdict[Key, Evidence] = defaultdict(lambda: Evidence.of(WORSE_BETS))
        self.highest: defaultdict[Key, float] = defaultdict(lambda: -inf)
        self.exchanges = Evidence.of(WORSE_BETS)

    def hear(self, report: EndpointReport) -> None:
        self.compared += report.compared
        self.noise = dict(report.noise)
        for path in report.paths:
            grown = self._evidence[path.key].after(
                path.count.candidate_only, report.compared, path.count.control_only, report.controlled
            )
            self._evidence[path.key] = grown
            self.highest[path.key] = max(self.highest[path.key], grown.log_e)
        self.exchanges = self.exchanges.after(
            report.candidate_only, report.compared, report.control_only, report.controlled
        )

    def findings(self) -> set[Key]:
        return {key for key, highest in self.highest.items() if highest >= log(len(self.highest) / 0.01)}


def assert_nothing_is_found(seed: int, exchanges: int, *, instances: int = 2, controls: float = 1.0) -> None:
    docket = Docket()
    for report in reports(seed, exchanges, instances=instances, controls=controls):
        docket.hear(report)
        assert not docket.findings(), f"after {docket.compared} exchanges"
        assert docket.exchanges.log_e < log(100)
    assert docket.compared == exchanges
    assert len(docket.highest) >= 15, "there was noise enough"


@pytest.mark.parametrize(("instances", "controls"), [(2, 1.0), (3, 0.2)])
def test_nothing_is_found_in_noise(instances: int, controls: float) -> None:
    assert_nothing_is_found(1, 2_000, instances=instances, controls=controls)


@pytest.mark.acceptance
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("seed", "instances", "controls"), [*((seed, 2, 1.0) for seed in SEEDS), (5, 2, 0.1), (6, 3, 0.2)]
)
def test_nothing_is_found_in_20_000_exchanges_of_noise(seed: int, instances: int, controls: float) -> None:
    assert_nothing_is_found(seed, 20_000, instances=instances, controls=controls)


def one_wrong_field(body: Body, dice: random.Random) -> None:
    if dice.random() < 0.005:
        body["customer"] = "nobody"


def a_uuid_that_is_null(body: Body, dice: random.Random) -> None:
    if dice.random() < 0.02:
        body["request_id"] = None


def a_keyword_beside_a_nonce(body: Body, dice: random.Random) -> None:
    if dice.random() < 0.05:
        body["state"] = str(body["state"]).replace("paid", "void")


def a_time_an_hour_off(body: Body, dice: random.Random) -> None:
    if dice.random() < 0.02:
        body["generated_at"] = (datetime.fromisoformat(str(body["generated_at"])) - timedelta(hours=1)).isoformat()


def an_epoch_an_hour_off(body: Body, dice: random.Random) -> None:
    if dice.random() < 0.02:
        body["epoch_ms"] = int(str(body["epoch_ms"])) + 3_600_000


def a_negative_price(body: Body, dice: random.Random) -> None:
    if dice.random() < 0.02:
        body["price"] = -1.5


def a_lost_tag(body: Body, dice: random.Random) -> None:
    if dice.random() < 0.02:
        tags = body["tags"]
        assert isinstance(tags, list)
        tags.pop()


def an_unknown_tier(body: Body, dice: random.Random) -> None:
    if dice.random() < 0.02:
        body["tier"] = "platinum"


def a_note_that_is_mostly_missing(body: Body, dice: random.Random) -> None:
    if dice.random() < 0.8:
        body.pop("note", None)


NEEDLES: list[tuple[Change, Key]] = [
    (one_wrong_field, Key("/customer", Kind.CHANGED)),
    (a_uuid_that_is_null, Key("/request_id", Kind.TYPE)),
    (a_keyword_beside_a_nonce, Key("/state", Kind.CHANGED)),
    (a_time_an_hour_off, Key("/generated_at", Kind.CHANGED)),
    (an_epoch_an_hour_off, Key("/epoch_ms", Kind.CHANGED)),
    (a_negative_price, Key("/price", Kind.CHANGED)),
    (a_lost_tag, Key("/tags/*", Kind.MISSING)),
    (an_unknown_tier, Key("/tier", Kind.CHANGED)),
    (a_note_that_is_mostly_missing, Key("/note", Kind.MISSING)),
]


RARE = {one_wrong_field, a_lost_tag, an_epoch_an_hour_off, an_unknown_tier}
"""Those that take thousands of exchanges: they are looked for at full size alone."""


def exchanges_until_found(seed: int, change: Change, key: Key, controls: float = 1.0) -> int:
    """Exchanges until the key is a finding; fails when another one is, or when 10,000 are not enough."""
    docket = Docket()
    for report in reports(seed, 10_000, change, controls=controls):
        docket.hear(report)
        if key in docket.findings():
            break
    assert docket.findings() == {key}
    return docket.compared


@pytest.mark.parametrize(("change", "key"), [each for each in NEEDLES if each[0] not in RARE])
def test_a_needle_is_found_in_10_000_exchanges(change: Change, key: Key) -> None:
    assert exchanges_until_found(7, change, key) <= 10_000


@pytest.mark.acceptance
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("change", "key"), NEEDLES)
def test_a_needle_is_found_with_any_seed(seed: int, change: Change, key: Key) -> None:
    found = exchanges_until_found(seed, change, key, controls=0.5)
    print(f"{key.pattern} {key.kind}: found after {found} exchanges")  # noqa: T201 - what was measured is printed
    assert found <= 10_000


def test_noise_is_told_in_words() -> None:
    docket = Docket()
    for report in reports(3, 1_000):
        docket.hear(report)
    noise = docket.noise
    assert noise["/request_id"] == "a UUID"
    assert noise["/generated_at"] == "a timestamp near now"
    assert noise["/epoch_ms"] == "a timestamp near now (ms)"
    assert noise["/tags"] == "any order"
    assert noise["/tier"] == "one of 3 texts"
    assert noise["/served_by"] == "a word, other in each process"
    assert noise["/started_at"] == "a timestamp, other in each process"
    assert noise["/pid"] == "an integer, other in each process"
    assert noise["/served"] == "any integer"
    assert noise["/price"].startswith("a number between 3")
    assert noise["/state"] == "a text with 8 hexadecimal digits in it"
    assert noise["/note"].endswith("absent")
    assert noise["header:x-features"] == "a list in any order"
    assert noise["header:x-trace"] == "16 hexadecimal digits"
