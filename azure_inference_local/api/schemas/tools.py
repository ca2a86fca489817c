"""The tools of a request, and the choice among them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from azure_inference_local.api.schemas.base import PLAIN_NAME, PermissiveModel, PlainName, family_of
from azure_inference_local.api.schemas.json_schema import check_schema

ToolChoice = Annotated[str, Field(json_schema_extra={"enum": ["auto", "none", "required"]})]


class Function(PermissiveModel):
    """A function a model may call."""

    name: PlainName
    description: str | None = None
    parameters: dict[str, Any] | bool | None = None

    @field_validator("name")
    @classmethod
    def plain_name(cls, value: str) -> str:
        """Refuse a name the service does not take."""
        if not PLAIN_NAME.fullmatch(value):
            raise ValueError(
                f"Function name was {value[:80]} but must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64."
            )
        return value

    @field_validator("parameters", mode="before")
    @classmethod
    def sound_schema(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what is not a JSON schema; the managed server refuses null, too."""
        if value is not None or family_of(info).dialect == "managed":
            check_schema(value)
        return value

    @model_validator(mode="before")
    @classmethod
    def described(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse a function without a description where the managed server does."""
        managed = family_of(info).dialect == "managed"
        if managed and isinstance(value, dict) and value.get("name") and value.get("description") is None:
            raise ValidationError.from_exception_data(
                cls.__name__, [{"type": "missing", "loc": ("description",), "input": value}]
            )
        return value


class Tool(PermissiveModel):
    """A tool of a request."""

    type: Literal["function"] = "function"
    function: Function


class NamedFunction(PermissiveModel):
    """The function a `tool_choice` names."""

    name: str


class NamedTool(PermissiveModel):
    """A `tool_choice` that names one function."""

    type: Literal["function"]
    function: NamedFunction
