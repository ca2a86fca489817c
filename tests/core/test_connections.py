"""How many connections, files and threads calls at once take, and what waiting for one of them costs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from azure_inference_core import ChatClient, DeadlineExceededError
from azure_inference_core.errors import ConnectionFailedError, InferenceError
from tests.support import wire
from tests.support.drive import connect
from tests.support.fault_server import Call, FaultServer, tls_context
from tests.support.scripted_server import answer_well
from tests.support.stages import authority_file
from tests.support.wire import chunk

BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


def held_up(seconds: float) -> Callable[[Call], None]:
    """A handler that answers well, but late."""

    def handler(call: Call) -> None:
        call.server.stopping.wait(seconds)
        answer_well(call)

    return handler


def endless_stream(call: Call) -> None:
    """Start a stream that has no end; answer well what wants none."""
    if not call.request.wants_stream:
        answer_well(call)
        return
    call.stream_head()
    call.chunk(wire.event(chunk("one")))
    call.hang()


async def called(client: ChatClient, *, asynchronous: bool, **options: Any) -> Any:
    """One call, that does not hold up the loop."""
    if asynchronous:
        return await client.acomplete(wire.MESSAGES, **options)
    return await asyncio.to_thread(lambda: client.complete(wire.MESSAGES, **options))


async def at_once(client: ChatClient, count: int, *, asynchronous: bool) -> list[str]:
    """The texts of so many calls that begin together."""
    if asynchronous:
        results = await asyncio.gather(*[client.acomplete(wire.MESSAGES) for _ in range(count)])
    else:

        def calls() -> list[Any]:
            with ThreadPoolExecutor(count) as pool:
                return list(pool.map(lambda _: client.complete(wire.MESSAGES), range(count)))

        results = await asyncio.to_thread(calls)
    return [result.choices[0].content for result in results]


@BOTH
async def test_calls_at_once_share_the_connections(asynchronous: bool) -> None:
    """Forty calls with four connections: four are opened, and every call is answered."""
    with FaultServer(held_up(0.02)) as server:
        async with ChatClient(connect(server.url, max_connections=4)) as client:
            assert await at_once(client, 40, asynchronous=asynchronous) == [wire.ANSWER] * 40
        assert server.connection_count == 4


def sockets_to(port: int) -> list[socket.socket]:
    """This process's own ends of connections to a port."""
    found = []
    for thing in gc.get_objects():
        if isinstance(thing, socket.socket) and thing.family == socket.AF_INET:
            with contextlib.suppress(OSError):
                if thing.getpeername()[1] == port:
                    found.append(thing)
    return found


@BOTH
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_a_silent_connection_is_probed_every_minute(asynchronous: bool, tls: bool) -> None:
    """By TCP, so that no load balancer on the way forgets it while a model thinks."""
    options: dict[str, Any] = {"ca_bundle": authority_file()} if tls else {}
    with FaultServer(answer_well, tls=tls_context() if tls else None) as server:
        async with ChatClient(connect(server.url, **options)) as client:
            await called(client, asynchronous=asynchronous)
            (kept,) = sockets_to(server.port)
            assert kept.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert kept.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for name in ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL"):
                if hasattr(socket, name):
                    assert kept.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == 60


