"""Images, sounds and files as the API takes them, told by their first bytes. Pure, but for the file a caller names.

Nothing is fetched, and no path in a message is opened: a file is read only where the caller's own code names it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from azure_inference_core.errors import ConfigurationError

MAX_MEDIA_BYTES = 20 * 1024 * 1024
"""Largest image, sound or file, bytes."""

NO_FILES = (
    "Azure's chat routes take no files: extract its text (of a PDF for instance with pypdf) and send that, or send its "
    "pages as images"
)
"""Why a file is refused, and the way out."""

_DATA_URL = re.compile(rb"data:[^,\s]{0,100};base64,")
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)
_SOUNDS = {
    "wav": "wav",
    "wave": "wav",
    "x-wav": "wav",
    "vnd.wave": "wav",
    "mp3": "mp3",
    "mpeg": "mp3",
    "mpga": "mp3",
}
"""The API's audio formats by what files, media types and frameworks call them."""

_TEXTS = frozenset(("application/json", "application/xml", "application/yaml", "application/x-yaml"))
"""Media types of texts, beside ``text/...``."""


def image_type(data: bytes) -> str | None:
    """The media type of an image."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _IMAGES if data.startswith(magic)), None)


def _audio_format(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    # An MPEG frame begins with eleven set bits.
    frame = len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0
    return "mp3" if frame or data.startswith(b"ID3") else None


def audio_type(text: str) -> str | None:
    """The media type of a sound in base64, if its beginning tells."""
    try:
        kind = _audio_format(base64.b64decode(text[:64]))
    except ValueError:
        return None
    return {"wav": "audio/wav", "mp3": "audio/mpeg"}.get(kind or "")


def data_url(data: bytes | str, where: str, claimed: Any = None) -> str:
    """An image's bytes, or their base64, as a ``data:`` URL.

    Args:
        data: Bytes, or base64 text.
        where: What it is, for the error's text.
        claimed: The media type the caller says it has; the first bytes count before it.

    Raises:
        ConfigurationError: Empty, too large, not base64, or not known to be an image.
    """
    content, text, claimed = _checked(data, where, claimed)
    kind = image_type(content) or claimed
    if not isinstance(kind, str) or not kind.startswith("image/"):
        raise ConfigurationError(
            f"{where}: the bytes are not those of a PNG, JPEG, GIF, BMP or WebP image; give their media type "
            "(image/...) with them"
        )
    return f"data:{kind};base64,{text}"


def image_part(url: Any, where: str, detail: Any = None) -> dict[str, Any]:
    """The content part of an image.

    Raises:
        ConfigurationError: The URL is not one that may be sent.
    """
    image = {"url": checked_url(url, where)}
    if detail is not None:
        image["detail"] = detail
    return {"type": "image_url", "image_url": image}


def audio_part(data: bytes | str, where: str, claimed: Any = None) -> dict[str, Any]:
    """The content part of a sound.

    Args:
        data: Bytes, or base64 text.
        where: What it is, for the error's text.
        claimed: The format or media type the caller says it has; counts before the first bytes.

    Raises:
        ConfigurationError: Empty, too large, not base64, or a format that the API does not take.
    """
    content, text, claimed = _checked(data, where, claimed)
    told = str(claimed or _audio_format(content) or "").lower().removeprefix("audio/")
    if told not in _SOUNDS:
        raise ConfigurationError(
            f"{where}: the API takes wav and mp3 audio, not {told or 'an unknown format'}"
        )
    return {"type": "input_audio", "input_audio": {"data": text, "format": _SOUNDS[told]}}


def audio_url_part(url: Any, where: str) -> dict[str, Any]:
    """The content part of a sound behind a URL.

    Raises:
        ConfigurationError: The URL is not one that may be sent.
    """
    return {"type": "audio_url", "audio_url": {"url": checked_url(url, where)}}


def file_part(
    data: bytes | str, where: str, *, name: Any = None, claimed: Any = None, takes_files: bool
) -> dict[str, Any]:
    """The content part of a file: its text, if it is a text, else the file itself, where the endpoint takes files.

    Args:
        data: Bytes, or base64 text.
        where: What it is, for the error's text.
        name: The file's name.
        claimed: The media type the caller says it has.
        takes_files: Whether the endpoint takes ``file`` parts.

    Raises:
        ConfigurationError: Empty, too large, not base64, or a file that the endpoint does not take.
    """
    content, text, claimed = _checked(data, where, claimed)
    kind = "application/pdf" if content.startswith(b"%PDF") else str(claimed or "")
    if kind.startswith("text/") or kind in _TEXTS:
        title = f"{name}:\n" if isinstance(name, str) and name else ""
        return {"type": "text", "text": title + content.decode("utf-8-sig", "replace")}
    if not takes_files:
        raise ConfigurationError(f"{where}: {NO_FILES}")
    if not kind:
        raise ConfigurationError(
            f"{where}: the bytes are not those of a PDF; give their media type with them"
        )
    named = name if isinstance(name, str) and name else f"file.{kind.rpartition('/')[2]}"
    return {"type": "file", "file": {"filename": named, "file_data": f"data:{kind};base64,{text}"}}


def checked_url(url: Any, where: str, schemes: tuple[str, ...] = ("https://", "http://", "data:")) -> str:
    """A URL that may be sent, for the service to fetch: nothing is fetched here.

    Raises:
        ConfigurationError: Another scheme, or none.
    """
    if isinstance(url, str) and url[:8].lower().startswith(schemes):
        return url
    given = f"{url.partition(':')[0][:16]!r}" if isinstance(url, str) and ":" in url else "none"
    raise ConfigurationError(
        f"{where}: needs an https: or data: URL (scheme given: {given}); files are never opened and nothing is "
        "fetched here: read the file yourself and give its bytes, or see image_from_path(path)"
    )


def _checked(data: bytes | str, where: str, claimed: Any) -> tuple[bytes, str, Any]:
    """The bytes, their base64, and the media type they are said to have; a ``data:`` URL may stand for them."""
    if isinstance(data, str) and data.startswith("data:"):
        head, _, text = data.partition(",")
        return _checked(text, where, head[5:].partition(";")[0] or claimed)
    try:
        if isinstance(data, str):  # MIME's base64 comes in lines
            data = data.replace("\r", "").replace("\n", "")
        content = base64.b64decode(data, validate=True) if isinstance(data, str) else data
    except (binascii.Error, ValueError) as error:
        raise ConfigurationError(f"{where} cannot be read: it is not base64 ({error})") from None
    if _DATA_URL.match(content):
        return _checked(content.decode("ascii", "replace"), where, claimed)
    if not content:
        raise ConfigurationError(f"{where} is empty: it has neither data nor url")
    if len(content) > MAX_MEDIA_BYTES:
        raise ConfigurationError(f"{where} is {len(content):,} bytes, over the limit of {MAX_MEDIA_BYTES:,}")
    return content, data if isinstance(data, str) else base64.b64encode(data).decode(), claimed


def checked_images(images: Sequence[str | Mapping[str, str]]) -> list[Any]:
    """The images of a request.

    Raises:
        TypeError: Not a list.
        ConfigurationError: An image is not a URL that may be sent; the text names its position.
    """
    if isinstance(images, (str, bytes, Mapping)):
        raise TypeError("images must be a list; put the one image in a list")
    checked = [dict(image) if isinstance(image, Mapping) else {"image": image} for image in images]
    for position, image in enumerate(checked):
        checked_url(image.get("image"), f"images[{position}]", ("https://", "data:"))
        if unknown := sorted(image.keys() - {"image", "text"}):
            raise ConfigurationError(
                f"images[{position}] has unknown keys: {unknown}; known are image and text"
            )
    return checked


def read_file(path: str | os.PathLike[str]) -> bytes:
    """A file that the caller names, up to the limit.

    Raises:
        ConfigurationError: Not there, or too large.
    """
    file = Path(path)
    try:
        if (size := file.stat().st_size) > MAX_MEDIA_BYTES:
            raise ConfigurationError(f"the file {file.name!r} is {size:,} bytes, over {MAX_MEDIA_BYTES:,}")
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the file {file.name!r} cannot be read: {error.strerror}") from error


def image_from_path(path: str | os.PathLike[str]) -> str:
    """Read an image file that the caller names, as a ``data:`` URL.

    ```python
    message = {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": image_from_path("photo.png")}},
        ],
    }
    ```

    Args:
        path: A PNG, JPEG, GIF, BMP or WebP file of at most 20 MiB; told by its first bytes, not its name.

    Raises:
        ConfigurationError: Not there, too large, or not an image.
    """
    return data_url(read_file(path), f"the image {Path(path).name!r}")
