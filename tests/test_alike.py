"""One question, one answer: what a keyword, a model's name or an answer of the service means is the core's to say.

Each test puts the same question to both providers and wants the same outcome of them.
"""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from azure_inference_core import ConfigurationError, Connection, Timeouts
from langchain_azure_inference import AzureInferenceEmbeddings, ChatAzureInference
from llamaindex_azure_inference import AzureInference, AzureInferenceEmbedding
from tests.support import wire
from tests.support.scripted_server import Reply, ScriptedServer, Stream

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
NOBODY = "http://127.0.0.1:9"


def save(number: int) -> str:
    """Save a number."""
    return str(number)


def tool_named(name: str) -> FunctionTool:
    return FunctionTool.from_defaults(save, name=name, description="Save a number.")


class Said(NamedTuple):
    """An answer: its text, its reasoning, and its calls as names and arguments."""

    text: str
    reasoning: str
    calls: list[tuple[str, dict[str, Any]]]


class Ratings(BaseModel):
    """Ratings by film."""

    stars: dict[str, int]


class LangChain:
    """Questions to the LangChain provider."""

    chat_class = ChatAzureInference
    embedding_class = AzureInferenceEmbeddings

    @staticmethod
    def ask(model: Any, tool: str | None = None, choice: Any = None) -> Said:
        if tool:
            function = {"name": tool, "description": "Save a number.", "parameters": SCHEMA}
            model = model.bind_tools([{"type": "function", "function": function}, OTHER], tool_choice=choice)
        return LangChain.said(model.invoke("x"))

    @staticmethod
    def said(answer: AIMessage) -> Said:
        calls = [(call["name"], call["args"]) for call in answer.tool_calls]
        return Said(answer.text, answer.additional_kwargs.get("reasoning_content", ""), calls)

    @staticmethod
    def stream(model: Any) -> Said:
        chunks = list(model.stream("x"))
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        return LangChain.said(whole)

    @staticmethod
    def continue_after_call(model: Any, call_id: str | None) -> None:
        call = {"name": "save", "args": {"number": 1}, "id": call_id}
        calling = AIMessage("", tool_calls=[call])
        model.invoke(
            [HumanMessage("x"), calling, *([ToolMessage("1", tool_call_id=call_id)] if call_id else [])]
        )

    @staticmethod
    def structured(model: Any) -> Any:
        return model.with_structured_output(Ratings, method="json_schema", strict=True).invoke("x")

    @staticmethod
    def look(model: Any, *, url: str | None = None, data: str | None = None, kind: str | None = None) -> None:
        image: dict[str, Any] = (
            {"type": "image", "url": url} if url else {"type": "image", "base64": data, "mime_type": kind}
        )
        model.invoke([HumanMessage([{"type": "text", "text": "x"}, image])])

    @staticmethod
    def limits(model: Any) -> tuple[int, bool]:
        return model.profile["max_input_tokens"], model.profile["tool_calling"]

    @staticmethod
    def embed(model: Any, texts: list[str]) -> None:
        model.embed_documents(texts)


