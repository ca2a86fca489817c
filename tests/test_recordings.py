"""What Azure's services really answered is what a user of either provider sees.

Each recorded answer is served on loopback and asked for in every way that it is about: both providers, sync and
async, streamed where the recording is a stream.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import inspect
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ThinkingBlock, ToolCallBlock
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

import azure_inference_core as core
from langchain_azure_inference import AzureInferenceEmbeddings, AzureInferenceLLM, ChatAzureInference
from llamaindex_azure_inference import AzureInference, AzureInferenceCompletion, AzureInferenceEmbedding
from tests.support.fault_server import Call, FaultServer
from tests.support.recordings import CASES, Case
from tests.support.wire import CANARY_KEY, CANARY_PROMPT, DONE, event

CASE_OF = {case.id: case for case in CASES}
QUESTION = f"Say it. {CANARY_PROMPT}"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


class City(BaseModel):
    """A city."""

    name: str


@dataclass
class Seen:
    """What came of one way of asking, in words that both frameworks share; ``None`` is not looked at."""

    text: str | None = None
    calls: list[tuple[str, Any]] | None = None
    call_ids: list[str | None] | None = None
    finish: str | None = None
    model: str | None = None
    usage: tuple[int | None, ...] | None = None
    reasoning: str | None = None
    request_id: str | None = None
    filtered: list[str] = field(default_factory=list)
    cached: int | None = None
    reasoning_tokens: int | None = None
    vectors: list[list[float]] | None = None
    info: tuple[str, str, str] | None = None
    error: BaseException | None = None


def answer(call: Call) -> None:
    """Answer ``/<case>/...`` with what the case holds; an event a chunk, as the services write them."""
    case = CASE_OF[call.request.path.split("/")[1]]
    sent = call.request.json or {}
    if case.events is None:
        status, body = whole_answer(case, sent, call.request.target)
        call.respond(status, body, dict(case.headers), content_type=None)
        return
    call.head(case.status, {**case.headers, "Transfer-Encoding": "chunked"})
    asked = (sent.get("stream_options") or {}).get("include_usage") is True
    for piece in case.events:
        shown = piece
        if isinstance(piece, dict) and case.needs_usage_option and not asked:
            if piece.get("usage") and not piece.get("choices"):
                continue
            shown = {key: value for key, value in piece.items() if key != "usage"}
        call.chunk(shown.encode() if isinstance(shown, str) else event(shown))
    if case.done:
        call.chunk(DONE)
    call.end_chunks()


def whole_answer(case: Case, sent: dict[str, Any], target: str) -> tuple[int, Any]:
    if not case.refuses_schema_before:
        return case.status, case.body
    version = target.rpartition("api-version=")[2][:10] or "9999"
    wants_schema = (sent.get("response_format") or {}).get("type") == "json_schema"
    if wants_schema and version < case.refuses_schema_before:
        return case.status, case.body
    if wants_schema or not sent.get("tools"):
        return 200, case.then
    choice = case.then["choices"][0]
    arguments = {"name": sent["tools"][-1]["function"]["name"], "arguments": choice["message"]["content"]}
    calls = [{"id": "call_s1", "type": "function", "function": arguments}]
    message = {**choice["message"], "content": None, "tool_calls": calls}
    return 200, {**case.then, "choices": [{**choice, "finish_reason": "tool_calls", "message": message}]}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with FaultServer(answer) as running:
        yield running.url


def blocking(filters: dict[str, Any] | None) -> list[str]:
    results = (filters or {}).items()
    return sorted(name for name, result in results if result.get("filtered") or result.get("detected"))


def from_langchain(message: AIMessage) -> Seen:
    told, used = message.response_metadata, message.usage_metadata
    return Seen(
        text=message.text,
        calls=[(call["name"], call["args"]) for call in message.tool_calls],
        call_ids=[call["id"] for call in message.tool_calls],
        finish=told.get("finish_reason"),
        model=told.get("model_name"),
        usage=(used["input_tokens"], used["output_tokens"], used["total_tokens"]) if used else None,
        reasoning=message.additional_kwargs.get("reasoning_content", ""),
        request_id=told.get("request_id"),
        filtered=blocking(told.get("content_filter_results")),
        cached=used.get("input_token_details", {}).get("cache_read") if used else None,
        reasoning_tokens=used.get("output_token_details", {}).get("reasoning") if used else None,
    )


def from_llamaindex(response: ChatResponse) -> Seen:
    told, blocks = response.additional_kwargs, response.message.blocks
    calls = [block for block in blocks if isinstance(block, ToolCallBlock)]
    return Seen(
        text=response.message.content or "",
        calls=[(call.tool_name, call.tool_kwargs) for call in calls],
        call_ids=[call.tool_call_id for call in calls],
        finish=told.get("finish_reason"),
        model=told.get("model"),
        usage=tuple(told[name] for name in COUNTS) if "prompt_tokens" in told else None,
        reasoning="".join(block.content or "" for block in blocks if isinstance(block, ThinkingBlock)),
        request_id=told.get("request_id"),
        filtered=blocking(told.get("content_filter_results")),
    )


Ways = dict[str, Callable[[], Any]]


def chat_ways(case: Case, common: dict[str, Any]) -> Ways:
    common["split_think"] = case.split_think or None
    langchain, llamaindex = ChatAzureInference(**common), AzureInference(**common)
    said = [ChatMessage(role="user", content=QUESTION)]

    async def astream() -> Seen:
        chunks = [chunk async for chunk in langchain.astream(QUESTION, **case.asks)]
        return from_langchain(functools.reduce(operator.add, chunks))

    async def astream_chat() -> Seen:
        responses = [response async for response in await llamaindex.astream_chat(said, **case.asks)]
        return from_llamaindex(responses[-1])

    async def ainvoke() -> Seen:
        return from_langchain(await langchain.ainvoke(QUESTION, **case.asks))

    async def achat() -> Seen:
        return from_llamaindex(await llamaindex.achat(said, **case.asks))

    ways: Ways = {}
    if case.gives != "stream":
        ways["langchain invoke"] = lambda: from_langchain(langchain.invoke(QUESTION, **case.asks))
        ways["langchain ainvoke"] = ainvoke
        ways["llamaindex chat"] = lambda: from_llamaindex(llamaindex.chat(said, **case.asks))
        ways["llamaindex achat"] = achat
    if case.gives != "whole":
        ways["langchain stream"] = lambda: from_langchain(
            functools.reduce(operator.add, langchain.stream(QUESTION, **case.asks))
        )
        ways["langchain astream"] = astream
        ways["llamaindex stream_chat"] = lambda: from_llamaindex(
            list(llamaindex.stream_chat(said, **case.asks))[-1]
        )
        ways["llamaindex astream_chat"] = astream_chat
    return ways


def embedding_ways(case: Case, common: dict[str, Any]) -> Ways:
    langchain = AzureInferenceEmbeddings(**common)
    llamaindex = AzureInferenceEmbedding(**common)

    def embed() -> Seen:
        result = langchain.embed_with_usage(case.inputs)
        return Seen(vectors=result.vectors, usage=counts(result.usage), model=result.model)

    async def aembed() -> Seen:
        return Seen(vectors=await langchain.aembed_documents(case.inputs))

    def batch() -> Seen:
        llamaindex.reset_usage()
        vectors = llamaindex.get_text_embedding_batch(case.inputs)
        return Seen(vectors=vectors, usage=counts(llamaindex.usage))

    async def abatch() -> Seen:
        return Seen(vectors=await llamaindex.aget_text_embedding_batch(case.inputs))

    return {
        "langchain embed": embed,
        "langchain aembed": aembed,
        "llamaindex batch": batch,
        "llamaindex abatch": abatch,
    }


def image_ways(_: Case, common: dict[str, Any]) -> Ways:
    langchain = AzureInferenceEmbeddings(**common)
    llamaindex = AzureInferenceEmbedding(**common)

    async def aembed() -> Seen:
        return Seen(vectors=await langchain.aembed_image([PIXEL]))

    async def aget() -> Seen:
        return Seen(vectors=[await llamaindex.aget_image_embedding(PIXEL)])

    def get() -> Seen:
        llamaindex.reset_usage()
        return Seen(vectors=[llamaindex.get_image_embedding(PIXEL)], usage=counts(llamaindex.usage))

    return {
        "langchain embed": lambda: Seen(vectors=langchain.embed_image([PIXEL])),
        "langchain aembed": aembed,
        "llamaindex get": get,
        "llamaindex aget": aget,
    }


def counts(usage: dict[str, Any] | None) -> tuple[int | None, ...] | None:
    return (usage["prompt_tokens"], None, usage["total_tokens"]) if usage else None


def agent_ways(_: Case, common: dict[str, Any]) -> Ways:
    agent = create_agent(ChatAzureInference(**common), tools=[], response_format=City)
    llamaindex = AzureInference(**common)
    asked = {"messages": [("user", QUESTION)]}
    return {
        "langchain agent": lambda: Seen(text=agent.invoke(asked)["structured_response"].name),
        "llamaindex structured_predict": lambda: Seen(
            text=llamaindex.structured_predict(City, PromptTemplate("Which city?")).name
        ),
    }


def completion_ways(_: Case, common: dict[str, Any]) -> Ways:
    langchain, llamaindex = AzureInferenceLLM(**common), AzureInferenceCompletion(**common)

    def generated(result: Any) -> Seen:
        used = result.llm_output["token_usage"]
        text, model = result.generations[0][0].text, result.llm_output.get("model_name")
        return Seen(text=text, model=model, usage=tuple(used[name] for name in COUNTS))

    def completed(response: Any) -> Seen:
        told = response.additional_kwargs
        return Seen(text=response.text, model=told.get("model"), usage=tuple(told[name] for name in COUNTS))

    async def agenerate() -> Seen:
        return generated(await langchain.agenerate([QUESTION]))

    async def acomplete() -> Seen:
        return completed(await llamaindex.acomplete(QUESTION))

    return {
        "langchain generate": lambda: generated(langchain.generate([QUESTION])),
        "langchain agenerate": agenerate,
        "llamaindex complete": lambda: completed(llamaindex.complete(QUESTION)),
        "llamaindex acomplete": acomplete,
    }


def info_ways(_: Case, common: dict[str, Any]) -> Ways:
    langchain, llamaindex = ChatAzureInference(**common), AzureInference(**common)

    def told(info: Any) -> Seen:
        return Seen(info=(info.model_name, info.model_type, info.model_provider_name))

    async def amodel_info(model: Any) -> Seen:
        return told(await model.amodel_info())

    return {
        "langchain model_info": lambda: told(langchain.model_info()),
        "langchain amodel_info": lambda: amodel_info(langchain),
        "llamaindex model_info": lambda: told(llamaindex.model_info()),
        "llamaindex amodel_info": lambda: amodel_info(llamaindex),
    }


WAYS = {
    "chat": chat_ways,
    "embed": embedding_ways,
    "image": image_ways,
    "agent": agent_ways,
    "completion": completion_ways,
    "info": info_ways,
}


def look(ask: Callable[[], Any]) -> Seen:
    try:
        seen = ask()
        return asyncio.run(seen) if inspect.isawaitable(seen) else seen
    except Exception as error:  # noqa: BLE001 - what a user sees
        return Seen(error=error)


def check_error(case: Case, how: str, error: BaseException | None) -> None:
    want = case.want
    assert isinstance(error, getattr(core, str(want.error))), f"{how}: {error!r}"
    assert isinstance(error, core.InferenceError)
    told = {name: getattr(error, name, None) for name in ("status", "code", "request_id", "source")}
    told["retryable"] = error.is_retryable
    for name, value in told.items():
        wanted = getattr(want, name)
        assert wanted is None or value == wanted, f"{how}: {name} is {value!r}"
    if want.error == "InvalidRequestError":
        assert not isinstance(
            error, core.UnsupportedParameterError | core.ContentFilteredError | core.ContextLengthError
        ), how
    if want.parameters is not None:
        assert [parameter.name for parameter in error.parameters] == want.parameters, how
    if want.categories is not None:
        assert blocking(error.categories) == sorted(want.categories), how
    if want.partial is not None and "stream" in how:
        assert error.partial == want.partial, how
    if want.retry_after is not None:
        allowed = want.retry_after if isinstance(want.retry_after, tuple) else (want.retry_after,)
        assert error.retry_after in allowed, how
    if want.no_retry_after:
        assert error.retry_after is None, how
    text = str(error)
    assert [part for part in want.says if part not in text] == [], f"{how}: {text}"
    assert [part for part in (*want.says_not, CANARY_PROMPT, CANARY_KEY) if part in text] == [], (
        f"{how}: {text}"
    )


def check_answer(case: Case, how: str, seen: Seen) -> None:
    if seen.error is not None:
        raise AssertionError(f"{how}: {seen.error!r}") from seen.error
    want = case.want
    for name in ("text", "calls", "call_ids", "finish", "model", "request_id", "cached", "reasoning_tokens"):
        wanted, got = getattr(want, name), getattr(seen, name)
        only_langchain = name in ("cached", "reasoning_tokens") and how.startswith("llamaindex")
        unseen = got is None and case.route in ("embed", "image")
        if wanted is not None and not only_langchain and not unseen:
            assert got == wanted, f"{how}: {name}"
    if want.reasoning is not None:
        assert (seen.reasoning or "").strip() == want.reasoning, f"{how}: reasoning"
    if want.usage is not None and (seen.usage is not None or case.route not in ("embed", "image")):
        assert seen.usage is not None, f"{how}: usage"
        pairs = zip(seen.usage, want.usage, strict=True)
        assert all(got in (wanted, None) for got, wanted in pairs), f"{how}: usage {seen.usage}"
    if want.no_usage:
        assert seen.usage is None, f"{how}: usage"
    if want.filtered is not None:
        assert seen.filtered == sorted(want.filtered), f"{how}: filtered"
    for name in ("vectors", "info"):
        assert getattr(want, name) in (None, getattr(seen, name)), f"{how}: {name}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_recorded_answer_is_read_as_its_user_needs(case: Case, server: str) -> None:
    """Text, calls, counts, filters and errors of a real answer are what both providers show, however asked."""
    common: dict[str, Any] = {"endpoint": f"{server}/{case.id}{case.base}", "credential": CANARY_KEY}
    common |= {"max_retries": 0, "timeout": 20}
    if case.model:
        common["model"] = case.model
    for how, ask in WAYS[case.route](case, common).items():
        seen = look(ask)
        if case.want.error:
            check_error(case, how, seen.error)
        else:
            check_answer(case, how, seen)
