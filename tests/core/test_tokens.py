"""Token credentials of every kind: in which event loop they are asked, what is shared, what ends, what is abandoned."""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Self

import pytest
from azure.core.credentials import AccessTokenInfo
from azure.identity.aio import ManagedIdentityCredential

from azure_inference_core import AuthenticationError, ChatClient, DeadlineExceededError
from tests.support import wire
from tests.support.drive import connect
from tests.support.fault_server import Call, FaultServer, wait_until
from tests.support.scripted_server import ScriptedServer
from tests.support.wire import AsyncFakeCredential, FakeCredential

needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts files in /proc")  # noqa: PTH112 - a count needs no paths


class BoundCredential(AsyncFakeCredential):
    """As Azure's own async credentials: its connections belong to the loop that it was first used or opened in."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.asked_in: list[asyncio.AbstractEventLoop] = []

    async def get_token(self, *scopes: str, **options: Any) -> Any:  # type: ignore[override]
        self.bind()
        self.asked_in.append(asyncio.get_running_loop())
        return await super().get_token(*scopes, **options)

    async def __aenter__(self) -> Self:
        self.bind()
        return self

    async def close(self) -> None:  # type: ignore[override]
        self.bind()

    def bind(self) -> None:
        """Insist on one loop."""
        running = asyncio.get_running_loop()
        self.loop = self.loop or running
        if self.loop is not running:
            raise RuntimeError("got Future attached to a different loop")


class Waits:
    """A credential whose first token requests never end; what it raises later may be strange."""

    def __init__(self, hangs: int = 1, error: Exception | None = None) -> None:
        self.hangs = hangs
        self.error = error
        self.calls = 0
        self.over = threading.Event()

    def next(self) -> Any:
        """A token, if it is time for one."""
        self.calls += 1
        if self.calls <= self.hangs:
            return None
        if self.error is not None:
            raise self.error
        return AccessTokenInfo(f"token-{self.calls}", int(time.time()) + 3600)


class WaitsSync(Waits):
    """In a thread."""

    def get_token(self, *_scopes: str) -> Any:
        """A token, or nothing for long."""
        return self.next() or self.over.wait(60)


class WaitsAsync(Waits):
    """In a loop."""

    async def get_token(self, *_scopes: str) -> Any:
        """A token, or nothing for long."""
        return self.next() or await asyncio.sleep(60)


class Unspeakable(Exception):  # noqa: N818 - a credential's own
    """An exception that cannot be told."""

    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """What a managed identity asks for tokens, as in an app service."""

    def play(call: Call) -> None:
        expires = str(int(time.time()) + 3600)
        call.respond(200, {"access_token": "managed", "expires_on": expires, "resource": "r", "token_type": "Bearer"})  # fmt: skip

    with FaultServer(play) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        yield server


@asynccontextmanager
async def opened() -> AsyncIterator[ManagedIdentityCredential]:
    """A managed identity, in its own block."""
    async with ManagedIdentityCredential() as credential:
        yield credential


@asynccontextmanager
async def closed_by_hand() -> AsyncIterator[ManagedIdentityCredential]:
    """A managed identity that is closed without a block."""
    credential = ManagedIdentityCredential()
    yield credential
    await credential.close()


@pytest.mark.parametrize("how", [opened, closed_by_hand])
async def test_a_managed_identity_is_used_in_the_loop_of_the_call(
    server: ScriptedServer, identity: FaultServer, how: Any
) -> None:
    """Azure's own async credential serves async calls, and threads while the loop runs, and closes without a word."""
    async with how() as credential, ChatClient(connect(server.url, credential=credential)) as client:
        await client.acomplete(wire.MESSAGES)
        client.connection.auth.renew(time.monotonic())
        await asyncio.to_thread(client.complete, wire.MESSAGES)
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer managed"] * 2
    assert identity.request_count <= 2


async def test_a_credential_opened_around_a_client_serves_threads_first(server: ScriptedServer) -> None:
    """A client made in the loop where its credential was opened asks there, though the first call is a thread's."""
    async with (
        BoundCredential() as credential,
        ChatClient(connect(server.url, credential=credential)) as client,
    ):
        await asyncio.to_thread(client.complete, wire.MESSAGES)
    assert credential.asked_in == [asyncio.get_running_loop()]


