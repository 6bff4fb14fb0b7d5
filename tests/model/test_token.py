"""What a token is made of, and what its role covers."""

import hashlib
import re
import secrets

import pytest

from abreast.model.token import (
    ID_BYTES,
    NAME_PATTERN,
    ROLE_DOCS,
    SECRET_BYTES,
    Role,
    Token,
    digest,
    token_id,
    written,
)


def test_each_role_covers_itself_and_those_before_it() -> None:
    covered = {role: [needed for needed in Role if role.covers(needed)] for role in Role}
    assert covered == {
        Role.VIEWER: [Role.VIEWER],
        Role.OPERATOR: [Role.VIEWER, Role.OPERATOR],
        Role.ADMIN: [Role.VIEWER, Role.OPERATOR, Role.ADMIN],
    }
    assert set(ROLE_DOCS) == set(Role)


def test_a_token_in_text_has_256_random_bits_and_its_id_in_clear() -> None:
    assert SECRET_BYTES * 8 == 256
    id_ = secrets.token_hex(ID_BYTES)
    assert token_id(written(id_, secrets.token_urlsafe(SECRET_BYTES))) == id_


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abreast",
        "abreast_0123456789ab_short",
        f"abreast_0123456789ab_{'x' * 44}",
        f"abreast_0123456789AB_{'x' * 43}",
        f"abreast_0123456789ab_{'x' * 43}\n",
        f"other_0123456789ab_{'x' * 43}",
        f"abreast_0123456789ab_{'é' * 43}",
    ],
)
def test_what_cannot_be_a_token_has_no_id(text: str) -> None:
    assert token_id(text) is None


def test_what_is_kept_is_sha_256_even_of_text_that_is_none() -> None:
    assert digest("secret") == hashlib.sha256(b"secret").hexdigest()
    assert len(digest("\udcff")) == 64


@pytest.mark.parametrize(("expires_at", "expired"), [(None, False), (9.0, True), (10.0, True), (10.1, False)])
def test_a_token_is_past_its_time_from_the_second_on_that_it_names(expires_at: float | None, expired: bool) -> None:
    assert Token("i", "n", Role.VIEWER, 0.0, "root", expires_at).expired(10.0) is expired


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("ada", True),
        ("ci.deploy-2@main", True),
        ("", False),
        ("-x", False),
        ("a b", False),
        ("a/b", False),
        ("a" * 41, False),
    ],
)
def test_names_are_words_that_fit_into_a_path_and_a_log(name: str, allowed: bool) -> None:
    assert bool(re.search(NAME_PATTERN, name)) is allowed
