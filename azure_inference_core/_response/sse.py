"""Bytes to server-sent events: pure, linear in its input, bounded.

Follows the event-stream grammar of the WHATWG HTML standard (9.2.6), so that LF, CR and CRLF, comments,
``event:`` and ``id:`` lines, data over several lines and any split of the bytes are read alike. Liberties: ``data``
stays bytes, and what may be the report of a failure is never dropped. So an event is given out, for the caller to
judge, that the end of the stream cuts off, that is called an error and has no data, or whose line begins with
``error:`` (llama.cpp's server) or is an object without ``data:`` (gateways append those). A byte order mark may stand
before any line.
"""

from __future__ import annotations

from typing import TypeAlias

from azure_inference_core.errors import ResponseTooLargeError

BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n" + BOM
"""What may stand before an answer, byte by byte."""


Event: TypeAlias = tuple[bytes, bytes]
"""An event: the value of its ``event:`` line, empty when it has none, and its data lines joined by LF."""


class SseDecoder:
    """Turns blocks of bytes into events.

    Args:
        max_event_bytes: Largest event, and largest line, in bytes.
    """

    def __init__(self, max_event_bytes: int = 8 * 1024 * 1024) -> None:
        self._limit = max_event_bytes
        self._line: list[bytes] = []
        self._line_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._name = b""
        self._after_cr = False

    def feed(self, block: bytes) -> list[Event]:
        """Take the next block and give the events it completes.

        Raises:
            ResponseTooLargeError: A line or an event is over the limit.
        """
        if self._after_cr or b"\r" in block:
            block = self._normalise(block)
        lines = block.split(b"\n")
        self._line.append(lines[0])
        self._line_bytes += len(lines[0])
        self._check(self._line_bytes)
        if len(lines) == 1:
            return []
        lines[0] = b"".join(self._line)
        last = lines.pop()
        self._line = [last]
        self._line_bytes = len(last)
        self._check(self._line_bytes)
        return self._take(lines)

    def flush(self) -> list[Event]:
        """Give what the end of the stream left unfinished."""
        rest = b"".join(self._line)
        self._line, self._line_bytes = [], 0
        return self._take([rest, b""])

    def _normalise(self, block: bytes) -> bytes:
        if not block:
            return block
        if self._after_cr and block[:1] == b"\n":
            block = block[1:]
        self._after_cr = block[-1:] == b"\r"
        return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, lines: list[bytes]) -> list[Event]:
        if not (self._data or self._name or len(lines) % 2 or any(lines[1::2])):
            # As most servers write: one line of data, one empty line, and nothing else.
            if len(lines) == 2 and lines[0][:6] == b"data: ":
                return [(b"", lines[0][6:])]
            plain = [line[6:] for line in lines[::2] if line[:6] == b"data: "]
            if len(plain) * 2 == len(lines):
                return [(b"", data) for data in plain]
        events: list[Event] = []
        for marked in lines:
            line = marked.removeprefix(BOM)
            if line[:5] == b"data:":
                data = line[6:] if line[5:6] == b" " else line[5:]
                self._data.append(data)
                self._data_bytes += len(data)
                if len(self._data) > 1:
                    self._check(self._data_bytes)
            elif not line:
                if self._data or self._name == b"error":
                    data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    events.append((self._name, data))
                    self._data, self._data_bytes = [], 0
                self._name = b""
            elif line[:6] == b"event:":
                self._name = line[6:].strip()
            elif line == b"data":
                self._data.append(b"")
            elif line[:6] == b"error:":
                events.append((b"error", line[6:].strip()))
            elif line[:1] == b"{":
                events.append((self._name, line))
        return events

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise ResponseTooLargeError(f"one event of the stream is over {self._limit:,} bytes")
