"""Reading findings and deciding on them, over a control plane of fakes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from math import inf

import pytest

from abreast.findings.book import Book
from abreast.findings.finding import FindingState
from abreast.findings.ledger import Ledger
from abreast.model.errors import AbreastError, ConflictError, RefusedError, StoreError, UsageError
from abreast.model.event import EventKind
from abreast.model.rollout import Phase
from abreast.model.service import Tls
from abreast.operations import findings
from abreast.operations.control import Control
from abreast.operations.findings import Decision, StateFilter
from tests.contracts.test_findings import TAGS, TOTAL, a_finding, a_sample
from tests.fakes.findings_desk import FakeFindingsDesk
from tests.operations.desk import running
from tests.rollout.play import under_way

ACCEPTED = a_finding(3, state=FindingState.ACCEPTED, actor="bob", reason="a new format", keys=(TAGS,))
RESOLVED = a_finding(4, state=FindingState.RESOLVED, reason="no longer differs")
BOOK = Book(1, findings=(a_finding(1), a_finding(2, keys=(TAGS,)), ACCEPTED, RESOLVED))


@pytest.fixture
def desk() -> FakeFindingsDesk:
    ledger = Ledger(seen=20, compared=10, skipped={"method": 6}, lost=1)
    return FakeFindingsDesk(BOOK, ledger, kept=[a_sample(1), a_sample(2, TAGS), a_sample(3, TOTAL, TAGS)])


@pytest.fixture
async def control(desk: FakeFindingsDesk) -> AsyncIterator[Control]:
    async with running(under_way(Phase.PROGRESSING)) as made:
        made.control.findings = desk
        yield made.control


@pytest.mark.parametrize(
    ("state", "numbers"), [("open", [2, 1]), ("accepted", [3]), ("resolved", [4]), ("all", [2, 3, 1, 4])]
)
def test_the_gravest_come_first_of_the_state_asked_for(
    control: Control, state: StateFilter, numbers: list[int]
) -> None:
    found = findings.findings(control, state)
    assert [each.number for each in found.findings] == numbers
    assert (found.rollout, found.ledger.seen, found.ledger.compared) == (1, 20, 10)
    assert (found.ledger.skipped, found.ledger.lost, found.ledger.pending) == ({"method": 6}, 1, 3)


async def test_one_finding_comes_with_the_samples_that_show_it(control: Control) -> None:
    detail = await findings.finding(control, 2)
    assert detail.finding.number == 2
    assert [sample.path for sample in detail.samples] == ["/orders/2", "/orders/3"]
    assert detail.gateway == f"http://{control.service.gateway.listen}"


async def test_a_gateway_with_a_certificate_is_asked_by_https(control: Control) -> None:
    settings = replace(control.service.gateway, tls=Tls("c", "k"))
    control.service = replace(control.service, gateway=settings)
    assert (await findings.finding(control, 2)).gateway.startswith("https://127.0.0.1:")


async def test_an_unknown_number_is_told_with_those_that_there_are(control: Control, desk: FakeFindingsDesk) -> None:
    with pytest.raises(UsageError, match=r"no finding of rollout 1 has the number 9; there are 1, 2, 3, 4") as unknown:
        await findings.finding(control, 9)
    assert "abreast findings --state all" in unknown.value.remedy
    desk.book = Book(5)
    with pytest.raises(UsageError, match="rollout 5 has the number 1; there is none at all"):
        await findings.accept(control, Decision(1, "ada", "why"))


async def test_accepting_is_written_with_who_why_and_until_and_is_told(
    control: Control, desk: FakeFindingsDesk
) -> None:
    until = control.clock.now() + 60.0
    done = await findings.accept(control, Decision(1, "ada", "prices are text now", until, rollout=1))
    assert done.message.startswith("finding 1 is accepted: GET /orders/{id}: /total")
    assert (done.finding.state, done.finding.actor, done.finding.reason) == ("accepted", "ada", "prices are text now")
    assert done.finding.until == until
    (event,) = desk.events
    assert (event.kind, event.actor, event.rollout, event.at) == (EventKind.FINDING, "ada", 1, control.clock.now())
    assert event.reason.startswith("finding 1 was accepted: prices are text now (GET /orders/{id}")
    assert event.data == {"finding": 1, "change": "accepted", "until": until}
    assert desk.alerts.told == [("shop", 1, "accepted")]
    assert desk.book.findings[1:] == BOOK.findings[1:]


async def test_what_no_longer_differs_can_be_accepted_before_it_comes_back(control: Control) -> None:
    assert (await findings.accept(control, Decision(4, "ada", "why"))).finding.state == "accepted"


@pytest.mark.parametrize(("number", "reason"), [(3, "not meant"), (4, "")])
async def test_reopening_needs_no_reason_but_keeps_it(
    control: Control, desk: FakeFindingsDesk, number: int, reason: str
) -> None:
    done = await findings.reopen(control, Decision(number, "ada", reason))
    assert (done.finding.state, done.finding.actor, done.finding.reason) == ("open", "ada", reason)
    assert f"finding {number} was reopened{': not meant' if reason else ''} (GET" in desk.events[0].reason
    assert desk.alerts.told == [("shop", number, "reopened")]


WRONG: list[tuple[str, Decision, type[AbreastError], str, str]] = [
    ("accept", Decision(3, "ada", "why"), RefusedError, "already accepted, by bob: a new format", "abreast reopen 3"),
    ("accept", Decision(1, "ada", " "), UsageError, "needs a reason", "-m WHY"),
    ("accept", Decision(1, "ada", "why", until=1.0), UsageError, "a time that is over", "--until 14d"),
    ("accept", Decision(1, "ada", "why", until=-inf), UsageError, "a time that is over", "--until 14d"),
    ("accept", Decision(1, "ada", "why", rollout=2), ConflictError, "of rollout 2 was meant", "abreast findings"),
    ("accept", Decision(9, "ada", "why"), UsageError, "has the number 9", "abreast findings"),
    ("reopen", Decision(1, "ada"), RefusedError, "finding 1 is open already", "abreast accept 1"),
    ("reopen", Decision(3, "ada", rollout=0), ConflictError, "of rollout 0 was meant", "abreast findings"),
    ("reopen", Decision(9, "ada"), UsageError, "has the number 9", "abreast findings"),
]


@pytest.mark.parametrize(("verb", "decision", "kind", "message", "remedy"), WRONG)
async def test_what_cannot_be_decided_changes_nothing_and_says_what_can(
    control: Control,
    desk: FakeFindingsDesk,
    verb: str,
    decision: Decision,
    kind: type[AbreastError],
    message: str,
    remedy: str,
) -> None:
    with pytest.raises(kind, match=message) as wrong:
        await (findings.accept if verb == "accept" else findings.reopen)(control, decision)
    assert type(wrong.value) is kind
    assert remedy in wrong.value.remedy
    assert (desk.book, desk.events, desk.alerts.told) == (BOOK, [], [])


async def test_a_store_that_cannot_be_written_leaves_everything_as_it_was(
    control: Control, desk: FakeFindingsDesk
) -> None:
    desk.broken = StoreError("the disk is full", "make room")
    with pytest.raises(StoreError):
        await findings.accept(control, Decision(1, "ada", "why"))
    with pytest.raises(StoreError):
        await findings.finding(control, 1)
    assert (desk.book, desk.events, desk.alerts.told) == (BOOK, [], [])


def test_suggestions_are_yaml_for_the_spec(control: Control, desk: FakeFindingsDesk) -> None:
    assert findings.suggest(control).yaml == ""
    desk.noise = {"GET /orders": {"/generated_at": "a timestamp near now"}}
    assert "- /generated_at" in findings.suggest(control).yaml


async def test_where_nothing_is_compared_each_operation_says_how_to_begin(control: Control) -> None:
    control.findings = None
    with pytest.raises(RefusedError, match="no answers are compared for shop") as told:
        findings.findings(control, "all")
    assert "shadow: 20%" in told.value.remedy
    with pytest.raises(RefusedError):
        findings.suggest(control)
    for operation in (findings.accept, findings.reopen):
        with pytest.raises(RefusedError):
            await operation(control, Decision(1, "ada", "why"))
    with pytest.raises(RefusedError):
        await findings.finding(control, 1)
