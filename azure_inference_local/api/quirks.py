"""The habits of single families: what they demand of a conversation and how they rewrite it.

Each function has the name a `Family` lists in `quirks` (with underscores); those named below as rewriting return
the messages the engine sees, the others only refuse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from azure_inference_local.api.schemas.requests import ChatRequest
from azure_inference_local.api.validation import value_fault
from azure_inference_local.dialects.base import Dialect
from azure_inference_local.dialects.families import Family
from azure_inference_local.dialects.refusals import Refusal

Messages = list[dict[str, Any]]

_NINE = re.compile(r"[a-zA-Z0-9]{9}")
_SAFE_PROMPT = (
    "Always assist with care, respect, and truth. Respond with utmost utility yet securely. Avoid harmful, "
    "unethical, prejudiced, or negative content. Ensure replies promote fairness and positivity."
)


def nine_character_tool_ids(request: ChatRequest, dialect: Dialect, family: Family) -> None:
    """Mistral: the id of a tool call has exactly nine letters and digits."""
    del family
    for message in request.messages:
        ids = [call.id for call in message.tool_calls or ()]
        if message.role == "tool":
            ids.append(message.tool_call_id)
        for identity in ids:
            if identity is None or not _NINE.fullmatch(identity):
                text = f"Tool call id was {str(identity)[:80]} but must be a-z, A-Z, 0-9, with a length of 9."
                if dialect.openai:
                    raise dialect.generic(400, text, "3280")
                body = {
                    "object": "error",
                    "message": text,
                    "type": "invalid_function_call",
                    "param": None,
                    "code": "3280",
                }
                raise Refusal(400, body)


def json_tool_content(request: ChatRequest, dialect: Dialect, family: Family) -> None:
    """Cohere: the content of a tool message is JSON text."""
    for index, message in enumerate(request.messages):
        if message.role != "tool":
            continue
        try:
            json.loads(message.content if isinstance(message.content, str) else "")
        except (ValueError, RecursionError):
            fault = value_fault(
                ("messages", index, "content"),
                "the content of a tool message must be a valid JSON string",
                message.content,
            )
            raise dialect.invalid([fault], family) from None


def alternation(request: ChatRequest, dialect: Dialect, family: Family) -> None:
    """Jamba: after the system message, user and assistant take turns, and the user begins."""
    expected = {"user"}
    for index, message in enumerate(request.messages):
        if message.role == "system" and index == 0:
            continue
        if message.role not in expected:
            wanted = " or ".join(sorted(expected))
            fault = value_fault(
                ("messages", index, "role"),
                f"messages must alternate between user and assistant; expected {wanted}",
                message.role,
            )
            raise dialect.invalid([fault], family)
        after_calls = message.role == "tool" or (message.role == "assistant" and message.tool_calls)
        expected = (
            {"tool", "assistant"} if after_calls else {"assistant"} if message.role == "user" else {"user"}
        )


def managed_tools(request: ChatRequest, dialect: Dialect, family: Family) -> None:
    """Mixtral on the managed server: tools are refused in the server's own words."""
    del family
    if request.tools:
        text = "Tools and tool_choice are not supported."
        raise dialect.generic(400, text) if dialect.openai else Refusal(400, {"detail": text})


def managed_json(request: ChatRequest, dialect: Dialect, family: Family) -> None:
    """Mixtral on the managed server: JSON is refused in the server's own words."""
    del family
    if request.response_format is not None and request.response_format.type != "text":
        text = "mixtral model does not support json response format."
        raise dialect.generic(400, text) if dialect.openai else Refusal(400, {"detail": text})


def system_becomes_user(messages: Messages) -> Messages:
    """Phi-3: there is no system role; the service makes it a user message (rewriting)."""
    return [{**m, "role": "user"} if m["role"] == "system" else m for m in messages]


def system_merged(messages: Messages) -> Messages:
    """Mixtral: the system message is put before the first user message (rewriting)."""
    system = "\n".join(str(m["content"]) for m in messages if m["role"] == "system")
    rest = [dict(m) for m in messages if m["role"] != "system"]
    first = next((m for m in rest if m["role"] == "user"), None)
    if system and first is not None:
        first["content"] = f"{system}\n\n{first['content']}"
    return rest or messages


def with_safe_prompt(messages: Messages) -> Messages:
    """Mistral's `safe_prompt`: a guarding system message before the conversation (rewriting)."""
    return [{"role": "system", "content": _SAFE_PROMPT}, *messages]


def with_documents(messages: Messages, documents: list[Any]) -> Messages:
    """Jamba's `documents`: their texts before the conversation (rewriting)."""
    texts = [str(d.get("content", "")) if isinstance(d, dict) else str(d) for d in documents]
    return [{"role": "system", "content": "Documents:\n" + "\n\n".join(texts)}, *messages]


CHECKS: dict[str, Callable[[ChatRequest, Dialect, Family], None]] = {
    "nine-character-tool-ids": nine_character_tool_ids,
    "json-tool-content": json_tool_content,
    "alternation": alternation,
    "managed-tools": managed_tools,
    "managed-json": managed_json,
}
"""The quirks that refuse, by the name in `Family.quirks`, in the order they are checked."""

REWRITES: dict[str, Callable[[Messages], Messages]] = {
    "system-becomes-user": system_becomes_user,
    "system-merged": system_merged,
}
"""The quirks that rewrite the conversation, by the name in `Family.quirks`."""


def check_quirks(request: ChatRequest, family: Family, dialect: Dialect) -> None:
    """Refuse a conversation that breaks the family's own rules."""
    for name, check in CHECKS.items():
        if name in family.quirks:
            check(request, dialect, family)
    for at, message in enumerate(request.messages):
        if isinstance(message.content, list):
            for position, part in enumerate(message.content):
                if part.type.value != "text":
                    loc = ("messages", at, "content", position, "type")
                    fault = value_fault(loc, f"this model takes text, not {part.type.value}", part.type.value)
                    raise dialect.invalid([fault], family)
