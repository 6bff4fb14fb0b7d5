"""What is kept of an exchange holds none of its secrets, however they are spelled."""

import gzip
import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from decimal import Decimal
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from abreast.compare.model import ABSENT, Answer, Difference, Headers, Kind, Request
from abreast.findings.finding import REDACTED_MARK
from abreast.findings.redact import Redaction, Redactor
from abreast.findings.report import Key, Sample

SALT = b"seasoning"
JSON = (("content-type", "application/json"),)
HTML = (("content-type", "text/html; charset=utf-8"),)
TEXT = (("content-type", "text/plain"),)
FORM = (("content-type", "application/x-www-form-urlencoded"),)
SAMPLE: TypeAdapter[Sample] = TypeAdapter(Sample)

SECRET = 'p&ss w0rd/é"+<%41>'
"""It has every character that some spelling changes."""


def body(value: object, headers: Headers = JSON) -> Answer:
    return Answer(200, headers, json.dumps(value).encode())


def page(text: str, headers: Headers = HTML) -> Answer:
    return Answer(200, headers, text.encode())


def sample(redaction: Redaction, *answers: Answer, differences: tuple[Difference, ...] = ()) -> str:
    """The exchange as it would be stored."""
    headers, path, text = redaction.request()
    stable, candidate = (redaction.answer(answer) for answer in (*answers, *answers)[:2])
    shown = tuple(redaction.difference(difference) for difference in differences)
    whole = Sample("1", 0.0, "GET /", (), "GET", path, headers, text, stable, candidate, None, shown)
    return SAMPLE.dump_json(whole).decode()


def spellings(secret: str) -> dict[str, str]:
    """Every way in which a service may write a secret into an answer."""
    raw = secret.encode()
    return {
        "raw": secret,
        "percent": quote(secret, safe=""),
        "percent lower": re.sub("%..", lambda match: match.group().lower(), quote(secret, safe="")),
        "percent, slash kept": quote(secret),
        "form": quote_plus(secret),
        "twice percent": quote(quote(secret, safe=""), safe=""),
        "json": json.dumps(secret)[1:-1],
        "json, utf-8": json.dumps(secret, ensure_ascii=False)[1:-1],
        "json, slash": json.dumps(secret)[1:-1].replace("/", "\\/"),
        "json for html": json.dumps(secret)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c"),
        "json in json": json.dumps(json.dumps(secret))[1:-1],
        "all escaped": "".join(f"\\u{ord(each):04X}" for each in secret),
        "html": html.escape(secret),
        "html, quotes kept": html.escape(secret, quote=False),
        "html decimal": "".join(f"&#{ord(each)};" for each in secret),
        "html hexadecimal": "".join(f"&#x{ord(each):x};" for each in secret),
        "json in html": html.escape(json.dumps(secret)),
        "base64": b64encode(raw).decode(),
        "base64 for urls": urlsafe_b64encode(raw).decode().rstrip("="),
        "base64, after one": b64encode(b"u" + raw).decode(),
        "base64, between": b64encode(b"user:" + raw + b":rest").decode(),
        "base64, escaped": quote(b64encode(raw).decode(), safe=""),
        "hexadecimal": raw.hex(),
        "HEXADECIMAL": raw.hex().upper(),
    }


@pytest.mark.parametrize("spelling", list(spellings(SECRET)))
@pytest.mark.parametrize("headers", [HTML, TEXT, JSON], ids=["html", "text", "json"])
def test_an_echo_is_found_however_it_is_spelled(spelling: str, headers: Headers) -> None:
    echo = spellings(SECRET)[spelling]
    answer = page(f"before {echo} after", headers) if headers != JSON else body({"echo": ["before", f"{echo}"]})
    request = Request("POST", "/login", FORM, f"user=ada&password={quote_plus(SECRET)}".encode())
    redaction = Redactor(SALT).begin(request, answer)
    kept = sample(redaction, answer)
    for name, text in spellings(SECRET).items():
        assert text not in kept, name
        assert json.dumps(text)[1:-1] not in kept, name
    assert "before" in kept
    assert kept.count(REDACTED_MARK) >= 2


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


PLANTED = "Xq7-planted-Zw9"

