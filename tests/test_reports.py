"""What users of these models have reported in public, replayed: it happens no more.

The server answers as the report's service did. The reports are of LlamaIndex's users; that LangChain's fare no worse
is said by the tests of the kinds, in the folders.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import enum
import gzip
import json
import random
import socket
import threading
import warnings
import zlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal, TypeVar

import pytest
from azure.core.credentials import AccessToken
from llama_index.core import Document, PromptTemplate, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ThinkingBlock
from llama_index.core.selectors import LLMSingleSelector, PydanticSingleSelector
from llama_index.core.tools import ToolMetadata
from pydantic import BaseModel, Field

from azure_inference_core import Connection, Timeouts, errors
from llamaindex_azure_inference import AzureInference, AzureInferenceCompletion, AzureInferenceEmbedding
from tests.support.fault_server import Call, FaultServer, Request
from tests.support.scripted_server import Reply, ScriptedServer, answer_well
from tests.support.wire import chat, chat_chunks, chunk, embeddings, event, tool_call

KEY = "test-key-123456"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
T = TypeVar("T")

# The framework's agents use deprecated attributes of their own libraries.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]


class Invoice(BaseModel):
    """An invoice; what is not in the text stays empty."""

    number: str | None = None
    total: float | None = None
    lines: list[str] = []


class Node(BaseModel):
    """A node."""

    name: str
    children: list[Node] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    barks: bool


class Owner(BaseModel):
    """Owner."""

    pet: Cat | Dog = Field(discriminator="kind")
    other: list[Annotated[Cat | Dog, Field(discriminator="kind")]]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    """Part."""

    n: int
    kind: Literal["a", "b"] = "a"


class Item(BaseModel):
    """Item."""

    name: str
    colour: Colour | None = None
    size: int | str | None = None
    tags: dict[str, int] = {}
    parts: list[Part] = []


class AVeryLongNameOfAClassThatDescribesWhatIsToBeExtractedFromTheDocumentInDetail(BaseModel):
    """D."""

    n: int


LongNamed = AVeryLongNameOfAClassThatDescribesWhatIsToBeExtractedFromTheDocumentInDetail


def writer(server: ScriptedServer, path: str = "", **options: Any) -> AzureInference:
    return AzureInference(endpoint=server.url + path, credential=KEY, **{"max_retries": 0, **options})


def embedder(server: ScriptedServer, path: str = "", **options: Any) -> AzureInferenceEmbedding:
    return AzureInferenceEmbedding(endpoint=server.url + path, credential=KEY, max_retries=0, **options)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, 60))


def ask_agent(llm: AzureInference, tools: list[Callable[..., Any]], **options: Any) -> str:
    async def go() -> str:
        return str(await FunctionAgent(tools=tools, llm=llm, **options).run("go"))

    return run(go())


def calling(*calls: dict[str, Any], finish: str = "tool_calls", before: tuple[Any, ...] = ()) -> list[Any]:
    """A stream of tool calls, their arguments in pieces."""
    chunks: list[Any] = list(before) or [chunk(role="assistant")]
    for place, call in enumerate(calls):
        arguments = call["function"]["arguments"]
        begun = {**call, "index": place, "function": {"name": call["function"]["name"], "arguments": ""}}
        chunks.append(chunk(tool_calls=[begun]))
        for start in range(0, len(arguments), 4):
            piece = {"index": place, "function": {"arguments": arguments[start : start + 4]}}
            chunks.append(chunk(tool_calls=[piece]))
    return [*chunks, chunk(finish_reason=finish)]


def says(text: str, *calls: dict[str, Any], finish: str | None = None) -> Callable[[Request], Any]:
    """The same answer, streamed if the request asks for it."""

    def answer(request: Request) -> Any:
        if request.wants_stream:
            return calling(*calls, finish=finish or "tool_calls") if calls else chat_chunks(text)
        return chat(None if calls else text, tool_calls=list(calls) or None, finish_reason=finish)

    return answer


def serving(answer: Callable[[Request], Any]) -> ScriptedServer:
    server = ScriptedServer(strict=False)
    server.reply_always(answer)
    return server


def first_then(first: Callable[[Request], Any], text: str = "done") -> Callable[[Request], Any]:
    """The first request gets one answer, every later one a text."""
    asked: list[Request] = []

    def answer(request: Request) -> Any:
        asked.append(request)
        return first(request) if len(asked) == 1 else says(text)(request)

    return answer


def refused(message: str, status: int = 400, **more: Any) -> Reply:
    return Reply(status, {"error": {"message": message, "type": "invalid_request_error", **more}})


def dangling(schema: dict[str, Any]) -> list[str]:
    """The references of a schema that lead nowhere."""

    def references(node: Any) -> list[str]:
        if isinstance(node, list):
            return [found for item in node for found in references(item)]
        if not isinstance(node, dict):
            return []
        here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return here + [found for item in node.values() for found in references(item)]

    def leads(reference: str) -> bool:
        node: Any = schema
        for part in reference.split("/")[1:]:
            if not isinstance(node, dict) or part not in node:
                return False
            node = node[part]
        return True

    return [reference for reference in references(schema) if not leads(reference)]


def not_strict(node: Any, where: str = "$") -> list[str]:
    """What the service's strict mode refuses of a schema."""
    if isinstance(node, list):
        return [fault for place, item in enumerate(node) for fault in not_strict(item, f"{where}[{place}]")]
    if not isinstance(node, dict):
        return []
    banned = ("oneOf", "allOf", "not", "if", "dependentRequired", "patternProperties")
    faults = [f"{where}.{word}" for word in banned if word in node and not where.endswith("properties")]
    if node.get("type") == "object":
        faults += [] if node.get("additionalProperties") is False else [f"{where} is open"]
        faults += (
            [] if set(node.get("required", ())) == set(node.get("properties", ())) else [f"{where} required"]
        )
    return faults + [fault for name, item in node.items() for fault in not_strict(item, f"{where}.{name}")]


