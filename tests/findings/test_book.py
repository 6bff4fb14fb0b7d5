"""The book: what batches add, what people change, and what time does."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.findings.book import BOOK_JSON, Book, FindingState, Place, absorb, accept, expire, reopen
from abreast.findings.report import Batch, Key
from abreast.findings.tracks import MOST_TRACKS
from tests.findings.batches import NAME, NOTE, ORDERS, SERVER, STATUS, TOTAL, batch, path, report, sample

NOW = 1_000_000.0


def after(*batches: Batch, book: Book | None = None) -> Book:
    book = book or Book.of(1)
    for each in batches:
        book, _ = absorb(book, each)
    return book


def differing(*keys: Key, ids: range = range(1, 41), compared: int = 100, at: float = 1.0) -> Batch:
    """Enough for a finding."""
    return batch(report(*(path(key, ids, at=at) for key in keys), compared=compared))


def quiet(compared: int) -> Batch:
    return batch(report(compared=compared))


def test_a_difference_of_the_candidate_alone_becomes_a_finding() -> None:
    book, news = absorb(Book.of(1), differing(TOTAL, NOTE))
    (finding,) = book.findings
    assert news == (finding,)
    assert (finding.number, finding.keys, finding.state) == (1, (TOTAL, NOTE), FindingState.OPEN)
    assert (finding.exchanges, finding.compared, finding.share) == (40, 100, 0.4)
    assert (finding.first_at, finding.last_at) == (1.0, 1.0)
    assert finding.evidence > 5


def test_noise_becomes_none() -> None:
    noise = batch(report(path(TOTAL, range(1, 41), control=38, both=20)))
    book, news = absorb(Book.of(1), noise)
    assert (book.findings, news) == ((), ())
    assert len(book.tracks) == 1


def test_news_is_told_once_and_counts_go_on() -> None:
    book, _ = absorb(Book.of(1), differing(TOTAL))
    book, news = absorb(book, differing(TOTAL, ids=range(50, 60), at=9.0))
    assert news == ()
    finding = book.findings[0]
    assert (finding.exchanges, finding.compared, finding.last_at) == (50, 200, 9.0)


def test_a_title_has_an_example_from_a_sample() -> None:
    told = replace(differing(TOTAL), samples=(sample(TOTAL, "12.5", '"12.5"'),))
    title = after(told).findings[0].title
    assert title == "GET /orders/{id}: /total is a string, was a number, in 40 % of answers (40 of 100)"


def test_what_was_asked_again_is_counted() -> None:
    told = path(TOTAL, range(1, 41))
    again = replace(told, count=replace(told.count, confirmed=9, transient=2))
    finding = after(batch(report(again))).findings[0]
    assert (finding.confirmed, finding.transient) == (9, 2)


def test_a_batch_of_another_rollout_changes_nothing() -> None:
    book = Book.of(1)
    assert absorb(book, replace(differing(TOTAL), rollout=2)) == (book, ())


def test_divergence_is_news() -> None:
    book, _ = absorb(Book.of(1), differing(TOTAL, NAME))
    book, news = absorb(book, differing(NAME, ids=range(100, 120)))
    assert [(finding.number, finding.keys) for finding in book.findings] == [(1, (TOTAL,)), (2, (NAME,))]
    assert [finding.number for finding in news] == [2]
    assert (book.findings[0].exchanges, book.findings[1].exchanges) == (40, 60)


def test_a_header_everywhere_is_one_finding_with_all_counts() -> None:
    both = batch(
        report(path(SERVER, range(1, 41)), endpoint="GET /a"), report(path(SERVER, range(50, 80)), endpoint="GET /b")
    )
    book, news = absorb(Book.of(1), both)
    (finding,) = book.findings
    assert news == (finding,)
    assert set(finding.endpoints) == {"GET /a", "GET /b"}
    assert (finding.exchanges, finding.compared) == (70, 200)


def test_the_order_for_people_is_by_risk_then_share() -> None:
    book = after(
        batch(
            report(path(NAME, range(1, 61)), path(TOTAL, range(101, 141))),
            report(path(STATUS, range(201, 221)), path(Key("/b", NAME.kind), range(301, 401)), endpoint="GET /b"),
        )
    )
    assert [finding.leading.pattern for finding in book.ranked] == ["status", "/total", "/b", "/name"]
    assert [finding.number for finding in book.findings] == [1, 2, 3, 4]


def test_it_is_resolved_after_three_times_the_usual_silence() -> None:
    book = after(differing(TOTAL, ids=range(1, 11), compared=1_000))
    assert book.findings, "one in a hundred"
    book = after(quiet(299), book=book)
    assert book.findings[0].state is FindingState.OPEN
    assert book.findings[0].quiet == 299
    book, news = absorb(book, quiet(1))
    finding = book.findings[0]
    assert (finding.state, news) == (FindingState.RESOLVED, ())
    assert finding.reason == "no difference in the last 300 compared exchanges; it was one in 100"


def test_a_frequent_one_is_resolved_after_a_hundred_at_least() -> None:
    book = after(differing(TOTAL), quiet(99))
    assert book.findings[0].state is FindingState.OPEN
    assert after(quiet(1), book=book).findings[0].state is FindingState.RESOLVED


def test_it_is_open_again_when_it_differs_again_and_that_is_news() -> None:
    book = after(differing(TOTAL), quiet(500))
    assert book.findings[0].state is FindingState.RESOLVED
    book, news = absorb(book, differing(TOTAL, ids=range(90, 91)))
    assert [(finding.number, finding.state) for finding in news] == [(1, FindingState.OPEN)]
    assert book.findings[0].reason == "it differs again"
    assert absorb(book, differing(TOTAL, ids=range(95, 96)))[1] == ()


def test_other_endpoints_do_not_make_it_quiet() -> None:
    book = after(differing(TOTAL), batch(report(endpoint="GET /other", compared=10_000)))
    assert book.findings[0].state is FindingState.OPEN


def test_accepting_settles_it() -> None:
    book = accept(after(differing(TOTAL, NOTE)), 1, "ada", "prices are strings now", None, NOW)
    finding = book.findings[0]
    assert (finding.state, finding.actor, finding.reason, finding.until) == (
        FindingState.ACCEPTED,
        "ada",
        "prices are strings now",
        None,
    )
    assert book.accepted == (Place(ORDERS, NOTE), Place(ORDERS, TOTAL))
    later, news = absorb(book, differing(TOTAL, NOTE, ids=range(60, 70)))
    assert news == ()
    assert later.findings[0].state is FindingState.ACCEPTED
    assert later.findings[0].exchanges == 50
    assert after(quiet(100_000), book=book).findings[0].state is FindingState.ACCEPTED


def test_accepting_says_all_that_is_wrong() -> None:
    book = after(differing(TOTAL))
    with pytest.raises(ValueError, match=r"who accepts it is missing.*reason is missing.*60 s ago"):
        accept(book, 1, " ", "", NOW - 60, NOW)
    with pytest.raises(ValueError, match="0 s ago"):
        accept(book, 1, "ada", "meant", NOW, NOW)
    with pytest.raises(LookupError, match="no finding 7 in rollout 1; there are: 1"):
        accept(book, 7, "ada", "meant", None, NOW)
    with pytest.raises(LookupError, match="there are: none"):
        reopen(Book.of(1), 1, "ada", "not meant")


def test_reopening_is_by_somebody_and_starts_the_silence_anew() -> None:
    book = after(differing(TOTAL), quiet(500))
    book = reopen(book, 1, "ada", "it is not gone")
    finding = book.findings[0]
    assert (finding.state, finding.actor, finding.reason) == (FindingState.OPEN, "ada", "it is not gone")
    assert book.accepted == ()
    assert after(quiet(50), book=book).findings[0].state is FindingState.OPEN


def test_an_acceptance_ends_at_its_time() -> None:
    book = accept(after(differing(TOTAL)), 1, "ada", "for now", NOW + 10, NOW)
    assert expire(book, NOW + 9.9) is book
    ended = expire(book, NOW + 10)
    finding = ended.findings[0]
    assert (finding.state, finding.until, finding.reason) == (
        FindingState.OPEN,
        None,
        "what ada accepted has ended",
    )
    for_good = accept(book, 1, "ada", "meant", None, NOW)
    assert expire(for_good, NOW * 2) is for_good


def test_a_new_rollout_of_the_same_candidate_keeps_what_was_accepted() -> None:
    old = after(batch(report(path(STATUS, range(1, 41)), path(TOTAL, range(101, 141)), path(NAME, range(201, 251)))))
    by_key = {finding.leading: finding.number for finding in old.findings}
    old = accept(old, by_key[TOTAL], "ada", "meant", NOW + 10, NOW)
    book = Book.of(2, old.findings)
    (carried,) = book.findings
    assert (carried.number, carried.rollout, carried.keys) == (1, 2, (TOTAL,))
    assert (carried.state, carried.actor, carried.until) == (FindingState.ACCEPTED, "ada", NOW + 10)
    assert (carried.exchanges, carried.compared, carried.evidence) == (0, 0, 0.0)
    assert book.accepted == (Place(ORDERS, TOTAL),)
    book, news = absorb(book, replace(differing(TOTAL, STATUS), rollout=2))
    assert [(finding.number, finding.keys) for finding in news] == [(2, (STATUS,))]
    assert book.findings[0].exchanges == 40


def test_a_finding_is_found_by_its_number() -> None:
    book = after(differing(TOTAL))
    assert book.finding(1) == book.findings[0]
    assert book.finding(2) is None


def test_it_is_said_and_read_again() -> None:
    told = replace(differing(TOTAL, SERVER, ids=range(2**63, 2**63 + 41)), samples=(sample(TOTAL, "1", None),))
    waiting = batch(report(path(TOTAL, [5]), compared=7, controlled=0))
    book = accept(after(told, waiting), 1, "ada", "meant", NOW + 1, NOW)
    assert BOOK_JSON.validate_json(BOOK_JSON.dump_json(book)) == book


def test_a_book_stays_bounded() -> None:
    book = Book.of(1)
    for number in range(6):
        noise = [path(Key(f"/{number}/{at}", NAME.kind), [at + 1], control=1) for at in range(500)]
        book = after(batch(report(path(TOTAL, range(number * 50 + 1, number * 50 + 40)), *noise)), book=book)
    assert len(book.tracks) == MOST_TRACKS
    assert Place(ORDERS, TOTAL) in {track.place for track in book.tracks}
    assert len(BOOK_JSON.dump_json(book)) < 2_000_000


BATCHES = st.lists(
    st.builds(
        lambda keys, first, compared, controlled: batch(
            report(
                *(
                    path(key, range(first, first + count), control=min(control, controlled))
                    for key, count, control in keys
                ),
                compared=compared,
                controlled=min(controlled, compared),
            )
        ),
        st.lists(
            st.tuples(st.sampled_from([TOTAL, NAME, NOTE, SERVER, STATUS]), st.integers(0, 30), st.integers(0, 30)),
            max_size=5,
            unique_by=lambda told: told[0],
        ),
        st.integers(1, 50),
        st.integers(30, 400),
        st.integers(0, 400),
    ),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(BATCHES)
def test_once_a_finding_always_a_finding(batches: list[Batch]) -> None:
    book = Book.of(1)
    for each in batches:
        before = {finding.number: finding for finding in book.findings}
        book, news = absorb(book, each)
        numbers = [finding.number for finding in book.findings]
        assert numbers == sorted(set(numbers))
        assert before.keys() <= set(numbers)
        places = [place for finding in book.findings for place in finding.places]
        assert len(places) == len(set(places)), "each place is in one finding"
        assert {place for finding in before.values() for place in finding.places} <= set(places)
        for finding in news:
            known = before.get(finding.number)
            assert known is None or known.state is FindingState.RESOLVED
        assert all(0 < finding.exchanges <= finding.compared for finding in book.findings)
        assert BOOK_JSON.validate_json(BOOK_JSON.dump_json(book)) == book
