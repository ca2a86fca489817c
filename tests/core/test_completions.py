"""Text completions, whole and streamed, sync and async."""

from __future__ import annotations

from typing import Any

import pytest

from azure_inference_core import (
    CompletionsClient,
    ConfigurationError,
    IncompleteResponseError,
    MalformedResponseError,
    ServerError,
)
from tests.support import wire
from tests.support.drive import connect
from tests.support.scripted_server import Reply, ScriptedServer, Stream


async def test_a_prompt_is_completed(server: ScriptedServer) -> None:
    """The result holds text, reason, usage and ids; sync and async are equal."""
    async with CompletionsClient(connect(server.url)) as client:
        result = client.complete("Once", max_tokens=5, stop="\n", best_of=2)
        assert await client.acomplete("Once", max_tokens=5, stop="\n", best_of=2) == result
    assert server.last.json == {"prompt": "Once", "max_tokens": 5, "stop": ["\n"], "best_of": 2}
    assert server.last.headers["extra-parameters"] == "pass-through"
    (choice,) = result.choices
    assert (choice.index, choice.text, choice.finish_reason) == (0, wire.ANSWER, "stop")
    assert (result.usage, result.model, result.attempts) == (wire.USAGE, "tiny-model", 1)
    assert result.raw["object"] == "text_completion"


async def test_a_completion_is_streamed(server: ScriptedServer) -> None:
    """The pieces join to the text, usage comes last; sync and async are equal."""
    async with CompletionsClient(connect(server.url)) as client:
        with client.stream("Once") as deltas:
            found = list(deltas)
        async with client.astream("Once") as twins:
            assert [delta async for delta in twins] == found
    assert server.last.json == {"prompt": "Once", "stream": True}
    assert "".join(delta.text for delta in found) == wire.ANSWER
    assert [delta.usage for delta in found if delta.usage] == [wire.USAGE]
    assert found[-1].usage == wire.USAGE
    assert [delta.finish_reason for delta in found if delta.finish_reason] == ["stop"]


async def test_a_cut_stream_is_incomplete(server: ScriptedServer) -> None:
    """A stream that ends early raises with its text, sync and async."""
    server.reply(*[Stream(wire.completion_chunks()[:2], done=False)] * 2)
    async with CompletionsClient(connect(server.url)) as client:
        with pytest.raises(IncompleteResponseError) as caught:
            list(client.stream("Once"))
        with pytest.raises(IncompleteResponseError):
            [delta async for delta in client.astream("Once")]
    assert caught.value.partial == "The quick"


def test_a_whole_answer_is_read_as_a_stream(server: ScriptedServer) -> None:
    """A server that ignores ``stream`` is understood."""
    server.reply(wire.completion("whole"))
    with CompletionsClient(connect(server.url)) as client, client.stream("Once") as deltas:
        assert "".join(delta.text for delta in deltas) == "whole"


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{"index": 0}]}, {"choices": [{"text": 5}]}, {"choices": "x"}], ids=str)  # fmt: skip
def test_an_answer_of_another_shape_is_malformed(server: ScriptedServer, body: dict[str, Any]) -> None:
    """No text, no completion."""
    server.reply(Reply(200, body))
    with CompletionsClient(connect(server.url)) as client, pytest.raises(MalformedResponseError):
        client.complete("Once")


@pytest.mark.parametrize("prompt", [None, 5, b"x", ["a", "b"], ["\ud800"]], ids=repr)
def test_only_a_text_is_a_prompt(server: ScriptedServer, prompt: Any) -> None:
    """The API's managed server takes one string only; anything else is refused before sending."""
    with CompletionsClient(connect(server.url)) as client, pytest.raises(ConfigurationError, match="prompt"):
        client.complete(prompt)
    assert server.requests == []


@pytest.mark.parametrize("name", ["messages", "tools", "tool_choice"])
def test_chat_parameters_are_refused(server: ScriptedServer, name: str) -> None:
    """Chat's own parameters are reserved, not extras."""
    with CompletionsClient(connect(server.url)) as client, pytest.raises(ConfigurationError, match=name):
        client.complete("Once", **{name: []})
    assert server.requests == []


@pytest.mark.usefixtures("quick_retries")
def test_failures_are_those_of_chat(server: ScriptedServer) -> None:
    """Retries and classes are the same on this route."""
    server.reply(*[Reply(503, {})] * 3)
    with CompletionsClient(connect(server.url)) as client:
        with pytest.raises(ServerError) as caught:
            client.complete("Once")
        assert caught.value.attempts == 3
        assert client.complete("Once").choices[0].text == wire.ANSWER
