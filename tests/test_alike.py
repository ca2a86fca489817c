"""One question, one answer: what a keyword, a model's name or an answer of the service means is the core's to say.

Each test puts the same question to both providers and wants the same outcome of them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import httpx
import pytest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from langchain_core.messages import AIMessage, FunctionMessage, HumanMessage, ToolMessage
from langchain_core.messages import ChatMessage as LangChainMessage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, Field, RootModel

from azure_inference_core import ConfigurationError, Connection, InvalidRequestError, Timeouts
from azure_inference_core._request.keywords import guards
from langchain_azure_inference import AzureInferenceEmbeddings, ChatAzureInference, RefusalError
from llamaindex_azure_inference import AzureInference, AzureInferenceEmbedding
from tests.support import wire
from tests.support.habits import HABITS, Habit
from tests.support.refusals import SHAPES, Row
from tests.support.scripted_server import Reply, ScriptedServer, Stream
from tests.support.strict import faults
from tests.support.wire import FakeCredential

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


class Cat(BaseModel):
    """A cat."""

    kind: Literal["cat"]
    lives: int = Field(default=9, ge=1)


class Dog(BaseModel):
    """A dog."""

    kind: Literal["dog"]


class Owner(BaseModel):
    """An owner."""

    pet: Cat | Dog = Field(discriminator="kind", description="The one.")
    names: list[str] = []


class Owners(RootModel[list[Owner]]):
    """Owners."""


class Part(BaseModel):
    """A part."""

    name: str
    parts: list[Part] = []


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
    def by_tools(model: Any) -> Any:
        return model.with_structured_output(Ratings).invoke("x")

    @staticmethod
    def structured(model: Any, schema: Any = Ratings) -> Any:
        return model.with_structured_output(schema, method="json_schema", strict=True).invoke("x")

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
    def tell(model: Any, **keywords: Any) -> None:
        model.invoke("x", **keywords)

    @staticmethod
    def embed(model: Any, texts: list[str], **keywords: Any) -> None:
        model.embed_documents(texts, **keywords)

    @staticmethod
    def continue_foreign(model: Any, arguments: str) -> None:
        call = {"name": "save", "args": arguments, "id": "toolu_1", "error": "no JSON"}
        calls = [call, {**call, "args": '{"number": 1}', "id": "toolu_2"}]
        blocks = [{"type": "thinking", "thinking": "Hm."}, {"type": "web_search_call"}]
        image = {"type": "image", "base64": PNG, "mime_type": "image/png"}
        model.invoke(
            [
                HumanMessage("x"),
                AIMessage(blocks, invalid_tool_calls=calls, name="The Expert"),
                ToolMessage([{"type": "text", "text": "shown"}, image], tool_call_id="toolu_2"),
                HumanMessage("go on", name="ann"),
            ]
        )

    @staticmethod
    def continue_function(model: Any, call: dict[str, Any]) -> None:
        calling = AIMessage("", additional_kwargs={"function_call": call})
        model.invoke([HumanMessage("x"), calling, FunctionMessage("1", name=call["name"])])


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
    def by_tools(model: Any) -> Any:
        model.structured_output = "function_calling"
        return model.structured_predict(Ratings, PromptTemplate("x"))

    @staticmethod
    def structured(model: Any, schema: Any = Ratings) -> Any:
        model.structured_output = "json_schema"
        return model.structured_predict(schema, PromptTemplate("x"))

    @staticmethod
    def look(model: Any, *, url: str | None = None, data: str | None = None, kind: str | None = None) -> None:
        image = ImageBlock(url=url, image=data.encode() if data else None, image_mimetype=kind)
        model.chat([ChatMessage(role="user", blocks=[TextBlock(text="x"), image])])

    @staticmethod
    def limits(model: Any) -> tuple[int, bool]:
        return model.metadata.context_window, model.metadata.is_function_calling_model

    @staticmethod
    def tell(model: Any, **keywords: Any) -> None:
        model.chat([ChatMessage("x")], **keywords)

    @staticmethod
    def embed(model: Any, texts: list[str], **keywords: Any) -> None:
        model.get_text_embedding_batch(texts, **keywords)

    @staticmethod
    def continue_foreign(model: Any, arguments: str) -> None:
        calls = [
            ToolCallBlock(tool_call_id="toolu_1", tool_name="save", tool_kwargs=arguments),
            ToolCallBlock(tool_call_id="toolu_2", tool_name="save", tool_kwargs='{"number": 1}'),
        ]
        shown = [TextBlock(text="shown"), ImageBlock(image=PNG.encode(), image_mimetype="image/png")]
        model.chat(
            [
                ChatMessage("x"),
                ChatMessage(
                    role="assistant",
                    blocks=[ThinkingBlock(content="Hm."), *calls],
                    additional_kwargs={"name": "The Expert"},
                ),
                ChatMessage(role="tool", blocks=shown, additional_kwargs={"tool_call_id": "toolu_2"}),
                ChatMessage("go on", additional_kwargs={"name": "ann"}),
            ]
        )

    @staticmethod
    def continue_function(model: Any, call: dict[str, Any]) -> None:
        calling = ChatMessage(role="assistant", additional_kwargs={"function_call": call})
        result = ChatMessage("1", role="function", additional_kwargs={"name": call["name"]})
        model.chat([ChatMessage("x"), calling, result])


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
    [
        '{"number": 1}',
        "{'number': 1}",
        '"{\\"number\\": 1}"',
        '{\n"number": 1}',
        '```json\n{"number": 1}\n```',
    ],
    ids=["JSON", "single quotes", "encoded twice", "on two lines", "in a fence"],
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


def ways_to_ask(adapter: Any, model: Any, habit: Habit) -> dict[str, Callable[[], Any]]:
    """How a model that has a habit is asked: sync, async and streamed."""
    if habit.ways == "embed" and adapter is LangChain:
        return {"sync": lambda: model.embed_query("x"), "async": lambda: model.aembed_query("x")}
    if habit.ways == "embed":
        return {
            "sync": lambda: model.get_query_embedding("x"),
            "async": lambda: model.aget_query_embedding("x"),
        }
    said = [(habit.role, "Be brief."), ("user", "x")] if habit.role else [("user", "x")]
    if adapter is LangChain:
        messages: Any = [LangChainMessage(role=role, content=text) for role, text in said]
        whole, awhole, stream, astream = model.invoke, model.ainvoke, model.stream, model.astream
    else:
        messages = [ChatMessage(role=role, content=text) for role, text in said]
        whole, awhole, stream, astream = model.chat, model.achat, model.stream_chat, model.astream_chat

    async def astreamed() -> None:
        parts = astream(messages, **habit.asks)
        async for _ in parts if adapter is LangChain else await parts:
            pass

    ways = {
        "sync": lambda: whole(messages, **habit.asks),
        "async": lambda: awhole(messages, **habit.asks),
        "stream": lambda: list(stream(messages, **habit.asks)),
        "astream": astreamed,
    }
    return {way: ask for way, ask in ways.items() if habit.ways == "both" or "stream" in way}


@pytest.mark.parametrize("way", ["sync", "async", "stream", "astream"])
@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.id)
async def test_a_habit_of_a_deployment(server: ScriptedServer, habit: Habit, way: str) -> None:
    """It costs one request more, once, whoever asks and in whichever way."""
    habit.serve(server)

    async def question(adapter: Any) -> Any:
        made = embedder if habit.ways == "embed" else chat
        named = "model_name" if habit.ways == "embed" and adapter is LlamaIndex else "model"
        model = made(adapter, server, endpoint=server.url + habit.base, **{named: habit.model})
        begun = len(server.requests)
        if (ask := ways_to_ask(adapter, model, habit).get(way)) is None:
            return None
        for _ in range(2):
            answered = await asyncio.to_thread(ask) if way in ("sync", "stream") else ask()
            if way in ("async", "astream"):
                await answered
        return [habit.seen(request) for request in server.requests[begun:]]

    outcomes = [await question(adapter) for adapter in BOTH]
    assert outcomes[0] in (None, [habit.first, habit.then, habit.then])
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("model", "base", "sent"),
    [
        ("gpt-5", "/openai/v1", "max_completion_tokens"),
        ("gpt-5", "/models", "max_completion_tokens"),
        ("Mistral-Large-3", "/models", "max_tokens"),
    ],
)
@pytest.mark.parametrize(
    "names", [("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")]
)
def test_a_limit_by_either_name(
    server: ScriptedServer, model: str, base: str, sent: str, names: tuple[str, str]
) -> None:
    """Both names of the output limit are one thing: the call's wins, under the name that the model takes."""
    server.strict = False
    of_constructor, of_call = names

    def question(adapter: Any) -> Any:
        asked = chat(adapter, server, endpoint=server.url + base, model=model, **{of_constructor: 5})
        limits = []
        for given in ({}, {of_call: 7}):
            asked.invoke("x", **given) if adapter is LangChain else asked.chat([ChatMessage("x")], **given)
            limits.append({name: server.last.json[name] for name in names if name in server.last.json})
        return limits

    assert alike(question) == [{sent: 5}, {sent: 7}]


