"""An instant server in a process of its own: answers are made beforehand, so that a client's time is its own.

It serves ``/chat/completions`` (whole or as server-sent events), ``/completions``, ``/embeddings`` and ``/info``
below any base path, so the same server stands in for a serverless endpoint, for ``/openai/deployments/x`` and for
``/v1``. A first path segment chooses how it answers: ``/d50/...`` waits 50 ms, ``/p2/...`` sends the events of a
stream 2 ms apart, ``/whole/...`` sends a stream as one HTTP chunk instead of one an event.

Run as a program it prints two port numbers: the API's, and a control port that answers every connection with the
number of connections and requests so far.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import random
import struct
import sys

TOKENS = 1000
PACED_TOKENS = 8
DIMENSIONS = 1536
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: bench\r\nContent-Length: %d\r\n\r\n"
)
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-request-id: bench\r\nTransfer-Encoding: chunked\r\n\r\n"
_USAGE = {"prompt_tokens": 12, "completion_tokens": 24, "total_tokens": 36}
_ID = "f0a3c5d7e9b14f0c8a6e2d4b6c8e0a1c"
COUNTS = {"connections": 0, "requests": 0}


def _answer(value: object) -> bytes:
    body = json.dumps(value, separators=(",", ":")).encode()
    return _HEAD % len(body) + body


def _chat() -> dict[str, object]:
    message = {
        "role": "assistant",
        "content": "The quick brown fox jumps over the lazy dog. " * 3,
        "tool_calls": None,
    }
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    head = {"id": _ID, "object": "chat.completion", "created": 1718726371, "model": "bench-model"}
    return {**head, "choices": [choice], "usage": _USAGE}


def _completion() -> dict[str, object]:
    choice = {"index": 0, "text": "The quick brown fox.", "finish_reason": "stop", "logprobs": None}
    head = {"id": _ID, "object": "text_completion", "created": 1718726371, "model": "bench-model"}
    return {**head, "choices": [choice], "usage": _USAGE}


def _events(tokens: int) -> list[bytes]:
    head = {"id": _ID, "object": "chat.completion.chunk", "created": 1718726371, "model": "bench-model"}
    events = []
    for number in range(tokens):
        delta = {"content": "token "}
        if not number:
            delta = {"role": "assistant", **delta}
        events.append({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    events[-1]["choices"][0]["finish_reason"] = "stop"
    events[-1]["usage"] = _USAGE
    lines = [json.dumps(event, separators=(",", ":")).encode() for event in events]
    return [b"data: " + line + b"\n\n" for line in (*lines, b"[DONE]")]


def _http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


CHAT = _answer(_chat())
COMPLETION = _answer(_completion())
INFO = _answer({"model_name": "bench-model", "model_type": "chat-completion", "model_provider_name": "Bench"})
PACED = [_http_chunk(event) for event in _events(PACED_TOKENS)]
BURST = _STREAM_HEAD + b"".join(_http_chunk(event) for event in _events(TOKENS)) + b"0\r\n\r\n"
WHOLE = _STREAM_HEAD + _http_chunk(b"".join(_events(TOKENS))) + b"0\r\n\r\n"


@functools.cache
def _vectors() -> list[tuple[bytes, bytes]]:
    """Sixteen unit-like vectors, each as JSON floats (float32's digits) and as base64."""
    source = random.Random(7)
    made = []
    for _ in range(16):
        packed = struct.pack(f"<{DIMENSIONS}f", *(source.gauss(0, 0.025) for _ in range(DIMENSIONS)))
        floats = struct.unpack(f"<{DIMENSIONS}f", packed)
        text = "[" + ",".join(format(value, ".9g") for value in floats) + "]"
        made.append((text.encode(), b'"' + base64.b64encode(packed) + b'"'))
    return made


@functools.lru_cache(64)
def _embeddings(count: int, as_base64: bool) -> bytes:
    vectors = _vectors()
    items = (
        b'{"index":%d,"object":"embedding","embedding":%s}' % (n, vectors[n % 16][as_base64])
        for n in range(count)
    )
    usage = b'"usage":{"prompt_tokens":%d,"completion_tokens":0,"total_tokens":%d}' % (count, count)
    body = b'{"id":"%s","object":"list","model":"bench-model","data":[%s],%s}' % (
        _ID.encode(),
        b",".join(items),
        usage,
    )
    return _HEAD % len(body) + body


class Instant(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream server's transport is a Transport
        COUNTS["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end])
            lower = head.lower()
            at = lower.find(b"\r\ncontent-length:")
            length = int(lower[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._answer(head.split(b" ", 2)[1].split(b"?", 1)[0], body)

    def _answer(self, path: bytes, body: bytes) -> None:
        COUNTS["requests"] += 1
        option = path.split(b"/", 2)[1]
        if path.endswith(b"/chat/completions"):
            if b'"stream":true' in body or b'"stream": true' in body:
                if option[:1] == b"p" and option[1:].isdigit():
                    self._send(_STREAM_HEAD + PACED[0])
                    self._pace(1, int(option[1:]) / 1000)
                    return
                answer = WHOLE if option == b"whole" else BURST
            else:
                answer = CHAT
        elif path.endswith(b"/completions"):
            answer = COMPLETION
        elif path.endswith(b"/embeddings"):
            asked = json.loads(body)
            answer = _embeddings(len(asked["input"]), asked.get("encoding_format") == "base64")
        else:
            answer = INFO
        if option[:1] == b"d" and option[1:].isdigit():
            asyncio.get_running_loop().call_later(int(option[1:]) / 1000, self._send, answer)
        else:
            self._send(answer)

    def _pace(self, number: int, gap: float) -> None:
        loop = asyncio.get_running_loop()
        if number == len(PACED):
            self._send(b"0\r\n\r\n")
            return
        loop.call_later(gap, lambda: (self._send(PACED[number]), self._pace(number + 1, gap)))

    def _send(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def _control(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(json.dumps(COUNTS).encode() + b"\n")
    await writer.drain()
    writer.close()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    for count in (16, 80, 96, 500, 976, 1024):
        _embeddings(count, as_base64=False)
        _embeddings(count, as_base64=True)
    api = await loop.create_server(Instant, "127.0.0.1", 0, backlog=1024)
    control = await asyncio.start_server(_control, "127.0.0.1", 0)
    sys.stdout.write(f"{api.sockets[0].getsockname()[1]} {control.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    # The parent's end of the pipe closes when the parent is gone, however it went.
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input closes."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve())
    else:
        uvloop.run(_serve())


if __name__ == "__main__":
    main()
