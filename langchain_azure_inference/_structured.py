"""What stands behind ``with_structured_output``: the binding, and a parser that knows what is not an answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import is_dataclass
from typing import Any, Literal

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableLambda,
    RunnableMap,
)
from langchain_core.utils.json import parse_json_markdown
from pydantic import BaseModel, RootModel, TypeAdapter
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import is_typeddict

from azure_inference_core._request.schemas import is_object, is_recursive, unwrapped
from azure_inference_core._request.tools import IMPLIED, read_answer, read_arguments
from langchain_azure_inference._tools import Schema, schema_format, schema_of, titled, to_tools
from langchain_azure_inference.errors import ConfigurationError, RefusalError

Method = Literal["function_calling", "json_mode", "json_schema"]
METHODS = ("function_calling", "json_mode", "json_schema")


def raise_if_refused(message: BaseMessage) -> None:
    """Raise what a parser would otherwise call bad JSON by its name.

    Raises:
        RefusalError: The model refused, or content safety withheld the answer.
    """
    if refusal := message.additional_kwargs.get("refusal"):
        raise RefusalError(f"the model refused: {str(refusal)[:500]}", raw_message=message)
    if message.response_metadata.get("finish_reason") == "content_filter":
        raise RefusalError(
            "content safety withheld the answer; see response_metadata['content_filter_results'] of .raw_message",
            raw_message=message,
        )


class AnswerParser(BaseTransformOutputParser[Any]):
    """The object of a finished answer, and of an unfinished one as far as it goes.

    LangChain's own parsers complete what was cut off, and take words for nothing.

    Attributes:
        tool: The tool whose call's arguments are the object; ``None``: the answer's text is.
        output: The class (pydantic 2 or 1, dataclass) to make of it; ``None`` leaves it as it is.
        answer_schema: The JSON schema that was asked for, if one was.
        typed: The type of what comes out; ``None`` is any.
    """

    tool: str | None = None
    output: Any = None
    answer_schema: dict[str, Any] | None = None
    typed: Any = None

    @property
    def OutputType(self) -> Any:  # noqa: N802 - LangChain's name
        """What comes out."""
        return Any if self.typed is None else self.typed

    def get_output_schema(self, config: RunnableConfig | None = None) -> type[BaseModel]:  # noqa: ARG002
        """A pydantic class with the schema that was asked for."""
        if isinstance(self.output, type) and issubclass(self.output, BaseModel):
            return self.output
        schema = self.answer_schema or {}

        class Answer(RootModel[Any]):
            @classmethod
            def model_json_schema(cls, *_args: Any, **_options: Any) -> dict[str, Any]:
                return dict(schema)

        return Answer

    @property
    def _type(self) -> str:
        return "azure-inference-answer"

    def parse(self, text: str) -> Any:
        """Parse a text.

        Raises:
            OutputParserException: It is not JSON, or does not fit the class.
        """
        return self.parse_result([ChatGeneration(message=AIMessage(text))])

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse an answer, refusals first.

        Raises:
            RefusalError: The model refused, or content safety withheld the answer.
            OutputParserException: The answer was cut off, is in words, is not JSON, or its text does not fit the class.
            ValidationError: A call's arguments do not fit the class.
        """
        generation = result[0] if result else None
        if not isinstance(generation, ChatGeneration):
            raise OutputParserException("structured output is read from chat messages only")
        message = generation.message
        raise_if_refused(message)
        try:
            value = self._so_far(message) if partial else self._whole(message)
        except ValueError as error:
            raise _unreadable(message, error) from None
        if value is None and partial:
            return None
        try:
            return self._made(value if self.answer_schema is None else unwrapped(value, self.answer_schema))
        except ValueError as error:  # of both generations of pydantic
            if partial:
                return None
            if self.tool is not None:
                raise
            raise OutputParserException(
                f"the answer does not fit {self.output.__name__}: {error}", llm_output=message.text
            ) from error

    def _whole(self, message: BaseMessage) -> Any:
        """What a finished answer holds.

        Raises:
            ValueError: Nothing that can be read whole.
        """
        if self.tool is None:
            value = read_answer(message.text, message.response_metadata.get("finish_reason"))
            if (
                not isinstance(value, dict)
                and self.answer_schema is not None
                and is_object(self.answer_schema)
            ):
                raise ValueError("the answer is JSON, but not an object")
            return value
        if not isinstance(message, AIMessage) or not (message.tool_calls or message.invalid_tool_calls):
            raise ValueError(f"the model called no tool and answered in words: {message.text[:500]!r}")
        # A stream's calls have been read leniently; their text has not.
        for chunk in getattr(message, "tool_call_chunks", ()):
            if chunk["name"] == self.tool:
                return read_arguments(chunk["args"] or "", may_be_empty=False)
        for call in message.tool_calls:
            if call["name"] == self.tool:
                return call["args"]
        for broken in message.invalid_tool_calls:
            raise ValueError(f"the call of {broken['name']}: {broken['error'] or broken['args']}")
        raise ValueError(f"the model called {message.tool_calls[0]['name']}, not {self.tool}")

    def _so_far(self, message: BaseMessage) -> Any:
        if self.tool is not None:
            calls = message.tool_calls if isinstance(message, AIMessage) else []
            return next((call["args"] for call in calls if call["name"] == self.tool), None)
        try:
            return parse_json_markdown(message.text)
        except ValueError:
            return None

    def _made(self, value: Any) -> Any:
        cls = self.output
        if cls is None:
            return value
        if not issubclass(cls, BaseModelV1):
            # As JSON, for strict classes take from it what they do not take from Python.
            return TypeAdapter(cls).validate_json(json.dumps(value))
        if not isinstance(value, dict):
            raise ValueError(f"a JSON object is needed, not {type(value).__name__}")  # noqa: TRY004 - caught above
        return cls(**value)

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002 - LangChain's name
        answer: Any = None
        shown: Any = None
        for chunk in input:
            answer = chunk if answer is None else answer + chunk
            if (grown := self._grown(answer, partial=True)) not in (None, shown):
                yield (shown := grown)
        if answer is not None and (whole := self._grown(answer)) != shown:
            yield whole

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002
        answer: Any = None
        shown: Any = None
        async for chunk in input:
            answer = chunk if answer is None else answer + chunk
            if (grown := self._grown(answer, partial=True)) not in (None, shown):
                yield (shown := grown)
        if answer is not None and (whole := self._grown(answer)) != shown:
            yield whole

    def _grown(self, answer: str | BaseMessage, *, partial: bool = False) -> Any:
        message = AIMessage(answer) if isinstance(answer, str) else answer
        return self.parse_result([ChatGeneration(message=message)], partial=partial)


