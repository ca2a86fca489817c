"""Arguments that were cut off never become other arguments: not a tool's, and not an object's.

Any JSON text, cut anywhere, is offered to both providers as the arguments of a finished call.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain.agents import create_agent
from llama_index.core import PromptTemplate
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from langchain_azure_inference import ChatAzureInference, RefusalError
from llamaindex_azure_inference import AzureInference
from tests.support import wire
from tests.support.scripted_server import ScriptedServer

# The framework's agents use deprecated attributes of their own libraries.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]

PROMPT = PromptTemplate("An invoice.")
ODD = ("</think>", "<think>", "```", "```json\n{}\n```", "{}", "[{}]", '{"number": "x"}', "\n", "'", '\\"')
TEXTS = st.text("ab{}[]\"'\\`:,<>/ \n", max_size=8) | st.sampled_from(ODD)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


class Invoice(BaseModel):
    """An invoice; what is not in the text stays empty."""

    number: str | None = None
    total: float | None = None
    lines: list[str] = []


@st.composite
def cut_texts(draw: Callable[[Any], Any], least: int) -> str:
    """A JSON text, or one that was encoded twice, without its end."""
    text = json.dumps(draw(JSON), ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        text = json.dumps(text)
    return text[: draw(st.integers(least, max(least, len(text) - 1)))] if len(text) > least else "{"


def called(arguments: str, *, stream: bool, finish: str, name: str) -> Any:
    """A finished answer that calls with these arguments."""
    call = wire.tool_call(name, arguments, "call-0001")
    if not stream:
        return wire.chat(None, tool_calls=[call], finish_reason=finish)
    head = {**call, "index": 0, "function": {"name": name, "arguments": ""}}
    pieces = [arguments[start : start + 5] for start in range(0, len(arguments), 5)]
    deltas = [head, *({"index": 0, "function": {"arguments": piece}} for piece in pieces)]
    return [*(wire.chunk(tool_calls=[delta]) for delta in deltas), wire.chunk("", finish_reason=finish)]


@contextmanager
def model_that_calls(name: str) -> Iterator[tuple[ScriptedServer, dict[str, Any]]]:
    """A model that calls with the arguments that it is told, and then says that it is done."""
    told: dict[str, Any] = {"arguments": "{}", "finish": "tool_calls"}

    def answer(request: Any) -> Any:
        if request.json["messages"][-1]["role"] == "tool":
            return "Done."
        stream = bool(request.json.get("stream"))
        return called(told["arguments"], stream=stream, finish=told["finish"], name=name)

    with ScriptedServer() as server:
        server.reply_always(answer)
        yield server, told


@contextmanager
def loop() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """What runs coroutines, all of them in one event loop."""
    new = asyncio.new_event_loop()
    try:
        yield new.run_until_complete
    finally:
        new.run_until_complete(new.shutdown_asyncgens())
        new.run_until_complete(new.shutdown_default_executor())
        new.close()


async def all_of(stream: Any) -> list[Any]:
    return [item async for item in stream]


def test_no_object_is_filled() -> None:
    """Each of four structured ways of either framework raises what says so, whatever the finish reason is."""

    async def astream_structured(llm: AzureInference) -> Any:
        return await all_of(await llm.astream_structured_predict(Invoice, PROMPT))

    with model_that_calls("Invoice") as (server, told), loop() as run:
        llm = AzureInference(endpoint=server.url, credential="test")
        model = ChatAzureInference(endpoint=server.url, credential="test")
        chain = model.with_structured_output(Invoice)
        ways: list[Callable[[], Any]] = [
            lambda: llm.structured_predict(Invoice, PROMPT),
            lambda: run(llm.astructured_predict(Invoice, PROMPT)),
            lambda: list(llm.stream_structured_predict(Invoice, PROMPT)),
            lambda: run(astream_structured(llm)),
            lambda: chain.invoke("x"),
            lambda: run(chain.ainvoke("x")),
            lambda: list(chain.stream("x")),
            lambda: run(all_of(chain.astream("x"))),
        ]

        @settings(max_examples=60, deadline=None)
        @given(cut_texts(0), st.sampled_from(["tool_calls", "stop", "length", "content_filter"]))
        def check(arguments: str, finish: str) -> None:
            told.update(arguments=arguments, finish=finish)
            for way in ways:
                with pytest.raises((ValueError, RefusalError), match=r"cut|JSON|safety|object"):
                    way()

        check()
        told.update(arguments='{"number": "A-17"}', finish="tool_calls")
        whole = Invoice(number="A-17")
        assert [found[-1] if isinstance(found, list) else found for found in (way() for way in ways)] == [
            whole
        ] * 8
        run(llm.aclose())
        run(model.aclose())


def test_no_tool_is_run() -> None:
    """An agent of either framework, streaming or not, runs nothing; a tool whose parameters all have defaults would."""
    ran: list[Any] = []

    def delete(pattern: str = "*", recursive: bool = True) -> str:
        """Delete files."""
        ran.append((pattern, recursive))
        return "deleted"

    with model_that_calls("delete") as (server, told), loop() as run:
        llm = AzureInference(endpoint=server.url, credential="test")
        tools = [FunctionTool.from_defaults(delete)]
        model = ChatAzureInference(endpoint=server.url, credential="test")
        agent: Any = create_agent(model, [delete])
        question = {"messages": [("user", "x")]}

        async def ask(*, streaming: bool) -> Any:
            return await FunctionAgent(tools=tools, llm=llm, streaming=streaming).run("x")

        ways: list[Callable[[], Any]] = [
            lambda: run(ask(streaming=True)),
            lambda: run(ask(streaming=False)),
            lambda: llm.predict_and_call(tools, "x"),
            lambda: run(llm.apredict_and_call(tools, "x", allow_parallel_tool_calls=True)),
            lambda: agent.invoke(question),
            lambda: run(agent.ainvoke(question)),
            lambda: list(agent.stream(question, stream_mode="messages")),
            lambda: run(all_of(agent.astream(question, stream_mode="messages"))),
        ]

        @settings(max_examples=25, deadline=None)
        @given(cut_texts(1), st.sampled_from(["tool_calls", "stop"]))
        def check(arguments: str, finish: str) -> None:
            told.update(arguments=arguments, finish=finish)
            for way in ways:
                way()
            assert ran == []

        check()
        told.update(arguments='{"pattern": "a"}', finish="tool_calls")
        for way in ways:
            way()
        assert ran == [("a", True)] * 8
        run(llm.aclose())
        run(model.aclose())
