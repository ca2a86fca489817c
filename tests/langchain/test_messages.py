"""Messages and content blocks, into the API and out of it."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_azure_inference import ChatAzureInference, ConfigurationError
from tests.support import wire
from tests.support.scripted_server import ScriptedServer

PNG = "data:image/png;base64,aGk="
CALL = {"name": "weather", "args": {"city": "Zürich"}, "id": "c1", "type": "tool_call"}
WIRE_CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Zürich"}'},
}
IMAGE_PART = {"type": "image_url", "image_url": {"url": PNG}}
AUDIO_PART = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
MP3_PART = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}}


def model_of(server: ScriptedServer, **more: Any) -> ChatAzureInference:
    """A model on the scripted endpoint."""
    return ChatAzureInference(endpoint=server.url, credential="test", **more)


def sent(server: ScriptedServer, *messages: BaseMessage) -> list[dict[str, Any]]:
    """What arrives of messages; a lax endpoint is not asked whether it likes them."""
    model_of(server).invoke(list(messages))
    found: list[dict[str, Any]] = server.last.json["messages"]
    return found


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (SystemMessage("be brief"), {"role": "system", "content": "be brief"}),
        (
            SystemMessage([{"type": "text", "text": "be"}, {"type": "text", "text": "brief"}]),
            {"role": "system", "content": "be\nbrief"},
        ),
        (
            SystemMessage("x", additional_kwargs={"__openai_role__": "developer"}),
            {"role": "developer", "content": "x"},
        ),
        (HumanMessage("hi"), {"role": "user", "content": "hi"}),
        (HumanMessage("hi", name="ann"), {"role": "user", "content": "hi", "name": "ann"}),
        (HumanMessage([{"type": "text", "text": "hi"}]), {"role": "user", "content": "hi"}),
        (HumanMessage(["hi"]), {"role": "user", "content": "hi"}),
        (HumanMessage([{"text": "hi"}]), {"role": "user", "content": "hi"}),
        (HumanMessage([]), {"role": "user", "content": ""}),
        (AIMessage("yes"), {"role": "assistant", "content": "yes"}),
        (AIMessage(""), {"role": "assistant", "content": ""}),
        (
            AIMessage("", tool_calls=[CALL]),
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
        ),
        (
            AIMessage([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
            {"role": "assistant", "content": "ab"},
        ),
        (
            AIMessage([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "a"}]),
            {"role": "assistant", "content": "a"},
        ),
        (
            AIMessage(
                [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "a"}]
            ),
            {"role": "assistant", "content": "a"},
        ),
        (
            AIMessage([{"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Zürich"}}]),
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
        ),
        (
            AIMessage(content_blocks=[CALL], response_metadata={"output_version": "v1"}),
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
        ),
        (
            AIMessage("", additional_kwargs={"refusal": "I will not."}),
            {"role": "assistant", "content": "I will not."},
        ),
        (
            AIMessage([{"type": "refusal", "refusal": "I will not."}]),
            {"role": "assistant", "content": "I will not."},
        ),
        (ChatMessage("hi", role="user"), {"role": "user", "content": "hi"}),
        (ChatMessage("hi", role="developer"), {"role": "developer", "content": "hi"}),
        (ChatMessage("yes", role="ai"), {"role": "assistant", "content": "yes"}),
    ],
)
def test_a_message_becomes_one_wire_message(
    server: ScriptedServer, message: BaseMessage, expected: dict[str, Any]
) -> None:
    """Every message type arrives in the API's form, with nothing added and no nulls."""
    assert sent(server, message) == [expected]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"type": "image_url", "image_url": {"url": PNG}}, IMAGE_PART),
        ({"type": "image_url", "image_url": PNG}, IMAGE_PART),
        (
            {"type": "image_url", "image_url": {"url": "https://host.example/a.png", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://host.example/a.png", "detail": "low"}},
        ),
        ({"type": "image", "base64": "aGk=", "mime_type": "image/png"}, IMAGE_PART),
        (
            {"type": "image", "url": "https://host.example/a.png"},
            {"type": "image_url", "image_url": {"url": "https://host.example/a.png"}},
        ),
        ({"type": "image", "source_type": "base64", "data": "aGk=", "mime_type": "image/png"}, IMAGE_PART),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
            IMAGE_PART,
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://host.example/a.png"}},
            {"type": "image_url", "image_url": {"url": "https://host.example/a.png"}},
        ),
        ({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}, AUDIO_PART),
        ({"type": "audio", "base64": "aGk=", "mime_type": "audio/wav"}, AUDIO_PART),
        ({"type": "audio", "base64": "aGk=", "mime_type": "audio/x-wav"}, AUDIO_PART),
        ({"type": "audio", "base64": "aGk=", "mime_type": "audio/mpeg"}, MP3_PART),
        ({"type": "audio", "source_type": "base64", "data": "aGk=", "mime_type": "audio/mp3"}, MP3_PART),
        (
            {"type": "audio", "url": "https://host.example/a.mp3"},
            {"type": "audio_url", "audio_url": {"url": "https://host.example/a.mp3"}},
        ),
        (
            {"type": "text-plain", "text": "words", "mime_type": "text/plain"},
            {"type": "text", "text": "words"},
        ),
        (
            {"type": "text", "text": "words", "cache_control": {"type": "ephemeral"}, "index": 0},
            {"type": "text", "text": "words"},
        ),
        ({"type": "non_standard", "value": {"type": "image_url", "image_url": {"url": PNG}}}, IMAGE_PART),
        ({"type": "image", "base64": PNG, "mime_type": "image/png"}, IMAGE_PART),
        (
            {"type": "input_image", "image_url": PNG, "detail": "low"},
            {**IMAGE_PART, "image_url": {"url": PNG, "detail": "low"}},
        ),
        ({"type": "media", "mime_type": "image/png", "data": "aGk="}, IMAGE_PART),
        ({"type": "media", "mime_type": "audio/wav", "data": "aGk="}, AUDIO_PART),
        (
            {"type": "media", "mime_type": "image/png", "file_uri": "https://host.example/a.png"},
            {"type": "image_url", "image_url": {"url": "https://host.example/a.png"}},
        ),
        (
            {"type": "image", "url": "http://host.example/a.png"},
            {"type": "image_url", "image_url": {"url": "http://host.example/a.png"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "data:audio/wav;base64,aGk=", "format": "wav"}},
            AUDIO_PART,
        ),
        (
            {"type": "file", "base64": "aGk=", "mime_type": "text/markdown", "filename": "a.md"},
            {"type": "text", "text": "a.md:\nhi"},
        ),
        ({"type": "text-plain", "base64": "aGk=", "mime_type": "text/plain"}, {"type": "text", "text": "hi"}),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
            {"type": "text", "text": "hi"},
        ),
    ],
)
def test_a_block_becomes_one_part(
    server: ScriptedServer, block: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Text, images and audio arrive as the API's parts in each spelling that LangChain knows."""
    (message,) = sent(server, HumanMessage([{"type": "text", "text": "see:"}, block]))
    assert message["content"] == [{"type": "text", "text": "see:"}, expected]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            HumanMessage([{"type": "video", "url": "https://host.example/a.mp4"}]),
            ["'video'", "messages[0] (human)"],
        ),
        (
            HumanMessage(["a", {"type": "file", "base64": "aGk=", "mime_type": "application/pdf"}]),
            ["'file'", "content block 1"],
        ),
        (HumanMessage([{"type": "file", "file": {"file_id": "f1"}}]), ["'file'"]),
        (HumanMessage([{"type": "image", "file_id": "f1"}]), ["https: or data:"]),
        (
            HumanMessage([{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]),
            ["'file'", "image_from_path"],
        ),
        (HumanMessage([{"type": "image", "url": "ftp://host.example/a.png"}]), ["'ftp'"]),
        (HumanMessage([{"type": "image_url", "image_url": {"url": "/etc/passwd"}}]), ["https: or data:"]),
        (HumanMessage([{"type": "audio", "base64": "aGk="}]), ["wav and mp3"]),
        (HumanMessage([{"type": "image", "source": {"data": "aGk="}}]), ["media type"]),
        (HumanMessage([{"type": "image", "base64": "no base64", "mime_type": "image/png"}]), ["not base64"]),
        (HumanMessage([{"type": "input_audio"}]), ["input_audio"]),
        (HumanMessage([{"cachePoint": {}}]), ["None"]),
        (SystemMessage([{"type": "image_url", "image_url": {"url": PNG}}]), ["only user messages"]),
        (
            ToolMessage(
                [{"type": "file", "base64": "aGk=", "mime_type": "application/pdf"}], tool_call_id="c1"
            ),
            ["messages[0] (tool)", "'file'", "extract its text"],
        ),
        (FunctionMessage("3", name="f"), ["FunctionMessage", "ToolMessage"]),
        (ChatMessage("hi", role="narrator"), ["'narrator'"]),
        (RemoveMessage("id"), ["RemoveMessage"]),
    ],
)
def test_what_the_api_cannot_carry_is_refused(
    server: ScriptedServer, message: BaseMessage, words: list[str]
) -> None:
    """A message or block with no place in the API is named with its position, and nothing is sent."""
    with pytest.raises(ConfigurationError) as caught:
        model_of(server).invoke([message])
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert server.requests == []


