"""From an engine's chunks to the answers of the API: ids, chunks and whole bodies in a deployment's shape."""

from __future__ import annotations

import random
import string
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Literal

from azure_inference_local.dialects.base import Dialect
from azure_inference_local.dialects.families import Family

_ALNUM = string.ascii_letters + string.digits
Kind = Literal["chat", "completions"]


def _token(length: int) -> str:
    return "".join(random.choices(_ALNUM, k=length))


class Shape:
    """The shape of one answer.

    Args:
        kind: Which route answers.
        family: The deployment.
        dialect: The dialect of the base the request came to.
        model: The name the answer gives as `model`.
    """

    def __init__(self, kind: Kind, family: Family, dialect: Dialect, model: str) -> None:
        self._kind = kind
        self._family = family
        self._tool_ids: dict[tuple[int, int], str] = {}
        if kind == "completions":
            identity = f"cmpl-{uuid.uuid4()}"
        else:
            identity = f"chatcmpl-{_token(29)}" if dialect.openai else uuid.uuid4().hex
        self._head = {"id": identity, "object": "", "created": int(time.time()), "model": model}

    def head(self, *, chunk: bool) -> dict[str, Any]:
        """Return the members every body starts with."""
        if self._kind == "completions":
            return {**self._head, "object": "text_completion"}
        return {**self._head, "object": "chat.completion.chunk" if chunk else "chat.completion"}

    def tool_call(self, choice: int, call: dict[str, Any], position: int) -> dict[str, Any]:
        """Return a tool call (or a delta of one) with an id in the family's form."""
        index = call.get("index", position)
        shaped = {key: value for key, value in call.items() if key != "id"}
        if call.get("id") or (call.get("function") or {}).get("name"):
            nine = "nine-character-tool-ids" in self._family.quirks
            new = _token(9) if nine else f"call_{_token(24)}"
            shaped = {"id": self._tool_ids.setdefault((choice, index), new), **shaped}
        return shaped

    def message(self, choice: dict[str, Any]) -> dict[str, Any]:
        """Return a collected message as the body of an answer has it."""
        calls = choice["tool_calls"]
        message: dict[str, Any] = {"role": "assistant", "content": choice["content"], "tool_calls": None}
        if calls:
            message["tool_calls"] = [_whole_call(calls[index], self._family) for index in sorted(calls)]
            if not choice["content"] and "call-id" not in self._family.quirks:
                message["content"] = None
        if choice["reasoning_content"]:
            message["reasoning_content"] = choice["reasoning_content"]
        return message


def _whole_call(call: dict[str, Any], family: Family) -> dict[str, Any]:
    function = {"name": call["name"], "arguments": call["arguments"]}
    if "call-id" in family.quirks:
        function["call_id"] = None
    return {"id": call["id"], "type": "function", "function": function}


async def shaped(
    chunks: AsyncIterator[dict[str, Any]], shape: Shape, kind: Kind
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the engine's chunks with this answer's head, one role a choice, and ids in the family's form."""
    started: set[int] = set()
    async for chunk in chunks:
        choices = []
        for raw in chunk.get("choices") or ():
            index = int(raw.get("index") or 0)
            choice: dict[str, Any] = {"index": index}
            if kind == "chat":
                choice["delta"] = _delta(raw.get("delta") or {}, index, shape, first=index not in started)
            else:
                choice["text"] = raw.get("text") or ""
            choice["finish_reason"] = raw.get("finish_reason")
            choice["logprobs"] = raw.get("logprobs")
            started.add(index)
            choices.append(choice)
        usage = chunk.get("usage")
        if choices or usage:
            body = {**shape.head(chunk=True), "choices": choices}
            yield {**body, "usage": _usage(usage)} if usage else body


def _delta(raw: dict[str, Any], index: int, shape: Shape, *, first: bool) -> dict[str, Any]:
    delta: dict[str, Any] = {"role": "assistant"} if first else {}
    if raw.get("content") is not None or first:
        delta["content"] = raw.get("content") or ""
    if raw.get("reasoning_content"):
        delta["reasoning_content"] = raw["reasoning_content"]
    if raw.get("tool_calls"):
        delta["tool_calls"] = [
            {"index": position, **shape.tool_call(index, call, position)}
            for position, call in enumerate(raw["tool_calls"])
        ]
    if not delta:
        delta["content"] = ""
    return delta


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    prompt, completion = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


class Collected:
    """A whole answer put together from the chunks of its stream."""

    def __init__(self, shape: Shape, kind: Kind) -> None:
        self._shape = shape
        self._kind = kind
        self._choices: dict[int, dict[str, Any]] = {}
        self.usage: dict[str, Any] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}

    def add(self, chunk: dict[str, Any]) -> None:
        """Take in one chunk of `shaped`."""
        self.usage = chunk.get("usage") or self.usage
        for part in chunk["choices"]:
            choice = self._choices.setdefault(part["index"], _empty_choice())
            choice["finish_reason"] = part["finish_reason"] or choice["finish_reason"]
            _add_logprobs(choice, part["logprobs"])
            delta = part.get("delta") or {}
            choice["content"] += part.get("text") or delta.get("content") or ""
            choice["reasoning_content"] += delta.get("reasoning_content") or ""
            for call in delta.get("tool_calls") or ():
                _add_call(choice["tool_calls"], call)

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        choices = []
        for index in sorted(self._choices):
            choice = self._choices[index]
            content = (
                {"message": self._shape.message(choice)}
                if self._kind == "chat"
                else {"text": choice["content"]}
            )
            choices.append(
                {
                    "index": index,
                    **content,
                    "finish_reason": choice["finish_reason"],
                    "logprobs": choice["logprobs"],
                }
            )
        return {**self._shape.head(chunk=False), "choices": choices, "usage": self.usage}


def _empty_choice() -> dict[str, Any]:
    return {"content": "", "reasoning_content": "", "finish_reason": None, "logprobs": None, "tool_calls": {}}


def _add_call(calls: dict[int, dict[str, Any]], part: dict[str, Any]) -> None:
    call = calls.setdefault(part["index"], {"id": "", "name": "", "arguments": ""})
    function = part.get("function") or {}
    call["id"] = part.get("id") or call["id"]
    call["name"] += function.get("name") or ""
    call["arguments"] += function.get("arguments") or ""


def _add_logprobs(choice: dict[str, Any], part: dict[str, Any] | None) -> None:
    """Join the log probabilities of a choice: lists grow, other members are replaced."""
    if part is None:
        return
    whole = choice["logprobs"] = choice["logprobs"] or {}
    for key, value in part.items():
        if isinstance(value, list) and isinstance(whole.get(key), list):
            whole[key] = whole[key] + value
        else:
            whole[key] = value
