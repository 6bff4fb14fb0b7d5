from dataclasses import replace

import pytest

from abreast.compare.model import Kind
from abreast.findings.report import Key
from abreast.model.service import Endpoint
from abreast.model.shadow import RulePolicy, ShadowPolicy, TolerancePolicy
from abreast.shadow.order import ORDER_JSON, Arm, Order, OrderError, read_order
from tests.shadow.frames import order


def test_an_order_survives_json() -> None:
    policy = ShadowPolicy(
        controls=1000,
        rules=(RulePolicy("GET *", ("/a",), ("/b",), (("/c", "id"),), (("/d", TolerancePolicy(0.1)),), ("x+",)),),
        redact=("/secret",),
    )
    said = replace(order(), policy=policy, accepted=(("GET /x", Key("/total", Kind.TYPE)),))
    assert read_order(ORDER_JSON.dump_json(said)) == said


def test_an_order_may_have_no_candidate() -> None:
    said = replace(order(), candidate=None)
    assert read_order(ORDER_JSON.dump_json(said)).candidate is None


def test_every_fault_is_told_at_once_and_no_secret_is() -> None:
    text = ORDER_JSON.dump_json(order()).replace(b'"http1"', b'"http9"').replace(b'"rollout":1', b'"rollout":"x"')
    text = text.replace(b'"signing_key":"key"', b'"signing_key":["hunter2"]')
    with pytest.raises(OrderError) as caught:
        read_order(text)
    words = str(caught.value)
    for place in ("rollout", "stable.protocol", "candidate.protocol", "signing_key"):
        assert place in words
    assert "hunter2" not in words


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff", b'{"rollout": 1}'])
def test_nonsense_is_no_order(text: bytes) -> None:
    with pytest.raises(OrderError):
        read_order(text)


def test_an_order_needs_its_secrets() -> None:
    with pytest.raises(ValueError, match="signing_key and redaction_salt must not be empty"):
        Order(1, Arm("v1", "http1", (Endpoint("127.0.0.1", 9),)), None, ShadowPolicy())
    text = ORDER_JSON.dump_json(order()).replace(b'"signing_key":"key"', b'"signing_key":""')
    with pytest.raises(OrderError, match="signing_key must not be empty"):
        read_order(text)


def test_secrets_are_not_in_its_words() -> None:
    assert "key'" not in repr(order())
    assert "salt'" not in repr(order())
