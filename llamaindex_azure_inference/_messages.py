"""LlamaIndex messages as the API's JSON. Pure, but for the files that their blocks name.

What a user sends now and the API cannot carry raises :class:`ConfigurationError` naming the message, the block and its
type. What a model once wrote is never refused: past what its text and calls already say is read over, and a part of
an older turn that cannot be carried becomes a note.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from io import IOBase
from typing import Any, NamedTuple, NoReturn

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from azure_inference_core import image_from_path
from azure_inference_core._request.history import arguments_text
from azure_inference_core._request.media import (
    audio_part,
    audio_url_part,
    data_url,
    file_part,
    image_part,
    read_file,
)
from azure_inference_core.errors import ConfigurationError

_ROLES = {MessageRole.CHATBOT: "assistant", MessageRole.MODEL: "assistant", MessageRole.FUNCTION: "tool"}
_HINTS = (CachePoint, ThinkingBlock)
_IDS = ("call_id", "id", "tool_call_id", "toolUseId")
_ARGUMENTS = ("arguments", "input", "args", "parameters")
"""Keys of a call in the forms in which integrations keep it."""

_Call = tuple[str | None, str, dict[str, Any] | str]


class _Place(NamedTuple):
    """Where a message stands: for the text of an error, and for whether there is one."""

    messages: Sequence[ChatMessage]
    number: int
    role: str
    takes_files: bool

    @property
    def where(self) -> str:
        return f"messages[{self.number}]"

    @property
    def is_past(self) -> bool:
        """Whether a model wrote it, or has answered it."""
        return any(_role_of(message) == "assistant" for message in self.messages[self.number :])


def to_wire(messages: Sequence[ChatMessage], *, takes_files: bool = False) -> list[dict[str, Any]]:
    """Write messages as the API's JSON; :func:`~azure_inference_core._request.history.legal_history` does the rest.

    Args:
        messages: A conversation; neither it nor its messages are changed.
        takes_files: Whether the endpoint takes files.

    Raises:
        ConfigurationError: A block cannot be carried, cannot be read, or stands in the wrong role.
    """
    return [_message(messages, number, takes_files) for number in range(len(messages))]


def _role_of(message: ChatMessage) -> str:
    return _ROLES.get(message.role) or message.role.value


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
    extra = message.additional_kwargs
    kept = extra.get("tool_calls") or [extra[key] for key in ("function_call",) if extra.get(key)]
    for place, call in enumerate(() if blocks else kept):
        yield _kept_call(call, f"{where}additional_kwargs['tool_calls'][{place}]")


def api_call(call_id: str | None, name: str, arguments: dict[str, Any] | str) -> dict[str, Any]:
    """A tool call in the API's form."""
    text = arguments if isinstance(arguments, str) else arguments_text(arguments)
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text or "{}"}}


def _kept_call(call: Any, where: str) -> _Call:
    """A call as another integration, or a restored history, keeps it: a dict, or an SDK's object."""
    for dump in ("as_dict", "model_dump"):
        if not isinstance(call, Mapping) and hasattr(call, dump):
            call = getattr(call, dump)()
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise ConfigurationError(f"{where} is not a tool call: it has no function name")
    call_id = next((call[key] for key in _IDS if call.get(key)), None)
    return call_id, function["name"], next((function[key] for key in _ARGUMENTS if function.get(key)), {})


