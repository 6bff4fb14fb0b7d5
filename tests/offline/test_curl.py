"""Commands of curl: where each begins and ends, and its words as a shell splits them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.compare.model import Request
from abreast.offline.curl import entry, read
from abreast.offline.entry import EntryError, Reading


def reading(text: str) -> Reading:
    """What is read of the commands."""
    found = Reading("r")
    read(text, found)
    return found


def test_commands_go_on_after_a_backslash_and_within_quotes() -> None:
    found = reading(
        "# orders\n"
        "curl http://shop/orders/7 \\\n"
        "  -H 'accept: text/plain'\n"
        "\n"
        "curl /orders -d '{\n"
        '  "n": 1\n'
        "}'\n"
        "curl http://shop/last\r\n"
    )

    assert found.faults == []
    assert [(each.line, each.host, each.request) for each in found.entries] == [
        (2, "shop", Request("GET", "/orders/7", (("accept", "text/plain"),))),
        (
            5,
            "",
            Request("POST", "/orders", (("content-type", "application/x-www-form-urlencoded"),), b'{\n  "n": 1\n}'),
        ),
        (8, "shop", Request("GET", "/last")),
    ]


def test_the_quotes_that_browsers_write_are_understood() -> None:
    found = reading(r"""curl http://h/ --data-raw $'it\'s\n\u00fc\x21 \041 \\'""")

    assert found.entries[0].request.body == "it's\nü! ! \\".encode()


def test_a_dollar_within_other_quotes_is_a_dollar() -> None:
    assert reading("""curl http://h/ -d "costs a$'5'" """).entries[0].request.body == b"costs a$'5'"


def test_every_fault_is_told_with_the_line_of_its_command() -> None:
    found = reading(
        "curl http://h/1 --frobnicate\n"
        "curl http://h/2\n"
        "wget http://h/3\n"
        "curl http://h/4 -H 'never closed\n"
        "curl http://h/5 -X\n"
        "curl \\\n"
    )

    assert [str(fault) for fault in found.faults] == [
        "r:1: unknown option --frobnicate\n  → leave it out if the request is the same without it",
        "r:3: 'wget http://h/3' is no curl command\n  → begin it with `curl`, or with # as a remark",
        'r:4: "curl http://h/4 -H \'never closed" ends within quotes or after a backslash\n  → complete the command',
        "r:5: -X lacks its value\n  → complete the command",
        "r:6: 'curl \\\\' ends within quotes or after a backslash\n  → complete the command",
    ]
    assert [each.request.path for each in found.entries] == ["/2"]


def test_after_two_dashes_everything_is_a_url() -> None:
    with pytest.raises(EntryError, match="2 URLs"):
        entry(["http://h/", "--", "-X"])
    assert entry(["--", "http://h/x"]).request.path == "/x"


@given(st.text(max_size=60))
def test_any_text_is_requests_or_faults(text: str) -> None:
    found = reading(f"curl http://h/ {text}")

    assert found.entries or found.faults


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=5))
def test_any_words_are_a_request_or_a_fault(words: list[str]) -> None:
    with suppress(EntryError):
        assert entry(words).request.path.startswith("/")
