"""Life: event loops, concurrency, kept connections, sync calls inside a loop, closing and cancelling."""

from __future__ import annotations

import asyncio
import gc
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.llamaindex.helpers import chat_model, embedding_model, user
from tests.support import wire
from tests.support.fault_server import Request
from tests.support.scripted_server import Reply, ScriptedServer, Stream


def echo(request: Request) -> str:
    """Answer with the question."""
    text: str = request.json["messages"][-1]["content"]
    return text


def settled(server: ScriptedServer, count: int, seconds: float = 30.0) -> bool:
    """Whether the server soon sees no more than ``count`` open connections."""
    end = time.monotonic() + seconds
    while server.open_connections > count and time.monotonic() < end:
        gc.collect()
        time.sleep(0.01)
    return server.open_connections <= count


def test_several_loops_in_one_program(server: ScriptedServer) -> None:
    """Each ``asyncio.run`` is a new loop, and the same objects work in all of them."""
    llm, embedding = chat_model(server), embedding_model(server)

    async def once() -> None:
        """Ask for one answer and one vector."""
        assert (await llm.achat(user())).message.content == wire.ANSWER
        assert await embedding.aget_text_embedding("x")

    for _ in range(3):
        asyncio.run(once())
    llm.close()
    embedding.close()


def test_loops_in_threads_at_once(plain: ScriptedServer) -> None:
    """Loops in several threads share one object without mixing answers."""
    plain.reply_always(echo)
    llm = chat_model(plain)

    def work(number: int) -> list[str]:
        async def several() -> list[str]:
            """Ask five questions at once."""
            answers = await asyncio.gather(*(llm.acomplete(f"{number}-{i}") for i in range(5)))
            await llm.aclose()
            return [answer.text for answer in answers]

        return asyncio.run(several())

    with ThreadPoolExecutor(4) as pool:
        for number, texts in enumerate(pool.map(work, range(4))):
            assert texts == [f"{number}-{i}" for i in range(5)]


async def test_many_calls_at_once_do_not_mix(server: ScriptedServer) -> None:
    """Thirty concurrent calls each get their own answer."""
    server.reply_always(echo)
    llm = chat_model(server)
    answers = await asyncio.gather(*(llm.acomplete(f"question {i}") for i in range(30)))
    assert [answer.text for answer in answers] == [f"question {i}" for i in range(30)]
    await llm.aclose()


async def test_connections_are_kept(server: ScriptedServer) -> None:
    """Ten calls in turn use one connection, sync and async each."""
    llm = chat_model(server)
    for _ in range(10):
        await llm.acomplete("x")
    assert server.connection_count == 1
    for _ in range(10):
        llm.complete("x")
    assert server.connection_count == 2
    await llm.aclose()


async def test_calls_run_at_once(plain: ScriptedServer) -> None:
    """Async calls wait together: eight answers of 0.3 s take much less than 2.4 s."""
    plain.reply_always(lambda _request: Reply(body=wire.chat(), delay=0.3))
    llm = chat_model(plain)
    started = time.monotonic()
    await asyncio.gather(*(llm.acomplete("x") for _ in range(8)))
    assert time.monotonic() - started < 1.6
    await llm.aclose()


async def test_loop_is_not_blocked(plain: ScriptedServer) -> None:
    """While an answer is awaited, the loop goes on."""
    plain.reply(Reply(body=wire.chat(), delay=0.4))
    llm = chat_model(plain)
    call = asyncio.create_task(llm.achat(user()))
    ticks = 0
    while not call.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 5
    await llm.aclose()


async def test_sync_calls_inside_a_running_loop(server: ScriptedServer) -> None:
    """Sync calls work where a loop runs, as in notebooks."""
    llm, embedding = chat_model(server), embedding_model(server, embed_batch_size=2)
    assert llm.chat(user()).message.content
    assert len(list(llm.stream_chat(user()))) > 1
    assert len(embedding.get_text_embedding_batch(["a", "b", "c"])) == 3


@pytest.mark.parametrize("how", ["close", "drop"])
def test_stream_left_early(plain: ScriptedServer, how: str) -> None:
    """A stream that is not read to its end gives its connection up at once."""
    plain.reply(Stream([wire.chunk(str(i)) for i in range(100)], pause=0.05))
    llm = chat_model(plain)
    stream = llm.stream_chat(user())
    next(stream)
    if how == "close":
        stream.close()
    else:
        del stream
    assert settled(plain, 0)


async def test_async_stream_left_early(plain: ScriptedServer) -> None:
    """An async stream that is left gives its connection up too."""
    plain.reply(Stream([wire.chunk(str(i)) for i in range(100)], pause=0.05))
    llm = chat_model(plain)
    stream = await llm.astream_chat(user())
    async for _ in stream:
        break
    await stream.aclose()
    await asyncio.sleep(0)
    assert await asyncio.to_thread(settled, plain, 0)
    await llm.aclose()


async def test_cancelled_call_is_cancelled(plain: ScriptedServer) -> None:
    """A cancelled call raises CancelledError, and the server sees the connection go."""
    plain.reply(Reply(body=wire.chat(), delay=5))
    llm = chat_model(plain)
    call = asyncio.create_task(llm.achat(user()))
    await asyncio.sleep(0.2)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await llm.achat(user())).message.content == wire.ANSWER
    await llm.aclose()


async def test_closing_leaves_nothing_open(server: ScriptedServer) -> None:
    """After ``aclose`` the server sees no connection, and closing twice is no error."""
    llm = chat_model(server)
    llm.complete("x")
    await llm.acomplete("x")
    await llm.aclose()
    await llm.aclose()
    llm.close()
    assert await asyncio.to_thread(settled, server, 0)


async def test_async_stream_methods_are_awaited_first(plain: ScriptedServer) -> None:
    """``await llm.astream_*()`` gives an async generator, as the framework's callers expect."""
    llm = chat_model(plain)
    for stream in (await llm.astream_chat(user()), await llm.astream_complete("x")):
        assert hasattr(stream, "__aiter__")
        assert hasattr(stream, "aclose")
        assert len([response async for response in stream]) > 1
    await llm.aclose()


def test_threads_share_an_object(plain: ScriptedServer) -> None:
    """Eight threads with one object get their own answers over at most eight connections."""
    plain.reply_always(echo)
    llm = chat_model(plain)

    def work(number: int) -> Any:
        return [llm.complete(f"{number}-{i}").text for i in range(5)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [[f"{n}-{i}" for i in range(5)] for n in range(8)]
    assert plain.connection_count <= 8
    llm.close()
