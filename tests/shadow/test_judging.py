from dataclasses import replace

import pytest

from abreast.compare.model import Answer, Difference, Kind, Request
from abreast.compare.rules import Rules, Tolerance
from abreast.findings.report import BATCH_JSON, Batch, Key
from abreast.model.shadow import RulePolicy, ShadowPolicy, TolerancePolicy
from abreast.shadow.judging import Exchange, Judging, keys_of, rules_of, sample
from tests.shadow.frames import JSON, order


def _exchange(number: int, stable: bytes, candidate: bytes, control: bytes | None = None) -> Exchange:
    exchange = Exchange(number, 1_800_000_000.0 + number, "GET /orders", Request("GET", "/orders"))
    exchange.stable = Answer(200, JSON, stable, instance="127.0.0.1:9001")
    exchange.candidate = Answer(200, JSON, candidate, instance="127.0.0.1:9011")
    exchange.control = None if control is None else Answer(200, JSON, control, instance="127.0.0.1:9002")
    exchange.chosen = control is not None
    return exchange


def test_rules_of_every_glob_that_fits_are_added_up() -> None:
    policy = ShadowPolicy(
        rules=(
            RulePolicy(ignore=("/a",)),
            RulePolicy("GET /orders/*", unordered=("/tags",), tolerance=(("/t", TolerancePolicy(0.5, 0.1, 2.0)),)),
            RulePolicy("POST / [Get*]", mask=("x+",), keyed=(("/items", "id"),)),
        )
    )
    rules = rules_of(policy)
    assert rules("HEAD /") == Rules(ignore=("/a",))
    assert rules("GET /orders/{id}") == Rules(
        ignore=("/a",), unordered=("/tags",), tolerance=(("/t", Tolerance(0.5, 0.1, 2.0)),)
    )
    assert rules("POST / [GetItem]") == Rules(ignore=("/a",), mask=("x+",), keyed=(("/items", "id"),))
    assert rules("POST / G") == Rules(ignore=("/a",))


def test_a_policy_that_cannot_be_read_is_told() -> None:
    for policy in (
        ShadowPolicy(rules=(RulePolicy(mask=("(",)),)),
        ShadowPolicy(operation=("nonsense",)),
        ShadowPolicy(redact=("nonsense",)),
    ):
        with pytest.raises(ValueError, match=r"\(|nonsense"):
            Judging(replace(order(), policy=policy))


def test_agreement_is_counted_and_a_difference_is_told() -> None:
    judging = Judging(order())
    same = _exchange(1, b'{"a": 1}', b'{"a": 1.0}', b'{"a": 1}')
    assert judging.judge(same).candidate_only == ()
    other = _exchange(2, b'{"a": 1}', b'{"a": "1"}', b'{"a": 1}')
    assert judging.wants_control(other)
    assert keys_of(judging.judge(other).candidate_only) == (Key("/a", Kind.TYPE),)
    (report,) = judging.take()
    assert (report.compared, report.controlled, report.candidate_only, report.control_only) == (2, 2, 1, 0)
    assert judging.take() == ()


def test_a_confirmation_is_counted() -> None:
    judging = Judging(order())
    exchange = _exchange(1, b'{"a": 1, "b": 1}', b'{"a": 2, "b": 2}', b'{"a": 1, "b": 1}')
    keys = keys_of(judging.judge(exchange).candidate_only)
    again = Answer(200, JSON, b'{"a": 1, "b": 2}')
    judging.confirm(exchange, keys, 1_800_000_002.0, exchange.stable, again)
    counts = {each.key.pattern: each.count for each in judging.take()[0].paths}
    assert (counts["/a"].confirmed, counts["/a"].transient) == (0, 1)
    assert (counts["/b"].confirmed, counts["/b"].transient) == (1, 0)


def test_judging_goes_on_while_instances_come_and_go() -> None:
    judging = Judging(order())
    assert judging.fits(replace(order(), candidate=None))
    assert not judging.fits(replace(order(), rollout=2))
    assert not judging.fits(replace(order(), policy=ShadowPolicy(redact=("/a",))))
    assert judging.fits(replace(order(), accepted=(("GET /", Key("/a", Kind.TYPE)),)))
    assert not judging.fits(replace(order(), redaction_salt="other"))


def test_an_accepted_key_makes_no_exchange_a_differing_one() -> None:
    judging = Judging(replace(order(), accepted=(("GET /orders", Key("/a", Kind.TYPE)),)))
    judging.judge(_exchange(1, b'{"a": 1}', b'{"a": "1"}', b'{"a": 1}'))
    assert judging.take()[0].candidate_only == 0


def test_a_change_is_accepted_and_meant_no_more_while_judging_goes_on() -> None:
    judging = Judging(order())
    accepting = replace(order(), accepted=(("GET /orders", Key("/a", Kind.TYPE)),))
    for number, told in enumerate((order(), accepting, order()), start=1):
        judging.accept(told)
        judging.judge(_exchange(number, b'{"a": 1}', b'{"a": "1"}', b'{"a": 1}'))
        assert judging.take()[0].candidate_only == (told is not accepting)


def test_a_sample_shows_everything_and_no_secret() -> None:
    judging = Judging(replace(order(), policy=ShadowPolicy(redact=("/card",))))
    exchange = _exchange(5, b'{"card": "4111-2222", "a": 1}', b'{"card": "4111-2222", "a": "1"}', b'{"a": 1}')
    exchange.request = Request("GET", "/orders?api_key=qwertz", (("authorization", "Bearer sesame"),), b"sesame")
    differences = judging.judge(exchange).candidate_only
    assert judging.wants_sample(exchange, differences)
    found = sample(exchange, differences, judging.redaction(exchange))
    batch = Batch("relay", 1, 1.0, 1, 1, 1, 0, {}, (), (found,))
    text = BATCH_JSON.dump_json(batch).decode()
    for secret in ("4111-2222", "qwertz", "sesame"):
        assert secret not in text
    assert (found.id, found.endpoint, found.method) == ("5", "GET /orders", "GET")
    assert (found.stable.instance, found.candidate.instance) == ("127.0.0.1:9001", "127.0.0.1:9011")
    assert found.control is not None
    assert [each.path for each in found.differences] == ["/a"]


def test_no_more_samples_of_a_key_are_wanted_than_the_reservoir_keeps() -> None:
    judging = Judging(order())
    kept = 0
    for number in range(300):
        exchange = _exchange(number, b'{"a": 1}', b'{"a": "1"}', b'{"a": 1}')
        differences = judging.judge(exchange).candidate_only
        if judging.wants_sample(exchange, differences):
            judging.sampled(exchange, differences)
            kept += 1
    assert 3 <= kept <= 30


def test_keys_are_each_named_once() -> None:
    twice = [Difference(Kind.TYPE, f"/a/{place}", "/a/*", 1, "1") for place in range(2)]
    assert keys_of([*twice, Difference(Kind.ADDED, "/b", "/b")]) == (Key("/a/*", Kind.TYPE), Key("/b", Kind.ADDED))
