"""LlamaIndex messages as the API's JSON. Pure, but for the files that their blocks name.

What the API cannot carry raises :class:`ConfigurationError` naming the message, the block and its type; nothing is
dropped without a word, but for two block types that are hints: ``CachePoint`` and ``ThinkingBlock``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from io import IOBase
from typing import Any, NoReturn

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitationBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from azure_inference_core import image_from_path
from azure_inference_core._request.media import audio_part, audio_url_part, data_url, image_part, read_file
from azure_inference_core.errors import ConfigurationError

_ROLES = {MessageRole.CHATBOT: "assistant", MessageRole.MODEL: "assistant", MessageRole.FUNCTION: "tool"}
_HINTS = (CachePoint, ThinkingBlock)
_ANSWERED = (AudioBlock, CitationBlock, ToolCallBlock)
"""Blocks of a model's answer that its text or its calls stand for."""
_Call = tuple[str | None, str, dict[str, Any] | str]


def to_wire(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """Write messages as the API's JSON.

    Args:
        messages: A conversation; neither it nor its messages are changed.

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


def calls_of(message: ChatMessage, where: str) -> Iterator[_Call]:
    """The id, name and arguments of each tool call of a message, in whatever form it keeps them.

    Raises:
        ConfigurationError: What is kept as a call is none.
    """
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    for block in blocks:
        yield block.tool_call_id, block.tool_name, block.tool_kwargs
    kept = message.additional_kwargs.get("tool_calls") or ()
    for place, call in enumerate(() if blocks else kept):
        yield _kept_call(call, f"{where}additional_kwargs['tool_calls'][{place}]")


def api_call(call_id: str | None, name: str, arguments: dict[str, Any] | str) -> dict[str, Any]:
    """A tool call in the API's form."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text or "{}"}}


def _kept_call(call: Any, where: str) -> _Call:
    """A call as another integration, or a restored history, keeps it: the API's dict, or an SDK's object."""
    for dump in ("as_dict", "model_dump"):
        if not isinstance(call, Mapping) and hasattr(call, dump):
            call = getattr(call, dump)()
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise ConfigurationError(f"{where} is not a tool call: it has no function name")
    return call.get("id") or None, function["name"], function.get("arguments") or {}


def _message(message: ChatMessage, where: str) -> dict[str, Any]:
    role = _ROLES.get(message.role, message.role.value)
    wire: dict[str, Any] = {"role": role, "content": _content(message, role, where)}
    if role == "assistant":
        if calls := [api_call(*call) for call in calls_of(message, f"{where}.")]:
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
        elif isinstance(block, _HINTS) or (role == "assistant" and isinstance(block, _ANSWERED)):
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
    # What a file's name claims must not make a secret file an image.
    claimed = block.image_mimetype if block.path is None else None
    url = str(block.url) if block.url else data_url(_held(block.image, block.path, at), at, claimed)
    return image_part(url, at, block.detail or None)


def _audio(block: AudioBlock, at: str) -> dict[str, Any]:
    url = str(block.url) if block.url else ""
    if url and not url.startswith("data:"):
        return audio_url_part(url, at)
    claimed = block.format if block.path is None else None
    return audio_part(url.partition(",")[2] if url else _held(block.audio, block.path, at), at, claimed)


def _held(held: Any, path: Any, at: str) -> bytes | str:
    """The bytes of a block or its file, or their base64, which is how blocks keep bytes."""
    if isinstance(held, bytes):
        return held.decode("ascii", "replace")
    try:
        if held is not None:
            held.seek(0)
            return bytes(held.read())
        return read_file(path) if path is not None else b""
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{at} cannot be read: {error}") from error


def image_url(image: Any) -> str:
    """A URL for an image to embed: a path, an ``https:`` or ``data:`` URL, bytes, or a buffer, which is left as it was.

    Raises:
        ConfigurationError: It is not an image, too large, or cannot be read.
    """
    if isinstance(image, str) and image.startswith(("data:", "https:", "http:")):
        return image
    if isinstance(image, (str, os.PathLike)):
        return image_from_path(image)
    if isinstance(image, IOBase):
        place = image.tell()
        image.seek(0)
        content = image.read()
        image.seek(place)
        image = content
    if not isinstance(image, bytes):
        raise ConfigurationError(
            f"an image is a path, an https or data URL, bytes or a buffer, not a {type(image).__name__}"
        )
    return data_url(image, "the image")
