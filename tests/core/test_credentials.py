"""Keys and tokens of every kind, in sync and async calls: fetched once, renewed once, rotated in both headers."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError

from azure_inference_core import (
    AuthenticationError,
    ChatClient,
    ConfigurationError,
    DeadlineExceededError,
    InferenceError,
)
from azure_inference_core._credentials import TokenAuth
from tests.support import wire
from tests.support.drive import connect
from tests.support.scripted_server import Reply, ScriptedServer
from tests.support.wire import AsyncFakeCredential, FakeClock, FakeCredential

KINDS = [FakeCredential, AsyncFakeCredential]
UNAUTHORIZED = Reply(401, {"status": "Invalid auth token"})


def test_a_token_is_asked_for_once_a_lifetime() -> None:
    """A hundred calls over two lifetimes make one request each lifetime, five minutes before its end."""
    clock = FakeClock(now=time.time())
    credential = FakeCredential()
    original = credential.get_token

    def get_token(*scopes: str, **options: Any) -> AccessToken:
        token = original(*scopes, **options)
        return AccessToken(token.token, int(clock() + 3600))

    credential.get_token = get_token  # type: ignore[method-assign]
    auth = TokenAuth(credential, ("scope",), clock)
    headers = []
    for _ in range(100):
        headers.append(auth.headers(5.0)["authorization"])
        clock.advance(60)
    assert len(credential.calls) == 2
    assert headers[0] == "Bearer token-1"
    assert headers[54] == "Bearer token-1"
    assert headers[56] == "Bearer token-2"


@pytest.mark.parametrize("kind", KINDS)
def test_many_cold_threads_ask_for_one_token(server: ScriptedServer, kind: type[FakeCredential]) -> None:
    """Forty threads with no token yet share one request for it."""
    credential = kind(delay=0.2)
    with ChatClient(connect(server.url, credential=credential)) as client, ThreadPoolExecutor(40) as pool:
        list(pool.map(lambda _: client.complete(wire.MESSAGES), range(40)))
    assert len(credential.calls) == 1
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer token-1"}


async def test_many_cold_tasks_ask_for_one_token(server: ScriptedServer) -> None:
    """Forty tasks with no token yet share one request for it."""
    credential = AsyncFakeCredential(delay=0.2)
    async with ChatClient(connect(server.url, credential=credential)) as client:
        await asyncio.gather(*[client.acomplete(wire.MESSAGES) for _ in range(40)])
    assert len(credential.calls) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_token_is_replaced_once(server: ScriptedServer, kind: type[FakeCredential]) -> None:
    """A 401 is answered with one fresh token; the caller notices nothing."""
    credential = kind()
    with ChatClient(connect(server.url, credential=credential)) as client:
        server.reply(UNAUTHORIZED)
        assert client.complete(wire.MESSAGES).choices[0].content == wire.ANSWER
    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer token-1",
        "Bearer token-2",
    ]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refused_token_is_replaced_once_async(
    server: ScriptedServer, kind: type[FakeCredential]
) -> None:
    """The same in an async call; a second 401 is final."""
    credential = kind()
    async with ChatClient(connect(server.url, credential=credential)) as client:
        server.reply(UNAUTHORIZED)
        await client.acomplete(wire.MESSAGES)
        assert len(server.requests) == 2
        server.reply(UNAUTHORIZED, UNAUTHORIZED)
        with pytest.raises(AuthenticationError):
            await client.acomplete(wire.MESSAGES)
    assert len(server.requests) == 4


def test_a_refused_key_is_final(server: ScriptedServer) -> None:
    """A key cannot be renewed: one request."""
    server.reply(UNAUTHORIZED)
    with ChatClient(connect(server.url)) as client, pytest.raises(AuthenticationError):
        client.complete(wire.MESSAGES)
    assert len(server.requests) == 1


@pytest.mark.parametrize("error", [ClientAuthenticationError("no login"), ValueError("no login")], ids=repr)
@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_that_fails_is_an_authentication_error(
    server: ScriptedServer, kind: type[FakeCredential], error: Exception
) -> None:
    """Whatever the credential raises becomes one class, with its cause; nothing is sent."""
    credential = kind(error=error)
    with ChatClient(connect(server.url, credential=credential)) as client:
        with pytest.raises(AuthenticationError, match="no login") as caught:
            client.complete(wire.MESSAGES)
        with pytest.raises(AuthenticationError, match="no login"):
            asyncio.run(call_and_close(client))
    assert caught.value.__cause__ is error
    assert server.requests == []


async def call_and_close(client: ChatClient) -> None:
    """One async call in an event loop of its own."""
    try:
        await client.acomplete(wire.MESSAGES)
    finally:
        await client.aclose()


def test_an_unusable_token_is_refused_without_being_shown(server: ScriptedServer) -> None:
    """A token with a line break in it cannot be a header; the text does not show it, and the call does not hang."""
    credential = FakeCredential(prefix=f"{wire.CANARY_KEY}\r\nx: y")
    with ChatClient(connect(server.url, credential=credential, timeout={"total": 5.0})) as client:
        started = time.monotonic()
        with pytest.raises(InferenceError) as caught:
            client.complete(wire.MESSAGES)
        assert time.monotonic() - started < 3
    assert not isinstance(caught.value, DeadlineExceededError)
    assert wire.CANARY_KEY not in str(caught.value)
    assert server.requests == []


def test_a_credentials_own_configuration_error_passes(server: ScriptedServer) -> None:
    """An error of our own tree from a credential is not wrapped, and the call does not hang."""
    credential = FakeCredential(error=ConfigurationError("set the tenant"))
    with (
        ChatClient(connect(server.url, credential=credential, timeout={"total": 5.0})) as client,
        pytest.raises(ConfigurationError, match="set the tenant"),
    ):
        client.complete(wire.MESSAGES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_that_hangs_is_cut_off_by_the_deadline(
    server: ScriptedServer, kind: type[FakeCredential]
) -> None:
    """The total time covers the credential too, in sync and async calls."""
    credential = kind(delay=1.5)
    with ChatClient(connect(server.url, credential=credential, timeout={"total": 0.3})) as client:
        started = time.monotonic()
        with pytest.raises(DeadlineExceededError, match="credential"):
            client.complete(wire.MESSAGES)
        with pytest.raises(DeadlineExceededError, match="credential"):
            asyncio.run(call_and_close(client))
        assert time.monotonic() - started < 1.4
    assert server.requests == []


async def test_a_sync_credential_serves_async_calls(server: ScriptedServer) -> None:
    """A sync credential runs in a thread: the event loop goes on."""
    credential = FakeCredential(delay=0.3)
    beats = 0

    async def beat() -> None:
        """Count while the event loop is free."""
        nonlocal beats
        while True:
            await asyncio.sleep(0.02)
            beats += 1

    async with ChatClient(connect(server.url, credential=credential)) as client:
        pulse = asyncio.create_task(beat())
        await client.acomplete(wire.MESSAGES)
        pulse.cancel()
    assert beats >= 5
    assert server.last.headers["authorization"] == "Bearer token-1"
    assert "api-key" not in server.last.headers


def test_an_async_credential_serves_sync_calls(server: ScriptedServer) -> None:
    """An async credential works without an event loop of the caller's, and from several loops."""
    credential = AsyncFakeCredential()
    with ChatClient(connect(server.url, credential=credential)) as client:
        client.complete(wire.MESSAGES)
        asyncio.run(call_and_close(client))
        asyncio.run(call_and_close(client))
    assert len(credential.calls) == 1
    assert len(server.requests) == 3


