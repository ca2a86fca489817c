"""``ChatAzureInference``: parameters, streams, metadata, caches, tracing."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.outputs import LLMResult
from langchain_core.rate_limiters import InMemoryRateLimiter
from pydantic import BaseModel
from typing_extensions import TypedDict

from azure_inference_core import Timeouts
from langchain_azure_inference import ChatAzureInference, ConfigurationError, ModelInfo
from tests.support import wire
from tests.support.scripted_server import ScriptedServer


def model_of(server: ScriptedServer, **more: Any) -> ChatAzureInference:
    """A model on the scripted endpoint."""
    return ChatAzureInference(**{"endpoint": server.url, "credential": "test", **more})


def whole(chunks: Any) -> AIMessageChunk:
    """Chunks added up."""
    full = None
    for chunk in chunks:
        full = chunk if full is None else full + chunk
    assert isinstance(full, AIMessageChunk)
    return full


def extras_of(server: ScriptedServer) -> dict[str, Any]:
    """The newest body without its messages."""
    return {name: value for name, value in server.last.json.items() if name != "messages"}


ZEROS = {
    "temperature": 0,
    "top_p": 0,
    "max_tokens": 0,
    "seed": 0,
    "frequency_penalty": 0,
    "presence_penalty": 0,
}


def test_zero_is_sent_and_none_is_not(server: ScriptedServer) -> None:
    """Every common parameter travels when it is 0 and stays at home when it is ``None``."""
    model_of(server, **ZEROS).invoke("x")
    assert extras_of(server) == ZEROS
    model_of(server, **dict.fromkeys(ZEROS)).invoke("x")
    assert extras_of(server) == {}


def test_a_calls_values_win(server: ScriptedServer) -> None:
    """``invoke``, ``bind`` and ``bind`` on top of it override the constructor, extras included."""
    model = model_of(server, temperature=1, max_tokens=5, top_k=1, model="a", stop=["x"])
    model.invoke("x", temperature=0, model="b", top_k=2, min_p=0.1, stop="y")
    assert extras_of(server) == {
        "model": "b",
        "temperature": 0,
        "max_tokens": 5,
        "top_k": 2,
        "min_p": 0.1,
        "stop": ["y"],
    }
    model.bind(max_tokens=7).bind(top_k=3).invoke("x", model_extras={"best_of": 1})
    assert extras_of(server) == {
        "model": "a",
        "temperature": 1,
        "max_tokens": 7,
        "top_k": 3,
        "best_of": 1,
        "stop": ["x"],
    }
    assert server.last.headers["extra-parameters"] == "pass-through"


@pytest.mark.parametrize("spelling", ["model_extras", "model_kwargs"])
def test_extras_have_three_ways_in(server: ScriptedServer, spelling: str) -> None:
    """A keyword, ``model_extras`` and the retired ``model_kwargs`` come to the same body."""
    model_of(server, **{spelling: {"safe_prompt": True}}, top_k=4).invoke("x")
    assert extras_of(server) == {"safe_prompt": True, "top_k": 4}


def test_extra_parameters_can_be_chosen(server: ScriptedServer) -> None:
    """The header says ``drop`` for a model and ``error`` for one call, as asked."""
    model = model_of(server, extra_parameters="drop", safe_prompt=True)
    model.invoke("x")
    assert server.last.headers["extra-parameters"] == "drop"
    server.strict = False
    model.invoke("x", extra_parameters="error")
    assert server.last.headers["extra-parameters"] == "error"


def test_a_slip_of_the_pen_is_sent_and_pointed_out(server: ScriptedServer) -> None:
    """A keyword one slip from a known one travels as an extra, with a warning that names the known one."""
    with pytest.warns(UserWarning, match="'temperature'"):
        model_of(server, tempperature=0.5).invoke("x")
    assert extras_of(server) == {"tempperature": 0.5}


@pytest.mark.parametrize("stop", ["END", ["END"]])
def test_stop_is_a_string_or_a_list(server: ScriptedServer, stop: Any) -> None:
    """Constructor and call take either form of ``stop``; the API gets a list."""
    model_of(server, stop=stop).invoke("x")
    assert extras_of(server) == {"stop": ["END"]}
    model_of(server).invoke("x", stop=stop)
    assert extras_of(server) == {"stop": ["END"]}
    model_of(server, stop=[]).invoke("x")
    assert extras_of(server) == {}


def test_a_field_may_change_later(server: ScriptedServer) -> None:
    """An assigned value counts from the next call on, the connection's included, and so does the cache key."""
    model = model_of(server, temperature=1, cache=InMemoryCache())
    model.invoke("x")
    model.temperature = 0
    model.invoke("x")
    assert extras_of(server) == {"temperature": 0}
    model.model_name = "b"
    model.default_headers = {"azureml-model-deployment": "blue"}
    model.invoke("x")
    assert extras_of(server) == {"temperature": 0, "model": "b"}
    assert server.last.headers["azureml-model-deployment"] == "blue"
    model.endpoint = "ftp://host.example"
    with pytest.raises(ConfigurationError, match="endpoint"):
        model.invoke("x")
    model.close()  # what was open before can be closed all the same
    model.endpoint = server.url
    assert model.invoke("x").content