def _message(messages: Sequence[ChatMessage], number: int, takes_files: bool) -> dict[str, Any]:
    message = messages[number]
    role, extra = _role_of(message), message.additional_kwargs
    blocks: Sequence[Any] = message.blocks
    is_text = len(blocks) == 1 and isinstance(blocks[0], TextBlock)
    content = blocks[0].text if is_text else _content(blocks, _Place(messages, number, role, takes_files))
    wire: dict[str, Any] = {"role": role, "content": content}
    if role == "assistant" and (extra or not is_text):
        if calls := [api_call(*call) for call in calls_of(message, f"messages[{number}].")]:
            wire["tool_calls"] = calls
            wire["content"] = content or None
        thoughts = [block.content or "" for block in blocks if isinstance(block, ThinkingBlock)]
        if thought := "".join(thoughts) or extra.get("reasoning_content"):
            wire["reasoning_content"] = thought
    if role == "tool":
        answered = str(extra.get("tool_call_id") or extra.get("name") or "")
        if not answered and not any(_role_of(one) == "assistant" for one in messages[:number]):
            raise ConfigurationError(
                f"messages[{number}] is a tool's answer but does not say to which call: put the call's id in "
                "additional_kwargs['tool_call_id']"
            )
        wire["tool_call_id"] = answered
    elif extra and isinstance(name := extra.get("name"), str):
        wire["name"] = name
    return wire


def _content(blocks: Sequence[Any], place: _Place) -> str | list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for number, block in enumerate(blocks):
        if isinstance(block, TextBlock):
            parts.append({"type": "text", "text": block.text})
        elif not isinstance(block, _HINTS):
            parts.extend(_parts(block, f"{place.where}.blocks[{number}]", place))
    if all(part["type"] == "text" for part in parts):
        # Many servers take a list for users only, and none needs one for text; "\n" is ChatMessage.content's.
        return "\n".join(part["text"] for part in parts)
    return parts


def _parts(block: Any, at: str, place: _Place) -> Iterator[dict[str, Any]]:
    """The part of a block; none for what an answer's text and calls say already, and for kinds that nobody knows."""
    answers = place.role == "assistant"
    make = _PARTS.get(type(block))
    if answers and (make is None or isinstance(block, AudioBlock)):
        return
    if place.role == "tool" and isinstance(block, DocumentBlock) and block.url and not block.data:
        yield {"type": "text", "text": block.url}
        return
    try:
        if make is None or place.role in ("system", "developer"):
            _refuse(at, block, _why(block, place.role))
        yield make(block, at, place.takes_files)
    except ConfigurationError:
        if not place.is_past:
            raise
        yield {"type": "text", "text": f"({block.block_type}: not shown)"}


def _refuse(at: str, block: Any, why: str) -> NoReturn:
    name = type(block).__name__
    article = "an" if name[0] in "AEIO" else "a"
    raise ConfigurationError(f"{at}: {article} {name} cannot be sent: {why}")


def _why(block: Any, role: str) -> str:
    if type(block) in _PARTS:
        return f"the API takes it from users and tools only, and this is a message of the {role}"
    if isinstance(block, ToolCallBlock):
        return f"tool calls are the assistant's, and this is a message of the {role}"
    return "the API carries text, images, audio and tool calls; turn it into one of these"


def _image(block: ImageBlock, at: str, takes_files: bool) -> dict[str, Any]:  # noqa: ARG001
    # What a file's name claims must not make a secret file an image.
    claimed = block.image_mimetype if block.path is None else None
    url = str(block.url) if block.url else data_url(_held(block.image, block.path, at), at, claimed)
    return image_part(url, at, block.detail or None)


def _audio(block: AudioBlock, at: str, takes_files: bool) -> dict[str, Any]:  # noqa: ARG001
    url = str(block.url) if block.url else ""
    if url and not url.startswith("data:"):
        return audio_url_part(url, at)
    claimed = block.format if block.path is None else None
    return audio_part(url or _held(block.audio, block.path, at), at, claimed)


def _document(block: DocumentBlock, at: str, takes_files: bool) -> dict[str, Any]:
    claimed = block.document_mimetype if block.path is None else None
    url = block.url if block.url and block.url.startswith("data:") else None
    try:
        data = url or _held(block.data, block.path, at)
        return file_part(data, at, name=block.title, claimed=claimed, takes_files=takes_files)
    except ConfigurationError as error:
        _refuse(at, block, str(error).removeprefix(f"{at}: "))


_PARTS: dict[type[Any], Any] = {AudioBlock: _audio, DocumentBlock: _document, ImageBlock: _image}


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