class LlamaIndex:
    """Questions to the LlamaIndex provider."""

    chat_class = AzureInference
    embedding_class = AzureInferenceEmbedding

    @staticmethod
    def ask(model: Any, tool: str | None = None, choice: Any = None) -> Said:
        if not tool:
            return LlamaIndex.said(model, model.chat([ChatMessage("x")]))
        tools = [tool_named(tool), tool_named("other")]
        return LlamaIndex.said(model, model.chat_with_tools(tools, "x", tool_choice=choice))

    @staticmethod
    def said(model: Any, answer: Any) -> Said:
        calls = model.get_tool_calls_from_response(answer, error_on_no_tool_call=False)
        thoughts = [
            block.content or "" for block in answer.message.blocks if isinstance(block, ThinkingBlock)
        ]
        return Said(
            answer.message.content or "", "".join(thoughts), [(c.tool_name, c.tool_kwargs) for c in calls]
        )

    @staticmethod
    def stream(model: Any) -> Said:
        return LlamaIndex.said(model, list(model.stream_chat([ChatMessage("x")]))[-1])

    @staticmethod
    def continue_after_call(model: Any, call_id: str | None) -> None:
        block = ToolCallBlock(tool_call_id=call_id, tool_name="save", tool_kwargs={"number": 1})
        messages = [ChatMessage("x"), ChatMessage(role="assistant", blocks=[block])]
        if call_id:
            messages.append(
                ChatMessage(role="tool", content="1", additional_kwargs={"tool_call_id": call_id})
            )
        model.chat(messages)

    @staticmethod
    def structured(model: Any) -> Any:
        model.structured_output = "json_schema"
        return model.structured_predict(Ratings, PromptTemplate("x"))

    @staticmethod
    def look(model: Any, *, url: str | None = None, data: str | None = None, kind: str | None = None) -> None:
        image = ImageBlock(url=url, image=data.encode() if data else None, image_mimetype=kind)
        model.chat([ChatMessage(role="user", blocks=[TextBlock(text="x"), image])])

    @staticmethod
    def limits(model: Any) -> tuple[int, bool]:
        return model.metadata.context_window, model.metadata.is_function_calling_model

    @staticmethod
    def embed(model: Any, texts: list[str]) -> None:
        model.get_text_embedding_batch(texts)


BOTH = (LangChain, LlamaIndex)
SCHEMA = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
OTHER = {
    "type": "function",
    "function": {"name": "other", "description": "Save a number.", "parameters": SCHEMA},
}


@pytest.fixture
def server() -> Any:
    with ScriptedServer() as running:
        yield running


def chat(adapter: Any, server: ScriptedServer, **settings: Any) -> Any:
    return adapter.chat_class(**{"endpoint": server.url, "credential": "a-key-of-its-own", **settings})


def embedder(adapter: Any, server: ScriptedServer, **settings: Any) -> Any:
    return adapter.embedding_class(**{"endpoint": server.url, "credential": "a-key-of-its-own", **settings})


def alike(question: Callable[[Any], Any]) -> Any:
    """The outcome of a question, which must be that of both."""
    first, second = (question(adapter) for adapter in BOTH)
    assert first == second
    return first


def refusal_of(made: Callable[[], Any]) -> str:
    """The text of the ConfigurationError that something raises."""
    with pytest.raises(ConfigurationError) as caught:
        made()
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "limits"),
    [
        ("DeepSeek-R1", (163_840, False)),
        ("gpt-4o", (128_000, True)),
        ("gpt-5-mini", (272_000, True)),
        ("gpt-4-1", (1_047_576, True)),
        ("Meta-Llama-3.1-405B-Instruct", (131_072, False)),
        ("Mistral-large-2402", (32_768, True)),
        ("Cohere-command-a", (131_072, True)),
        ("grok-3", (131_072, True)),
        ("Phi-4", (16_384, False)),
        ("AI21-Jamba-1.5-Large", (262_144, True)),
    ],
)
def test_the_limits_of_a_model(server: ScriptedServer, model: str, limits: tuple[int, bool]) -> None:
    """A model has one window, and calls tools or does not, whoever asks."""
    assert alike(lambda adapter: adapter.limits(chat(adapter, server, model=model))) == limits


def test_a_family_said_in_so_many_words(server: ScriptedServer) -> None:
    """``family`` says what a deployment's own name does not, and a family that there is not is refused."""
    made = lambda adapter: chat(adapter, server, model="prod-chat", family="mistral-large-2402")  # noqa: E731
    assert alike(lambda adapter: adapter.limits(made(adapter))) == (32_768, True)
    told = alike(lambda adapter: refusal_of(lambda: chat(adapter, server, family="mistrall-large")))
    assert "mistral-large" in told


def test_the_deployment_of_an_address_names_the_family(server: ScriptedServer) -> None:
    """Where no model is given, the deployment in an Azure OpenAI address tells the family."""
    address = f"{NOBODY}/openai/deployments/gpt-4o-mini"
    assert alike(lambda adapter: adapter.limits(chat(adapter, server, endpoint=address))) == (128_000, True)