def test_a_tool_conversation_arrives(server: ScriptedServer) -> None:
    """Calls, broken calls, and results with lists and errors keep their ids and order."""
    broken = {"name": "weather", "args": '{"city": ', "id": "c2", "error": "bad", "type": "invalid_tool_call"}
    messages = sent(
        server,
        HumanMessage("weather?"),
        AIMessage("let me see", tool_calls=[CALL], invalid_tool_calls=[broken]),
        ToolMessage([{"type": "text", "text": "sun"}, "and wind"], tool_call_id="c1", name="weather"),
        ToolMessage("bad arguments", tool_call_id="c2", status="error"),
    )
    shown = json.dumps({"INVALID_JSON": broken["args"]})
    broken_call = {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": shown}}
    assert messages[1:] == [
        {"role": "assistant", "content": "let me see", "tool_calls": [WIRE_CALL, broken_call]},
        {"role": "tool", "tool_call_id": "c1", "content": "sun\nand wind"},
        {"role": "tool", "tool_call_id": "c2", "content": "bad arguments"},
    ]


def test_anthropic_tool_results_become_tool_messages(server: ScriptedServer) -> None:
    """A ``tool_result`` block of a human message answers its call before the human speaks on."""
    messages = sent(
        server,
        AIMessage([{"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Zürich"}}]),
        HumanMessage(
            [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "sun"}]},
                {"type": "text", "text": "and tomorrow?"},
            ]
        ),
    )
    assert messages[1:] == [
        {"role": "tool", "tool_call_id": "c1", "content": "sun"},
        {"role": "user", "content": "and tomorrow?"},
    ]


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"type": "json", "json": {"a": [1]}}, '{"a": [1]}'),
        ({"json": {"a": "ü"}}, '{"a": "ü"}'),
        ({"a": 1}, '{"a": 1}'),
        ({"type": "custom_tool_call_output", "output": "wet"}, "wet"),
        ({"type": "search_result", "title": "t"}, '{"type": "search_result", "title": "t"}'),
        ({"type": "file", "url": "https://host.example/a.pdf"}, "https://host.example/a.pdf"),
        ({"type": "image", "url": "resource://a.png", "mime_type": "image/png"}, "resource://a.png"),
        ({"type": "file", "base64": "aGk=", "mime_type": "application/json"}, "hi"),
    ],
)
def test_what_a_tool_returns_is_text(server: ScriptedServer, block: dict[str, Any], text: str) -> None:
    """Data of tools goes as JSON, links as links, text files as text."""
    messages = sent(
        server, HumanMessage("x"), AIMessage("", tool_calls=[CALL]), ToolMessage([block], tool_call_id="c1")
    )
    assert messages[2]["content"] == text


