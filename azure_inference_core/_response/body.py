"""An answer's body, block by block, under a limit. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from azure_inference_core.errors import MalformedResponseError, ResponseTooLargeError


class Inflater:
    """Undoes ``Content-Encoding`` block by block, never holding more than the limit.

    Args:
        encoding: The header's value.
        limit: Largest size of the whole, in bytes, after decompression.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self._left = limit
        self._limit = limit
        encoding = encoding.strip().lower()
        if encoding in ("", "identity"):
            self._inflate = None
        elif encoding in ("gzip", "x-gzip", "deflate"):
            self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        else:
            raise MalformedResponseError(
                f"the answer is compressed in a way nobody asked for: {encoding[:40]!r}"
            )

    def feed(self, block: bytes) -> bytes:
        """Take a block as received, give it decompressed.

        Raises:
            ResponseTooLargeError: The whole is over the limit.
            MalformedResponseError: The block is not compressed as the header says.
        """
        if self._inflate is not None:
            try:
                block = self._inflate.decompress(block, self._left + 1)
            except zlib.error as error:
                raise MalformedResponseError(
                    f"the answer is not compressed as its header says: {error}"
                ) from None
        self._left -= len(block)
        if self._left < 0:
            raise ResponseTooLargeError(f"the answer is over {self._limit:,} bytes")
        return block


class Body:
    """Collects an answer's body under a limit.

    Args:
        headers: The answer's, lower-case names.
        limit: Largest body, in bytes, after decompression.
    """

    def __init__(self, headers: Mapping[str, str], limit: int) -> None:
        self._inflater = Inflater(headers.get("content-encoding", ""), limit)
        self._blocks: list[bytes] = []

    def add(self, block: bytes) -> None:
        """Take the next block.

        Raises:
            ResponseError: Over the limit, or not compressed as the header says.
        """
        self._blocks.append(self._inflater.feed(block))

    def whole(self) -> bytes:
        """What was collected."""
        return b"".join(self._blocks)
