"""Body bytes to checked values. Pure: an answer either has the shape of one, or raises.

Shapes are those of the API's reference for ``/chat/completions``, ``/completions``, ``/embeddings`` and
``/info``; what single models add (reasoning, filter results, usage details) is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from azure_inference_core._refusal.judging import stream_error
from azure_inference_core._refusal.reading import failure_in
from azure_inference_core._response.calls import calls_of, read_call
from azure_inference_core._response.optional import (
    added_to,
    logprobs_of,
    optional,
    prompt_filters_of,
    spoken,
    usage_of,
)
from azure_inference_core._response.parts import read_content, reasoning_of, split_think
from azure_inference_core._response.sse import BLANK
from azure_inference_core.errors import MalformedResponseError
from azure_inference_core.values import (
    ChatChoice,
    ChatResult,
    CompletionChoice,
    CompletionResult,
    ModelInfo,
    ToolCall,
)

_ROLES = frozenset(("assistant", "model", "chatbot", "ai"))
_NO_NAMES: Mapping[str, str] = MappingProxyType({})


def parse_json(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Read a successful answer's body as a JSON object, whatever its content type says and whatever words follow.

    Raises:
        MalformedResponseError: Not strict JSON, or not an object.
        InferenceError: It is an error in spite of its status.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            value = first_json(body.strip(BLANK))
        except orjson.JSONDecodeError as error:
            raise MalformedResponseError(_not_json(body, headers, error)) from None
    if not isinstance(value, dict):
        raise MalformedResponseError(f"the answer is JSON, but not an object: {type(value).__name__}")
    if (failure := failure_in(value)) is not None:
        raise stream_error(failure, headers, in_stream=False)
    return value


def first_json(text: bytes) -> Any:
    """JSON that a byte order mark or blanks precede, or words follow; not two answers in one."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "after document" not in error.msg or error.doc[error.pos :].lstrip()[:1] in ("{", "["):
            raise
        return orjson.loads(error.doc[: error.pos])


def _not_json(body: bytes, headers: Mapping[str, str], error: Exception) -> str:
    body = body.strip(BLANK)
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
        choices=tuple(_chat_choice(raw, i, names, think=think) for i, raw in _choices(body)),
        usage=usage_of(body),
        system_fingerprint=optional(body, "system_fingerprint", str),
        prompt_filter_results=prompt_filters_of(body),
        raw=body,
    )


def _choices(body: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """The choices with their places; a hole among them is none."""
    choices = body.get("choices")
    known = [
        (i, one) for i, one in enumerate(choices if isinstance(choices, list) else ()) if one is not None
    ]
    if not known:
        raise MalformedResponseError("the answer has no choices")
    for position, choice in known:
        if not isinstance(choice, dict):
            raise MalformedResponseError(f"choices[{position}] is not an object")
    return known


def _chat_choice(raw: dict[str, Any], position: int, names: Mapping[str, str], *, think: bool) -> ChatChoice:
    message = message_in(raw, f"choices[{position}]")
    if not message and not raw.get("finish_reason"):
        raise MalformedResponseError(f"choices[{position}] has no message")
    role = optional(message, "role", str) or "assistant"
    if role.lower() not in _ROLES:
        raise MalformedResponseError(f"choices[{position}].message.role is not 'assistant': {role[:40]!r}")
    said = read_content(message.get("content"))
    content = said.text
    reasoning = reasoning_of(message) or said.thought
    if think:
        content, thought = split_think(content)
        reasoning = f"{reasoning or ''}{thought}" or None
    additions = added_to(message, said.others)
    return ChatChoice(
        index=_choice_index(raw, position),
        role=role,
        content=content or spoken(message.get("audio")),
        finish_reason=optional(raw, "finish_reason", str) or None,
        tool_calls=tuple(_tool_calls(message, names)),
        reasoning=reasoning,
        refusal=optional(message, "refusal", str) or said.refusal,
        logprobs=logprobs_of(raw),
        content_filter_results=optional(raw, "content_filter_results", dict),
        additions=additions,
    )


def message_in(choice: dict[str, Any], where: str) -> dict[str, Any]:
    """The message of a choice, whole or a piece, under any of the names in use; a choice may have none.

    Raises:
        MalformedResponseError: It is no object.
    """
    for name in ("message", "delta"):
        message = choice.get(name)
        if isinstance(message, dict):
            return message
        if message is not None:
            raise MalformedResponseError(f"{where}.{name} is not an object")
    if isinstance(text := choice.get("text"), str):
        return {"content": text}
    return {}


def _choice_index(raw: dict[str, Any], position: int) -> int:
    index = optional(raw, "index", int)
    return position if index is None or index < 0 else index


def _tool_calls(message: dict[str, Any], names: Mapping[str, str]) -> Iterator[ToolCall]:
    used = set()
    for position, sent in enumerate(calls_of(message)):
        call = read_call(sent)
        if call is None or (call.name is None and sent.get("type") not in (None, "function")):
            continue  # no call of a tool that the caller has; it is kept in ``raw``
        if call.name is None:
            raise MalformedResponseError(f"tool_calls[{position}] names no function")
        # Two calls under one id would get one answer.
        yield ToolCall(None if call.id in used else call.id, names.get(call.name, call.name), call.as_json())
        used.add(call.id)


def parse_completion(body: dict[str, Any]) -> CompletionResult:
    """Check a text completion.

    Raises:
        MalformedResponseError: The shape is wrong; the text says where.
    """
    return CompletionResult(
        id=optional(body, "id", str),
        model=optional(body, "model", str),
        created=optional(body, "created", int),
        choices=tuple(_text_choice(raw, i) for i, raw in _choices(body)),
        usage=usage_of(body),
        raw=body,
    )


def _text_choice(raw: dict[str, Any], position: int) -> CompletionChoice:
    text = raw.get("text")
    if text is None and "text" not in raw:
        text = read_content(message_in(raw, f"choices[{position}]").get("content")).text
    if not isinstance(text, str | None) or not (text or "text" in raw or raw.get("finish_reason")):
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