def test_a_call_without_an_id_gets_the_same_one_each_time(server: ScriptedServer) -> None:
    """Calls that were stored without an id are sent with one each, the same ones in every request."""
    call = {**CALL, "id": None}
    first, second = (sent(server, AIMessage("", tool_calls=[call, call])) for _ in range(2))
    assert first == second
    ids = [call["id"] for call in first[0]["tool_calls"]]
    assert len(set(ids)) == 2
    assert all(ids)


def test_a_familys_ids_are_its_own(server: ScriptedServer) -> None:
    """Where the model's family wants nine letters and digits, a call and its answer get the same nine."""
    call = {**CALL, "id": "call_of_another_provider"}
    history = [AIMessage("", tool_calls=[call]), ToolMessage("sun", tool_call_id=call["id"])]
    model_of(server, model="prod-1", family="mistral-large").invoke(history)
    asked, answered = server.last.json["messages"]
    assert asked["tool_calls"][0]["id"] == answered["tool_call_id"]
    assert re.fullmatch("[a-zA-Z0-9]{9}", answered["tool_call_id"])


@pytest.mark.parametrize(
    ("data", "block", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", {"type": "image", "source": {}}, "image/png"),
        (b"\xff\xd8\xff", {"type": "image", "mime_type": "image/png"}, "image/jpeg"),
        (b"?", {"type": "image", "mime_type": "image/tiff"}, "image/tiff"),
        (b"RIFF....WAVE", {"type": "audio"}, "wav"),
        (b"ID3", {"type": "audio"}, "mp3"),
    ],
)
def test_media_are_told_by_their_first_bytes(
    server: ScriptedServer, data: bytes, block: dict[str, Any], kind: str
) -> None:
    """An image or sound says what it is; what cannot be told is what its block says."""
    text = base64.b64encode(data).decode()
    lines = f"{text[:2]}\r\n{text[2:]}\n"  # as MIME writes it
    given = {**block, "source": {"data": text}} if "source" in block else {**block, "base64": lines}
    (message,) = sent(server, HumanMessage([given]))
    (part,) = message["content"]
    if block["type"] == "image":
        assert part["image_url"]["url"] == f"data:{kind};base64,{text}"
    else:
        assert part["input_audio"] == {"data": text, "format": kind}


