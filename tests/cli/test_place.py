"""Where the control plane is: beside the spec, or where the variables say."""

from pathlib import Path

import pytest

from abreast.cli.place import Beside, Elsewhere, place_of
from abreast.model.errors import NotRunningError, UsageError

TOKEN = "abreast_0123456789"


def elsewhere(url: str, token: str = TOKEN, ca: str = "") -> Elsewhere:
    place = place_of(Path("abreast.yaml"), {"ABREAST_URL": url, "ABREAST_TOKEN": token, "ABREAST_CA": ca})
    assert isinstance(place, Elsewhere)
    return place


@pytest.mark.parametrize("environ", [{}, {"ABREAST_URL": " ", "ABREAST_TOKEN": TOKEN}])
def test_without_an_address_it_is_beside_the_spec(tmp_path: Path, environ: dict[str, str]) -> None:
    place = place_of(tmp_path / "abreast.yaml", environ)
    assert place == Beside(tmp_path)
    assert not place.remote
    with pytest.raises(NotRunningError, match="no abreast runs for"):
        place.connect(1.0)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://abreast.example:8081", "https://abreast.example:8081/api/v1/"),
        ("https://abreast.example:8081/", "https://abreast.example:8081/api/v1/"),
        ("https://abreast.example/api/v1/", "https://abreast.example/api/v1/"),
        ("https://abreast.example/shop", "https://abreast.example/shop/api/v1/"),
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081/api/v1/"),
        ("http://localhost:8081\n", "http://localhost:8081/api/v1/"),
        ("http://[::1]:8081", "http://[::1]:8081/api/v1/"),
    ],
)
def test_an_address_leads_to_the_api_with_the_token(url: str, base: str) -> None:
    place = elsewhere(url, f"{TOKEN}\n")
    assert place.remote
    with place.connect(2.5) as http:
        assert str(http.base_url) == base
        assert http.headers["authorization"] == f"Bearer {TOKEN}"
        assert http.timeout.read == 2.5


def test_the_token_is_not_in_what_is_printed_of_the_place() -> None:
    assert TOKEN not in repr(elsewhere("https://abreast.example"))


@pytest.mark.parametrize(
    ("url", "token", "words"),
    [
        ("http://abreast.example:8081", TOKEN, "the token would go in clear"),
        ("abreast.example", TOKEN, "'abreast.example' is no address of an API"),
        ("ftp://abreast.example", TOKEN, "is no address of an API"),
        ("https://:bad", TOKEN, "ABREAST_URL"),
        ("https://abreast.example/?a=1", TOKEN, "a query or a fragment"),
        ("https://abreast.example", "", "ABREAST_URL is set, but ABREAST_TOKEN is not"),
        ("https://abreast.example", "two words", "ABREAST_TOKEN: this is no token"),
        ("https://abreast.example", "tökén", "ABREAST_TOKEN: this is no token"),
    ],
)
def test_what_makes_no_sense_is_refused(url: str, token: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        elsewhere(url, token)
    assert words in caught.value.message
    assert caught.value.remedy


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        elsewhere("http://abreast.example", "")
    assert "in clear" in caught.value.message
    assert "ABREAST_TOKEN is not" in caught.value.message
    assert "use https" in caught.value.remedy
    assert "abreast token create" in caught.value.remedy


def test_a_secret_in_a_refused_variable_is_not_quoted() -> None:
    with pytest.raises(UsageError) as caught:
        elsewhere("https://ada:hunter2@abreast.example", "tok en")
    assert "hunter2" not in str(caught.value)
    assert "tok en" not in str(caught.value)


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"ABREAST_CA: '.*ca\.pem' cannot be used"):
        elsewhere("https://abreast.example", ca=str(file)).connect(1.0)
