import hashlib
import hmac

import pytest

from abreast.shadow import signing

NOW = 1_800_000_000


def test_the_token_is_made_as_its_description_says() -> None:
    digest = hmac.new(b"key", b"v1\n1800000000\nGET\n/orders?page=2", hashlib.sha256).hexdigest()
    assert signing.token("key", NOW, "GET", "/orders?page=2") == f"v1.1800000000.{digest}"


def test_a_token_is_genuine_for_its_own_request() -> None:
    token = signing.token("key", NOW, "GET", "/orders")
    assert signing.is_genuine("key", token, "GET", "/orders", NOW + 10.5)


@pytest.mark.parametrize(
    ("key", "method", "path", "now"),
    [
        ("other", "GET", "/orders", NOW),
        ("key", "POST", "/orders", NOW),
        ("key", "GET", "/orders?x", NOW),
        ("key", "GET", "/orders", NOW + signing.FRESH_S + 1),
        ("key", "GET", "/orders", NOW - signing.FRESH_S - 1),
    ],
)
def test_it_is_not_for_another_key_request_or_time(key: str, method: str, path: str, now: float) -> None:
    token = signing.token("key", NOW, "GET", "/orders")
    assert not signing.is_genuine(key, token, method, path, now)


@pytest.mark.parametrize("value", ["", "v1", "v1..", "v2.1800000000.00", "v1.x.00", "v1.²7.00", "v1.1800000000.ÿ"])
def test_nonsense_is_not_genuine(value: str) -> None:
    assert not signing.is_genuine("key", value, "GET", "/", NOW)


def test_a_later_time_on_an_old_digest_is_not_genuine() -> None:
    digest = signing.token("key", NOW, "GET", "/").rpartition(".")[2]
    assert not signing.is_genuine("key", f"v1.{NOW + 1}.{digest}", "GET", "/", NOW + 1)


def test_bytes_beyond_ascii_in_a_path_are_signed_as_they_came() -> None:
    token = signing.token("key", NOW, "GET", "/caf\xe9")
    digest = hmac.new(b"key", b"v1\n1800000000\nGET\n/caf\xe9", hashlib.sha256).hexdigest()
    assert token.endswith(digest)