def test_arguments_cut_by_a_limit_fill_no_object() -> None:
    """A call that max_tokens cut off raises a ValueError instead of giving an object of defaults."""
    cut = tool_call("Invoice", '{"number": "A-17", "total": 99.5, "lines": ["pen", "bo')
    with serving(says("", cut, finish="length")) as server:
        with pytest.raises(ValueError, match="length"):
            writer(server).structured_predict(Invoice, PromptTemplate("x"))
        with pytest.raises(ValueError, match="length"):
            run(writer(server).astructured_predict(Invoice, PromptTemplate("x")))


def test_an_inspected_connection_names_the_way_out() -> None:
    """Behind a company's TLS inspection the error names ca_bundle, and ca_bundle works."""
    with ScriptedServer(tls=True) as server:
        assert writer(server, ca_bundle=server.ca_bundle).complete("x").text
        untrusting = writer(server)
        with pytest.raises(errors.ConnectionFailedError, match="ca_bundle"):
            untrusting.complete("x")
        with pytest.raises(errors.ConnectionFailedError, match="ca_bundle"):
            run(untrusting.achat([ChatMessage("x")]))


def test_thoughts_between_tags_are_no_answer() -> None:
    """What DeepSeek-R1 writes between its tags becomes a thinking block, and the text is the answer."""
    with serving(says("<think>\nfirst {a: 1}\n</think>\n\nParis")) as server:
        message = writer(server, model="DeepSeek-R1").chat([ChatMessage("x")]).message
    assert message.content == "Paris"
    assert [block.content for block in message.blocks if isinstance(block, ThinkingBlock)] == [
        "first {a: 1}\n"
    ]