async def test_an_async_call_asks_in_its_own_loop(server: ScriptedServer) -> None:
    """A credential that is bound to nothing is awaited by each call where it is made; sync calls have another loop."""
    credential = BoundCredential()
    credential.bind = lambda: None  # type: ignore[method-assign]
    async with ChatClient(connect(server.url, credential=credential)) as client:
        client.complete(wire.MESSAGES)
        client.connection.auth.renew(time.monotonic())
        await client.acomplete(wire.MESSAGES)
    here = asyncio.get_running_loop()
    assert [loop is here for loop in credential.asked_in] == [False, True]


def test_a_credential_bound_by_sync_calls_serves_async_ones(server: ScriptedServer) -> None:
    """Sync, async, sync: a credential that only works where it was first used works in all of them."""
    credential = BoundCredential()
    with ChatClient(connect(server.url, credential=credential)) as client:

        async def once() -> None:
            client.connection.auth.renew(time.monotonic())
            await client.acomplete(wire.MESSAGES)
            await client._sdk.aclose()

        client.complete(wire.MESSAGES)
        asyncio.run(once())
        client.connection.auth.renew(time.monotonic())
        client.complete(wire.MESSAGES)
    assert len(server.requests) == 3


def test_clients_of_one_credential_share_its_loop(server: ScriptedServer) -> None:
    """Two clients with one credential, in sync calls: it is asked in one loop."""
    credential = BoundCredential()
    with (
        ChatClient(connect(server.url, credential=credential)) as one,
        ChatClient(connect(server.url, credential=credential)) as two,
    ):
        one.complete(wire.MESSAGES)
        two.complete(wire.MESSAGES)
    assert len(set(credential.asked_in)) == 1


def test_a_credential_whose_loop_is_gone_says_so(server: ScriptedServer) -> None:
    """Where a credential is bound to a loop that has ended, the error says what to do."""
    credential = BoundCredential()
    client = ChatClient(connect(server.url, credential=credential))

    async def once() -> None:
        client.connection.auth.renew(time.monotonic())
        await client.acomplete(wire.MESSAGES)
        await client.aclose()

    asyncio.run(once())
    with pytest.raises(AuthenticationError, match="one for each loop"):
        asyncio.run(once())
    client.close()


async def test_a_sync_call_that_holds_the_loop_up_does_not_wait_for_it(server: ScriptedServer) -> None:
    """A sync call amid a token request of an async one makes its own: the other cannot go on."""
    credential = AsyncFakeCredential(delay=0.3)
    async with ChatClient(connect(server.url, credential=credential, timeout={"total": 10.0})) as client:
        task = asyncio.create_task(client.acomplete(wire.MESSAGES))
        await asyncio.to_thread(wait_until, lambda: credential.calls)
        client.complete(wire.MESSAGES)
        await task
    assert len(credential.calls) == 2