@pytest.mark.parametrize("model", ["DeepSeek-V4-Pro", "deployed"])
def test_a_structured_output_of_a_model_that_cannot_be_forced(server: ScriptedServer, model: str) -> None:
    """By tools, the choice that the method implies is left to a model that refuses it."""

    def thinking(request: Any) -> Any:
        if request.json.get("tool_choice") == "required":
            return Reply(
                400, {"error": {"message": "Thinking mode does not support this tool_choice", "code": "400"}}
            )
        name = request.json["tools"][0]["function"]["name"]
        return wire.chat(content="", tool_calls=[wire.tool_call(name=name, arguments='{"stars": {"a": 1}}')])

    server.strict = False
    server.reply_always(thinking)

    def question(adapter: Any) -> Any:
        begun = len(server.requests)
        asked = chat(adapter, server, model=model, endpoint=server.v1_url)
        for _ in range(2):
            assert adapter.by_tools(asked) == Ratings(stars={"a": 1})
        return [request.json["tool_choice"] for request in server.requests[begun:]]

    assert alike(question) == ["required", "auto", "auto"]


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


BROKEN = '{"number": "he said "hi"'


@pytest.mark.parametrize("model", ["Mistral-large-2411", "DeepSeek-V4-Pro", "Llama-3.3-70B-Instruct", "prod"])
def test_a_conversation_of_another_model(server: ScriptedServer, model: str) -> None:
    """Whoever wrote it, the same conversation goes out: thoughts, calls, what tools showed, names, turns."""
    sent = alike(
        lambda adapter: (
            adapter.continue_foreign(chat(adapter, server, model=model), BROKEN),
            server.last.json["messages"],
        )
    )[1]
    calling = sent[1]
    assert json.loads(calling["tool_calls"][0]["function"]["arguments"]) == {"INVALID_JSON": BROKEN}
    assert calling["tool_calls"][1]["id"] == sent[2]["tool_call_id"]
    assert calling.get("reasoning_content") == ("Hm." if model.startswith("DeepSeek") else None)
    assert [message["role"] for message in sent[:4]] == ["user", "assistant", "tool", "tool"]
    shown = next(message for message in sent[4:] if message["role"] == "user")
    assert shown["content"][1]["image_url"]["url"].endswith(PNG)


