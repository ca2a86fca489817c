"""Body bytes to checked values. Pure: an answer either has the shape of one, or raises.

Shapes are those of the API's reference for ``/chat/completions``, ``/completions``, ``/embeddings`` and
``/info``; what single models add (reasoning, filter results, usage details) is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from azure_inference_core._refusal.judging import stream_error
from azure_inference_core._refusal.reading import failure_in
from azure_inference_core._response.optional import logprobs_of, optional, usage_of
from azure_inference_core._response.sse import BOM
from azure_inference_core._response.thinking import split_think
from azure_inference_core.errors import MalformedResponseError
from azure_inference_core.values import (
    ChatChoice,
    ChatResult,
    CompletionChoice,
    CompletionResult,
    ModelInfo,
    ToolCall,
)

_NO_NAMES: Mapping[str, str] = MappingProxyType({})


def parse_json(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Read a successful answer's body as a JSON object, whatever its content type says.

    Raises:
        MalformedResponseError: Not strict JSON, or not an object.
        InferenceError: It is an error in spite of its status.
    """
    try:
        value = orjson.loads(body.removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        raise MalformedResponseError(_not_json(body, headers, error)) from None
    if not isinstance(value, dict):
        raise MalformedResponseError(f"the answer is JSON, but not an object: {type(value).__name__}")
    if (failure := failure_in(value)) is not None:
        raise stream_error(failure, headers, in_stream=False)
    return value


def _not_json(body: bytes, headers: Mapping[str, str], error: Exception) -> str:
    body = body.removeprefix(BOM).strip()
    if not body:
        return "the answer is empty; is the route right for this endpoint and model?"
    if body[:1] == b"<":
        return "the answer is a web page, not JSON; is there a portal or proxy in front of the endpoint?"
    return f"the answer is not JSON ({str(error)[:80]}); its content type is {headers.get('content-type', 'not given')[:60]!r}"


def parse_chat(
    body: dict[str, Any], *, names: Mapping[str, str] = _NO_NAMES, think: bool = False
) -> ChatResult:
    """Check a chat completion.

    Args:
        body: The answer.
        names: The caller's names of tools by those that were sent, where they differ.
        think: Whether ``<think>...</think>`` in its text is reasoning.

    Raises:
        MalformedResponseError: The shape is wrong; the text says where.
    """
    return ChatResult(
        id=optional(body, "id", str),
        model=optional(body, "model", str),
        created=optional(body, "created", int),
        choices=tuple(_chat_choice(raw, i, names, think=think) for i, raw in enumerate(_choices(body))),
        usage=usage_of(body),
        system_fingerprint=optional(body, "system_fingerprint", str),
        prompt_filter_results=optional(body, "prompt_filter_results", list)
        or optional(body, "prompt_annotations", list),
        raw=body,
    )


def _choices(body: dict[str, Any]) -> list[Any]:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise MalformedResponseError("the answer has no choices")
    return choices


def _chat_choice(raw: Any, position: int, names: Mapping[str, str], *, think: bool) -> ChatChoice:
    message = raw.get("message") if isinstance(raw, dict) else None
    if not isinstance(message, dict):
        raise MalformedResponseError(f"choices[{position}] has no message")
    if (role := optional(message, "role", str) or "assistant") != "assistant":
        raise MalformedResponseError(f"choices[{position}].message.role is not 'assistant': {role[:40]!r}")
    content, thought = text_and_thought(message.get("content"))
    reasoning = reasoning_of(message) or thought
    if think:
        content, thought = split_think(content)
        reasoning = f"{reasoning or ''}{thought}" or None
    return ChatChoice(
        index=_choice_index(raw, position),
        role=role,
        content=content,
        finish_reason=optional(raw, "finish_reason", str) or None,
        tool_calls=tuple(_tool_call(c, i, names) for i, c in enumerate(_tool_calls(message))),
        reasoning=reasoning,
        refusal=optional(message, "refusal", str),
        logprobs=logprobs_of(raw),
        content_filter_results=optional(raw, "content_filter_results", dict),
    )


def _choice_index(raw: dict[str, Any], position: int) -> int:
    index = optional(raw, "index", int)
    return position if index is None or index < 0 else index


def _tool_calls(message: dict[str, Any]) -> list[Any]:
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise MalformedResponseError("tool_calls is not a list")
    return [call for call in calls if call is not None]


def _tool_call(raw: Any, position: int, names: Mapping[str, str]) -> ToolCall:
    function = raw.get("function") if isinstance(raw, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str) or not name:
        raise MalformedResponseError(f"tool_calls[{position}] names no function")
    return ToolCall(
        optional(raw, "id", str), names.get(name, name), arguments_text(function.get("arguments"))
    )


def arguments_text(arguments: Any) -> str:
    """A tool call's arguments as JSON text; managed endpoints send objects."""
    if isinstance(arguments, str):
        return arguments
    try:
        return "" if arguments is None else json.dumps(arguments, ensure_ascii=False)
    except RecursionError:
        raise MalformedResponseError("a tool call's arguments are nested too deeply") from None


def text_and_thought(content: Any) -> tuple[str, str | None]:
    """The text of a message's content, and the reasoning given as parts of it.

    Raises:
        MalformedResponseError: Neither text, nothing, nor a list of parts.
    """
    if isinstance(content, str):
        return content, None
    if content is None:
        return "", None
    if not isinstance(content, list):
        raise MalformedResponseError(
            f"a message's content is neither text nor parts: {type(content).__name__}"
        )
    text: list[str] = []
    thought: list[str] = []
    for part in content:
        if isinstance(part, dict) and part.get("type") == "thinking":
            thought.append(text_and_thought(part.get("thinking"))[0])
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            text.append(part["text"])
        else:
            raise MalformedResponseError("a message's content has a part that is neither text nor thinking")
    return "".join(text), "".join(thought) or None


def reasoning_of(message: dict[str, Any]) -> str | None:
    """A message's reasoning, in either spelling in use."""
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if reasoning is None or isinstance(reasoning, str):
        return reasoning
    return optional(message, "reasoning", str)  # type: ignore[no-any-return]


def parse_completion(body: dict[str, Any]) -> CompletionResult:
    """Check a text completion.

    Raises:
        MalformedResponseError: The shape is wrong; the text says where.
    """
    return CompletionResult(
        id=optional(body, "id", str),
        model=optional(body, "model", str),
        created=optional(body, "created", int),
        choices=tuple(_text_choice(raw, i) for i, raw in enumerate(_choices(body))),
        usage=usage_of(body),
        raw=body,
    )


def _text_choice(raw: Any, position: int) -> CompletionChoice:
    text = raw.get("text", 0) if isinstance(raw, dict) else 0
    if text is not None and not isinstance(text, str):
        raise MalformedResponseError(f"choices[{position}] has no text")
    return CompletionChoice(
        index=_choice_index(raw, position),
        text=text or "",
        finish_reason=optional(raw, "finish_reason", str) or None,
        logprobs=logprobs_of(raw),
        content_filter_results=optional(raw, "content_filter_results", dict),
    )


def parse_info(body: dict[str, Any]) -> ModelInfo:
    """Check the answer of ``/info``.

    Raises:
        MalformedResponseError: None of its fields is there.
    """
    info = ModelInfo(
        optional(body, "model_name", str),
        optional(body, "model_type", str),
        optional(body, "model_provider_name", str),
    )
    if info == ModelInfo(None, None, None):
        raise MalformedResponseError("the answer of /info names no model")
    return info
