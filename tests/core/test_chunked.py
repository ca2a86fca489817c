"""Chunked answers are read by what has arrived, and end where they end."""

from __future__ import annotations

import socket
from http.client import IncompleteRead

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_inference_core._transport.chunked import ChunkedResponse

_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _wire(chunks: list[bytes], *, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks if chunk)
    return body + b"0\r\n" + trailer + b"\r\n"


def _receive(blocks: list[bytes]) -> tuple[bytes, ChunkedResponse]:
    """What a client reads when the answer's body arrives in these blocks and the connection then ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(_HEAD)
        response = ChunkedResponse(ours)
        response.begin()
        received = b""
        for block in blocks:
            theirs.sendall(block)
        theirs.close()
        while data := response.read1():
            received += data
        return received, response


def _cut(wire: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(wire) + 1) for cut in cuts})
    return [wire[a:b] for a, b in zip([0, *places], [*places, len(wire)], strict=True) if a < b]


@settings(max_examples=150, deadline=None)
@given(
    chunks=st.lists(st.binary(max_size=40), max_size=12),
    cuts=st.lists(st.integers(0, 2000), max_size=12),
    extension=st.sampled_from([b"", b";a=b", b" "]),
    trailer=st.sampled_from([b"", b"X-Sum: 1\r\n", b"A: b\r\nC: d\r\n"]),
)
def test_any_chunking_gives_the_same_bytes(
    chunks: list[bytes], cuts: list[int], extension: bytes, trailer: bytes
) -> None:
    """However the body is cut into chunks and blocks, the bytes are those that were sent, and it is read out."""
    received, response = _receive(_cut(_wire(chunks, extension=extension, trailer=trailer), cuts))
    assert received == b"".join(chunks)
    assert response.isclosed()


@settings(max_examples=150, deadline=None)
@given(chunks=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6), at=st.integers(0, 400))
def test_a_body_that_is_cut_off_says_so(chunks: list[bytes], at: int) -> None:
    """A connection that ends before the last chunk's end is never taken for the end of the body."""
    wire = _wire(chunks)
    with pytest.raises(IncompleteRead):
        _receive([wire[: at % len(wire)]])


@pytest.mark.parametrize("size", [b"-1", b"+2", b"zz", b"", b"1_0", b"0x2", b"\xff"])
def test_a_size_that_is_none_is_refused(size: bytes) -> None:
    """A chunk whose size is not hexadecimal digits ends the reading with an error."""
    with pytest.raises(IncompleteRead):
        _receive([size + b"\r\nab\r\n0\r\n\r\n"])
