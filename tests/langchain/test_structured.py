"""Structured output: what is read, what raises, and what the runnables say of themselves; agents with broken calls."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any
from typing import TypedDict as TypedDictOfTyping

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import after_model
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from pydantic import BaseModel, RootModel
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import TypedDict

from langchain_azure_inference import (
    AzureInferenceLLM,
    ChatAzureInference,
    ConfigurationError,
    RefusalError,
)
from tests.support import wire
from tests.support.scripted_server import ScriptedServer
from tests.support.strict import faults

METHODS: Any = ("function_calling", "json_schema", "json_mode")
every_method = pytest.mark.parametrize("method", METHODS)


class Invoice(BaseModel):
    """An invoice; what is not in the text stays empty."""

    number: str | None = None
    lines: list[str] = []


class Node(BaseModel):
    """A node."""

    name: str
    children: list[Node] = []


class Invoices(RootModel[list[Invoice]]):
    """Invoices."""


class InvoiceV1(BaseModelV1):
    """An invoice."""

    number: str


class Folder(TypedDict):
    """A folder."""

    name: str
    folders: list[Folder]


class File(TypedDictOfTyping):
    """A file."""

    name: str


@dataclasses.dataclass
class Point:
    """A point."""

    x: int
    y: int = 0


NAMES = {"title": "names", "type": "array", "items": {"type": "string"}}
FUNCTION = {
    "name": "invoice",
    "description": "An invoice.",
    "parameters": {"title": "invoice", "type": "object", "properties": {"number": {"type": "string"}}},
}
TREE = '{"name": "a", "children": [{"name": "b", "children": []}]}'


MODELS: list[ChatAzureInference] = []


def model_of(server: ScriptedServer, **more: Any) -> ChatAzureInference:
    """A model on the scripted endpoint, closed when the test is over."""
    MODELS.append(ChatAzureInference(**{"endpoint": server.url, "credential": "test", **more}))
    return MODELS[-1]


@pytest.fixture(autouse=True)
async def closing() -> AsyncIterator[None]:
    """Close the models of a test in its own loop."""
    yield
    while MODELS:
        await MODELS.pop().aclose()


def answer(method: str, text: str, finish: str = "stop") -> Any:
    """An endpoint that answers with a text, as the arguments of the one tool or as it is, streamed if that is asked."""

    def written(request: Any) -> Any:
        stream = bool(request.json.get("stream"))
        pieces = [text[start : start + 4] for start in range(0, len(text), 4)]
        if method != "function_calling":
            chunks = [*map(wire.chunk, pieces), wire.chunk("", finish_reason=finish)]
            return chunks if stream else wire.chat(text, finish_reason=finish)
        call = wire.tool_call(request.json["tools"][0]["function"]["name"], text)
        if not stream:
            return wire.chat(None, tool_calls=[call], finish_reason=finish)
        head = {**call, "index": 0, "function": {**call["function"], "arguments": ""}}
        deltas = [head, *({"index": 0, "function": {"arguments": piece}} for piece in pieces)]
        return [*(wire.chunk(tool_calls=[delta]) for delta in deltas), wire.chunk("", finish_reason=finish)]

    return written


async def every_way(chain: Any) -> list[Any]:
    """What each of the four ways gives, a stream's last last; what it raises in its place."""
    found: list[Any] = []
    for way in ("invoke", "ainvoke", "stream", "astream"):
        try:
            result = getattr(chain, way)("x")
            if way == "astream":
                result = [item async for item in result]
            elif way == "ainvoke":
                result = await result
            found.append(list(result)[-1] if "stream" in way else result)
        except Exception as error:  # noqa: BLE001 - what the tests are about
            found.append(error)
    return found


INVOICE = '{"number": "A-17", "lines": ["a"]}'
FORMS = {
    "plain": INVOICE,
    "a code fence": f"```json\n{INVOICE}\n```",
    "encoded twice": json.dumps(INVOICE),
    "single quotes": "{'number': 'A-17', 'lines': ['a']}",
}
FORMS_OF_TEXTS = {
    "a fence and words": f"```json\n{INVOICE}\n```\nI {{hope}} that helps.",
    "words": f"Here it is: {INVOICE}",
    "a thought with braces": f"<think>{{number: 3}}?</think>\n{INVOICE}",
    "two thoughts": f"<think>{{}}</think>\n<think>{{}}</think>{INVOICE}",
    "a thought that the template opened": f"So {{number: 3}}?\n</think>\n\n{INVOICE}",
}
WRITTEN = [(method, form) for method in METHODS for form in FORMS]
WRITTEN += [(method, form) for method in METHODS[1:] for form in FORMS_OF_TEXTS]


