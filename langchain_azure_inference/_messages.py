"""LangChain messages to the wire's message dicts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_azure_inference._content import THINKING, Block, blocks_of, refusal_of, text_of, user_content
from langchain_azure_inference.errors import ConfigurationError

__all__ = ["to_wire"]

Wire = dict[str, Any]

_ROLES = {"human": "user", "ai": "assistant"}
_CALL_BLOCKS = frozenset(("tool_call", "tool_call_chunk", "tool_use", "invalid_tool_call"))


def to_wire(messages: Sequence[BaseMessage]) -> list[Wire]:
    """Map messages to the API's messages.

    Args:
        messages: Messages of any LangChain type, with content in any of its spellings.

    Returns:
        New dicts; the messages are not touched.

    Raises:
        ConfigurationError: A message or block that the API cannot carry; the text names its type and
            position.
    """
    wire: list[Wire] = []
    for place, message in enumerate(messages):
        where = f"messages[{place}] ({message.type})"
        if isinstance(message, HumanMessage):
            wire.extend(_from_human(message, where))
        elif isinstance(message, AIMessage):
            wire.append(_from_assistant(message, where))
        elif isinstance(message, ToolMessage):
            wire.append(_tool(message.tool_call_id, message.content, where))
        elif isinstance(message, SystemMessage):
            role = message.additional_kwargs.get("__openai_role__", "system")
            wire.append(_named(message, {"role": role, "content": _text(message.content, where)}))
        elif isinstance(message, ChatMessage):
            wire.append(_from_chat(message, where))
        else:
            raise ConfigurationError(
                f"{where}: the API has no message of type {type(message).__name__}"
                + ("; use a ToolMessage with the id of the call it answers" * (message.type == "function"))
            )
    return wire


def _named(message: BaseMessage, wire: Wire) -> Wire:
    if message.name is not None:
        wire["name"] = message.name
    return wire


def _text(content: Any, where: str, joint: str = "\n") -> str:
    if isinstance(content, str):
        return content
    texts = []
    for block, position in blocks_of(content, where):
        if (text := text_of(block)) is None:
            raise refusal_of(block, position, "only user messages take images and audio")
        texts.append(text)
    return joint.join(texts)


def _from_human(message: HumanMessage, where: str) -> Iterable[Wire]:
    if isinstance(message.content, str):
        return (_named(message, {"role": "user", "content": message.content}),)
    wire: list[Wire] = []
    blocks: list[tuple[Block, str]] = []
    for block, position in blocks_of(message.content, where):
        if block["type"] == "tool_result":  # Anthropic's spelling of a tool message
            wire.append(_tool(block.get("tool_use_id"), block.get("content") or "", position))
        else:
            blocks.append((block, position))
    if blocks or not wire:
        wire.append(_named(message, {"role": "user", "content": user_content(blocks)}))
    return wire


def _tool(call_id: Any, content: Any, where: str) -> Wire:
    if not isinstance(call_id, str) or not call_id:
        raise ConfigurationError(f"{where}: a tool result needs the id of the call it answers")
    return {"role": "tool", "tool_call_id": call_id, "content": _text(content, where)}


def _from_chat(message: ChatMessage, where: str) -> Wire:
    role = _ROLES.get(message.role, message.role)
    if role == "user":
        content: Any = user_content(list(blocks_of(message.content, where)))
    elif role in ("system", "assistant", "developer"):
        content = _text(message.content, where)
    else:
        raise ConfigurationError(
            f"{where}: the API has no role {message.role!r}; it has system, developer, user, assistant and tool"
        )
    return _named(message, {"role": role, "content": content})


def _from_assistant(message: AIMessage, where: str) -> Wire:
    texts: list[str] = []
    calls = [
        _call(call["id"], call["name"], call["args"], where, number)
        for number, call in enumerate(message.tool_calls)
    ]
    for broken in message.invalid_tool_calls:
        calls.append(_call(broken["id"], broken["name"], broken["args"], where, len(calls)))
    known = {call["id"] for call in calls}
    if isinstance(message.content, str):
        texts.append(message.content)
    else:
        for block, position in blocks_of(message.content, where):
            if block["type"] in _CALL_BLOCKS:
                if block.get("id") not in known:
                    calls.append(_call_of(block, position, len(calls)))
            elif (text := text_of(block)) is not None:
                texts.append(text)
            elif block["type"] not in THINKING:
                raise refusal_of(block, position, "assistant messages take text and tool calls")
    return _assistant(message, "".join(texts), calls)


def _assistant(message: AIMessage, text: str, calls: list[Wire]) -> Wire:
    if not text and not calls:
        text = message.additional_kwargs.get("refusal") or ""
    wire: Wire = {"role": "assistant", "content": text or (None if calls else "")}
    if calls:
        wire["tool_calls"] = calls
    return _named(message, wire)


def _call_of(block: Block, position: str, number: int) -> Wire:
    arguments = block.get("input") if block["type"] == "tool_use" else block.get("args")
    return _call(block.get("id"), block.get("name"), arguments, position, number)


def _call(call_id: Any, name: Any, arguments: Any, where: str, number: int) -> Wire:
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"{where}, tool call {number}: the call has no function name")
    if not isinstance(arguments, str):
        arguments = _json(arguments if arguments is not None else {}, where, number)
    function = {"name": name, "arguments": arguments}
    return {"id": call_id or f"call_{name}_{number}", "type": "function", "function": function}


def _json(arguments: Mapping[str, Any], where: str, number: int) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{where}, tool call {number}: the arguments are not JSON: {error}"
        ) from None
