"""The JSON Schema of the spec, made from its keys, for editors and for `abreast schema`."""

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from abreast.model.spec_keys import SpecKeys

SCHEMA_ID: Final = "urn:abreast:spec:1"
"""The published JSON Schema's name; the number rises with a change that an old file would not survive."""


def schema() -> dict[str, Any]:
    """The JSON Schema of the spec (draft 2020-12), for editors and for `abreast schema`."""
    generated = SpecKeys.model_json_schema(schema_generator=_Schema)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": SCHEMA_ID,
        **generated,
        "title": "abreast.yaml",
    }


class _Schema(GenerateJsonSchema):
    """Says what pydantic leaves out (a name that fits no pattern is refused), and no titles that repeat names."""

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A mapping with names of the user's own."""
        found = super().dict_schema(schema)
        return {**found, "additionalProperties": False} if "patternProperties" in found else found

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401  # as pydantic declares it
        """Never."""
        del schema
        return False
