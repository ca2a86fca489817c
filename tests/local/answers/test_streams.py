"""Streams: their chunks, in the order of the dialect, and their end."""

import json

import pytest

USER = [{"role": "user", "content": "one two three"}]


def events(text):
    """The JSON of each event of a stream; it has to end with [DONE] and hold nothing but `data: ` lines."""
    assert "\r" not in text
    assert text.endswith("data: [DONE]\n\n")
    lines = text.split("\n\n")[:-2]
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line[6:]) for line in lines]


def test_stream(client):
    """Usage comes in the last content chunk beside the finish reason; the role in the first only."""
    answer = client.post("/chat/completions", json={"messages": USER, "stream": True})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    chunks = events(answer.text)
    assert {c["object"] for c in chunks} == {"chat.completion.chunk"}
    assert len({c["id"] for c in chunks}) == 1
    assert [("role" in c["choices"][0]["delta"]) for c in chunks] == [True, False, False, False]
    assert [("usage" in c) for c in chunks] == [False, False, False, True]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_streamed_tool_call(client):
    """A streamed call has its id and name first; the fragments after it have neither."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    answer = client.post("/chat/completions", json={"messages": USER, "tools": tools, "stream": True})
    parts = [p for c in events(answer.text) for p in c["choices"][0]["delta"].get("tool_calls", ())]
    assert parts[0]["id"].startswith("call_")
    assert parts[0]["function"]["name"] == "f"
    assert all("id" not in part for part in parts[1:])


@pytest.mark.parametrize("stream", [False, True])
def test_completions(client, stream):
    """A text completion has the legacy shape, streamed and not."""
    answer = client.post("/completions", json={"prompt": "a b", "stream": stream})
    bodies = events(answer.text) if stream else [answer.json()]
    assert "".join(b["choices"][0]["text"] for b in bodies) == "a b"
    assert bodies[-1]["choices"][0]["finish_reason"] == "stop"
    assert bodies[-1]["usage"]["total_tokens"] == 7
    assert {b["object"] for b in bodies} == {"text_completion"}
    assert bodies[0]["id"].startswith("cmpl-")


def test_error_in_a_stream(client):
    """An engine that fails midway ends the stream with an error event and without [DONE]."""
    body = {"messages": [{"role": "user", "content": "all is crash well"}], "stream": True}
    text = client.post("/chat/completions", json=body).text
    assert '"engine_failed"' in text.split("\n\n")[-2]
    assert "[DONE]" not in text