@BOTH
async def test_a_connection_that_was_idle_for_long_is_not_used_again(
    asynchronous: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies on the way may have forgotten it; until then calls one after another share it."""
    with FaultServer(answer_well) as server:
        async with ChatClient(connect(server.url)) as client:
            for _ in range(3):
                await called(client, asynchronous=asynchronous)
            assert server.connection_count == 1
        for module in ("http_sync", "http_async"):
            monkeypatch.setattr(f"azure_inference_core._transport.{module}.LONGEST_IDLE", 0.0)
        async with ChatClient(connect(server.url)) as client:
            for _ in range(3):
                await called(client, asynchronous=asynchronous)
            assert server.connection_count == 4


@pytest.mark.slow
@BOTH
async def test_a_pause_between_two_turns_costs_no_handshake(asynchronous: bool) -> None:
    """A person who reads for a while finds the connection as it was."""
    with FaultServer(answer_well) as server:
        async with ChatClient(connect(server.url)) as client:
            await called(client, asynchronous=asynchronous)
            await asyncio.sleep(17)
            await called(client, asynchronous=asynchronous)
        assert server.connection_count == 1


@BOTH
async def test_waiting_for_a_connection_is_no_silence(asynchronous: bool) -> None:
    """Ten calls in a row on one connection take longer than any silence may, and none of them fails."""
    limits = {"connect": 1.0, "first_byte": 1.0, "idle": 1.0}
    with FaultServer(held_up(0.15)) as server:
        async with ChatClient(
            connect(server.url, max_connections=1, max_retries=0, timeout=limits)
        ) as client:
            assert await at_once(client, 10, asynchronous=asynchronous) == [wire.ANSWER] * 10


@BOTH
async def test_a_stream_has_its_connection(asynchronous: bool) -> None:
    """While a stream is read no other call has its connection; the call's total ends the wait, and closing it, too."""
    with FaultServer(endless_stream) as server:
        async with ChatClient(
            connect(server.url, max_connections=1, max_retries=0, timeout={"total": 20})
        ) as client:
            if asynchronous:
                stream = client.astream(wire.MESSAGES)
                await anext(stream)
                with pytest.raises(DeadlineExceededError, match="max_connections"):
                    await client.acomplete(wire.MESSAGES, timeout=0.3)
                await stream.aclose()
                await client.acomplete(wire.MESSAGES)
            else:
                deltas = client.stream(wire.MESSAGES)
                next(deltas)
                with pytest.raises(DeadlineExceededError, match="max_connections"):
                    client.complete(wire.MESSAGES, timeout=0.3)
                deltas.close()
                client.complete(wire.MESSAGES)


@BOTH
async def test_connections_come_back_however_a_call_ends(asynchronous: bool) -> None:
    """Refusals, broken answers, silences and streams left early: afterwards the one connection is free."""

    def handler(call: Call) -> None:
        kind = call.request.headers.get("x-kind")
        {
            "refused": lambda: call.respond(400, {"error": {"code": "x", "message": "no"}}),
            "cut": lambda: (call.head(200, {"Content-Length": "50"}), call.send(b"{"), call.close()),
            "reset": call.reset,
            "silent": call.hang,
            "not HTTP": lambda: (call.send(b"SSH-2.0\r\n\r\n"), call.close()),
        }.get(str(kind), lambda: answer_well(call))()

    async def fail(client: ChatClient, kind: str) -> None:
        options: dict[str, Any] = {"headers": {"x-kind": kind}, "timeout": {"total": 20, "first_byte": 0.2}}
        with pytest.raises(InferenceError):
            await called(client, asynchronous=asynchronous, **options)

    with FaultServer(handler) as server:
        async with ChatClient(connect(server.url, max_connections=1, max_retries=0)) as client:
            for kind in ("refused", "cut", "reset", "silent", "not HTTP") * 2:
                await fail(client, kind)
                if asynchronous:
                    await anext(stream := client.astream(wire.MESSAGES))
                    await stream.aclose()
                else:
                    next(deltas := client.stream(wire.MESSAGES))
                    deltas.close()
            assert await at_once(client, 1, asynchronous=asynchronous) == [wire.ANSWER]


@BOTH
async def test_closing_leaves_nobody_waiting(asynchronous: bool) -> None:
    """Calls that wait for a connection while their client is closed open another and are answered."""
    with FaultServer(endless_stream) as server:
        client = ChatClient(connect(server.url, max_connections=1))
        if asynchronous:
            stream: Any = client.astream(wire.MESSAGES)
            await anext(stream)
        else:
            stream = client.stream(wire.MESSAGES)
            next(stream)
        waiting = asyncio.create_task(at_once(client, 3, asynchronous=asynchronous))
        await asyncio.sleep(0.2)
        await client.aclose()
        assert await waiting == [wire.ANSWER] * 3
        with contextlib.suppress(Exception):
            await stream.aclose() if asynchronous else stream.close()
        await client.aclose()


async def test_a_cancelled_wait_for_a_connection_is_cancelled() -> None:
    """A task cancelled in the queue ends as cancelled, although its client is closed at the same moment."""
    with FaultServer(endless_stream) as server:
        async with ChatClient(connect(server.url, max_connections=1)) as client:
            stream = client.astream(wire.MESSAGES)
            await anext(stream)
            waiting = asyncio.create_task(client.acomplete(wire.MESSAGES))
            await asyncio.sleep(0.1)
            waiting.cancel()
            await client.aclose()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            with contextlib.suppress(Exception):
                await stream.aclose()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_a_loop_that_is_held_up_costs_no_call(tls: bool) -> None:
    """Other work that keeps the loop for longer than any silence may last is not taken for a silence."""
    limits = {"connect": 0.5, "first_byte": 0.5, "idle": 0.5}
    options = {"ca_bundle": authority_file()} if tls else {}
    loop = asyncio.get_running_loop()

    async def hold_up() -> None:
        for pause in (0.0, 0.001, 0.01, 0.05, 0.1):
            await asyncio.sleep(pause)
            loop.call_soon(time.sleep, 0.8)

    async def streamed(client: ChatClient) -> str:
        return "".join([delta.content async for delta in client.astream(wire.MESSAGES)])

    with FaultServer(answer_well, tls=tls_context() if tls else None) as server:
        async with ChatClient(connect(server.url, max_retries=0, timeout=limits, **options)) as client:
            calls = [client.acomplete(wire.MESSAGES) for _ in range(5)]
            results = await asyncio.gather(hold_up(), *calls, *[streamed(client) for _ in range(5)])
    assert [result.choices[0].content for result in results[1:6]] == [wire.ANSWER] * 5
    assert results[6:] == [wire.ANSWER] * 5


@contextlib.contextmanager
def slow_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No name is resolved within the block."""
    ended, real = threading.Event(), socket.getaddrinfo

    def resolve(*args: Any, **options: Any) -> Any:
        ended.wait(30)
        return real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        try:
            yield
        finally:
            ended.set()


@BOTH
async def test_a_resolver_that_hangs_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, asynchronous: bool
) -> None:
    """Resolving the host's name belongs to connecting, and ends with it."""
    limits = {"connect": 0.3}
    async with ChatClient(connect("http://localhost", max_retries=1, timeout=limits)) as client:
        with slow_resolver(monkeypatch), pytest.raises(DeadlineExceededError, match="connect") as caught:
            await called(client, asynchronous=asynchronous)
    assert caught.value.attempts == 2


def ended_well(code: str, *arguments: str) -> str:
    """What a program of its own prints, which says nothing else."""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


CROWD = """
    import asyncio, resource, sys, threading
    from azure_inference_core import ChatClient, Connection, Timeouts

    url, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    options = {"timeout": 90.0, "max_connections": int(sys.argv[4])}
    clients = [ChatClient(Connection(url, "key", **options)) for _ in range(int(sys.argv[5]))]
    messages, texts = [{"role": "user", "content": "x"}], []

    async def main():
        calls = [clients[number % len(clients)].acomplete(messages) for number in range(count)]
        texts.extend(result.choices[0].content for result in await asyncio.gather(*calls))
        for client in clients:
            await client.aclose()

    def call(number):
        texts.append(clients[number % len(clients)].complete(messages).choices[0].content)

    if kind == "async":
        asyncio.run(main())
    else:
        threading.stack_size(256 * 1024)
        threads = [threading.Thread(target=call, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            client.close()
    print(len(texts), len(set(texts)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "clients"), [(256, 1), (5000, 1), (256, 8)], ids=["usual", "no limit", "8 clients"]
)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_two_thousand_calls_need_no_more_files_than_there_are(kind: str, limit: int, clients: int) -> None:
    """2,000 calls at once in a process that may open 1,024 files: all are answered."""
    with FaultServer(answer_well) as server:
        assert ended_well(CROWD, server.url, kind, "2000", str(limit), str(clients)) == "2000 1"


FULL = """
    import asyncio, errno, os, resource, sys, threading
    from azure_inference_core import ChatClient, Connection, InferenceError

    url, kind, retries, bundle = sys.argv[1:]
    options = {"ca_bundle": bundle} if bundle else {}
    client = ChatClient(Connection(url, "key", max_retries=int(retries), timeout=30.0, **options))
    messages, files = [{"role": "user", "content": "x"}], []

    def fill():
        while True:
            try:
                files.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                return

    def empty():
        while files:
            os.close(files.pop())

    def told(error):
        return f"{type(error).__name__} {error.__cause__.errno == errno.EMFILE} {'file descriptor' in str(error)}"

    def full():
        fill()
        if retries != "0":
            threading.Timer(1.5, empty).start()

    async def main():
        for _ in range(2):
            full()
            try:
                print((await client.acomplete(messages)).choices[0].content)
            except InferenceError as error:
                print(told(error))
            empty()
            await client.acomplete(messages)
            await client.aclose()

    def calls():
        for _ in range(2):
            full()
            try:
                print(client.complete(messages).choices[0].content)
            except InferenceError as error:
                print(told(error))
            empty()
            client.complete(messages)
            client.close()

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    asyncio.run(main()) if kind == "async" else calls()
"""


@pytest.mark.parametrize("retries", ["0", "2"])
@pytest.mark.parametrize("where", ["http", "https", "localhost"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_no_file_left_is_said_and_waited_for(kind: str, where: str, retries: str) -> None:
    """Where a process can open no file, not even a module, the error says so; a call that may be sent again waits."""
    with FaultServer(answer_well, tls=tls_context() if where == "https" else None) as server:
        url = server.url.replace("127.0.0.1", "localhost") if where == "localhost" else server.url
        bundle = authority_file() if where == "https" else ""
        told = ended_well(FULL, url, kind, retries, bundle)
    expected = f"{ConnectionFailedError.__name__} True True" if retries == "0" else wire.ANSWER
    assert told.splitlines() == [expected] * 2


def test_first_calls_start_one_thread() -> None:
    """A hundred first calls of each of three clients: one thread reads the files for all, and ends."""
    code = """
        import asyncio, sys, threading
        from azure_inference_core import ChatClient, Connection

        started = []
        real = threading.Thread.start
        def start(self):
            started.append(self.name)
            real(self)
        threading.Thread.start = start
        clients = [ChatClient(Connection(sys.argv[1], "key")) for _ in range(3)]

        async def main():
            calls = [client.acomplete([{"role": "user", "content": "x"}]) for client in clients for _ in range(100)]
            await asyncio.gather(*calls)
            for client in clients:
                await client.aclose()

        asyncio.run(main())
        for thread in threading.enumerate():
            if thread is not threading.main_thread():
                thread.join(10)
        print(len(started), threading.active_count())
    """
    with FaultServer(answer_well) as server:
        assert ended_well(code, server.url) == "1 1"
