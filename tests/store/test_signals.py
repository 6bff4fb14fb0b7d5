"""What a notification says; that it is sent and heard is in tests/fleet/test_listening.py."""

from functools import partial
from pathlib import Path

import pytest

from abreast.store.signals import Signal, heard, send
from abreast.store.sqlite import open_store


@pytest.mark.parametrize(
    ("payload", "signal"),
    [
        ("rollout shop", Signal.ROLLOUT),
        ("seconds shop", Signal.SECONDS),
        ("rollout till", None),
        ("novelty shop", None),
        ("rollout", None),
        ("", None),
    ],
)
def test_of_the_own_service_and_known_or_nothing(payload: str, signal: Signal | None) -> None:
    assert heard(payload, "shop") is signal


async def test_a_store_in_a_file_has_nobody_to_tell(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "abreast.db")
    for signal in Signal:
        await store.transact(partial(send, service="shop", signal=signal), write=True)
    await store.close()
