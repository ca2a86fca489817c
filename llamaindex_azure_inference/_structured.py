"""Structured output: by tools, by the API's ``json_schema`` response format, or by asking in the prompt."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Generator
from typing import Any, Generic, Literal

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM
from llama_index.core.program.streaming_utils import process_streaming_content_incremental
from llama_index.core.program.utils import get_program_for_llm
from llama_index.core.prompts.base import BasePromptTemplate, PromptTemplate
from llama_index.core.types import Model, PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import ValidationError

from azure_inference_core._request.schemas import json_schema_format
from azure_inference_core._request.tools import IMPLIED
from llamaindex_azure_inference._writer import Writer

_dispatcher = get_dispatcher(__name__)
_Kwargs = dict[str, Any] | None
_TOOL_KEYWORDS = ("tool_choice", "tool_required", "allow_parallel_tool_calls")


class StructuredWriter(Writer, FunctionCallingLLM):
    """A writer whose structured predictions go the way that a field names.

    Attributes:
        supports_forced_tool_choice: Whether the model accepts the tool choice ``"required"`` or a named tool; the model
            family's answer if ``None``. If not, the choice is left to it, among the named tool only.
        structured_output: How ``structured_predict`` gets its object. ``None``: by tools if the model can be made to
            call them, else by asking in the prompt. ``pydantic_program_mode``, if set, decides before it.
    """

    supports_forced_tool_choice: bool | None = None
    structured_output: Literal["function_calling", "json_schema", "prompt"] | None = None

    def _can_be_forced(self) -> bool:
        told = self.supports_forced_tool_choice
        return self._family().tool_choice != "auto" if told is None else told

    def structured_predict(
        self, output_cls: type[Model], prompt: PromptTemplate, llm_kwargs: _Kwargs = None, **prompt_args: Any
    ) -> Model:
        """Fill a pydantic class, in the way ``structured_output`` names.

        ```python
        from llama_index.core import PromptTemplate
        from pydantic import BaseModel


        class Review(BaseModel):
            positive: bool


        prompt = PromptTemplate("Is this review positive? {text}")
        print(llm.structured_predict(Review, prompt, text="A delight."))
        print(await llm.astructured_predict(Review, prompt, text="Never again."))
        ```

        Args:
            output_cls: The class.
            prompt: The prompt.
            llm_kwargs: Parameters of the call.
            **prompt_args: What the prompt's variables stand for.

        Raises:
            ValueError: The answer does not fill the class; the text says why.
            InferenceError: The request failed.
        """
        _begin(output_cls, prompt, prompt_args)
        output: Model = self._program(output_cls, prompt)(llm_kwargs=dict(llm_kwargs or {}), **prompt_args)
        _dispatcher.event(LLMStructuredPredictEndEvent(output=output))
        return output

    async def astructured_predict(
        self, output_cls: type[Model], prompt: PromptTemplate, llm_kwargs: _Kwargs = None, **prompt_args: Any
    ) -> Model:
        """Like :meth:`structured_predict`."""
        _begin(output_cls, prompt, prompt_args)
        program = self._program(output_cls, prompt)
        output: Model = await program.acall(llm_kwargs=dict(llm_kwargs or {}), **prompt_args)
        _dispatcher.event(LLMStructuredPredictEndEvent(output=output))
        return output

    def _structured_stream_call(
        self, output_cls: type[Model], prompt: PromptTemplate, llm_kwargs: _Kwargs = None, **prompt_args: Any
    ) -> Generator[Any, None, None]:
        program = self._program(output_cls, prompt)
        yield from program.stream_call(llm_kwargs=dict(llm_kwargs or {}), **prompt_args)

    async def _structured_astream_call(
        self, output_cls: type[Model], prompt: PromptTemplate, llm_kwargs: _Kwargs = None, **prompt_args: Any
    ) -> AsyncGenerator[Any, None]:
        program = self._program(output_cls, prompt)
        grown: AsyncGenerator[Any, None]
        grown = await program.astream_call(llm_kwargs=dict(llm_kwargs or {}), **prompt_args)
        return grown

    def _program(self, output_cls: type[Model], prompt: BasePromptTemplate) -> Any:
        mode, way = self.pydantic_program_mode, self.structured_output
        if way is None:
            forced = self.metadata.is_function_calling_model and self._can_be_forced()
            way = "function_calling" if forced else "prompt"
        if mode is PydanticProgramMode.DEFAULT:
            if way == "json_schema":
                return _SchemaProgram(self, output_cls, prompt)
            mode = PydanticProgramMode.FUNCTION if way == "function_calling" else PydanticProgramMode.LLM
        # The framework forces the tool in plain calls but not in streams, where the model may then just talk.
        forced_tool = {"tool_choice": IMPLIED} if mode is PydanticProgramMode.FUNCTION else {}
        # A text program writes its output parser into the prompt it is given.
        return get_program_for_llm(
            output_cls, copy.copy(prompt), self, pydantic_program_mode=mode, **forced_tool
        )


class _SchemaProgram(Generic[Model]):
    """Asks for an answer that fits a class by ``response_format``, and reads it; called like LlamaIndex's programs."""

    def __init__(self, llm: LLM, output_cls: type[Model], prompt: BasePromptTemplate) -> None:
        self._llm = llm
        self._output_cls = output_cls
        self._prompt = prompt
        self._format = json_schema_format(output_cls.__name__, output_cls.model_json_schema(), strict=True)

    def __call__(self, llm_kwargs: _Kwargs = None, **prompt_args: Any) -> Model:
        """Ask once."""
        return self._read(self._llm.chat(self._messages(prompt_args), **self._keywords(llm_kwargs)))

    async def acall(self, llm_kwargs: _Kwargs = None, **prompt_args: Any) -> Model:
        """Like calling."""
        return self._read(await self._llm.achat(self._messages(prompt_args), **self._keywords(llm_kwargs)))

    def stream_call(self, llm_kwargs: _Kwargs = None, **prompt_args: Any) -> Generator[Any, None, None]:
        """Give the object as it grows."""
        responses = self._llm.stream_chat(self._messages(prompt_args), **self._keywords(llm_kwargs))
        current: Any = None
        for response in responses:
            current = process_streaming_content_incremental(response, self._output_cls, current)
            yield current

    async def astream_call(self, llm_kwargs: _Kwargs = None, **prompt_args: Any) -> AsyncGenerator[Any, None]:
        """Like :meth:`stream_call`; awaiting gives the generator."""
        responses = await self._llm.astream_chat(self._messages(prompt_args), **self._keywords(llm_kwargs))

        async def grow() -> AsyncGenerator[Any, None]:
            """Give the object as it grows."""
            current: Any = None
            async for response in responses:
                current = process_streaming_content_incremental(response, self._output_cls, current)
                yield current

        return grow()

    def _messages(self, prompt_args: dict[str, Any]) -> list[ChatMessage]:
        return self._llm._extend_messages(self._prompt.format_messages(llm=self._llm, **prompt_args))  # noqa: SLF001

    def _keywords(self, llm_kwargs: _Kwargs) -> dict[str, Any]:
        kept = {name: value for name, value in (llm_kwargs or {}).items() if name not in _TOOL_KEYWORDS}
        return {"response_format": self._format, **kept}

    def _read(self, response: ChatResponse) -> Model:
        try:
            return self._output_cls.model_validate_json(response.message.content or "")
        except ValidationError as error:
            told = response.additional_kwargs
            why = f"the model refused: {told['refusal']}" if "refusal" in told else None
            why = why or f"it ended with finish_reason {told.get('finish_reason')!r}"
            raise ValueError(f"the answer is not a {self._output_cls.__name__}: {why}") from error


def _begin(output_cls: type[Model], prompt: PromptTemplate, prompt_args: dict[str, Any]) -> None:
    _dispatcher.event(
        LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
    )
