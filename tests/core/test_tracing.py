"""Tracing: a span for each call and each request where azure-core's setting asks for it, and policies of the user's own."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pytest
from azure.core.pipeline.policies import AsyncHTTPPolicy, HTTPPolicy, SansIOHTTPPolicy
from azure.core.settings import settings

from azure_inference_core import ChatClient, CompletionsClient, Connection
from azure_inference_core.errors import ConfigurationError, InferenceError
from tests.support import wire
from tests.support.drive import connect
from tests.support.entry_points import CLASSES, ENTRY_POINTS, EntryPoint, made
from tests.support.fault_server import FaultServer
from tests.support.scripted_server import ScriptedServer, answer_well
from tests.support.wire import CANARY_KEY, CANARY_PROMPT

trace = pytest.importorskip("opentelemetry.trace", reason="OpenTelemetry is not installed")
sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="OpenTelemetry's SDK is not installed")

OPERATIONS = {"/chat/completions": "chat", "/completions": "text_completion"}


class Recorded:
    """Spans that have ended."""

    def __init__(self) -> None:
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self._exporter = InMemorySpanExporter()
        provider = sdk.TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        trace.set_tracer_provider(provider)

    def take(self) -> tuple[list[Any], list[Any]]:
        """Spans of calls and spans of requests since the last time."""
        found = self._exporter.get_finished_spans()
        self._exporter.clear()
        calls = [span for span in found if "gen_ai.operation.name" in span.attributes]
        return calls, [span for span in found if span not in calls]


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    """Where this process's spans go: OpenTelemetry lets one be told once."""
    return Recorded()


@pytest.fixture
def spans(recorded: Recorded) -> Iterator[Recorded]:
    """The same with azure-core's setting on."""
    settings.tracing_enabled = True
    recorded.take()
    yield recorded
    settings.tracing_enabled.unset_value()


async def use(entry: EntryPoint, thing: Any) -> Any:
    """Make a call, whatever its kind, and close."""
    try:
        return await entry.use(thing) if entry.asynchronous else entry.use(thing)
    finally:
        await thing.aclose()


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=str)
async def test_every_call_has_a_span(spans: Recorded, entry: EntryPoint) -> None:
    """Model, endpoint, token counts and finish reason; the request's span is its child, and the service is told of it."""
    with FaultServer(answer_well) as server:
        assert await use(entry, made(entry.kind, server.url, model="tiny")) == entry.wanted
        traceparent = server.requests[-1].headers["traceparent"]
        route = server.requests[-1].path.partition("?")[0]
    (call,), (request,) = spans.take()
    told = dict(call.attributes)
    operation = OPERATIONS.get(route, "embeddings")
    assert (call.name, call.kind.name, call.parent) == (f"{operation} tiny", "CLIENT", None)
    assert told["gen_ai.operation.name"] == operation
    assert told["gen_ai.provider.name"] == "azure.ai.inference"
    assert told["gen_ai.request.model"] == "tiny"
    assert (told["server.address"], told["server.port"]) == ("127.0.0.1", int(server.url.rpartition(":")[2]))
    assert told["gen_ai.usage.input_tokens"] > 0
    if entry.mode != "embed":
        assert told["gen_ai.response.model"] == "tiny-model"
        assert told["gen_ai.usage.output_tokens"] > 0
        assert told["gen_ai.response.finish_reasons"] == ("stop",)
        assert ("gen_ai.response.time_to_first_chunk" in told) == (entry.mode == "stream")
    assert request.parent.span_id == call.context.span_id
    assert traceparent.split("-")[1:3] == [
        f"{request.context.trace_id:032x}",
        f"{request.context.span_id:016x}",
    ]
    assert CANARY_PROMPT not in repr(told)
    assert CANARY_KEY not in repr(told) + repr(request.attributes)


