"""Signals while something is waited for: the first one counts, the others do not."""

import signal

import pytest

from abreast.cli.interrupt import SIGNALS, Interrupted, interruptible


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_each_signal_ends_the_wait_with_what_a_shell_says_of_it(number: signal.Signals, code: int) -> None:
    with pytest.raises(Interrupted) as caught, interruptible():
        signal.raise_signal(number)
    assert (caught.value.signal, caught.value.exit_code) == (number, code)


def test_those_that_follow_do_not_cut_off_what_is_still_to_be_done() -> None:
    done = False
    with interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
        except Interrupted:
            for number in SIGNALS:
                signal.raise_signal(number)
            done = True
    assert done


@pytest.mark.parametrize("interrupted", [False, True])
def test_afterwards_everything_is_as_before(interrupted: bool) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with interruptible():
        assert [signal.getsignal(each) for each in SIGNALS] != before
        if interrupted:
            with pytest.raises(Interrupted):
                signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_it_is_not_taken_for_a_fault() -> None:
    assert not issubclass(Interrupted, Exception)
