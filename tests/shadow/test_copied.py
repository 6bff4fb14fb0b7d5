from abreast.compare.model import Request
from abreast.shadow import signing
from abreast.shadow.copied import copied


def _headers(*headers: tuple[str, str]) -> list[tuple[str, str]]:
    """What is left of the headers, but for the signature."""
    copy = copied(Request("GET", "/x", headers), "key", 1_800_000_000)
    assert copy.headers[-1][0] == signing.HEADER
    return list(copy.headers[:-1])


def test_the_copy_is_signed_for_its_path_and_time() -> None:
    copy = copied(Request("GET", "/x?y=1", (), b"body"), "key", 1_800_000_000)
    assert (copy.method, copy.path, copy.body) == ("GET", "/x?y=1", b"body")
    assert signing.is_genuine("key", dict(copy.headers)[signing.HEADER], "GET", "/x?y=1", 1_800_000_000)


def test_what_the_user_said_stays_in_order() -> None:
    said = [
        ("host", "shop.test"),
        ("cookie", "a=1"),
        ("accept", "x"),
        ("accept", "y"),
        ("authorization", "Bearer t"),
        ("if-none-match", '"e"'),
        ("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-request-id", "id"),
    ]
    assert _headers(*said) == said


def test_what_belongs_to_the_connection_goes() -> None:
    assert (
        _headers(
            ("connection", "keep-alive, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("content-length", "4"),
            ("upgrade", "websocket"),
            ("expect", "100-continue"),
            ("trailer", "x"),
            ("proxy-connection", "close"),
        )
        == []
    )


def test_what_belongs_to_the_gateway_goes_even_when_a_user_made_it() -> None:
    assert _headers(("x-abreast-key", "k"), ("x-abreast-shadow", "forged"), ("x-envoy-original-path", "/y")) == []


def test_idempotency_keys_get_a_prefix() -> None:
    assert _headers(("idempotency-key", "7")) == [("idempotency-key", "shadow-7")]
