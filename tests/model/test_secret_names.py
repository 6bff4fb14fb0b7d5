"""Names that stand before secrets: in the form in which they are looked up."""

from abreast.model.secret_names import HEADERS, MEMBERS, PARAMETERS


def test_what_everybody_knows_to_be_secret_is_there() -> None:
    assert {"authorization", "cookie", "set-cookie", "proxy-authorization", "x-api-key"} <= set(HEADERS)
    assert {"password", "access_token", "client_secret"} <= MEMBERS
    assert {"token", "code", "sig", "session"} <= PARAMETERS


def test_names_are_in_the_form_they_are_looked_up_in() -> None:
    assert all(name == name.lower() for name in HEADERS)
    assert all(name == name.lower() and "-" not in name for name in MEMBERS | PARAMETERS)


def test_what_is_secret_in_a_body_is_secret_in_a_query() -> None:
    assert MEMBERS <= PARAMETERS