def test_messages_are_not_touched(server: ScriptedServer) -> None:
    """Mapping leaves the caller's messages as they were."""
    message = HumanMessage([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PNG}}])
    before = message.model_dump_json()
    sent(server, message)
    assert message.model_dump_json() == before


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_goes_back_in(server: ScriptedServer, version: str, streamed: bool) -> None:
    """An answer with reasoning, text and a call can be history of the next call, in either output version."""
    server.reply(
        wire.chat("Let me look.", tool_calls=[wire.tool_call()])
        if not streamed
        else [
            wire.chunk("", role="assistant", reasoning_content="hm"),
            wire.chunk("Let me look."),
            wire.chunk(tool_calls=[wire.tool_call(index=0)]),
            wire.chunk("", finish_reason="tool_calls"),
        ]
    )
    model = model_of(server, output_version=version)
    answer: Any = model.invoke("weather?") if not streamed else None
    if streamed:
        for chunk in model.stream("weather?"):
            answer = chunk if answer is None else answer + chunk
    model.invoke([HumanMessage("weather?"), answer, ToolMessage("sun", tool_call_id="abc0dF1gh")])
    assert server.last.json["messages"][1] == {
        "role": "assistant",
        "content": "Let me look.",
        "tool_calls": [wire.tool_call()],
    }


def test_tool_calls_come_out(server: ScriptedServer) -> None:
    """Calls become ``tool_calls``; arguments that are no JSON object become ``invalid_tool_calls`` as written."""
    calls = [
        wire.tool_call(arguments='{"city": "Oslo"}', call_id="a"),
        wire.tool_call(arguments="", call_id="b"),
        wire.tool_call(arguments='{"city": ', call_id="c"),
        wire.tool_call(arguments="[1]", call_id="d"),
        wire.tool_call(call_id=None),
    ]
    server.reply(wire.chat(None, tool_calls=calls))
    message = model_of(server).invoke("weather?")
    assert [(call["id"], call["args"]) for call in message.tool_calls[:2]] == [
        ("a", {"city": "Oslo"}),
        ("b", {}),
    ]
    assert re.fullmatch("[a-zA-Z0-9]{9}", message.tool_calls[2]["id"] or "")
    assert [(call["id"], call["args"]) for call in message.invalid_tool_calls] == [
        ("c", '{"city": '),
        ("d", "[1]"),
    ]
    kinds = [block["type"] for block in message.content_blocks]
    assert kinds == ["tool_call"] * 3 + ["invalid_tool_call"] * 2


