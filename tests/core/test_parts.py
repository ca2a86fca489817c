"""What a message says, in whatever parts it comes: the same whole and streamed, and no unknown part costs it."""

from __future__ import annotations

from typing import Any

import pytest

from azure_inference_core import ChatChoice, ChatClient
from tests.support import wire
from tests.support.scripted_server import ScriptedServer
from tests.support.wire import chunk

REFERENCE = {"type": "reference", "reference_ids": [1]}
WITH_TEXT = {"type": "reference", "reference_ids": ["a"], "text": "[1]"}


def text(words: str) -> dict[str, Any]:
    """A part that is text."""
    return {"type": "text", "text": words}


CONTENTS: dict[str, tuple[Any, str]] = {
    "text": ("He is retired.", "He is retired."),
    "nothing": (None, ""),
    "no parts": ([], ""),
    "a reference amid text": ([text("He is retired"), REFERENCE, text(".")], "He is retired."),
    "a reference alone": ([REFERENCE], ""),
    "a reference with text": ([text("Yes "), WITH_TEXT], "Yes [1]"),
    "a reference with content": ([{**REFERENCE, "content": [text("[1"), text("]")]}], "[1]"),
    "a reference in a reference": ([{"type": "reference", "reference": {**REFERENCE, "text": "[2]"}}], "[2]"),
    "several references": ([{"type": "reference", "references": [WITH_TEXT, REFERENCE]}], "[1]"),
    "the responses route's parts": ([{"type": "output_text", "text": "a", "annotations": []}], "a"),
    "text as an object": ([{"type": "text", "text": {"value": "a", "annotations": []}}], "a"),
    "text without a type": ([{"text": "a"}, "b", {"content": "c"}], "abc"),
    "text of an unknown kind": ([{"type": "poem", "poem": "a"}, {"type": "x", "value": [text("b")]}], "ab"),
    "a part without parts around it": (text("a"), "a"),
    "a picture and a file": ([{"type": "image_url", "image_url": {"url": "x"}}, text("a"), {"type": "file"}], "a"),
    "addresses and data": ([{"type": "document_url", "document_url": "u"}, {"type": "input_audio", "input_audio": "UklG"}, {"type": "image", "text": "a"}], "a"),
    "holes": ([None, 5, text("a"), [text("b")], {}], "ab"),
    "a tool's reference": ([text("a"), {"type": "tool_reference", "tool": "web", "title": "T", "url": "u"}], "a"),
}  # fmt: skip


def whole(server: ScriptedServer, chat: ChatClient, message: dict[str, Any]) -> ChatChoice:
    """The choice of a whole answer with this message."""
    body = wire.chat()
    body["choices"][0]["message"] = {"role": "assistant", **message}
    server.reply(body)
    return chat.complete(wire.MESSAGES).choices[0]


def streamed(server: ScriptedServer, chat: ChatClient, *pieces: dict[str, Any]) -> tuple[str, str, str]:
    """The text, reasoning and refusal of these pieces."""
    chunks = [chunk() for _ in pieces]
    for body, piece in zip(chunks, pieces, strict=True):
        body["choices"][0]["delta"] = piece
    server.reply([*chunks, chunk("", finish_reason="stop")])
    with chat.stream(wire.MESSAGES) as found:
        deltas = list(found)
    parts = zip(*((d.content, d.reasoning or "", d.refusal or "") for d in deltas), strict=True)
    said, thought, refused = ("".join(part) for part in parts)
    return said, thought, refused


@pytest.mark.parametrize("case", CONTENTS)
def test_no_part_costs_the_text(server: ScriptedServer, chat: ChatClient, case: str) -> None:
    """The visible text of every part is the answer's, in its order, whole and streamed."""
    content, said = CONTENTS[case]
    assert whole(server, chat, {"content": content}).content == said
    assert streamed(server, chat, {"content": content}) == (said, "", "")


def test_parts_between_pieces_of_text(server: ScriptedServer, chat: ChatClient) -> None:
    """A stream that changes between text and parts is one text."""
    pieces: list[dict[str, Any]] = [
        {"content": "He is"},
        {"content": [REFERENCE]},
        {"content": [text(" re"), WITH_TEXT]},
        {"content": "."},
    ]
    assert streamed(server, chat, *pieces) == ("He is re[1].", "", "")


