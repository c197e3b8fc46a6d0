"""The files under config/ as JSON Schema, so that an editor completes and checks while typing.

It comes from the very models that read the files. What only the worker can tell (a template that
is missing, a step after the ending) is left to `dunning check`. The committed files under config/
are compared with these by a test.
"""

import json
from collections.abc import Collection
from typing import Any, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from worker.settings.documentation import FILES, written_default, written_form
from worker.settings.dunning_file import PolicySection
from worker.settings.inheritance import LEAVE_OUT, OWN
from worker.settings.sentences import inner_model

Schema = dict[str, Any]


class _Forms(GenerateJsonSchema):
    """JSON Schema of what is written, not of what it becomes: no defaults, no null."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema of the value; the default stands in its description."""
        return self.generate_inner(schema["schema"])

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return the schema of the value: a field is left out, never empty."""
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        """Return False: a field's name says the same."""
        return False


def schema_texts() -> dict[str, str]:
    """Return name under config/ (`dunning.schema.json`) -> the text it should have."""
    texts = {}
    for file, model in FILES.items():
        schema = model.model_json_schema(schema_generator=_Forms)
        schema = {"$schema": _Forms.schema_dialect, **schema, "title": file}
        _describe(schema, schema.get("$defs", {}), model)
        if file == "dunning.yaml":
            _let_policies_build_on_another(schema["$defs"])
        name = file.replace(".yaml", ".schema.json")
        texts[name] = json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
    return texts


def _describe(section: Schema, definitions: Schema, model: type[BaseModel]) -> None:
    """Say with each field what it means, how it is written and its default, as the page does."""
    for name, info in model.model_fields.items():
        inner = inner_model(info.annotation)
        described = section["properties"][info.alias or name]
        described.pop("examples", None)
        described["description"] = _description(info, inner)
        if inner is not None:
            _describe(definitions[inner.__name__], definitions, inner)


def _description(info: FieldInfo, inner: type[BaseModel] | None) -> str:
    meaning = " ".join((info.description or "").split())
    example = info.examples[0] if info.examples else ""
    form = written_form(info, inner).replace("`", "")
    default = "" if info.is_required() else f" Default: {written_default(info).replace('`', '')}."
    return f"{meaning} Written as: {form}.{default} Example: {example}"


def _let_policies_build_on_another(definitions: Schema) -> None:
    """Let `like` stand for required fields, and describe `change`: all fields, none required."""
    policy = cast(Schema, definitions[PolicySection.__name__])
    needed = [name for name in policy["required"] if name != "name"]
    policy["required"] = ["name"]
    policy["anyOf"] = [{"required": ["like"]}, {"required": needed}]
    step = _changeable("StepSection", definitions)
    timed = [{"required": ["after"]}, {"required": ["before"]}]
    definitions["StepSection"]["oneOf"] = timed
    definitions[step]["properties"].pop("name")
    definitions["Change"] = _all_optional(policy, definitions, without=OWN)
    definitions["Change"]["properties"]["steps"] = {
        "type": "object",
        "additionalProperties": _or_left_out({"$ref": f"#/$defs/{step}"}),
    }
    policy["properties"]["change"]["$ref"] = "#/$defs/Change"


def _changeable(name: str, definitions: Schema) -> str:
    """Return the name of a section's schema in which no field is required."""
    changeable = f"{name}Change"
    if changeable not in definitions:
        definitions[changeable] = _all_optional(definitions[name], definitions)
    return changeable


def _all_optional(section: Schema, definitions: Schema, without: Collection[str] = ()) -> Schema:
    """Return a section's schema with every field optional and free to be left out."""
    properties: Schema = {}
    for name, part in section["properties"].items():
        inner = part.get("$ref", "").removeprefix("#/$defs/")
        section_inside = "properties" in definitions.get(inner, {})
        if name not in without and section_inside:
            changeable = _changeable(inner, definitions)
            properties[name] = _or_left_out({**part, "$ref": f"#/$defs/{changeable}"})
        elif name not in without:
            properties[name] = _or_left_out(part)
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _or_left_out(part: Schema) -> Schema:
    return {"anyOf": [part, {"const": LEAVE_OUT}]}
