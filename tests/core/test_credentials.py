"""Keys and tokens of every kind, in sync and async calls: fetched once, renewed once, rotated in both headers."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import get_bearer_token_provider
from azure.identity.aio import get_bearer_token_provider as get_async_provider
from pydantic import SecretStr

from azure_inference_core import (
    AuthenticationError,
    ChatClient,
    ConfigurationError,
    Connection,
    DeadlineExceededError,
    InferenceError,
)
from azure_inference_core._credentials.auth import TokenAuth
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


class SignedIn:
    """What ``DefaultAzureCredential`` is on a machine where somebody is signed in.

    Attributes:
        asked: The scopes of each token, and where it was asked for.
    """

    asked: list[tuple[Any, ...]]

    def __init__(self, **options: Any) -> None:
        self.options = options

    def get_token(self, *scopes: str) -> AccessToken:
        """The person's token."""
        SignedIn.asked.append((*scopes, self.options.get("authority")))
        return AccessToken(f"{wire.CANARY_KEY}-entra", int(time.time()) + 3600)


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> type[SignedIn]:
    """Somebody is signed in."""
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", SignedIn)
    SignedIn.asked = []
    return SignedIn


@pytest.mark.parametrize(
    ("endpoint", "scope", "authority"),
    [
        ("https://x.eastus.models.ai.azure.com", "https://ml.azure.com/.default", None),
        ("https://e.eastus.inference.ml.azure.com/v1", "https://ml.azure.com/.default", None),
        ("https://r.services.ai.azure.com/api/projects/p", "https://ai.azure.com/.default", None),
        ("https://r.openai.azure.com/openai/v1", "https://ai.azure.com/.default", None),
        (
            "https://r.openai.azure.us/openai/deployments/d",
            "https://cognitiveservices.azure.us/.default",
            "login.microsoftonline.us",
        ),
        (
            "https://r.services.ai.azure.cn/models",
            "https://cognitiveservices.azure.cn/.default",
            "login.chinacloudapi.cn",
        ),
    ],
)
def test_at_azure_whoever_is_signed_in_is_asked(
    signed_in: type[SignedIn], endpoint: str, scope: str, authority: str | None
) -> None:
    """Without a key: for the host's scope, from its own cloud."""
    headers = Connection(endpoint).auth.headers(5.0)
    assert headers == {"authorization": f"Bearer {wire.CANARY_KEY}-entra"}
    assert signed_in.asked == [(scope, authority)]


@pytest.mark.parametrize("path", ["", "/v1", "/models", "/openai/deployments/d"])
async def test_nobodys_token_goes_to_another_server(
    server: ScriptedServer, signed_in: type[SignedIn], path: str
) -> None:
    """A server of this machine without a key is sent none, sync, async and streamed; nobody is asked for a token."""
    async with ChatClient(Connection(server.url + path)) as client:
        client.complete(wire.MESSAGES)
        await client.acomplete(wire.MESSAGES)
        list(client.stream(wire.MESSAGES))
    assert signed_in.asked == []
    for request in server.requests:
        assert not {"authorization", "api-key"} & request.headers.keys()


async def test_a_server_that_wants_a_key_says_that_none_was_sent(server: ScriptedServer) -> None:
    """The advice is to pass one, not to look for what is wrong with it."""
    async with ChatClient(Connection(server.url)) as client:
        server.reply(UNAUTHORIZED, UNAUTHORIZED)
        with pytest.raises(AuthenticationError, match="No credential was sent: pass credential="):
            client.complete(wire.MESSAGES)
        with pytest.raises(AuthenticationError, match="No credential was sent: pass credential="):
            await client.acomplete(wire.MESSAGES)


async def test_a_named_scope_is_a_wish_for_a_token(server: ScriptedServer, signed_in: type[SignedIn]) -> None:
    """Whoever names the scope says that the server is meant to have the token."""
    async with ChatClient(Connection(server.url, credential_scopes=["api://mine/.default"])) as client:
        client.complete(wire.MESSAGES)
        await client.acomplete(wire.MESSAGES)
    assert signed_in.asked == [("api://mine/.default", None)]
    assert server.last.headers["authorization"] == f"Bearer {wire.CANARY_KEY}-entra"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://gateway.example/v1",
        "https://g.azure-api.net/openai/deployments/d",
        "https://models.github.ai/inference",
        "https://r.openai.azure.com.evil.example/v1",
    ],
)
def test_a_host_of_others_needs_a_credential(signed_in: type[SignedIn], endpoint: str) -> None:
    """Nothing is made up for it: the error says what to pass, before anything is sent."""
    with pytest.raises(ConfigurationError, match="credential="):
        Connection(endpoint)
    assert signed_in.asked == []