@pytest.mark.parametrize("entry", [entry for entry in ENTRY_POINTS if entry.mode != "embed"], ids=str)
async def test_content_only_if_asked(
    spans: Recorded, entry: EntryPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said stands in the span where a variable of OpenTelemetry's, or of the retired SDK, wants it."""
    for name in (
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        "AZURE_TRACING_GEN_AI_CONTENT_RECORDING_ENABLED",
    ):
        with FaultServer(answer_well) as server, monkeypatch.context() as patch:
            patch.setenv(name, "true")
            await use(entry, made(entry.kind, server.url))
        (call,), _ = spans.take()
        asked = json.loads(call.attributes["gen_ai.input.messages"])
        said = json.loads(call.attributes["gen_ai.output.messages"])
        assert [message["role"] for message in asked] == ["user"]
        assert CANARY_PROMPT in asked[0]["parts"][0]["content"]
        assert said == [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": entry.wanted}],
                "finish_reason": "stop",
            }
        ]


def test_parameters_and_tool_calls_are_told(
    spans: Recorded, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parameters by the conventions' names; a conversation with tools and images in the conventions' form."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    call = {"id": "call000001", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "when?"}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call000001", "content": "noon"},
    ]
    with ChatClient(connect(server.url)) as client:
        client.complete(messages, temperature=0.5, max_tokens=9, stop=["x"], seed=1, top_p=0.9)
    (span,), _ = spans.take()
    told = dict(span.attributes)
    assert span.name == "chat"
    assert {name.rpartition(".")[2]: told[name] for name in told if name.startswith("gen_ai.request")} == {
        "temperature": 0.5,
        "max_tokens": 9,
        "stop_sequences": ("x",),
        "seed": 1,
        "top_p": 0.9,
    }
    assert json.loads(told["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "when?"}, {"type": "image_url"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "call000001", "name": "now", "arguments": "{}"}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call000001", "response": "noon"}]},
    ]


def test_tool_calls_of_an_answer_are_told(
    spans: Recorded, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls that a model writes stand in its message, whole and streamed alike."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    tool = {
        "type": "function",
        "function": {"name": "now", "parameters": {"type": "object", "properties": {}}},
    }
    call = {"id": "call000001", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    first = {"index": 0, **call, "function": {"name": "now", "arguments": "{"}}
    with ChatClient(connect(server.url)) as client:
        server.reply(
            wire.chat(None, tool_calls=[call]),
            [
                wire.chunk(tool_calls=[first]),
                wire.chunk(tool_calls=[{"index": 0, "function": {"arguments": "}"}}]),
                wire.chunk(finish_reason="tool_calls"),
            ],
        )
        client.complete(wire.MESSAGES, tools=[tool])
        list(client.stream(wire.MESSAGES, tools=[tool]))
    said = [json.loads(span.attributes["gen_ai.output.messages"]) for span in spans.take()[0]]
    wanted = {"type": "tool_call", "id": "call000001", "name": "now", "arguments": "{}"}
    assert said == [[{"role": "assistant", "parts": [wanted], "finish_reason": "tool_calls"}]] * 2


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=str)
async def test_a_failure_is_told(spans: Recorded, entry: EntryPoint) -> None:
    """The error's class and status, on the call once and on each of its requests; nothing of its text."""
    with FaultServer(lambda call: call.respond(503, {"error": {"message": CANARY_PROMPT}})) as server:
        with pytest.raises(InferenceError) as caught:
            await use(entry, made(entry.kind, server.url, max_retries=1))
        requests = server.request_count
    (call,), attempts = spans.take()
    assert call.attributes["error.type"] == type(caught.value).__name__
    assert call.attributes["http.response.status_code"] == 503
    assert (call.status.status_code.name, call.status.description) == ("ERROR", None)
    assert [attempt.attributes["error.type"] for attempt in attempts] == ["503"] * requests
    assert CANARY_PROMPT not in repr([span.to_json() for span in [call, *attempts]])


