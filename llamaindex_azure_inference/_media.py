"""Images and sounds: told by their first bytes, and images as the URLs that the API takes."""

from __future__ import annotations

import base64
import os
from io import IOBase
from typing import Any

from azure_inference_core import image_from_path
from azure_inference_core.errors import ConfigurationError

__all__ = ["MAX_MEDIA_BYTES", "audio_format", "data_url", "image_type", "image_url"]

MAX_MEDIA_BYTES = 20 * 1024 * 1024
"""Largest image or sound read from a file, bytes."""

_IMAGE_TYPES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)


def image_type(data: bytes) -> str | None:
    """The media type of an image, by its first bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _IMAGE_TYPES if data.startswith(magic)), None)


def audio_format(data: bytes) -> str | None:
    """``"wav"`` or ``"mp3"``, by the first bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    # An MPEG frame begins with eleven set bits.
    frame = len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0
    return "mp3" if frame or data.startswith(b"ID3") else None


def data_url(kind: str, data: bytes) -> str:
    """A ``data:`` URL."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def image_url(image: Any) -> str:
    """A URL for an image to embed.

    Args:
        image: A path, an ``https:`` or ``data:`` URL, bytes, or a buffer such as ``BytesIO``, which is read from its
            start and left where it was.

    Raises:
        ConfigurationError: It is not an image, too large, or cannot be read.
    """
    if isinstance(image, str) and image.startswith(("data:", "https:", "http:")):
        return image
    if isinstance(image, (str, os.PathLike)):
        return image_from_path(image)
    data = _read(image)
    if len(data) > MAX_MEDIA_BYTES:
        raise ConfigurationError(f"the image is {len(data):,} bytes, over the limit of {MAX_MEDIA_BYTES:,}")
    kind = image_type(data)
    if kind is None:
        raise ConfigurationError("the bytes are not those of a PNG, JPEG, GIF, BMP or WebP image")
    return data_url(kind, data)


def _read(image: Any) -> bytes:
    if isinstance(image, bytes):
        return image
    if not isinstance(image, IOBase):
        raise ConfigurationError(
            f"an image is a path, an https or data URL, bytes or a buffer, not a {type(image).__name__}"
        )
    place = image.tell()
    image.seek(0)
    try:
        return bytes(image.read())
    finally:
        image.seek(place)
