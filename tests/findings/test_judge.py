"""Judging exchanges: what counts, as what, and where."""

import json
import time
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from abreast.compare.exchange import compare
from abreast.compare.model import Answer, Kind
from abreast.compare.rules import Rules
from abreast.findings.judge import ENDPOINTS, Judge, Judged
from abreast.findings.noise import OVERFLOW, keys_of
from abreast.findings.report import EndpointReport, Key, PathCount

NOW = 1_800_000_000.0
GET = "GET /orders/{id}"
JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([10**70, NOW, str(NOW)]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
TOTAL = Key("/total", Kind.TYPE)


def no_rules(endpoint: str) -> Rules:
    return Rules()


def answer(body: object, instance: str = "a", status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/json"),), json.dumps(body).encode(), instance=instance)


STABLE = answer({"total": 17, "name": "ada"})
CONTROL = replace(STABLE, instance="b")
WRONG = answer({"total": "17", "name": "ada"}, "c")


def judge_once(
    judge: Judge, candidate: Answer, control: Answer | None, *, chosen: bool = True, number: int = 1
) -> Judged:
    return judge.judge(GET, number, NOW, STABLE, candidate, control, chosen=chosen)


def only_report(judge: Judge) -> EndpointReport:
    (report,) = judge.take()
    return report


def counts(report: EndpointReport) -> dict[Key, PathCount]:
    return {path.key: path.count for path in report.paths}


def test_equal_answers_are_compared_and_nothing_else() -> None:
    judge = Judge(no_rules)
    assert judge_once(judge, CONTROL, CONTROL) == Judged()
    assert only_report(judge) == EndpointReport(GET, compared=1, controlled=1)


def test_the_candidate_s_own_difference_counts() -> None:
    judge = Judge(no_rules)
    judged = judge_once(judge, WRONG, CONTROL, number=42)
    assert keys_of(judged.candidate_only) == {TOTAL}
    report = only_report(judge)
    assert (report.candidate_only, report.control_only) == (1, 0)
    assert counts(report) == {TOTAL: PathCount(candidate_only=1, together=42, first_at=NOW, last_at=NOW)}


def test_the_control_s_own_difference_counts_when_it_was_chosen_by_chance() -> None:
    for chosen in (True, False):
        judge = Judge(no_rules)
        judged = judge_once(judge, CONTROL, WRONG, chosen=chosen)
        assert keys_of(judged.control_only) == {TOTAL}
        report = only_report(judge)
        assert report.control_only == report.controlled == chosen
        assert counts(report) == ({TOTAL: PathCount(control_only=1)} if chosen else {})


def test_what_both_differ_in_counts_for_neither() -> None:
    judge = Judge(no_rules)
    judged = judge_once(judge, answer({"total": "18", "name": "eve"}, "c"), WRONG)
    assert keys_of(judged.both) == {TOTAL}
    assert keys_of(judged.candidate_only) == {Key("/name", Kind.CHANGED)}
    report = only_report(judge)
    assert counts(report)[TOTAL] == PathCount(both=1)
    assert report.candidate_only == 1


def test_a_key_that_differs_twice_in_one_exchange_counts_once() -> None:
    judge = Judge(no_rules)
    stable, candidate = answer([{"x": 1}, {"x": 2}]), answer([{"x": 5}, {"x": 6}], "c")
    judged = judge.judge(GET, 1, NOW, stable, candidate, replace(stable, instance="b"), chosen=True)
    assert [each.path for each in judged.candidate_only] == ["/0/x", "/1/x"]
    assert counts(only_report(judge))[Key("/*/x", Kind.CHANGED)].candidate_only == 1


def test_reports_begin_anew_after_each_take() -> None:
    judge = Judge(no_rules)
    judge_once(judge, WRONG, CONTROL)
    judge.take()
    assert judge.take() == ()
    judge_once(judge, CONTROL, CONTROL)
    assert only_report(judge) == EndpointReport(GET, compared=1, controlled=1)


def test_what_cannot_be_attributed_counts_nowhere() -> None:
    judge = Judge(no_rules)
    missing = answer({"error": "no such order"}, "c", 404)
    judged = judge_once(judge, missing, replace(missing, instance="b"))
    assert judged == Judged(attributable=False)
    assert judge.take() == ()


def test_a_status_that_only_the_candidate_gives_is_attributable() -> None:
    judged = judge_once(Judge(no_rules), answer({}, "c", 404), CONTROL)
    assert judged.attributable
    assert keys_of(judged.candidate_only) == {Key("status", Kind.STATUS)}


def test_two_that_give_no_answer_are_both_counted() -> None:
    judge = Judge(no_rules)
    none = Answer(0, failure="time-out after 2 s", instance="c")
    judged = judge_once(judge, none, replace(none, instance="b"))
    assert judged.attributable
    assert [each.kind for each in judged.both] == [Kind.NO_ANSWER]
    assert only_report(judge).compared == 1


def test_a_control_is_wanted_where_the_candidate_differs_beyond_what_is_known() -> None:
    judge = Judge(no_rules)
    assert not judge.wants_control(GET, STABLE, CONTROL)
    assert judge.wants_control(GET, STABLE, WRONG)
    for number in range(3):
        judge.judge(GET, number, NOW, STABLE, CONTROL, answer({"total": 17, "name": f"eve{number}"}, "b"), chosen=True)
    assert not judge.wants_control(GET, STABLE, answer({"total": 17, "name": "grace"}, "c"))
    assert judge.wants_control(GET, STABLE, WRONG)


def test_a_control_is_not_wanted_for_what_is_ignored_or_accepted() -> None:
    assert not Judge(lambda _: Rules(ignore=("/total",))).wants_control(GET, STABLE, WRONG)
    accepting = Judge(no_rules, [(GET, TOTAL)])
    assert not accepting.wants_control(GET, STABLE, WRONG)
    assert accepting.wants_control("GET /other", STABLE, WRONG), "accepted at one endpoint only"


def test_an_accepted_key_still_counts_by_itself() -> None:
    judge = Judge(no_rules, [(GET, TOTAL)])
    judge_once(judge, WRONG, CONTROL)
    report = only_report(judge)
    assert report.candidate_only == 0
    assert counts(report)[TOTAL].candidate_only == 1


def stamped(at: float, instance: str) -> Answer:
    return answer({"now": int(at)}, instance)


def test_the_clock_is_the_exchange_s() -> None:
    judge = Judge(no_rules)
    for turn in range(10):
        at = NOW + 100 * turn
        judge.judge(GET, turn, at, stamped(at, "a"), stamped(at + 1, "c"), stamped(at + 2, "b"), chosen=True)
    later = NOW + 50_000
    stable = stamped(later, "a")
    assert not judge.wants_control(GET, stable, stamped(later + 1, "c"), later)
    assert judge.wants_control(GET, stable, stamped(later + 1, "c")), "by default the time of the last exchange"
    assert judge.wants_control(GET, stable, stamped(later - 3600, "c"), later)


def test_without_a_control_the_self_evident_is_no_difference() -> None:
    judge = Judge(no_rules)
    stable, candidate = answer({"order_id": 17, "total": 4}), answer({"order_id": 18, "total": 5}, "c")
    judged = judge.judge("POST /orders", 1, NOW, stable, candidate, None, chosen=False)
    assert keys_of(judged.candidate_only) == {Key("/total", Kind.CHANGED)}
    report = only_report(judge)
    assert (report.compared, report.controlled, report.candidate_only) == (1, 0, 1)


def test_without_a_control_nothing_was_chosen() -> None:
    judge = Judge(no_rules)
    judge_once(judge, WRONG, None, chosen=True)
    assert only_report(judge).controlled == 0


def test_asked_again_is_judged_and_not_counted() -> None:
    judge = Judge(no_rules)
    judge_once(judge, WRONG, CONTROL)
    again = judge.replayed(GET, NOW, STABLE, WRONG, CONTROL)
    judge.confirm(GET, [TOTAL], again)
    judge.confirm(GET, [TOTAL], judge.replayed(GET, NOW, STABLE, CONTROL))
    judge.confirm(GET, [TOTAL], Judged(attributable=False))
    report = only_report(judge)
    assert report.compared == 1
    count = counts(report)[TOTAL]
    assert (count.candidate_only, count.confirmed, count.transient) == (1, 1, 1)


def test_rules_are_the_endpoint_s_and_asked_once() -> None:
    asked: list[str] = []

    def rules(endpoint: str) -> Rules:
        asked.append(endpoint)
        return Rules(ignore=("/total",)) if endpoint == GET else Rules()

    judge = Judge(rules)
    for endpoint in (GET, "GET /other", GET):
        judge.judge(endpoint, 1, NOW, STABLE, WRONG, CONTROL, chosen=True)
    assert [report.candidate_only for report in judge.take()] == [0, 1]
    assert asked == [GET, "GET /other"]


def test_an_array_found_in_any_order_is_compared_so_for_both_arms() -> None:
    judge = Judge(no_rules)
    tags = ["a", "b", "c"]
    for number in range(3):
        judged = judge.judge(GET, number, NOW, answer(tags), answer(tags, "c"), answer(tags[::-1], "b"), chosen=True)
        assert keys_of(judged.control_only) == {Key("", Kind.ORDER)}
    shuffled, short = answer(["c", "a", "b"], "c"), answer(["c", "a"], "c")
    assert judge.judge(GET, 4, NOW, answer(tags), shuffled, answer(tags[::-1], "b"), chosen=True) == Judged()
    judged = judge.judge(GET, 5, NOW, answer(tags), short, answer(tags[::-1], "b"), chosen=True)
    assert [each.kind for each in judged.candidate_only] == [Kind.MISSING]
    assert only_report(judge).noise == {"": "any order"}


def test_endpoints_beyond_the_most_are_one() -> None:
    judge = Judge(no_rules)
    for number in range(ENDPOINTS + 5):
        judge.judge(f"GET /{number}", number, NOW, STABLE, WRONG, CONTROL, chosen=True)
    reports = {report.endpoint: report for report in judge.take()}
    assert len(reports) == ENDPOINTS + 1
    assert reports[OVERFLOW].compared == 5


def test_a_comparison_is_kept_while_the_control_is_asked() -> None:
    judge = Judge(no_rules)
    assert judge.wants_control(GET, STABLE, WRONG)
    assert len(judge._compared) == 1
    assert keys_of(judge_once(judge, WRONG, CONTROL).candidate_only) == {TOTAL}
    assert not judge._compared
    for number in range(100):
        judge.wants_control(GET, STABLE, answer({"total": None, "number": number}, "c"))
    assert len(judge._compared) <= 16, "answers that were never judged are not kept for ever"


@given(
    bodies=st.lists(st.one_of(JSON.map(lambda body: json.dumps(body).encode()), st.binary()), min_size=3, max_size=3)
)
def test_any_answers_are_judged(bodies: list[bytes]) -> None:
    judge = Judge(no_rules)
    head = (("content-type", "application/json"),)
    stable, candidate, control = (
        Answer(200, head, body, instance=instance) for body, instance in zip(bodies, "acb", strict=True)
    )
    for number in range(4):
        judge.judge(GET, number, NOW, stable, candidate, control, chosen=True)
        judge.judge(GET, number, NOW, control, candidate, stable, chosen=True)
    report = only_report(judge)
    assert report.compared == report.controlled == 8
    assert all(path.count.both + path.count.candidate_only + path.count.control_only > 0 for path in report.paths)


def median_s(work: Callable[[], object], times: int = 200) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return sorted(taken)[times // 2]


def test_judging_is_quick() -> None:
    """Beyond comparing; ten times the time it takes on an idle machine is allowed."""
    lines = [{"sku": f"sku-{number}", "price": number * 7, "text": "x" * 60} for number in range(20)]

    def order(turn: int, instance: str) -> Answer:
        return answer(
            {"id": f"{turn:08x}-3b1f-4c8e-9d5a-0123456789ab", "lines": lines, "served_by": instance}, instance
        )

    judge = Judge(no_rules)

    def exchange(turn: int) -> tuple[Answer, Answer, Answer]:
        return order(3 * turn, "a"), order(3 * turn + 1, "c"), order(3 * turn + 2, "b")

    for turn in range(50):
        stable, candidate, control = exchange(turn)
        judge.judge(GET, turn, NOW, stable, candidate, control, chosen=True)
    stable, candidate, control = exchange(1000)

    def comparing() -> None:
        compare(stable, candidate)
        compare(stable, control)

    def judging() -> None:
        judge.judge(GET, 1, NOW, stable, replace(candidate), control, chosen=True)

    assert median_s(judging) - median_s(comparing) < 0.001