def files() -> int:
    """Files this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counting needs no paths


@needs_proc
@pytest.mark.parametrize("how", ["closed", "dropped"])
def test_the_loop_of_sync_calls_ends_with_the_client(server: ScriptedServer, how: str) -> None:
    """Thirty clients with async credentials leave neither threads nor files, closed or only dropped."""

    def one() -> None:
        client = ChatClient(connect(server.url, credential=BoundCredential()))
        client.complete(wire.MESSAGES)
        if how == "closed":
            client.close()

    one()
    gc.collect()
    assert wait_until(lambda: server.open_connections == 0)
    before, threads = files(), threading.active_count()
    for _ in range(30):
        one()
    gc.collect()
    assert wait_until(lambda: threading.active_count() <= threads)
    assert wait_until(lambda: files() <= before)


@needs_proc
def test_a_closed_connection_keeps_no_loop(server: ScriptedServer) -> None:
    """``close`` ends the loop although the client is still there, and a later call has a new one."""
    clients = [ChatClient(connect(server.url, credential=AsyncFakeCredential())) for _ in range(10)]
    before = threading.active_count()
    for _ in range(2):
        for client in clients:
            client.connection.auth.renew(time.monotonic())
            client.complete(wire.MESSAGES)
        for client in clients:
            client.close()
            client.connection.close()
        assert wait_until(lambda: threading.active_count() <= before)


@pytest.mark.parametrize("error", [None, Unspeakable()], ids=["good", "unspeakable"])
@pytest.mark.parametrize("kind", [WaitsSync, WaitsAsync])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_token_request_that_hangs_stops_one_call(
    server: ScriptedServer, kind: type[Waits], asynchronous: bool, error: Exception | None
) -> None:
    """The call that waited for it fails; the next asks anew, and has what comes, even an error without a text."""
    credential: Any = kind(error=error)
    client = ChatClient(connect(server.url, credential=credential, timeout={"total": 0.4}, max_retries=0))

    def call(seconds: float) -> Any:
        if not asynchronous:
            return client.complete(wire.MESSAGES, timeout=seconds)

        async def once() -> Any:
            try:
                return await client.acomplete(wire.MESSAGES, timeout=seconds)
            finally:
                await client.aclose()

        return asyncio.run(once())

    with pytest.raises(DeadlineExceededError, match="credential"):
        call(0.3)
    if error is None:
        assert call(20).choices[0].content == wire.ANSWER
        assert server.last.headers["authorization"] == "Bearer token-2"
    else:
        with pytest.raises(AuthenticationError, match="Unspeakable"):
            call(20)
    credential.over.set()
    client.close()


def test_an_old_token_request_keeps_no_later_call(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that somebody with more patience waits for is not what a later call waits for."""
    monkeypatch.setattr("azure_inference_core._credentials.tokens.SHARED_FOR", 0.2)
    credential = WaitsSync()
    with ChatClient(connect(server.url, credential=credential)) as client, ThreadPoolExecutor(1) as pool:
        patient = pool.submit(client.complete, wire.MESSAGES)
        assert wait_until(lambda: credential.calls == 1)
        time.sleep(0.3)
        assert client.complete(wire.MESSAGES, timeout=10).choices
        assert not patient.done()
        credential.over.set()
        with pytest.raises(AuthenticationError):
            patient.result()


def test_requests_that_hang_do_not_pile_up(server: ScriptedServer) -> None:
    """While every token request hangs, calls that give up do not leave a thread each."""
    credential = WaitsSync(hangs=1000)
    with ChatClient(connect(server.url, credential=credential, max_retries=0)) as client:
        for _ in range(30):
            with pytest.raises(DeadlineExceededError):
                client.complete(wire.MESSAGES, timeout=0.05)
    credential.over.set()
    assert credential.calls < 20


async def test_a_callable_takes_few_threads(server: ScriptedServer) -> None:
    """However many calls ask it, and however long it hangs; calls that gave up are not asked for any more."""
    over = threading.Event()
    asked: list[int] = []

    def provide() -> str:
        asked.append(threading.active_count())
        over.wait(60)
        return "token"

    before = threading.active_count()
    async with ChatClient(connect(server.url, credential=provide, max_retries=0)) as client:
        calls = [client.acomplete(wire.MESSAGES, timeout=0.5) for _ in range(200)]
        failures = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(failure) for failure in failures} == {DeadlineExceededError}
        late = asyncio.create_task(client.acomplete(wire.MESSAGES))
        await asyncio.sleep(0)
        over.set()
        assert (await late).choices[0].content == wire.ANSWER
    assert max(asked) <= before + 40
    assert len(asked) <= 40


@pytest.mark.parametrize("kind", [FakeCredential, AsyncFakeCredential])
async def test_a_cancelled_task_takes_no_token_from_the_others(
    server: ScriptedServer, kind: type[FakeCredential]
) -> None:
    """Of ten tasks that wait for a token the first two are cancelled; the others have theirs, of one request."""
    credential = kind(delay=2.0)
    async with ChatClient(connect(server.url, credential=credential)) as client:
        tasks = [asyncio.create_task(client.acomplete(wire.MESSAGES)) for _ in range(10)]
        await asyncio.to_thread(wait_until, lambda: credential.calls)
        for task in tasks[:2]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(answer, asyncio.CancelledError) for answer in done] == [True] * 2 + [False] * 8
    assert len(credential.calls) == 1


