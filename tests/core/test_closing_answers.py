"""Answers whose connection ends with them, and connections that have gone on to another call."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from azure_inference_core import ChatClient, ContentFilteredError, EmbeddingsClient, MalformedResponseError
from azure_inference_core._response.vectors import parse_vectors
from tests.support import wire
from tests.support.drive import connect
from tests.support.fault_server import Call, FaultServer

MESSAGES = [{"role": "user", "content": "x"}]
FILTERED = {
    "error": {
        "code": "content_filter",
        "message": "filtered",
        "innererror": {"content_filter_result": {"violence": {"filtered": True, "severity": "high"}}},
    }
}


def framed(status: int, body: Any, framing: str) -> bytes:
    """A whole answer that ends its connection, in one of the ways HTTP has to say how long it is."""
    data = json.dumps(body).encode()
    version = "1.0" if framing.startswith("1.0") else "1.1"
    head = f"HTTP/{version} {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n"
    if framing.endswith("chunked"):
        return head.encode() + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
    if framing.endswith("length"):
        head += f"Content-Length: {len(data)}\r\n"
    return head.encode() + b"\r\n" + data


FRAMINGS = ["1.1 length", "1.1 chunked", "1.1 none", "1.0 length", "1.0 none"]


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_an_answer_that_closes_is_an_answer(framing: str) -> None:
    """However its length is told, an answer that closes the connection is taken, and asked for once."""

    def answer(call: Call) -> None:
        """Answer and close."""
        call.send(framed(200, wire.chat(), framing))
        call.close()

    with FaultServer(answer) as server, ChatClient(connect(server.url)) as client:
        assert client.complete(MESSAGES).choices[0].content == wire.ANSWER
        assert (await client.acomplete(MESSAGES)).choices[0].content == wire.ANSWER
        assert server.request_count == 2
        await client.aclose()


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_a_refusal_that_closes_says_why(framing: str) -> None:
    """The body of a refusal is read when its connection closes, too."""

    def refuse(call: Call) -> None:
        """Refuse and close."""
        call.send(framed(400, FILTERED, framing))
        call.close()

    with FaultServer(refuse) as server, ChatClient(connect(server.url)) as client:
        with pytest.raises(ContentFilteredError) as caught:
            client.complete(MESSAGES)
        assert caught.value.categories["violence"]["filtered"] is True
        with pytest.raises(ContentFilteredError):
            await client.acomplete(MESSAGES)
        await client.aclose()


def test_a_finished_stream_leaves_its_connection_alone() -> None:
    """A stream that was read to its end does not change the time limits of the call that has its connection now."""
    asked = threading.Event()

    def answer(call: Call) -> None:
        if b'"stream"' in call.request.body:
            body = b"".join(wire.events(wire.chat_chunks()))
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            call.send(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            return
        asked.set()
        finished.wait(10)
        threading.Event().wait(0.5)
        call.send(framed(200, wire.chat(), "1.1 length").replace(b"Connection: close\r\n", b""))

    finished = threading.Event()
    with FaultServer(answer) as server, ChatClient(connect(server.url)) as client:
        stream = client.stream(MESSAGES)
        next(stream)
        answers: list[str] = []
        other = threading.Thread(
            target=lambda: answers.append(client.complete(MESSAGES).choices[0].content), daemon=True
        )
        other.start()
        assert asked.wait(10)
        list(stream)
        finished.set()
        other.join(10)
        assert answers == [wire.ANSWER]


async def test_batches_of_different_lengths_are_refused() -> None:
    """Vectors that fit within each batch and not with those of another are no answer."""
    sizes = iter((3, 4, 3, 4))

    def answer(call: Call) -> None:
        """Vectors of the next length."""
        body = wire.embeddings(json.loads(call.request.body)["input"], dimensions=next(sizes))
        call.send(framed(200, body, "1.1 length"))
        call.close()

    with FaultServer(answer) as server:
        client = EmbeddingsClient(connect(server.url), batch_size=1, max_concurrency=1)
        with client, pytest.raises(MalformedResponseError, match="different batches"):
            client.embed(["a", "b"])
        async with client:
            with pytest.raises(MalformedResponseError, match="different batches"):
                await client.aembed(["a", "b"])


@pytest.mark.parametrize("text", ["-_8_", "AAAA!AAA", "AAAAA"])
def test_base64_of_another_kind_is_refused(text: str) -> None:
    """Characters that are none of base64's are not skipped: what is left would be another vector."""
    body = {"data": [{"index": 0, "embedding": text}]}
    with pytest.raises(MalformedResponseError):
        parse_vectors(body, 1, encoding_format="base64", dimensions=None)