@pytest.mark.parametrize("streaming", [True, False])
def test_reasoning_goes_back_with_its_call(streaming: bool) -> None:
    """DeepSeek with thinking answers turn two of an agent, since its own reasoning came back with the call."""

    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    def answer(request: Request) -> Any:
        assistants = [m for m in request.json["messages"] if m["role"] == "assistant"]
        if any(m.get("tool_calls") and not m.get("reasoning_content") for m in assistants):
            return refused("reasoning_content of the earlier turn is missing")
        if assistants:
            return says("3")(request)
        call = tool_call("add", '{"a": 1, "b": 2}')
        if request.wants_stream:
            thoughts = (
                chunk(role="assistant", reasoning_content="I shall "),
                chunk(reasoning_content="add."),
            )
            return calling(call, before=thoughts)
        body = chat(None, tool_calls=[call])
        body["choices"][0]["message"]["reasoning_content"] = "I shall add."
        return body

    with serving(answer) as server:
        llm = writer(server, "/v1", model="DeepSeek-V4")
        assert ask_agent(llm, [add], streaming=streaming) == "3"


@pytest.mark.parametrize("streaming", [True, False])
def test_a_malformed_call_does_not_end_the_conversation(streaming: bool) -> None:
    """What goes back after malformed arguments is JSON, which stricter servers insist on."""

    def write(path: str, text: str) -> str:
        """Write."""
        raise AssertionError("a tool was run with arguments that nobody could read")

    def readable(call: dict[str, Any]) -> bool:
        try:
            return isinstance(json.loads(call["function"]["arguments"]), dict)
        except ValueError:
            return False

    def answer(request: Request) -> Any:
        calls = [call for m in request.json["messages"] for call in m.get("tool_calls") or ()]
        if not all(readable(call) for call in calls):
            return refused("the arguments of a tool call in the history are not JSON")
        if calls:
            return says("done")(request)
        return says("", tool_call("write", '{"path": "/tmp/a", "text": "he said "hi" and left"}'))(request)

    with serving(answer) as server:
        assert ask_agent(writer(server), [write], streaming=streaming) == "done"


def test_arguments_encoded_twice_are_read() -> None:
    """A model that encodes its arguments twice has its tool called with them."""
    got = []

    def add(a: int, b: int) -> int:
        """Add."""
        got.append((a, b))
        return a + b

    with serving(first_then(says("", tool_call("add", json.dumps('{"a": 1, "b": 2}'))))) as server:
        ask_agent(writer(server), [add])
    assert got == [(1, 2)]


def test_a_recursive_class_keeps_its_definitions() -> None:
    """No reference of the schema of a recursive class leads nowhere."""
    with serving(says('{"name": "a", "children": [{"name": "b", "children": []}]}')) as server:
        llm = writer(server, structured_output="json_schema")
        assert llm.structured_predict(Node, PromptTemplate("x")).children[0].name == "b"
        assert dangling(server.last.json["response_format"]["json_schema"]["schema"]) == []


def test_a_discriminated_union_is_sent_as_strict_mode_takes_it() -> None:
    """A strict schema has none of the words that strict mode refuses."""
    with serving(says('{"pet": {"kind": "cat", "lives": 9}, "other": []}')) as server:
        owner = writer(server, structured_output="json_schema").structured_predict(Owner, PromptTemplate("x"))
        sent = server.last.json["response_format"]["json_schema"]
    assert isinstance(owner.pet, Cat)
    assert not sent["strict"] or not_strict(sent["schema"]) == []


@pytest.mark.parametrize(
    "uri",
    [
        "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
        "https://r.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview",
        "https://r.cognitiveservices.azure.com/openai/deployments/emb/embeddings?api-version=2023-05-15",
    ],
)
def test_the_portals_target_uri_is_an_endpoint(uri: str) -> None:
    """What the portal shows to copy is taken as it is."""
    assert AzureInference(endpoint=uri, credential=KEY, model="m").endpoint