def test_a_copy_takes_the_constructors_words(server: ScriptedServer) -> None:
    """``model_copy`` knows aliases, extras and ``None`` as the constructor does, and says what is wrong at once."""
    model = model_of(server, model="b", temperature=1, top_k=1)
    copied = model.model_copy(
        update={
            "model_name": "c",
            "base_url": server.v1_url,
            "api_key": "test",
            "temperature": None,
            "min_p": 0,
        }
    )
    assert copied.invoke("x").content
    assert server.last.path == "/openai/v1/chat/completions"
    assert extras_of(server) == {"model": "c", "top_k": 1, "min_p": 0}
    assert (model.model, model.temperature, model.model_extras) == ("b", 1, {"top_k": 1})
    assert model.model_copy(update={"model_kwargs": {"min_p": 1}}).model_extras == {"min_p": 1}
    assert "test" not in repr(vars(copied)["credential"])
    with pytest.raises(ConfigurationError, match="endpoint"):
        model.model_copy(update={"endpoint": "ftp://host.example"})
    with pytest.raises(ConfigurationError, match="project_endpoint"):
        model.model_copy(update={"project_endpoint": "https://host.example/v1"})


def test_words_of_the_retired_class_are_attributes(server: ScriptedServer) -> None:
    """``model_name`` and ``model_kwargs`` can be read and changed."""
    model = model_of(server, model_name="a", model_kwargs={"top_k": 1})
    assert (model.model_name, model.model_kwargs) == ("a", {"top_k": 1})
    model.model_kwargs = {"min_p": 1}
    model.invoke("x")
    assert extras_of(server) == {"model": "a", "min_p": 1}


