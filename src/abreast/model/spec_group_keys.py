"""The keys of a release group, and what they have against themselves."""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from abreast.model.document import Path
from abreast.model.group import GroupSettings, MemberAddress
from abreast.model.rollout import Group
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_entry import Keys, many
from abreast.model.spec_gate_values import checked_http_url, http_url
from abreast.model.spec_values import VERSION_PATTERN, line, refuse, show, word

GROUP: Final[Path] = ("group",)
MEMBERS: Final[Path] = (*GROUP, "members")

_NAME: Final = word(VERSION_PATTERN, "lower-case letters, digits, - and ., at most 40")
_EXAMPLE: Final = "https://payments.internal:9443"
_FEWEST: Final = 2


class MemberKeys(Keys):
    """Where a member's API answers. Short form, on this machine: the directory of its spec, or its socket."""

    url: Annotated[str | None, http_url(_EXAMPLE)] = Field(
        default=None, description="the API's address, without `/api/v1`; needs `token`"
    )
    token: Annotated[str | None, line("a token, as ${PAYMENTS_TOKEN}")] = Field(
        default=None, description="a token of the role viewer, made there by `abreast token create`"
    )
    path: Annotated[str | None, line("a path")] = Field(
        default=None, description="the directory of its spec on this machine, or its API's socket (`….sock`)"
    )


class _ShortForm:
    """Metadata for ``Annotated``: a text is the path that it stands for."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401  # as pydantic declares it
        """Read the text first."""
        return core_schema.no_info_before_validator_function(_expanded, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        """Either form."""
        return {"anyOf": [{"type": "string", "minLength": 1, "examples": ["../cart"]}, handler(schema)]}


def _expanded(found: object) -> object:
    if not isinstance(found, str):
        return found
    if "://" in found:
        refuse("this is a URL, and its API asks for a token", "write {url: …, token: '${NAME}'}")
    if not found:
        refuse(f"{show(found)} is not allowed here", "write the directory of the member's spec, such as ../cart")
    return {"path": found}


class GroupKeys(Keys):
    """Services that are promoted, or rolled back, as one."""

    name: Annotated[str, _NAME] = Field(description="the group's name, the same in the spec of every member")
    order: tuple[Annotated[str, _NAME], ...] = many(
        "all members by their services' names, in the order in which they are rolled back; the same in every spec"
    )
    members: dict[Annotated[str, _NAME], Annotated[MemberKeys, _ShortForm()]] = Field(
        default_factory=dict, description="where the control planes of all other members answer, by service"
    )

    def group(self) -> Group:
        """What a policy knows of it."""
        return Group(self.name, self.order)

    def settings(self, path: Callable[[str], str]) -> GroupSettings:
        """What asks the others; ``path`` makes a written path absolute."""
        return GroupSettings(
            self.name,
            self.order,
            {
                name: MemberAddress(each.url or "", each.token or "", path(each.path) if each.path else "")
                for name, each in self.members.items()
            },
        )


def group_conflicts(keys: GroupKeys, service: str) -> Iterator[Conflict]:
    """What the group of this service has against itself, in no particular order."""
    order: Path = (*GROUP, "order")
    if len(set(keys.order)) < _FEWEST:
        names = ", ".join(dict.fromkeys((service, *keys.members)))
        yield Conflict(order, "a group has two members at least, all of them in `order`", f"write `order: [{names}]`")
        return
    for index, name in enumerate(keys.order):
        if name in keys.order[:index]:
            yield Conflict((*order, index), f"{name} is here twice", "keep one of the two")
    if service not in keys.order:
        message = f"{service}, this service, is missing"
        yield Conflict(order, message, f"add {service} where it shall be rolled back", (("service",),))
    for name in keys.order:
        if name != service and name not in keys.members:
            yield Conflict(MEMBERS, f"{name} of `order` is missing", f"add `{name}:` with its address", (order,))
    for name, member in keys.members.items():
        yield from _of_member(name, member, keys.order, service)


def _of_member(name: str, member: MemberKeys, order: tuple[str, ...], service: str) -> Iterator[Conflict]:
    path: Path = (*MEMBERS, name)
    if name == service:
        yield Conflict(path, f"{name} is this service itself", "remove it: only the others are asked", (("service",),))
    elif name not in order:
        yield Conflict(path, f"{name} is not in `order`", f"add {name} there, or remove it here", ((*GROUP, "order"),))
    if (member.url is None) == (member.path is None):
        both = "both `url` and `path`" if member.url else "neither `url` nor `path`"
        yield Conflict(path, f"{both}: one says where it answers", "keep `url` with `token`, or `path`")
    if member.url and not member.token:
        message = "`token` is missing: the API asks for one"
        yield Conflict(
            path, message, f"make one there: abreast token create {service} --role viewer", ((*path, "url"),)
        )
    if member.token and not member.url:
        yield Conflict((*path, "token"), "`token` has no effect without `url`", "remove it", ((*path, "url"),))


def checked_member_url(found: object) -> str:
    """The address of an API, if it is one to which a token may be sent."""
    url = checked_http_url(found, _EXAMPLE)
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query or parts.username:
        refuse("the address of an API is scheme, host and port alone", f"write one such as {_EXAMPLE}")
    if parts.scheme.lower() == "http" and not _is_loopback(parts.hostname or ""):
        refuse(f"the token would go to {parts.hostname} in clear", "write https://…, with `api.tls` in that spec")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def expanded_members(
    keys: GroupKeys, expand: Callable[[str, Path, str], str], url: Callable[[str, Path], str]
) -> Mapping[str, MemberKeys]:
    """The members with the variables in addresses and tokens replaced; ``expand`` and ``url`` note what cannot be."""
    found = {}
    for name, member in keys.members.items():
        path: Path = (*MEMBERS, name)
        told = {
            "url": member.url and url(member.url, (*path, "url")),
            "token": member.token and expand(member.token, (*path, "token"), "`token`"),
        }
        found[name] = member.model_copy(update=told)
    return found
