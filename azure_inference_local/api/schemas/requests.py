"""The requests of the API.

A model is validated with the deployment's `Family` as context, for what one model takes and another does not
(roles, the range of `temperature`, batch sizes). Keys that the API does not know are kept in `model_extra`.
The wording of the faults is pydantic's, as on the service, whose servers are FastAPI applications.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from azure_inference_local.api.schemas.base import PermissiveModel, Seed, expect, family_of
from azure_inference_local.api.schemas.messages import Message
from azure_inference_local.api.schemas.response_format import ResponseFormat
from azure_inference_local.api.schemas.tools import NamedTool, Tool, ToolChoice
from azure_inference_local.dialects.families import LOCAL

Penalty = Annotated[float, Field(ge=-2, le=2)]


class _TextRequest(BaseModel):
    """What chat and text completions share."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model: str | None = None
    frequency_penalty: Penalty = 0.0
    presence_penalty: Penalty = 0.0
    temperature: Annotated[float, Field(ge=0)] = 0.7
    top_p: Annotated[float, Field(ge=0, le=1)] = 1.0
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    seed: Seed | None = None
    stop: str | Annotated[list[str], Field(max_length=64)] | None = None
    stream: bool = False

    @field_validator("temperature")
    @classmethod
    def in_range(cls, value: float, info: ValidationInfo) -> float:
        """Refuse a temperature above the model's largest."""
        limit = family_of(info).temperature_max
        if value > limit:
            raise PydanticKnownError("less_than_equal", {"le": limit})
        return value

    @field_validator("max_tokens")
    @classmethod
    def within_output(cls, value: int | None, info: ValidationInfo) -> int | None:
        """Refuse more output than the model can write."""
        limit = family_of(info).max_output
        if value is not None and value > limit:
            raise PydanticKnownError("less_than_equal", {"le": limit})
        return value


class ChatRequest(_TextRequest):
    """The body of `POST /chat/completions`."""

    messages: Annotated[list[Message], Field(json_schema_extra={"minItems": 1})]
    response_format: ResponseFormat | None = None
    tools: Annotated[list[Tool], Field(max_length=128)] | None = None
    tool_choice: ToolChoice | NamedTool | None = None

    @field_validator("messages", mode="before")
    @classmethod
    def has_messages(cls, value: Any) -> Any:
        """Refuse an empty conversation."""
        if value == []:
            raise ValueError("messages can not be an empty list")
        return value

    @field_validator("tool_choice", mode="before")
    @classmethod
    def known_choice(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse a choice that does not exist; the managed server takes words only."""
        if family_of(info).dialect == "managed" and not isinstance(value, str | None):
            raise PydanticKnownError("string_type")
        if isinstance(value, str):
            expect(value, ("auto", "none", "required"))
        return value

    @model_validator(mode="after")
    def choice_fits_tools(self) -> ChatRequest:
        """Refuse a forced tool that is not among the tools."""
        names = {tool.function.name for tool in self.tools or ()}
        if isinstance(self.tool_choice, NamedTool) and self.tool_choice.function.name not in names:
            raise _choice_error("The function named by tool_choice is not among the tools.")
        if self.tool_choice == "required" and not names:
            raise _choice_error("tool_choice is required, but there are no tools.")
        return self


class CompletionRequest(_TextRequest):
    """The body of `POST /completions`."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=64)]

    @field_validator("prompt", mode="before")
    @classmethod
    def one_prompt(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse a list where the managed server takes one string."""
        if family_of(info).dialect == "managed" and not isinstance(value, str):
            raise PydanticKnownError("string_type")
        return value


class _EmbeddingRequest(BaseModel):
    """What text and image embeddings share."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model: str | None = None
    dimensions: Annotated[int, Field(ge=1)] | None = None
    encoding_format: Annotated[str, Field(json_schema_extra={"enum": list(LOCAL.encodings)})] | None = None
    input_type: Annotated[str, Field(json_schema_extra={"enum": list(LOCAL.input_types)})] | None = None

    @field_validator("encoding_format")
    @classmethod
    def known_encoding(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Refuse an encoding the model does not write."""
        expect(value, family_of(info).encodings)
        return value

    @field_validator("input_type")
    @classmethod
    def known_type(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Refuse a kind of input the model does not tell apart."""
        expect(value, family_of(info).input_types)
        return value


class EmbeddingsRequest(_EmbeddingRequest):
    """The body of `POST /embeddings`."""

    input: Annotated[list[str], Field(min_length=1)]

    @field_validator("input")
    @classmethod
    def within_batch(cls, value: list[str], info: ValidationInfo) -> list[str]:
        """Refuse more texts than the model takes at once."""
        _refuse_batch(len(value), family_of(info).batch)
        return value


class ImageInput(PermissiveModel):
    """One image as a data: URL, and text beside it where the model has a joint space."""

    image: str
    text: str | None = None


class ImageEmbeddingsRequest(_EmbeddingRequest):
    """The body of `POST /images/embeddings`."""

    input: Annotated[list[ImageInput], Field(min_length=1)]

    @field_validator("input")
    @classmethod
    def within_batch(cls, value: list[ImageInput], info: ValidationInfo) -> list[ImageInput]:
        """Refuse more images than the model takes at once."""
        _refuse_batch(len(value), family_of(info).image_batch)
        return value


def _choice_error(text: str) -> PydanticCustomError:
    """Return the fault of a `tool_choice` that does not fit the tools."""
    return PydanticCustomError("value_error", "Value error, {text}", {"text": text})


def _refuse_batch(count: int, limit: int) -> None:
    """Refuse a batch over the limit in pydantic's words."""
    if count > limit:
        raise PydanticKnownError(
            "too_long", {"field_type": "List", "max_length": limit, "actual_length": count}
        )