class SignedIn:
    """A credential of somebody who is signed in."""

    def __init__(self) -> None:
        self.scopes: list[tuple[str, ...]] = []

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        self.scopes.append(scopes)
        return AccessToken("ENTRA-TOKEN", 4_000_000_000)


@pytest.mark.parametrize(
    ("endpoint", "scope"),
    [
        ("https://r.openai.azure.us/openai/deployments/d", "cognitiveservices.azure.us"),
        ("https://r.services.ai.azure.us/models", "cognitiveservices.azure.us"),
        ("https://r.openai.azure.cn/openai/deployments/d", "cognitiveservices.azure.cn"),
        ("https://r.region.inference.ml.azure.us", "ml.azure.us"),
    ],
)
def test_sovereign_clouds_have_their_own_scopes(endpoint: str, scope: str) -> None:
    """A token for a government's or China's cloud is asked for there."""
    assert scope in Connection(endpoint, SignedIn()).scopes[0]


def test_a_users_token_goes_to_no_server_but_azures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key, the signed-in user's token stays at home when the server is not Azure's."""
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", SignedIn)
    with serving(says("ok")) as server:
        with contextlib.suppress(errors.InferenceError):
            AzureInference(endpoint=f"{server.url}/v1", model="llama").complete("x")
        assert not [request for request in server.requests if "ENTRA" in str(request.headers)]


def test_a_validation_error_names_its_parameter() -> None:
    """A 400 with a numeric code and a JSON pointer is the refusal of a parameter."""
    message = "Validation error at #/max_completion_tokens: Extra inputs are not permitted"
    refusal = Reply(400, {"requestid": "1b7c", "code": 400, "message": message})
    with serving(lambda _: refusal) as server, pytest.raises(errors.UnsupportedParameterError) as caught:
        writer(server).complete("x", max_completion_tokens=5)
    assert [parameter.name for parameter in caught.value.parameters] == ["max_completion_tokens"]


def test_events_in_answer_to_a_plain_call_are_read() -> None:
    """A model that only streams is understood by whoever asked for a whole answer."""
    with serving(lambda _: chat_chunks("hello world")) as server:
        assert writer(server).complete("x").text == "hello world"


@pytest.mark.parametrize("name", ["prod-chat", "gpt-4", "grok-3", "gpt-oss-120b"])
def test_a_large_limit_breaks_no_query_engine(name: str) -> None:
    """A name that tells nothing does not make the context too small for the answer that was asked for."""
    with serving(says("ok")) as server:
        index = SummaryIndex.from_documents([Document(text="a b c")])
        llm = writer(server, model=name, max_tokens=16000)
        assert str(index.as_query_engine(llm=llm).query("q")) == "ok"


def test_too_many_inputs_name_the_size_of_a_batch() -> None:
    """A deployment that takes fewer inputs a request says so, and the error says which setting that is."""

    def answer(request: Request) -> Any:
        inputs = request.json["input"]
        return embeddings(inputs) if len(inputs) == 1 else refused("Too many inputs: one a request at most.")

    with serving(answer) as server:
        with pytest.raises(errors.InvalidRequestError, match="batch_size"):
            embedder(server, "/openai/deployments/emb").get_text_embedding_batch(["a", "b"])
        assert len(embedder(server, embed_batch_size=1).get_text_embedding_batch(["a", "b"])) == 2


def test_a_token_provider_is_a_credential() -> None:
    """What get_bearer_token_provider gives is taken under the names that users know."""
    with serving(says("ok")) as server:
        for name in ("credential", "azure_ad_token_provider"):
            AzureInference(endpoint=server.url, max_retries=0, **{name: lambda: "tok"}).complete("x")
            assert server.last.headers["authorization"] == "Bearer tok", name


def test_a_long_name_of_a_class_is_shortened() -> None:
    """A tool's name stays within what the API takes."""

    def answer(request: Request) -> Any:
        name = request.json["tools"][0]["function"]["name"]
        return says("", tool_call(name, '{"n": 1}'))(request) if len(name) <= 64 else refused("64 at most")

    with serving(answer) as server:
        assert writer(server).structured_predict(LongNamed, PromptTemplate("x")).n == 1