@pytest.mark.parametrize(("method", "form"), WRITTEN)
async def test_json_is_read_in_every_form(server: ScriptedServer, method: Any, form: str) -> None:
    """Fences, a second encoding and Python's quotes are read everywhere, words and thoughts in texts."""
    server.reply_always(answer(method, (FORMS | FORMS_OF_TEXTS)[form]))
    chain = model_of(server, split_think=False).with_structured_output(Invoice, method=method)
    assert await every_way(chain) == [Invoice(number="A-17", lines=["a"])] * 4


CUT = '{"number": "A-17", "lines": ["pen", "bo'


@every_method
@pytest.mark.parametrize("finish", ["length", "stop", "tool_calls", "content_filter"])
async def test_a_cut_answer_fills_nothing(server: ScriptedServer, method: Any, finish: str) -> None:
    """It raises, at the end of a stream too; ``include_raw`` keeps the answer and the error."""
    server.reply_always(answer(method, CUT, finish))
    expected: Any = RefusalError if finish == "content_filter" else OutputParserException
    model = model_of(server)
    for error in await every_way(model.with_structured_output(Invoice, method=method)):
        assert isinstance(error, expected)
        assert (
            "max_tokens" in str(error)
            if finish == "length"
            else "JSON" in str(error) or expected is RefusalError
        )
    for found in await every_way(model.with_structured_output(Invoice, method=method, include_raw=True)):
        assert (found["raw"].type in ("ai", "AIMessageChunk"), found["parsed"]) == (True, None)
        assert isinstance(found["parsing_error"], expected)


@every_method
async def test_an_answer_in_words_is_quoted(server: ScriptedServer, method: Any) -> None:
    """What the model said instead is in the error, and in ``llm_output``."""
    server.reply_always(lambda _request: "I would rather talk.")
    for error in await every_way(model_of(server).with_structured_output(Invoice, method=method)):
        assert isinstance(error, OutputParserException)
        assert "I would rather talk." in str(error)
        assert error.llm_output == "I would rather talk."


async def test_a_call_without_arguments_fills_nothing(server: ScriptedServer) -> None:
    """A forced call has to say something; an empty object is an answer."""
    chain = model_of(server).with_structured_output(Invoice)
    server.reply_always(answer("function_calling", ""))
    assert all(isinstance(error, OutputParserException) for error in await every_way(chain))
    server.reply_always(answer("function_calling", "{}"))
    assert await every_way(chain) == [Invoice()] * 4


async def test_another_value_than_an_object(server: ScriptedServer) -> None:
    """A schema of objects, be it a dict, gets no list and no number, which may be the beginning of another."""
    for schema, text in ((FUNCTION, "[1]"), (FUNCTION, "12"), (Invoice, "12")):
        server.reply_always(answer("json_mode", text))
        for error in await every_way(model_of(server).with_structured_output(schema, method="json_mode")):
            assert isinstance(error, OutputParserException)
            assert "not an object" in str(error)


class Plain:
    """A class that is nothing but a signature."""

    def __init__(self, x: int) -> None:
        self.x = x


def test_a_class_that_langchain_cannot_describe(server: ScriptedServer) -> None:
    """It is refused when the chain is made, as what is no schema is."""
    with pytest.raises(ConfigurationError, match="function tool"):
        model_of(server).with_structured_output(Plain)


async def test_another_tool_than_the_one_asked_for(server: ScriptedServer) -> None:
    """Its arguments are not the answer's."""
    server.reply_always(lambda _request: wire.chat(None, tool_calls=[wire.tool_call("other", "{}")]))
    with pytest.raises(OutputParserException, match="called other, not Invoice"):
        model_of(server).with_structured_output(Invoice).invoke("x")


@pytest.mark.parametrize("streaming", [False, True])
def test_a_model_that_does_not_stream_still_answers_a_stream(server: ScriptedServer, streaming: bool) -> None:
    """With ``disable_streaming`` the whole answer is the stream's one item."""
    server.reply_always(answer("function_calling", '{"number": "1"}'))
    model = model_of(server, disable_streaming=not streaming)
    assert list(model.with_structured_output(Invoice).stream("x"))[-1] == Invoice(number="1")


def sent_schema(server: ScriptedServer, method: str) -> dict[str, Any]:
    """The schema of the last request, which is strict and as strict mode takes it."""
    body = server.last.json
    if method == "json_schema":
        described = body["response_format"]["json_schema"]
    else:
        described = body["tools"][0]["function"]
    schema: dict[str, Any] = described["schema" if method == "json_schema" else "parameters"]
    assert described["strict"] is True
    assert faults(schema) == []
    return schema


