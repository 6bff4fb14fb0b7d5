"""Where secrets stand in a request or an answer: in which headers, parameters and members, and in what form there."""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import unquote, unquote_plus

from abreast.model.secret_names import MEMBERS

Hide = Callable[[str], str]
"""Takes a secret, gives what stands for it."""

_QUERY: Final = re.compile(r"""(?<=[?&;#])([\w.~%\[\]-]{1,100})=([^&;#\s"'<>\\,\u2039]+)""")
_USERINFO: Final = re.compile(r"""(://)([^/\s:@"'<>]+):([^/\s@"'<>]+)@""")
_DIGEST_PART: Final = re.compile(r'\b(username|response|cnonce|nonce|opaque)="([^"]*)"')
_JWT_PARTS: Final = 3
_MEMBER: Final = re.compile(r"""(?xs)
    ("([\w-]{1,40})" \s*:\s* ") ((?: [^"\\] | \\. )+)                # a member of JSON that could not be read as such
  | (\\+"([\w-]{1,40})\\+" \s*:\s* \\+") (.+?) (?= \\+" | " | \Z)    # of JSON within a string of JSON
""")


def normal(name: str) -> str:
    """A name as it is looked up: case and hyphens do not count."""
    return unquote(name).lower().replace("-", "_")


def hidden_header(name: str, value: str, hide: Hide) -> str:
    """A secret header, with only so much left as tells its form: the scheme, the cookies' names and attributes."""
    if name == "cookie":
        return "; ".join(_hidden_pair(pair.strip(), hide) for pair in value.split(";"))
    if name == "set-cookie":
        pair, semicolon, attributes = value.partition(";")
        return _hidden_pair(pair.strip(), hide) + semicolon + attributes
    if name in {"authorization", "proxy-authorization"}:
        return _hidden_credentials(value, hide)
    return hide(value)


def hidden_query(text: str, is_secret: Callable[[str], bool], hide: Hide) -> str:
    """A text with the secret parameters of all the URLs in it hidden, and their user names and passwords."""

    def parameter(match: re.Match[str]) -> str:
        name, value = match.groups()
        return f"{name}={hide(unquote_plus(value))}" if is_secret(name) else match.group()

    def userinfo(match: re.Match[str]) -> str:
        return f"{match[1]}{hide(unquote(match[2]))}:{hide(unquote(match[3]))}@"

    text = _QUERY.sub(parameter, text) if "=" in text else text
    return _USERINFO.sub(userinfo, text) if "://" in text else text


def hidden_members(text: str, hide: Hide) -> str:
    """A text with the `MEMBERS` hidden of whatever JSON stands in it, complete or not."""

    def member(match: re.Match[str]) -> str:
        before, name, value = match.groups()[:3] if match[1] else match.groups()[3:]
        return before + hide(value) if normal(name) in MEMBERS else match.group()

    return _MEMBER.sub(member, text) if '"' in text else text


def hidden_form(text: str, is_secret: Callable[[str], bool], hide: Hide) -> str:
    """A body of form fields with the secret ones hidden."""
    fields = []
    for field in text.split("&"):
        name, equals, value = field.partition("=")
        fields.append(f"{name}={hide(unquote_plus(value))}" if equals and is_secret(unquote_plus(name)) else field)
    return "&".join(fields)


def named(name: str, globs: tuple[str, ...]) -> bool:
    """Whether a name in lower case is one of those."""
    return any(fnmatchcase(name, glob) for glob in globs)


def _hidden_pair(pair: str, hide: Hide) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={hide(value)}" if equals else hide(pair)


def _hidden_credentials(value: str, hide: Hide) -> str:
    """The scheme stays. All parts of the credentials are made known as secrets of their own."""
    scheme, space, credentials = value.partition(" ")
    if not space:
        return hide(value)
    credentials = credentials.strip()
    if scheme.lower() == "basic":
        try:
            plain = b64decode(credentials + "=" * (-len(credentials) % 4)).decode("utf-8", "replace")
        except binascii.Error:
            plain = ""
        user, _, password = plain.partition(":")
        for part in (plain, user, password):
            hide(part)
    for _, part in _DIGEST_PART.findall(credentials):
        hide(part)
    if credentials.count(".") == _JWT_PARTS - 1:
        for part in credentials.split("."):
            hide(part)
    return f"{scheme} {hide(credentials)}"