@pytest.mark.parametrize(
    "keyword",
    [
        {"is_chat_model": True},
        {"reuse_client": False},
        {"additional_kwargs": {"top_k": 3}},
        {"deployment_name": "d"},
        {"engine": "d"},
        {"azure_deployment": "d"},
        {"strict": True},
        {"default_query": {"a": "b"}},
        {"should_use_structured_outputs": True},
    ],
    ids=lambda keyword: next(iter(keyword)),
)
def test_settings_of_sibling_classes_are_not_sent(keyword: dict[str, Any]) -> None:
    """A setting of LlamaIndex's own OpenAI classes does not land in the model's request."""
    with serving(says("ok")) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            writer(server, "/v1", model="m", **keyword).complete("x")
        except errors.ConfigurationError:
            assert server.requests == []
        else:
            assert next(iter(keyword)) not in server.last.json


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("arguments", ["", "{}"])
def test_a_call_without_arguments_is_run_and_goes_back_as_json(arguments: str, streaming: bool) -> None:
    """A tool that needs nothing is called with nothing, and the history holds an object."""
    ran = []

    def ping() -> str:
        """Ping."""
        ran.append(1)
        return "pong"

    with serving(first_then(says("", tool_call("ping", arguments)))) as server:
        assert ask_agent(writer(server), [ping], streaming=streaming) == "done"
        (sent,) = [m["tool_calls"][0] for m in server.last.json["messages"] if m.get("tool_calls")]
    assert ran == [1]
    assert json.loads(sent["function"]["arguments"]) == {}


def piece(arguments: str, **more: Any) -> dict[str, Any]:
    named = {"name": "add"} if "id" in more else {}
    return {**more, "function": {**named, "arguments": arguments}}


@pytest.mark.parametrize(
    "pieces",
    [
        [piece('{"a":1,"b":2}', index=0, id="c1"), piece('{"a":3,"b":4}', index=0, id="c2")],
        [piece('{"a":1', id="c1"), piece(',"b":2}'), piece('{"a":3,"b":4}', id="c2")],
        [piece('{"a":1,"b":2}', id="null"), piece('{"a":3,"b":4}', id="null")],
    ],
    ids=["the same index", "no index", "the id null"],
)
def test_parallel_calls_stay_apart(pieces: list[dict[str, Any]]) -> None:
    """Two streamed calls are two, however poorly the server numbers them."""
    got = []

    def add(a: int, b: int) -> int:
        """Add."""
        got.append((a, b))
        return a + b

    chunks = [*(chunk(tool_calls=[part]) for part in pieces), chunk(finish_reason="tool_calls")]
    with serving(first_then(lambda _: chunks)) as server:
        ask_agent(writer(server), [add], allow_parallel_tool_calls=True)
        answered = [m["tool_call_id"] for m in server.last.json["messages"] if m["role"] == "tool"]
    assert sorted(got) == [(1, 2), (3, 4)]
    assert len(set(answered)) == 2


def test_a_limit_under_its_other_name_is_taken() -> None:
    """A deployment that takes only max_completion_tokens gets the limit under that name."""
    message = "Unsupported parameter: 'max_tokens'; this model has 'max_completion_tokens'."
    refusal = refused(message, param="max_tokens", code="unsupported_parameter")
    with serving(lambda request: refusal if "max_tokens" in request.json else chat("ok")) as server:
        path = "/openai/deployments/gpt5"
        assert writer(server, path, max_tokens=10).complete("x").text == "ok"
        assert server.last.json["max_completion_tokens"] == 10
        assert writer(server, path, max_completion_tokens=10).complete("x").text == "ok"