KINDS: dict[str, tuple[Any, str, Any]] = {
    "recursive": (Node, TREE, Node(name="a", children=[Node(name="b")])),
    "array": (Invoices, '{"value": [{"number": "1"}]}', Invoices([Invoice(number="1")])),
    "array by dict": (NAMES, '{"value": ["a", "b"]}', ["a", "b"]),
    "recursive typed dict": (Folder, '{"name": "a", "folders": []}', {"name": "a", "folders": []}),
    "dataclass": (Point, '{"x": 1, "y": 2}', Point(1, 2)),
}


@pytest.mark.parametrize(("method", "kind"), [(method, kind) for method in METHODS[:2] for kind in KINDS])
async def test_schemas_there_and_back(server: ScriptedServer, kind: str, method: Any) -> None:
    """Recursive classes, arrays, dataclasses: a strict schema goes out whole, and the object comes back."""
    schema, text, expected = KINDS[kind]
    server.reply_always(answer(method, text))
    chain = model_of(server).with_structured_output(schema, method=method, strict=True)
    assert await every_way(chain) == [expected] * 4
    sent_schema(server, method)


async def test_an_array_that_the_model_did_not_wrap(server: ScriptedServer) -> None:
    """Models that do not keep to the schema write the array alone."""
    server.reply_always(answer("json_mode", '[{"number": "1"}]'))
    chain = model_of(server).with_structured_output(Invoices, method="json_mode")
    assert await every_way(chain) == [Invoices([Invoice(number="1")])] * 4


@every_method
@pytest.mark.parametrize(
    "schema", [Invoice, Node, Invoices, InvoiceV1, Folder, File, Point, NAMES, FUNCTION, None]
)
def test_runnables_tell_their_schema(server: ScriptedServer, schema: Any, method: Any) -> None:
    """``OutputType`` is the class, and the JSON schema of the output is the class's, for every method."""
    if schema is None:
        assert model_of(server).with_structured_output(method="json_mode").OutputType is Any
        return
    chain = model_of(server).with_structured_output(schema, method=method)
    told = chain.get_output_jsonschema()
    if isinstance(schema, dict):
        assert chain.OutputType == (Any if schema is NAMES else dict[str, Any])
        assert told == (schema if schema is NAMES else schema["parameters"])
        return
    assert chain.OutputType is schema
    assert told.get("title", told.get("$ref", "").rpartition("/")[2]) == schema.__name__
    if schema in (Invoice, Node, Invoices):
        assert told == schema.model_json_schema()


async def test_tokens_are_counted_where_nobody_names_the_model(server: ScriptedServer) -> None:
    """LangChain counts by name: the model's, else the deployment's in the address, else the host's."""

    def nameless(request: Any) -> Any:
        if request.path.endswith("/chat/completions") and request.json.get("stream"):
            return [{**chunk, "model": ""} for chunk in wire.chat_chunks("Hi.", style="last")]
        return {**wire.chat("Hi."), "model": ""}

    server.reply_always(nameless)
    for endpoint, name in ((server.url, "127.0.0.1"), (server.deployment_url, "tiny-model")):
        counts = UsageMetadataCallbackHandler()
        model = model_of(server, endpoint=endpoint)
        model.invoke("x", config={"callbacks": [counts]})
        await model.ainvoke("x", config={"callbacks": [counts]})
        list(model.stream("x", config={"callbacks": [counts]}))
        assert counts.usage_metadata[name]["total_tokens"] == 3 * wire.USAGE["total_tokens"]
    server.reply_always(lambda _request: {**wire.completion("Hi."), "model": ""})
    writer = AzureInferenceLLM(endpoint=server.deployment_url, credential="test")
    assert writer.generate(["x"]).llm_output == {"token_usage": wire.USAGE, "model_name": "tiny-model"}


# -- agents --


RAN: list[Any] = []


def delete(pattern: str = "*", recursive: bool = True) -> str:
    """Delete files."""
    RAN.append((pattern, recursive))
    return "deleted"


BROKEN = {
    "cut": '{"pattern": "a/',
    "quotes": '{"pattern": "he said "hi" and left"}',
    "list": "[1]",
    "half a name": "{'pattern': 'a",
    "a backslash": '{"pattern": "\\',
    "cut after a value": '{"pattern": "a", ',
}


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("case", BROKEN)
def test_an_agent_runs_no_broken_call(server: ScriptedServer, case: str, streams: bool) -> None:
    """It is in ``invalid_tool_calls``, whole and streamed, though LangChain completes what was cut in a stream."""
    RAN.clear()
    server.reply_always(answer("function_calling", BROKEN[case], "tool_calls"))
    agent: Any = create_agent(model_of(server), [delete])
    question = {"messages": [("user", "x")]}
    if streams:
        states = [
            state
            for mode, state in agent.stream(question, stream_mode=["messages", "values"])
            if mode == "values"
        ]
        message = states[-1]["messages"][-1]
    else:
        message = agent.invoke(question)["messages"][-1]
    assert (RAN, message.tool_calls) == ([], [])
    (call,) = message.invalid_tool_calls
    assert call["name"] == "delete"
    assert call["args"].startswith(BROKEN[case])


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("finish", ["tool_calls", "length", "content_filter"])
@pytest.mark.parametrize("arguments", ["", " "])
def test_a_call_without_arguments(server: ScriptedServer, arguments: str, finish: str, streams: bool) -> None:
    """It is one, unless the answer was cut off before its first letter."""
    server.reply(answer("function_calling", arguments, finish), "Done.")
    RAN.clear()
    create_agent(model_of(server, streaming=streams), [delete]).invoke({"messages": [("user", "x")]})
    assert len(RAN) == (finish == "tool_calls")


