"""Vectors in the forms of the API: another length, base64, and the integer and binary formats."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


@lru_cache(maxsize=8)
def _rotation(given: int, wanted: int) -> Matrix:
    """Return a fixed matrix with orthonormal rows (or columns): it keeps the angles between vectors."""
    random = np.random.default_rng(20240501)
    larger, smaller = max(given, wanted), min(given, wanted)
    orthonormal, _ = np.linalg.qr(random.standard_normal((larger, smaller)))
    matrix = orthonormal if given == larger else orthonormal.T
    return np.asarray(matrix, dtype=np.float32)


def resized(vectors: list[list[float]], dimensions: int | None, cut: int | None) -> Matrix:
    """Return the vectors with the length of a family's model, and of length one.

    A longer vector holds the same angles exactly, a shorter one nearly so.

    Args:
        vectors: The engine's vectors.
        dimensions: Length of the family's vectors; `None` keeps the engine's.
        cut: Length the request asked for: the first so many numbers.
    """
    matrix = np.asarray(vectors, dtype=np.float32)
    if dimensions is not None and dimensions != matrix.shape[1]:
        matrix = matrix @ _rotation(matrix.shape[1], dimensions)
    if cut is not None:
        matrix = matrix[:, :cut]
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.where(norms == 0, 1, norms), dtype=np.float32)


def encoded(matrix: Matrix, encoding: str) -> list[Any]:
    """Return each vector in the format of `encoding_format`.

    `float` is a list of numbers; `base64` is little-endian float32; `int8` and `uint8` scale each vector to the
    format's range; `binary` and `ubinary` hold one bit a number, eight to a signed or unsigned byte.
    """
    if encoding == "base64":
        return [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in matrix]
    if encoding == "float":
        return [row.tolist() for row in matrix]
    if encoding in ("binary", "ubinary"):
        bits = np.packbits(matrix > 0, axis=1).astype(np.int16)
        return [row.tolist() for row in (bits - 128 if encoding == "binary" else bits)]
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    whole = np.rint(matrix / np.where(largest == 0, 1, largest) * 127).astype(np.int16)
    return [row.tolist() for row in (whole if encoding == "int8" else whole + 128)]
