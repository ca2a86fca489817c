"""What stands beside an answer: citations, what a user's own data gave, sounds, counts, and the request's id."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest

from azure_inference_core import ChatClient, ChatDelta, CompletionsClient
from azure_inference_core._response.optional import Citation, citations_of, join
from tests.support import wire
from tests.support.drive import connect
from tests.support.scripted_server import Reply, ScriptedServer
from tests.support.wire import chunk

WEB = {
    "type": "url_citation",
    "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 3},
}
FOUND = {"content": "a document", "title": "/d/a.pdf", "url": None, "filepath": "a.pdf", "score": 0.5}
CONTEXT = {"citations": [FOUND], "intent": '["x"]', "score": 0.25, "count": 2, "is_new": True}
SOUND = b"RIFF" + bytes(range(70))
"""Its length is no multiple of three."""


def streamed(server: ScriptedServer, chat: ChatClient, *pieces: dict[str, Any]) -> list[ChatDelta]:
    """The deltas of a stream with these pieces."""
    server.reply([*(chunk(**piece) for piece in pieces), chunk("", finish_reason="stop")])
    with chat.stream(wire.MESSAGES) as deltas:
        return list(deltas)


def added(deltas: list[ChatDelta]) -> dict[str, Any]:
    """What these deltas add together."""
    known: dict[str, Any] = {}
    for delta in deltas:
        join(known, delta.additions or {})
    return known


ADDITIONS: dict[str, dict[str, Any]] = {
    "citations": {"annotations": [WEB, {**WEB, "url_citation": {"url": "https://b.example"}}]},
    "own data": {"context": CONTEXT},
    "both": {"annotations": [WEB], "context": CONTEXT},
    "a sound": {"audio": {"id": "s1", "data": "UklGRg==", "transcript": "Hello.", "expires_at": 5}},
}


@pytest.mark.parametrize("case", ADDITIONS)
def test_additions_are_kept(server: ScriptedServer, chat: ChatClient, case: str) -> None:
    """As sent, whole and streamed, and once where every piece repeats them; the text is untouched."""
    body = wire.chat("Yes.")
    body["choices"][0]["message"].update(ADDITIONS[case])
    server.reply(body)
    (choice,) = chat.complete(wire.MESSAGES).choices
    assert (choice.content, choice.additions) == ("Yes.", ADDITIONS[case])
    first = {"content": "Yes", **copy.deepcopy(ADDITIONS[case])}
    again = {**ADDITIONS[case], "audio": None} if case == "a sound" else ADDITIONS[case]
    deltas = streamed(server, chat, first, {"content": ".", **again}, again)
    assert "".join(delta.content for delta in deltas) == "Yes."
    assert added(deltas) == ADDITIONS[case]


@pytest.mark.parametrize("piece", [{}, {"delta": {}}, {"delta": None}])
def test_what_a_last_message_adds(server: ScriptedServer, chat: ChatClient, piece: dict[str, Any]) -> None:
    """A stream that tells the whole message once more at its end adds what was not told, and no text twice."""
    whole = {"role": "assistant", "content": "Yes.", **ADDITIONS["both"]}
    last = {"id": "c", "choices": [{"index": 0, **piece, "message": whole, "finish_reason": "stop"}]}
    server.reply([wire.chunk("Yes."), last])
    deltas = list(chat.stream(wire.MESSAGES))
    assert added(deltas) == ADDITIONS["both"]
    assert "".join(delta.content for delta in deltas) == "Yes."


def test_nothing_odd_is_added(server: ScriptedServer, chat: ChatClient) -> None:
    """What is not of its kind stays in ``raw``."""
    odd = {"annotations": "x", "context": [1], "audio": "y"}
    body = wire.chat("Yes.")
    body["choices"][0]["message"].update(odd)
    server.reply(body)
    result = chat.complete(wire.MESSAGES)
    assert result.choices[0].additions is None
    assert result.raw["choices"][0]["message"]["context"] == [1]
    deltas = streamed(
        server, chat, {"content": "Yes.", **odd}, {"annotations": [None, 5], "context": {}, "audio": {}}
    )
    assert added(deltas) == {}
    assert "".join(delta.content for delta in deltas) == "Yes."


@pytest.mark.parametrize("size", [1, 10, 20, 24, 100])
@pytest.mark.parametrize("is_text_cut", [False, True])
def test_a_sound_in_pieces(server: ScriptedServer, chat: ChatClient, size: int, is_text_cut: bool) -> None:
    """Pieces that are each base64 for themselves, or one base64 that is cut, join to the sound; its words are the text."""
    if is_text_cut:
        text = base64.b64encode(SOUND).decode()
        size = size // 4 * 4 or 4
        data = [text[start : start + size] for start in range(0, len(text), size)]
    else:
        data = [
            base64.b64encode(SOUND[start : start + size]).decode() for start in range(0, len(SOUND), size)
        ]
    pieces = [{"audio": {"id": "s1", "data": piece, "format": "wav"}} for piece in data]
    words = [{"audio": {"id": "s1", "transcript": word}} for word in ("Hello", " you")]
    deltas = streamed(server, chat, words[0], *pieces, words[1], {"audio": {"expires_at": 5}})
    sound = added(deltas)["audio"]
    assert base64.b64decode(sound.pop("data"), validate=True) == SOUND
    assert sound == {"id": "s1", "transcript": "Hello you", "format": "wav", "expires_at": 5}
    assert "".join(delta.content for delta in deltas) == "Hello you"


def test_the_words_of_a_sound_are_the_text(server: ScriptedServer, chat: ChatClient) -> None:
    """Where there is no other text."""
    for content, said in ((None, "Hello."), ("", "Hello."), ("Yes.", "Yes.")):
        body = wire.chat(content)
        body["choices"][0]["message"]["audio"] = {"id": "s1", "data": "UklGRg==", "transcript": "Hello."}
        server.reply(body)
        assert chat.complete(wire.MESSAGES).choices[0].content == said


CITED: dict[str, tuple[dict[str, Any], list[Citation], str]] = {
    "the web": ({"annotations": [WEB]}, [Citation("https://a.example", "A", None, 0, 3, {})], "https://a.example"),
    "the web, flat": (
        {"annotations": [{"type": "url_citation", "url": "u", "title": "", "start_index": True, "x": 1}]},
        [Citation("u", None, None, None, None, {"title": "", "start_index": True, "x": 1})],
        "u",
    ),
    "a file": (
        {"annotations": [{"type": "file_citation", "text": "[1]", "file_citation": {"file_id": "f1", "quote": "q"}}]},
        [Citation(None, None, "q", None, None, {"text": "[1]", "file_id": "f1"})],
        "f1",
    ),
    "own data": ({"context": CONTEXT}, [Citation(None, "/d/a.pdf", "a document", None, None, {"filepath": "a.pdf", "score": 0.5})], "a.pdf"),
    "own data with a title": ({"context": {"citations": [{"title": "T", "content": ""}]}}, [Citation(None, "T", None, None, None, {"content": ""})], "T"),
    "no citation": ({"annotations": [{"type": "reference", "reference_ids": [1]}], "context": {"citations": "x"}}, [], ""),
    "nothing": ({}, [], ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CITED)
def test_citations(case: str) -> None:
    """Annotations of every form, then what own data gave, with the best name of the source."""
    additions, expected, source = CITED[case]
    found = citations_of(additions)
    assert found == expected
    assert "".join(citation.source for citation in found) == source


@pytest.mark.parametrize("place", ["body", "choice", "both"])
def test_usage_in_a_choice(server: ScriptedServer, chat: ChatClient, place: str) -> None:
    """Some services count in the choice; the answer's own counts come first."""
    other = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    body = wire.chat()
    last = chunk("", finish_reason="stop")
    for answer in (body, last):
        answer.pop("usage", None)
        if place != "choice":
            answer["usage"] = wire.USAGE
        if place != "body":
            answer["choices"][0]["usage"] = other
    server.reply(body, [chunk("a"), last])
    expected = other if place == "choice" else wire.USAGE
    assert chat.complete(wire.MESSAGES).usage == expected
    with chat.stream(wire.MESSAGES) as deltas:
        assert [delta.usage for delta in deltas if delta.usage] == [expected]