@pytest.mark.parametrize("streams", [False, True])
def test_an_agent_can_try_again(server: ScriptedServer, streams: bool) -> None:
    """With the middleware of the guide the model hears of its broken call, and its next one is run."""

    @after_model(can_jump_to=["model"])
    def ask_again(state: Any, runtime: Any) -> dict[str, Any] | None:
        """Go back to the model if it made broken calls only."""
        message = state["messages"][-1]
        return {"jump_to": "model"} if message.invalid_tool_calls and not message.tool_calls else None

    RAN.clear()
    whole = '{"pattern": "a/b", "recursive": false}'
    server.reply(
        *(answer("function_calling", text, "tool_calls") for text in (BROKEN["cut"], whole)), "Done."
    )
    agent: Any = create_agent(model_of(server, streaming=streams), [delete], middleware=[ask_again])
    done = agent.invoke({"messages": [("user", "x")]})
    assert done["messages"][-1].text == "Done."
    assert RAN == [("a/b", False)]
    told = server.requests[1].json["messages"][-1]
    assert (told["role"], "malformed or truncated" in told["content"]) == ("tool", True)


@pytest.mark.parametrize("streams", [False, True])
async def test_arguments_in_other_forms_reach_the_tool_whole(server: ScriptedServer, streams: bool) -> None:
    """Encoded twice, in a fence, in single quotes: read in streams too, where LangChain would not."""
    text = '{"pattern": "é"}'
    for arguments in (json.dumps(text), f"```json\n{text}\n```", "{'pattern': 'é'}", "{ 'pattern': 'é' }"):
        RAN.clear()
        server.reply(answer("function_calling", arguments, "tool_calls"), "Done.")
        agent: Any = create_agent(model_of(server, streaming=streams), [delete])
        await agent.ainvoke({"messages": [("user", "x")]})
        assert RAN == [("é", True)]


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
def test_a_broken_call_in_events(server: ScriptedServer) -> None:
    """The event protocol tells it as an invalid call too."""
    server.reply_always(answer("function_calling", BROKEN["cut"], "tool_calls"))
    stream = model_of(server).bind_tools([delete]).stream_events("x", version="v3")
    output: AIMessage = stream.output
    assert (output.tool_calls, output.invalid_tool_calls[0]["name"]) == ([], "delete")


@pytest.mark.parametrize("strategy", ["tool", "provider", "provider, strict"])
def test_an_agent_answers_in_a_recursive_class(server: ScriptedServer, strategy: str) -> None:
    """Both strategies send the whole schema; a strict one is made strict, which LangChain leaves to the provider."""
    form: Any = (
        ToolStrategy(Node) if strategy == "tool" else ProviderStrategy(Node, strict="strict" in strategy)
    )
    server.reply_always(answer("function_calling" if strategy == "tool" else "json_schema", TREE))
    agent: Any = create_agent(model_of(server), [], response_format=form)
    done = agent.invoke({"messages": [("user", "x")]})
    assert done["structured_response"] == Node(name="a", children=[Node(name="b")])
    body = server.last.json
    if strategy == "tool":
        assert body["tools"][0]["function"]["parameters"]["properties"]["children"]["items"] == {
            "$ref": "#/$defs/Node"
        }
    else:
        described = body["response_format"]["json_schema"]
        assert described["schema"]["type"] == "object"
        assert described.get("strict", False) is ("strict" in strategy)
        assert not described.get("strict") or faults(described["schema"]) == []


def test_a_broken_answer_of_an_agent_is_no_answer(server: ScriptedServer) -> None:
    """Arguments that were cut off do not fill the class of a strategy: the agent asks again."""
    server.reply(
        answer("function_calling", CUT, "length"), answer("function_calling", '{"number": "1"}', "tool_calls")
    )
    agent: Any = create_agent(model_of(server), [], response_format=ToolStrategy(Invoice))
    done = agent.invoke({"messages": [("user", "x")]})
    assert (done["structured_response"], len(server.requests)) == (Invoice(number="1"), 2)
