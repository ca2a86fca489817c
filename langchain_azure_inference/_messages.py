"""LangChain's messages and content blocks, in every maker's spelling, to the API's messages.

Blocks come as OpenAI's (both APIs), LangChain's v0 and v1, Anthropic's, Google's or Amazon's. What a user sends now
and the API cannot carry is refused by name and position. What a model once wrote is never refused: past what its text
and calls already say is read over, and a part of an older turn that cannot be carried becomes a note.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from azure_inference_core import ConfigurationError
from azure_inference_core._request.history import arguments_text
from langchain_azure_inference._media import MEDIA, Block, refusal_of, to_part

Sent = dict[str, Any]

_ROLES = {"human": "user", "ai": "assistant"}
_CALLS = {
    "custom_tool_call": "input",
    "function_call": "arguments",
    "invalid_tool_call": "args",
    "tool_call": "args",
    "tool_call_chunk": "args",
    "tool_use": "input",
}
"""Blocks that are calls of the caller's tools, and the key of their arguments."""
_TEXTS = frozenset(("text", "input_text", "output_text", "text-plain"))
_BARE = ("text", "image_url", "input_audio", "json")
"""Keys that tell the type of a block without one, as they are common in stored histories."""


class _Place(NamedTuple):
    """Where a message stands, and what that means for what it may hold."""

    where: str
    takes_files: bool
    is_past: bool

    def block(self, number: int) -> _Place:
        return self._replace(where=f"{self.where}, content block {number}")


def to_api(messages: Sequence[BaseMessage], *, takes_files: bool = False) -> list[Sent]:
    """Map messages to the API's messages; :func:`~azure_inference_core._request.history.legal_history` does the rest.

    Args:
        messages: Messages of any LangChain type, with content in any of its spellings.
        takes_files: Whether the endpoint takes files.

    Returns:
        New dicts; the messages are not touched.

    Raises:
        ConfigurationError: A message or block that the API cannot carry; the text names its type and
            position.
    """
    answers = (place for place in reversed(range(len(messages))) if isinstance(messages[place], AIMessage))
    now = next(answers, -1)
    sent: list[Sent] = []
    for number, message in enumerate(messages):
        content = message.content
        role = _PLAIN.get(type(message)) if isinstance(content, str) else None
        if role is not None:
            sent.append(_named(message, {"role": role, "content": content}))
            continue
        place = _Place(f"messages[{number}] ({message.type})", takes_files, number < now)
        if isinstance(message, AIMessage):
            sent.append(_from_assistant(message, place))
        elif isinstance(message, ToolMessage):
            sent.append(_tool(message.tool_call_id, content, place))
        elif isinstance(message, HumanMessage):
            sent.extend(_from_human(message, place))
        elif isinstance(message, SystemMessage):
            role = message.additional_kwargs.get("__openai_role__", "system")
            sent.append(_named(message, {"role": role, "content": _text(content, place)}))
        elif isinstance(message, ChatMessage):
            sent.append(_from_chat(message, place))
        else:
            hint = (
                "; use a ToolMessage with the id of the call it answers" if message.type == "function" else ""
            )
            raise ConfigurationError(
                f"{place.where}: the API has no message of type {type(message).__name__}{hint}"
            )
    return sent


_PLAIN: dict[type[BaseMessage], str] = {HumanMessage: "user"}


def _named(message: BaseMessage, sent: Sent) -> Sent:
    if message.name is not None:
        sent["name"] = message.name
    return sent


def _text(content: Any, place: _Place) -> str:
    if isinstance(content, str):
        return content
    texts = []
    for block, at in _blocks_of(content, place):
        if (text := _text_of(block)) is None:
            raise refusal_of(block, at.where, "only user messages take images and audio")
        texts.append(text)
    return "\n".join(texts)


def _from_human(message: HumanMessage, place: _Place) -> Iterator[Sent]:
    blocks: list[tuple[Block, _Place]] = []
    results = 0
    for block, at in _blocks_of(message.content, place):
        if block["type"] == "tool_result":  # Anthropic's spelling of a tool message
            results += 1
            yield _tool(block.get("tool_use_id"), block.get("content") or "", at)
        else:
            blocks.append((block, at))
    if blocks or not results:
        yield _named(message, {"role": "user", "content": _user_content(blocks)})


def _tool(call_id: Any, content: Any, place: _Place) -> Sent:
    if not isinstance(call_id, str) or not call_id:
        raise ConfigurationError(f"{place.where}: a tool result needs the id of the call it answers")
    if not isinstance(content, str):
        parts = [_result(block, at) for block, at in _blocks_of(content, place)]
        content = _one_text(parts, "\n")
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def _result(block: Block, place: _Place) -> Sent:
    """The part of a block of a tool's result, of which a link stays a link, and data that is no content is JSON."""
    if block["type"] in MEDIA or _text_of(block) is not None:
        link = block.get("url")
        if isinstance(link, str) and not link.startswith(("https:", "http:", "data:")):
            return {"type": "text", "text": link}
        return _part(block, place)
    if block["type"] == "custom_tool_call_output" and isinstance(block.get("output"), str):
        return {"type": "text", "text": block["output"]}
    value = block.get("json", block) if block["type"] == "json" else block
    return {"type": "text", "text": json.dumps(value, ensure_ascii=False, default=str)}