@pytest.mark.parametrize(
    "name", ["Ocp-Apim-Subscription-Key", "x-api-key", "X-Gateway-Token", "Authorization", "api-key"]
)
async def test_a_gateways_own_header_is_enough(
    server: ScriptedServer, signed_in: type[SignedIn], name: str
) -> None:
    """No dummy key is needed beside it, and none is sent; the authorization header may be the user's own."""
    headers = {name: f"Basic {wire.CANARY_KEY}"}
    assert Connection("https://gateway.example/v1", default_headers=headers).auth.headers(1.0) == {}
    async with ChatClient(Connection(server.url, default_headers=headers)) as client:
        client.complete(wire.MESSAGES)
        await client.acomplete(wire.MESSAGES)
        server.reply(Reply(401, {"message": f"Bad key {wire.CANARY_KEY}, not {wire.CANARY_KEY[:16]}..."}))
        with pytest.raises(AuthenticationError) as caught:
            client.complete(wire.MESSAGES)
        assert wire.CANARY_KEY not in repr(client.connection) + str(vars(client.connection))
    assert wire.CANARY_KEY not in str(caught.value)
    for request in server.requests:
        sent = {
            key: value
            for key, value in request.headers.items()
            if key in (name.lower(), "authorization", "api-key")
        }
        assert sent == {name.lower(): f"Basic {wire.CANARY_KEY}"}
    assert signed_in.asked == []


@pytest.mark.parametrize("name", ["Authorization", "api-key"])
def test_a_credential_and_a_header_of_its_name_are_too_many(name: str) -> None:
    """Which of them is meant is not guessed."""
    with pytest.raises(ConfigurationError, match=name):
        connect("https://gateway.example/v1", default_headers={name: "x"})