def _was_cut(message: BaseMessage) -> bool:
    return message.response_metadata.get("finish_reason") == "length"


def _unreadable(message: BaseMessage, error: ValueError) -> OutputParserException:
    calls = message.invalid_tool_calls if isinstance(message, AIMessage) else []
    written = (calls[0]["args"] if calls else None) or message.text
    if _was_cut(message):
        return OutputParserException(
            f"the answer was cut off (finish_reason 'length'); raise max_tokens: {error}", llm_output=written
        )
    said = (
        "" if calls or repr(message.text[:500]) in str(error) else f"; the model wrote {message.text[:500]!r}"
    )
    return OutputParserException(f"{error}{said}", llm_output=written)


def binding_of(schema: Schema | None, method: Method, strict: bool | None) -> dict[str, Any]:
    """What to bind to a model so that it answers in a schema.

    Raises:
        ConfigurationError: The method is unknown, or does not go with the rest.
    """
    if method not in METHODS:
        raise ConfigurationError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if method == "json_mode":
        if strict is not None:
            raise ConfigurationError(
                "strict goes with function_calling and json_schema; json_mode has no schema"
            )
        bound: dict[str, Any] = {"response_format": {"type": "json_object"}}
        traced: Any = schema if schema is not None else {"type": "object", "title": "answer"}
    elif schema is None:
        raise ConfigurationError(f"method {method!r} needs a schema; only json_mode does without")
    elif method == "json_schema":
        bound = {"response_format": schema_format(schema, strict=strict)}
        described = bound["response_format"]["json_schema"]
        # LangChain's tracer writes references out.
        recursive = is_recursive(described["schema"])
        traced = {"name": described["name"], "parameters": described["schema"]} if recursive else schema
    else:
        (tool,) = to_tools([titled(schema) if isinstance(schema, dict) else schema], strict=strict)
        # With one tool "required" says the same as its name, and more endpoints understand it.
        bound = {"tools": [tool], "tool_choice": IMPLIED}
        traced = tool
    kwargs = {"method": method} if strict is None else {"method": method, "strict": strict}
    return {**bound, "ls_structured_output_format": {"kwargs": kwargs, "schema": traced}}


def parser_of(schema: Schema | None, method: Method, bound: dict[str, Any]) -> Runnable[Any, Any]:
    """The parser that goes with a binding."""
    tool = bound["tools"][0]["function"]["name"] if method == "function_calling" else None
    asked = None if schema is None else schema_of(schema)
    typed: Any = dict[str, Any] if asked is not None and is_object(asked) else None
    cls = None
    if isinstance(schema, type):
        made = issubclass(schema, (BaseModel, BaseModelV1)) or is_dataclass(schema)
        cls = schema if made else None
        typed = schema if made or is_typeddict(schema) else typed
    return AnswerParser(tool=tool, output=cls, answer_schema=asked, typed=typed)


def parsed_by(
    model: Runnable[LanguageModelInput, AIMessage], parser: Runnable[Any, Any], *, include_raw: bool
) -> Runnable[LanguageModelInput, Any]:
    """The model, then the parser; with ``include_raw`` a dict of ``raw``, ``parsed`` and ``parsing_error``."""
    if not include_raw:
        return model | parser

    def read(answer: dict[str, Any], config: RunnableConfig) -> dict[str, Any]:
        try:
            return {**answer, "parsed": parser.invoke(answer["raw"], config), "parsing_error": None}
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told beside the answer
            return {**answer, "parsed": None, "parsing_error": error}

    async def aread(answer: dict[str, Any], config: RunnableConfig) -> dict[str, Any]:
        try:
            return {**answer, "parsed": await parser.ainvoke(answer["raw"], config), "parsing_error": None}
        except Exception as error:  # noqa: BLE001 - as above
            return {**answer, "parsed": None, "parsing_error": error}

    return RunnableMap(raw=model) | RunnableLambda(read, aread)
