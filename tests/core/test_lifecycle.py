"""The life of a client: event loops, threads, forks, closing, cancelling; and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import os
import pickle
import resource
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from azure_inference_core import ChatClient, DeadlineExceededError, EmbeddingsClient, InferenceError, Timeouts
from tests.support import wire
from tests.support.drive import connect
from tests.support.fault_server import Call, FaultServer, wait_until
from tests.support.scripted_server import ScriptedServer, Stream, answer_well
from tests.support.stages import closed_port, full_backlog
from tests.support.wire import chunk

TOLD = 0.6
"""Seconds until a server must know of a cancel: the promise is 0.1, the rest is for a busy machine."""
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts files in /proc")  # noqa: PTH112 - as below


def echo(call: Call) -> None:
    """Answer with the text of the first message."""
    call.respond(200, wire.chat(call.request.json["messages"][0]["content"]))


def ask(text: str) -> list[dict[str, Any]]:
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


def open_files() -> int:
    """Files this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counting needs no paths


class Watch:
    """A handler that starts an answer, never ends it, and measures when the client left."""

    def __init__(self, start: str = "stream") -> None:
        self.start = start
        self.left: list[float] = []
        self.began = threading.Event()

    def __call__(self, call: Call) -> None:
        """Serve one call."""
        if self.start == "stream":
            call.stream_head()
            call.chunk(wire.event(chunk("one")))
            call.chunk(wire.event(chunk("two")))
        self.began.set()
        if call.client_left(10.0) is not None:
            self.left.append(time.monotonic())
        call.close()

    def told_after(self, moment: float) -> float:
        """Seconds from a moment until the client had left."""
        assert wait_until(lambda: bool(self.left)), "the server was never told"
        return self.left[0] - moment


@pytest.mark.parametrize("kind", ["unary", "stream", "embed"])
async def test_cancelling_tells_the_server(kind: str) -> None:
    """A cancelled task closes its connection, whether it waits for headers or for the next event."""
    watch = Watch("stream" if kind == "stream" else "nothing")
    with FaultServer(watch) as server:
        async with ChatClient(connect(server.url)) as chat, EmbeddingsClient(connect(server.url)) as vectors:

            async def work() -> None:
                """The call to cancel."""
                if kind == "unary":
                    await chat.acomplete(wire.MESSAGES)
                elif kind == "embed":
                    await vectors.aembed(["a"])
                else:
                    async for _ in chat.astream(wire.MESSAGES):
                        pass

            task = asyncio.create_task(work())
            await asyncio.to_thread(watch.began.wait, 5)
            await asyncio.sleep(0.05)
            moment = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(watch.told_after, moment) <= TOLD
        assert server.request_count == 1


@pytest.mark.parametrize("how", ["close", "break", "raise", "drop"])
def test_leaving_a_stream_early_tells_the_server(how: str) -> None:
    """A sync stream that is closed, left, broken by the caller's error or dropped closes its connection."""
    watch = Watch()
    with FaultServer(watch) as server, ChatClient(connect(server.url)) as client:
        stream = client.stream(wire.MESSAGES)
        assert next(stream).content == "one"
        if how == "close":
            stream.close()
        elif how == "drop":
            del stream
            gc.collect()
        else:
            with pytest.raises(LookupError) if how == "raise" else contextlib.nullcontext(), stream:
                for _ in stream:
                    if how == "raise":
                        raise LookupError
                    break
        assert watch.told_after(time.monotonic()) <= TOLD


@pytest.mark.parametrize("how", ["aclose", "break", "raise"])
async def test_leaving_an_async_stream_early_tells_the_server(how: str) -> None:
    """An async stream that is closed or left through its context manager closes its connection."""
    watch = Watch()
    with FaultServer(watch) as server:
        async with ChatClient(connect(server.url)) as client:
            stream = client.astream(wire.MESSAGES)
            assert (await anext(stream)).content == "one"
            moment = time.monotonic()
            if how == "aclose":
                await stream.aclose()
            else:
                with pytest.raises(LookupError) if how == "raise" else contextlib.nullcontext():
                    async with stream:
                        async for _ in stream:
                            if how == "raise":
                                raise LookupError
                            break
            assert await asyncio.to_thread(watch.told_after, moment) <= TOLD