async def test_a_stream_that_is_left_has_no_error(spans: Recorded, server: ScriptedServer) -> None:
    """Its span ends where it was left; one that is never begun has none; between its pieces it is nobody's parent."""
    with CompletionsClient(connect(server.url)) as client:
        client.stream("x")
        with client.stream("x") as deltas:
            next(deltas)
            assert not trace.get_current_span().get_span_context().is_valid
        async with client.astream("x") as deltas:
            await anext(deltas)
            assert not trace.get_current_span().get_span_context().is_valid
        await client.aclose()
    calls, requests = spans.take()
    assert [call.status.status_code.name for call in calls] == ["UNSET", "UNSET"]
    assert [request.parent.span_id for request in requests] == [call.context.span_id for call in calls]


def test_spans_belong_to_the_users_span(spans: Recorded, server: ScriptedServer) -> None:
    """A call inside a span of the program is its child; its batches, from threads, are all the call's."""
    server_url = server.url
    embedding = made(CLASSES[2], server_url, batch_size=1)
    with trace.get_tracer("program").start_as_current_span("mine") as mine:
        embedding.embed_documents(["a", "b", "c"])
    embedding.close()
    (call,), others = spans.take()
    assert call.parent.span_id == mine.get_span_context().span_id
    assert [span.parent.span_id for span in others if span.name == "POST"] == [call.context.span_id] * 3


def test_the_plugin_of_the_retired_classes_works_too(recorded: Recorded, server: ScriptedServer) -> None:
    """``tracing_implementation = "opentelemetry"`` gives the same two spans."""
    pytest.importorskip("azure.core.tracing.ext.opentelemetry_span")
    settings.tracing_implementation = "opentelemetry"
    try:
        with ChatClient(connect(server.url)) as client:
            client.complete(wire.MESSAGES)
    finally:
        settings.tracing_implementation.unset_value()
    (call,), (request,) = recorded.take()
    assert request.parent.span_id == call.context.span_id
    assert "traceparent" in server.requests[-1].headers


def test_nothing_is_traced_by_itself(recorded: Recorded, server: ScriptedServer) -> None:
    """With the setting off there are neither spans nor headers, and OpenTelemetry is not imported."""
    with ChatClient(connect(server.url)) as client:
        client.complete(wire.MESSAGES)
        list(client.stream(wire.MESSAGES))
    assert recorded.take() == ([], [])
    assert "traceparent" not in server.requests[-1].headers
    code = """
        import sys
        from azure_inference_core import ChatClient, Connection
        with ChatClient(Connection(sys.argv[1], "key")) as client:
            client.complete([{"role": "user", "content": "x"}])
            list(client.stream([{"role": "user", "content": "x"}]))
        assert not any(name.partition(".")[0] == "opentelemetry" for name in sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), server.url], check=True, timeout=60)


@pytest.mark.filterwarnings("ignore")  # what it is deprecated to do, it leaves undone under errors
@pytest.mark.parametrize("framework", ["langchain", "llama_index"])
def test_openinference_goes_on_seeing_the_classes(recorded: Recorded, framework: str) -> None:
    """Its instrumentors find model and token counts in both frameworks' own events."""
    found = pytest.importorskip(f"openinference.instrumentation.{framework}")
    instrumentor = getattr(
        found, {"langchain": "LangChainInstrumentor", "llama_index": "LlamaIndexInstrumentor"}[framework]
    )()
    kind = CLASSES[0] if framework == "langchain" else CLASSES[3]
    entry = next(entry for entry in ENTRY_POINTS if entry.kind is kind)
    instrumentor.instrument()
    try:
        with FaultServer(answer_well) as server:
            thing = made(kind, server.url, model="tiny")
            entry.use(thing)
            thing.close()
    finally:
        instrumentor.uninstrument()
    _, (span,) = recorded.take()
    assert span.attributes["llm.model_name"] in ("tiny", "tiny-model")
    assert span.attributes["llm.token_count.total"] == 13


