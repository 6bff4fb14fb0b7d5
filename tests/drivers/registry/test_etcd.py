"""Endpoints out of keys of etcd, whatever their values say."""

from collections import deque
from collections.abc import Sequence

import pytest

from abreast.drivers.registry.etcd import BROKEN_OFF_S, EtcdKeys
from abreast.drivers.registry.etcd_client import MOST_ENTRIES, Entry, Etcd, Reading
from abreast.drivers.registry.found import Found, NoAnswerError
from abreast.model.registry import EtcdPrefix


class Keys(Etcd):
    """An etcd that answers one reading after the other; `NoAnswerError` in their place is raised."""

    def __init__(self, *readings: Reading | NoAnswerError) -> None:
        super().__init__(["http://127.0.0.1:9"])
        self.readings = deque(readings)
        self.waited: list[int] = []
        self.breaks_off = False

    async def read(self, key: str, *, prefix: bool = False) -> Reading:
        assert (key, prefix) == ("/v2/", True)
        reading = self.readings.popleft()
        if isinstance(reading, NoAnswerError):
            raise reading
        return reading

    async def changed(self, key: str, after: int, *, prefix: bool = False) -> None:
        assert (key, prefix) == ("/v2/", True)
        self.waited.append(after)
        if self.breaks_off:
            raise NoAnswerError("it ended the watch")


def reading(revision: int, *values: str) -> Reading:
    return Reading(revision, tuple(Entry(f"/v2/{n}", value.encode(), revision) for n, value in enumerate(values)))


async def ask(*values: str) -> Found:
    return await EtcdKeys(EtcdPrefix("/v2/"), Keys(reading(1, *values))).ask()


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("10.0.0.1:80", "10.0.0.1:80"),
        (" 10.0.0.1:80\n", "10.0.0.1:80"),
        ("[fd00::1]:80", "[fd00::1]:80"),
        ('{"host": "10.0.0.1", "port": 80, "zone": "a"}', "10.0.0.1:80"),
        ('{"host": "10.0.0.1", "port": "80"}', "10.0.0.1:80"),
        ('{"Op": 0, "Addr": "10.0.0.1:80", "Metadata": null}', "10.0.0.1:80"),
    ],
)
async def test_a_value_is_an_endpoint(value: str, made: str) -> None:
    assert [str(each) for each in (await ask(value)).endpoints] == [made]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "'' is no address with a port"),
        ("10.0.0.1", "'10.0.0.1' is no address with a port"),
        ("shop.internal:80", "'shop.internal' is no IP address"),
        ("fd00::1:x", "'x' is no port"),
        ('{"host": "10.0.0.1"}', "None is no port"),
        ('{"port": 80}', "None is no host"),
        ("{", "its value is no JSON"),
    ],
)
async def test_a_value_that_is_none_is_left_out_by_its_key(value: str, words: str) -> None:
    found = await ask("10.0.0.1:80", value)
    assert len(found.endpoints) == 1
    assert found.detail == f"/v2/1: {words}"


async def test_no_key_is_an_answer() -> None:
    assert await ask() == Found((), "no key begins with it")


async def test_too_many_keys_are_a_wrong_prefix() -> None:
    with pytest.raises(NoAnswerError, match="1,000 keys and more"):
        await ask(*["10.0.0.1:80"] * MOST_ENTRIES)


async def test_the_next_question_waits_from_where_the_last_one_read() -> None:
    values: Sequence[Reading | NoAnswerError] = (
        reading(5, "10.0.0.1:80"),
        reading(8),
        NoAnswerError("away"),
        reading(9),
        reading(9),
    )
    keys = Keys(*values)
    source = EtcdKeys(EtcdPrefix("/v2/"), keys)
    await source.ask()
    await source.ask()
    assert keys.waited == [5]
    with pytest.raises(NoAnswerError):
        await source.ask()
    assert keys.waited == [5, 8]
    await source.ask()
    assert keys.waited == [5, 8], "after a failure it is read at once"
    await source.ask()
    assert keys.waited == [5, 8, 9]
    await source.close()


async def test_a_watch_that_breaks_off_is_no_failure_as_long_as_it_can_be_read() -> None:
    keys = Keys(reading(5, "10.0.0.1:80"), reading(6), NoAnswerError("away"))
    keys.breaks_off = True
    source = EtcdKeys(EtcdPrefix("/v2/"), keys)
    assert (await source.ask()).again_s == 0.0
    found = await source.ask()
    assert (found.endpoints, found.again_s) == ((), BROKEN_OFF_S)
    with pytest.raises(NoAnswerError, match="away"):
        await source.ask()
