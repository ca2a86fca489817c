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
from langchain_azure_inference._media import MEDIA, SOUNDS, Block, refusal_of, to_part

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
_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "summary")
_BARE = ("text", "image_url", "input_audio", "json")
"""Keys that tell the type of a block without one, as they are common in stored histories."""


class _Place(NamedTuple):
    """Where something stands: for the text of an error, and for whether it is one."""

    messages: Sequence[BaseMessage]
    number: int
    takes_files: bool
    within: str = ""

    @property
    def where(self) -> str:
        return f"messages[{self.number}] ({self.messages[self.number].type}){self.within}"

    @property
    def is_past(self) -> bool:
        """Whether a model wrote it, or has answered it."""
        return any(isinstance(message, AIMessage) for message in self.messages[self.number :])

    @property
    def follows_answer(self) -> bool:
        """Whether there is a model's message before."""
        return any(isinstance(message, AIMessage) for message in self.messages[: self.number])

    def block(self, number: int) -> _Place:
        return self._replace(within=f", content block {number}")


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
    sent: list[Sent] = []
    for number, message in enumerate(messages):
        content = message.content
        if type(message) is HumanMessage and isinstance(content, str):
            sent.append(_named(message, {"role": "user", "content": content}))
            continue
        place = _Place(messages, number, takes_files)
        if isinstance(message, AIMessage):
            sent.append(_from_assistant(message, place))
        elif isinstance(message, ToolMessage):
            sent.append(_tool(message.tool_call_id, content, place))
        elif message.type == "function" and place.follows_answer:
            sent.append(_tool(message.name, content, place))
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
    if not call_id and not place.follows_answer:
        raise ConfigurationError(f"{place.where}: a tool result needs the id of the call it answers")
    if not isinstance(content, str):
        parts = [_result(block, at) for block, at in _blocks_of(content, place)]
        content = _one_text(parts, "\n")
    return {"role": "tool", "tool_call_id": call_id or "", "content": content}


def _result(block: Block, place: _Place) -> Sent:
    """The part of a block of a tool's result: a link that is no picture stays one, data that is no content is JSON."""
    kind, url = block["type"], block.get("url")
    if isinstance(url, str) and (kind == "file" or not url.startswith(("https:", "http:", "data:"))):
        return {"type": "text", "text": url}
    if kind in MEDIA or kind == "video" or _text_of(block) is not None:
        return _part(block, place)
    value = block.get("json") if kind == "json" else {k: v for k, v in block.items() if k != "type" or v}
    if kind == "custom_tool_call_output":
        value = block.get("output")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return {"type": "text", "text": text}


def _one_text(parts: list[Sent], between: str) -> str | list[Sent]:
    """Parts as one text, and before what is none."""
    text = between.join(part["text"] for part in parts if part["type"] == "text")
    others = [part for part in parts if part["type"] != "text"]
    return [{"type": "text", "text": text}, *others] if others else text


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
    content: Any = message.content
    calls = [
        _call(call["id"], call["name"], call["args"])
        for call in (*message.tool_calls, *message.invalid_tool_calls)
    ]
    if not calls and isinstance(call := extra.get("function_call"), Mapping):
        calls.append(_call(None, call.get("name"), call.get("arguments")))
    thought = _thought_of(extra) if extra else ""
    if not isinstance(content, str) or "tool_outputs" in extra:
        content, further, thoughts = _read(message, place, {call["id"] for call in calls})
        calls += further
        thought = thought or thoughts
    sent = _named(message, {"role": "assistant", "content": content or extra.get("refusal") or ""})
    if calls:
        sent["content"] = content or None
        sent["tool_calls"] = calls
    if thought:
        sent["reasoning_content"] = thought
    return sent


def _read(message: AIMessage, place: _Place, known: set[Any]) -> tuple[str | list[Sent], list[Sent], str]:
    """What the blocks of an answer say: its content, calls that are not known yet, and its thinking.

    What a service's own tools did is read over, as sounds are, whose words are the text.
    """
    parts: list[Sent] = []
    calls: list[Sent] = []
    thought = ""
    outputs = message.additional_kwargs.get("tool_outputs") or ()  # where ChatOpenAI once kept such blocks
    pictures = [block for block in outputs if block.get("type") == "image_generation_call"]
    for block, at in (*_blocks_of(message.content, place), *_blocks_of(pictures, place)):
        kind = block["type"]
        if kind in _CALLS:
            call_id = block.get("call_id") or block.get("id")
            if call_id not in known if call_id else not known:
                calls.append(
                    _call(call_id, block.get("name"), block.get(_CALLS[kind]) or block.get("partial_json"))
                )
        elif kind in SOUNDS:
            continue
        elif kind in MEDIA or _text_of(block) is not None:
            parts.append(_part(block, at))
        elif found := _thought_of(block):
            thought += found
        elif isinstance(block.get("text"), str):
            parts.append({"type": "text", "text": block["text"]})
    return _one_text(parts, ""), calls, thought


def _call(call_id: Any, name: Any, arguments: Any) -> Sent:
    function = {"name": name, "arguments": arguments_text(arguments)}
    return {"id": call_id or None, "type": "function", "function": function}


def _thought_of(block: Block) -> str:
    """The thinking in a block or in ``additional_kwargs``, in whose spelling ever."""
    for key in _THOUGHTS:
        thought = block.get(key)
        if isinstance(thought, Mapping):
            thought = thought.get("text") or _thought_of(thought)
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