PLACES = {
    "authorization": Request("GET", "/", (("authorization", f"Bearer {PLANTED}"),)),
    "without a scheme": Request("GET", "/", (("authorization", PLANTED),)),
    "basic user": Request("GET", "/", (("authorization", basic(PLANTED, "x")),)),
    "basic password": Request("GET", "/", (("proxy-authorization", basic("ada", PLANTED)),)),
    "digest": Request("GET", "/", (("authorization", f'Digest username="{PLANTED}", response="0f"'),)),
    "jwt part": Request("GET", "/", (("authorization", f"Bearer eyJhbGciOi.{PLANTED}.c2lnbmF0"),)),
    "cookie": Request("GET", "/", (("cookie", f"theme=dark; sid={PLANTED}"),)),
    "quoted cookie": Request("GET", "/", (("cookie", f'sid="{PLANTED}"'),)),
    "api key": Request("GET", "/", (("x-api-key", PLANTED),)),
    "own header": Request("GET", "/", (("x-abreast-shadow", PLANTED),)),
    "spec's header": Request("GET", "/", (("x-tenant-pass", PLANTED),)),
    "query": Request("GET", f"/a?page=2&access_token={PLANTED}&z=1"),
    "query, other case": Request("GET", f"/a?X-Amz-Signature={PLANTED}"),
    "spec's query": Request("GET", f"/a?ticket={PLANTED}"),
    "form": Request("POST", "/", FORM, f"a=1&token={PLANTED}".encode()),
    "spec's field": Request("POST", "/", FORM, f"iban={PLANTED}".encode()),
    "multipart": Request(
        "POST",
        "/",
        (("content-type", "multipart/form-data; boundary=bb"),),
        f'--bb\r\ncontent-disposition: form-data; name="password"\r\n\r\n{PLANTED}\r\n--bb--\r\n'.encode(),
    ),
    "spec's pointer": Request("POST", "/", JSON, json.dumps({"a": [{"iban": PLANTED}]}).encode()),
    "telling member": Request("POST", "/", JSON, json.dumps({"user": {"password": PLANTED}}).encode()),
    "user info": Request("GET", "/", (("referer", f"https://ada:{PLANTED}@example.org/"),)),
    "referer": Request("GET", "/", (("referer", f"https://example.org/cb?code={PLANTED}"),)),
}


@pytest.mark.parametrize("place", list(PLACES))
def test_a_secret_is_found_at_its_place_and_in_every_echo(place: str) -> None:
    echoes = (
        body({"headers": {"Authorization": f"see {PLANTED}"}, PLANTED: 1, "url": f"http://x/?q={PLANTED}"}),
        page(f"<p title='{PLANTED}'>{PLANTED}</p>"),
        Answer(
            302,
            (("location", f"/next/{PLANTED}?x=1"), ("x-seen", PLANTED)),
            b"",
            (("grpc-message", PLANTED),),
            failure=f"cannot parse {PLANTED}",
        ),
    )
    differences = (
        Difference(Kind.CHANGED, "/echo", "/echo", PLANTED, f"[{PLANTED}]"),
        Difference(Kind.CHANGED, "/tree", "/tree", {"deep": [PLANTED]}, {PLANTED: 1}),
        Difference(Kind.HEADER, "header:x-seen", "header:x-seen", PLANTED, ABSENT),
        Difference(Kind.ADDED, f"/{PLANTED}", f"/{PLANTED}", ABSENT, "a" * 190 + PLANTED),
    )
    redactor = Redactor(SALT, ("header:x-tenant-*", "query:ticket", "/**/iban"))
    redaction = redactor.begin(PLACES[place], *echoes)
    kept = sample(redaction, *echoes[:2], differences=differences) + sample(redaction, echoes[2])
    assert PLANTED not in kept
    for size in range(6, len(PLANTED)):
        assert PLANTED[:size] not in kept, "not even the beginning of it"
    assert redactor.mark(PLANTED) in kept


def test_a_secret_of_an_answer_is_not_in_the_others_either() -> None:
    stable = Answer(200, (*JSON, ("set-cookie", f"sid={PLANTED}; Path=/; HttpOnly")), b'{"ok": true}')
    candidate = page(f"Traceback: session {PLANTED} unknown")
    redaction = Redactor(SALT).begin(Request("GET", "/"), stable, candidate)
    assert PLANTED not in sample(redaction, stable, candidate)
    shown = dict(redaction.answer(stable).headers)["set-cookie"]
    assert shown == f"sid={Redactor(SALT).mark(PLANTED)}; Path=/; HttpOnly"
    assert redaction.answer(stable).body == '{"ok": true}', "what is no secret stays as it is"