def test_arguments_in_single_quotes_are_read(server: ScriptedServer) -> None:
    """Arguments as Cohere's models write them, with single quotes, are the call's arguments."""
    server.reply(wire.chat(None, tool_calls=[wire.tool_call(arguments="{'city': 'Oslo'}")]))
    assert model_of(server).invoke("x").tool_calls[0]["args"] == {"city": "Oslo"}


def test_reasoning_and_refusals_come_out(server: ScriptedServer) -> None:
    """Reasoning and refusals are content blocks of their own, whole and streamed."""
    body = wire.chat("text")
    body["choices"][0]["message"].update(reasoning_content="hm", refusal="no")
    server.reply(body)
    message = model_of(server).invoke("x")
    assert message.additional_kwargs == {"reasoning_content": "hm", "refusal": "no"}
    expected = [
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "text", "text": "text"},
        {"type": "refusal", "refusal": "no"},
    ]
    assert message.content_blocks == expected
    server.reply(
        [
            wire.chunk(reasoning_content="h"),
            wire.chunk(reasoning_content="m"),
            wire.chunk("te"),
            wire.chunk("xt"),
            wire.chunk(refusal="no"),
            wire.chunk("", finish_reason="stop"),
        ]
    )
    full: Any = None
    for chunk in model_of(server).stream("x"):
        full = chunk if full is None else full + chunk
    assert isinstance(full, AIMessageChunk)
    assert full.content_blocks == expected
    assert message.text == full.text == "text"


THOUGHTS = [
    ("<think>\nhm\n</think>\n\nanswer", "answer", "hm\n"),
    ("answer only", "answer only", ""),
    ("<think></think>a <b> c", "a <b> c", ""),
    ("before <think>x</think> after", "before after", "x"),
    ("<think>never closed", "", "never closed"),
    ("a <thi", "a <thi", ""),
    ("<think>a</thin b</think>c", "c", "a</thin b"),
]


@pytest.mark.parametrize(("text", "answer", "thought"), THOUGHTS)
@pytest.mark.parametrize("size", [0, 1, 3, 7])
def test_think_tags_are_split_on_request(
    server: ScriptedServer, text: str, answer: str, thought: str, size: int
) -> None:
    """``split_think`` makes reasoning of ``<think>`` the same way, whatever the borders of the pieces."""
    model = model_of(server, split_think=True)
    if size == 0:
        server.reply(text)
        full: Any = model.invoke("x")
    else:
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        server.reply([*map(wire.chunk, pieces), wire.chunk("", finish_reason="stop")])
        full = None
        for chunk in model.stream("x"):
            full = chunk if full is None else full + chunk
    assert full.content == answer
    assert full.additional_kwargs.get("reasoning_content", "") == thought


def test_think_tags_go_by_the_family_unless_asked(server: ScriptedServer) -> None:
    """Without ``split_think`` the tags are reasoning where the family writes them, else the model's text."""
    text = "<think>hm</think>answer"
    for more, expected in (
        ({}, text),
        ({"model": "QwQ-32B"}, "answer"),
        ({"model": "prod-1", "family": "qwq"}, "answer"),
        ({"model": "QwQ-32B", "split_think": False}, text),
    ):
        model = model_of(server, **more)
        server.reply(text)
        assert model.invoke("x").content == expected
        server.reply(wire.chat_chunks(text))
        assert "".join(chunk.text for chunk in model.stream("x")) == expected
    server.reply(text)
    assert model_of(server).invoke("x", split_think=True).content == "answer"
    assert "split_think" not in server.last.json