def test_a_reasoning_model_is_sent_nothing_unasked() -> None:
    """Models that refuse max_tokens and temperature get neither from defaults."""
    with serving(says("ok")) as server:
        writer(server, "/v1", model="gpt-5").complete("x")
        assert {"max_tokens", "temperature"} & set(server.last.json) == set()


@pytest.mark.parametrize("way", ["function_calling", "json_schema", "prompt"])
def test_enums_unions_and_free_keys_come_back(way: str) -> None:
    """A class with an enum, a union, a dict and a list of classes is filled in every way, streamed as well."""
    value = {"name": "x", "colour": "red", "size": "big", "tags": {"k": 1}, "parts": [{"n": 1, "kind": "b"}]}
    text = json.dumps(value)

    def answer(request: Request) -> Any:
        return says(text, *([tool_call("Item", text)] if request.json.get("tools") else []))(request)

    prompt = PromptTemplate("x")
    with serving(answer) as server:
        llm = writer(server, structured_output=way)
        item = llm.structured_predict(Item, prompt)
        assert (item.colour, item.size, item.parts[0].kind, item.tags) == (Colour.RED, "big", "b", {"k": 1})
        assert run(llm.astructured_predict(Item, prompt)) == item
        assert list(llm.stream_structured_predict(Item, prompt))[-1] == item

        async def stream() -> Any:
            return [part async for part in await llm.astream_structured_predict(Item, prompt)][-1]

        assert run(stream()) == item
        for request in server.requests:
            asked = request.json.get("response_format")
            assert not asked or dangling(asked["json_schema"]["schema"]) == []


def test_selectors_choose() -> None:
    """LlamaIndex's selectors get their choice, by tool and by text."""

    def answer(request: Request) -> Any:
        if not (tools := request.json.get("tools")):
            return says('[{"choice": 2, "reason": "r"}]')(request)
        return says("", tool_call(tools[0]["function"]["name"], '{"index": 2, "reason": "r"}'))(request)

    choices = [ToolMetadata(description="a", name="a"), ToolMetadata(description="b", name="b")]
    with serving(answer) as server:
        for selector in (LLMSingleSelector, PydanticSingleSelector):
            assert selector.from_defaults(llm=writer(server)).select(choices, "q").ind == 1


def test_vectors_in_any_order_are_put_in_the_texts_order() -> None:
    """A server that answers a batch in its own order does not mix the texts up."""

    def answer(request: Request) -> Any:
        body = embeddings(request.json["input"], encoding_format=request.json.get("encoding_format"))
        random.shuffle(body["data"])
        return body

    texts = [str(number) for number in range(50)]
    with serving(answer) as server:
        model = embedder(server, embed_batch_size=7)
        one_by_one = [model.get_text_embedding(text) for text in texts]
        assert model.get_text_embedding_batch(texts) == one_by_one
        assert run(model.aget_text_embedding_batch(texts)) == one_by_one


def zipped(data: bytes, how: str) -> bytes:
    return {"gzip": gzip.compress, "deflate": zlib.compress}.get(how, bytes)(data)


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/plain", ""),
        ("application/octet-stream", ""),
        ("application/json", "gzip"),
        ("application/json", "deflate"),
    ],
)
def test_an_answer_is_read_whatever_it_calls_itself(content_type: str, encoding: str) -> None:
    """The content type of a proxy and the encoding of its body cost no answer."""
    body = zipped(json.dumps(chat("héllo"), ensure_ascii=False).encode(), encoding)
    headers = {"Content-Encoding": encoding} if encoding else {}
    with serving(lambda _: Reply(200, body, headers, content_type)) as server:
        assert writer(server).complete("x").text == "héllo"
        assert run(writer(server).achat([ChatMessage("x")])).message.content == "héllo"