def test_equal_secrets_show_as_equal_and_others_do_not() -> None:
    answers = [Answer(200, (("set-cookie", f"sid={value}"),)) for value in ("abcdef", "abcdef", "uvwxyz")]
    redaction = Redactor(SALT).begin(Request("GET", "/"), *answers)
    first, second, third = (redaction.answer(answer).headers for answer in answers)
    assert first == second != third


def test_another_salt_gives_another_hash() -> None:
    assert Redactor(SALT).mark("abcdef") == Redactor(SALT).mark("abcdef") != Redactor(b"pepper").mark("abcdef")


def test_the_form_of_a_request_can_still_be_read() -> None:
    headers = (
        ("authorization", basic("ada", "lovelace")),
        ("cookie", "theme=dark; sid=12345678"),
        ("accept", "text/html"),
        ("x-empty", ""),
    )
    shown, path, text = Redactor(SALT).begin(Request("GET", "/a?page=2&token=abcdef", headers)).request()
    mark = Redactor(SALT).mark
    assert dict(shown) == {
        "authorization": f"Basic {mark(headers[0][1][6:])}",
        "cookie": f"theme={mark('dark')}; sid={mark('12345678')}",
        "accept": "text/html",
        "x-empty": "",
    }
    assert path == f"/a?page=2&token={mark('abcdef')}"
    assert text == ""


def test_values_below_a_pointer_are_hidden_whole_and_null_stays() -> None:
    value = {"user": {"ssn": 123456789, "card": {"no": "4111-1111", "year": 2030}, "tel": None}, "n": 123456789}
    redaction = Redactor(SALT, ("/user/ssn", "/user/card", "/user/tel")).begin(Request("GET", "/"), body(value))
    shown = json.loads(redaction.answer(body(value)).body.replace(": " + Redactor(SALT).mark("123456789"), ": 0"))
    assert shown["user"]["tel"] is None
    assert shown["user"]["ssn"] == Redactor(SALT).mark("123456789")
    assert shown["user"]["card"].startswith(REDACTED_MARK)
    assert shown["n"] == 0, "a number that is the secret is one, too"
    assert "4111" not in redaction.text("the card 4111-1111 of 2030")


def test_a_number_is_no_part_of_a_longer_number() -> None:
    redaction = Redactor(SALT, ("/pin",)).begin(Request("POST", "/", JSON, b'{"pin": 4711}'))
    assert redaction.text("pin x4711y") == f"pin x{Redactor(SALT).mark('4711')}y"
    assert redaction.text("at 1647115") == "at 1647115"


def test_short_secrets_are_hidden_at_their_place_only() -> None:
    request = Request("GET", "/?pin=42", (("cookie", "on=1"),))
    headers, path, _ = Redactor(SALT).begin(request).request()
    assert "42" not in path.partition("=")[2].replace(Redactor(SALT).mark("42"), "")
    assert dict(headers)["cookie"] == f"on={Redactor(SALT).mark('1')}"
    assert Redactor(SALT).begin(request).text("42 of 1") == "42 of 1"


def test_ordinary_words_are_left_alone() -> None:
    answer = body({"ok": True})
    redaction = Redactor(SALT).begin(Request("GET", "/", (("cookie", "consent=true"),)), answer)
    assert redaction.answer(answer).body == '{"ok": true}'


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, JSON, b'{"iban": "DE02'),
        Answer(500, HTML, b"<b>DE02120300</b>"),
        Answer(500, TEXT, b"DE02120300 is no IBAN"),
        Answer(200, (*JSON, ("content-encoding", "gzip")), b"DE02120300"),
        Answer(200, (("content-type", "image/png"),), b"\x89PNG DE02120300"),
        Answer(200, (("content-type", "multipart/mixed; boundary=q"),), b"DE02120300"),
    ],
    ids=["cut JSON", "html", "text", "not gzip", "image", "not multipart"],
)
def test_what_cannot_be_parsed_is_kept_as_length_and_digest(answer: Answer) -> None:
    redaction = Redactor(SALT, ("/iban",)).begin(Request("GET", "/"), answer)
    shown = redaction.answer(answer)
    assert "DE02" not in shown.body
    assert f"{len(answer.body)} bytes, digest" in shown.body
    assert shown.cut
    told = redaction.difference(Difference(Kind.CHANGED, "/3", "/3", "DE02120300 is no IBAN", "fine"))
    assert "DE02" not in f"{told.left}"
    assert redaction.difference(Difference(Kind.STATUS, "status", "status", 200, 500)).right == "500"


