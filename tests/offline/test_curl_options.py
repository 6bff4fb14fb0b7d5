"""What each option of curl makes of a request."""

import shlex

import pytest

from abreast.compare.model import Headers, Request
from abreast.offline.curl import entry
from abreast.offline.entry import EntryError

FORM = ("content-type", "application/x-www-form-urlencoded")
JSON: Headers = (("content-type", "application/json"), ("accept", "application/json"))


def asked(command: str) -> Request:
    """The request of one command."""
    return entry(shlex.split(command)).request


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("http://h", Request("GET", "/")),
        ("h:81/x?y", Request("GET", "/x?y")),
        ("-X DELETE h/x", Request("DELETE", "/x")),
        ("-XDELETE h/x", Request("DELETE", "/x")),
        ("--request=PATCH h/x", Request("PATCH", "/x")),
        ("-sSLXPUT h/x", Request("PUT", "/x")),
        ("-I h/x", Request("HEAD", "/x")),
        ("-H 'A: 1' -H 'b;' -H 'C:' h/", Request("GET", "/", (("a", "1"), ("b", "")))),
        ("-d a=1 -d b=2 h/", Request("POST", "/", (FORM,), b"a=1&b=2")),
        ("-d a -H 'Content-Type: text/x' h/", Request("POST", "/", (("content-type", "text/x"),), b"a")),
        ("-d a -H 'Content-Type:' h/", Request("POST", "/", (), b"a")),
        ("--data-raw @a h/", Request("POST", "/", (FORM,), b"@a")),
        ("--data-urlencode 'a=b c&d' h/", Request("POST", "/", (FORM,), b"a=b%20c%26d")),
        ("--data-urlencode '=b c' --data-urlencode 'd e' h/", Request("POST", "/", (FORM,), b"b%20c&d%20e")),
        ("-G -d a=1 -d b=2 h/x", Request("GET", "/x?a=1&b=2")),
        ("-G -d a=1 h/x?y", Request("GET", "/x?y&a=1")),
        ("-X PUT -G -d a h/", Request("PUT", "/?a")),
        ("--json '{}' h/", Request("POST", "/", JSON, b"{}")),
        ("-u me:pass h/", Request("GET", "/", (("authorization", "Basic bWU6cGFzcw=="),))),
        ("--oauth2-bearer abc h/", Request("GET", "/", (("authorization", "Bearer abc"),))),
        ("-b a=1 h/", Request("GET", "/", (("cookie", "a=1"),))),
        ("-A me -e from h/", Request("GET", "/", (("user-agent", "me"), ("referer", "from")))),
        ("-r 0-9 h/", Request("GET", "/", (("range", "bytes=0-9"),))),
        ("--compressed h/", Request("GET", "/", (("accept-encoding", "deflate, gzip, br, zstd"),))),
        ("-o /dev/null -w '%{http_code}' --max-time 5 -k --url h/x", Request("GET", "/x")),
    ],
)
def test_options_make_the_request_that_curl_would_send(command: str, expected: Request) -> None:
    assert asked(command) == expected


@pytest.mark.parametrize(
    ("command", "message", "remedy"),
    [
        ("-F a=@b h/", "-F makes a multipart body", "NDJSON"),
        ("-Fa=b h/", "-F makes a multipart body", "NDJSON"),
        ("--form=a=b h/", "--form makes a multipart body", "NDJSON"),
        ("-T file h/", "-T sends a file", "write the body itself"),
        ("-d @file h/", "-d @file: a file is not read", "write the body itself"),
        ("--data-binary @file h/", "a file is not read", "write the body itself"),
        ("--json @file h/", "a file is not read", "write the body itself"),
        ("--data-urlencode a@file h/", "a file is not read", "write the body itself"),
        ("-H @file h/", "a file of headers is not read", "its own -H"),
        ("-H odd h/", "-H 'odd' is no header", "-H 'NAME: VALUE'"),
        ("-b jar h/", "a file of cookies is not read", "-b 'NAME=VALUE'"),
        ("-u me h/", "lacks the password", "-u NAME:PASSWORD"),
        ("--digest -u a:b h/", "--digest takes two turns", "use -u alone"),
        ("-K file h/", "-K reads options from a file", "into the command"),
        ("--next h/", "--next begins another request", "command of its own"),
        ("--compresed h/", "unknown option --compresed", "did you mean --compressed?"),
        ("-Z h/", "unknown option -Z", ""),
        ("", "no URL", "one command for each request"),
        ("h/1 h/2", r"2 URLs \(h/1, h/2\)", "one command for each request"),
        ("-X 'A B' h/", "'A B' is no method", "GET, HEAD"),
        ("ftp://h/", "neither an http", "http://HOST/PATH"),
    ],
)
def test_what_would_be_another_request_is_refused_in_words(command: str, message: str, remedy: str) -> None:
    with pytest.raises(EntryError, match=message) as raised:
        asked(command)
    assert remedy in raised.value.remedy
