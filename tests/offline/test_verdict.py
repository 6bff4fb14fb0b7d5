"""What is the candidate's difference and what is noise, decided on answers that a test makes."""

import json
import random
from collections.abc import Callable

import pytest

from abreast.compare.model import Answer, Kind, Request
from abreast.model.shadow import RulePolicy, ShadowPolicy
from abreast.offline.entry import Entry
from abreast.offline.verdict import AT_ONCE, Answers, Verdict, exchange_id

Say = Callable[[], Answer]
AT = 1_750_000_000.0


def answer(value: object, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(status, (("content-type", "application/json"),), json.dumps(value).encode(), instance="i")


def always(value: object, status: int = 200) -> Say:
    """The same answer each time."""
    return lambda: answer(value, status)


def verdict(*requests: Request, policy: ShadowPolicy | None = None) -> Verdict:
    """Of these requests nothing is known yet."""
    entries = tuple(Entry(line, "", request) for line, request in enumerate(requests, start=1))
    return Verdict(entries, policy or ShadowPolicy(), b"salt")


def get(path: str = "/orders/7") -> Request:
    return Request("GET", path)


def asked(found: Verdict, stable: Say, candidate: Say, control: Say | None = None, rounds: int = 20) -> int:
    """Ask for every request, and again as long as the verdict wants it; how many rounds there were."""
    numbers = tuple(range(found.seen))
    for ended in range(rounds + 1):
        for number in numbers:
            of_control = (control or stable)() if found._entries[number].request.safe else None
            found.judge(number, Answers(AT + ended, stable(), candidate(), of_control))
        found.end_round(AT + ended)
        numbers = found.undecided(rounds - ended)
        if not numbers:
            return ended
    return rounds


def test_answers_that_agree_need_no_second_round() -> None:
    found = verdict(get(), get("/orders/8"))

    assert asked(found, always({"total": 7}), always({"total": 7.0})) == 0
    assert (found.findings, found.doubts(), found.asked_again) == ((), (), 0)
    assert {name: (row.requests, row.compared, row.skipped) for name, row in found.rows.items()} == {
        "GET /orders/{id}": (2, 2, 0)
    }


def test_a_constant_difference_is_found_after_some_ten_answers() -> None:
    found = verdict(get())
    rounds = asked(found, always({"total": 7}), always({"total": "7"}))

    assert [finding.title for finding in found.findings] == [
        f"GET /orders/{{id}}: /total is a string, was a number, in 100 % of answers ({rounds + 1} of {rounds + 1})"
    ]
    assert 7 <= rounds <= 12
    assert found.asked_again == rounds
    assert found.doubts() == ()


def test_many_requests_that_differ_alike_decide_it_at_once() -> None:
    found = verdict(*(get(f"/orders/{number}") for number in range(20)))

    assert asked(found, always({"total": 7}), always({"total": "7"})) == 0
    assert len(found.findings) == 1


def test_what_changes_together_is_one_finding_and_its_example_shows_all_of_it() -> None:
    found = verdict(get())
    asked(found, always({"a": 1, "b": 2}), always({"a": 3, "b": 4}))

    assert len(found.findings) == 1
    assert [key.pattern for key in found.findings[0].keys] == ["/a", "/b"]
    samples = set(map(id, found.samples.values()))
    assert len(samples) == 1
    sample = next(iter(found.samples.values()))
    assert [(each.path, each.left, each.right) for each in sample.differences] == [("/a", "1", "3"), ("/b", "2", "4")]


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_finding_and_what_changes_inside_it_is(seed: int) -> None:
    dice = random.Random(seed)

    def noisy(word: str) -> Say:
        def say() -> Answer:
            token = f"{dice.getrandbits(64):016x}"
            return answer(
                {
                    "id": token,
                    "say": f"{word} {token}",
                    "price": dice.randint(1, 10_000),
                    "tags": dice.sample(["a", "b", "c"], 3),
                    "mood": dice.choice(["glad", "sad"]),
                    **({"note": 1} if dice.random() < 0.5 else {}),
                }
            )

        return say

    alike, other = verdict(get()), verdict(get())
    asked(alike, noisy("hello"), noisy("hello"))
    asked(other, noisy("hello"), noisy("goodbye"))

    assert alike.findings == ()
    assert [finding.leading.pattern for finding in other.findings] == ["/say"]


def test_noise_that_was_learned_beforehand_is_told() -> None:
    dice = random.Random(1)

    def say() -> Answer:
        return answer({"id": f"{dice.getrandbits(64):016x}", "n": 1})

    found = verdict(get())
    heard = [found.learn(0, Answers(AT, first, first, say())) for first in (say(), say(), say())]
    found.forget_round()
    found.judge(0, Answers(AT, say(), say(), say()))
    found.end_round(AT)

    assert heard == [True, True, True]
    assert found.noise["GET /orders/{id}"].keys() == {"/id"}
    assert found.undecided(20) == ()
    assert found.book.tracks == ()


def test_answers_that_are_the_same_teach_nothing() -> None:
    found = verdict(get())

    assert not found.learn(0, Answers(AT, answer(1), answer(1), answer(1)))
    assert not found.learn(0, Answers(AT, Answer(0, failure="gone"), answer(1), answer(2)))
    assert not found.learn(0, Answers(AT, answer(1), answer(1), None))


def test_a_seldom_difference_is_given_up_once_it_cannot_be_decided_any_more() -> None:
    said = iter([answer(2)] + [answer(1)] * 40)
    found = verdict(get())
    rounds = asked(found, always(1), lambda: next(said))

    assert found.findings == ()
    assert 0 < rounds < 20
    assert found.doubts() == ()  # one of many says nothing


def test_what_differs_half_of_the_time_may_stay_undecided_and_is_told() -> None:
    turn = iter([2, 1] * 20)
    found = verdict(get())
    rounds = asked(found, always(1), lambda: answer(next(turn)), rounds=15)

    assert found.findings == ()
    assert [(doubt.endpoint, doubt.once, doubt.grave) for doubt in found.doubts()] == [
        ("GET /orders/{id}", False, False)
    ]
    assert rounds > 5


def test_of_many_requests_with_a_difference_that_is_not_decided_only_some_are_asked_again() -> None:
    dice = random.Random(1)
    found = verdict(*(get(f"/orders/{number}") for number in range(100)))

    def say() -> Answer:
        return answer(dice.choice([1, "one", None, [1]]))

    for number in range(100):
        found.judge(number, Answers(AT, say(), say(), say()))
    found.end_round(AT)

    assert found.findings == ()
    assert len(found.undecided(20)) <= 4 * AT_ONCE


def test_a_write_is_judged_once_and_counts_where_it_is_grave() -> None:
    post = Request("POST", "/orders", (), b"{}")
    found = verdict(post)
    rounds = asked(found, always({"n": 1, "s": "a"}, 201), always({"n": "1", "s": "b"}, 201))

    assert rounds == 0
    assert [(doubt.key.pattern, doubt.key.kind, doubt.once, doubt.grave) for doubt in found.doubts()] == [
        ("/n", Kind.TYPE, True, True),
        ("/s", Kind.CHANGED, True, False),
    ]


def test_identifiers_that_the_server_makes_for_a_write_do_not_count() -> None:
    found = verdict(Request("POST", "/orders"))
    asked(
        found,
        always({"id": "28ca3b4a-a4e4-4a62-8197-dd8c8bf12421"}, 201),
        always({"id": "21e87993-a7e0-47ff-971c-fd02921420b1"}, 201),
    )

    assert found.doubts() == ()


def test_every_request_is_compared_or_skipped_for_a_reason() -> None:
    found = verdict(get("/a"), get("/b"), get("/c"), Request("DELETE", "/d"))
    found.judge(0, Answers(AT, answer(1), answer(1), answer(1)))
    found.judge(1, Answers(AT, Answer(0, failure="time-out"), answer(1), answer(1)))
    found.judge(2, Answers(AT, answer(1), answer(1, 404), answer(1, 404)))
    found.skip(3, "method DELETE")
    found.skip(3, "method DELETE")
    found.judge(0, Answers(AT, Answer(0, failure="time-out"), answer(1), answer(1)))  # was compared before
    found.end_round(AT)

    assert (found.seen, found.compared) == (4, 1)
    assert found.skipped == {"no answer of A": 1, "not attributable": 1, "method DELETE": 1}
    assert [(name, row.compared, row.skipped) for name, row in sorted(found.rows.items())] == [
        ("DELETE /d", 0, 1),
        ("GET /a", 1, 0),
        ("GET /b", 0, 1),
        ("GET /c", 0, 1),
    ]


def test_a_candidate_that_gives_no_answer_is_the_gravest_finding() -> None:
    found = verdict(get("/a"), get("/b"))
    answers = iter([Answer(0, failure="time-out after 1 s"), answer({"x": 2})] * 30)
    asked(found, always({"x": 1}), lambda: next(answers))

    assert [finding.leading.kind for finding in found.findings] == [Kind.NO_ANSWER, Kind.CHANGED]


def test_the_rules_of_the_spec_are_kept() -> None:
    policy = ShadowPolicy(
        rules=(RulePolicy("GET /orders/*", ignore=("/total",)),), templates=("/orders/{number}",), redact=("/name",)
    )
    found = verdict(get("/orders/x"), policy=policy)
    asked(found, always({"total": 1, "name": "Ann-Marie", "n": 1}), always({"total": 2, "name": "Bob-Peter", "n": 1}))

    assert found.endpoints == ("GET /orders/{number}",)
    assert [finding.leading.pattern for finding in found.findings] == ["/name"]
    told = repr((found.findings, found.samples))
    assert "Ann-Marie" not in told
    assert "Bob-Peter" not in told
    assert "redacted:" in told


def test_secrets_of_the_request_are_in_no_sample() -> None:
    request = Request("GET", "/me?token=tok-5ecret", (("authorization", "Bearer bear-5ecret"),))
    found = verdict(request)
    asked(found, always({"echo": "bear-5ecret", "n": 1}), always({"echo": "bear-5ecret tok-5ecret", "n": 2}))

    assert len(found.findings) == 1
    assert "5ecret" not in repr((found.findings, found.samples, found.noise))


def test_like_paths_have_like_names_from_the_first_on() -> None:
    found = verdict(*(get(f"/users/{name}") for name in ("7", "8", "9")))

    assert set(found.endpoints) == {"GET /users/{id}"}


def test_exchange_ids_are_64_bits_and_all_different() -> None:
    ids = {exchange_id(number) for number in range(1000)}

    assert len(ids) == 1000
    assert 0 <= min(ids) <= max(ids) < 1 << 64