def test_digests_show_whether_bodies_are_equal() -> None:
    png = (("content-type", "image/png"),)
    answers = [Answer(200, png, raw) for raw in (b"\x89PNG 1", b"\x89PNG 1", b"\x89PNG 2")]
    redaction = Redactor(SALT).begin(Request("GET", "/"), *answers)
    first, second, third = (redaction.answer(answer).body for answer in answers)
    assert first == second != third


def test_a_cut_body_does_not_end_with_the_beginning_of_a_secret() -> None:
    answer = Answer(200, TEXT, f"you are {PLANTED[:9]}".encode(), truncated=True)
    redaction = Redactor(SALT).begin(Request("GET", "/", (("x-api-key", PLANTED),)), answer)
    shown = redaction.answer(answer)
    assert shown.body == f"you are {Redactor(SALT).mark(PLANTED)}"
    assert shown.cut


def test_compressed_bodies_are_kept_as_text() -> None:
    raw = gzip.compress(json.dumps({"password": PLANTED, "n": 1.50}).encode())
    answer = Answer(200, (*JSON, ("content-encoding", "gzip")), raw)
    shown = Redactor(SALT).begin(Request("GET", "/"), answer).answer(answer)
    assert json.loads(shown.body) == {"password": Redactor(SALT).mark(PLANTED), "n": 1.5}


def test_streams_are_redacted_by_event() -> None:
    events = f'data: {{"iban": "{PLANTED}"}}\n\n: comment {PLANTED[:7]}\n\ndata: {{"iban": "{PLANTED}'
    answer = page(events, (("content-type", "text/event-stream"),))
    lines = page(f'{{"iban": "{PLANTED}"}}\n{{"iban": null}}\n', (("content-type", "application/x-ndjson"),))
    redaction = Redactor(SALT, ("/*/data/iban", "/*/iban")).begin(Request("GET", "/"), answer, lines)
    assert json.loads(redaction.answer(answer).body) == {"data": {"iban": Redactor(SALT).mark(PLANTED)}}
    assert [json.loads(line) for line in redaction.answer(lines).body.splitlines()] == [
        {"iban": Redactor(SALT).mark(PLANTED)},
        {"iban": None},
    ]


def test_telling_members_are_hidden_even_in_broken_json() -> None:
    inner = json.dumps({"password": "hunter22"})
    for text in ('{"password": "hunter22", "x": ', f"log: {inner}", json.dumps(inner) + "{"):
        answer = page(text, TEXT)
        shown = Redactor(SALT).begin(Request("GET", "/"), answer).answer(answer).body
        assert "hunter" not in shown, text
        assert Redactor(SALT).mark("hunter22") in shown


def test_members_of_the_same_name_do_not_slip_through() -> None:
    answer = Answer(200, JSON, b'{"user": {"iban": "DE02120300"}, "user": 1}')
    redaction = Redactor(SALT, ("/user/iban",)).begin(Request("GET", "/"), answer)
    assert redaction.answer(answer).body == '{"user": 1}'


def test_values_of_differences_are_hidden_by_their_path() -> None:
    redaction = Redactor(SALT, ("/items/*/iban", "header:x-tenant")).begin(Request("GET", "/"))
    mark = Redactor(SALT).mark

    def told(path: str, value: object, kind: Kind = Kind.CHANGED) -> str | None:
        return redaction.difference(Difference(kind, path, path, ABSENT, value)).right

    assert told("/items/3/iban", "DE02") == f'"{mark("DE02")}"'
    assert told("/items/3/iban", Decimal("12.50")) == f'"{mark("12.50")}"'
    assert told("/items/3/iban", None) == "null"
    assert told("/items/3", {"iban": "DE02", "n": 1}) == f'{{"iban": "{mark("DE02")}", "n": 1}}'
    assert told("/items/3/iban/country", "DE02") == f'"{mark("DE02")}"'
    assert told("/user/password", "hunter22") == f'"{mark("hunter22")}"'
    assert told("header:x-tenant", "acme", Kind.HEADER) == f'"{mark("acme")}"'
    assert told("header:set-cookie/sid", "abcdef", Kind.HEADER) == f'"{mark("abcdef")}"'
    assert told("header:set-cookie/sid/path", "/shop", Kind.HEADER) == '"/shop"'
    assert told("header:etag", "W/1", Kind.HEADER) == '"W/1"'
    assert told("/items/3/n", 12) == "12"
    assert told("/items/3/n", ABSENT) is None