@pytest.mark.parametrize(
    "arguments",
    ['{"number": 1}', "{'number': 1}", '"{\\"number\\": 1}"', '{\n"number": 1}'],
    ids=["JSON", "single quotes", "encoded twice", "on two lines"],
)
def test_arguments_in_every_form(server: ScriptedServer, arguments: str) -> None:
    """Arguments are read in every form in which models write them."""

    def question(adapter: Any) -> Said:
        server.reply(wire.chat(content="", tool_calls=[wire.tool_call(name="save", arguments=arguments)]))
        return adapter.ask(chat(adapter, server), "save")

    assert alike(question).calls == [("save", {"number": 1})]


def test_arguments_with_a_raw_line_end(server: ScriptedServer) -> None:
    """A line end that a model did not escape is part of the text."""

    def question(adapter: Any) -> Said:
        server.reply(
            wire.chat(content="", tool_calls=[wire.tool_call(name="save", arguments='{"text": "a\nb"}')])
        )
        return adapter.ask(chat(adapter, server), "save")

    assert alike(question).calls == [("save", {"text": "a\nb"})]


@pytest.mark.parametrize(
    ("model", "choice", "tools"),
    [
        ("DeepSeek-V3-0324", "required", ["save"]),
        ("gpt-4o", {"type": "function", "function": {"name": "save"}}, ["save", "other"]),
        ("my-deployment", {"type": "function", "function": {"name": "save"}}, ["save", "other"]),
    ],
)
def test_a_tool_chosen_by_name(server: ScriptedServer, model: str, choice: Any, tools: list[str]) -> None:
    """A tool is forced by name, or as the only one where the model understands no names."""

    def question(adapter: Any) -> Any:
        server.reply(
            wire.chat(content="", tool_calls=[wire.tool_call(name="save", arguments='{"number": 1}')])
        )
        adapter.ask(chat(adapter, server, model=model), "save", "save")
        return server.last.json["tool_choice"], [
            tool["function"]["name"] for tool in server.last.json["tools"]
        ]

    assert alike(question) == (choice, tools)


@pytest.mark.parametrize(
    ("model", "call_id", "sent"),
    [
        ("Mistral-large-2411", None, "call00000"),
        ("Mistral-large-2411", "call_of_another_model", "z0Dj7Gn0M"),
        ("Mistral-large-2411", "aB3dE6gH9", "aB3dE6gH9"),
        ("gpt-4o", "call_of_another_model", "call_of_another_model"),
        ("gpt-4o", None, "call00000"),
    ],
)
def test_ids_of_calls_in_a_history(
    server: ScriptedServer, model: str, call_id: str | None, sent: str
) -> None:
    """A call without an id gets one, one that the model would refuse becomes legal, and its answer follows it."""

    def question(adapter: Any) -> Any:
        adapter.continue_after_call(chat(adapter, server, model=model), call_id)
        messages = server.last.json["messages"]
        return messages[1]["tool_calls"][0]["id"], [
            m["tool_call_id"] for m in messages if m["role"] == "tool"
        ]

    own, answered = alike(question)
    assert answered == ([own] if call_id else [])
    if sent != "z0Dj7Gn0M":
        assert own == sent
    else:
        assert len(own) == 9
        assert own.isalnum()


