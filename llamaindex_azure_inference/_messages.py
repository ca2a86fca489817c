"""LlamaIndex messages to the API's JSON and back. Pure: no request is made here.

What the API cannot carry raises :class:`ConfigurationError` naming the message, the block and its type; nothing is
dropped without a word, but for two block types that are hints: ``CachePoint`` and, on the way in, ``ThinkingBlock``.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    ContentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from azure_inference_core.errors import ConfigurationError
from llamaindex_azure_inference._media import MAX_MEDIA_BYTES, audio_format, data_url, image_type

__all__ = ["Call", "assistant_message", "require_text", "to_wire", "wire_name"]

_ROLES = {MessageRole.CHATBOT: "assistant", MessageRole.MODEL: "assistant", MessageRole.FUNCTION: "tool"}
_HINTS = (CachePoint, ThinkingBlock)
_AUDIO_FORMATS = {
    "wav": "wav",
    "wave": "wav",
    "x-wav": "wav",
    "vnd.wave": "wav",
    "mp3": "mp3",
    "mpeg": "mp3",
    "mpga": "mp3",
}
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")


class Call(NamedTuple):
    """One tool call of an answer; ``arguments`` is JSON text, perhaps incomplete."""

    id: str
    name: str
    arguments: str


def wire_name(name: str) -> str:
    """The name under which a tool is known to the model: what the API allows, as LlamaIndex cleans it."""
    return _NOT_IN_A_NAME.sub("_", name)


def to_wire(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """Write messages as the API's JSON.

    Args:
        messages: A conversation; neither it nor its messages are changed.

    Returns:
        One dict a message, with no key that the API does not know.

    Raises:
        ConfigurationError: A block cannot be carried, cannot be read, or stands in the wrong role.
    """
    return [_message(message, f"messages[{position}]") for position, message in enumerate(messages)]


def require_text(messages: Sequence[ChatMessage]) -> None:
    """Refuse messages that a plain prompt cannot hold.

    Raises:
        ConfigurationError: A block is not text.
    """
    for position, message in enumerate(messages):
        for place, block in enumerate(message.blocks):
            if not isinstance(block, (TextBlock, *_HINTS)):
                _refuse(f"messages[{position}].blocks[{place}]", block, "a plain prompt carries text only")


def assistant_message(
    content: str, reasoning: str | None, calls: Sequence[Call], *, parse: bool = True
) -> ChatMessage:
    """Build the message of an answer, or of what has arrived of it.

    Args:
        content: The text.
        reasoning: The model's thinking, if it told it.
        calls: Its tool calls.
        parse: Turn the arguments of a call into a dict where they are a JSON object (a block takes either);
            left as text while a stream is still bringing them.

    Returns:
        A message that survives JSON, with each call both as a ``ToolCallBlock`` and, in the API's own shape, under
        ``additional_kwargs["tool_calls"]``, where LlamaIndex's streaming programs look for it.
    """
    if not calls and not reasoning:
        # Not validated: there is one for every chunk of a stream.
        blocks: list[ContentBlock] = [TextBlock(text=content)]
        return ChatMessage.model_construct(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs={})
    blocks = [ThinkingBlock(content=reasoning)] if reasoning else []
    if content or not calls:
        blocks.append(TextBlock(text=content))
    for call in calls:
        arguments = _object(call.arguments) if parse else None
        blocks.append(
            ToolCallBlock(
                tool_call_id=call.id,
                tool_name=call.name,
                tool_kwargs=call.arguments if arguments is None else arguments,
            )
        )
    extra = {"tool_calls": [_wire_call(*call) for call in calls]} if calls else {}
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=extra)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _message(message: ChatMessage, where: str) -> dict[str, Any]:
    role = _ROLES.get(message.role, message.role.value)
    wire: dict[str, Any] = {"role": role, "content": _content(message, role, where)}
    if role == "assistant":
        if calls := _tool_calls(message, where):
            wire["tool_calls"] = calls
            wire["content"] = wire["content"] or None
    elif role == "tool":
        answered = message.additional_kwargs.get("tool_call_id")
        if not isinstance(answered, str) or not answered:
            raise ConfigurationError(
                f"{where} is a tool's answer but does not say to which call: put the call's id in "
                "additional_kwargs['tool_call_id']"
            )
        wire["tool_call_id"] = answered
    return wire


def _content(message: ChatMessage, role: str, where: str) -> str | list[dict[str, Any]]:
    blocks = message.blocks
    if len(blocks) == 1 and isinstance(blocks[0], TextBlock):
        return blocks[0].text
    parts: list[dict[str, Any]] = []
    for place, block in enumerate(blocks):
        at = f"{where}.blocks[{place}]"
        if isinstance(block, TextBlock):
            parts.append({"type": "text", "text": block.text})
        elif isinstance(block, _HINTS) or (role == "assistant" and isinstance(block, ToolCallBlock)):
            continue
        elif isinstance(block, ImageBlock) and role == "user":
            parts.append(_image(block, at))
        elif isinstance(block, AudioBlock) and role == "user":
            parts.append(_audio(block, at))
        else:
            _refuse(at, block, _why(block, role))
    if all(part["type"] == "text" for part in parts):
        # Many servers take a list for users only, and none needs one for text; "\n" is ChatMessage.content's.
        return "\n".join(part["text"] for part in parts)
    return parts


def _refuse(at: str, block: Any, why: str) -> NoReturn:
    name = type(block).__name__
    article = "an" if name[0] in "AEIO" else "a"
    raise ConfigurationError(f"{at}: {article} {name} cannot be sent: {why}")


def _why(block: Any, role: str) -> str:
    if isinstance(block, (ImageBlock, AudioBlock)):
        return f"the API takes it from the user only, and this is a message of the {role}"
    if isinstance(block, ToolCallBlock):
        return f"tool calls are the assistant's, and this is a message of the {role}"
    return "the API carries text, images, audio and tool calls; turn it into one of these"


def _image(block: ImageBlock, at: str) -> dict[str, Any]:
    url = str(block.url) if block.url else None
    if url and not url.startswith(("https:", "data:")):
        raise ConfigurationError(f"{at}: an image's url must be https or data; give a file as path")
    if url is None:
        data = _bytes(block.image, block.path, at)
        # What a file claims to be must not make a secret file an image.
        kind = image_type(data) or (block.image_mimetype if block.path is None else None)
        if not kind or not kind.startswith("image/"):
            raise ConfigurationError(f"{at}: the bytes are not of a known image type; set image_mimetype")
        url = data_url(kind, data)
    image: dict[str, Any] = {"url": url}
    if block.detail:
        image["detail"] = block.detail
    return {"type": "image_url", "image_url": image}


def _audio(block: AudioBlock, at: str) -> dict[str, Any]:
    url = str(block.url) if block.url else None
    if url and url.startswith("https:"):
        return {"type": "audio_url", "audio_url": {"url": url}}
    if url and url.startswith("data:"):
        data = _bytes(url.partition(",")[2].encode(), None, at)
    else:
        data = _bytes(block.audio, block.path, at)
    claimed = block.format if block.path is None else None
    told = (claimed or audio_format(data) or "").lower().removeprefix("audio/")
    if told not in _AUDIO_FORMATS:
        raise ConfigurationError(f"{at}: the API takes wav and mp3 audio, not {told or 'an unknown format'}")
    sound = {"data": base64.b64encode(data).decode(), "format": _AUDIO_FORMATS[told]}
    return {"type": "input_audio", "input_audio": sound}


def _bytes(held: Any, path: Any, at: str) -> bytes:
    """The raw bytes of a block; blocks hold bytes as base64, files and buffers as they are."""
    try:
        if isinstance(held, bytes):
            data = base64.b64decode(held, validate=True)
        elif held is not None:
            held.seek(0)
            data = held.read()
        elif path is not None:
            with Path(path).open("rb") as file:
                data = file.read(MAX_MEDIA_BYTES + 1)
        else:
            data = b""
    except (OSError, binascii.Error, ValueError) as error:
        raise ConfigurationError(f"{at} cannot be read: {type(error).__name__}") from error
    if not data:
        raise ConfigurationError(f"{at} is empty: it has neither data, path nor url")
    if len(data) > MAX_MEDIA_BYTES:
        raise ConfigurationError(f"{at} is over {MAX_MEDIA_BYTES:,} bytes")
    return bytes(data)


def _tool_calls(message: ChatMessage, where: str) -> list[dict[str, Any]]:
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return [
            _wire_call(block.tool_call_id or f"call{place:05d}", block.tool_name, block.tool_kwargs)
            for place, block in enumerate(blocks)
        ]
    kept = message.additional_kwargs.get("tool_calls") or ()
    return [
        _kept_call(call, f"{where}.additional_kwargs['tool_calls'][{i}]", i) for i, call in enumerate(kept)
    ]


def _wire_call(call_id: str, name: str, arguments: dict[str, Any] | str) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    function = {"name": wire_name(name), "arguments": text or "{}"}
    return {"id": call_id, "type": "function", "function": function}


def _kept_call(call: Any, where: str, place: int) -> dict[str, Any]:
    """A call as another integration, or a restored history, keeps it: the API's dict, or an SDK's object."""
    for dump in ("as_dict", "model_dump"):
        if not isinstance(call, Mapping) and hasattr(call, dump):
            call = getattr(call, dump)()
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise ConfigurationError(f"{where} is not a tool call: it has no function name")
    return _wire_call(call.get("id") or f"call{place:05d}", function["name"], function.get("arguments") or {})