def test_a_loop_that_ends_takes_no_token_from_another(server: ScriptedServer) -> None:
    """A token request whose loop ends is made anew by who waits for it elsewhere."""
    credential = AsyncFakeCredential(delay=2.0)
    client = ChatClient(connect(server.url, credential=credential))

    async def begin() -> None:
        task = asyncio.create_task(client.acomplete(wire.MESSAGES))
        await asyncio.to_thread(wait_until, lambda: credential.calls)
        waiting.set()
        await asyncio.sleep(0.1)
        assert not task.done()

    waiting = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        thread = pool.submit(lambda: waiting.wait(10) and client.complete(wire.MESSAGES))
        asyncio.run(begin())
        assert thread.result().choices[0].content == wire.ANSWER
    assert len(credential.calls) == 2
    client.close()


def test_no_second_request_is_made_by_who_comes_late(server: ScriptedServer) -> None:
    """Threads that looked for a token before there was one, and ask for it after, take what has come meanwhile."""
    credential = FakeCredential()
    with ChatClient(connect(server.url, credential=credential)) as client:
        auth: Any = client.connection.auth
        real, looks = auth._current, iter([None])
        auth._current = lambda: next(looks, real())
        auth.headers(5)
        looks = iter([None])
        auth.headers(5)
    assert len(credential.calls) == 1


def plain(credential: AsyncFakeCredential) -> Any:
    """A plain function that gives a coroutine."""

    def get(*scopes: str) -> Any:
        return credential.get_token(*scopes)

    return get


def future(credential: AsyncFakeCredential) -> Any:
    """A plain function that starts a task."""
    return lambda *scopes: asyncio.get_running_loop().create_task(credential.get_token(*scopes))


def bound_partial(credential: AsyncFakeCredential) -> Any:
    """A part of an async function."""
    return functools.partial(credential.get_token)


class Holder:
    """A credential that has one method, by the name it is given."""

    def __init__(self, name: str, get: Callable[..., Any]) -> None:
        setattr(self, name, get)


@pytest.mark.parametrize("name", ["get_token", "get_token_info"])
@pytest.mark.parametrize("made", [plain, future, bound_partial])
def test_functions_that_give_something_to_await(server: ScriptedServer, made: Any, name: str) -> None:
    """Whatever kind of callable gives an awaitable, by either of Azure's names, serves sync and async calls."""
    credential = AsyncFakeCredential()
    client = ChatClient(connect(server.url, credential=Holder(name, made(credential))))

    async def once() -> None:
        client.connection.auth.renew(time.monotonic())
        await client.acomplete(wire.MESSAGES)
        await client.aclose()

    client.complete(wire.MESSAGES)
    asyncio.run(once())
    asyncio.run(once())
    client.close()
    assert [request.headers["authorization"][:13] for request in server.requests] == ["Bearer token-"] * 3
    assert len(credential.calls) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_asks_with_an_async_credential(server: ScriptedServer) -> None:
    """A child has its own loop for sync calls, and leaves the parent's alone."""
    credential = AsyncFakeCredential()
    with ChatClient(connect(server.url, credential=credential)) as client:

        def again() -> bool:
            client.connection.auth.renew(time.monotonic())
            return bool(client.complete(wire.MESSAGES, timeout=20).choices)

        assert again()
        if (child := os.fork()) == 0:
            status = 1
            try:
                status = 0 if again() else 2
                client.close()
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert again()


def test_a_credential_without_a_token_is_told(server: ScriptedServer) -> None:
    """A credential that answers with nothing is an error that says so, and is asked once."""
    calls: list[Any] = []
    with (
        ChatClient(connect(server.url, credential=Holder("get_token", calls.append))) as client,
        pytest.raises(AuthenticationError, match="gave no token"),
    ):
        client.complete(wire.MESSAGES)
    assert json.dumps(calls) == '["https://ml.azure.com/.default"]'