def test_what_looks_like_a_secret_is_not_sent(server: ScriptedServer) -> None:
    """A keyword that looks like a key is refused, in the constructor and in a call, without its value."""
    for use in (
        lambda: model_of(server, openai_key="canary"),
        lambda: model_of(server).invoke("x", api_kee="canary"),
        lambda: model_of(server).bind(api_key="canary").invoke("x"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            use()
        assert "canary" not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("json_object", {"type": "json_object"}),
        ({"type": "json_object"}, {"type": "json_object"}),
        (
            {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
            {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
        ),
    ],
)
def test_response_format_takes_strings_and_dicts(
    server: ScriptedServer, value: Any, expected: dict[str, Any]
) -> None:
    """``response_format`` in the constructor and in a call, as a word or as OpenAI's dict."""
    server.reply_always(lambda _request: wire.chat("{}"))
    model_of(server, response_format=value).invoke("x")
    assert extras_of(server) == {"response_format": expected}
    model_of(server).invoke("x", response_format=value)
    assert extras_of(server) == {"response_format": expected}


def test_response_format_takes_classes(server: ScriptedServer) -> None:
    """A pydantic class and a ``TypedDict`` become a JSON schema."""

    class Point(BaseModel):
        """A point."""

        x: int

    class Place(TypedDict):
        """A place."""

        x: int

    server.reply_always(lambda _request: wire.chat("{}"))
    for cls in (Point, Place):
        model_of(server).invoke("x", response_format=cls)
        schema = server.last.json["response_format"]["json_schema"]
        assert schema["name"] == cls.__name__
        assert set(schema["schema"]["properties"]) == {"x"}


def test_metadata_of_an_answer(server: ScriptedServer) -> None:
    """An answer says which model, why it ended, its ids, token counts, logprobs and filter results."""
    body = wire.chat("x", system_fingerprint="fp", prompt_filter_results=[{"prompt_index": 0}])
    body["choices"][0]["logprobs"] = {"content": [{"token": "x", "logprob": -0.1}]}
    body["choices"][0]["content_filter_results"] = {"hate": {"filtered": False, "severity": "safe"}}
    body["usage"] = {
        "prompt_tokens": 9,
        "completion_tokens": 8,
        "total_tokens": 17,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    server.reply(body)
    message = model_of(server).invoke("x", logprobs=True)
    assert message.response_metadata == {
        "model_provider": "azure_inference",
        "model_name": "tiny-model",
        "finish_reason": "stop",
        "id": body["id"],
        "created": body["created"],
        "system_fingerprint": "fp",
        "logprobs": body["choices"][0]["logprobs"],
        "content_filter_results": body["choices"][0]["content_filter_results"],
        "prompt_filter_results": [{"prompt_index": 0}],
        "token_usage": body["usage"],
    }
    assert message.usage_metadata == {
        "input_tokens": 9,
        "output_tokens": 8,
        "total_tokens": 17,
        "input_token_details": {"cache_read": 4, "audio": 1},
        "output_token_details": {"reasoning": 3},
    }


@pytest.mark.parametrize("style", ["last", "extra", "cumulative"])
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_usage_comes_once_in_every_style(server: ScriptedServer, style: Any, kind: str) -> None:
    """Token counts are on the last chunk only, whatever the server's way of sending them."""
    server.reply(wire.chat_chunks(style=style))
    model = model_of(server)
    chunks = list(model.stream("x")) if kind == "sync" else [chunk async for chunk in model.astream("x")]
    assert [bool(chunk.usage_metadata) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    full = whole(chunks)
    assert full.content == wire.ANSWER
    assert full.usage_metadata == {"input_tokens": 7, "output_tokens": 6, "total_tokens": 13}
    assert full.response_metadata["model_name"] == "tiny-model"
    assert full.response_metadata["finish_reason"] == "stop"
    assert chunks[-1].chunk_position == "last"


def test_usage_is_asked_for_where_it_must_be(server: ScriptedServer) -> None:
    """OpenAI's dialect is asked for usage, unless ``stream_usage`` says no; then none comes out either."""
    assert whole(model_of(server, endpoint=server.v1_url, model="m").stream("x")).usage_metadata
    assert server.last.json["stream_options"] == {"include_usage": True}
    quiet = model_of(server, endpoint=server.v1_url, model="m", stream_usage=False)
    assert whole(quiet.stream("x")).usage_metadata is None
    assert "stream_options" not in server.last.json
    assert whole(model_of(server).stream("x", stream_usage=False)).usage_metadata is None


def test_what_repeats_in_a_stream_is_not_joined(server: ScriptedServer) -> None:
    """Filter results, finish reasons, names and ids that a server repeats come out once."""
    safe = {"hate": {"filtered": False, "severity": "safe"}}
    chunks = [
        {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        wire.chunk("", role="assistant"),
        wire.chunk(tool_calls=[wire.tool_call(index=0, arguments='{"city":')]),
        wire.chunk(tool_calls=[wire.tool_call(index=0, arguments=' "Oslo"}')]),
        wire.chunk("", finish_reason="tool_calls"),
        wire.chunk("", finish_reason="tool_calls"),
    ]
    for chunk in chunks[1:]:
        chunk["choices"][0]["content_filter_results"] = safe
        chunk["system_fingerprint"] = "fp"
    server.reply(chunks)
    full = whole(model_of(server).stream("x"))
    assert full.response_metadata["content_filter_results"] == safe
    assert full.response_metadata["finish_reason"] == "tool_calls"
    assert full.response_metadata["system_fingerprint"] == "fp"
    assert full.tool_calls == [
        {"name": "weather", "args": {"city": "Oslo"}, "id": "abc0dF1gh", "type": "tool_call"}
    ]


def test_tool_calls_without_index_or_id_stay_apart(server: ScriptedServer) -> None:
    """Streamed calls are told apart without ``index``, and every call has an id."""
    server.reply(
        [
            wire.chunk(tool_calls=[wire.tool_call("a", '{"x": 1}', "id1")]),
            wire.chunk(tool_calls=[wire.tool_call("b", '{"x": 2}', "id2")]),
            wire.chunk("", finish_reason="tool_calls"),
        ]
    )
    calls = whole(model_of(server).stream("x")).tool_calls
    assert [(call["name"], call["args"], call["id"]) for call in calls] == [
        ("a", {"x": 1}, "id1"),
        ("b", {"x": 2}, "id2"),
    ]
    server.reply(
        [wire.chunk(tool_calls=[wire.tool_call(call_id=None)]), wire.chunk("", finish_reason="stop")]
    )
    assert whole(model_of(server).stream("x")).tool_calls[0]["id"]


def test_logprobs_of_a_stream_add_up(server: ScriptedServer) -> None:
    """The log probabilities of a stream's pieces make one list."""
    chunks = [wire.chunk("a"), wire.chunk("b"), wire.chunk("", finish_reason="stop")]
    for chunk, token in zip(chunks, "ab", strict=False):
        chunk["choices"][0]["logprobs"] = {"content": [{"token": token, "logprob": -1.0}], "refusal": None}
    server.reply(chunks)
    full = whole(model_of(server).stream("x", logprobs=True))
    assert [item["token"] for item in full.response_metadata["logprobs"]["content"]] == ["a", "b"]


def test_several_answers(server: ScriptedServer) -> None:
    """With ``n`` there are as many generations, and the request's tokens are counted once."""

    def two(_request: Any) -> Any:
        body = wire.chat("one")
        body["choices"].append({"index": 1, "finish_reason": "stop", "message": {"content": "two"}})
        return body

    server.reply_always(two)
    model = model_of(server, n=2)
    result = model.generate([[HumanMessage("x")], [HumanMessage("y")]])
    assert [[generation.text for generation in row] for row in result.generations] == [["one", "two"]] * 2
    counted: list[Any] = [generation.message.usage_metadata for generation in result.generations[0]]  # type: ignore[union-attr]
    assert counted[0]["total_tokens"] == 13
    assert counted[1] is None
    assert result.llm_output is not None
    assert result.llm_output["token_usage"]["total_tokens"] == 26
    assert [chunk.text for chunk in model.stream("x")] == ["one"]
    assert "stream" not in server.last.json
    with pytest.raises(ConfigurationError, match="n: a stream"):
        next(iter(model._stream([HumanMessage("x")])))


async def test_the_async_twins_agree(server: ScriptedServer) -> None:
    """``ainvoke``, ``astream``, ``abatch`` and ``agenerate`` give what their sync twins give."""
    model = model_of(server, temperature=0)
    assert (await model.ainvoke("x")).content == model.invoke("x").content
    assert [chunk.content async for chunk in model.astream("x")] == [c.content for c in model.stream("x")]
    assert [m.content for m in await model.abatch(["x", "y"])] == [m.content for m in model.batch(["x", "y"])]
    many = await model.agenerate([[HumanMessage("x")], [HumanMessage("y")]])
    assert many.llm_output == model.generate([[HumanMessage("x")], [HumanMessage("y")]]).llm_output


async def test_events_v2(server: ScriptedServer) -> None:
    """``astream_events`` v2 gives the stream's chunks between a start and an end."""
    events = [event async for event in model_of(server).astream_events("x", version="v2")]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "on_chat_model_start"
    assert kinds[-1] == "on_chat_model_end"
    assert "".join(e["data"]["chunk"].content for e in events[1:-1]) == wire.ANSWER


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
async def test_events_v3(server: ScriptedServer) -> None:
    """``stream_events`` v3 gives text, reasoning, calls and usage as its projections."""
    server.reply_always(
        lambda _request: [
            wire.chunk(reasoning_content="hm"),
            wire.chunk("text"),
            wire.chunk(tool_calls=[wire.tool_call(index=0)]),
            wire.chunk("", finish_reason="tool_calls", usage=wire.USAGE),
        ]
    )
    stream = model_of(server).stream_events("x", version="v3")
    assert "".join(stream.text) == "text"
    assert "".join(stream.reasoning) == "hm"
    output = stream.output
    assert output is not None
    assert output.tool_calls[0]["args"] == {"city": "Seattle"}
    assert output.usage_metadata is not None
    assert output.usage_metadata["total_tokens"] == 13
    assert output.response_metadata["finish_reason"] == "tool_calls"
    astream = await model_of(server).astream_events("x", version="v3")
    assert "".join([text async for text in astream.text]) == "text"


def test_streaming_can_be_asked_for_and_refused(server: ScriptedServer) -> None:
    """``streaming=True`` streams under ``invoke``; ``disable_streaming`` does not stream under ``stream``."""
    assert model_of(server, streaming=True).invoke("x").content == wire.ANSWER
    assert server.last.json["stream"] is True
    assert len(list(model_of(server, disable_streaming=True).stream("x"))) == 1
    assert "stream" not in server.last.json


class Recorder(BaseCallbackHandler):
    """Keeps what callbacks are told."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.starts: list[dict[str, Any]] = []
        self.ends: list[LLMResult] = []

    def on_llm_new_token(self, token: Any, **_details: Any) -> None:
        """A piece came."""
        self.tokens.append(token)

    def on_chat_model_start(self, serialized: Any, messages: Any, **details: Any) -> None:
        """A call begins."""
        self.starts.append({"serialized": serialized, **details})

    def on_llm_end(self, response: LLMResult, **_details: Any) -> None:
        """A call ended."""
        self.ends.append(response)


def test_callbacks_and_tracing_parameters(server: ScriptedServer) -> None:
    """Tracers get the provider, the model and parameters of this call, every token once, and no headers."""
    recorder = Recorder()
    model = model_of(server, temperature=0, model="a", callbacks=[recorder])
    text = "".join(chunk.text for chunk in model.stream("x", model="b", headers={"x-secret": "canary"}))
    assert "".join(recorder.tokens) == text == wire.ANSWER
    start = recorder.starts[0]
    assert start["invocation_params"]["model"] == "b"
    assert start["invocation_params"]["temperature"] == 0
    assert "canary" not in str(start)
    metadata = start["metadata"]
    assert (metadata["ls_provider"], metadata["ls_model_name"]) == ("azure_inference", "b")
    assert (metadata["ls_model_type"], metadata["ls_temperature"]) == ("chat", 0)
    assert "langchain-azure-inference" in metadata["lc_versions"]
    assert server.last.headers["x-secret"] == "canary"
    assert recorder.ends


@pytest.mark.parametrize(
    "other",
    [
        {"model": "b"},
        {"temperature": 1},
        {"top_k": 2},
        {"default_headers": {"azureml-model-deployment": "green"}},
        {"split_think": True},
        {"api_version": "2025-04-01"},
    ],
)
def test_a_cache_keeps_models_apart(server: ScriptedServer, other: dict[str, Any]) -> None:
    """Two models that could answer differently never share an answer; the same model does."""
    cache = InMemoryCache()
    base = {"model": "a", "cache": cache, "default_headers": {"azureml-model-deployment": "blue"}}
    model_of(server, **base).invoke("x")
    model_of(server, **base).invoke("x")
    assert len(server.requests) == 1
    model_of(server, **{**base, **other}).invoke("x")
    assert len(server.requests) == 2


def test_a_cache_keeps_endpoints_apart(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints never share an answer, even when they come from the environment."""
    cache = InMemoryCache()
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "test")
    with ScriptedServer(key="test") as other:
        for url in (server.url, other.url):
            monkeypatch.setenv("AZURE_INFERENCE_ENDPOINT", url)
            ChatAzureInference(cache=cache).invoke("x")
        assert len(server.requests) == len(other.requests) == 1


def test_a_rate_limiter_is_asked(server: ScriptedServer) -> None:
    """LangChain's rate limiter holds calls back."""
    limiter = InMemoryRateLimiter(requests_per_second=1000, check_every_n_seconds=0.01)
    assert model_of(server, rate_limiter=limiter).invoke("x").content == wire.ANSWER


def test_configurable_fields(server: ScriptedServer) -> None:
    """A field can be made configurable, also on a model that has been used, and nothing else travels."""
    from langchain_core.runnables import ConfigurableField

    model = model_of(server, temperature=0, top_k=1)
    model.invoke("x")
    runnable = model.configurable_fields(temperature=ConfigurableField(id="t"))
    runnable.invoke("x", config={"configurable": {"t": 1.0}})
    assert extras_of(server) == {"temperature": 1.0, "top_k": 1}


@pytest.mark.parametrize("aliases", [{"base_url": 1, "api_key": 1, "model_name": 1}, {}])
def test_aliases(server: ScriptedServer, aliases: dict[str, int]) -> None:
    """LangChain's words for endpoint, credential and model mean the same as ours."""
    ours = {"endpoint": server.url, "credential": "test", "model": "m"}
    theirs = {"base_url": server.url, "api_key": "test", "model_name": "m"}
    model = ChatAzureInference(**(theirs if aliases else ours))
    model.invoke("x")
    assert extras_of(server) == {"model": "m"}
    assert model.model_name == model.model == "m"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"endpoint": "ftp://host.example"}, "endpoint"),
        ({"endpoint": "http://host.example"}, "http"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "bool"),
        ({"max_retries": -1}, "max_retries"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": {"read": 3}}, "first_byte"),
        ({"extra_parameters": "ignore"}, "extra_parameters"),
        ({"dialect": "klingon"}, "dialect"),
        ({"ca_bundle": "/nowhere.pem"}, "ca_bundle"),
        ({"credential": ""}, "credential"),
        ({"endpoint": "https://a.example", "base_url": "https://b.example"}, "base_url"),
        ({"model_kwargs": "top_k"}, "model_kwargs"),
        ({"project_endpoint": "https://a.example"}, "project_endpoint"),
        ({"client_kwargs": {"logging_enable": True}}, "logging_enable"),
        ({"client_kwargs": {"connection_verify": False}}, "ca_bundle"),
        ({"client_kwargs": {"polling": 1}}, "polling"),
    ],
)
def test_a_wrong_constructor_says_what_is_wrong(wrong: dict[str, Any], words: str) -> None:
    """Values that cannot work are refused at once, by name, and the key is not in the text."""
    with pytest.raises(ConfigurationError, match=words) as caught:
        ChatAzureInference(**{"endpoint": "https://host.example/v1", "credential": "canary-key", **wrong})
    assert isinstance(caught.value, ValueError)
    assert "canary-key" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_endpoint_names_the_variable() -> None:
    """Without an endpoint the error says where one can be given."""
    with pytest.raises(ConfigurationError, match="AZURE_INFERENCE_ENDPOINT"):
        ChatAzureInference()


def test_timeouts_and_retries_reach_the_core(server: ScriptedServer) -> None:
    """``timeout`` is seconds, ``Timeouts`` or a dict; ``max_retries`` counts; a call may have its own."""
    assert model_of(server, timeout=3)._client.connection.timeouts.total == 3
    timeouts = Timeouts(total=9, idle=2)
    assert model_of(server, timeout=timeouts)._client.connection.timeouts == timeouts
    assert model_of(server, timeout={"total": 9, "idle": 2})._client.connection.timeouts == timeouts
    assert model_of(server, timeout=None)._client.connection.timeouts == Timeouts()
    assert model_of(server, max_retries=0)._client.connection.max_retries == 0


def test_client_kwargs_of_the_retired_class(server: ScriptedServer) -> None:
    """What the retired class took in ``client_kwargs`` has its successor, and the dict is not touched."""
    given = {
        "connection_timeout": 2,
        "read_timeout": 30,
        "headers": {"x-team": "a"},
        "user_agent": "mine",
        "retry_total": 1,
        "logging_enable": False,
    }
    copy = dict(given)
    model = ChatAzureInference(endpoint=server.url, credential="test", model_name="m", client_kwargs=given)
    model.invoke("x")
    connection = model._client.connection
    assert (connection.timeouts.connect, connection.timeouts.idle, connection.max_retries) == (2, 30, 1)
    assert server.last.headers["x-team"] == "a"
    assert server.last.headers["user-agent"].startswith("mine langchain-azure-inference/")
    assert given == copy


def test_the_constructor_sends_nothing(server: ScriptedServer) -> None:
    """Constructing, with or without a model, touches no network; ``model_info`` asks once."""
    model = model_of(server)
    assert server.requests == []
    expected = ModelInfo("tiny-model", "chat-completion", "Nobody")
    assert model.model_info() == model.model_info() == expected
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o-mini", (True, True)),
        ("my-gpt-4o", (True, True)),
        ("Mistral-Large-2411", (True, False)),
        ("Phi-3.5-mini-instruct", (False, False)),
        ("DeepSeek-R1", (False, False)),
    ],
)
def test_profiles_where_known(model: str, expected: tuple[bool, bool]) -> None:
    """A model of a known family has a profile: whether it calls tools, whether it keeps to a schema."""
    profile = ChatAzureInference(endpoint="https://host.example/v1", credential="k", model=model).profile
    assert profile is not None
    assert (profile["tool_calling"], profile["structured_output"]) == expected
    assert profile["max_input_tokens"] > 0