def test_parts_of_no_known_kind_are_kept(server: ScriptedServer, chat: ChatClient) -> None:
    """They are among the annotations, as sent; a stream that repeats one gives it once."""
    found = whole(server, chat, {"content": [text("a"), REFERENCE, WITH_TEXT]})
    assert found.additions == {"annotations": [REFERENCE, WITH_TEXT]}
    assert whole(server, chat, {"content": [text("a"), "b", {"text": "c"}, None]}).additions is None
    server.reply(
        [
            *(chunk(content=[one]) for one in (REFERENCE, REFERENCE, WITH_TEXT)),
            chunk("", finish_reason="stop"),
        ]
    )
    with chat.stream(wire.MESSAGES) as deltas:
        given = [delta.additions for delta in deltas if delta.additions]
    assert given == [{"annotations": [REFERENCE]}, {"annotations": [WITH_TEXT]}]


REASONINGS: dict[str, dict[str, Any]] = {
    "reasoning_content": {"content": "a", "reasoning_content": "hm"},
    "reasoning": {"content": "a", "reasoning": "hm"},
    "under both names": {"content": "a", "reasoning_content": "hm", "reasoning": "hm"},
    "empty under one": {"content": "a", "reasoning_content": "", "reasoning": "hm"},
    "an object": {"content": "a", "reasoning": {"content": "hm", "effort": "low"}},
    "a summary": {"content": "a", "reasoning": {"summary": [{"type": "summary_text", "text": "hm"}]}},
    "details": {"content": "a", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}, {"type": "reasoning.encrypted", "data": "x"}]},
    "blocks": {"content": "a", "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]},
    "parts": {"content": [{"type": "thinking", "thinking": [text("h"), text("m")], "closed": True}, text("a")]},
    "a part with text": {"content": [{"type": "reasoning", "text": "hm"}, text("a")]},
    "a part with a summary": {"content": [{"type": "reasoning", "summary": [{"text": "hm"}]}, text("a")]},
    "a part of its own name": {"content": [{"type": "reasoning", "reasoning": "hm"}, text("a")]},
}  # fmt: skip


@pytest.mark.parametrize("case", REASONINGS)
def test_reasoning_in_its_shapes(server: ScriptedServer, chat: ChatClient, case: str) -> None:
    """Reasoning is told from the text under any name and in any shape, whole and streamed."""
    found = whole(server, chat, REASONINGS[case])
    assert (found.content, found.reasoning) == ("a", "hm")
    assert streamed(server, chat, REASONINGS[case]) == ("a", "hm", "")


def test_a_refusal_as_a_part(server: ScriptedServer, chat: ChatClient) -> None:
    """A refusal among the parts is one, and no text."""
    message = {"content": [{"type": "refusal", "refusal": "no"}]}
    found = whole(server, chat, message)
    assert (found.content, found.refusal) == ("", "no")
    assert streamed(server, chat, message) == ("", "", "no")


CHOICES: dict[str, tuple[dict[str, Any], str]] = {
    "no message": ({"finish_reason": "content_filter"}, ""),
    "a null message": ({"message": None, "finish_reason": "stop"}, ""),
    "an empty message": ({"message": {}, "finish_reason": "stop"}, ""),
    "a delta in its place": ({"delta": {"content": "a"}, "finish_reason": "stop"}, "a"),
    "text in its place": ({"text": "a", "finish_reason": "stop"}, "a"),
    "a role of its own": ({"message": {"role": "model", "content": "a"}, "finish_reason": "stop"}, "a"),
}


@pytest.mark.parametrize("case", CHOICES)
def test_choices_without_the_usual_message(server: ScriptedServer, chat: ChatClient, case: str) -> None:
    """A choice that only ends, or has its message under another name, is one, whole and as an event."""
    choice, said = CHOICES[case]
    body = {**wire.chat(), "choices": [None, {"index": 0, **choice}]}
    server.reply(body, [body])
    (found,) = chat.complete(wire.MESSAGES).choices
    assert (found.content, found.finish_reason) == (said, choice["finish_reason"])
    with chat.stream(wire.MESSAGES) as streamed_deltas:
        deltas = list(streamed_deltas)
    assert "".join(delta.content for delta in deltas) == said
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == [choice["finish_reason"]]
