"""What every mapping of the spec is made of: its base, and how one key says its default and its meaning."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from abreast.model.units import format_duration, format_weight

HOUR: Final = 3600.0
YEAR: Final = 365 * 86_400.0


class Keys(BaseModel):
    """A mapping of the spec: no key but its own, nothing converted in silence."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def entry(description: str, default: object, written: object = None, *, alias: str | None = None) -> Any:  # noqa: ANN401  # as pydantic.Field, which this calls
    """A key's description and default; ``written`` is the default as it would stand in the file."""
    extra: dict[str, Any] = {} if written is None else {"default": written}
    return Field(default=default, description=description, json_schema_extra=extra, alias=alias)


def seconds(alias: str, description: str, default_s: float) -> Any:  # noqa: ANN401  # as pydantic.Field
    """A duration: its key in the file, its description and its default."""
    return entry(description, default_s, format_duration(default_s), alias=alias)


def many(description: str) -> Any:  # noqa: ANN401  # as pydantic.Field
    """A list's description; it may be left out. YAML gives lists, the models keep tuples."""
    return Field(default=(), description=description, strict=False)


def written_share(weight: int) -> str:
    """A share as it stands in the file: ``10%``."""
    return format_weight(weight).replace(" ", "")