def test_cancelling_a_wait_between_attempts_ends_the_call() -> None:
    """A task cancelled while it waits to try again sends nothing more."""

    async def work(client: ChatClient) -> None:
        """The call to cancel."""
        task = asyncio.create_task(client.acomplete(wire.MESSAGES))
        await asyncio.to_thread(server.wait_for_requests, 1)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.aclose()

    with FaultServer(lambda call: call.respond(429, {}, {"Retry-After": "5"})) as server:
        started = time.monotonic()
        asyncio.run(work(ChatClient(connect(server.url))))
        assert time.monotonic() - started < 3
        assert server.request_count == 1


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_sequential_calls_use_one_connection(server: ScriptedServer, asynchronous: bool) -> None:
    """A hundred streams, then a hundred whole answers: one connection."""
    async with ChatClient(connect(server.url)) as client:

        def sync_calls() -> None:
            """All of it in this thread."""
            for _ in range(100):
                with client.stream(wire.MESSAGES) as deltas:
                    assert "".join(delta.content for delta in deltas) == wire.ANSWER
            for _ in range(100):
                client.complete(wire.MESSAGES)

        async def async_calls() -> None:
            """All of it in this loop."""
            for _ in range(100):
                async with client.astream(wire.MESSAGES) as deltas:
                    assert "".join([delta.content async for delta in deltas]) == wire.ANSWER
            for _ in range(100):
                await client.acomplete(wire.MESSAGES)

        await (async_calls() if asynchronous else asyncio.to_thread(sync_calls))
        assert server.connection_count == 1


@pytest.mark.parametrize("status", [400, 404, 422, 429])
def test_a_refusal_does_not_cost_the_connection(status: int) -> None:
    """After an error answer the connection is used again."""

    def refuse_first(call: Call) -> None:
        if call.number < 3:
            call.respond(status, {"error": {"code": "x", "message": "no"}})
        else:
            answer_well(call)

    with FaultServer(refuse_first) as server, ChatClient(connect(server.url, max_retries=0)) as client:
        for _ in range(3):
            with pytest.raises(InferenceError):
                client.complete(wire.MESSAGES)
        client.complete(wire.MESSAGES)
        assert server.connection_count == 1


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_stale_connection_costs_the_caller_nothing(asynchronous: bool) -> None:
    """A connection the server closed while idle is replaced, with no error and no lost attempt."""

    def one_each(call: Call) -> None:
        """Close after each answer."""
        answer_well(call)
        call.close()

    with FaultServer(one_each) as server:
        async with ChatClient(connect(server.url, max_retries=0)) as client:
            for count in range(1, 6):
                if asynchronous:
                    await client.acomplete(wire.MESSAGES)
                else:
                    await asyncio.to_thread(client.complete, wire.MESSAGES)
                assert await asyncio.to_thread(server.wait_for_connections, 0)
                assert server.request_count == count


def test_fifty_event_loops_use_one_client(server: ScriptedServer) -> None:
    """One client serves loop after loop, mixed with sync calls, and warns of nothing."""
    client = ChatClient(connect(server.url))

    async def once(close: bool) -> str:
        """One call of each kind."""
        result = await client.acomplete(wire.MESSAGES)
        async with client.astream(wire.MESSAGES) as deltas:
            text = "".join([delta.content async for delta in deltas])
        if close:
            await client.aclose()
        assert result.choices[0].content == text
        return text

    for number in range(50):
        assert asyncio.run(once(close=number % 2 == 0)) == wire.ANSWER
        if number % 10 == 0:
            client.complete(wire.MESSAGES)
    client.close()
    gc.collect()
    assert wait_until(lambda: server.open_connections == 0)


def test_loops_in_threads_share_a_client(server: ScriptedServer) -> None:
    """Several loops that run at once in threads of their own use one client."""
    client = ChatClient(connect(server.url))

    async def several() -> int:
        """Ten calls in a loop of their own."""
        results = await asyncio.gather(*[client.acomplete(wire.MESSAGES) for _ in range(10)])
        await client.aclose()
        return sum(result.choices[0].content == wire.ANSWER for result in results)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda _: asyncio.run(several()), range(6))) == [10] * 6
    client.close()


def test_threads_share_a_client_without_mixing_answers() -> None:
    """32 threads make 100 calls each: every answer belongs to its question, on at most 32 connections."""
    with FaultServer(echo) as server, ChatClient(connect(server.url)) as client:

        def work(thread: int) -> int:
            """The call to cancel."""
            wrong = 0
            for number in range(100):
                text = f"{thread}:{number}"
                wrong += client.complete(ask(text)).choices[0].content != text
            return wrong

        with ThreadPoolExecutor(32) as pool:
            assert sum(pool.map(work, range(32))) == 0
        assert server.connection_count <= 32
        assert server.request_count == 3200


