from abreast.shadow.pace import TokenBucket


class _Hand:
    """A clock's hand."""

    def __init__(self) -> None:
        self.at_s = 100.0

    def __call__(self) -> float:
        return self.at_s


def test_a_burst_then_the_rate() -> None:
    hand = _Hand()
    bucket = TokenBucket(2.0, 3.0, hand)
    assert [bucket.take() for _ in range(5)] == [True, True, True, False, False]
    hand.at_s += 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    hand.at_s += 0.25
    assert not bucket.take()
    hand.at_s += 0.25
    assert bucket.take()


def test_a_long_rest_earns_no_more_than_a_burst() -> None:
    hand = _Hand()
    bucket = TokenBucket(2.0, 3.0, hand)
    hand.at_s += 1000.0
    assert sum(bucket.take() for _ in range(10)) == 3


def test_over_a_long_time_it_gives_the_rate() -> None:
    hand = _Hand()
    bucket = TokenBucket(5.0, 5.0, hand)
    taken = 0
    for _ in range(10_000):
        hand.at_s += 0.01
        taken += bucket.take()
    assert 500 <= taken <= 506