def test_no_profile_where_not_known() -> None:
    """A name that says nothing has no profile, unless ``family`` or the address says what it is."""
    given: dict[str, Any] = {"endpoint": "https://host.example/v1", "credential": "k", "model": "prod-1"}
    assert ChatAzureInference(**given).profile is None
    profile = ChatAzureInference(**given, family="gpt-4o").profile
    assert profile is not None
    assert (profile["max_input_tokens"], profile["max_output_tokens"]) == (128_000, 16_384)
    assert "max_output_tokens" not in (ChatAzureInference(**given, family="magistral").profile or {})
    deployed = "https://host.openai.azure.com/openai/deployments/gpt-4o"
    assert ChatAzureInference(endpoint=deployed, credential="k").profile == profile
    with pytest.raises(ConfigurationError, match="no family"):
        ChatAzureInference(**given, family="no such thing")


def test_tokens_are_counted_without_a_download(server: ScriptedServer) -> None:
    """Counts are approximate without a tokenizer and exact with one."""
    model = model_of(server)
    assert model.get_num_tokens("x" * 40) == 10
    assert model.get_num_tokens_from_messages([HumanMessage("hello")]) > 1
    with pytest.raises(ConfigurationError, match="custom_get_token_ids"):
        model.get_token_ids("x")
    exact = model_of(server, custom_get_token_ids=lambda text: list(range(len(text))))
    assert exact.get_num_tokens("hello") == len(exact.get_token_ids("hello")) == 5
    assert exact.get_num_tokens_from_messages([HumanMessage("hello")]) == len("Human: hello")


def test_ordinary_use_warns_of_nothing(server: ScriptedServer) -> None:
    """Common extras go without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model_of(server, top_k=1, min_p=0.1, n=1, user="u", logprobs=True).invoke("x")