LOCAL = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("variables", "endpoint", "sent"),
    [
        ({"AZURE_INFERENCE_CREDENTIAL": "k"}, "https://r.openai.azure.com/openai/v1", "k"),
        ({"AZURE_INFERENCE_CREDENTIAL": "k"}, LOCAL, "k"),
        ({"AZURE_INFERENCE_CREDENTIAL": "k"}, "https://gateway.example/v1", None),
        ({"AZURE_INFERENCE_CREDENTIAL": "k"}, "https://gpu.lan/v1", None),
        ({"AZURE_INFERENCE_CREDENTIAL": "k"}, "https://models.github.ai/inference", None),
        (
            {"AZURE_INFERENCE_ENDPOINT": "https://gateway.example/v1", "AZURE_INFERENCE_CREDENTIAL": "k"},
            "https://gateway.example/other/v1",
            "k",
        ),
        (
            {"AZURE_INFERENCE_ENDPOINT": "https://gateway.example/v1", "AZURE_INFERENCE_CREDENTIAL": "k"},
            "https://other.example/v1",
            None,
        ),
        (
            {
                "AZURE_INFERENCE_CREDENTIAL": "first",
                "AZUREAI_ENDPOINT_URL": "https://r.openai.azure.com",
                "AZUREAI_ENDPOINT_KEY": "its own",
            },
            "https://r.openai.azure.com/openai/v1",
            "its own",
        ),
        ({"AZURE_OPENAI_API_KEY": "k"}, "https://r.openai.azure.com/openai/v1", "k"),
        ({"AZURE_OPENAI_API_KEY": "k"}, LOCAL, None),
        ({"AZURE_OPENAI_API_KEY": "k"}, "https://x.eastus.models.ai.azure.com", None),
        (
            {"AZURE_OPENAI_API_KEY": "k", "AZURE_INFERENCE_CREDENTIAL": "first"},
            "https://r.openai.azure.com/openai/v1",
            "first",
        ),
        (
            {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/", "AZURE_OPENAI_API_KEY": "k"},
            "https://r.services.ai.azure.com/openai/v1",
            "k",
        ),
        (
            {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/", "AZURE_OPENAI_API_KEY": "k"},
            "https://another.openai.azure.com/openai/v1",
            None,
        ),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": LOCAL}, LOCAL, None),
        ({"OPENAI_API_KEY": "k"}, "https://r.openai.azure.com/openai/v1", None),
    ],
    ids=str,
)
def test_where_a_key_of_the_environment_goes(
    monkeypatch: pytest.MonkeyPatch,
    signed_in: type[SignedIn],
    variables: dict[str, str],
    endpoint: str,
    sent: str | None,
) -> None:
    """To the host that its endpoint's variable names, to Azure and to this machine; Azure OpenAI's only to its own."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    try:
        key = Connection(endpoint).auth.headers(1.0).get("api-key")
    except ConfigurationError:
        key = None
    assert key == sent


@pytest.mark.parametrize(
    ("root", "target"),
    [
        ("", "/openai/deployments/gpt-4o/chat/completions?api-version=2"),
        ("/openai/v1", "/openai/v1/chat/completions"),
        ("/openai/deployments/prod", "/openai/deployments/prod/chat/completions?api-version=2"),
    ],
)
def test_the_variables_of_azure_openai_are_a_pair(
    monkeypatch: pytest.MonkeyPatch, root: str, target: str
) -> None:
    """Read last; the address is a resource's root, as for Microsoft's own classes, unless it says more."""
    with ScriptedServer(strict=False) as server:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url + root)
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "pair")
        monkeypatch.setenv("OPENAI_API_KEY", "never")
        with ChatClient(Connection(model="gpt-4o")) as client:
            client.complete(wire.MESSAGES)
        assert server.last.target.startswith(target)
        assert server.last.headers["api-key"] == "pair"


class Provider:
    """A provider of tokens: an object that is called.

    Attributes:
        calls: How often it was.
    """

    def __init__(self, *tokens: Any) -> None:
        self.tokens = tokens
        self.calls = 0

    def __call__(self) -> Any:
        """The next token; the last for ever."""
        self.calls += 1
        given = self.tokens[min(self.calls, len(self.tokens)) - 1]
        if isinstance(given, Exception):
            raise given
        return given


class AsyncProvider(Provider):
    """As :class:`Provider`, async."""

    async def __call__(self) -> Any:
        """The next token; the last for ever."""
        await asyncio.sleep(0)
        return super().__call__()


def callables(*tokens: Any) -> dict[str, Any]:
    """Callables of every kind that give these tokens."""
    plain, later = Provider(*tokens), AsyncProvider(*tokens)

    async def wrapper() -> Any:
        return await later()

    return {
        "object": plain,
        "function": plain.__call__,
        "partial": functools.partial(plain.__call__),
        "async object": later,
        "async function": wrapper,
        "async partial": functools.partial(wrapper),
        "gives a coroutine": lambda: wrapper(),  # noqa: PLW0108 - no coroutine function itself
        "of azure.identity": get_bearer_token_provider(FakeCredential(prefix="tok"), "scope"),
        "of azure.identity.aio": get_async_provider(AsyncFakeCredential(prefix="tok"), "scope"),
    }


@pytest.mark.parametrize("kind", callables())
async def test_a_callable_is_a_credential(server: ScriptedServer, kind: str) -> None:
    """Sync and async ones, in sync, async and streamed calls: its token goes into the one header."""
    async with ChatClient(connect(server.url, credential=callables("tok-1")[kind])) as client:
        await asyncio.to_thread(client.complete, wire.MESSAGES)
        client.complete(wire.MESSAGES)
        await client.acomplete(wire.MESSAGES)
        assert [delta async for delta in client.astream(wire.MESSAGES)]
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer tok-1"}
    assert not any("api-key" in request.headers for request in server.requests)


@pytest.mark.parametrize(
    "token",
    ["tok", "Bearer tok", " tok\n", AccessToken("tok", 0), SecretStr("tok")],
    ids=["text", "with its scheme", "with a line end", "AccessToken", "SecretStr"],
)
def test_what_a_callable_may_give(server: ScriptedServer, token: Any) -> None:
    """Text, with or without the scheme, or an object that holds it."""
    with ChatClient(connect(server.url, credential=Provider(token))) as client:
        client.complete(wire.MESSAGES)
    assert server.last.headers["authorization"] == "Bearer tok"


@pytest.mark.parametrize("token", ["", "  ", None, 5, f"{wire.CANARY_KEY}\nx"], ids=ascii)
@pytest.mark.parametrize("kind", [Provider, AsyncProvider])
async def test_what_is_no_token_is_refused(server: ScriptedServer, kind: type[Provider], token: Any) -> None:
    """Before anything is sent, and without being shown."""
    async with ChatClient(connect(server.url, credential=kind(token))) as client:
        for call in (client.acomplete(wire.MESSAGES), asyncio.to_thread(client.complete, wire.MESSAGES)):
            with pytest.raises(ConfigurationError, match="token") as caught:
                await call
            assert wire.CANARY_KEY not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("kind", [Provider, AsyncProvider])
async def test_a_callable_is_asked_again_when_its_token_is_refused(
    server: ScriptedServer, kind: type[Provider]
) -> None:
    """Once; it is asked for every attempt, since nothing says how long its token holds."""
    provider = kind("old", "new", "newer")
    async with ChatClient(connect(server.url, credential=provider)) as client:
        server.reply(UNAUTHORIZED)
        client.complete(wire.MESSAGES)
        assert server.last.headers["authorization"] == "Bearer new"
        await client.acomplete(wire.MESSAGES)
        assert server.last.headers["authorization"] == "Bearer newer"
        server.reply(UNAUTHORIZED, UNAUTHORIZED)
        with pytest.raises(AuthenticationError):
            await client.acomplete(wire.MESSAGES)
    assert len(server.requests) == 5


USER: ContextVar[str] = ContextVar("user")


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_each_callers_own_token_goes_with_its_call(server: ScriptedServer, kind: str) -> None:
    """A callable may give each user a token: it is asked in the context of the call, and its answer is for no other."""

    def token() -> str:
        time.sleep(0.05)
        return f"token-of-{USER.get()}"

    async def later() -> str:
        await asyncio.sleep(0.05)
        return f"token-of-{USER.get()}"

    async with ChatClient(connect(server.url, credential=token if kind == "sync" else later)) as client:

        def ask(user: str) -> None:
            USER.set(user)
            client.complete([{"role": "user", "content": user}])

        async def aask(user: str) -> None:
            USER.set(user)
            await client.acomplete([{"role": "user", "content": user}])

        await asyncio.gather(*[aask(f"a{n}") for n in range(5)])
        await asyncio.gather(*[asyncio.to_thread(ask, f"s{n}") for n in range(5)])
    for request in server.requests:
        user = request.json["messages"][0]["content"]
        assert request.headers["authorization"] == f"Bearer token-of-{user}"


@pytest.mark.parametrize("kind", [Provider, AsyncProvider])
async def test_a_callable_that_fails_is_an_authentication_error(
    server: ScriptedServer, kind: type[Provider]
) -> None:
    """With its cause, and nothing is sent."""
    error = ValueError("nobody is signed in")
    async with ChatClient(connect(server.url, credential=kind(error))) as client:
        for call in (client.acomplete(wire.MESSAGES), asyncio.to_thread(client.complete, wire.MESSAGES)):
            with pytest.raises(AuthenticationError, match="nobody is signed in") as caught:
                await call
            assert caught.value.__cause__ is error
    assert server.requests == []


def test_a_callable_that_hangs_is_cut_off_by_the_deadline(server: ScriptedServer) -> None:
    """As a credential that hangs."""
    over = threading.Event()
    credential = lambda: over.wait(30) and "late"  # noqa: E731
    with ChatClient(connect(server.url, credential=credential, timeout={"total": 0.3})) as client:
        with pytest.raises(DeadlineExceededError, match="credential"):
            client.complete(wire.MESSAGES)
        with pytest.raises(DeadlineExceededError, match="credential"):
            asyncio.run(call_and_close(client))
    over.set()
    assert server.requests == []


@pytest.mark.parametrize("kind", [FakeCredential, Provider, AzureKeyCredential])
def test_a_class_is_no_credential(kind: type) -> None:
    """A forgotten pair of brackets is found when the object is made."""
    with pytest.raises(ConfigurationError, match=rf"{kind.__name__}\(\.\.\.\)"):
        connect("https://r.openai.azure.com/openai/v1", credential=kind)
