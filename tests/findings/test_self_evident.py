"""What is noise at first sight, and what is not."""

from decimal import Decimal

import pytest

from abreast.compare.model import ABSENT, Difference, Kind, Value
from abreast.findings.self_evident import is_self_evident

ONE = "7f9c24e8-3b1f-4c8e-9d5a-0123456789ab"
OTHER = "00c0ffee-3b1f-4c8e-9d5a-ba9876543210"


def evident(left: Value, right: Value, pattern: str = "/x") -> bool:
    return is_self_evident(Difference(Kind.CHANGED, pattern, pattern, left, right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (ONE, OTHER),
        (f"/orders/{ONE}", f"/orders/{OTHER}"),
        ("2026-11-23T01:50:03Z", "2026-11-23T01:50:04.25Z"),
        ("Mon, 23 Nov 2026 01:50:03 GMT", "Mon, 23 Nov 2026 01:54:03 GMT"),
        ("8f3a2c1b", "00a1b2c3"),
        ("dGhlIHF1aWNrIGJyb3du9", "aWNrIGJyb3duIGZveCA42"),
        ("session=8f3a2c1b; path=/", "session=00a1b2c3; path=/"),
    ],
)
def test_what_is_made_anew_for_each_answer_is_noise(left: str, right: str) -> None:
    assert evident(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (ONE, OTHER.upper()),
        (ONE, "null"),
        (ONE, None),
        (ONE, ""),
        (ONE, ABSENT),
        (f"/orders/{ONE}", f"/items/{OTHER}"),
        ("2026-11-23T01:50:03Z", "2026-11-23T02:50:03Z"),
        ("2026-11-23T01:50:03Z", "2026-11-23T01:50:03+00:00"),
        ("2026-11-23T01:50:03Z", "2026-02-31T01:50:03Z"),
        ("8f3a2c1b", "8f3a2c1b2"),
        ("8f3a2c1b", "8F3A2C1B"),
        ("paid", "void"),
        ("order-17", "order-18"),
        ("10000000", "20000000"),
        ("session=8f3a2c1b; path=/", "session=00a1b2c3; path=/shop"),
        ("a" * 600, "b" * 600),
    ],
)
def test_anything_else_is_not(left: Value, right: Value) -> None:
    assert not evident(left, right)


@pytest.mark.parametrize("pattern", ["/id", "/order_id", "/items/*/order-id", "/orderId", "/items/*/productID"])
def test_integers_that_are_ids_are_noise(pattern: str) -> None:
    assert evident(17, 18, pattern)
    assert not evident(17, "18", pattern)
    assert not evident(17, Decimal("18.5"), pattern)
    assert not evident(left=True, right=False, pattern=pattern)


@pytest.mark.parametrize("pattern", ["/total", "/paid", "/valid", "/grid", "/id/price", "/*"])
def test_other_integers_are_not(pattern: str) -> None:
    assert not evident(17, 18, pattern)
