"""Reading images safely, and the classical image descriptor: colours and edges, no learned weights."""

import io
import threading
from typing import Any

from azure_inference_local.engines.base import EngineError, missing_extra

_MOST_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_SIDE = 128
_CELL = 32
_DIRECTIONS = 9
_HUES, _SATURATIONS, _VALUES = 12, 4, 4


def open_image(data: bytes) -> Any:
    """An image file as a Pillow image in RGB: upright, transparency laid on white, its first frame.

    Raises:
        EngineError: It is no image (400), too large (413), or Pillow is not installed (503).
    """
    try:
        from PIL import Image, ImageOps  # noqa: PLC0415 - optional dependency, loaded when first used
    except ImportError as error:
        raise missing_extra("pillow") from error
    too_large = EngineError(
        413, "image_too_large", f"An image may have {_MOST_PIXELS // 1_000_000} million pixels at most."
    )
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        if image.width * image.height > _MOST_PIXELS:
            raise too_large
        image.draft("RGB", (4 * _SIDE, 4 * _SIDE))  # lets a large JPEG be decoded at a fraction of its size
        upright = ImageOps.exif_transpose(image)
        if "A" in upright.getbands() or "transparency" in upright.info:
            layers = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
        return upright.convert("RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large from error
    except EngineError:
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error and more for broken files
        known = ", ".join(_FORMATS)
        raise EngineError(
            400, "invalid_image", f"The data is no readable image; the formats are {known}."
        ) from error


class DescriptorEngine:
    """Finds copies and look-alikes of an image; knows nothing of what it shows.

    The vector is a colour histogram (hue, saturation, value) beside histograms of oriented gradients
    (Dalal and Triggs, CVPR 2005: 2x2 blocks of cells, each block cut at 0.2 and scaled again), each half the length.

    ```python
    from pathlib import Path

    from azure_inference_local.engines import DescriptorEngine

    engine = DescriptorEngine()
    [vector] = engine.embed([(Path("photo.png").read_bytes(), None)])
    engine.close()
    ```
    """

    name = "colour-hog-descriptor"
    joint_text = False
    dimensions = _HUES * _SATURATIONS * _VALUES + (_SIDE // _CELL - 1) ** 2 * 4 * _DIRECTIONS

    def __init__(self) -> None:
        self._closed = threading.Event()

    def embed(self, images: list[tuple[bytes, str | None]]) -> list[list[float]]:
        """The vectors of the images.

        Raises:
            EngineError: A text stands beside an image (422), or an image cannot be read (400, 413).
        """
        if self._closed.is_set():
            raise EngineError(503, "engine_closed", "The engine is closed.")
        if any(text for _, text in images):
            raise EngineError(
                422,
                "text_not_supported",
                f"{self.name} describes images only: it has no space that images and texts share.",
            )
        return [_describe(open_image(data)) for data, _ in images]

    def close(self) -> None:
        """Refuse further calls."""
        self._closed.set()


def _describe(image: Any) -> list[float]:
    import numpy as np  # noqa: PLC0415 - optional dependency
    from PIL import Image  # noqa: PLC0415 - optional dependency

    small = image.resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=None)
    colours = _colour_histogram(np.asarray(small.convert("HSV"), dtype=np.int64))
    edges = _oriented_gradients(np.asarray(small.convert("L"), dtype=np.float64))
    vector: list[float] = (np.concatenate([colours, edges]) / 2**0.5).tolist()
    return vector


def _colour_histogram(pixels: Any) -> Any:
    """Square roots of the shares of the colours: a vector of length one."""
    import numpy as np  # noqa: PLC0415 - optional dependency

    hue, saturation, value = (
        pixels[..., channel] * bins // 256 for channel, bins in enumerate((_HUES, _SATURATIONS, _VALUES))
    )
    # Without saturation the hue is noise, so all greys of one brightness share a place.
    place = (np.where(saturation == 0, 0, hue) * _SATURATIONS + saturation) * _VALUES + value
    counts = np.bincount(place.ravel(), minlength=_HUES * _SATURATIONS * _VALUES)
    return np.sqrt(counts / counts.sum())


def _oriented_gradients(grey: Any) -> Any:
    """Histograms of the directions of edges, cell by cell, scaled block by block: a vector of length one."""
    import numpy as np  # noqa: PLC0415 - optional dependency

    down, right = np.gradient(np.sqrt(grey))
    strength = np.hypot(down, right)
    angle = (np.arctan2(down, right) % np.pi) * _DIRECTIONS / np.pi
    lower = np.floor(angle).astype(np.int64)
    share = angle - lower
    rows, columns = np.indices(grey.shape) // _CELL
    cells = _SIDE // _CELL
    cell = (rows * cells + columns) * _DIRECTIONS
    size = cells * cells * _DIRECTIONS
    histogram = np.bincount((cell + lower % _DIRECTIONS).ravel(), (strength * (1 - share)).ravel(), size)
    histogram += np.bincount((cell + (lower + 1) % _DIRECTIONS).ravel(), (strength * share).ravel(), size)
    histogram = histogram.reshape(cells, cells, _DIRECTIONS)
    corners = (histogram[:-1, :-1], histogram[:-1, 1:], histogram[1:, :-1], histogram[1:, 1:])
    blocks = np.concatenate(corners, axis=2).reshape(-1, 4 * _DIRECTIONS)
    blocks = np.minimum(blocks / (np.linalg.norm(blocks, axis=1, keepdims=True) + 1e-3), 0.2)
    blocks /= np.linalg.norm(blocks, axis=1, keepdims=True) + 1e-3
    length = np.linalg.norm(blocks)
    return (blocks / length).ravel() if length else np.full(blocks.size, blocks.size**-0.5)
