"""The form of an answer that a request asks for."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError

from azure_inference_local.api.schemas.base import PLAIN_NAME, PermissiveModel, PlainName, expect, family_of
from azure_inference_local.api.schemas.json_schema import check_schema
from azure_inference_local.dialects.families import LOCAL


class SchemaFormat(PermissiveModel):
    """The schema an answer has to fit."""

    name: PlainName
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    description: str | None = None
    strict: bool | None = None

    @field_validator("name")
    @classmethod
    def plain_name(cls, value: str) -> str:
        """Refuse a name the service does not take."""
        if not PLAIN_NAME.fullmatch(value):
            raise PydanticKnownError("string_pattern_mismatch", {"pattern": "^[a-zA-Z0-9_-]{1,64}$"})
        return value

    @field_validator("schema_", mode="before")
    @classmethod
    def sound_schema(cls, value: Any) -> Any:
        """Refuse what is not a JSON schema."""
        if value is not None:
            check_schema(value)
        return value


class ResponseFormat(PermissiveModel):
    """The form of the answer's text."""

    type: Annotated[str, Field(json_schema_extra={"enum": list(LOCAL.response_formats)})]
    json_schema: SchemaFormat | None = None

    @field_validator("type")
    @classmethod
    def known_type(cls, value: str, info: ValidationInfo) -> str:
        """Refuse a form that does not exist, or one the managed server does not have."""
        if family_of(info).dialect == "managed" and value not in ("text", "json_object"):
            raise ValueError(f"Response format was {value[:40]} but must be either 'text' or 'json_object'.")
        expect(value, ("text", "json_object", "json_schema"))
        return value

    @model_validator(mode="after")
    def has_schema(self) -> ResponseFormat:
        """Refuse `json_schema` without a schema."""
        if self.type == "json_schema" and (self.json_schema is None or self.json_schema.schema_ is None):
            raise ValueError("json_schema.schema must be provided when type is json_schema.")
        return self
