from abreast.compare.model import Kind
from abreast.findings.report import BATCH_JSON, Batch, EndpointReport, Key, Sample, ShownAnswer
from abreast.shadow.batches import SAMPLES_LIMIT, Batches
from abreast.shadow.plan import Skip


def _sample(number: int, size: int = 10) -> Sample:
    shown, none = ShownAnswer(200, (), "x" * size), ShownAnswer(200, (), "")
    key = Key("/a", Kind.CHANGED)
    return Sample(str(number), 1.0, "GET /", (key,), "GET", "/", (), "", shown, none, None, ())


def _batches() -> Batches:
    return Batches("relay", lambda: 1_800_000_000.0, lambda: (EndpointReport("GET /", compared=1),))


def _read(text: bytes) -> Batch:
    return BATCH_JSON.validate_json(text)


def test_a_batch_says_what_happened_since_the_one_before() -> None:
    batches = _batches()
    batches.begin(3)
    for _ in range(5):
        batches.received()
    batches.compared()
    batches.skipped(Skip.EXPIRED)
    batches.skipped(Skip.EXPIRED)
    batches.skipped(Skip.QUEUE_FULL)
    first = _read(batches.next(0))
    assert (first.relay, first.number, first.at, first.rollout) == ("relay", 1, 1_800_000_000.0, 3)
    assert (first.received, first.compared, first.held) == (5, 1, 1)
    assert first.skipped == {"expired": 2, "queue-full": 1}
    assert first.endpoints == (EndpointReport("GET /", compared=1),)
    batches.compared()
    second = _read(batches.next(1))
    assert (second.number, second.received, second.compared, second.held, second.skipped) == (2, 0, 1, 0, {})


def test_the_same_bytes_come_until_they_are_acknowledged() -> None:
    batches = _batches()
    batches.received()
    first = batches.next(0)
    batches.received()
    assert batches.next(0) == first
    assert batches.next(7) == first, "a number that was never sent acknowledges nothing"
    assert _read(batches.next(1)).number == 2
    assert not batches.told
    assert batches.next(2) == b""
    assert batches.told


def test_without_news_there_is_no_batch() -> None:
    batches = _batches()
    assert batches.told
    assert batches.next(0) == b""


def test_another_rollout_gets_batches_of_its_own() -> None:
    batches = _batches()
    batches.begin(1)
    batches.received()
    batches.received()
    batches.compared()
    batches.begin(2)
    batches.skipped(Skip.EXPIRED)
    first, second = _read(batches.next(0)), _read(batches.next(1))
    assert (first.rollout, first.received, first.compared, first.held) == (1, 2, 1, 1)
    assert (second.rollout, second.received, second.skipped, second.held) == (2, 0, {"expired": 1}, 0)


def test_large_samples_are_spread_over_batches() -> None:
    batches = _batches()
    for number in range(5):
        batches.sampled(_sample(number, SAMPLES_LIMIT // 4))
    batches.received()
    first, second = _read(batches.next(0)), _read(batches.next(1))
    assert [len(each.samples) for each in (first, second)] == [3, 2]
    assert [each.received for each in (first, second)] == [1, 0]


def test_a_sample_beyond_the_limit_travels_alone() -> None:
    batches = _batches()
    batches.sampled(_sample(1, 2 * SAMPLES_LIMIT))
    batches.sampled(_sample(2))
    assert [sample.id for sample in _read(batches.next(0)).samples] == ["1"]
    assert [sample.id for sample in _read(batches.next(1)).samples] == ["2"]


def test_samples_that_nobody_reads_do_not_pile_up() -> None:
    batches = _batches()
    for number in range(100):
        batches.sampled(_sample(number, 100_000))
    assert batches._waiting_bytes <= 4_000_000
    seen, number = 0, 0
    while text := batches.next(number):
        batch = _read(text)
        seen, number = seen + len(batch.samples), batch.number
    assert 35 <= seen <= 40
    assert batches._waiting_bytes == 0
    batches.sampled(_sample(1))
    assert len(_read(batches.next(number)).samples) == 1


def test_many_rollouts_that_nobody_reads_keep_their_counts_and_lose_old_samples() -> None:
    batches = _batches()
    for rollout in range(40):
        batches.begin(rollout)
        batches.received()
        batches.sampled(_sample(rollout))
    read, number = [], 0
    while text := batches.next(number):
        read.append(_read(text))
        number = read[-1].number
    assert sum(batch.received for batch in read) == 40
    assert [batch.rollout for batch in read] == list(range(40))
    assert sum(len(batch.samples) for batch in read) == 17
    assert read[-1].samples
