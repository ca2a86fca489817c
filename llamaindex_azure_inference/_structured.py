"""Structured output: by tools, by the API's ``json_schema`` response format, or by asking in the prompt."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from typing import Any, Generic, Literal

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.program.utils import create_flexible_model, get_program_for_llm
from llama_index.core.prompts.base import BasePromptTemplate, PromptTemplate
from llama_index.core.types import Model, PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import ValidationError

from azure_inference_core._request.schemas import json_schema_format, schema_tool, unwrapped
from azure_inference_core._request.tools import IMPLIED, read_answer, read_arguments
from llamaindex_azure_inference._answers import completion_as_chat
from llamaindex_azure_inference._messages import calls_of
from llamaindex_azure_inference._tools import OneObject, grown
from llamaindex_azure_inference._writer import Writer

_dispatcher = get_dispatcher(__name__)
_Kwargs = dict[str, Any] | None
_Way = Literal["function_calling", "json_schema", "prompt"]
_TOOL_KEYWORDS = ("tool_choice", "tool_required", "allow_parallel_tool_calls")
_MODES: dict[PydanticProgramMode, _Way] = {
    PydanticProgramMode.FUNCTION: "function_calling",
    PydanticProgramMode.LLM: "prompt",
}


class Predictor(Writer, LLM):
    """A writer that fills classes; what does not fill one is an error that says why."""

    def _way(self) -> _Way:
        return "prompt"

    def _can_be_forced(self) -> bool:
        return False

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
            ValueError: The answer does not fill the class: it was cut off, withheld or refused, or is something else. The
                text says which. Streams raise it at their end.
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
        mode = self.pydantic_program_mode
        # A program of text writes its output parser into the prompt it is given.
        prompt = copy.copy(prompt)
        if mode is PydanticProgramMode.DEFAULT or mode in _MODES:
            way = _MODES[mode] if mode in _MODES else self._way()
            return _Program(self, output_cls, prompt, way, forced=self._can_be_forced())
        return get_program_for_llm(output_cls, prompt, self, pydantic_program_mode=mode)


class StructuredWriter(Predictor, FunctionCallingLLM):
    """A writer whose structured predictions go the way that a field names.

    Attributes:
        supports_forced_tool_choice: Whether the model accepts the tool choice ``"required"`` or a named tool; the model
            family's answer if ``None``. If not, the choice is left to it, among the named tool only.
        structured_output: How ``structured_predict`` gets its object. ``None``: by tools if the model can be made to
            call them, else by asking in the prompt. ``pydantic_program_mode``, if set, decides before it.
    """

    supports_forced_tool_choice: bool | None = None
    structured_output: _Way | None = None

    def _can_be_forced(self) -> bool:
        told = self.supports_forced_tool_choice
        return self._family().tool_choice != "auto" if told is None else told

    def _way(self) -> _Way:
        if self.structured_output is not None:
            return self.structured_output
        forced = self.metadata.is_function_calling_model and self._can_be_forced()
        return "function_calling" if forced else "prompt"


class _Program(Generic[Model]):
    """Asks for an object of a class in one of three ways, and reads it; called like LlamaIndex's programs.

    LlamaIndex's own complete what was cut off, take what cannot be read for nothing, and know no recursive classes.
    """

    def __init__(
        self, llm: LLM, output_cls: type[Model], prompt: BasePromptTemplate, way: _Way, *, forced: bool
    ) -> None:
        self._llm = llm
        self._output_cls = output_cls
        self._prompt = prompt
        self._calls = way == "function_calling"
        self._schema = schema = output_cls.model_json_schema()
        name, about = schema.get("title", output_cls.__name__), schema.get("description")
        self._asked: dict[str, Any] = {}
        if self._calls:
            if not llm.metadata.is_function_calling_model:
                raise ValueError(f"the model {llm.metadata.model_name} does not call tools")
            tools = OneObject([schema_tool(name, schema, about or name)])
            self._asked = {"tools": tools, "tool_choice": IMPLIED if forced else "auto"}
            if getattr(llm, "send_parallel_tool_calls", False):
                self._asked["parallel_tool_calls"] = False
        elif way == "json_schema":
            self._asked = {"response_format": json_schema_format(output_cls.__name__, schema, strict=True)}
        else:
            prompt.output_parser = PydanticOutputParser(output_cls)

    def __call__(self, llm_kwargs: _Kwargs = None, **prompt_args: Any) -> Model:
        """Ask once."""
        llm, asked = self._llm, self._keywords(llm_kwargs)
        if llm.metadata.is_chat_model:
            return self._read(llm.chat(self._messages(prompt_args), **asked))
        return self._read(llm.complete(self._text(prompt_args), formatted=True, **asked))

    async def acall(self, llm_kwargs: _Kwargs = None, **prompt_args: Any) -> Model:
        """Like calling."""
        llm, asked = self._llm, self._keywords(llm_kwargs)
        if llm.metadata.is_chat_model:
            return self._read(await llm.achat(self._messages(prompt_args), **asked))
        return self._read(await llm.acomplete(self._text(prompt_args), formatted=True, **asked))

    def stream_call(self, llm_kwargs: _Kwargs = None, **prompt_args: Any) -> Generator[Any, None, None]:
        """Give the object as it grows, the whole one last."""
        llm, asked = self._llm, self._keywords(llm_kwargs)
        responses: Any
        if llm.metadata.is_chat_model:
            responses = llm.stream_chat(self._messages(prompt_args), **asked)
        else:
            responses = llm.stream_complete(self._text(prompt_args), formatted=True, **asked)
        grow, current, response = self._grower(), None, None
        for response in responses:
            current = grow(response)
            yield current
        if (whole := self._read(response)) != current:
            yield whole

    async def astream_call(self, llm_kwargs: _Kwargs = None, **prompt_args: Any) -> AsyncGenerator[Any, None]:
        """Like :meth:`stream_call`; awaiting gives the generator."""
        llm, asked = self._llm, self._keywords(llm_kwargs)
        responses: Any
        if llm.metadata.is_chat_model:
            responses = await llm.astream_chat(self._messages(prompt_args), **asked)
        else:
            responses = await llm.astream_complete(self._text(prompt_args), formatted=True, **asked)

        async def grow_up() -> AsyncGenerator[Any, None]:
            """Give the object as it grows."""
            grow, current, response = self._grower(), None, None
            async for response in responses:
                current = grow(response)
                yield current
            if (whole := self._read(response)) != current:
                yield whole

        return grow_up()

    def _messages(self, prompt_args: dict[str, Any]) -> list[ChatMessage]:
        return self._llm._extend_messages(self._prompt.format_messages(llm=self._llm, **prompt_args))  # noqa: SLF001

    def _text(self, prompt_args: dict[str, Any]) -> str:
        return self._prompt.format(llm=self._llm, **prompt_args)

    def _keywords(self, llm_kwargs: _Kwargs) -> dict[str, Any]:
        kept = {name: value for name, value in (llm_kwargs or {}).items() if name not in _TOOL_KEYWORDS}
        return {**self._asked, **kept}

    def _written(self, response: ChatResponse) -> str:
        """What the model wrote where the object is to be: as a call's arguments, or as text."""
        if not self._calls:
            return response.message.content or ""
        _, _, arguments = next(calls_of(response.message, ""), (None, "", ""))
        return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)

    def _read(self, response: ChatResponse | CompletionResponse | None) -> Model:
        """The object of a finished answer.

        Raises:
            ValueError: It is not there; the text says why.
        """
        if isinstance(response, CompletionResponse):
            response = completion_as_chat(response)
        response = response or ChatResponse(message=ChatMessage())
        told, text = response.additional_kwargs, self._written(response)
        ended = told.get("finish_reason")
        answer = unread = ""
        try:
            # Nothing written is no object without fields: the model was asked to write one.
            value = read_arguments(text, may_be_empty=False) if self._calls else read_answer(text, ended)
            # What was withheld is no answer, were it whole.
            if "refusal" not in told and ended != "content_filter":
                answer = json.dumps(unwrapped(value, self._schema))
        except ValueError as error:
            unread = f"{error}; the model wrote {text[:200]!r}"
        try:
            return self._output_cls.model_validate_json(answer)
        except ValidationError as error:
            why = self._why(response, unread, error)
            raise ValueError(f"the answer is not a {self._output_cls.__name__}: {why}") from error

    def _why(self, response: ChatResponse, unread: str, error: ValidationError) -> str:
        told = response.additional_kwargs
        ended = told.get("finish_reason")
        if "refusal" in told:
            return f"the model refused: {told['refusal'][:500]}"
        if ended == "length":
            return "it was cut off (finish_reason 'length'); raise max_tokens"
        if ended == "content_filter":
            return "content safety withheld or cut it (finish_reason 'content_filter')"
        if self._calls and not list(calls_of(response.message, "")):
            return f"the model called no tool and said {(response.message.content or '')[:200]!r}"
        found = error.errors(include_url=False, include_context=False)
        faults = [f"{'.'.join(map(str, fault['loc']))} {fault['msg']}".strip() for fault in found]
        return f"{(unread or '; '.join(faults))[:500]} (finish_reason {ended!r})"

    def _grower(self) -> Callable[[Any], Any]:
        """What reads unfinished answers as far as they go, for show."""
        flexible: Any = create_flexible_model(self._output_cls)
        current = flexible()

        def grow(response: ChatResponse | CompletionResponse) -> Any:
            nonlocal current
            if isinstance(response, CompletionResponse):
                response = completion_as_chat(response)
            text = self._written(response).rpartition("</think>")[2]
            if (value := grown(text[text.find("{") :])) is not None:
                value = unwrapped(value, self._schema)
                current = flexible.model_validate(value if isinstance(value, dict) else {"root": value})
                with suppress(ValidationError):
                    current = self._output_cls.model_validate(value)
            return current

        return grow


def _begin(output_cls: type[Model], prompt: PromptTemplate, prompt_args: dict[str, Any]) -> None:
    _dispatcher.event(
        LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
    )