async def test_tasks_share_a_client_without_mixing_answers() -> None:
    """200 tasks at once: every answer belongs to its question."""
    with FaultServer(echo) as server:
        async with ChatClient(connect(server.url)) as client:
            results = await asyncio.gather(*[client.acomplete(ask(str(number))) for number in range(200)])
        assert [result.choices[0].content for result in results] == [str(number) for number in range(200)]


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_opens_its_own_connections() -> None:
    """Parent and child with a warm pool, both calling at once: own connections, no mixed answers."""
    with FaultServer(echo) as server, ChatClient(connect(server.url)) as client:
        client.complete(ask("warm"))
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = 0 if talk(client, "child") else 2
            finally:
                os._exit(status)
        assert talk(client, "parent")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        used: dict[int, set[str]] = {}
        for request in server.requests[1:]:
            text = request.json["messages"][0]["content"]
            used.setdefault(request.connection, set()).add(text.partition(":")[0])
        assert all(len(names) == 1 for names in used.values()), used
        assert len(used) == 2


def talk(client: ChatClient, name: str) -> bool:
    """Whether thirty calls in a row get their own answers."""
    texts = [f"{name}:{number}" for number in range(30)]
    return all(client.complete(ask(text)).choices[0].content == text for text in texts)


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_makes_async_calls() -> None:
    """A client warmed up by an event loop works in a loop of the child."""

    async def once() -> bool:
        """One call of each kind."""
        answer = (await client.acomplete(ask("x"))).choices[0].content
        await client.aclose()
        return answer == "x"

    with FaultServer(echo) as server:
        client = ChatClient(connect(server.url))
        assert asyncio.run(once())
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = 0 if asyncio.run(once()) else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert asyncio.run(once())


@needs_proc
def test_a_thousand_calls_leave_nothing_behind(server: ScriptedServer) -> None:
    """After a thousand calls, half of them abandoned streams or async, files and threads are as before."""
    client = ChatClient(connect(server.url))

    async def some() -> None:
        """Fifty calls in a loop of their own."""
        for _ in range(50):
            await client.acomplete(wire.MESSAGES)
        await client.aclose()

    def round_of_calls() -> None:
        for _ in range(100):
            client.complete(wire.MESSAGES)
        for _ in range(50):
            with client.stream(wire.MESSAGES) as deltas:
                next(deltas)
        asyncio.run(some())

    round_of_calls()
    client.close()
    gc.collect()
    assert wait_until(lambda: server.open_connections == 0)
    files, threads = open_files(), threading.active_count()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        round_of_calls()
    client.close()
    gc.collect()
    assert wait_until(lambda: server.open_connections == 0)
    assert wait_until(lambda: open_files() <= files)
    assert wait_until(lambda: threading.active_count() <= threads)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 20 * 1024  # KiB


def test_a_gzip_bomb_costs_no_memory() -> None:
    """300 MB in 300 KB of gzip are refused before they are in memory."""
    from tests.support.plays import gzip_bomb

    bomb = gzip_bomb()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (
        FaultServer(lambda call: call.respond(200, bomb, {"Content-Encoding": "gzip"})) as server,
        ChatClient(connect(server.url, max_response_bytes=16 << 20)) as client,
        pytest.raises(InferenceError),
    ):
        client.complete(wire.MESSAGES)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


async def test_a_closed_client_opens_again(server: ScriptedServer) -> None:
    """``close`` may be called twice and before any call; the next call opens new connections."""
    client = ChatClient(connect(server.url))
    client.close()
    for _ in range(2):
        client.complete(wire.MESSAGES)
        await client.acomplete(wire.MESSAGES)
        client.close()
        client.close()
        await client.aclose()
        await client.aclose()
        assert await asyncio.to_thread(wait_until, lambda: server.open_connections == 0)
    with client:
        client.complete(wire.MESSAGES)
    async with client:
        await client.acomplete(wire.MESSAGES)
    assert await asyncio.to_thread(wait_until, lambda: server.open_connections == 0)
    assert server.connection_count == 6


async def test_closing_while_a_stream_runs_ends_it_in_the_tree() -> None:
    """A stream whose client is closed under it either goes on or fails with an error of the tree."""
    chunks = [chunk(f"{number} ") for number in range(20)]
    with ScriptedServer() as server:
        server.reply(Stream([*chunks, chunk("", finish_reason="stop")], pause=0.01))
        client = ChatClient(connect(server.url))
        stream = client.stream(wire.MESSAGES)
        next(stream)
        client.close()
        try:
            text = "".join(delta.content for delta in stream)
            assert text.endswith("19 ")
        except InferenceError:
            pass
        stream.close()


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda client: pickle.loads(pickle.dumps(client))], ids=["copy", "deepcopy", "pickle"])  # fmt: skip
def test_a_copy_is_a_client_of_its_own(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, twin: Any
) -> None:
    """A copy made after calls works, and closing one leaves the other alone."""
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "k")
    with EmbeddingsClient(connect(server.url), batch_size=5, max_concurrency=3) as client:
        client.embed(["a"])
        with twin(client) as second:
            assert (second.batch_size, second.max_concurrency) == (5, 3)
            assert second.embed(["a"]).vectors == client.embed(["a"]).vectors
            client.close()
            assert second.embed(["b"]).vectors


