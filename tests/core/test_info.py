"""``/info``: asked when wanted, once, and only where it exists."""

from __future__ import annotations

import pytest

from azure_inference_core import (
    ChatClient,
    CompletionsClient,
    ConfigurationError,
    EmbeddingsClient,
    MalformedResponseError,
    ModelInfo,
    NotFoundError,
)
from tests.support import wire
from tests.support.drive import connect
from tests.support.scripted_server import Reply, ScriptedServer

KNOWN = ModelInfo("tiny-model", "chat-completion", "Nobody")


@pytest.mark.parametrize("kind", [ChatClient, CompletionsClient, EmbeddingsClient])
async def test_info_is_asked_once(server: ScriptedServer, kind: type[ChatClient]) -> None:
    """Every client asks, remembers, and shares the answer between sync and async."""
    async with kind(connect(server.url)) as client:
        assert client.info() == KNOWN
        assert await client.ainfo() == KNOWN
        assert client.info() == KNOWN
    assert [(request.method, request.target) for request in server.requests] == [("GET", "/info?api-version=2024-05-01-preview")]  # fmt: skip
    assert server.last.headers["api-key"] == wire.CANARY_KEY


async def test_info_is_asked_once_async(server: ScriptedServer) -> None:
    """The first call may be async too."""
    async with ChatClient(connect(server.url)) as client:
        assert await client.ainfo() == KNOWN
        assert client.info() == KNOWN
    assert len(server.requests) == 1


def test_no_other_call_asks_for_info(server: ScriptedServer, chat: ChatClient) -> None:
    """A chat never asks what the model is."""
    chat.complete(wire.MESSAGES)
    assert [request.path for request in server.requests] == ["/chat/completions"]


@pytest.mark.parametrize("base", ["v1_url", "deployment_url"])
async def test_dialects_without_info_say_so(server: ScriptedServer, base: str) -> None:
    """Where the route does not exist nothing is sent."""
    async with ChatClient(connect(getattr(server, base))) as client:
        with pytest.raises(ConfigurationError, match="/info"):
            client.info()
        with pytest.raises(ConfigurationError, match="/info"):
            await client.ainfo()
    assert server.requests == []


def test_a_failure_is_not_remembered(server: ScriptedServer, chat: ChatClient) -> None:
    """A 404 is an error each time, until the route answers."""
    server.reply(Reply(404, {"detail": "Not Found"}))
    with pytest.raises(NotFoundError):
        chat.info()
    assert chat.info() == KNOWN


@pytest.mark.parametrize("body", [{}, {"model": "x"}, {"model_name": 5}], ids=str)
def test_an_answer_that_names_nothing_is_malformed(
    server: ScriptedServer, chat: ChatClient, body: object
) -> None:
    """An answer without any of the three fields is none."""
    server.reply(Reply(200, body))
    with pytest.raises(MalformedResponseError):
        chat.info()


def test_a_part_of_the_answer_is_enough(server: ScriptedServer, chat: ChatClient) -> None:
    """Fields that are missing or null are ``None``."""
    server.reply({"model_name": "x", "model_type": None})
    assert chat.info() == ModelInfo("x", None, None)
