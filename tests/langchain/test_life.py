"""The life of a model: event loops, threads, closing, leaving early."""

from __future__ import annotations

import asyncio
import gc
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from langchain_azure_inference import AzureInferenceEmbeddings, AzureInferenceLLM, ChatAzureInference
from tests.support import wire
from tests.support.scripted_server import ScriptedServer, Stream

CLASSES: list[Any] = [ChatAzureInference, AzureInferenceLLM, AzureInferenceEmbeddings]


def model_of(server: ScriptedServer, cls: Any = ChatAzureInference, **more: Any) -> Any:
    """A model on the scripted endpoint."""
    return cls(endpoint=server.url, credential="test", **more)


def use(model: Any) -> Any:
    """One sync call."""
    return model.embed_query("x") if isinstance(model, AzureInferenceEmbeddings) else model.invoke("x")


async def ause(model: Any) -> Any:
    """One async call."""
    is_embeddings = isinstance(model, AzureInferenceEmbeddings)
    return await (model.aembed_query("x") if is_embeddings else model.ainvoke("x"))


def closed_within(server: ScriptedServer, seconds: float) -> bool:
    """Whether the server sees all connections closed in time."""
    end = time.monotonic() + seconds
    while server.open_connections and time.monotonic() < end:
        time.sleep(0.01)
    return server.open_connections == 0


@pytest.mark.parametrize("cls", CLASSES)
def test_many_event_loops(server: ScriptedServer, cls: Any) -> None:
    """One model works in one event loop after another, and leaves nothing unclosed behind."""
    model = model_of(server, cls)
    for _ in range(5):
        assert asyncio.run(ause(model))
    assert use(model)
    del model
    gc.collect()


@pytest.mark.parametrize("cls", CLASSES)
def test_loops_in_threads(server: ScriptedServer, cls: Any) -> None:
    """One model serves several event loops in several threads at once."""
    model = model_of(server, cls)

    async def many() -> int:
        """Several calls at once in one loop."""
        return len(await asyncio.gather(*(ause(model) for _ in range(5))))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _n: asyncio.run(many()), range(8))) == [5] * 8


def test_threads_do_not_mix_answers(server: ScriptedServer) -> None:
    """Many threads share one model; each gets its own answer, over few connections."""
    server.reply_always(lambda request: f"re {request.json['messages'][0]['content']}")
    model = model_of(server)
    with ThreadPoolExecutor(8) as pool:
        texts = [str(number) for number in range(80)]
        answers = list(pool.map(lambda text: model.invoke(text).content, texts))
    assert answers == [f"re {text}" for text in texts]
    assert server.connection_count <= 8


@pytest.mark.parametrize("cls", CLASSES)
async def test_closing(server: ScriptedServer, cls: Any) -> None:
    """A model is a context manager both ways; closed, it has no connection open, and works when used again."""
    with model_of(server, cls) as model:
        use(model)
    assert closed_within(server, 5)
    assert use(model)
    model.close()
    model.close()
    async with model_of(server, cls) as model:
        await ause(model)
    assert await ause(model)
    await model.aclose()
    assert await asyncio.to_thread(closed_within, server, 5)


def endless() -> Stream:
    """A stream that would take minutes."""
    return Stream([wire.chunk("word ")] * 2000, pause=0.05)


def test_leaving_a_stream_early_tells_the_server(server: ScriptedServer) -> None:
    """``break`` and ``close`` end the request at once."""
    server.reply_always(lambda _request: endless())
    stream = model_of(server).stream("x")
    next(stream)
    next(stream)
    stream.close()
    assert closed_within(server, 3)


async def test_cancelling_a_stream_tells_the_server(server: ScriptedServer) -> None:
    """Cancelling the task that reads a stream ends the request at once."""
    server.reply_always(lambda _request: endless())
    started = asyncio.Event()

    async def read() -> None:
        """Read until told to stop."""
        async for _chunk in model_of(server).astream("x"):
            started.set()

    task = asyncio.ensure_future(read())
    await asyncio.wait_for(started.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(closed_within, server, 3)


def test_streams_share_a_connection(server: ScriptedServer) -> None:
    """Streams that are read to their end need one connection for all."""
    model = model_of(server)
    for _ in range(5):
        list(model.stream("x"))
    assert server.connection_count == 1
