"""The 45 defects found in the retired integration (chat D1 to D37, embeddings E1 to E8), each shown absent.

One row a defect: its number, what was wrong there, and a check that would fail if it were so here.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.exceptions import ModelError
from langchain_core.load import dumps
from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    ToolMessage,
)
from pydantic import BaseModel, SecretStr
from typing_extensions import TypedDict

import langchain_azure_inference as package
from azure_inference_core import InferenceError
from langchain_azure_inference import AzureInferenceEmbeddings, ChatAzureInference, ConfigurationError
from tests.support import wire
from tests.support.scripted_server import Reply, ScriptedServer, Stream

Check = Callable[[ScriptedServer], None]
ROWS: list[tuple[str, str, Check]] = []


def defect(number: str, was: str) -> Callable[[Check], Check]:
    """Enter a check into the table."""

    def enter(check: Check) -> Check:
        ROWS.append((number, was, check))
        return check

    return enter


def chat(server: ScriptedServer, **more: Any) -> ChatAzureInference:
    """A chat model on the scripted endpoint."""
    return ChatAzureInference(**{"endpoint": server.url, "credential": "test", **more})


def embeddings(server: ScriptedServer, **more: Any) -> AzureInferenceEmbeddings:
    """Embeddings on the scripted endpoint."""
    return AzureInferenceEmbeddings(**{"endpoint": server.url, "credential": "test", **more})


def whole(chunks: Any) -> Any:
    """Chunks added up."""
    full = None
    for chunk in chunks:
        full = chunk if full is None else full + chunk
    return full


class Joke(BaseModel):
    """A joke."""

    setup: str


class JokeDict(TypedDict):
    """A joke."""

    setup: str


@defect("D1", "the cache answered for another model")
def _(server: ScriptedServer) -> None:
    cache = InMemoryCache()
    chat(server, model="a", cache=cache).invoke("x")
    chat(server, model="b", cache=cache).invoke("x")
    assert len(server.requests) == 2


@defect("D2", "the key leaked into repr, dumps and callbacks")
def _(server: ScriptedServer) -> None:
    model = chat(server, credential="canary")
    assert "canary" not in repr(model) + dumps(model) + str(model.model_dump()) + str(model._serialized)


@defect("D3", "zeros were dropped")
def _(server: ScriptedServer) -> None:
    zeros = {"temperature": 0, "seed": 0, "top_p": 0, "max_tokens": 0, "presence_penalty": 0}
    chat(server, **zeros).invoke("x")
    assert zeros.items() <= server.last.json.items()


@defect("D4", "an error inside a stream was swallowed")
def _(server: ScriptedServer) -> None:
    server.reply([wire.chunk("He"), {"error": {"code": "500", "message": "broken"}}])
    with pytest.raises(InferenceError):
        list(chat(server).stream("x"))


@defect("D5", "streamed tool calls without index vanished")
def _(server: ScriptedServer) -> None:
    server.reply([wire.chunk(tool_calls=[wire.tool_call()]), wire.chunk("", finish_reason="tool_calls")])
    assert whole(chat(server).stream("x")).tool_calls[0]["args"] == {"city": "Seattle"}


@defect("D6", "usage lost its details, was summed when cumulative, and was repeated for every choice")
def _(server: ScriptedServer) -> None:
    usage = {**wire.USAGE, "prompt_tokens_details": {"cached_tokens": 2}}
    server.reply(wire.chat(usage=usage), wire.chat_chunks(style="cumulative"))
    assert chat(server).invoke("x").usage_metadata["input_token_details"] == {"cache_read": 2}  # type: ignore[index]
    assert whole(chat(server).stream("x")).usage_metadata["total_tokens"] == 13
    body = wire.chat()
    body["choices"].append({**body["choices"][0], "index": 1})
    server.reply(body)
    result = chat(server, n=2).generate([[HumanMessage("x")], [HumanMessage("y")]])
    assert result.generations[0][1].message.usage_metadata is None  # type: ignore[union-attr]
    assert result.llm_output["token_usage"]["total_tokens"] == 26  # type: ignore[index]


@defect("D7", "LangChain's content blocks were sent raw")
def _(server: ScriptedServer) -> None:
    block = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
    thought = AIMessage([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "a"}])
    chat(server).invoke([HumanMessage(["see", block]), thought, HumanMessage("b")])
    messages = server.last.json["messages"]
    assert messages[0]["content"][1]["type"] == "image_url"
    assert messages[1]["content"] == "a"


@defect("D8", "unknown constructor keywords were ignored in silence, and timeout with them")
def _(server: ScriptedServer) -> None:
    with pytest.warns(UserWarning, match="temperature"):
        chat(server, temperatrue=1).invoke("x")
    assert server.last.json["temperatrue"] == 1
    server.reply(Reply(200, wire.chat(), delay=3))
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        chat(server, timeout=0.2, max_retries=0).invoke("x")
    assert time.monotonic() - begun < 2


@defect(
    "D9", "json_mode gave dicts for classes, function dicts and strict sent broken schemas, TypedDict failed"
)
def _(server: ScriptedServer) -> None:
    server.reply_always(lambda _request: '{"setup": "why?"}')
    assert isinstance(chat(server).with_structured_output(Joke, method="json_mode").invoke("x"), Joke)
    parameters = {"type": "object", "properties": {"setup": {"type": "string"}}}
    function = {"name": "joke", "parameters": parameters}
    chat(server).with_structured_output(function, method="json_schema", strict=True).invoke("x")
    schema = server.last.json["response_format"]["json_schema"]["schema"]
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert chat(server).with_structured_output(JokeDict, method="json_schema").invoke("x") == {
        "setup": "why?"
    }


@defect("D10", "stop was a string on the wire, and a list was refused")
def _(server: ScriptedServer) -> None:
    chat(server, stop=["a", "b"]).invoke("x")
    assert server.last.json["stop"] == ["a", "b"]
    chat(server, stop="a").invoke("x")
    assert server.last.json["stop"] == ["a"]


@defect("D11", "a call could not override the constructor")
def _(server: ScriptedServer) -> None:
    chat(server, temperature=1, top_k=1).bind(temperature=0).invoke("x", top_k=2)
    assert (server.last.json["temperature"], server.last.json["top_k"]) == (0, 2)


@defect("D12", "any other keyword of a call was a TypeError")
def _(server: ScriptedServer) -> None:
    extras = {"top_k": 1, "logprobs": True, "user": "me"}
    chat(server).invoke("x", stream_usage=True, **extras)
    assert extras.items() <= server.last.json.items()


@defect("D13", "an OpenAI response_format dict was refused")
def _(server: ScriptedServer) -> None:
    from langchain.agents import create_agent

    server.reply_always(lambda _request: '{"setup": "why?"}')
    agent = create_agent(chat(server, model="gpt-4o"), [], response_format=Joke)
    state = agent.invoke({"messages": [("user", "x")]})
    assert state["structured_response"] == Joke(setup="why?")
    assert server.last.json["response_format"]["type"] == "json_schema"


@defect("D14", "errors were not LangChain's, and a 422 did not name the parameter")
def _(server: ScriptedServer) -> None:
    detail = {"loc": ["body", "seed"], "input": "x"}
    server.reply(Reply(422, {"code": "parameter_not_supported", "detail": detail}))
    with pytest.raises(ModelError, match="seed") as caught:
        chat(server).invoke("x")
    assert caught.value.is_retryable is False
    assert len(server.requests) == 1


@defect("D15", "usage of GPT deployments could not be streamed")
def _(server: ScriptedServer) -> None:
    assert (
        whole(chat(server, endpoint=server.deployment_url).stream("x")).usage_metadata["total_tokens"] == 13
    )


@defect("D16", "reasoning was lost")
def _(server: ScriptedServer) -> None:
    server.reply([wire.chunk(reasoning_content="hm"), wire.chunk("a", finish_reason="stop")])
    assert whole(chat(server).stream("x")).content_blocks[0] == {"type": "reasoning", "reasoning": "hm"}
    body = wire.chat("a")
    body["choices"][0]["message"]["reasoning_content"] = "hm"
    server.reply(body)
    assert chat(server).invoke("x").additional_kwargs["reasoning_content"] == "hm"


@defect("D17", "refusals and filter results were lost")
def _(server: ScriptedServer) -> None:
    body = wire.chat("")
    body["choices"][0]["message"]["refusal"] = "no"
    body["choices"][0]["content_filter_results"] = {"hate": {"filtered": True}}
    server.reply(body, body)
    message = chat(server).invoke("x")
    assert message.additional_kwargs["refusal"] == "no"
    assert message.response_metadata["content_filter_results"] == {"hate": {"filtered": True}}
    with pytest.raises(package.RefusalError, match="no"):
        chat(server).with_structured_output(Joke, method="json_schema").invoke("x")


@defect("D18", "a tool call with broken JSON lost the whole answer")
def _(server: ScriptedServer) -> None:
    server.reply(wire.chat("text", tool_calls=[wire.tool_call(arguments="{broken")]))
    message = chat(server).invoke("x")
    assert (message.text, message.invalid_tool_calls[0]["args"]) == ("text", "{broken")


@defect("D19", "invalid tool calls were dropped from the history")
def _(server: ScriptedServer) -> None:
    call = {"name": "f", "args": "{broken", "id": "c", "error": None, "type": "invalid_tool_call"}
    chat(server).invoke([AIMessage("", invalid_tool_calls=[call]), ToolMessage("no", tool_call_id="c")])
    arguments = server.last.json["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"INVALID_JSON": "{broken"}


@defect("D20", "ChatMessage was sent as role 'chat', FunctionMessage as {}")
def _(server: ScriptedServer) -> None:
    chat(server).invoke([ChatMessage("x", role="user")])
    assert server.last.json["messages"] == [{"role": "user", "content": "x"}]
    with pytest.raises(ConfigurationError, match="FunctionMessage"):
        chat(server).invoke([FunctionMessage("x", name="f")])


@defect("D21", "tool_choice by name or True was sent raw")
def _(server: ScriptedServer) -> None:
    tool = {"name": "f", "parameters": {"type": "object", "properties": {}}}
    chat(server).bind_tools([tool], tool_choice="f").invoke("x")
    assert server.last.json["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    chat(server).bind_tools([tool], tool_choice=True).invoke("x")
    assert server.last.json["tool_choice"] == "required"


@defect("D22", "function_calling ignored strict, unknown methods and keywords passed in silence")
def _(server: ScriptedServer) -> None:
    server.reply_always(
        lambda _request: wire.chat(None, tool_calls=[wire.tool_call("Joke", '{"setup": "a"}')])
    )
    chat(server).with_structured_output(Joke, strict=True, top_k=1).invoke("x")
    assert server.last.json["tools"][0]["function"]["strict"] is True
    assert server.last.json["top_k"] == 1
    with pytest.raises(ConfigurationError, match="magic"):
        chat(server).with_structured_output(Joke, method="magic")  # type: ignore[arg-type]


@defect("D23", "a JSON schema with only a title was sent without a name")
def _(server: ScriptedServer) -> None:
    server.reply("{}")
    schema = {"title": "my joke", "type": "object", "properties": {"setup": {"type": "string"}}}
    chat(server).with_structured_output(schema, method="json_schema").invoke("x")
    assert server.last.json["response_format"]["json_schema"]["name"] == "my_joke"


@defect("D24", "logprobs, id, fingerprint, model name, provider and creation time were absent")
def _(server: ScriptedServer) -> None:
    body = wire.chat(system_fingerprint="fp")
    body["choices"][0]["logprobs"] = {"content": []}
    server.reply(body)
    metadata = chat(server).invoke("x").response_metadata
    names = {"logprobs", "id", "system_fingerprint", "model_name", "model_provider", "created"}
    assert names <= metadata.keys()


@defect("D25", "CRLF and keep-alive comments in a stream were a ValueError")
def _(server: ScriptedServer) -> None:
    event = json.dumps(wire.chunk("Hello", finish_reason="stop"))
    server.reply(Stream([b": ping\r\n\r\n", f"data: {event}\r\n\r\n".encode()]))
    assert whole(chat(server).stream("x")).text == "Hello"


@defect("D26", "a second event loop failed, and there was no close")
def _(server: ScriptedServer) -> None:
    model = chat(server)
    for _ in range(3):
        assert asyncio.run(model.ainvoke("x")).content
    with model:
        model.invoke("x")
    asyncio.run(model.aclose())


@defect("D27", "the constructor called /info")
def _(server: ScriptedServer) -> None:
    chat(server)
    assert server.requests == []


@defect("D28", "the Entra ID scope did not fit the host")
def _(server: ScriptedServer) -> None:
    def scopes(host: str) -> tuple[str, ...]:
        return ChatAzureInference(endpoint=f"https://{host}", credential="k")._client.connection.scopes

    assert scopes("x.services.ai.azure.com/models") != scopes("x.eastus.inference.ml.azure.com")
    assert scopes("x.eastus.inference.ml.azure.com") == ("https://ml.azure.com/.default",)
    assert chat(server, credential_scopes=["s"])._client.connection.scopes == ("s",)


@defect(
    "D29", "not serialisable, no profile, token counts by download, no SecretStr, no max_completion_tokens"
)
def _(server: ScriptedServer) -> None:
    model = chat(server, credential=SecretStr("test"), model="gpt-4o", max_completion_tokens=5)
    assert model.is_lc_serializable()
    assert model.profile
    assert model.get_num_tokens("four words are here") > 0
    model.invoke("x")
    assert server.last.json["max_completion_tokens"] == 5


@defect("D30", "extra-parameters: drop was impossible")
def _(server: ScriptedServer) -> None:
    chat(server, top_k=1, extra_parameters="drop").invoke("x")
    assert server.last.headers["extra-parameters"] == "drop"


@defect("D31", "the provider's name was made of the class name")
def _(server: ScriptedServer) -> None:
    assert chat(server)._get_ls_params()["ls_provider"] == "azure_inference"


@defect("D32", "the caller's client_kwargs were written to")
def _(server: ScriptedServer) -> None:
    given = {"user_agent": "mine"}
    chat(server, client_kwargs=given).invoke("x")
    assert given == {"user_agent": "mine"}
    assert "mine" in server.last.headers["user-agent"]


@defect("D33", "error texts named environment variables that were not read")
def _(server: ScriptedServer) -> None:
    with pytest.raises(ConfigurationError, match="AZURE_INFERENCE_ENDPOINT"):
        ChatAzureInference()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_INFERENCE_ENDPOINT", server.url)
        patch.setenv("AZURE_INFERENCE_CREDENTIAL", "test")
        assert ChatAzureInference().invoke("x").content


@defect("D34", "role tool became a ChatMessage")
def _(server: ScriptedServer) -> None:
    with pytest.raises(ConfigurationError, match="role 'tool'"):
        chat(server).invoke([ChatMessage("3", role="tool")])
    body = wire.chat("x")
    body["choices"][0]["message"]["role"] = None
    server.reply(body)
    assert type(chat(server).invoke("x")) is AIMessage


@defect("D35", "leaving a stream early left the response open")
def _(server: ScriptedServer) -> None:
    server.reply(Stream([wire.chunk("a ")] * 500, pause=0.05))
    stream = chat(server).stream("x")
    next(stream)
    stream.close()
    end = time.monotonic() + 3
    while server.open_connections and time.monotonic() < end:
        time.sleep(0.01)
    assert server.open_connections == 0


@defect("D36", "a human's name was dropped, and a tool's missing name was sent as null")
def _(server: ScriptedServer) -> None:
    call = {"name": "f", "args": {}, "id": "c", "type": "tool_call"}
    history = [
        HumanMessage("x", name="ann"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("3", tool_call_id="c"),
    ]
    chat(server).invoke(history)
    messages = server.last.json["messages"]
    assert messages[0]["name"] == "ann"
    assert all("name" not in message for message in messages[1:])


@defect("D37", "importing a class by name gave another class")
def _(_server: ScriptedServer) -> None:
    for name in package.__all__:
        found = getattr(package, name)
        assert not inspect.isclass(found) or found.__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'AzureInferenceChat'"):
        _ = package.AzureInferenceChat


@defect("E1", "vectors were taken in the order of the answer")
def _(server: ScriptedServer) -> None:
    body = wire.embeddings(["a", "b"], encoding_format="base64")
    body["data"].reverse()
    server.reply(body)
    assert embeddings(server).embed_documents(["a", "b"]) == [wire.vector_of("a"), wire.vector_of("b")]


@defect("E2", "query and document were not told apart, or by the model's name")
def _(server: ScriptedServer) -> None:
    embeddings(server, model="my-deployment").embed_query("x")
    embeddings(server, model="my-deployment").embed_documents(["x"])
    assert [body["input_type"] for body in server.bodies] == ["query", "document"]


@defect("E3", "the key was in repr")
def _(server: ScriptedServer) -> None:
    model = embeddings(server, credential="canary")
    assert "canary" not in repr(model) + str(model) + str(model.model_dump())


@defect("E4", "batches of 1024 went to models that take 96")
def _(server: ScriptedServer) -> None:
    embeddings(server).embed_documents(["x"] * 100)
    assert max(len(body["input"]) for body in server.bodies) == 96


@defect("E5", "base64 came back as the vector")
def _(server: ScriptedServer) -> None:
    assert embeddings(server, encoding_format="base64").embed_query("x") == wire.vector_of("x")


@defect("E6", "names in __all__ could not be imported")
def _(_server: ScriptedServer) -> None:
    for module in (package, package.embeddings, package.chat_models, package.llms, package.errors):
        assert all(hasattr(module, name) for name in module.__all__)


@defect("E7", "attributes were unset when a model was given, and a missing provider name crashed")
def _(server: ScriptedServer) -> None:
    assert embeddings(server, model="m").model_name == "m"
    server.reply({"model_name": "m", "model_type": "embedding", "model_provider_name": None})
    assert embeddings(server).model_info().model_provider_name is None


@defect(
    "E8", "errors unmapped, no aclose, no second loop, no keywords of a call, usage lost, one batch at a time"
)
def _(server: ScriptedServer) -> None:
    model = embeddings(server, batch_size=1)
    for _ in range(2):
        assert asyncio.run(model.aembed_query("x"))
    asyncio.run(model.aclose())
    model.embed_documents(["a"], dimensions=2)
    assert server.last.json["dimensions"] == 2
    assert model.embed_with_usage(["a", "b"]).usage
    server.reply(Reply(404, {}))
    with pytest.raises(ModelError):
        model.embed_query("x")


@pytest.mark.parametrize(("number", "was", "check"), ROWS, ids=[row[0] for row in ROWS])
def test_a_defect_of_the_retired_integration_is_absent(
    server: ScriptedServer, number: str, was: str, check: Check
) -> None:
    """What was wrong in the retired integration is right here; one row a defect."""
    assert number
    assert was
    check(server)


def test_the_table_is_complete() -> None:
    """All 45 rows are there, in order."""
    assert [row[0] for row in ROWS] == [f"D{n}" for n in range(1, 38)] + [f"E{n}" for n in range(1, 9)]
