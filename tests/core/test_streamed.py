"""Streams: usage in three styles, tool calls joined, ends that count, and errors after the text so far."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azure_inference_core import (
    ChatClient,
    ChatDelta,
    ContentFilteredError,
    IncompleteResponseError,
    MalformedResponseError,
    RateLimitedError,
)
from tests.support import wire
from tests.support.drive import connect
from tests.support.fault_server import FaultServer
from tests.support.scripted_server import ScriptedServer, Stream
from tests.support.wire import DONE, chunk, event, tool_call

STYLES = ["last", "extra", "cumulative", "none"]


def deltas_of(client: ChatClient, **params: Any) -> list[ChatDelta]:
    """All deltas of one stream."""
    with client.stream(wire.MESSAGES, **params) as deltas:
        return list(deltas)


def text_of(deltas: list[ChatDelta], index: int = 0) -> str:
    """The text of one choice."""
    return "".join(delta.content for delta in deltas if delta.index == index)


@pytest.mark.parametrize("style", STYLES)
def test_usage_comes_once_and_last(server: ScriptedServer, chat: ChatClient, style: wire.UsageStyle) -> None:
    """Whatever the server's style, usage is on the last delta only, and no text is lost or doubled."""
    server.reply(wire.chat_chunks(style=style))
    deltas = deltas_of(chat)
    assert text_of(deltas) == wire.ANSWER
    given = [delta.usage for delta in deltas if delta.usage is not None]
    if style == "none":
        assert given == []
        return
    assert given == [wire.USAGE]
    assert deltas[-1].usage == wire.USAGE
    assert deltas[-1].content == ""
    assert deltas[-1].raw["usage"] == wire.USAGE
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["stop"]


@pytest.mark.parametrize("style", STYLES)
async def test_async_streams_give_the_same(
    server: ScriptedServer, chat: ChatClient, style: wire.UsageStyle
) -> None:
    """The async twin gives equal deltas."""
    server.reply(*[wire.chat_chunks(style=style)] * 2)
    async with ChatClient(connect(server.url)) as client, client.astream(wire.MESSAGES) as deltas:
        found = [delta async for delta in deltas]
    assert found == deltas_of(chat)


@pytest.mark.parametrize(
    ("base", "params", "options"),
    [
        ("url", {}, None),
        ("v1_url", {}, {"include_usage": True}),
        ("deployment_url", {}, {"include_usage": True}),
        ("v1_url", {"stream_usage": False}, None),
        ("url", {"stream_usage": True}, {"include_usage": True}),
        ("v1_url", {"model_extras": {"stream_options": {"x": 1}}}, {"include_usage": True, "x": 1}),
    ],
)
def test_usage_is_asked_for_where_it_must_be(
    server: ScriptedServer, base: str, params: dict[str, Any], options: Any
) -> None:
    """OpenAI's dialects send usage when asked; the others always do and may refuse the question."""
    with ChatClient(connect(getattr(server, base))) as client:
        deltas = deltas_of(client, **params)
    assert server.last.json.get("stream_options") == options
    assert server.last.json["stream"] is True
    assert (deltas[-1].usage is not None) is (base == "url" or options is not None)


def test_a_stream_is_sent_on_the_first_step(server: ScriptedServer, chat: ChatClient) -> None:
    """Making a stream sends nothing."""
    stream = chat.stream(wire.MESSAGES)
    assert server.requests == []
    next(stream)
    assert len(server.requests) == 1
    stream.close()


def test_deltas_arrive_as_the_server_sends_them() -> None:
    """A delta is given as soon as its event is there, not when a buffer is full."""
    seen: list[str] = []

    def handler(call: Any) -> None:
        call.stream_head()
        for place, part in enumerate(wire.chat_chunks()):
            call.chunk(event(part))
            call.server.stopping.wait(0.05)
            if place < 4:
                assert len(seen) >= place, seen
        call.chunk(DONE)
        call.end_chunks()

    with FaultServer(handler) as server, ChatClient(connect(server.url)) as client:
        with client.stream(wire.MESSAGES) as deltas:
            for delta in deltas:
                seen.append(delta.content)  # noqa: PERF401 - the server looks at it meanwhile
        assert "".join(seen) == wire.ANSWER


def test_a_repeated_chunk_is_passed_on(server: ScriptedServer, chat: ChatClient) -> None:
    """Chunks carry no number, so a repeated one cannot be told from one meant twice."""
    server.reply([chunk("a"), chunk("b"), chunk("b"), chunk("", finish_reason="stop")])
    assert text_of(deltas_of(chat)) == "abb"


