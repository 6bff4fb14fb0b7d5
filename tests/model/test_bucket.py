import pytest

from abreast.model.bucket import bucket

# XXH64 with seed 0 of ``salt:user`` in UTF-8, by its remainder; tests/integration/test_flags.py asks Envoy itself.
KNOWN = [
    ("ada", "r1", 0x9B46EBB035A21352),
    ("ada", "r2", 0x66F692E3AB37FD70),
    ("Zoë", "r1", 0x3E0B09DADB05A4D6),
]


@pytest.mark.parametrize(("user", "salt", "hashed"), KNOWN)
def test_a_bucket_is_the_remainder_of_the_hash(user: str, salt: str, hashed: int) -> None:
    assert bucket(user, salt) == hashed % 10_000


def test_buckets_are_even_and_another_salt_mixes_them_anew() -> None:
    users = [f"user-{number}" for number in range(10_000)]
    first, second = ({user for user in users if bucket(user, salt) < 2500} for salt in ("r1", "r2"))
    # Four standard deviations of a binomial: 43 for the quarter, 24 for its quarter.
    assert abs(len(first) - 2500) < 4 * 43.4
    assert abs(len(first & second) - 625) < 4 * 24.3


def test_what_utf_8_cannot_say_is_no_user() -> None:
    with pytest.raises(UnicodeEncodeError):
        bucket("\ud800", "r1")
