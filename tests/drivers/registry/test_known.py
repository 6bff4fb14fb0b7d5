"""What is known of endpoints over time: answers are believed, silence and emptiness take nothing away at once."""

from abreast.drivers.registry.found import Found
from abreast.drivers.registry.known import Known, heard, unheard
from abreast.model.service import Endpoint

ONE, TWO, THREE = (Endpoint(f"10.0.0.{number}", 80) for number in (1, 2, 3))
KEEP_S = 300.0
BOTH = Known((ONE, TWO), answered=True)
NONE = Found((), "the name x does not exist")


def test_the_first_answer_is_believed_and_said() -> None:
    known, news = heard(Known(), Found((ONE, TWO)), 0.0, KEEP_S)
    assert known == BOTH
    assert news == "found 2 endpoints (10.0.0.1:80, 10.0.0.2:80)"


def test_the_same_again_is_no_news() -> None:
    assert heard(BOTH, Found((ONE, TWO)), 9.0, KEEP_S) == (BOTH, "")


def test_what_came_and_went_is_said() -> None:
    known, news = heard(BOTH, Found((TWO, THREE), "z is no address"), 9.0, KEEP_S)
    assert known.endpoints == (TWO, THREE)
    assert news == "changed: + 1 endpoint (10.0.0.3:80), − 1 endpoint (10.0.0.1:80); left out: z is no address"


def test_what_is_left_out_is_said_once() -> None:
    known, news = heard(BOTH, Found((ONE, TWO), "z is no address"), 9.0, KEEP_S)
    assert news == "left out: z is no address"
    assert heard(known, Found((ONE, TWO), "z is no address"), 10.0, KEEP_S)[1] == ""


def test_an_empty_answer_takes_nothing_away_until_it_has_lasted() -> None:
    known, news = heard(BOTH, NONE, 100.0, KEEP_S)
    assert known.endpoints == (ONE, TWO)
    assert known.kept
    assert news == (
        "says that there is none (the name x does not exist); the last 2 endpoints (10.0.0.1:80, 10.0.0.2:80) are "
        "kept for 5m, as far as their probes hold"
    )
    for at in (101.0, 399.9):
        known, news = heard(known, NONE, at, KEEP_S)
        assert (known.endpoints, known.empty_since, news) == ((ONE, TWO), 100.0, "")
    known, news = heard(known, NONE, 400.0, KEEP_S)
    assert known.endpoints == ()
    assert not known.kept
    assert "has said for 5m that there is none" in news
    assert "are given up" in news
    assert heard(known, NONE, 500.0, KEEP_S) == (known, "")


def test_without_a_time_to_keep_an_empty_answer_is_believed_at_once() -> None:
    known, news = heard(BOTH, NONE, 100.0, 0.0)
    assert known.endpoints == ()
    assert news.startswith("has said that there is none (the name x does not exist): 2 endpoints")


def test_endpoints_that_are_back_end_the_wait() -> None:
    known, _ = heard(BOTH, NONE, 100.0, KEEP_S)
    same, news = heard(known, Found((ONE, TWO)), 200.0, KEEP_S)
    assert (same.empty_since, same.kept, news) == (None, False, "has endpoints again: the same")
    other, news = heard(known, Found((THREE,)), 200.0, KEEP_S)
    assert other.endpoints == (THREE,)
    assert news.startswith("changed: + 1 endpoint (10.0.0.3:80)")
    again, _ = heard(same, NONE, 450.0, KEEP_S)
    assert (again.endpoints, again.empty_since) == ((ONE, TWO), 450.0), "the next emptiness has its own time"


def test_nothing_from_the_beginning_is_said_once() -> None:
    known, news = heard(Known(), NONE, 0.0, KEEP_S)
    assert news == "says that there is none (the name x does not exist)"
    assert heard(known, NONE, 1.0, KEEP_S)[1] == ""


def test_no_answer_takes_nothing_away_however_long_it_lasts() -> None:
    known, news = unheard(BOTH, "refused")
    assert known.endpoints == (ONE, TWO)
    assert known.kept
    assert news == "does not answer: refused; the last 2 endpoints (10.0.0.1:80, 10.0.0.2:80) stay"
    known, news = unheard(known, "timed out")
    assert (known.endpoints, known.failure, news) == ((ONE, TWO), "timed out", "")
    known, news = heard(known, Found((ONE,)), 1e9, KEEP_S)
    assert (known.failure, known.endpoints) == ("", (ONE,))
    assert news == "answers again; changed: − 1 endpoint (10.0.0.2:80)"


def test_silence_within_an_emptiness_leaves_it_as_it_was() -> None:
    known, _ = heard(BOTH, NONE, 100.0, KEEP_S)
    known, _ = unheard(known, "refused")
    assert known.endpoints == (ONE, TWO)
    known, news = heard(known, NONE, 200.0, KEEP_S)
    assert (known.empty_since, news) == (100.0, "answers again")
    assert heard(known, NONE, 401.0, KEEP_S)[0].endpoints == ()


def test_no_answer_from_the_beginning_says_that_nothing_is_known() -> None:
    _, news = unheard(Known(), "refused")
    assert news == "does not answer: refused; no endpoint is known"


def test_what_was_kept_from_an_earlier_run_counts_as_kept_until_an_answer() -> None:
    before = Known((ONE,))
    assert before.kept
    assert not heard(before, Found((ONE,)), 0.0, KEEP_S)[0].kept
    assert heard(before, NONE, 0.0, KEEP_S)[0].endpoints == (ONE,)


def test_many_endpoints_are_not_all_named() -> None:
    many = tuple(Endpoint(f"10.0.0.{number}", 80) for number in range(1, 9))
    _, news = heard(Known(), Found(many), 0.0, KEEP_S)
    assert news.startswith("found 8 endpoints (10.0.0.1:80, ")
    assert news.endswith("10.0.0.5:80, …)")
