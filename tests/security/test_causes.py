"""What an error came from says what happened, and leads to nothing that holds the key or a proxy's login."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import logging
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from azure_inference_core import ChatClient, InferenceError
from langchain_azure_inference import ChatAzureInference
from llamaindex_azure_inference import AzureInference
from tests.support import stages, wire
from tests.support.drive import connect, renderings, with_variables
from tests.support.entry_points import ENTRY_POINTS, EntryPoint, made
from tests.support.fault_server import Call, FaultServer
from tests.support.plays import always, raw
from tests.support.stages import Play, Stage

PASSWORD = "proxy-pass-word-77"
LOGIN = base64.b64encode(f"corp:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, LOGIN, wire.CANARY_KEY)
LIBRARIES = ("aiohttp", "urllib3", "http", "ssl", "socket", "yarl", "azure")
LIMITS = {"total": 20.0, "connect": 0.5, "first_byte": 0.5, "idle": 0.5}


def behind_proxy(handler: Callable[[Call], Any]) -> Play:
    """An endpoint behind a proxy with a login."""

    @contextlib.contextmanager
    def play() -> Iterator[Stage]:
        with FaultServer(handler) as proxy, pytest.MonkeyPatch.context() as patch:
            patch.setenv("HTTPS_PROXY", f"http://corp:{PASSWORD}@127.0.0.1:{proxy.port}")
            yield Stage("https://endpoint.example/v1", None, proxy, {"trust_env": True})

    return play


def without_proxy() -> Play:
    """An endpoint behind a proxy that is not there."""

    @contextlib.contextmanager
    def play() -> Iterator[Stage]:
        with stages.closed_port() as nobody, pytest.MonkeyPatch.context() as patch:
            patch.setenv("HTTPS_PROXY", nobody.url.replace("://", f"://corp:{PASSWORD}@"))
            yield Stage("https://endpoint.example/v1", options={"trust_env": True})

    return play


def garbage(call: Call) -> None:
    """Something that is not HTTP."""
    call.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    call.close()


def cut(call: Call) -> None:
    """A tenth of a body."""
    call.head(200, {"Content-Length": "10"})
    call.send(b"{")
    call.close()


def bad_chunk(call: Call) -> None:
    """A chunk without a size."""
    call.stream_head()
    call.send(b"zz\r\n")
    call.close()


def through(call: Call) -> None:
    """Let the connection through, to nothing that speaks TLS."""
    call.head(200)
    call.send(b"no TLS at all" * 10)
    call.close()


CHALLENGE = {"Proxy-Authenticate": 'Basic realm="x"'}
PLAYS: dict[str, Play] = {
    "proxy 407": behind_proxy(lambda call: call.respond(407, b"", CHALLENGE)),
    "proxy 403": behind_proxy(lambda call: call.respond(403, PASSWORD)),
    "proxy 302": behind_proxy(lambda call: call.respond(302, b"", {"Location": "https://x.example"})),
    "proxy garbage": behind_proxy(garbage),
    "proxy reset": behind_proxy(Call.reset),
    "proxy closed": behind_proxy(Call.close),
    "proxy silent": behind_proxy(Call.hang),
    "proxy without TLS behind": behind_proxy(through),
    "no proxy": without_proxy(),
    "refused": stages.closed_port,
    "no such host": stages.no_such_host,
    "not HTTP": always(garbage),
    "half a status line": raw(b"HTTP/1.1 2"),
    "200 KB header": raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n"),
    "reset": always(Call.reset),
    "closed": always(Call.close),
    "silent": always(Call.hang),
    "cut": always(cut),
    "bad chunk": always(bad_chunk),
    "unknown authority": stages.secured(stages.stranger, lambda call: call.respond(200)),
    "https to http": stages.https_to_plain,
}
CALLS = [entry for entry in ENTRY_POINTS if entry.name in ("invoke", "ainvoke", "stream", "astream", "chat", "achat")
         and entry.kind in (ChatAzureInference, AzureInference)]  # fmt: skip


def everything_of(thing: Any, seen: dict[int, Any] | None = None) -> list[Any]:
    """An object and all that its causes, contexts, arguments and attributes lead to."""
    seen = {} if seen is None else seen
    if id(thing) in seen:
        return []
    seen[id(thing)] = thing
    below: list[Any] = []
    if isinstance(thing, BaseException):
        below += [thing.__cause__, thing.__context__, thing.args]
    if isinstance(thing, dict):
        below += [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        below += thing
    elif not isinstance(thing, type):
        below.append(getattr(thing, "__dict__", None))
    return [thing, *[found for part in below for found in everything_of(part, seen)]]


def check(error: BaseException, logged: str) -> None:
    """No way from an error leads to a secret or to an object of a library."""
    whole = everything_of(error)
    assert not [thing for thing in whole if type(thing).__module__.partition(".")[0] in LIBRARIES]
    texts = [*renderings(error), logged, *map(repr, whole), *map(str, whole)]
    assert not [secret for secret in (*SECRETS, wire.CANARY_PROMPT) for text in texts if secret in text]
    assert not [secret for secret in SECRETS if secret in with_variables(error)]
    assert error.__cause__ is None or getattr(error.__cause__, "kind", "")


def logging_of(error: BaseException, caplog: pytest.LogCaptureFixture) -> str:
    """What ``logging.exception`` writes."""
    caplog.clear()
    try:
        raise error
    except BaseException:
        logging.getLogger("a.user").exception("it failed")
    return caplog.text


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("mode", ["whole", "streamed"])
@pytest.mark.parametrize("name", PLAYS)
async def test_no_cause_leads_to_a_secret(
    name: str, mode: str, asynchronous: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Text, traceback, variables, causes, contexts and attributes of every error the network can give."""

    async def call(client: ChatClient) -> None:
        if mode == "streamed":
            async for _ in client.astream(wire.MESSAGES):
                pass
        else:
            await client.acomplete(wire.MESSAGES)

    def work(client: ChatClient) -> None:
        list(client.stream(wire.MESSAGES)) if mode == "streamed" else client.complete(wire.MESSAGES)

    with PLAYS[name]() as stage:
        async with ChatClient(connect(stage, timeout=LIMITS)) as client:
            with pytest.raises(InferenceError) as caught:
                await (call(client) if asynchronous else asyncio.to_thread(work, client))
    check(caught.value, logging_of(caught.value, caplog))


