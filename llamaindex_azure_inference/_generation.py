"""What the two LLM classes share: the model, its sampling parameters, and what LlamaIndex is told about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from llama_index.core.base.llms.types import LLMMetadata, MessageRole
from pydantic import Field, PrivateAttr

from azure_inference_core import ModelInfo, merge_params
from llamaindex_azure_inference._component import EndpointComponent
from llamaindex_azure_inference._families import Family, family_of

__all__ = ["GenerationComponent"]


class GenerationComponent(EndpointComponent):
    """A text model behind an endpoint."""

    model: str | None = Field(
        default=None,
        description="The model or deployment to ask for. From AZURE_INFERENCE_MODEL if not given; not needed where "
        "an endpoint serves one model.",
    )
    temperature: float | None = Field(default=None, description="Sampling temperature; sent only if given.")
    top_p: float | None = Field(default=None, description="Nucleus sampling; sent only if given.")
    max_tokens: int | None = Field(
        default=None, description="Longest answer, tokens. Also what LlamaIndex reserves for it (num_output)."
    )
    stop: str | list[str] | None = Field(default=None, description="Texts at which the answer ends.")
    seed: int | None = Field(default=None, description="Seed of the sampling.")
    frequency_penalty: float | None = Field(default=None, description="Penalty for frequent tokens.")
    presence_penalty: float | None = Field(default=None, description="Penalty for tokens already present.")
    stream_usage: bool | None = Field(
        default=None,
        description="Ask for token counts in streams; None: where the endpoint needs to be asked.",
    )
    context_window: int | None = Field(
        default=None, description="Tokens of prompt and answer together; the model family's if None."
    )
    system_role: MessageRole = Field(
        default=MessageRole.SYSTEM, description="The role in which LlamaIndex writes system prompts."
    )

    _info: ModelInfo | None = PrivateAttr(default=None)
    _parameters: ClassVar[tuple[str, ...]] = (
        "model",
        "temperature",
        "top_p",
        "max_tokens",
        "stop",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "stream_usage",
        "extra_parameters",
        "model_extras",
    )

    @property
    def model_name(self) -> str | None:
        """The model, by the name the retired integration had for the field."""
        return self.model

    def model_info(self) -> ModelInfo:
        """Ask the endpoint which model it serves (``/info``); ``metadata`` knows it from then on.

        Raises:
            ConfigurationError: This kind of endpoint has no such route.
            InferenceError: The request failed.
        """
        self._info = super().model_info()
        return self._info

    async def amodel_info(self) -> ModelInfo:
        """Like :meth:`model_info`."""
        self._info = await super().amodel_info()
        return self._info

    def _known_model(self) -> str | None:
        return self.model or (self._info.model_name if self._info else None)

    def _family(self) -> Family:
        return family_of(self._known_model())

    def _metadata(self, *, chat: bool, calls_tools: bool) -> LLMMetadata:
        family = self._family()
        return LLMMetadata(
            context_window=self.context_window or family.context_window,
            num_output=self.max_tokens or family.num_output,
            is_chat_model=chat,
            is_function_calling_model=calls_tools,
            model_name=self._known_model() or "unknown",
            system_role=self.system_role,
        )

    def _params(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """The fields as they are now under one call's keywords."""
        if "model_name" in call:
            call = {"model": call["model_name"], **{k: v for k, v in call.items() if k != "model_name"}}
        values = self.__dict__
        return merge_params({name: values[name] for name in self._parameters}, call)