def test_a_difference_of_two_forms_is_hidden_by_the_name_of_its_field() -> None:
    answer = page("token=abcdef&n=1", FORM)
    redaction = Redactor(SALT).begin(Request("GET", "/"), answer)
    told = redaction.difference(Difference(Kind.CHANGED, "/token", "/token", "abcdef", "uvwxyz"))
    assert (told.left, told.right) == tuple(f'"{Redactor(SALT).mark(value)}"' for value in ("abcdef", "uvwxyz"))
    assert redaction.answer(answer).body == f"token={Redactor(SALT).mark('abcdef')}&n=1"


def test_long_values_of_differences_are_cut_after_they_are_redacted() -> None:
    redaction = Redactor(SALT).begin(Request("GET", "/", (("x-api-key", PLANTED),)))
    value = "a" * 192 + PLANTED + "b" * 300
    told = redaction.difference(Difference(Kind.CHANGED, "/a", "/a", value, value[:20])).left
    assert told is not None
    assert len(told) == 200
    assert told.endswith("…")
    assert "Xq7" not in told


def test_keys_without_secrets_stay_the_keys_that_are_counted() -> None:
    redaction = Redactor(SALT).begin(Request("GET", "/", (("x-api-key", PLANTED),)))
    told = redaction.difference(Difference(Kind.TYPE, "/items/3/price", "/items/*/price", "1", 1))
    assert (told.path, told.key) == ("/items/3/price", Key("/items/*/price", Kind.TYPE))


def test_bodies_are_cut_to_size() -> None:
    answer = page("é" * 40_000, TEXT)
    shown = Redactor(SALT).begin(Request("GET", "/"), answer).answer(answer)
    assert len(shown.body.encode()) == 32_768
    assert shown.cut
    assert shown.body == "é" * 16_384


def test_what_looks_like_a_mark_hides_nothing() -> None:
    secret = "0123abcd"
    answer = page(f"{REDACTED_MARK}{secret}\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}", TEXT)
    redaction = Redactor(SALT).begin(Request("GET", "/", (("x-api-key", secret),)), answer)
    assert secret not in redaction.answer(answer).body


def test_wrong_paths_are_named_all_at_once() -> None:
    with pytest.raises(ValueError, match=r"'password', 'header:'.*JSON Pointer"):
        Redactor(SALT, ("password", "/fine", "header:"))
    with pytest.raises(ValueError, match="salt"):
        Redactor(b"")


@settings(max_examples=150, deadline=None)
@given(
    secret=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=8, max_size=30),
    around=st.text(max_size=20),
)
@example(secret="%25%25%25%25", around="")
@example(secret="++++++++", around="+")
@example(secret="&amp;&lt;", around="&")
@example(secret="\\u0041\\n\\", around="\\")
def test_no_secret_survives_in_json_or_text(secret: str, around: str) -> None:
    request = Request("POST", "/", JSON, json.dumps({"password": secret}).encode())
    answers = (body({"echo": f"{around}{secret}{around}"}), page(f"{around} {secret} {around}", TEXT))
    kept = Redactor(SALT).begin(request, *answers)
    shown = [kept.request()[2], *(kept.answer(answer).body for answer in answers)]
    for text, given_text in zip(shown, (around, around * 2, around * 2), strict=True):
        if secret not in given_text and not secret.strip().isdigit():
            assert secret not in text
            assert json.dumps(secret)[1:-1] not in text


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([JSON, HTML, TEXT, FORM, (), (("content-type", "text/event-stream"),)]),
    st.sampled_from([(), ("/a/**",)]),
    st.binary(max_size=12).map(lambda raw: raw.decode("latin-1")),
)
def test_redacting_takes_any_bytes(raw: bytes, headers: Headers, paths: tuple[str, ...], value: str) -> None:
    request = Request("POST", f"/{value}?token={value}", (*headers, ("cookie", value), ("authorization", value)), raw)
    answer = Answer(200, headers, raw)
    assert len({sample(Redactor(SALT, paths).begin(request, answer), answer) for _ in range(2)}) == 1