def test_a_call_as_they_were_before_tools(server: ScriptedServer) -> None:
    """A function's call and result, which have no id, go out as a tool's."""
    written = {"name": "save", "arguments": '{"number": 1}'}
    sent = alike(
        lambda adapter: (
            adapter.continue_function(chat(adapter, server), written),
            server.last.json["messages"],
        )
    )[1]
    (made,) = sent[1]["tool_calls"]
    assert made["function"] == written
    assert sent[2] == {"role": "tool", "tool_call_id": made["id"], "content": "1"}


@pytest.mark.parametrize("send", [True, False])
def test_reasoning_goes_back_as_the_user_says(server: ScriptedServer, send: bool) -> None:
    """``send_reasoning`` decides before the family's row does."""
    for model in ("prod", "Kimi-K2.6"):
        sent = alike(
            lambda adapter, model=model: (
                adapter.continue_foreign(chat(adapter, server, model=model, send_reasoning=send), "{}"),
                server.last.json["messages"],
            )
        )[1]
        assert sent[1].get("reasoning_content") == ("Hm." if send else None)


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


OWNER: dict[str, Any] = {"pet": {"kind": "cat", "lives": 7}, "names": ["a"]}
STRICT: dict[str, tuple[Any, Any, Any]] = {
    "discriminated union": (Owner, OWNER, Owner(**OWNER)),
    "array": (Owners, {"value": [OWNER]}, Owners([Owner(**OWNER)])),
    "bare array": (Owners, [OWNER], Owners([Owner(**OWNER)])),
    "recursive": (Part, {"name": "a", "parts": []}, Part(name="a")),
}


@pytest.mark.parametrize("case", STRICT)
def test_a_strict_schema(server: ScriptedServer, case: str) -> None:
    """It is one that strict mode takes, and what was wrapped for it comes back unwrapped."""
    schema, written, expected = STRICT[case]

    def question(adapter: Any) -> Any:
        server.reply(json.dumps(written))
        found = adapter.structured(chat(adapter, server), schema)
        sent = server.last.json["response_format"]["json_schema"]
        return found, sent["strict"], faults(sent["schema"])

    assert alike(question) == (expected, True, [])


