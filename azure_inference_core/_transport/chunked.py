"""An answer's head and its chunked body, read by what has arrived.

``http.client`` reads a head in one go, however slowly it comes, and gives one chunk a read. Services send a stream
as one chunk an event, so that a burst of a thousand events would be a thousand reads, each with a time limit to set.
Follows RFC 9112, 7.1.
"""

from __future__ import annotations

import re
from http.client import HTTPResponse, IncompleteRead, LineTooLong
from io import BufferedReader, BytesIO

_BLOCK = 65536
LARGEST_HEAD = 1024 * 1024
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.\d 1(?!01)\d\d\D")
_LONGEST_LINE = 65536
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{1,16}")


class ChunkedResponse(HTTPResponse):
    """A response whose ``read1`` gives the data of all chunks that have arrived."""

    fp: BufferedReader
    _unread = b""  # the beginning of a line whose end has not come
    _due = 0  # bytes still to come of the chunk being read, its line end included
    _in_trailers = False  # the last chunk came; trailer lines follow, up to an empty one
    _trailer_bytes = 0

    def before_read(self) -> None:
        """Called before each read of the connection."""

    def begin(self) -> None:
        """Read the head, past those of interim answers (RFC 9110, 15.2).

        Raises:
            LineTooLong: It has no end.
        """
        if self.headers is not None:
            return
        while _INTERIM.match(head := self._read_head()):
            pass
        body = self.fp
        self.fp = BufferedReader(BytesIO(head))
        try:
            super().begin()
        finally:
            self.fp = body

    def _read_head(self) -> bytes:
        """All up to an empty line or the end of the connection."""
        head = b""
        while len(head) <= LARGEST_HEAD:
            self.before_read()
            block = self.fp.peek()
            start = max(0, len(head) - 3)
            end = _END_OF_HEAD.search(head + block, start)
            if end is not None or not block:
                return head + self.fp.read(end.end() - len(head) if end else 0)
            head += self.fp.read(len(block))
        raise LineTooLong("head")

    def read1(self, n: int = -1) -> bytes:
        """The next data; empty at the end.

        Args:
            n: Most bytes to give, where the answer is not chunked.

        Raises:
            IncompleteRead: The connection ended first, or a chunk's size is no size.
        """
        if self.fp is None:  # read to its end: the connection may be another call's by now
            return b""
        if not self.chunked:
            self.before_read()
            return super().read1(n)
        data = b""
        while not data and self.chunked:
            self.before_read()
            block = self.fp.read1(_BLOCK)
            if not block:
                raise IncompleteRead(b"")
            data = self._decode(self._unread + block)
        return data

    def _decode(self, block: bytes) -> bytes:
        data: list[bytes] = []
        at, size = 0, len(block)
        while True:
            if self._due:
                end = at + self._due
                data.append(block[at : max(at, min(size, end - 2))])
                self._due = max(0, end - size)
                at = min(size, end)
            line_end = block.find(b"\n", at)
            if line_end < 0:
                break
            line, at = block[at:line_end].strip(), line_end + 1
            if not self._in_trailers:
                length = _chunk_size(line)
                self._due = length + 2 if length else 0
                self._in_trailers = not length
            elif not line:
                self._finish()
                break
            else:
                self._trailer_bytes += len(line)
        self._unread = block[at:]
        if len(self._unread) > _LONGEST_LINE or self._trailer_bytes > _LONGEST_LINE:
            raise IncompleteRead(b"")
        return b"".join(data)

    def _finish(self) -> None:
        # Now it is an answer of known length with nothing left: this read gives the connection back.
        self.chunked, self.length = False, 0
        self.read()


def _chunk_size(line: bytes) -> int:
    digits = line.split(b";", 1)[0].strip()
    if not _HEXADECIMAL.fullmatch(digits):  # int() would take signs, underscores and 0x, too
        raise IncompleteRead(b"")
    return int(digits, 16)