@pytest.mark.parametrize("scopes", [None, ["https://example/.default"]])
def test_the_scope_is_the_hosts_unless_given(server: ScriptedServer, scopes: list[str] | None) -> None:
    """A token is asked for with the dialect's scope, or the user's."""
    credential = FakeCredential()
    with ChatClient(connect(server.url, credential=credential, credential_scopes=scopes)) as client:
        client.complete(wire.MESSAGES)
    assert credential.calls == [tuple(scopes or ["https://ml.azure.com/.default"])]


async def test_a_rotated_key_is_new_in_both_headers(server: ScriptedServer) -> None:
    """After ``update`` the next call carries the new key twice and the old one nowhere, sync and async."""
    credential = AzureKeyCredential("old-key")
    async with ChatClient(connect(server.url, credential=credential)) as client:
        client.complete(wire.MESSAGES)
        credential.update("new-key")
        client.complete(wire.MESSAGES)
        await client.acomplete(wire.MESSAGES)
    first, *later = server.requests
    assert first.headers["api-key"] == "old-key"
    for request in later:
        assert (request.headers["authorization"], request.headers["api-key"]) == ("Bearer new-key", "new-key")
        assert b"old-key" not in request.head


def test_a_token_is_not_sent_in_clear_to_another_machine() -> None:
    """Plain http to another machine is refused for tokens as for keys."""
    with pytest.raises(ConfigurationError, match="allow_insecure"):
        connect("http://10.0.0.1", credential=FakeCredential())


def test_credential_threads_end(server: ScriptedServer) -> None:
    """Fetching tokens leaves no thread behind."""
    before = threading.active_count()
    with ChatClient(connect(server.url, credential=FakeCredential())) as client:
        client.complete(wire.MESSAGES)
    time.sleep(0.05)
    assert threading.active_count() <= before + 1  # the server's own thread of the connection