@pytest.mark.parametrize(
    "name", ["say it", "größe", "a.b/c", "x" * 70], ids=["blank", "umlaut", "dots", "long"]
)
def test_a_tool_with_a_name_that_the_api_refuses(server: ScriptedServer, name: str) -> None:
    """The model is told a legal name, and the caller hears his own."""

    def question(adapter: Any) -> Any:
        def answer(request: Any) -> Any:
            sent = request.json["tools"][0]["function"]["name"]
            return wire.chat(content="", tool_calls=[wire.tool_call(name=sent, arguments='{"number": 1}')])

        server.reply(answer)
        said = adapter.ask(chat(adapter, server), name)
        return server.last.json["tools"][0]["function"]["name"], said.calls

    sent, calls = alike(question)
    assert len(sent) <= 64
    assert sent.replace("_", "").replace("-", "").isascii()
    assert calls == [(name, {"number": 1})]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("settings", "text", "reasoning"),
    [
        ({"model": "DeepSeek-R1"}, "Yes.", "Hm."),
        ({"model": "DeepSeek-R1", "split_think": False}, "<think>Hm.</think>Yes.", ""),
        ({"model": "prod-chat"}, "<think>Hm.</think>Yes.", ""),
        ({"model": "prod-chat", "split_think": True}, "Yes.", "Hm."),
    ],
)
def test_thoughts_in_the_text(
    server: ScriptedServer, settings: dict[str, Any], text: str, reasoning: str, streamed: bool
) -> None:
    """``<think>`` is reasoning where the model's family writes it so, or where the user says it."""

    def question(adapter: Any) -> Said:
        server.reply("<think>Hm.</think>Yes.")
        model = chat(adapter, server, **settings)
        return adapter.stream(model) if streamed else adapter.ask(model)

    assert alike(question) == Said(text, reasoning, [])