def test_a_zipped_stream_is_read() -> None:
    """Events that a proxy has compressed are read."""
    body = gzip.compress(b"".join(event(part) for part in (*chat_chunks("a b"), "[DONE]")))
    reply = Reply(200, body, {"Content-Encoding": "gzip"}, "text/event-stream")
    with serving(lambda _: reply) as server:
        assert "".join(response.delta for response in writer(server).stream_complete("x")) == "a b"


def test_a_connection_that_the_server_closed_costs_no_call() -> None:
    """A kept connection that went stale is replaced, though there are no retries."""
    closed = threading.Event()

    def answer(call: Call) -> None:
        answer_well(call)
        call.close()
        closed.set()

    with FaultServer(answer) as server:
        llm = AzureInference(endpoint=server.url, credential=KEY, max_retries=0)
        for _ in range(3):
            assert llm.complete("x").text
            assert closed.wait(10)
            closed.clear()

        async def go() -> None:
            for _ in range(3):
                assert (await llm.achat([ChatMessage("x")])).message.content
                assert await asyncio.to_thread(closed.wait, 10)
                closed.clear()

        run(go())


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_address_of_ipv6_is_an_endpoint() -> None:
    """A host in square brackets is asked, and named in the request."""
    with FaultServer(answer_well, host="::1") as server:
        llm = AzureInference(endpoint=f"http://[::1]:{server.port}", credential=KEY, max_retries=0)
        assert llm.complete("x").text
        assert run(llm.achat([ChatMessage("x")])).message.content
        assert server.requests[0].headers["host"] == f"[::1]:{server.port}"


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "text/plain"),
        (b"Internal Server Error", "text/plain"),
        (b"<html><h1>502</h1></html>", "text/html"),
        (b'{"detail": null}', "application/json"),
        (b"[]", "application/json"),
        (b'"boom"', "application/json"),
        (b"\x00\xff" * 100, "x/y"),
        (
            b'{"error": {"code": "InternalServerError", "message": "an unexpected answer"}}',
            "application/json",
        ),
    ],
)
def test_a_failing_server_is_one_whatever_it_says(status: int, body: bytes, content_type: str) -> None:
    """A 5xx is a ServerError with its request id, with any body."""
    with serving(lambda _: Reply(status, body, {"x-request-id": "rid9"}, content_type)) as server:
        for ask in (
            lambda: writer(server).complete("x"),
            lambda: run(writer(server).achat([ChatMessage("x")])),
        ):
            with pytest.raises(errors.ServerError) as caught:
                ask()
            assert (caught.value.status, caught.value.request_id) == (status, "rid9")


def test_images_are_sent_in_every_form() -> None:
    """Bytes, an address, and bytes that are base64 already go out as they must."""
    blocks = [
        TextBlock(text="t"),
        ImageBlock(image=PIXEL, detail="low"),
        ImageBlock(url="https://a/b.png", detail="high"),
        ImageBlock(image=base64.b64encode(PIXEL)),
    ]
    with serving(says("ok")) as server:
        writer(server).chat([ChatMessage(role="user", blocks=blocks)])
        _, low, linked, encoded = server.last.json["messages"][0]["content"]
    data = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
    assert low["image_url"] == {"url": data, "detail": "low"}
    assert linked["image_url"] == {"url": "https://a/b.png", "detail": "high"}
    assert encoded["image_url"]["url"] == data


def test_a_streamed_completion_counts_its_tokens() -> None:
    """The async stream of the completions route gives the text and the counts."""

    async def go() -> Any:
        llm = AzureInferenceCompletion(endpoint=server.url, credential=KEY)
        return [response async for response in await llm.astream_complete("x")][-1]

    with ScriptedServer() as server:
        last = run(go())
    assert last.text
    assert last.additional_kwargs["total_tokens"] == 13