def test_choices_are_told_apart(server: ScriptedServer, chat: ChatClient) -> None:
    """With ``n=2`` the pieces of both choices come with their index, and the end waits for both."""
    server.reply([chunk("a"), chunk("x", index=1), chunk("b"), chunk("", finish_reason="stop"), chunk("y", index=1), chunk("", index=1, finish_reason="length")])  # fmt: skip
    deltas = deltas_of(chat, n=2)
    assert (text_of(deltas, 0), text_of(deltas, 1)) == ("ab", "xy")
    assert [(d.index, d.finish_reason) for d in deltas if d.finish_reason] == [(0, "stop"), (1, "length")]


def joined(deltas: list[ChatDelta]) -> dict[int, tuple[str | None, str, str]]:
    """Tool calls put together by their index: id, name, arguments."""
    calls: dict[int, tuple[str | None, str, str]] = {}
    for delta in deltas:
        for piece in delta.tool_calls:
            call_id, name, arguments = calls.get(piece.index, (None, "", ""))
            calls[piece.index] = (call_id or piece.id, name + (piece.name or ""), arguments + piece.arguments)
    return calls


def calls(*deltas: dict[str, Any]) -> list[dict[str, Any]]:
    """A stream of tool-call pieces."""
    return [*[chunk(tool_calls=[delta]) for delta in deltas], chunk("", finish_reason="tool_calls")]


def piece(arguments: str, **more: Any) -> dict[str, Any]:
    """A later piece of a tool call: arguments only."""
    return {**more, "function": {"arguments": arguments}}


WEATHER = (  # id, name, arguments
    "id-0",
    "weather",
    '{"city": "Seattle"}',
)
TIME = ("id-1", "time", '{"zone": "PST"}')


def test_interleaved_tool_calls_are_joined_by_index(server: ScriptedServer, chat: ChatClient) -> None:
    """Two calls in five pieces each, ids only on the first, mixed: each index gets its own."""
    server.reply(
        calls(
            tool_call("weather", "", "id-0", index=0),
            tool_call("time", "", "id-1", index=1),
            piece('{"city": ', index=0),
            piece('{"zone"', index=1),
            piece('"Sea', index=0),
            piece(': "PST"', index=1),
            piece('ttle"}', index=0),
            piece("}", index=1),
        )
    )
    assert joined(deltas_of(chat)) == {0: WEATHER, 1: TIME}


def test_tool_calls_without_an_index_are_joined_by_id(server: ScriptedServer, chat: ChatClient) -> None:
    """Servers that give ids but no index: a known id continues its call, nothing continues the latest."""
    server.reply(
        calls(
            tool_call("weather", '{"city": ', "id-0"),
            tool_call("time", '{"zone": ', "id-1"),
            {"id": "id-0", "function": {"arguments": '"Seattle"}'}},
            {"id": "id-1", "function": {"arguments": '"PST"}'}},
        )
    )
    assert joined(deltas_of(chat)) == {0: WEATHER, 1: TIME}


def test_tool_calls_without_index_or_later_ids_continue_the_latest(
    server: ScriptedServer, chat: ChatClient
) -> None:
    """A piece with nothing but arguments belongs to the call before it."""
    server.reply(
        calls(
            tool_call("weather", '{"city": ', "id-0"),
            piece('"Seattle"}'),
            tool_call("time", '{"zone": ', "id-1"),
            piece('"PST"}'),
        )
    )
    assert joined(deltas_of(chat)) == {0: WEATHER, 1: TIME}


def test_two_whole_calls_of_one_index_are_two(server: ScriptedServer, chat: ChatClient) -> None:
    """Servers that number every call 0 are told apart by a new id with a new name."""
    server.reply(
        calls(
            tool_call(WEATHER[1], WEATHER[2], "id-0", index=0), tool_call(TIME[1], TIME[2], "id-1", index=0)
        )
    )
    assert joined(deltas_of(chat)) == {0: WEATHER, 1: TIME}


def test_two_whole_calls_in_one_chunk(server: ScriptedServer, chat: ChatClient) -> None:
    """Calls that come whole and at once, as Mistral sends them."""
    both = [tool_call(WEATHER[1], WEATHER[2], "id-0"), tool_call(TIME[1], TIME[2], "id-1")]
    server.reply([chunk("", tool_calls=both, finish_reason="tool_calls")])
    assert joined(deltas_of(chat)) == {0: WEATHER, 1: TIME}


@pytest.mark.parametrize("odd", ["0", True, -0.5, None, [], {"a": 1}])
@pytest.mark.parametrize("place", range(4))
def test_an_odd_index_does_not_tear_a_call(
    server: ScriptedServer, chat: ChatClient, place: int, odd: object
) -> None:
    """A piece whose index is none belongs to the call of its id, or to the call before it."""
    pieces = [
        tool_call("weather", '{"city": ', "id-0", index=0),
        piece('"Seattle"}', index=0),
        tool_call("time", '{"zone": ', "id-1", index=1),
        piece('"PST"}', index=1),
    ]
    pieces[place]["index"] = odd
    server.reply(calls(*pieces))
    assert joined(deltas_of(chat)) == {0: WEATHER, 1: TIME}