@pytest.mark.parametrize("name", ["proxy 407", "not HTTP", "closed", "silent", "cut", "unknown authority"])
@pytest.mark.parametrize("mode", ["whole", "streamed"])
async def test_no_context_leads_to_a_secret_in_a_task_written_in_python(mode: str, name: str) -> None:
    """The same in tasks that go on inside the handling of what woke them, as those of nest_asyncio do."""

    async def call(client: ChatClient) -> None:
        if mode == "streamed":
            async for _ in client.astream(wire.MESSAGES):
                pass
        else:
            await client.acomplete(wire.MESSAGES)

    with PLAYS[name]() as stage:
        async with ChatClient(connect(stage, timeout=LIMITS, max_retries=0)) as client:
            with pytest.raises(InferenceError) as caught:
                await asyncio.tasks._PyTask(call(client))  # type: ignore[attr-defined]
    check(caught.value, "")


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("name", ["proxy 407", "proxy garbage", "no proxy", "not HTTP", "reset", "cut"])
@pytest.mark.parametrize("entry", CALLS, ids=str)
async def test_no_cause_of_an_adapter_leads_to_a_secret(
    entry: EntryPoint, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The same through both frameworks."""
    with PLAYS[name]() as stage:
        thing = made(entry.kind, stage, timeout=LIMITS)
        with pytest.raises(InferenceError) as caught:
            await (entry.use(thing) if entry.asynchronous else asyncio.to_thread(entry.use, thing))
        await thing.aclose()
        thing.close()
    check(caught.value, logging_of(caught.value, caplog))


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [
        ("refused", errno.ECONNREFUSED, "ConnectionRefusedError"),
        ("unknown authority", None, "CERTIFICATE_VERIFY"),
    ],
)
async def test_a_cause_says_what_happened(name: str, number: int | None, words: str) -> None:
    """The library's class, the system's number, OpenSSL's reason; it can be pickled."""
    causes = []
    with PLAYS[name]() as stage:
        async with ChatClient(connect(stage, max_retries=0)) as client:
            with pytest.raises(InferenceError) as caught:
                await client.acomplete(wire.MESSAGES)
            causes.append(caught.value.__cause__)
            with pytest.raises(InferenceError) as caught:
                client.complete(wire.MESSAGES)
            causes.append(caught.value.__cause__)
    for cause in causes:
        assert getattr(cause, "errno", 0) == number
        assert any(words in str(below) for below in everything_of(cause))
        assert str(pickle.loads(pickle.dumps(cause))) == str(cause)