class Sign(SansIOHTTPPolicy[Any, Any]):
    """A gateway's signature."""

    def __init__(self, word: str = "one") -> None:
        self.word = word
        self.statuses: list[int] = []

    def on_request(self, request: Any) -> None:
        """Sign what is sent, the credential too."""
        request.http_request.headers["x-signature"] = (
            f"{self.word}:{request.http_request.headers['api-key'][:6]}"
        )

    def on_response(self, request: Any, response: Any) -> None:
        """Note the answer."""
        self.statuses.append(response.http_response.status_code)


class SyncOnly(HTTPPolicy[Any, Any]):
    """A policy of sync pipelines."""

    def send(self, request: Any) -> Any:
        """Mark and send."""
        request.http_request.headers["x-mark"] = "sync"
        return self.next.send(request)


class AsyncOnly(AsyncHTTPPolicy[Any, Any]):
    """A policy of async pipelines."""

    async def send(self, request: Any) -> Any:
        """Mark and send."""
        request.http_request.headers["x-mark"] = "async"
        return await self.next.send(request)


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=str)
async def test_policies_ride_the_pipeline(entry: EntryPoint) -> None:
    """Each request of each class goes through the policies of its kind, after the credential is in it."""
    sign = Sign()
    with FaultServer(answer_well) as server:
        thing = made(entry.kind, server.url, policies=[sign, SyncOnly(), AsyncOnly()])
        assert await use(entry, thing) == entry.wanted
        headers = server.requests[-1].headers
    assert headers["x-signature"] == f"one:{CANARY_KEY[:6]}"
    assert headers["x-mark"] == ("async" if entry.asynchronous else "sync")
    assert sign.statuses == [200]


async def test_a_policy_of_the_other_kind_is_refused(server: ScriptedServer) -> None:
    """A signature that would be left out costs the call, not the gateway's answer; what is no policy is refused at once."""
    with ChatClient(connect(server.url, policies=[SyncOnly()])) as client:
        client.complete(wire.MESSAGES)
        with pytest.raises(ConfigurationError, match="SyncOnly does not work in async calls"):
            await client.acomplete(wire.MESSAGES)
    with pytest.raises(ConfigurationError, match="AsyncOnly does not work in sync calls"):
        ChatClient(connect(server.url, policies=[AsyncOnly()])).complete(wire.MESSAGES)
    assert len(server.requests) == 1
    for wrong in ([Sign], ["x"], Sign(), "x"):
        with pytest.raises(ConfigurationError, match="polic"):
            connect(server.url, policies=wrong)


def test_one_policy_serves_many_connections() -> None:
    """A policy given to two connections, or changed in a copy, sends each request where it belongs."""
    shared = SyncOnly()
    with FaultServer(answer_well) as one, FaultServer(answer_well) as other:
        clients = [ChatClient(Connection(server.url, "key", policies=[shared])) for server in (one, other)]
        for client in (*clients, *clients):
            client.complete(wire.MESSAGES)
        assert (one.request_count, other.request_count) == (2, 2)
        for client in clients:
            client.close()


@pytest.mark.parametrize("kind", [Connection, *CLASSES], ids=lambda kind: kind.__name__)
def test_policies_are_in_no_pickle_but_multiprocessings(
    kind: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """They may hold a gateway's secret; an object that was pickled without them says so in the log."""
    thing = (
        kind("http://127.0.0.1:9", "key", policies=[Sign("canary-word")])
        if kind is Connection
        else made(kind, "http://127.0.0.1:9", policies=[Sign("canary-word")])
    )
    text = pickle.dumps(thing)
    assert b"canary-word" not in text
    assert "canary-word" not in repr(thing) + repr(getattr(thing, "model_dump", dict)())
    assert not pickle.loads(text).policies
    assert "policies are in no pickle" in caplog.text
    again = pickle.loads(ForkingPickler.dumps(thing))
    assert [policy.word for policy in again.policies] == ["canary-word"]
    if kind is not Connection:
        assert again._client.connection.policies == tuple(again.policies)
        assert thing.model_copy(deep=True).policies[0] is thing.policies[0]