SCRIPT = """
import asyncio, sys
from azure_inference_core import ChatClient, Connection

client = ChatClient(Connection(sys.argv[1], "key"))
MESSAGES = [{"role": "user", "content": "x"}]

async def main():
    await client.acomplete(MESSAGES)
    stream = client.astream(MESSAGES)
    await anext(stream)
    if sys.argv[2] == "closed":
        await stream.aclose()
        await client.aclose()

client.complete(MESSAGES)
kept = client.stream(MESSAGES)
next(kept)
asyncio.run(main(), debug=False)
if sys.argv[2] == "closed":
    kept.close()
    client.close()
"""


@pytest.mark.parametrize("how", ["closed", "left open"])
def test_the_interpreter_ends_silently(server: ScriptedServer, how: str) -> None:
    """A program that ends prints nothing, not even in development mode, closed properly or not."""
    mode = ["-X", "dev", "-W", "error"] if how == "closed" else []
    done = subprocess.run(  # noqa: PLW1510 - the status is looked at below
        [sys.executable, *mode, "-c", textwrap.dedent(SCRIPT), server.url, how],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_importing_touches_nothing() -> None:
    """Importing the package starts no thread and imports no framework."""
    code = "import sys, threading, azure_inference_core; print(threading.active_count(), [m for m in ('langchain_core', 'llama_index', 'pydantic', 'azure.identity') if m in sys.modules])"  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "1 []"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_first_async_call_reads_no_files_on_the_loop(server: ScriptedServer, scheme: str) -> None:
    """Imports and certificates, a tenth of a second of work on files, are left to a thread."""
    code = """
        import asyncio, ssl, sys, threading
        from azure_inference_core import ChatClient, Connection, InferenceError

        wanted, threads = {"azure.ai.inference.aio", "aiohttp", "the certificates"}, {}

        class Watch:
            def find_spec(self, name, path=None, target=None):
                threads[name] = threading.current_thread()

        def load(self, *args, real=ssl.SSLContext.load_verify_locations, **kwargs):
            threads["the certificates"] = threading.current_thread()
            return real(self, *args, **kwargs)

        sys.meta_path.insert(0, Watch())
        ssl.SSLContext.load_verify_locations = load

        async def main():
            client = ChatClient(Connection(sys.argv[1], "key", max_retries=0))
            try:
                await client.acomplete([{"role": "user", "content": "x"}])
            except InferenceError:
                assert sys.argv[1].startswith("https")

        asyncio.run(main())
        found = wanted & threads.keys()
        assert found == wanted - ({"the certificates"} if sys.argv[1].startswith("http:") else set()), found
        assert not any(threads[name] is threading.main_thread() for name in found)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), server.url.replace("http:", f"{scheme}:")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def resolving_to(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    """Let every name stand for the addresses of these servers, in this order."""
    real = socket.getaddrinfo
    ports = [int(url.rpartition(":")[2]) for url in urls]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **how: [real("127.0.0.1", port, **how)[0] for port in ports]
    )


@pytest.mark.parametrize("dead", [closed_port, full_backlog])
def test_a_dead_address_of_a_host_does_not_hide_the_next(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, dead: Any
) -> None:
    """A host answers as long as one of its addresses does, within the time of one connection."""
    with dead() as first, ChatClient(connect("http://localhost", timeout=Timeouts(connect=1.0))) as client:
        resolving_to(monkeypatch, first.url, first.url, server.url)
        started = time.monotonic()
        assert client.complete(ask("hello")).choices
        assert time.monotonic() - started < 1.0 + TOLD


def test_all_addresses_together_have_the_time_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four addresses that never answer cost one time limit for connecting, not four."""
    limits = Timeouts(total=5, connect=0.5)
    with (
        full_backlog() as dead,
        ChatClient(connect("http://localhost", timeout=limits, max_retries=0)) as client,
    ):
        resolving_to(monkeypatch, *[dead.url] * 4)
        started = time.monotonic()
        with pytest.raises(DeadlineExceededError):
            client.complete(ask("hello"))
        assert time.monotonic() - started < 0.5 + TOLD


async def test_a_call_needs_none_of_the_loops_threads(server: ScriptedServer) -> None:
    """A first call is answered although every thread of the loop waits for it."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    async with ChatClient(connect(server.url)) as client:

        def wait() -> Any:
            return asyncio.run_coroutine_threadsafe(client.acomplete(ask("hello")), loop).result(10)

        assert (await asyncio.to_thread(wait)).choices