@pytest.mark.parametrize("place", range(3))
def test_an_odd_index_beside_repeated_ids(server: ScriptedServer, chat: ChatClient, place: int) -> None:
    """Servers that repeat the id on every piece: a piece without an index is told by it."""
    texts = ('{"city"', ": ", '"Seattle"}')
    pieces = [{"id": "id-0", **piece(text, index=0)} for text in texts]
    pieces[0]["function"]["name"] = "weather"
    pieces[place]["index"] = "0"
    server.reply(calls(*pieces))
    assert joined(deltas_of(chat)) == {0: WEATHER}


@pytest.mark.parametrize("function", [{"arguments": "{}"}, {"name": 5, "arguments": "{}"}, {"name": ""}, "weather", None])  # fmt: skip
def test_a_call_of_nothing_is_malformed(server: ScriptedServer, chat: ChatClient, function: Any) -> None:
    """A streamed call that never names its function is no call, as a whole one is none."""
    server.reply(calls({"index": 0, "id": "id-0", "function": function}))
    with pytest.raises(MalformedResponseError):
        deltas_of(chat)


def test_null_tool_calls_are_skipped(server: ScriptedServer, chat: ChatClient) -> None:
    """A hole in the list of calls is no call."""
    holes = chunk(tool_calls=[None, tool_call(*WEATHER[1:], WEATHER[0], index=0)])  # type: ignore[list-item]
    server.reply([holes, chunk("", finish_reason="tool_calls")])
    assert joined(deltas_of(chat)) == {0: WEATHER}


@pytest.mark.parametrize("odd", [True, "7", [1], 0, {}])
def test_odd_usage_hides_no_good_one(server: ScriptedServer, chat: ChatClient, odd: Any) -> None:
    """The counts are those that were given, whatever stands in their place later."""
    server.reply([chunk("a", usage=wire.USAGE), chunk("", finish_reason="stop", usage=odd)])
    assert deltas_of(chat)[-1].usage == wire.USAGE


@pytest.mark.parametrize("later", ["", 3, True, None])
def test_a_later_finish_reason_that_is_none(server: ScriptedServer, chat: ChatClient, later: Any) -> None:
    """A chunk after the last that gives an empty or odd reason gives none."""
    server.reply([chunk("a", finish_reason="stop"), chunk("", finish_reason=later)])
    assert [delta.finish_reason for delta in deltas_of(chat)] == ["stop", None]


def test_a_lone_piece_of_reasoning_and_refusal(server: ScriptedServer, chat: ChatClient) -> None:
    """Reasoning and refusal come in fields of their own, not in the text."""
    server.reply(
        [chunk(reasoning_content="hm"), chunk("a"), chunk(refusal="no"), chunk("", finish_reason="stop")]
    )
    deltas = deltas_of(chat)
    assert text_of(deltas) == "a"
    assert "".join(delta.reasoning or "" for delta in deltas) == "hm"
    assert "".join(delta.refusal or "" for delta in deltas) == "no"


def test_azures_extra_chunks_are_survived(server: ScriptedServer, chat: ChatClient) -> None:
    """Prompt annotations without choices, filter results without a delta, null deltas."""
    first = {
        "id": "",
        "object": "",
        "created": 0,
        "model": "",
        "choices": [],
        "prompt_filter_results": [{"prompt_index": 0}],
    }
    late = {
        "id": "",
        "choices": [
            {"index": 0, "finish_reason": None, "content_filter_results": {"hate": {"filtered": False}}}
        ],
    }
    null = {**chunk(), "choices": [{"index": 0, "delta": None, "finish_reason": None}]}
    server.reply([first, chunk("a"), late, null, chunk("b"), chunk("", finish_reason="stop")])
    deltas = deltas_of(chat)
    assert text_of(deltas) == "ab"
    assert any(delta.raw.get("prompt_filter_results") for delta in deltas)
    assert any(delta.content_filter_results for delta in deltas)


def test_a_blocked_answer_says_so(server: ScriptedServer, chat: ChatClient) -> None:
    """An answer stopped by content safety ends with that finish reason; it is complete, as the service said."""
    server.reply([chunk("a"), {**chunk(), "choices": [{"index": 0, "finish_reason": "content_filter"}]}])
    assert deltas_of(chat)[-1].finish_reason == "content_filter"


