"""What a faulty server does: handlers, and the plays made of them."""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from tests.support import wire
from tests.support.fault_server import Call
from tests.support.scripted_server import answer_well
from tests.support.stages import Play, served

PAGE = "<html><head><title>Oops</title></head><body>" + "corporate-page-marker " * 230 + "</body></html>"


def always(act: Callable[[Call], None]) -> Play:
    """A server that does the same to each request."""
    return served(lambda: act)


def answers(
    status: int,
    body: Any = b"",
    headers: dict[str, str] | None = None,
    content_type: str | None = "application/json",
) -> Play:
    """A server that gives the same answer to each request."""
    return always(lambda call: call.respond(status, body, headers, content_type=content_type))


def raw(data: bytes, *, reset: bool = False) -> Play:
    """A server that writes these bytes and ends the connection."""

    def act(call: Call) -> None:
        call.send(data)
        if reset:
            call.reset()
        else:
            call.close()

    return always(act)


def first(count: int, act: Callable[[Call], None]) -> Play:
    """A server that does ``act`` to the first requests and answers the others well."""

    def handler(call: Call) -> None:
        act(call) if call.number < count else answer_well(call)

    return always(handler)


def streams(pieces: Iterable[bytes], *, then: Callable[[Call], None] | None = None, end: bool = True) -> Play:
    """A server that streams these pieces, then ends the answer, or does ``then``."""
    ready = list(pieces)

    def act(call: Call) -> None:
        call.stream_head()
        for piece in ready:
            call.chunk(piece)
        if then is not None:
            then(call)
        elif end:
            call.end_chunks()

    return always(act)


def reformatted(change: Callable[[bytes], bytes]) -> Play:
    """A server that streams a good answer with its bytes changed."""
    return streams([change(b"".join(wire.events(wire.chat_chunks())))])


def body_of(**changes: Any) -> dict[str, Any]:
    """A good chat body with changes in its first choice's message."""
    body = wire.chat()
    body["choices"][0]["message"].update(changes)
    return body


def length_cut(call: Call) -> None:
    """Send half of what the length says, then end."""
    whole = json.dumps(wire.chat()).encode()
    call.head(200, {"Content-Type": "application/json", "Content-Length": str(len(whole))})
    call.send(whole[: len(whole) // 2])
    call.close()


def body_reset(call: Call) -> None:
    """Send half of what the length says, then break."""
    call.head(200, {"Content-Type": "application/json", "Content-Length": "5000"})
    call.send(b'{"id": "x", ')
    call.server.stopping.wait(0.05)
    call.reset()


def chunk_cut(call: Call) -> None:
    """Announce a long chunk, send some of it, end."""
    call.stream_head(content_type="application/json")
    call.send(b'400\r\n{"id": "x", ')
    call.close()


def half_chunk(call: Call) -> None:
    """Announce a long chunk of a stream, send some of it, end."""
    call.send(b"400\r\ndata: {")
    call.close()


def reset_later(call: Call) -> None:
    """Give the client time to read what came, then break the connection."""
    call.server.stopping.wait(0.1)
    call.reset()


def endless(call: Call) -> None:
    """Never stop sending spaces."""
    call.stream_head(content_type="application/json")
    block = b" " * (1 << 20)
    for _ in range(2000):
        if not call.open or call.server.stopping.is_set():
            return
        call.chunk(block)


def endless_error(call: Call) -> None:
    """Refuse with a body that never stops."""
    call.stream_head(400, content_type="application/json")
    for _ in range(2000):
        if not call.open or call.server.stopping.is_set():
            return
        call.chunk(b"x" * (1 << 20))


def trickled_body(call: Call) -> None:
    """Send the body five bytes at a time."""
    call.stream_head(content_type="text/event-stream" if call.request.wants_stream else "application/json")
    text = b": keep going\n\n" if call.request.wants_stream else b'{"a": [' + b"1, " * 300
    while call.open and not call.server.stopping.is_set():
        for place in range(0, len(text), 5):
            call.chunk(text[place : place + 5])
            if not call.open or call.server.stopping.wait(0.05):
                return


def trickled_headers(call: Call) -> None:
    """Send a status line, then one header byte at a time."""
    call.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(100):
        call.send(b"a")
        if not call.open or call.server.stopping.wait(0.05):
            return
    call.close()


@functools.cache
def gzip_bomb() -> bytes:
    """300 MB of spaces in 300 KB of gzip: one compressed megabyte, repeated; only its end would be wrong."""
    squeeze = zlib.compressobj(6, zlib.DEFLATED, 31)
    block = b" " * 1_000_000
    start = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
    again = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return start + again * 299


def vectors(change: Callable[[list[dict[str, Any]]], Any]) -> Play:
    """A server that answers good vectors, with their list changed."""

    def act(call: Call) -> None:
        body = wire.embeddings(call.request.json["input"], encoding_format=None)
        call.respond(200, {**body, "data": change(body["data"])})

    return always(act)


def with_vector(place: int, vector: Any) -> Callable[[list[dict[str, Any]]], Any]:
    """One vector replaced."""

    def change(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
        data[place]["embedding"] = vector
        return data

    return change


def with_index(place: int, index: Any) -> Callable[[list[dict[str, Any]]], Any]:
    """One index replaced."""

    def change(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
        data[place]["index"] = index
        return data

    return change


def literal_vector(literal: str) -> Play:
    """Vectors with a number JSON does not have."""

    def act(call: Call) -> None:
        body = json.dumps(wire.embeddings(call.request.json["input"], encoding_format=None))
        call.respond(200, body.replace('"embedding": [', f'"embedding": [{literal}, ', 1))

    return always(act)
