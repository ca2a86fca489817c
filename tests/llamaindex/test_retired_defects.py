"""Each defect found in the retired integrations (chat 0.8.0: 1-32, embeddings 0.6.0: 33-42) is shown absent."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import pickle
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, ToolCallBlock
from llama_index.core.callbacks import CBEventType
from llama_index.core.tools import FunctionTool

import llamaindex_azure_inference
from llamaindex_azure_inference import AzureInference, AzureInferenceCompletion, AzureInferenceEmbedding
from llamaindex_azure_inference.errors import (
    ConfigurationError,
    MalformedResponseError,
    RateLimitedError,
    UnsupportedParameterError,
)
from tests.llamaindex.helpers import (
    KEY,
    WEATHER,
    Recorder,
    Song,
    ask,
    chat_model,
    embedding_model,
    user,
    weather,
)
from tests.llamaindex.test_messages import PNG
from tests.llamaindex.test_structured import PROMPT
from tests.llamaindex.test_tools import OSLO, calling, with_tools
from tests.support import wire
from tests.support.scripted_server import ScriptedServer
from tests.support.wire import AsyncFakeCredential

Check = Callable[[ScriptedServer], Awaitable[None]]
DEFECTS: dict[int, tuple[str, Check]] = {}


def defect(number: int, title: str) -> Callable[[Check], Check]:
    """Put a check in the table."""

    def put(check: Check) -> Check:
        DEFECTS[number] = (title, check)
        return check

    return put


@defect(1, "astream_complete always raised a TypeError")
async def _(server: ScriptedServer) -> None:
    assert (await ask(chat_model(server), "astream_complete"))[-1].text == wire.ANSWER


@defect(2, "no model ever called tools")
async def _(server: ScriptedServer) -> None:
    assert chat_model(server).metadata.is_function_calling_model


@defect(3, "no model was ever a chat model")
async def _(server: ScriptedServer) -> None:
    llm = chat_model(server)
    llm.model_info()
    assert llm.metadata.is_chat_model


@defect(4, "streams dropped every chunk without content")
async def _(server: ScriptedServer) -> None:
    server.reply(calling("stream", OSLO))
    last = (await with_tools(chat_model(server), "stream_chat_with_tools"))[-1]
    assert last.message.additional_kwargs["tool_calls"] == [OSLO]
    assert last.additional_kwargs["finish_reason"] == "tool_calls"


@defect(5, "chat_with_tools had no tool_choice")
async def _(server: ScriptedServer) -> None:
    chat_model(server).chat_with_tools([WEATHER], user_msg="x", tool_choice="required")
    assert server.last.json["tool_choice"] == "required"


@defect(6, "tool_choice=None overwrote tool_required")
async def _(server: ScriptedServer) -> None:
    llm = chat_model(server)
    await with_tools(llm, "stream_chat_with_tools", [WEATHER], tool_choice=None, tool_required=True)
    assert server.last.json["tool_choice"] == "required"


@defect(7, "images and tool-call blocks vanished")
async def _(server: ScriptedServer) -> None:
    llm = chat_model(server)
    llm.chat([ChatMessage(role="user", blocks=[ImageBlock(image=PNG)])])
    assert server.last.json["messages"][0]["content"][0]["type"] == "image_url"
    llm.chat([ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_call_id="c", tool_name="weather")])])
    assert server.last.json["messages"][0]["tool_calls"][0]["function"]["name"] == "weather"


@defect(8, "foreign keys and unknown roles went to the wire")
async def _(server: ScriptedServer) -> None:
    chat_model(server).chat([ChatMessage(role="chatbot", content="x", additional_kwargs={"foreign": 1})])
    assert server.last.json["messages"] == [{"role": "assistant", "content": "x"}]


@defect(9, "messages with tool calls did not serialise")
async def _(server: ScriptedServer) -> None:
    server.reply(wire.chat(None, tool_calls=[OSLO]))
    llm = chat_model(server)
    response = llm.chat_with_tools([WEATHER], user_msg="x")
    response.message = ChatMessage.model_validate_json(response.message.model_dump_json())
    assert llm.get_tool_calls_from_response(response)[0].tool_kwargs == {"city": "Oslo"}


@defect(10, "empty or cut arguments raised a JSONDecodeError")
async def _(server: ScriptedServer) -> None:
    llm = chat_model(server)
    for text in ("", '{"city'):
        server.reply(wire.chat(None, tool_calls=[wire.tool_call("weather", text, "c")]))
        response = llm.chat_with_tools([WEATHER], user_msg="x")
        assert llm.get_tool_calls_from_response(response)[0].tool_kwargs == {}


@defect(11, "complete was two events")
async def _(server: ScriptedServer) -> None:
    recorder = Recorder()
    chat_model(server, callback_manager=recorder.manager()).complete("x")
    assert recorder.started.count(CBEventType.LLM) == 1


@defect(12, "the context window was 3900 and could not be said")
async def _(server: ScriptedServer) -> None:
    assert chat_model(server).metadata.context_window > 3900
    assert chat_model(server, context_window=50_000).metadata.context_window == 50_000


@defect(13, "seed was a string, and from_dict never worked")
async def _(server: ScriptedServer) -> None:
    llm = chat_model(server, seed=None)
    AzureInference.from_dict(llm.to_dict(), credential=KEY, seed=7).complete("x")
    assert server.last.json["seed"] == 7


@defect(14, "metadata asked /info, blocking")
async def _(server: ScriptedServer) -> None:
    assert chat_model(server, model="mine").metadata.model_name == "mine"
    assert server.requests == []


@defect(15, "every async call opened a connection")
async def _(server: ScriptedServer) -> None:
    llm = chat_model(server)
    for _ in range(5):
        await llm.acomplete("x")
    assert server.connection_count == 1
    await llm.aclose()


@defect(16, "no usage, and raw of streams was no JSON")
async def _(server: ScriptedServer) -> None:
    last = (await ask(chat_model(server), "stream_chat"))[-1]
    assert last.additional_kwargs["prompt_tokens"] == 7
    assert json.loads(last.model_dump_json())["raw"]["usage"]["completion_tokens"] == 6


@defect(17, "an empty list of choices was an IndexError")
async def _(server: ScriptedServer) -> None:
    server.reply({**wire.chat(), "choices": []})
    with pytest.raises(MalformedResponseError):
        chat_model(server).complete("x")


@defect(18, "an error in mid stream ended it silently")
async def _(server: ScriptedServer) -> None:
    server.reply([wire.chunk("Once"), {"error": {"code": "429", "message": "slow down"}}])
    with pytest.raises(RateLimitedError):
        await ask(chat_model(server), "stream_chat")


@defect(19, "a 422 named neither parameter nor value")
async def _(server: ScriptedServer) -> None:
    with pytest.raises(UnsupportedParameterError, match="top_k") as caught:
        chat_model(server, extra_parameters="error").complete("x", top_k=3)
    assert caught.value.parameters[0].value == 3


@defect(20, "extras of a call replaced the constructor's, plain ones raised")
async def _(server: ScriptedServer) -> None:
    chat_model(server, model_extras={"a": 1}).complete("x", model_extras={"b": 2}, c=3)
    assert {"a": 1, "b": 2, "c": 3}.items() <= server.last.json.items()


@defect(21, "temperature was limited to 1 and always sent")
async def _(server: ScriptedServer) -> None:
    chat_model(server).complete("x")
    assert "temperature" not in server.last.json
    chat_model(server, temperature=1.5).complete("x")
    assert server.last.json["temperature"] == 1.5


@defect(22, "no tools sent an empty list, or a choice alone")
async def _(server: ScriptedServer) -> None:
    llm = chat_model(server)
    for way in ("chat_with_tools", "stream_chat_with_tools"):
        await with_tools(llm, way, [])
        assert server.last.json.keys() <= {"messages", "stream"}


@defect(23, "a user message given as ChatMessage was ignored in streams")
async def _(server: ScriptedServer) -> None:
    message = ChatMessage(role="user", content="Here.")
    await with_tools(chat_model(server), "stream_chat_with_tools", [WEATHER], user_msg=message)
    assert server.last.json["messages"] == [{"role": "user", "content": "Here."}]


@defect(24, "a tool name with a space failed in streams only")
async def _(server: ScriptedServer) -> None:
    tool = FunctionTool.from_defaults(weather, name="get weather")
    llm = chat_model(server)
    for way in ("chat_with_tools", "stream_chat_with_tools"):
        await with_tools(llm, way, [tool])
        assert server.last.json["tools"][0]["function"]["name"] == "get_weather"


@defect(25, "the caller's history grew")
async def _(server: ScriptedServer) -> None:
    history = user()
    chat_model(server).chat_with_tools([WEATHER], user_msg="x", chat_history=history)
    assert len(history) == 1


@defect(26, "the key was written into the caller's headers")
async def _(server: ScriptedServer) -> None:
    headers = {"x-team": "a"}
    chat_model(server, client_kwargs={"headers": headers}).complete("x")
    assert headers == {"x-team": "a"}


@defect(27, "the helpful messages were dead code")
async def _(server: ScriptedServer) -> None:
    with pytest.raises(ConfigurationError, match="AZURE_INFERENCE_ENDPOINT"):
        AzureInference(credential=KEY)


@defect(28, "an async credential failed in sync calls")
async def _(server: ScriptedServer) -> None:
    with ScriptedServer(key="token-1", tls=True) as secured:
        assert chat_model(secured, credential=AsyncFakeCredential()).complete("x").text


@defect(29, "the example of the docstring raised")
async def _(server: ScriptedServer) -> None:
    for cls in (AzureInference, AzureInferenceCompletion, AzureInferenceEmbedding):
        found = re.search(r"```python\n(.*?)```", inspect.getdoc(cls) or "", re.DOTALL)
        assert found
        code = (
            found[1].replace("https://<name>.<region>.models.ai.azure.com", server.url).replace("<key>", KEY)
        )
        exec(code, {cls.__name__: cls})


@defect(30, "a placeholder stood in an error's text")
async def _(server: ScriptedServer) -> None:
    with pytest.raises(ConfigurationError) as caught:
        chat_model(server).chat(
            [ChatMessage(role="assistant", additional_kwargs={"tool_calls": [{"type": "x"}]})]
        )
    assert "{" not in str(caught.value)


@defect(31, "no logprobs, timeouts, retries, modes of extras, json_schema or parallel switch")
async def _(server: ScriptedServer) -> None:
    settings: dict[str, Any] = {"timeout": 9, "max_retries": 0, "extra_parameters": "drop"}
    llm = chat_model(server, **settings, structured_output="json_schema", send_parallel_tool_calls=True)
    server.reply(wire.chat('{"title": "Rain", "year": 1}'))
    assert llm.structured_predict(Song, PROMPT, topic="x").title == "Rain"
    assert server.last.json["response_format"]["type"] == "json_schema"
    llm.chat_with_tools([WEATHER], user_msg="x")
    assert server.last.json["parallel_tool_calls"] is False
    assert server.last.headers["extra-parameters"] == "drop"
    body = wire.chat("Hi")
    body["choices"][0]["logprobs"] = {"content": [{"token": "Hi", "logprob": -0.5}]}
    server.reply(body)
    assert llm.chat(user(), logprobs=True).logprobs


@defect(32, "the pickle held the key")
async def _(server: ScriptedServer) -> None:
    assert KEY.encode() not in pickle.dumps(chat_model(server))


@defect(33, "no model name and no /info was an AttributeError")
async def _(server: ScriptedServer) -> None:
    embedding = embedding_model(server, endpoint=server.v1_url)
    assert embedding.get_text_embedding("x") == wire.vector_of("x")


@defect(34, "a second event loop broke the embeddings")
async def _(server: ScriptedServer) -> None:
    embedding = embedding_model(server)

    def in_a_loop() -> list[float]:
        return asyncio.run(embedding.aget_text_embedding("x"))

    for _ in range(2):
        assert await asyncio.to_thread(in_a_loop) == wire.vector_of("x")
    embedding.close()


@defect(35, "the input type was never sent")
async def _(server: ScriptedServer) -> None:
    embedding_model(server).get_query_embedding("x")
    assert server.last.json["input_type"] == "query"


@defect(36, "vectors were taken in the order of arrival")
async def _(server: ScriptedServer) -> None:
    body = wire.embeddings(["a", "b"])
    body["data"].reverse()
    server.reply(body)
    embedding = embedding_model(server, encoding_format="float")
    assert embedding.get_text_embedding_batch(["a", "b"]) == [wire.vector_of("a"), wire.vector_of("b")]


@defect(37, "copies of embeddings did not work")
async def _(server: ScriptedServer) -> None:
    embedding = embedding_model(server)
    await embedding.aget_text_embedding("x")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_INFERENCE_CREDENTIAL", KEY)
        copies = [copy.deepcopy(embedding), pickle.loads(pickle.dumps(embedding))]
        copies.append(AzureInferenceEmbedding.from_dict(embedding.to_dict()))
        for again in copies:
            assert await again.aget_text_embedding("x") == wire.vector_of("x")
            await again.aclose()
    await embedding.aclose()


@defect(38, "the constructor asked /info, and an async credential broke it")
async def _(server: ScriptedServer) -> None:
    with ScriptedServer(key="token-1", tls=True) as secured:
        embedding = embedding_model(secured, credential=AsyncFakeCredential())
        assert secured.requests == []
        assert embedding.get_text_embedding("x") == wire.vector_of("x")


@defect(39, "the caller's client_kwargs were changed")
async def _(server: ScriptedServer) -> None:
    given: dict[str, Any] = {"headers": {"x-team": "a"}}
    embedding_model(server, client_kwargs=given, api_version="2024-05-01-preview")
    assert given == {"headers": {"x-team": "a"}}


@defect(40, "base64 was a ValidationError, and there were no dimensions")
async def _(server: ScriptedServer) -> None:
    embedding = embedding_model(server, encoding_format="base64", dimensions=8)
    assert embedding.get_text_embedding("x") == wire.vector_of("x", 8)


@defect(41, "import * was a TypeError")
async def _(server: ScriptedServer) -> None:
    assert all(isinstance(name, str) for name in llamaindex_azure_inference.__all__)


@defect(42, "there were no image embeddings")
async def _(server: ScriptedServer) -> None:
    url = "https://example.com/a.png"
    assert embedding_model(server).get_image_embedding(url) == wire.vector_of(url)


@pytest.mark.parametrize("number", DEFECTS, ids=lambda number: f"{number}: {DEFECTS[number][0]}")
async def test_defect_is_absent(plain: ScriptedServer, number: int) -> None:
    """What the retired integration got wrong works here."""
    await DEFECTS[number][1](plain)


def test_table_is_complete() -> None:
    """All 42 are there."""
    assert sorted(DEFECTS) == list(range(1, 43))