@pytest.mark.parametrize(
    ("text", "finish"),
    [
        ('{"stars": {"Alien": 5', "stop"),
        ("", "stop"),
        ("I would rather talk.", "stop"),
        ("[]", "stop"),
        ('{"stars": {"Alien": NaN}}', "stop"),
        ('I might write {"stars": {}} but', "length"),
        ('{"stars": {"Alien": 5}}', "content_filter"),
    ],
    ids=["cut", "nothing", "words", "list", "not a number", "a thought that was cut", "withheld"],
)
def test_an_answer_that_is_none(server: ScriptedServer, text: str, finish: str) -> None:
    """It is an error that says what came, never an object."""

    def question(adapter: Any) -> str:
        server.reply(wire.chat(text, finish_reason=finish))
        with pytest.raises((ValueError, RefusalError), match="answer"):
            adapter.structured(chat(adapter, server))
        return "raised"

    assert alike(question) == "raised"


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
def test_a_slip_in_the_constructor(server: ScriptedServer, slip: str, meant: str) -> None:
    """A keyword one slip from a known one is an extra, and a warning names the one that was meant."""

    def question(adapter: Any) -> Any:
        guards._warned.clear()
        with pytest.warns(UserWarning, match=meant) as caught:
            model = chat(adapter, server, **{slip: 1})
        assert {warning.filename for warning in caught} == {__file__}
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


@pytest.mark.parametrize("model", ["gpt-5", "gpt-4o", "prod"])
def test_the_time_a_model_gets(server: ScriptedServer, model: str) -> None:
    """One that reasons has longer by default; no silence is cut off before the whole call is."""
    found = alike(lambda adapter: chat(adapter, server, model=model)._client.connection.timeouts)
    assert found == Timeouts(total=1740 if model == "gpt-5" else 600)
    found = alike(lambda adapter: chat(adapter, server, model=model, timeout=900)._client.connection.timeouts)
    assert (found.first_byte, found.idle) == (900, 900)


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (
            "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2025-01-01-preview",
            "https://r.openai.azure.com/openai/deployments/d/x?api-version=2025-01-01-preview",
        ),
        (
            "https://r.services.ai.azure.us/models/chat/completions?api-version=2024-08-01-preview",
            "https://r.services.ai.azure.us/models/x?api-version=2024-08-01-preview",
        ),
        (
            "https://r.openai.azure.cn/?api-version=2025-01-01-preview",
            "https://r.openai.azure.cn/openai/deployments/m/x?api-version=2025-01-01-preview",
        ),
        (
            "https://r.services.ai.azure.com/api/projects/p",
            "https://r.services.ai.azure.com/api/projects/p/openai/v1/x",
        ),
    ],
)
def test_addresses_as_people_paste_them(endpoint: str, url: str) -> None:
    """They mean the same, at construction and after a field was changed."""

    def question(adapter: Any) -> Any:
        model = adapter.chat_class(endpoint=endpoint, credential="a-key", model="m")
        first = model._client.connection
        model.max_retries = 5
        return first.url("/x", "m"), model._client.connection.url("/x", "m"), model._client.connection.scopes

    first, later, scopes = alike(question)
    assert (first, later) == (url, url)
    assert url.split("/")[2].rpartition(".")[2] in scopes[0]


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://gateway.example/llm",
        "https://r.services.ai.azure.com/anthropic/v1/messages",
        "https://r.openai.azure.com/openai/responses",
        "https://r.openai.azure.com/openai/v1?sig=s3cret-value",
    ],
)
def test_addresses_that_are_refused(endpoint: str) -> None:
    """By both, when the object is made, and without their path and query."""
    told = alike(
        lambda adapter: refusal_of(
            lambda: adapter.chat_class(endpoint=endpoint, credential="a-key", model="m")
        )
    )
    assert "s3cret-value" not in told


