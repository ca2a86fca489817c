"""The parts of a request: messages, tools and response formats, as pydantic models.

Keys that a part does not know are let through, as on the service.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from azure_inference_local.families import LOCAL, Family
from azure_inference_local.schema_check import check_schema

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PlainName = Annotated[str, Field(json_schema_extra={"pattern": "^[a-zA-Z0-9_-]{1,64}$"})]


def family_of(info: ValidationInfo) -> Family:
    """Return the deployment a request is validated for."""
    return info.context if isinstance(info.context, Family) else LOCAL


def expect(value: str | None, allowed: tuple[str, ...]) -> None:
    """Refuse a value outside a closed set in pydantic's words."""
    if value is not None and value not in allowed:
        *head, last = (f"'{item}'" for item in allowed)
        expected = f"{', '.join(head)} or {last}" if head else last
        raise PydanticKnownError("enum", {"expected": expected})


class Part(BaseModel):
    """Base of the models inside a request: keys they do not know are let through, as on the service."""

    model_config = ConfigDict(extra="allow")


class PartType(str, Enum):
    """Kinds of message content."""

    TEXT = "text"
    IMAGE_URL = "image_url"
    INPUT_AUDIO = "input_audio"
    AUDIO_URL = "audio_url"


class Url(Part):
    """A reference to an image or a sound."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class Audio(Part):
    """A sound in base64."""

    data: str
    format: Literal["wav", "mp3"]


class ContentPart(Part):
    """One part of a message: text, image or sound."""

    type: PartType
    text: str | None = None
    image_url: Url | None = None
    input_audio: Audio | None = None
    audio_url: Url | None = None

    @model_validator(mode="after")
    def validate_content_part(self) -> ContentPart:
        """Refuse a part without the member its type names."""
        if getattr(self, self.type.value) is None:
            raise ValueError(f"{self.type.value} must be provided when type is {self.type.value}.")
        return self


class CalledFunction(Part):
    """The function a model called, its arguments as JSON text."""

    name: str
    arguments: str = "{}"


class CalledTool(Part):
    """One tool call of an assistant message."""

    id: str | None = None
    type: Literal["function"] = "function"
    function: CalledFunction


class Message(Part):
    """One message of a conversation."""

    role: Annotated[str, Field(json_schema_extra={"enum": list(LOCAL.roles)})]
    content: str | list[ContentPart] | None = None
    name: str | None = None
    tool_calls: list[CalledTool] | None = None
    tool_call_id: str | None = None

    @field_validator("role")
    @classmethod
    def known_role(cls, value: str, info: ValidationInfo) -> str:
        """Refuse a role the model does not have."""
        expect(value, family_of(info).roles)
        return value


class Function(Part):
    """A function a model may call."""

    name: PlainName
    description: str | None = None
    parameters: dict[str, Any] | bool | None = None

    @field_validator("name")
    @classmethod
    def plain_name(cls, value: str) -> str:
        """Refuse a name the service does not take."""
        if not _NAME.fullmatch(value):
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


class Tool(Part):
    """A tool of a request."""

    type: Literal["function"] = "function"
    function: Function


class NamedFunction(Part):
    """The function a `tool_choice` names."""

    name: str


class NamedTool(Part):
    """A `tool_choice` that names one function."""

    type: Literal["function"]
    function: NamedFunction


class SchemaFormat(Part):
    """The schema an answer has to fit."""

    name: PlainName
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    description: str | None = None
    strict: bool | None = None

    @field_validator("name")
    @classmethod
    def plain_name(cls, value: str) -> str:
        """Refuse a name the service does not take."""
        if not _NAME.fullmatch(value):
            raise PydanticKnownError("string_pattern_mismatch", {"pattern": "^[a-zA-Z0-9_-]{1,64}$"})
        return value

    @field_validator("schema_", mode="before")
    @classmethod
    def sound_schema(cls, value: Any) -> Any:
        """Refuse what is not a JSON schema."""
        if value is not None:
            check_schema(value)
        return value


class ResponseFormat(Part):
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