def test_an_index_grows_and_answers_by_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both classes serve as the framework's defaults, and show no key."""
    monkeypatch.setattr(Settings, "_llm", None)
    monkeypatch.setattr(Settings, "_embed_model", None)
    with ScriptedServer() as server:
        Settings.llm, Settings.embed_model = writer(server), embedder(server)

        async def go() -> str:
            index = VectorStoreIndex.from_documents([Document(text="a")])
            for number in range(10):
                index.insert(Document(text=str(number)))
            return str(await index.as_query_engine().aquery("q"))

        assert run(go())
        assert KEY not in json.dumps(Settings.llm.to_dict()) + json.dumps(Settings.embed_model.to_dict())


def test_images_are_embedded_on_their_own_route() -> None:
    """Bytes and data URLs go to the route of images, in one request each."""
    data = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
    with ScriptedServer() as server:
        assert len(embedder(server).get_image_embedding_batch([PIXEL, data])) == 2
        assert {request.path for request in server.requests} == {"/images/embeddings"}


@pytest.mark.parametrize("spelling", ["credential_scopes", "client_kwargs"])
def test_a_named_scope_is_asked_for(spelling: str) -> None:
    """A user's scope decides, given as it is or as the retired classes had it."""
    scopes = ["https://cognitiveservices.azure.us/.default"]
    given = scopes if spelling == "credential_scopes" else {"credential_scopes": scopes}
    credential = SignedIn()
    with ScriptedServer() as server:
        AzureInference(endpoint=server.url, credential=credential, **{spelling: given}).complete("x")
    assert credential.scopes == [tuple(scopes)]


def cut_after(*texts: str) -> Callable[[Call], None]:
    """A stream that the server breaks off."""

    def answer(call: Call) -> None:
        call.stream_head()
        for text in texts:
            call.chunk(event(chunk(text)))
        call.close()

    return answer


def test_a_broken_stream_keeps_what_came() -> None:
    """A stream that ends too early raises, with the text so far."""
    with FaultServer(cut_after("Once ", "upon")) as server:
        llm = AzureInference(endpoint=server.url, credential=KEY, max_retries=0)
        with pytest.raises(errors.IncompleteResponseError) as caught:
            list(llm.stream_chat([ChatMessage("x")]))
    assert caught.value.partial == "Once upon"


def test_a_model_that_does_not_stream_serves_an_agent() -> None:
    """Where streaming is refused, an agent gets its answer."""
    message = {
        "code": "OperationParameterInvalid",
        "message": "Streaming responses are not currently supported",
    }

    def answer(request: Request) -> Any:
        return Reply(422, {"error": message}) if request.wants_stream else chat("ok")

    with serving(answer) as server:
        assert ask_agent(writer(server), [], streaming=False) == "ok"
        assert ask_agent(writer(server), []) == "ok"


def test_a_silent_stream_ends_at_its_limit() -> None:
    """A stream that falls silent raises with the text so far, sync and async."""

    def answer(call: Call) -> None:
        call.stream_head()
        call.chunk(event(chunk("a")))
        call.hang()

    with FaultServer(answer) as server:
        timeout = Timeouts(total=30, idle=1)
        llm = AzureInference(endpoint=server.url, credential=KEY, max_retries=0, timeout=timeout)

        async def go() -> None:
            async for _ in await llm.astream_complete("x"):
                pass

        for ask in (lambda: list(llm.stream_complete("x")), lambda: run(go())):
            with pytest.raises(errors.DeadlineExceededError) as caught:
                ask()
            assert caught.value.partial == "a"


def test_threads_share_one_client() -> None:
    """Two hundred calls of 32 threads get each its own answer, over few connections."""

    def answer(request: Request) -> Any:
        return chat(request.json["messages"][0]["content"])

    with serving(answer) as server:
        llm = writer(server)
        texts = [str(number) for number in range(200)]
        with ThreadPoolExecutor(32) as pool:
            assert list(pool.map(lambda text: llm.complete(text).text, texts)) == texts
        assert server.connection_count <= 40
