"""An embeddings answer to vectors in the order of the inputs. Pure.

Base64 of little-endian 32-bit floats is decoded without parsing a number; every vector is checked.
"""

from __future__ import annotations

import math
import struct
from binascii import Error as Base64Error
from sys import byteorder
from typing import Any

from pybase64 import b64decode  # twenty times as fast as the standard library's

from azure_inference_core.errors import MalformedResponseError

_INTEGER_FORMATS = frozenset(("int8", "uint8", "binary", "ubinary"))
_PACKED_FORMATS = frozenset(("binary", "ubinary"))


def parse_vectors(
    body: dict[str, Any], count: int, *, encoding_format: str | None, dimensions: int | None
) -> list[list[float]]:
    """Check an embeddings answer and give its vectors in the order of the inputs.

    Args:
        body: The answer.
        count: How many inputs were sent.
        encoding_format: The format asked for, ``None`` when none was.
        dimensions: The length asked for, ``None`` when none was.

    Returns:
        One vector an input; integers where an integer format was asked for.

    Raises:
        MalformedResponseError: A vector is missing, double, not finite, or of another length.
    """
    data = body.get("data")
    if not isinstance(data, list):
        raise MalformedResponseError("the answer has no list of vectors (data)")
    vectors: list[list[float] | None] = [None] * count
    for position, item in enumerate(data):
        index = item.get("index") if isinstance(item, dict) else None
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
            raise MalformedResponseError(
                f"data[{position}] has the index {str(index)[:20]}, for {count} inputs"
            )
        if vectors[index] is not None:
            raise MalformedResponseError(f"two vectors have the index {index}")
        vectors[index] = _vector(item.get("embedding"), index, encoding_format)
    complete = [vector for vector in vectors if vector is not None]
    if len(complete) < count:
        missing = [i for i, vector in enumerate(vectors) if vector is None]
        raise MalformedResponseError(
            f"{len(missing)} of {count} vectors are missing, first at index {missing[0]}"
        )
    _check_dimensions(complete, encoding_format, dimensions)
    return complete


def _vector(embedding: Any, index: int, encoding_format: str | None) -> list[float]:
    if isinstance(embedding, str):
        if encoding_format != "base64":
            raise MalformedResponseError(f"vector {index} is text, though base64 was not asked for")
        vector = _decode_base64(embedding, index)
    elif isinstance(embedding, list):
        vector = embedding
        kinds = set(map(type, vector))
        if not kinds <= {float, int}:
            raise MalformedResponseError(f"vector {index} holds something other than numbers")
        if int in kinds and encoding_format not in _INTEGER_FORMATS:
            vector = [float(value) for value in vector]
        # One NaN or infinity shows in the sum; only then is every value looked at.
        if not math.isfinite(sum(vector)):
            _check_finite(vector, index)
    else:
        raise MalformedResponseError(f"vector {index} is not a vector: {type(embedding).__name__}")
    if not vector:
        raise MalformedResponseError(f"vector {index} is empty")
    return vector


def _decode_base64(text: str, index: int) -> list[float]:
    try:
        packed = b64decode(text, validate=True)
        if byteorder == "little":
            floats: list[float] = memoryview(packed).cast("f").tolist()  # type: ignore[assignment]  # typed as ints
        else:
            floats = list(struct.unpack(f"<{len(packed) // 4}f", packed))
    except (Base64Error, TypeError, ValueError, struct.error) as error:
        raise MalformedResponseError(f"vector {index} is not base64 of 32-bit floats: {error}") from None
    # NaN and infinity have an exponent of ones, whose upper seven bits are in a number's last byte beside the sign.
    last = packed[3::4]
    if b"\x7f" in last or b"\xff" in last:
        _check_finite(floats, index)
    return floats


def _check_finite(vector: list[float], index: int) -> None:
    if not all(map(math.isfinite, vector)):
        raise MalformedResponseError(f"vector {index} holds NaN or infinity")


def check_lengths(vectors: list[list[float]], what: str) -> set[int]:
    """The lengths of vectors: one, unless there are none.

    Raises:
        MalformedResponseError: They differ.
    """
    lengths = set(map(len, vectors))
    if len(lengths) > 1:
        raise MalformedResponseError(f"{what} differ in length: {sorted(lengths)[:5]}")
    return lengths


def _check_dimensions(
    vectors: list[list[float]], encoding_format: str | None, dimensions: int | None
) -> None:
    for length in check_lengths(vectors, "the vectors"):
        expected = dimensions // 8 if dimensions and encoding_format in _PACKED_FORMATS else dimensions
        if expected is not None and length != expected:
            raise MalformedResponseError(f"dimensions={dimensions} was asked for, but vectors have {length}")
