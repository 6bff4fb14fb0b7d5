"""The keys of feature flags, their short form, and what they have against themselves."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from abreast.model.document import Path
from abreast.model.flag import BOOLEAN, Flag, FlagRule, Scalar
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_entry import Keys, entry, many
from abreast.model.spec_values import SHARE_PATTERN, Written, line, refuse, share, show, truth, word

FLAGS: Final[Path] = ("flags",)
NAME_PATTERN: Final = r"^[A-Za-z0-9][-A-Za-z0-9_.]{0,79}$"
CANDIDATE: Final = "candidate"

_NAME: Final = word(NAME_PATTERN, "letters, digits, - _ and ., a letter or digit first, at most 80")
_TYPES: Final = {
    bool: "a boolean",
    str: "a text",
    int: "a number",
    float: "a number",
    dict: "a mapping",
    list: "a list",
}


def json_value() -> Written:
    """What a variant stands for: any value of JSON but null, which no client can ask for."""

    def read(found: object) -> object:
        if found is None:
            refuse("nothing is written under this key", "write a boolean, text, number, mapping or list")
        return found

    return Written(read, {"type": ["boolean", "string", "number", "object", "array"]})


def one_of() -> Written:
    """The values that an attribute may have: one, or a list of them."""

    def read(found: object) -> tuple[Scalar, ...]:
        values = found if isinstance(found, list) else [found]
        for value in values:
            if not isinstance(value, str | int | float):
                refuse(f"{show(value)} is not allowed here", "write a text, number or boolean, or a list of them")
        if not values:
            refuse("the list is empty: this would never fit", "list what the attribute may be")
        return tuple(values)

    kinds: dict[str, object] = {"type": ["string", "number", "boolean"]}
    return Written(read, {"anyOf": [kinds, {"type": "array", "items": kinds, "minItems": 1}]})


class FlagRuleKeys(Keys):
    """One rule: ``variant`` for whom all its conditions fit."""

    variant: Annotated[str, line("the name of a variant")] = Field(description="the variant that whom it fits gets")
    candidate: Annotated[bool | None, truth()] = entry(
        "true: the user is on the candidate, as the gateway routes at this moment; false: is not", None
    )
    below: Annotated[int | None, share(1)] = entry("the user's bucket is below this share of all users", None)
    salt: Annotated[str | None, line("a text")] = entry(
        "what moves the buckets of `below`; left out: the flag's name; rollout: as the gateway's own buckets", None
    )
    when: dict[Annotated[str, line("the name of an attribute")], Annotated[tuple[Scalar, ...], one_of()]] = Field(
        default_factory=dict, description="attributes of the context, each with the value or values that it may have"
    )


class FlagKeys(Keys):
    """One flag. Short forms: `candidate` (on for users on the candidate), or a share such as `10%`."""

    variants: dict[Annotated[str, _NAME], Annotated[object, json_value()]] = Field(
        default_factory=lambda: dict(BOOLEAN),
        description="what it can be, by name; left out: on (true) and off (false)",
    )
    default: Annotated[str | None, line("the name of a variant")] = entry(
        "the variant without a rule that fits, and while it is switched off; left out with `variants`: off", None
    )
    on: Annotated[bool, truth()] = entry("whether it begins switched on; `abreast flag off NAME` is later", Flag.on)
    rules: tuple[FlagRuleKeys, ...] = many("the first rule that fits decides")

    def flag(self, name: str) -> Flag:
        """The value that the rest of abreast speaks of."""
        return Flag(name, self.variants, self.default or "off", tuple(map(_rule, self.rules)), self.on)


def _rule(keys: FlagRuleKeys) -> FlagRule:
    return FlagRule(keys.variant, keys.candidate, keys.below, keys.salt or "", keys.when)


class ShortForm:
    """Metadata for ``Annotated``: what is written as one word is the mapping that it stands for."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401  # as pydantic declares it
        """Read the word first."""
        return core_schema.no_info_before_validator_function(_expanded, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        """Either form."""
        return {"anyOf": [{"const": CANDIDATE}, {"type": "string", "pattern": SHARE_PATTERN}, handler(schema)]}


def _expanded(found: object) -> object:
    if found == CANDIDATE:
        return {"rules": [{"candidate": True, "variant": "on"}]}
    if isinstance(found, str):
        if not re.fullmatch(SHARE_PATTERN, found):
            refuse(f"{show(found)} is no flag", "write `candidate`, a share such as `10%`, or a mapping with `rules`")
        share(1).read(found)
        return {"rules": [{"below": found, "variant": "on"}]}
    return found


NamedFlags = dict[Annotated[str, _NAME], Annotated[FlagKeys, ShortForm()]]


def flag_conflicts(flags: Mapping[str, FlagKeys]) -> Iterator[Conflict]:
    """What the flags have against themselves, in no particular order."""
    for name, flag in flags.items():
        path: Path = (*FLAGS, name)
        yield from _variants(path, flag)
        for index, rule in enumerate(flag.rules):
            yield from _of_rule((*path, "rules", index), path, flag, rule)


def _variants(path: Path, flag: FlagKeys) -> Iterator[Conflict]:
    variants: Path = (*path, "variants")
    if not flag.variants:
        yield Conflict(variants, "there is no variant", "name at least one, or remove the key for on and off")
        return
    kinds = dict.fromkeys(_TYPES[type(value)] for value in flag.variants.values())
    if len(kinds) > 1:
        message = f"the variants are of different types: {', '.join(kinds)}; code asks for one type"
        yield Conflict(variants, message, "give all variants values of one type")
    if flag.default is None and "variants" in flag.model_fields_set:
        yield Conflict(path, "`default` is missing", f"add `default: {next(iter(flag.variants), '…')}`", (variants,))
    elif flag.default is not None and flag.default not in flag.variants:
        yield _unknown((*path, "default"), flag.default, path, flag)


def _of_rule(here: Path, path: Path, flag: FlagKeys, rule: FlagRuleKeys) -> Iterator[Conflict]:
    if rule.variant not in flag.variants:
        yield _unknown((*here, "variant"), rule.variant, path, flag)
    if rule.candidate is None and rule.below is None and not rule.when:
        message = "this rule has no condition: it fits everybody"
        yield Conflict(here, message, "add `candidate`, `below` or `when`, or make its variant the `default`")
    if rule.salt is not None and rule.below is None:
        yield Conflict((*here, "salt"), "`salt` has no effect without `below`", "remove it", ((*here, "below"),))


def _unknown(here: Path, variant: str, path: Path, flag: FlagKeys) -> Conflict:
    names = ", ".join(flag.variants) or "none"
    message = f"no variant is called {variant!r}; `variants` has: {names}"
    return Conflict(here, message, "name one of these, or add it to them", ((*path, "variants"),))