@pytest.mark.parametrize("first", ["tool_calls", "length", "content_filter"])
def test_a_later_stop_ends_nothing(server: ScriptedServer, chat: ChatClient, first: str) -> None:
    """Why a choice ended is not taken back by a plain end after it; what content safety says later counts."""
    reasons = [first, "stop", "", None, "content_filter"]
    server.reply([chunk("a"), *(chunk("", finish_reason=reason) for reason in reasons)])
    with chat.stream(wire.MESSAGES) as deltas:
        assert [d.finish_reason for d in deltas if d.finish_reason] == [first, "content_filter"]


async def test_a_stream_says_its_request(server: ScriptedServer, chat: ChatClient) -> None:
    """Every delta has the id of the request, of either route, sync and async, and of a body that came whole."""
    headers = {"x-request-id": "req-1"}
    data = b"".join(wire.events(wire.chat_chunks()))
    events = Reply(200, data, headers, content_type="text/event-stream")
    server.reply(events, events, Reply(200, wire.chat(), headers))
    with chat.stream(wire.MESSAGES) as deltas:
        assert {delta.request_id for delta in deltas} == {"req-1"}
    async with ChatClient(chat.connection) as client, client.astream(wire.MESSAGES) as later:
        assert {delta.request_id async for delta in later} == {"req-1"}
    with chat.stream(wire.MESSAGES) as deltas:
        assert {delta.request_id for delta in deltas} == {"req-1"}
    server.reply(Reply(200, b"".join(wire.events(wire.completion_chunks())), headers, "text/event-stream"))
    with CompletionsClient(connect(server.url)) as writer, writer.stream("x") as pieces:
        assert {piece.request_id for piece in pieces} == {"req-1"}
