"""Content blocks of LangChain (OpenAI, LangChain v0 and v1, Anthropic spellings) to the API's content parts.

The API carries text, images (``image_url``) and audio (``input_audio``, ``audio_url``), and those only in
user messages; system, assistant and tool messages are text. What it cannot carry is refused by name and
position, never dropped: only a model's own thinking is left out of the history it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from langchain_azure_inference.errors import ConfigurationError

__all__ = ["blocks_of", "text_of", "user_content"]

Block = Mapping[str, Any]

THINKING = frozenset(("reasoning", "reasoning_content", "thinking", "redacted_thinking"))
_AUDIO_FORMATS = {"mpeg": "mp3", "mp3": "mp3", "wav": "wav", "wave": "wav", "x-wav": "wav", "vnd.wave": "wav"}


def blocks_of(content: Any, where: str) -> Iterator[tuple[Block, str]]:
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


def refusal_of(block: Block, position: str, hint: str) -> ConfigurationError:
    """The error for a block that the API cannot carry."""
    return ConfigurationError(
        f"{position}: the API cannot carry a block of type {block.get('type')!r}; {hint}"
    )


def text_of(block: Block) -> str | None:
    """The text of a text-like block, ``None`` for every other."""
    kind = block["type"]
    if kind in ("text", "input_text", "output_text", "text-plain"):
        text = block.get("text")
        return text if isinstance(text, str) else None
    if kind == "refusal":
        return str(block.get("refusal") or "")
    return None


def user_content(blocks: list[tuple[Block, str]]) -> str | list[dict[str, Any]]:
    """A user message's content: a string where it is one text, else the API's parts.

    Raises:
        ConfigurationError: A block has no place in the API.
    """
    if not blocks:
        return ""
    if len(blocks) == 1 and (text := text_of(blocks[0][0])) is not None:
        return text
    return [_part(block, position) for block, position in blocks]


def _part(block: Block, position: str) -> dict[str, Any]:
    if (text := text_of(block)) is not None:
        return {"type": "text", "text": text}
    make = _PARTS.get(block["type"])
    if make is None:
        raise refusal_of(block, position, "user messages take text, images and audio")
    return make(block, position)


def _image_url(block: Block, position: str) -> dict[str, Any]:
    image = block.get("image_url")
    if isinstance(image, Mapping):
        return _image(image.get("url"), image.get("detail"), position)
    return _image(image, block.get("detail"), position)


def _image_block(block: Block, position: str) -> dict[str, Any]:
    extras = block.get("extras") or block.get("metadata") or {}
    detail = block.get("detail") or (extras.get("detail") if isinstance(extras, Mapping) else None)
    return _image(_url_of(block, position, "image/"), detail, position)


def _image(url: Any, detail: Any, position: str) -> dict[str, Any]:
    image = {"url": _checked_url(url, position)}
    if detail is not None:
        image["detail"] = detail
    return {"type": "image_url", "image_url": image}


def _input_audio(block: Block, position: str) -> dict[str, Any]:
    audio = block.get("input_audio")
    if not isinstance(audio, Mapping) or not isinstance(audio.get("data"), str):
        raise ConfigurationError(f"{position}: input_audio needs data (base64) and a format")
    return _audio(audio["data"], str(audio.get("format") or "wav"))


def _audio_block(block: Block, position: str) -> dict[str, Any]:
    if data := _base64_of(block):
        return _audio(data, _mime_of(block, position, "audio/").partition("/")[2])
    return _audio_url({"audio_url": _url_of(block, position, "audio/")}, position)


def _audio(data: str, kind: str) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": _AUDIO_FORMATS.get(kind, kind)}}


def _audio_url(block: Block, position: str) -> dict[str, Any]:
    audio = block.get("audio_url")
    url = audio.get("url") if isinstance(audio, Mapping) else audio
    return {"type": "audio_url", "audio_url": {"url": _checked_url(url, position)}}


def _base64_of(block: Block) -> str | None:
    source = block.get("source")
    if isinstance(source, Mapping):  # Anthropic's spelling
        return source.get("data")
    data = block.get("base64") or block.get("data")
    return data if isinstance(data, str) else None


def _mime_of(block: Block, position: str, family: str) -> str:
    source = block.get("source")
    mime = source.get("media_type") if isinstance(source, Mapping) else block.get("mime_type")
    if not isinstance(mime, str) or not mime.startswith(family):
        raise ConfigurationError(f"{position}: base64 data needs a mime_type of {family}..., not {mime!r}")
    return mime


def _url_of(block: Block, position: str, family: str) -> Any:
    if data := _base64_of(block):
        return f"data:{_mime_of(block, position, family)};base64,{data}"
    source = block.get("source")
    return source.get("url") if isinstance(source, Mapping) else block.get("url")


def _checked_url(url: Any, position: str) -> str:
    if isinstance(url, str) and url.startswith(("https://", "data:")):
        return url
    given = f"{url.partition(':')[0][:16]!r}" if isinstance(url, str) and ":" in url else "none"
    raise ConfigurationError(
        f"{position}: needs an https: or data: URL (scheme given: {given}); files are never opened and "
        "http is never fetched: read the file yourself and pass base64 with its mime_type"
    )


_PARTS: dict[Any, Callable[[Block, str], dict[str, Any]]] = {
    "audio": _audio_block,
    "audio_url": _audio_url,
    "image": _image_block,
    "image_url": _image_url,
    "input_audio": _input_audio,
}
