"""The messages of a conversation: text, images and sounds, and the tool calls in them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from azure_inference_local.api.schemas.base import PermissiveModel, expect, family_of
from azure_inference_local.dialects.families import LOCAL


class PartType(StrEnum):
    """Kinds of message content."""

    TEXT = "text"
    IMAGE_URL = "image_url"
    INPUT_AUDIO = "input_audio"
    AUDIO_URL = "audio_url"


class Url(PermissiveModel):
    """A reference to an image or a sound."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class Audio(PermissiveModel):
    """A sound in base64."""

    data: str
    format: Literal["wav", "mp3"]


class ContentPart(PermissiveModel):
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


class CalledFunction(PermissiveModel):
    """The function a model called, its arguments as JSON text."""

    name: str
    arguments: str = "{}"


class ToolCall(PermissiveModel):
    """One tool call of an assistant message."""

    id: str | None = None
    type: Literal["function"] = "function"
    function: CalledFunction


class Message(PermissiveModel):
    """One message of a conversation."""

    role: Annotated[str, Field(json_schema_extra={"enum": list(LOCAL.roles)})]
    content: str | list[ContentPart] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None

    @field_validator("role")
    @classmethod
    def known_role(cls, value: str, info: ValidationInfo) -> str:
        """Refuse a role the model does not have."""
        expect(value, family_of(info).roles)
        return value
