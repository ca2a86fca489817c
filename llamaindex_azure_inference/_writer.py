"""What the two LLM classes share: the parameters of a model that writes, and what LlamaIndex is told about it."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, ClassVar, ParamSpec, Protocol, TypeVar

from llama_index.core.base.llms.types import ChatMessage, LLMMetadata, MessageRole
from llama_index.core.callbacks import CallbackManager
from llama_index.core.types import BaseOutputParser, PydanticProgramMode

from azure_inference_core import Family, Parameters, merge_params
from azure_inference_core._client.streams import AsyncStream, DeltaT, Stream
from azure_inference_core._request.parameters import SAMPLING
from llamaindex_azure_inference._endpoint import Endpoint

ResponseT = TypeVar("ResponseT")
P = ParamSpec("P")
DeltaT_contra = TypeVar("DeltaT_contra", contravariant=True)
ResponseT_co = TypeVar("ResponseT_co", covariant=True)
_USUAL_OUTPUT = 4_096
_UNKNOWN_OUTPUT = 1_024


class Writer(Endpoint):
    """A model that writes text.

    Attributes:
        model: The model or deployment to ask for; not needed where an endpoint serves one model.
        temperature: Sampling temperature; like all parameters, sent only if given.
        top_p: Nucleus sampling.
        max_tokens: Longest answer, tokens; also what LlamaIndex reserves for it (``num_output``).
        stop: Texts at which the answer ends.
        seed: Seed of the sampling.
        frequency_penalty: Penalty for frequent tokens.
        presence_penalty: Penalty for tokens already present.
        stream_usage: Ask for token counts in streams; ``None``: where they must be asked for and the model takes the question.
        context_window: Tokens of prompt and answer together; the model family's if ``None``.
        system_role: The role in which LlamaIndex writes system prompts.
    """

    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stream_usage: bool | None = None
    context_window: int | None = None
    system_role: MessageRole = MessageRole.SYSTEM

    _parameters: ClassVar[tuple[str, ...]] = (*SAMPLING, "stream_usage", "extra_parameters", "model_extras")

    def __init__(
        self,
        endpoint: str | None = None,
        credential: Any = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        model_name: str | None = None,
        api_version: str | None = None,
        callback_manager: CallbackManager | None = None,
        system_prompt: str | None = None,
        messages_to_prompt: Callable[[Sequence[ChatMessage]], str] | None = None,
        completion_to_prompt: Callable[[str], str] | None = None,
        pydantic_program_mode: PydanticProgramMode | None = None,
        output_parser: BaseOutputParser | None = None,
        client_kwargs: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(
            endpoint,
            credential,
            temperature=temperature,
            max_tokens=max_tokens,
            model_name=model_name,
            api_version=api_version,
            callback_manager=callback_manager,
            system_prompt=system_prompt,
            messages_to_prompt=messages_to_prompt,
            completion_to_prompt=completion_to_prompt,
            pydantic_program_mode=pydantic_program_mode,
            output_parser=output_parser,
            client_kwargs=client_kwargs,
            **settings,
        )

    @property
    def model_name(self) -> str | None:
        """The model, by the name that the embedding class has for it: ``llm.model_name``."""
        return self.model

    @model_name.setter
    def model_name(self, name: str | None) -> None:
        self.model = name

    def _known_model(self) -> str | None:
        if self.model is not None:
            return self.model
        info = self._current()._info  # noqa: SLF001 - what model_info() has learned; nothing is asked here
        return info.model_name if info else None

    def _family(self) -> Family:
        connection = self._current().connection
        family: Family = connection.family()
        return family if self.model or family.name else connection.family(self._known_model())

    def _metadata(self, *, chat: bool, calls_tools: bool | None) -> LLMMetadata:
        family = self._family()
        window = self.context_window or family.max_input
        output = self.max_tokens or family.max_output or _UNKNOWN_OUTPUT
        if not self.max_tokens and family.max_output == family.context_window:
            output = min(output, _USUAL_OUTPUT)  # what the prompt leaves of the window, and no plan
        return LLMMetadata(
            context_window=window,
            num_output=min(output, window // 2),
            is_chat_model=chat,
            is_function_calling_model=family.tools if calls_tools is None else calls_tools,
            model_name=self._known_model() or "unknown",
            system_role=self.system_role,
        )

    def _params(self, call: Mapping[str, Any]) -> Parameters:
        """The fields as they are now under one call's keywords."""
        values = self.__dict__
        return merge_params({name: values[name] for name in self._parameters}, call)


def as_in(method: Callable[P, None]) -> Callable[[Callable[..., None]], Callable[P, None]]:
    """What passes everything on has the signature of where it goes."""
    return functools.wraps(method)


class Accumulator(Protocol[DeltaT_contra, ResponseT_co]):
    """What makes responses of the deltas of one answer."""

    def push(self, delta: DeltaT_contra, /) -> ResponseT_co:
        """The answer as far as it is known with a delta."""

    def end(self) -> Iterable[ResponseT_co]:
        """What is to follow the last one."""


def responses(
    deltas: Stream[DeltaT], answer: Accumulator[DeltaT, ResponseT]
) -> Generator[ResponseT, None, None]:
    """A stream of the core as LlamaIndex's responses."""
    push = answer.push
    with deltas:
        for delta in deltas:
            yield push(delta)
    yield from answer.end()


async def aresponses(
    deltas: AsyncStream[DeltaT], answer: Accumulator[DeltaT, ResponseT]
) -> AsyncGenerator[ResponseT, None]:
    """As :func:`responses`."""
    push = answer.push
    async with deltas:
        async for delta in deltas:
            yield push(delta)
    for last in answer.end():
        yield last
