"""What stands behind ``with_structured_output``: the binding, and parsers that know a refusal when they see one."""

from __future__ import annotations

import json
from operator import itemgetter
from typing import Any, Literal

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable, RunnableLambda, RunnableMap, RunnablePassthrough
from langchain_core.utils.pydantic import is_basemodel_subclass

from azure_inference_core._request.tools import IMPLIED
from langchain_azure_inference._tools import Schema, schema_format, titled, to_tools
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


def _check(result: list[Generation], *, partial: bool) -> ChatGeneration:
    generation = result[0] if result else None
    if not isinstance(generation, ChatGeneration):
        raise OutputParserException("structured output is read from chat messages only")
    raise_if_refused(generation.message)
    if not partial and generation.message.response_metadata.get("finish_reason") == "length":
        _require_whole(generation.message)
    return generation


def _require_whole(message: BaseMessage) -> None:
    """Raise for an answer that was cut, which lenient JSON parsers would complete by guessing."""
    if isinstance(message, AIMessage) and (message.tool_calls or message.invalid_tool_calls):
        return
    try:
        json.loads(message.text)
    except ValueError:
        raise OutputParserException(
            "the answer was cut off (finish_reason 'length'); raise max_tokens", llm_output=message.text
        ) from None


class AnswerParser(JsonOutputParser):
    """The JSON of an answer's text, as it is or as an object of ``pydantic_object``.

    Attributes:
        pydantic_object: The class (pydantic 2 or 1) to make of it; ``None`` leaves it as it is.
    """

    pydantic_object: Any = None

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse an answer, refusals first.

        Raises:
            OutputParserException: It is not JSON, or does not fit the class.
        """
        message = _check(result, partial=partial).message
        answer = super().parse_result(result, partial=partial)
        if self.pydantic_object is None or answer is None:
            return answer
        try:
            return _made(self.pydantic_object, answer)
        except ValueError as error:
            if partial:
                return None
            raise OutputParserException(
                f"the answer does not fit {self.pydantic_object.__name__}: {error}", llm_output=message.text
            ) from error


def _made(cls: Any, fields: Any) -> Any:
    if not isinstance(fields, dict):
        raise ValueError(f"a JSON object is needed, not {type(fields).__name__}")  # noqa: TRY004 - parsers catch it
    return cls(**fields)


class CallParser(JsonOutputKeyToolsParser):
    """The arguments of one tool call, as a dict or as an object of ``pydantic_object``.

    Attributes:
        pydantic_object: The class (pydantic 2 or 1) to make of the arguments; ``None`` leaves them a dict.
    """

    pydantic_object: Any = None

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse an answer, refusals first.

        Raises:
            OutputParserException: The call's arguments are not JSON.
            ValidationError: They do not fit the class.
        """
        message = _check(result, partial=partial).message
        arguments = super().parse_result(result, partial=partial)
        if arguments is None:
            if not partial and isinstance(message, AIMessage) and message.invalid_tool_calls:
                broken = message.invalid_tool_calls[0]
                raise OutputParserException(
                    f"the arguments of the call of {broken['name']} are not JSON", llm_output=broken["args"]
                )
            return None
        if self.pydantic_object is None:
            return arguments
        try:
            return _made(self.pydantic_object, arguments)
        except ValueError:  # of both generations of pydantic
            if partial:
                return None
            raise


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
        traced = schema
    else:
        (tool,) = to_tools([titled(schema) if isinstance(schema, dict) else schema], strict=strict)
        # With one tool "required" says the same as its name, and more endpoints understand it.
        bound = {"tools": [tool], "tool_choice": IMPLIED}
        traced = tool
    kwargs = {"method": method} if strict is None else {"method": method, "strict": strict}
    return {**bound, "ls_structured_output_format": {"kwargs": kwargs, "schema": traced}}


def parser_of(schema: Schema | None, method: Method, bound: dict[str, Any]) -> Runnable[Any, Any]:
    """The parser that goes with a binding."""
    cls = schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None
    if method == "function_calling":
        name = bound["tools"][0]["function"]["name"]
        return CallParser(key_name=name, first_tool_only=True, pydantic_object=cls)
    return AnswerParser(pydantic_object=cls)


def parsed_by(
    model: Runnable[LanguageModelInput, AIMessage], parser: Runnable[Any, Any], *, include_raw: bool
) -> Runnable[LanguageModelInput, Any]:
    """The model, then the parser; with ``include_raw`` a dict of ``raw``, ``parsed`` and ``parsing_error``."""
    if not include_raw:
        return model | parser
    parsed = RunnablePassthrough.assign(
        parsed=RunnableLambda(itemgetter("raw")) | parser, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    answer: Runnable[LanguageModelInput, Any] = RunnableMap(raw=model) | parsed.with_fallbacks(
        [failed], exception_key="parsing_error"
    )
    return answer
