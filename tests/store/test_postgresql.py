"""The address; what a real server does with it is in tests/fleet/test_postgresql.py."""

import pytest

from abreast.model.errors import UsageError
from abreast.store.lease import LEASE_S, MARGIN_S
from abreast.store.postgresql import SCHEMA, STILL_S, Address

ENVIRONMENT = {"PASSWORD": "s3cret", "ALL": "postgresql://me@/x"}


def test_variables_come_from_the_environment_and_are_never_shown() -> None:
    address = Address.of("postgresql://me:${PASSWORD}@db.example.com:5433/abreast", ENVIRONMENT)
    assert address.parts["password"] == "s3cret"
    assert address.name == "abreast at db.example.com:5433"
    assert Address.of("${ALL}", ENVIRONMENT).name == "x at the local socket"


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("db.example.com", "verify-full"),
        ("10.0.0.7", "verify-full"),
        ("127.0.0.1", None),
        ("localhost", None),
        ("[::1]", None),
        ("%2Ftmp%2Fsocket", None),
    ],
)
def test_a_server_elsewhere_must_prove_who_it_is(host: str, mode: str | None) -> None:
    assert Address.of(f"postgresql://me@{host}/x", {}).parts.get("sslmode") == mode


def test_who_says_otherwise_decides() -> None:
    address = Address.of("postgresql://me@db.example.com/x?sslmode=require", {})
    assert address.parts["sslmode"] == "require"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mysql://me:s3cret@db/x", "no address of a PostgreSQL"),
        ("postgresql://me:s3cret%@db/x", "does not understand"),
        ("postgresql://me:${NOT_SET}@db/x", "NOT_SET, which is not set"),
    ],
)
def test_what_is_no_address_is_refused_without_telling_the_password(text: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        Address.of(text, ENVIRONMENT)
    assert told in refused.value.message
    assert "s3cret" not in str(refused.value)


def test_the_schema_is_not_the_one_of_the_data_side() -> None:
    assert SCHEMA == "abreast_store"


def test_nobody_who_stands_still_in_a_transaction_holds_up_the_next_holder() -> None:
    assert STILL_S < LEASE_S - MARGIN_S
