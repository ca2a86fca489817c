"""LangChain's messages and content blocks (OpenAI, LangChain v0 and v1, Anthropic spellings) to the API's messages.

The API carries text, images (``image_url``) and audio (``input_audio``, ``audio_url``), and those only in
user messages; system, assistant and tool messages are text. What it cannot carry is refused by name and
position, never dropped: only a model's own thinking is left out of the history it reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from azure_inference_core._request.media import audio_part, audio_url_part, data_url, image_part
from langchain_azure_inference.errors import ConfigurationError

Sent = dict[str, Any]
Block = Mapping[str, Any]

_ROLES = {"human": "user", "ai": "assistant"}
_CALLS = frozenset(("tool_call", "tool_call_chunk", "tool_use", "invalid_tool_call"))
_THINKING = frozenset(("reasoning", "reasoning_content", "thinking", "redacted_thinking"))
_TEXTS = frozenset(("text", "input_text", "output_text", "text-plain"))


def to_api(messages: Sequence[BaseMessage]) -> list[Sent]:
    """Map messages to the API's messages.

    Args:
        messages: Messages of any LangChain type, with content in any of its spellings.

    Returns:
        New dicts; the messages are not touched.

    Raises:
        ConfigurationError: A message or block that the API cannot carry; the text names its type and
            position.
    """
    sent: list[Sent] = []
    for place, message in enumerate(messages):
        where = f"messages[{place}] ({message.type})"
        if isinstance(message, HumanMessage):
            sent.extend(_from_human(message, where))
        elif isinstance(message, AIMessage):
            sent.append(_from_assistant(message, where))
        elif isinstance(message, ToolMessage):
            sent.append(_tool(message.tool_call_id, message.content, where))
        elif isinstance(message, SystemMessage):
            role = message.additional_kwargs.get("__openai_role__", "system")
            sent.append(_named(message, {"role": role, "content": _text(message.content, where)}))
        elif isinstance(message, ChatMessage):
            sent.append(_from_chat(message, where))
        else:
            hint = (
                "; use a ToolMessage with the id of the call it answers" if message.type == "function" else ""
            )
            raise ConfigurationError(
                f"{where}: the API has no message of type {type(message).__name__}{hint}"
            )
    return sent


def _named(message: BaseMessage, sent: Sent) -> Sent:
    if message.name is not None:
        sent["name"] = message.name
    return sent


def _text(content: Any, where: str) -> str:
    if isinstance(content, str):
        return content
    texts = []
    for block, position in _blocks_of(content, where):
        if (text := _text_of(block)) is None:
            raise _refusal_of(block, position, "only user messages take images and audio")
        texts.append(text)
    return "\n".join(texts)


def _from_human(message: HumanMessage, where: str) -> Iterable[Sent]:
    if isinstance(message.content, str):
        return (_named(message, {"role": "user", "content": message.content}),)
    sent: list[Sent] = []
    blocks: list[tuple[Block, str]] = []
    for block, position in _blocks_of(message.content, where):
        if block["type"] == "tool_result":  # Anthropic's spelling of a tool message
            sent.append(_tool(block.get("tool_use_id"), block.get("content") or "", position))
        else:
            blocks.append((block, position))
    if blocks or not sent:
        sent.append(_named(message, {"role": "user", "content": _user_content(blocks)}))
    return sent


def _tool(call_id: Any, content: Any, where: str) -> Sent:
    if not isinstance(call_id, str) or not call_id:
        raise ConfigurationError(f"{where}: a tool result needs the id of the call it answers")
    return {"role": "tool", "tool_call_id": call_id, "content": _text(content, where)}


def _from_chat(message: ChatMessage, where: str) -> Sent:
    role = _ROLES.get(message.role, message.role)
    if role == "user":
        content: Any = _user_content(list(_blocks_of(message.content, where)))
    elif role in ("system", "assistant", "developer"):
        content = _text(message.content, where)
    else:
        raise ConfigurationError(
            f"{where}: the API has no role {message.role!r}; it has system, developer, user, assistant and tool"
        )
    return _named(message, {"role": role, "content": content})


def _from_assistant(message: AIMessage, where: str) -> Sent:
    texts: list[str] = []
    calls = [
        _call(call["id"], call["name"], call["args"], f"{where}, tool call {number}")
        for number, call in enumerate((*message.tool_calls, *message.invalid_tool_calls))
    ]
    known = {call["id"] for call in calls}
    for block, position in _blocks_of(message.content, where):
        if block["type"] in _CALLS:
            if block.get("id") not in known:
                arguments = block.get("input") if block["type"] == "tool_use" else block.get("args")
                calls.append(_call(block.get("id"), block.get("name"), arguments, position))
        elif (text := _text_of(block)) is not None:
            texts.append(text)
        elif block["type"] not in _THINKING and block["type"] != "audio":  # the text has the words of a sound
            raise _refusal_of(block, position, "assistant messages take text and tool calls")
    text = "".join(texts)
    if not calls:
        refusal = message.additional_kwargs.get("refusal") or ""
        return _named(message, {"role": "assistant", "content": text or refusal})
    return _named(message, {"role": "assistant", "content": text or None, "tool_calls": calls})


def _call(call_id: Any, name: Any, arguments: Any, where: str) -> Sent:
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"{where}: the call has no function name")
    if not isinstance(arguments, str):
        try:
            arguments = json.dumps(arguments if arguments is not None else {}, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"{where}: the arguments are not JSON: {error}") from None
    return {"id": call_id or None, "type": "function", "function": {"name": name, "arguments": arguments}}


def _blocks_of(content: Any, where: str) -> Iterator[tuple[Block, str]]:
    """The content of one message as blocks, each with its position for error texts.

    Raises:
        ConfigurationError: The content is neither text nor a list of text and blocks.
    """
    if isinstance(content, str):
        yield {"type": "text", "text": content}, where
        return
    for number, item in enumerate(content):
        position = f"{where}, content block {number}"
        if isinstance(item, str):
            yield {"type": "text", "text": item}, position
        elif isinstance(item, Mapping):
            yield _typed(item), position
        else:
            raise ConfigurationError(f"{position} is a {type(item).__name__}, not text or a block")


def _typed(block: Block) -> Block:
    if block.get("type") == "non_standard" and isinstance(block.get("value"), Mapping):
        block = block["value"]
    if "type" not in block:
        # Blocks like {"text": ...} are common in stored histories.
        return {**block, "type": next((k for k in ("text", "image_url", "input_audio") if k in block), None)}
    return block


def _refusal_of(block: Block, position: str, hint: str) -> ConfigurationError:
    return ConfigurationError(
        f"{position}: the API cannot carry a block of type {block.get('type')!r}; {hint}"
    )


def _text_of(block: Block) -> str | None:
    """The text of a text-like block, ``None`` for every other."""
    if block["type"] in _TEXTS:
        text = block.get("text")
        return text if isinstance(text, str) else None
    return str(block.get("refusal") or "") if block["type"] == "refusal" else None


def _user_content(blocks: list[tuple[Block, str]]) -> str | list[Sent]:
    """A user message's content: a string where it is one text, else the API's parts."""
    if not blocks:
        return ""
    if len(blocks) == 1 and (text := _text_of(blocks[0][0])) is not None:
        return text
    return [_part(block, position) for block, position in blocks]


def _part(block: Block, position: str) -> Sent:
    if (text := _text_of(block)) is not None:
        return {"type": "text", "text": text}
    if make := _PARTS.get(block["type"]):
        return make(block, position)
    raise _refusal_of(block, position, "user messages take text, images and audio")


def _image_url(block: Block, position: str) -> Sent:
    image = _inner(block, "image_url", "url")
    return image_part(image.get("url"), position, image.get("detail") or block.get("detail"))


def _image(block: Block, position: str) -> Sent:
    extras = block.get("extras") or block.get("metadata")
    detail = block.get("detail") or (extras.get("detail") if isinstance(extras, Mapping) else None)
    data, claimed, url = _source(block)
    return image_part(url if data is None else data_url(data, position, claimed), position, detail)


def _input_audio(block: Block, position: str) -> Sent:
    audio = _inner(block, "input_audio", "data")
    return audio_part(audio.get("data") or "", f"{position}, input_audio", audio.get("format"))


def _audio(block: Block, position: str) -> Sent:
    data, claimed, url = _source(block)
    return audio_url_part(url, position) if data is None else audio_part(data, position, claimed)


def _audio_url(block: Block, position: str) -> Sent:
    return audio_url_part(_inner(block, "audio_url", "url").get("url"), position)


def _inner(block: Block, name: str, short: str) -> Block:
    """What a block of OpenAI's spelling holds under its own name, in full or in short."""
    inner = block.get(name)
    return inner if isinstance(inner, Mapping) else {short: inner}


def _source(block: Block) -> tuple[str | bytes | None, Any, Any]:
    """The data, its claimed media type, and the URL of a block of LangChain's or Anthropic's spelling."""
    source = block.get("source")
    if isinstance(source, Mapping):
        data, claimed, url = source.get("data"), source.get("media_type"), source.get("url")
    else:
        data, claimed, url = (
            block.get("base64") or block.get("data"),
            block.get("mime_type"),
            block.get("url"),
        )
    return data if isinstance(data, (str, bytes)) else None, claimed, url


_PARTS: dict[Any, Callable[[Block, str], Sent]] = {
    "audio": _audio,
    "audio_url": _audio_url,
    "image": _image,
    "image_url": _image_url,
    "input_audio": _input_audio,
}