def test_no_credential_for_a_host_of_others(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's key is not sent there, nor anybody's token; to a server of this machine goes nothing."""
    monkeypatch.setenv("OPENAI_API_KEY", "never")
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", None)

    def question(adapter: Any) -> Any:
        adapter.ask(adapter.chat_class(endpoint=f"{server.url}/v1", model="m"))
        return {"authorization", "api-key"} & server.last.headers.keys()

    assert alike(question) == set()
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "s3cret-value")
    told = alike(
        lambda adapter: refusal_of(
            lambda: adapter.chat_class(endpoint="https://gateway.example/v1", model="m")
        )
    )
    assert "credential=" in told
    assert "s3cret-value" not in told


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


@pytest.mark.parametrize(
    ("settings", "path", "body"),
    [
        ({"azure_deployment": "prod"}, "/openai/deployments/prod/chat/completions", {}),
        ({"deployment_name": "prod", "model": "gpt-4o"}, "/openai/deployments/prod/chat/completions", {"model": "gpt-4o"}),
        ({"engine": "a b"}, "/openai/deployments/a%20b/chat/completions", {}),
        ({"model": "gpt-4o"}, "/openai/deployments/gpt-4o/chat/completions", {"model": "gpt-4o"}),
    ],
)  # fmt: skip
def test_the_address_of_a_resource(
    server: ScriptedServer, settings: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    """``azure_endpoint`` with a deployment by any of its words is the address that OpenAI's clients make of them."""

    def question(adapter: Any) -> Any:
        model = adapter.chat_class(
            azure_endpoint=server.url, api_key="a-key-of-its-own", openai_api_version="2024-10-21", **settings
        )
        adapter.ask(model)
        sent = {name: value for name, value in server.last.json.items() if name != "messages"}
        return server.last.target, sent

    assert alike(question) == (f"{path}?api-version=2024-10-21", body)


def test_a_deployment_at_another_address(server: ScriptedServer) -> None:
    """It is the model that is asked for; a model beside it tells the family, and another host is refused."""

    def question(adapter: Any) -> Any:
        model = chat(adapter, server, endpoint=server.v1_url, azure_deployment="prod", model="gpt-4o-mini")
        adapter.ask(model)
        model.deployment_name = "next"
        adapter.ask(model)
        return [body["model"] for body in server.bodies[-2:]], adapter.limits(model), model.azure_deployment

    assert alike(question) == (["prod", "next"], (128_000, True), "next")
    told = alike(
        lambda adapter: refusal_of(lambda: chat(adapter, server, azure_endpoint="https://a.example"))
    )
    assert "azure_endpoint" in told


def test_a_deployment_of_a_managed_endpoint() -> None:
    """There it is a header, beside the others, and the model stays what it is."""

    def question(adapter: Any) -> Any:
        model = adapter.chat_class(
            endpoint="https://a.westus.inference.ml.azure.com/v1",
            api_key="a-key-of-its-own",
            deployment_name="blue",
            model="m",
            default_headers={"x-team": "keepers"},
        )
        return model._client.connection.model, dict(model._client.connection.default_headers)

    assert alike(question) == ("m", {"azureml-model-deployment": "blue", "x-team": "keepers"})


def test_times_of_other_libraries(server: ScriptedServer) -> None:
    """``(connect, read)`` and ``httpx.Timeout`` are the limits they were; what they do not say stays the default."""

    def times(adapter: Any, **given: Any) -> Timeouts:
        found: Timeouts = chat(adapter, server, **given)._client.connection.timeouts
        return found

    assert alike(lambda adapter: times(adapter, timeout=(2, 30))) == Timeouts(
        connect=2, first_byte=30, idle=30
    )
    limits = httpx.Timeout(20, connect=3)
    assert alike(lambda adapter: times(adapter, timeout=limits)) == Timeouts(
        connect=3, first_byte=20, idle=20
    )
    both = alike(lambda adapter: times(adapter, request_timeout=90, stream_chunk_timeout=9))
    assert both == Timeouts(total=90, idle=9)
    parts = alike(lambda adapter: times(adapter, timeout=90, client_kwargs={"timeout": 5, "read_timeout": 9}))
    assert parts == Timeouts(total=90, first_byte=9, idle=9)


def test_parts_of_a_calls_time(server: ScriptedServer) -> None:
    """What a call says of a part of its time leaves the rest as the constructor says."""
    server.reply_always(lambda _: Reply(delay=2.0, body={}))

    def question(adapter: Any) -> None:
        with pytest.raises(TimeoutError):
            adapter.tell(chat(adapter, server, timeout=0.3, max_retries=0), connection_timeout=5)

    alike(question)


class Signature(SansIOHTTPPolicy[Any, Any]):
    """A gateway's signature, of several."""

    def __init__(self, name: str) -> None:
        self.name = name

    def on_request(self, request: Any) -> None:
        """Sign under what others signed."""
        headers = request.http_request.headers
        headers["x-signed"] = f"{headers.get('x-signed', '')} {self.name}".strip()


def test_policies_by_the_names_of_the_sdk(server: ScriptedServer) -> None:
    """``per_call_policies`` and ``per_retry_policies``, one or several, come after ``policies``."""
    one, two, three = (Signature(name) for name in ("one", "two", "three"))
    for given in (
        {"policies": [one], "per_call_policies": two, "per_retry_policies": [three]},
        {"client_kwargs": {"policies": [one], "per_call_policies": [two, three]}},
    ):
        signed = alike(
            lambda adapter, given=given: (
                adapter.ask(chat(adapter, server, **given)),
                server.last.headers["x-signed"],
            )[1]
        )
        assert signed == "one two three"


@pytest.mark.parametrize(
    ("keywords", "body"),
    [
        ({"extra_body": {"top_k": 5}}, {"top_k": 5}),
        ({"additional_kwargs": {"extra_body": {"top_k": 5}, "seed": 1}}, {"top_k": 5, "seed": 1}),
        ({"model_kwargs": {"max_tokens": 5}}, {"max_tokens": 5}),
        ({"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
        ({"max_new_tokens": 5}, {"max_tokens": 5}),
        ({"stop_sequences": ["a"]}, {"stop": ["a"]}),
        ({"stream_options": {"include_usage": True}}, {}),
        ({"audio_config": {"voice": "alloy"}}, {"audio": {"voice": "alloy"}}),
        ({"n": 1, "reasoning_effort": "low", "service_tier": "flex"}, {"n": 1, "reasoning_effort": "low", "service_tier": "flex"}),
        ({"request_timeout": 20, "reuse_client": True, "tiktoken_model_name": "x", "use_responses_api": False}, {}),
        ({"timeout": (2, 20), "disabled_params": {"parallel_tool_calls": None}, "http_client": None}, {}),
        ({"connection_timeout": 5, "read_timeout": 20, "retry_total": 1, "request_id": "x", "verify": True}, {}),
    ],
)  # fmt: skip
def test_what_words_of_other_classes_send(
    server: ScriptedServer, keywords: dict[str, Any], body: dict[str, Any]
) -> None:
    """In a constructor and in a call they come to the same body, which holds what is for the model and nothing else."""

    def sent() -> dict[str, Any]:
        return {name: value for name, value in server.last.json.items() if name != "messages"}

    def question(adapter: Any) -> Any:
        adapter.ask(chat(adapter, server, **keywords))
        constructed = sent()
        adapter.tell(chat(adapter, server), **keywords)
        return constructed, sent()

    assert alike(question) == (body, body)


@pytest.mark.parametrize(
    ("keywords", "advice"),
    [
        ({"http_client": object()}, "ca_bundle"),
        ({"openai_proxy": "http://user:hunter2@proxy"}, "HTTPS_PROXY"),
        ({"proxies": {"https": "http://user:hunter2@proxy"}}, "HTTPS_PROXY"),
        ({"verify": False}, "ca_bundle"),
        ({"transport": object()}, "ca_bundle"),
        ({"retry_mode": "fixed"}, "max_retries"),
        ({"model_kwargs": {"base_url": "https://hunter2.example"}}, "constructor"),
        ({"additional_kwargs": {"request_timeout": 5}}, "constructor"),
        ({"use_responses_api": True}, "/chat/completions"),
        ({"default_query": {"sig": "hunter2"}}, "default_headers"),
        ({"project_endpoint": "https://a.example"}, "target URI"),
        ({"service": "other"}, "inference"),
        ({"strict": True}, "strict=True"),
        ({"dimensions": 5}, "embedding class"),
        ({"chunk_size": 5}, "embedding class"),
        ({"timeout": object()}, "timeout"),
        ({"client_kwargs": {"retry_mode": "fixed"}}, "max_retries"),
        ({"client_kwargs": {"permit_redirects": True}}, "key"),
        ({"max_tokens": 5, "max_new_tokens": 6}, "max_tokens"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, dict) else value,
)
def test_words_that_cannot_be_honoured(server: ScriptedServer, keywords: dict[str, Any], advice: str) -> None:
    """They are refused before anything is sent, with what to do instead, and their values are not quoted."""
    told = alike(lambda adapter: refusal_of(lambda: chat(adapter, server, **keywords)))
    assert advice in told
    assert "hunter2" not in told
    assert server.requests == []


def test_words_without_effect_are_told_of_once(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG, by name, with the reason."""

    def question(adapter: Any) -> Any:
        guards._warned.clear()
        caplog.clear()
        for _ in range(2):
            chat(adapter, server, reuse_client=True)
        return [record.getMessage() for record in caplog.records]

    caplog.set_level(logging.DEBUG, "azure_inference")
    (told,) = alike(question)
    assert "reuse_client has no effect" in told


def test_words_of_the_other_class(server: ScriptedServer) -> None:
    """What only a chat model has is no keyword of an embedding model, and not sent."""
    for word in ("temperature", "max_completion_tokens", "stop_sequences", "streaming"):
        told = alike(lambda adapter, word=word: refusal_of(lambda: embedder(adapter, server, **{word: 1})))
        assert "chat class" in told


async def a_token(token: str) -> str:
    """What an async provider gives."""
    return token


@pytest.mark.parametrize(
    ("credentials", "bearer", "key"),
    [
        ({"azure_ad_token": "Bearer a-token-of-its-own"}, "a-token-of-its-own", None),
        ({"azure_ad_token": "a-token-of-its-own", "api_key": "a-key"}, "a-token-of-its-own", None),
        ({"openai_api_key": "a-key-of-its-own", "use_azure_ad": False}, "a-key-of-its-own", "a-key-of-its-own"),
        ({"credential": FakeCredential, "api_key": "a-key"}, "token-1", None),
        ({"azure_ad_token_provider": lambda: lambda: "a-token-of-its-own", "api_key": "a-key"}, "a-token-of-its-own", None),
        ({"azure_ad_async_token_provider": lambda: partial(a_token, "a-token-of-its-own")}, "a-token-of-its-own", None),
    ],
    ids=["token", "token and key", "key", "credential and key", "provider and key", "async provider"],
)  # fmt: skip
def test_who_signs_in(
    server: ScriptedServer, credentials: dict[str, Any], bearer: str, key: str | None
) -> None:
    """A token goes as a bearer only, and wins over a key; a credential wins over all."""

    def question(adapter: Any) -> Any:
        given = {name: value() if callable(value) else value for name, value in credentials.items()}
        adapter.ask(adapter.chat_class(base_url=server.url, **given))
        return server.last.headers["authorization"], server.last.headers.get("api-key")

    sent, api_key = alike(question)
    assert sent == f"Bearer {bearer}"
    assert api_key == key


def test_the_limit_of_an_answer_has_two_names(server: ScriptedServer) -> None:
    """A call's limit wins over the constructor's under either name, and never both are sent."""

    def question(adapter: Any) -> Any:
        sent = []
        for made, called in (
            ("max_tokens", "max_completion_tokens"),
            ("max_completion_tokens", "max_tokens"),
        ):
            adapter.tell(chat(adapter, server, **{made: 5}), **{called: 7})
            sent.append({name: v for name, v in server.last.json.items() if name != "messages"})
        return sent

    assert alike(question) == [{"max_completion_tokens": 7}, {"max_tokens": 7}]


def test_extras_changed_in_place(server: ScriptedServer) -> None:
    """What is put into ``model_kwargs``, assigned to it or given to a copy is sent from the next call on."""

    def question(adapter: Any) -> Any:
        model = chat(adapter, server, model_kwargs={"top_k": 1})
        model.model_kwargs.update(top_k=2)
        adapter.ask(model)
        model.model_kwargs = {"min_p": 0.5}
        adapter.ask(model)
        model.extra_body = {"top_k": 3}
        adapter.ask(model)
        copied = model.model_copy(update={"model_kwargs": {"top_k": 4}, "model_name": "other"})
        adapter.ask(copied)
        adapter.ask(model.model_copy(update={"extra_headers": {"x-team": "keepers"}, "request_timeout": 9}))
        headers = server.last.headers["x-team"]
        sent = [{name: v for name, v in body.items() if name != "messages"} for body in server.bodies[-5:]]
        return sent, headers, copied.model_name, copied.extra_body

    sent, header, name, extras = alike(question)
    assert sent == [{"top_k": 2}, {"min_p": 0.5}, {"top_k": 3}, {"model": "other", "top_k": 4}, {"top_k": 3}]
    assert (header, name, extras) == ("keepers", "other", {"top_k": 4})


def test_attributes_by_the_words_of_other_classes(server: ScriptedServer) -> None:
    """They are read and set, by the names that programs have for them."""

    def question(adapter: Any) -> Any:
        model = chat(adapter, server, client_kwargs={"retry_total": 4, "user_agent": "mine"}, n=1)
        read = model.client_kwargs, model.openai_api_base, model.n, model.logprobs, model.request_timeout
        key = model.openai_api_key.get_secret_value()
        model.api_key, model.request_timeout, model.reasoning_effort = "another-key", 20, "low"
        model.client_kwargs = {"retry_total": 1}
        adapter.ask(model)
        sent = server.last.headers["api-key"], server.last.json["reasoning_effort"]
        return (
            read,
            key,
            sent,
            model._client.connection.timeouts.total,
            model.max_retries,
            hasattr(model, "client"),
        )

    read, key, sent, total, retries, has_client = alike(question)
    assert read == ({"retry_total": 4, "user_agent": "mine"}, server.url, 1, None, None)
    assert (key, sent) == ("a-key-of-its-own", ("another-key", "low"))
    assert (total, retries, has_client) == (20, 1, False)
    told = alike(lambda adapter: refusal_of(lambda: setattr(chat(adapter, server), "http_client", object())))
    assert "ca_bundle" in told


def test_the_size_of_batches(server: ScriptedServer) -> None:
    """It has three names, in the constructor, as attributes and in a call."""

    def question(adapter: Any) -> Any:
        model = embedder(adapter, server, chunk_size=2)
        sizes = [model.embed_batch_size, model.chunk_size]
        model.chunk_size = 3
        adapter.embed(model, ["a", "b", "c"], chunk_size=1)
        adapter.embed(model, ["a", "b", "c"])
        return sizes, [len(body["input"]) for body in server.bodies[-4:]]

    assert alike(question) == ([2, 2], [1, 1, 1, 3])


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


ASKED = [next(row for row in SHAPES if row.id.startswith(start)) for start in (
    "param-", "words-0", "flat-0", "parameter-in-on-your-data", "parameter-in-litellm", "filter-in-bytes",
    "length-in-event", "policy-", "credential-0", "credential-3", "version-400", "quota-0", "tokens-gone",
)]  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("row", ASKED, ids=lambda row: row.id)
def test_a_refusal_is_read_alike(server: ScriptedServer, row: Row, streamed: bool) -> None:
    """What a service refuses is one class with the same parameters, wait and words, in both."""
    server.strict = False

    def refused(adapter: Any) -> tuple[Any, ...]:
        server.reply(Reply(row.status, row.content, row.headers))
        model = chat(adapter, server, max_retries=0)
        with pytest.raises(row.kind) as caught:
            adapter.stream(model) if streamed else adapter.ask(model)
        error = caught.value
        told = (error.status, error.code, error.retry_after, error.is_retryable)
        return *told, getattr(error, "parameters", None), str(error)

    outcome = alike(refused)
    assert outcome[:2] == (row.status, row.code)
    assert [(name, value) for name, value, _ in outcome[4] or ()] == row.parameters


@pytest.mark.usefixtures("quick_retries")
def test_a_limit_as_the_first_event_of_a_stream_is_met_again(server: ScriptedServer) -> None:
    """A stream that begins with a rate limit is asked for once more, and nobody notices."""
    limit = {"error": {"code": "rate_limit_exceeded", "type": "server_error", "message": "no room"}}

    def streamed(adapter: Any) -> tuple[str, int]:
        before = len(server.requests)
        server.reply([limit], "Hello.")
        said = adapter.stream(chat(adapter, server))
        return said.text, len(server.requests) - before

    assert alike(streamed) == ("Hello.", 2)


def test_which_of_many_texts_is_empty(server: ScriptedServer) -> None:
    """A refusal of one empty text among many says which it is, counted over all requests."""
    empty = {"error": {"message": "'$.input' is invalid.", "type": "invalid_request_error", "param": None}}
    server.reply_always(
        lambda request: (
            Reply(400, empty)
            if "" in request.json["input"]
            else None or wire.embeddings(request.json["input"])
        ),
        "/embeddings",
    )

    def refused(adapter: Any) -> str:
        model = embedder(adapter, server, embed_batch_size=2, max_concurrency=1)
        with pytest.raises(InvalidRequestError) as caught:
            adapter.embed(model, ["a", "b", "c", "", "d"])
        return str(caught.value)

    told = alike(refused)
    assert "texts[3]" in told
    assert "inputs 2 to 3" in told


def test_too_many_inputs_name_the_setting(server: ScriptedServer) -> None:
    """A model that takes fewer texts a request than were sent is not guessed at: the setting is named."""
    many = {"error": {"message": "Too many inputs. The max number of inputs is 2.", "code": None}}

    def refused(adapter: Any) -> str:
        server.reply(Reply(400, many))
        with pytest.raises(InvalidRequestError) as caught:
            adapter.embed(embedder(adapter, server), ["a", "b", "c"])
        return str(caught.value)

    assert "embed_batch_size) to 2" in alike(refused)


def test_texts_of_too_many_tokens_go_in_several_requests(server: ScriptedServer) -> None:
    """What is too many tokens for one request is split, and later texts are not sent in vain."""
    server.strict = False

    def limited(request: Any) -> Any:
        tokens = sum(len(text) for text in request.json["input"])
        if tokens <= 2000:
            return wire.embeddings(request.json["input"], encoding_format=request.json.get("encoding_format"))
        told = f"Requested {tokens} tokens, max 2000 tokens per request"
        return Reply(400, {"error": {"code": "max_tokens_per_request", "message": told}})

    server.reply_always(limited, "/embeddings")

    def sizes(adapter: Any) -> list[int]:
        before = len(server.requests)
        model = embedder(adapter, server, max_concurrency=1)
        for _ in range(2):
            adapter.embed(model, ["a" * 800] * 6)
        return [len(body["input"]) for body in server.bodies[before:]]

    assert alike(sizes) == [6, 2, 2, 2, 2, 2, 2]