def _one_text(parts: list[Sent], between: str) -> str | list[Sent]:
    """Parts as one text, if they are all texts."""
    if all(part["type"] == "text" for part in parts):
        return between.join(part["text"] for part in parts)
    return parts


def _from_chat(message: ChatMessage, place: _Place) -> Sent:
    role = _ROLES.get(message.role, message.role)
    if role == "user":
        content: Any = _user_content(list(_blocks_of(message.content, place)))
    elif role in ("system", "assistant", "developer"):
        content = _text(message.content, place)
    else:
        raise ConfigurationError(
            f"{place.where}: the API has no role {message.role!r}; it has system, developer, user, assistant and tool"
        )
    return _named(message, {"role": role, "content": content})


def _from_assistant(message: AIMessage, place: _Place) -> Sent:
    extra = message.additional_kwargs
    calls = [
        _call(call["id"], call["name"], call["args"])
        for call in (*message.tool_calls, *message.invalid_tool_calls)
    ]
    content: Any = message.content
    thought = extra.get("reasoning_content") if extra else None
    if not isinstance(content, str):
        known = {call["id"] for call in calls}
        parts: list[Sent] = []
        thoughts = ""
        for block, at in _blocks_of(content, place._replace(is_past=True)):
            kind = block["type"]
            if kind in _CALLS:
                # What Responses and Anthropic keep in the content is said by tool_calls, where those were read.
                call_id = block.get("call_id") or block.get("id")
                if call_id not in known if call_id else not known:
                    calls.append(_call(call_id, block.get("name"), block.get(_CALLS[kind])))
            elif kind in MEDIA or _text_of(block) is not None:
                parts.append(_part(block, at))
            else:
                thoughts += _thought_of(block)
        content = _one_text(parts, "")
        thought = thought or thoughts
    sent = _named(message, {"role": "assistant", "content": content or (extra.get("refusal") or "")})
    if calls:
        sent["content"] = content or None
        sent["tool_calls"] = calls
    if thought and isinstance(thought, str):
        sent["reasoning_content"] = thought
    return sent


def _call(call_id: Any, name: Any, arguments: Any) -> Sent:
    function = {"name": name, "arguments": arguments_text(arguments)}
    return {"id": call_id or None, "type": "function", "function": function}


def _thought_of(block: Block) -> str:
    """The thinking that a block holds, in whose spelling ever; nothing of every other block."""
    for key in ("reasoning", "thinking", "reasoning_content", "summary"):
        thought = block.get(key)
        if isinstance(thought, Mapping):
            thought = thought.get("text")
        if isinstance(thought, list):
            thought = "".join(str(part.get("text") or "") for part in thought if isinstance(part, Mapping))
        if isinstance(thought, str):
            return thought
    return ""


def _blocks_of(content: Any, place: _Place) -> Iterator[tuple[Block, _Place]]:
    """The content of one message as blocks, each with its position for error texts.

    Raises:
        ConfigurationError: The content is neither text nor a list of text and blocks.
    """
    if isinstance(content, str):
        yield {"type": "text", "text": content}, place
        return
    for number, item in enumerate(content):
        at = place.block(number)
        if isinstance(item, str):
            yield {"type": "text", "text": item}, at
        elif isinstance(item, Mapping):
            yield _typed(item), at
        else:
            raise ConfigurationError(f"{at.where} is a {type(item).__name__}, not text or a block")


def _typed(block: Block) -> Block:
    if block.get("type") == "non_standard" and isinstance(block.get("value"), Mapping):
        block = block["value"]
    if "type" not in block:
        return {**block, "type": next((key for key in _BARE if key in block), None)}
    return block


def _text_of(block: Block) -> str | None:
    """The text of a text-like block, ``None`` for every other."""
    if block["type"] in _TEXTS:
        text = block.get("text")
        return text if isinstance(text, str) else None
    return str(block.get("refusal") or "") if block["type"] == "refusal" else None


def _user_content(blocks: list[tuple[Block, _Place]]) -> str | list[Sent]:
    """A user message's content: a string where it is one text, else the API's parts."""
    if not blocks:
        return ""
    if len(blocks) == 1 and (text := _text_of(blocks[0][0])) is not None:
        return text
    return [_part(block, at) for block, at in blocks]


def _part(block: Block, place: _Place) -> Sent:
    if (text := _text_of(block)) is not None:
        return {"type": "text", "text": text}
    try:
        if block["type"] in MEDIA:
            return to_part(block, place.where, takes_files=place.takes_files)
        raise refusal_of(block, place.where, "user messages take text, images and audio")
    except ConfigurationError:
        if not place.is_past:
            raise
        return {"type": "text", "text": f"({block['type']}: not shown)"}