REFERENCE = {"type": "reference", "reference_ids": [1]}
ODD_ANSWERS: dict[str, tuple[dict[str, Any], Said]] = {
    "parts": ({"content": [{"type": "text", "text": "Yes"}, REFERENCE, {"type": "x", "value": "."}]}, Said("Yes.", "", [])),
    "reasoning": ({"content": "Yes.", "reasoning": {"summary": [{"text": "Hm."}]}}, Said("Yes.", "Hm.", [])),
    "a sound": ({"content": None, "audio": {"id": "s1", "data": "UklGRg==", "transcript": "Yes."}}, Said("Yes.", "", [])),
    "own data": ({"content": "Yes.", "context": {"citations": [{"title": "t", "content": "c"}]}}, Said("Yes.", "", [])),
    "a custom tool": (
        {"content": "", "tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": "ls -l"}}]},
        Said("", "", [("f", {"input": "ls -l"})]),
    ),
    "calls alike": (
        {"content": "", "tool_calls": [wire.tool_call("f", '{"a": 1}', "null", index=0), wire.tool_call("f", '{"a": 2}', "null", index=0)]},
        Said("", "", [("f", {"a": 1}), ("f", {"a": 2})]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", ["whole", "streamed", "events"])
@pytest.mark.parametrize("case", ODD_ANSWERS)
def test_answers_in_odd_shapes(server: ScriptedServer, case: str, way: str) -> None:
    """What an answer says is the same in both, whole, streamed, and as events in answer to a plain request."""
    message, said = ODD_ANSWERS[case]
    body = wire.chat()
    body["choices"][0]["message"] = {"role": "assistant", **message}
    chunk = wire.chunk()
    chunk["choices"][0]["delta"] = message

    def question(adapter: Any) -> Said:
        server.reply(body if way == "whole" else Stream([chunk, wire.chunk("", finish_reason="stop")]))
        model = chat(adapter, server)
        return adapter.stream(model) if way == "streamed" else adapter.ask(model)

    assert alike(question) == said


def test_a_strict_schema_with_free_keys(server: ScriptedServer) -> None:
    """A schema that cannot be strict goes out as it is, and says so."""

    def question(adapter: Any) -> Any:
        server.reply('{"stars": {"Alien": 5}}')
        found = adapter.structured(chat(adapter, server))
        sent = server.last.json["response_format"]["json_schema"]
        return found, sent["strict"], sent["schema"]["properties"]["stars"]["additionalProperties"]

    assert alike(question) == (Ratings(stars={"Alien": 5}), False, {"type": "integer"})


def test_a_model_that_refuses_input_types(server: ScriptedServer) -> None:
    """It is asked once more without, and not again with them."""
    complaint = {"type": "extra_forbidden", "loc": ["body", "input_type"], "msg": "no", "input": "document"}

    def question(adapter: Any) -> Any:
        before = len(server.bodies)
        server.reply(Reply(422, {"detail": [complaint]}))
        model = embedder(adapter, server)
        adapter.embed(model, ["a"])
        adapter.embed(model, ["b"])
        return [body.get("input_type") for body in server.bodies[before:]]

    assert alike(question) == ["document", None, None]


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("ca_bundel", "ca_bundle"),
        ("allow_insecur", "allow_insecure"),
        ("max_retrie", "max_retries"),
        ("tmeperature", "temperature"),
    ],
)
def test_a_slip_in_the_constructor(
    server: ScriptedServer, slip: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keyword one slip from a known one is an extra, and a warning names the one that was meant."""
    monkeypatch.setattr("azure_inference_core._request.keywords._warned", set())

    def question(adapter: Any) -> Any:
        from azure_inference_core._request import keywords

        keywords._warned.clear()
        with pytest.warns(UserWarning, match=meant) as caught:
            model = chat(adapter, server, **{slip: 1})
        return model.model_extras, [str(warning.message) for warning in caught]

    extras, (told,) = alike(question)
    assert extras == {slip: 1}
    assert repr(meant) in told


@pytest.mark.parametrize("name", ["credental", "api_keyy", "my_token", "x_api_key", "proxyPassword"])
def test_what_looks_like_a_secret(server: ScriptedServer, name: str) -> None:
    """It is not sent to the model, nor quoted; in ``model_extras`` it is meant for the model."""
    told = alike(lambda adapter: refusal_of(lambda: chat(adapter, server, **{name: "s3cret-value"})))
    assert name in told
    assert "s3cret-value" not in told

    def question(adapter: Any) -> Any:
        adapter.ask(chat(adapter, server, model_extras={name: "for the model"}))
        return server.last.json[name]

    assert alike(question) == "for the model"


def test_parameters_of_models_are_no_secrets(server: ScriptedServer) -> None:
    """Real parameters with "key" or "token" in their names are sent without a word."""
    extras = {"prompt_cache_key": "a", "stop_token_ids": [1], "min_tokens": 1, "skip_special_tokens": True}

    def question(adapter: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            adapter.ask(chat(adapter, server, **extras))
        return {name: server.last.json[name] for name in extras}

    assert alike(question) == extras


@pytest.mark.parametrize(
    "name", ["max_response_bytes", "max_connections", "max_event_bytes", "max_request_bytes"]
)
def test_limits_of_the_client(server: ScriptedServer, name: str) -> None:
    """They bound the client and do not go to the model; one that is no number is refused."""

    def question(adapter: Any) -> Any:
        model = chat(adapter, server, **{name: 5000})
        adapter.ask(model)
        return getattr(model._client.connection, name), name in server.last.json

    assert alike(question) == (5000, False)
    assert name in alike(lambda adapter: refusal_of(lambda: chat(adapter, server, **{name: 0})))


@pytest.mark.parametrize("value", ["hot", True, float("nan")], ids=str)
def test_a_temperature_that_is_none(server: ScriptedServer, value: Any) -> None:
    """It is refused before anything is sent, as an error of the tree that names it."""

    def question(adapter: Any) -> str:
        return refusal_of(lambda: adapter.ask(chat(adapter, server, temperature=value)))

    assert "temperature" in alike(question)
    assert server.requests == []


def test_no_timeout_is_the_default(server: ScriptedServer) -> None:
    """``None`` is the default, not for ever."""
    found = alike(lambda adapter: chat(adapter, server, timeout=None)._client.connection.timeouts)
    assert found == Timeouts()


CLIENT_KWARGS = {
    "model": "m",
    "timeout": 50,
    "connection_timeout": 2,
    "read_timeout": 20,
    "logging_enable": False,
    "connection_verify": True,
    "retry_total": 4,
    "headers": {"x-team": "a"},
    "api_version": "2024-08-01-preview",
    "credential_scopes": ["https://a.example/.default"],
}


def test_client_kwargs_of_the_retired_classes(server: ScriptedServer) -> None:
    """What the SDK's client took is understood by both, all of it; the caller's dict is not touched."""
    given = dict(CLIENT_KWARGS)

    def question(adapter: Any) -> Any:
        connection: Connection = chat(adapter, server, client_kwargs=given)._client.connection
        return (
            connection.model,
            connection.timeouts,
            connection.max_retries,
            connection.default_headers,
            connection.api_version,
            connection.scopes,
        )

    assert alike(question) == (
        "m",
        Timeouts(50, 2, 20, 20),
        4,
        {"x-team": "a"},
        "2024-08-01-preview",
        ("https://a.example/.default",),
    )
    assert given == CLIENT_KWARGS


@pytest.mark.parametrize(
    ("client_kwargs", "told"),
    [
        ({"logging_enable": True}, "logger azure_inference"),
        ({"connection_verify": False}, "ca_bundle"),
        ({"polling": 1}, "polling"),
    ],
)
def test_client_kwargs_that_cannot_be_honoured(
    server: ScriptedServer, client_kwargs: dict[str, Any], told: str
) -> None:
    """They are refused with what to do instead."""
    text = alike(lambda adapter: refusal_of(lambda: chat(adapter, server, client_kwargs=client_kwargs)))
    assert told in text


@pytest.mark.parametrize(
    ("endpoint", "key"), [("api_base", "api_key"), ("base_url", "api_key"), ("endpoint", "credential")]
)
def test_other_words_for_the_endpoint_and_the_key(server: ScriptedServer, endpoint: str, key: str) -> None:
    """They mean the field, are not sent, and two that disagree are refused."""

    def question(adapter: Any) -> Any:
        model = adapter.chat_class(**{endpoint: server.url, key: "a-key-of-its-own"})
        adapter.ask(model)
        return model.endpoint, model.credential.get_secret_value(), model.model_extras

    assert alike(question) == (server.url, "a-key-of-its-own", {})
    if endpoint != "endpoint":
        told = alike(lambda adapter: refusal_of(lambda: chat(adapter, server, **{endpoint: NOBODY})))
        assert endpoint in told


@pytest.mark.parametrize(
    "name", ["endpoint", "api_key", "default_headers", "ca_bundle", "api_version", "family"]
)
def test_words_of_the_constructor_in_a_call(server: ScriptedServer, name: str) -> None:
    """They are refused, not sent to the model."""
    asked = (
        lambda: chat(LangChain, server).invoke("x", **{name: "value"}),
        lambda: chat(LlamaIndex, server).chat([ChatMessage("x")], **{name: "value"}),
    )
    told = [refusal_of(ask) for ask in asked]
    assert told[0] == told[1]
    assert name in told[0]
    assert server.requests == []


def test_an_image_by_its_data_url(server: ScriptedServer) -> None:
    """It goes out as it is."""
    url = f"data:image/png;base64,{PNG}"

    def question(adapter: Any) -> Any:
        adapter.look(chat(adapter, server), url=url)
        return server.last.json["messages"][0]["content"]

    assert alike(question) == [
        {"type": "text", "text": "x"},
        {"type": "image_url", "image_url": {"url": url}},
    ]


@pytest.mark.parametrize(
    ("data", "kind", "sent"),
    [
        (PNG, "application/octet-stream", "image/png"),
        (PNG, "image/jpeg", "image/png"),
        (base64.b64encode(b"who knows what this is").decode(), "image/avif", "image/avif"),
    ],
)
def test_an_image_by_its_bytes(server: ScriptedServer, data: str, kind: str | None, sent: str) -> None:
    """Its first bytes tell its kind; where they do not, the caller's word counts."""

    def question(adapter: Any) -> Any:
        adapter.look(chat(adapter, server), data=data, kind=kind)
        return server.last.json["messages"][0]["content"][1]["image_url"]["url"]

    assert alike(question) == f"data:{sent};base64,{data}"


def test_an_image_of_an_unknown_kind(server: ScriptedServer) -> None:
    """Bytes that are no known image, without a word that they are one, are refused before anything is sent."""
    data = base64.b64encode(b"who knows what this is").decode()
    for adapter in BOTH:
        told = refusal_of(
            lambda adapter=adapter: adapter.look(
                chat(adapter, server), data=data, kind="application/octet-stream"
            )
        )
        assert "PNG, JPEG, GIF, BMP or WebP" in told
    assert server.requests == []
