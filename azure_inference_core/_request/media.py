"""Images as the API takes them: URLs. Nothing is fetched; a file is opened only when the caller names it."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from azure_inference_core.errors import ConfigurationError

_MAX_IMAGE_BYTES = 20 * 1024 * 1024
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
)


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
        url = image.get("image")
        if not isinstance(url, str) or not url.startswith(("data:", "https://")):
            raise ConfigurationError(
                f"images[{position}] must be a data: or https: URL; for a file, use image_from_path(path)"
            )
        if unknown := sorted(image.keys() - {"image", "text"}):
            raise ConfigurationError(
                f"images[{position}] has unknown keys: {unknown}; known are image and text"
            )
    return checked


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
    file = Path(path)
    try:
        size = file.stat().st_size
        if size > _MAX_IMAGE_BYTES:
            raise ConfigurationError(f"the image {file.name!r} is {size:,} bytes, over {_MAX_IMAGE_BYTES:,}")
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the image {file.name!r} cannot be read: {error.strerror}") from error
    kind = next((kind for magic, kind in _MAGIC if content.startswith(magic)), None)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "webp"
    if kind is None:
        raise ConfigurationError(f"{file.name!r} is not a PNG, JPEG, GIF, BMP or WebP image")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