def test_text_before_an_error_event_is_given_first(server: ScriptedServer, chat: ChatClient) -> None:
    """The caller sees every delta before the error, even when all came in one block."""
    data = (
        event(chunk("a"))
        + event(chunk("b"))
        + event({"error": {"code": "429", "message": "slow down"}})
        + DONE
    )
    server.reply(Stream([data], done=False))
    stream = chat.stream(wire.MESSAGES)
    assert [next(stream).content, next(stream).content] == ["a", "b"]
    with pytest.raises(RateLimitedError, match="slow down"):
        next(stream)


def test_a_filter_event_names_its_categories(server: ScriptedServer, chat: ChatClient) -> None:
    """Content safety inside a stream is the same class as before it, about the completion."""
    result = {"violence": {"filtered": True, "severity": "high"}}
    error = {"code": "content_filter", "message": "no", "innererror": {"content_filter_result": result}}
    server.reply(Stream([chunk("a"), {"error": error}]))
    with pytest.raises(ContentFilteredError) as caught:
        deltas_of(chat)
    assert (caught.value.categories, caught.value.source) == (result, "completion")


@pytest.mark.parametrize("kept", range(1, len(wire.chat_chunks()) - 1))
def test_a_stream_cut_anywhere_is_incomplete(server: ScriptedServer, chat: ChatClient, kept: int) -> None:
    """An end before the finish reason raises, with the text so far."""
    chunks = wire.chat_chunks()[:kept]
    server.reply(Stream(chunks, done=False))
    with pytest.raises(IncompleteResponseError) as caught:
        deltas_of(chat)
    assert caught.value.partial == "".join(part["choices"][0]["delta"]["content"] for part in chunks)
    assert not caught.value.is_retryable


def test_one_choice_of_two_unfinished_is_incomplete(server: ScriptedServer, chat: ChatClient) -> None:
    """Every choice must end."""
    server.reply(Stream([chunk("a"), chunk("x", index=1), chunk("", finish_reason="stop")], done=False))
    with pytest.raises(IncompleteResponseError):
        deltas_of(chat)


@pytest.mark.parametrize("data", [b"data: [1]\n\n", b"data: 5\n\n", b'data: {"choices": [5]}\n\n', b'data: {"choices": [{"delta": 5}]}\n\n', b'data: {"choices": 5}\n\n', b'data: {"choices": {}}\n\n', b'data: {"choices": [{"delta": ""}]}\n\n'])  # fmt: skip
def test_an_event_of_another_shape_is_malformed(
    server: ScriptedServer, chat: ChatClient, data: bytes
) -> None:
    """An event that is no chunk is never skipped in silence."""
    server.reply(Stream([chunk("a"), data]))
    with pytest.raises(MalformedResponseError):
        deltas_of(chat)


def test_a_whole_answer_is_read_as_one_delta(server: ScriptedServer, chat: ChatClient) -> None:
    """Servers that ignore ``stream`` are understood: text, tool calls, finish reason, usage."""
    server.reply(wire.chat(None, tool_calls=[tool_call(*WEATHER[1:], WEATHER[0])]))
    deltas = deltas_of(chat)
    assert joined(deltas) == {0: WEATHER}
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["tool_calls"]
    assert deltas[-1].usage == wire.USAGE


def test_a_stream_ends_once(server: ScriptedServer, chat: ChatClient) -> None:
    """After the end, or after ``close``, a stream gives nothing more and sends nothing more."""
    stream = chat.stream(wire.MESSAGES)
    list(stream)
    assert list(stream) == []
    stream.close()
    stream.close()
    assert next(stream, None) is None
    assert len(server.requests) == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    cuts=st.lists(st.integers(0, 4000), max_size=10),
    style=st.sampled_from(STYLES[:3]),
)
def test_any_text_arrives_however_it_is_cut(
    server: ScriptedServer, chat: ChatClient, text: str, cuts: list[int], style: wire.UsageStyle
) -> None:
    """Any text, cut into TCP pieces anywhere, arrives unchanged with its usage."""
    data = b"".join(wire.events(wire.chat_chunks(text, style=style)))
    edges = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    server.reply(Stream(list(slices(data, edges)), done=False))
    deltas = deltas_of(chat)
    assert text_of(deltas) == text
    assert deltas[-1].usage == wire.USAGE


def slices(data: bytes, edges: list[int]) -> Iterator[bytes]:
    """The non-empty pieces of data between the edges."""
    for start, end in zip(edges, edges[1:], strict=False):  # noqa: RUF007 - pairwise hides the emptiness check
        if start < end:
            yield data[start:end]


def test_raw_is_the_chunk(server: ScriptedServer, chat: ChatClient) -> None:
    """``raw`` holds what the service sent, for fields this package does not know."""
    body = {**chunk("a", finish_reason="stop"), "citations": [1]}
    server.reply([body])
    assert deltas_of(chat)[0].raw == json.loads(json.dumps(body))
