"""A whole answer that comes otherwise: as the events of a stream, after a byte order mark, before words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from azure_inference_core import (
    ChatClient,
    CompletionsClient,
    EmbeddingsClient,
    IncompleteResponseError,
    MalformedResponseError,
    RateLimitedError,
)
from tests.support import wire
from tests.support.drive import connect
from tests.support.scripted_server import Reply, ScriptedServer, Stream
from tests.support.wire import DONE, chunk, event, tool_call

BOM = b"\xef\xbb\xbf"
CHAT = json.dumps(wire.chat()).encode()
IN_EVENTS: dict[str, list[Any]] = {
    "usage last": [*wire.chat_chunks(style="last")],
    "usage apart": [*wire.chat_chunks(style="extra")],
    "usage in every chunk": [*wire.chat_chunks(style="cumulative")],
    "one event": [wire.chat()],
    "one event after others": [b": ping\n\n", b"event: ping\ndata: on it\n\n", wire.chat()],
    "in pieces of bytes": [bytes([byte]) for byte in b"".join(wire.events(wire.chat_chunks(), done=False))],
    "with a byte order mark": [BOM, *wire.chat_chunks()],
}


@pytest.mark.parametrize("case", IN_EVENTS)
async def test_events_in_answer_to_a_plain_request(
    server: ScriptedServer, chat: ChatClient, case: str
) -> None:
    """They are put together, sync and async, chunked or with a length, whatever the content type says."""
    data = b"".join(part if isinstance(part, bytes) else event(part) for part in IN_EVENTS[case]) + DONE
    answers = [Stream(IN_EVENTS[case]), Reply(200, data), Reply(200, data, content_type="text/event-stream")]
    for answer in answers:
        server.reply(answer, answer)
        result = chat.complete(wire.MESSAGES)
        async with ChatClient(chat.connection) as client:
            assert await client.acomplete(wire.MESSAGES) == result
        (choice,) = result.choices
        assert (choice.content, choice.finish_reason) == (wire.ANSWER, "stop")
        assert (result.usage, result.model) == (wire.USAGE, "tiny-model")
        assert result.raw["id"] == wire.chat()["id"]


def test_everything_in_events(server: ScriptedServer, chat: ChatClient) -> None:
    """Reasoning, refusal, calls, additions, filters, log probabilities, second choices and unknown fields are there."""
    first = {**chunk("", role="assistant", context={"citations": [{"title": "t"}]}), "choices_of_mine": 1}
    late = {"id": "", "choices": [{"index": 0, "content_filter_results": {"hate": {"filtered": False}}}]}
    logged = chunk("b", refusal="no")
    logged["choices"][0]["logprobs"] = {"content": [{"token": "b", "logprob": -1.0}]}
    calls = [tool_call("f", '{"a":', "c1", index=0), {"index": 0, "function": {"arguments": "1}"}}]
    calls += [tool_call("g", "{}", None, index=0)]
    server.reply(
        Stream([
            {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
            first, chunk("a", reasoning_content="hm"), chunk("x", index=1), logged,
            *(chunk(tool_calls=[call]) for call in calls), chunk("", finish_reason="tool_calls"),
            chunk("", index=1, finish_reason="length"), late, {**chunk(), "choices": [], "usage": wire.USAGE},
        ])
    )  # fmt: skip
    result = chat.complete(wire.MESSAGES, n=2)
    choice, second = result.choices
    assert (choice.content, choice.reasoning, choice.refusal) == ("ab", "hm", "no")
    made = [(call.id, call.name, call.arguments) for call in choice.tool_calls]
    assert made == [("c1", "f", '{"a":1}'), (None, "g", "{}")]
    assert choice.additions == {"context": {"citations": [{"title": "t"}]}}
    assert choice.logprobs == {"content": [{"token": "b", "logprob": -1.0}]}
    assert choice.content_filter_results == {"hate": {"filtered": False}}
    assert (second.content, second.finish_reason) == ("x", "length")
    assert result.prompt_filter_results == [{"prompt_index": 0}]
    assert (result.usage, result.raw["choices_of_mine"]) == (wire.USAGE, 1)


def test_thoughts_in_events(server: ScriptedServer) -> None:
    """``<think>`` in them is split where it is in others."""
    with ChatClient(connect(server.url)) as client:
        server.reply(Stream(wire.chat_chunks("<think>Hm.</think>Yes.")))
        (choice,) = client.complete(wire.MESSAGES, split_think=True).choices
    assert (choice.content, choice.reasoning) == ("Yes.", "Hm.")


def test_failures_in_events(server: ScriptedServer, chat: ChatClient) -> None:
    """An error among them is that error and retried as one; an early end is incomplete, with the text so far."""
    failure = {"error": {"code": "429", "message": "slow down"}}
    server.reply(Stream([chunk("a"), failure]), Stream([chunk("a"), failure]))
    with pytest.raises(RateLimitedError, match="slow down") as limited:
        chat.complete(wire.MESSAGES, max_retries=1)
    assert limited.value.attempts == 2
    for cut in ([chunk("a")], [chunk("a"), b'data: {"choices": [{"del']):
        server.reply(Stream(cut, done=False))
        with pytest.raises(IncompleteResponseError) as caught:
            chat.complete(wire.MESSAGES, max_retries=0)
        assert caught.value.partial == "a"


def test_events_on_other_routes(server: ScriptedServer) -> None:
    """Completions come put together, vectors in one event."""
    connection = connect(server.url)
    server.reply(Stream(wire.completion_chunks()), Stream([wire.embeddings(["a", "b"])]))
    result = CompletionsClient(connection).complete("x")
    assert (result.choices[0].text, result.choices[0].finish_reason, result.usage) == (
        wire.ANSWER,
        "stop",
        wire.USAGE,
    )
    assert EmbeddingsClient(connection).embed(["a", "b"]).vectors == [
        wire.vector_of("a"),
        wire.vector_of("b"),
    ]


AROUND: dict[str, bytes] = {
    "a byte order mark": BOM + CHAT,
    "blanks and a byte order mark": b"\r\n " + BOM + b"\n" + CHAT,
    "words after it": CHAT + b"\n\nServed by a gateway, h\xc3\xa9. {not JSON}",
    "a page after it": CHAT + b"<!-- 12 ms -->",
    "a zero after it": CHAT + b"\x00",
}


@pytest.mark.parametrize("case", AROUND)
def test_what_stands_around_an_answer(server: ScriptedServer, chat: ChatClient, case: str) -> None:
    """A mark or blanks before JSON and words after it cost nothing, whether a stream was asked for or not."""
    server.reply(*[Reply(200, AROUND[case])] * 2)
    assert chat.complete(wire.MESSAGES).choices[0].content == wire.ANSWER
    with chat.stream(wire.MESSAGES) as deltas:
        assert "".join(delta.content for delta in deltas) == wire.ANSWER


@pytest.mark.parametrize(
    "body", [CHAT + b"\n" + CHAT, CHAT[:-3] + b" and more", b"data:", b"data: x\n\n", b"event: a\n\n"]
)
def test_what_is_no_answer(server: ScriptedServer, chat: ChatClient, body: bytes) -> None:
    """Two answers, half of one or none are malformed."""
    server.reply(Reply(200, body))
    with pytest.raises(MalformedResponseError):
        chat.complete(wire.MESSAGES, max_retries=0)


EVENTS: dict[str, list[Any]] = {
    "a mark before each": [BOM + event(chunk("a")), BOM + event(chunk("b"))],
    "a mark in each": [b"data: " + BOM + json.dumps(chunk(text)).encode() + b"\n\n" for text in "ab"],
    "pings": [b'event: ping\ndata: {"type": "ping"}\n\n', b"event: ping\ndata: on it\n\n", b"data:\n\n", b"data: null\n\n", chunk("ab")],
    "words in each": [event(chunk(text))[:-2] + b" <!-- 3 ms -->\n\n" for text in "ab"],
    "the message again": [chunk("a"), chunk("b"), {"choices": [{"index": 0, "message": {"content": "ab"}}]}],
    "unknown events": [chunk("a"), {"type": "usage.estimate", "tokens": 5}, chunk("b"), {"citations": ["x"]}],
    "usage alone": [chunk("ab"), {"usage": wire.USAGE}],
    "messages for deltas": [{"choices": [{"index": 0, "message": {"role": "assistant", "content": "ab"}, "finish_reason": "stop"}]}],
    "null choices": [{"id": "x", "choices": None}, {"id": "x", "choices": [None]}, chunk("ab")],
}  # fmt: skip


@pytest.mark.parametrize(
    "end",
    [b"data: [DONE]\n\n", b"data:[DONE]\n\n", b'data: "[DONE]"\n\n', b"event: done\ndata: [DONE]\n\n", b""],
)
@pytest.mark.parametrize("case", EVENTS)
def test_events_that_services_add(server: ScriptedServer, chat: ChatClient, case: str, end: bytes) -> None:
    """Marks, pings and unknown events cost no text; what an object among them says is in a ``raw``."""
    last = chunk("", finish_reason="stop", usage=None if case == "usage alone" else wire.USAGE)
    server.reply(Stream([*EVENTS[case], last, end], done=False))
    with chat.stream(wire.MESSAGES) as stream:
        deltas = list(stream)
    assert "".join(delta.content for delta in deltas) == "ab"
    assert deltas[-1].usage == wire.USAGE
    seen = [delta.raw for delta in deltas]
    for sent in EVENTS[case] if case == "unknown events" else ():
        assert sent in seen
