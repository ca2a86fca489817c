"""Images, sounds and files in LangChain's blocks, in every maker's spelling, to the API's parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from azure_inference_core import ConfigurationError
from azure_inference_core._request.media import (
    NO_FILES,
    audio_part,
    audio_url_part,
    data_url,
    file_part,
    image_part,
)

Part = dict[str, Any]
Block = Mapping[str, Any]

SOUNDS = ("audio", "audio_url", "input_audio")
_FILES = ("document", "file", "input_file", "text-plain")


def to_part(block: Block, where: str, *, takes_files: bool) -> Part:
    """The part of a block whose type is one of :data:`MEDIA`.

    Args:
        block: The block.
        where: Its position, for the error's text.
        takes_files: Whether the endpoint takes files.

    Raises:
        ConfigurationError: What it holds cannot be sent.
    """
    kind = block["type"]
    if kind == "media":  # Google's spelling
        kind = str(block.get("mime_type") or "").partition("/")[0]
        block = {**block, "url": block.get("url") or block.get("file_uri")}
    make = _PARTS.get(kind)
    return make(block, where) if make else _file(block, where, takes_files)


def refusal_of(block: Block, where: str, hint: str) -> ConfigurationError:
    """The error of a block that has no place in the API."""
    return ConfigurationError(f"{where}: the API cannot carry a block of type {block.get('type')!r}; {hint}")


def _image_url(block: Block, where: str) -> Part:
    image = _inner(block, "image_url", "url")
    return image_part(image.get("url"), where, image.get("detail") or block.get("detail"))


def _image(block: Block, where: str) -> Part:
    detail = block.get("detail") or _more(block).get("detail")
    data, claimed, url = _source(block)
    return image_part(url if data is None else data_url(data, where, claimed), where, detail)


def _generated(block: Block, where: str) -> Part:
    return image_part(data_url(str(block.get("result") or ""), where), where)


def _input_audio(block: Block, where: str) -> Part:
    audio = _inner(block, "input_audio", "data")
    return audio_part(audio.get("data") or "", f"{where}, input_audio", audio.get("format"))


def _audio(block: Block, where: str) -> Part:
    data, claimed, url = _source(block)
    return audio_url_part(url, where) if data is None else audio_part(data, where, claimed)


def _audio_url(block: Block, where: str) -> Part:
    return audio_url_part(_inner(block, "audio_url", "url").get("url"), where)


_PARTS: dict[str, Callable[[Block, str], Part]] = {
    "audio": _audio,
    "audio_url": _audio_url,
    "image": _image,
    "image_generation_call": _generated,
    "image_url": _image_url,
    "input_audio": _input_audio,
    "input_image": _image_url,
}

MEDIA = frozenset((*_PARTS, *_FILES, "media"))
"""The types of blocks that are images, sounds and files."""


def _file(block: Block, where: str, takes_files: bool) -> Part:
    inner = _inner(block, "file", "file_data") if "file" in block else block
    named = (inner, block, _more(block))
    name = next((one[key] for one in named for key in ("filename", "title", "name") if one.get(key)), None)
    data, claimed, _ = _source(block)
    data = inner.get("file_data") if data is None else data
    source = block.get("source")
    if isinstance(source, Mapping) and source.get("type") == "text":  # of a document, as Anthropic has it
        data = str(data or "").encode()
    if isinstance(data, (str, bytes)):
        try:
            return file_part(data, where, name=name, claimed=claimed, takes_files=takes_files)
        except ConfigurationError as error:
            raise refusal_of(block, where, str(error).removeprefix(f"{where}: ")) from None
    if takes_files and isinstance(inner.get("file_id"), str):
        return {"type": "file", "file": {"file_id": inner["file_id"]}}
    raise refusal_of(block, where, "give its bytes as base64" if takes_files else NO_FILES)


def _more(block: Block) -> Block:
    more = block.get("extras") or block.get("metadata")
    return more if isinstance(more, Mapping) else {}


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
