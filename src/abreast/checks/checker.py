"""Asks what is due, in tasks of its own, and keeps the last answers for the controller's next turn."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from abreast.checks import promql, webhooks
from abreast.checks.exchange import Exchange
from abreast.checks.outbox import Outbox
from abreast.model.checks import Check, PromqlGate, Webhook
from abreast.model.event import Event
from abreast.model.rollout import Rollout
from abreast.model.units import about
from abreast.ports import Clock
from abreast.rollout.checks import OVER, Question, due, placeholder_values, title, word

CLOSE_S: Final = 2.0
"""How long the end may wait for events to be posted."""

_SLACK_S: Final = 10.0
"""On top of what asking may take: an answer that is older than that stands for nothing."""

log: Final = logging.getLogger(__name__)


class Checker:
    """Follows one service's rollout; nothing that it is asked ever waits for a server.

    ``on_event`` takes sentences for the audit log: each change of what a check says. ``on_news`` is called after
    every answer, so that the controller looks again.
    """

    def __init__(self, clock: Clock, on_event: Callable[[str], None], on_news: Callable[[], None]) -> None:
        self._clock = clock
        self._on_event = on_event
        self._on_news = on_news
        self._exchange = Exchange()
        self._rollout: Rollout | None = None
        self._began = False
        self._results: dict[str, Check] = {}
        self._asking: dict[Question, asyncio.Task[None]] = {}
        self._outboxes: dict[Webhook, Outbox] = {}
        self._closed = False

    def follow(self, rollout: Rollout, *, ready: bool) -> None:
        """Ask from now on what this state wants to know; ``ready``: the candidate has all its instances ready.

        Returns at once. Another attempt begins without the answers of the one before.
        """
        if self._closed:
            return
        before = self._rollout
        self._rollout = rollout
        if before is None or _attempt(before) != _attempt(rollout):
            self._stop(question for question in self._asking if question.pace != "once")
            self._results = {name: each for name, each in self._results.items() if each.kind == "event"}
            self._began = False
        # What is over when it is first seen was told by whoever saw it end.
        self._began = self._began or rollout.phase not in OVER
        wanted = due(rollout, self._results, ready=ready)
        for question in wanted:
            task = self._asking.get(question)
            if (task is None or _broke_off(task)) and (question.pace != "once" or self._began):
                name = title(question.check)
                if question.since > rollout.attempt_since:
                    self._results.pop(question.check.name, None)  # it answered another question
                self._asking[question] = asyncio.create_task(self._ask(question), name=name)
        self._stop(each for each in self._asking if each not in wanted and each.pace != "once")
        self._forget_done(wanted)

    def results(self) -> Mapping[str, Check]:
        """The last answers by the checks' names; one that is too old for its pace decides nothing."""
        now = self._clock.now()
        found = dict(self._results)
        for question in self._asking:
            check = found.get(question.check.name)
            if question.pace != "repeat" or check is None:
                continue
            if now - check.at > _oldest(question.check):
                detail = f"the last answer is {about(now - check.at)} old"
                found[check.name] = replace(check, passed=None, detail=detail)
        return found

    def post(self, rollout: Rollout, event: Event) -> None:
        """Tell an event of this rollout to the webhooks of kind `event`; returns at once."""
        for webhook in rollout.policy.webhooks:
            if webhook.kind != "event" or self._closed:
                continue
            if webhook not in self._outboxes:
                self._outboxes[webhook] = Outbox(webhook, self._exchange, self._clock, self._keep)
            self._outboxes[webhook].put(rollout, event)

    async def close(self) -> None:
        """Stop asking, post what waits for `CLOSE_S` at most, close the connections."""
        self._closed = True
        tasks = tuple(self._asking.values())
        self._stop(tuple(self._asking))
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(outbox.close(CLOSE_S) for outbox in self._outboxes.values()))
        await self._exchange.close()

    async def _ask(self, question: Question) -> None:
        check = question.check
        if isinstance(check, PromqlGate):
            # What the server knows now is of the time before.
            await self._clock.sleep(check.every_s)
        while True:
            found = await self._answer(check, question.since)
            self._record(check, found)
            if question.pace == "once" or (question.pace == "until passed" and found.passed):
                return
            await self._clock.sleep(check.every_s)

    async def _answer(self, check: PromqlGate | Webhook, since: float) -> Check:
        rollout, now = self._present, self._clock.now()
        if isinstance(check, PromqlGate):
            query = check.filled(placeholder_values(rollout, now))
            return await promql.ask(check, query, since, now, self._exchange)
        return await webhooks.ask(check, webhooks.payload(check, rollout), self._exchange, self._clock)

    @property
    def _present(self) -> Rollout:
        if self._rollout is None:
            message = "nothing is followed yet, so nothing can be due"
            raise LookupError(message)
        return self._rollout

    def _record(self, asked: PromqlGate | Webhook, found: Check) -> None:
        before = self._results.get(found.name)
        self._results[found.name] = found.after(before)
        sentence = _news(asked, before, found)
        if sentence:
            self._on_event(sentence)
        self._on_news()

    def _keep(self, check: Check) -> None:
        self._results[check.name] = check

    def _stop(self, questions: Iterable[Question]) -> None:
        for question in tuple(questions):
            self._asking.pop(question).cancel()

    def _forget_done(self, wanted: tuple[Question, ...]) -> None:
        """Of what is told once only what is still under way, or would be told again."""
        for question, task in tuple(self._asking.items()):
            if task.done() and question not in wanted:
                del self._asking[question]


def _attempt(rollout: Rollout) -> tuple[int, float]:
    return rollout.number, rollout.attempt_since


def _broke_off(task: asyncio.Task[None]) -> bool:
    """Whether it ended by a fault of its own, which is logged here; then it is to be asked again."""
    if not task.done() or task.cancelled():
        return False
    fault = task.exception()
    if fault is not None:
        log.error("asking %s broke off", task.get_name(), exc_info=fault)
    return fault is not None


def _oldest(check: PromqlGate | Webhook) -> float:
    """How old its last answer may be at most, in seconds, while it is asked regularly."""
    if isinstance(check, PromqlGate):
        return check.every_s + promql.TIMEOUT_S + _SLACK_S
    return check.every_s + (check.retries + 1) * (check.timeout_s + webhooks.BACK_OFF_S) + _SLACK_S


def _news(asked: PromqlGate | Webhook, before: Check | None, found: Check) -> str:
    """What changed, as a sentence; empty when nothing did."""
    if before is not None and before.passed is found.passed:
        return ""
    if asked.kind == "rollback" and found.passed is False:
        return ""  # as it mostly is
    return f"{title(asked)}: {word(asked.kind, found.passed)}: {found.detail}"
