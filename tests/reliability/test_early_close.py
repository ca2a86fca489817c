"""Streams left early through either framework: the server is told at once."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from langchain_azure_inference import AzureInferenceLLM, ChatAzureInference
from llamaindex_azure_inference import AzureInference, AzureInferenceCompletion
from tests.support import wire
from tests.support.entry_points import CHAT, PROMPT, made
from tests.support.fault_server import Call, FaultServer, wait_until

STREAMS: list[tuple[type[Any], Callable[[Any], Any]]] = [
    (ChatAzureInference, lambda model: model.stream(PROMPT)),
    (AzureInferenceLLM, lambda model: model.stream(PROMPT)),
    (AzureInference, lambda model: model.stream_chat(CHAT)),
    (AzureInference, lambda model: model.stream_complete(PROMPT)),
    (AzureInferenceCompletion, lambda model: model.stream_complete(PROMPT)),
]
ASYNC_STREAMS: list[tuple[type[Any], Callable[[Any], Any]]] = [
    (ChatAzureInference, lambda model: model.astream(PROMPT)),
    (AzureInferenceLLM, lambda model: model.astream(PROMPT)),
    (AzureInference, lambda model: model.astream_chat(CHAT)),
    (AzureInference, lambda model: model.astream_complete(PROMPT)),
    (AzureInferenceCompletion, lambda model: model.astream_complete(PROMPT)),
]


class Endless:
    """A handler that streams text until the client leaves, and notes when that was."""

    def __init__(self) -> None:
        self.left = threading.Event()
        self.moment = 0.0

    def __call__(self, call: Call) -> None:
        """Serve one call."""
        call.stream_head()
        chat = call.request.path.endswith("/chat/completions")
        piece = wire.event(wire.chunk("a ") if chat else wire.completion_chunks("a b")[0])
        while call.open and call.client_left(0.02) is None and not call.server.stopping.is_set():
            call.chunk(piece)
        self.moment = time.monotonic()
        self.left.set()


@pytest.mark.parametrize("how", ["close", "drop", "raise"])
@pytest.mark.parametrize(("kind", "start"), STREAMS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_stream_left_early_tells_the_server(kind: type[Any], start: Callable[[Any], Any], how: str) -> None:
    """Closed, dropped, or left by an exception in the loop's body."""
    handler = Endless()
    with FaultServer(handler) as server:
        thing = made(kind, server.url)
        stream = start(thing)
        next(stream)
        next(stream)
        if how == "close":
            stream.close()
        elif how == "drop":
            del stream
            gc.collect()
        else:
            with pytest.raises(LookupError):
                fail_inside(stream)
            stream.close()
        moment = time.monotonic()
        assert handler.left.wait(5)
        assert handler.moment - moment <= 0.8
        thing.close()


def fail_inside(stream: Any) -> None:
    """Raise in the body of a loop over a stream."""
    for _ in stream:
        raise LookupError


@pytest.mark.parametrize("how", ["aclose", "cancel"])
@pytest.mark.parametrize(("kind", "start"), ASYNC_STREAMS, ids=lambda value: getattr(value, "__name__", ""))
async def test_an_async_stream_left_early_tells_the_server(
    kind: type[Any], start: Callable[[Any], Any], how: str
) -> None:
    """Closed, or its task cancelled."""
    handler = Endless()
    with FaultServer(handler) as server:
        thing = made(kind, server.url)
        begun = asyncio.Event()
        given = start(thing)
        stream = await given if asyncio.iscoroutine(given) else given

        async def consume() -> None:
            """Read on until cancelled."""
            async for _ in stream:
                begun.set()

        if how == "aclose":
            await anext(stream)
            moment = time.monotonic()
            await stream.aclose()
        else:
            task = asyncio.create_task(consume())
            await begun.wait()
            moment = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await asyncio.to_thread(handler.left.wait, 5)
        assert handler.moment - moment <= 0.8
        await thing.aclose()
        assert await asyncio.to_thread(wait_until, lambda: server.open_connections == 0)
