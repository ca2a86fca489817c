"""Token credentials through every public entry point: a request that hangs once, a loop of the caller's, what is left."""

from __future__ import annotations

import asyncio
import gc
import pickle
import threading
import time
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from azure_inference_core import DeadlineExceededError
from tests.support.entry_points import CLASSES, ENTRY_POINTS, EntryPoint, made
from tests.support.fault_server import FaultServer, wait_until
from tests.support.scripted_server import answer_well


class OnceSilent:
    """A credential whose first token request hangs.

    Attributes:
        calls: The event loops of its requests, ``None`` for a thread's.
    """

    def __init__(self, silent: int = 1) -> None:
        self.silent = silent
        self.calls: list[Any] = []
        self.over = threading.Event()

    def get_token(self, *_scopes: str) -> Any:
        """A token, or none for long."""
        self.calls.append(None)
        if len(self.calls) <= self.silent:
            self.over.wait(60)
        return AccessToken("token", int(time.time()) + 3600)


class OnceSilentAsync(OnceSilent):
    """As :class:`OnceSilent`, async."""

    async def get_token(self, *_scopes: str) -> Any:
        """A token, or none for long."""
        self.calls.append(asyncio.get_running_loop())
        if len(self.calls) <= self.silent:
            await asyncio.sleep(60)
        return AccessToken("token", int(time.time()) + 3600)


async def used(entry: EntryPoint, thing: Any) -> Any:
    """What the entry point gives, from a thread where it is sync."""
    return await (entry.use(thing) if entry.asynchronous else asyncio.to_thread(entry.use, thing))


@pytest.mark.slow
@pytest.mark.parametrize("credential", [OnceSilent, OnceSilentAsync])
@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=str)
async def test_an_object_outlives_a_token_request_that_hangs(
    entry: EntryPoint, credential: type[OnceSilent]
) -> None:
    """The call that waits for it is cut off by its time, and the next one works."""
    silent = credential()
    with FaultServer(answer_well) as server:
        thing = made(entry.kind, server.url, credential=silent, timeout={"total": 1.5}, max_retries=0)
        with pytest.raises(DeadlineExceededError):
            await used(entry, thing)
        assert await used(entry, thing) == entry.wanted
        await thing.aclose()
    silent.over.set()
    assert len(silent.calls) == 2


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=str)
async def test_an_async_credential_is_awaited_in_the_callers_loop(entry: EntryPoint) -> None:
    """In that of an async call, and in that where the object was made while it runs."""
    credential = OnceSilentAsync(silent=0)
    with FaultServer(answer_well) as server:
        thing = made(entry.kind, server.url, credential=credential)
        assert await used(entry, thing) == entry.wanted
        await thing.aclose()
    assert credential.calls == [asyncio.get_running_loop()]


async def later() -> str:
    """A token from an async callable."""
    return "provided"


@pytest.mark.parametrize("provider", [lambda: "provided", later], ids=["sync", "async"])
@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=str)
async def test_a_callable_gives_the_token(entry: EntryPoint, provider: Any) -> None:
    """As ``get_bearer_token_provider`` makes one: sync and async, in every call; it is in no text and no pickle."""
    with FaultServer(answer_well) as server:
        thing = made(entry.kind, server.url, credential=provider)
        assert await used(entry, thing) == entry.wanted
        assert server.requests[-1].headers["authorization"] == "Bearer provided"
        assert "api-key" not in server.requests[-1].headers
        assert b"provided" not in pickle.dumps(thing)
        assert "provided" not in repr(thing) + str(thing)
        await thing.aclose()


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=str)
async def test_a_server_without_keys_is_sent_none(entry: EntryPoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is signed in to Azure on this machine: their token stays here."""

    def refuse(*_args: Any, **_options: Any) -> Any:
        raise AssertionError("a token was asked for")

    monkeypatch.setattr("azure.identity.DefaultAzureCredential", refuse)
    with FaultServer(answer_well) as server:
        thing = made(entry.kind, f"{server.url}/v1", credential=None)
        assert await used(entry, thing) == entry.wanted
        assert not {"authorization", "api-key"} & server.requests[-1].headers.keys()
        await thing.aclose()


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_object_made_of_a_target_uri_follows_its_fields(kind: type[Any]) -> None:
    """The version in the address is sent, also by copies and after a change; a new address brings its own."""
    entry = next(entry for entry in ENTRY_POINTS if entry.kind is kind and not entry.asynchronous)
    with FaultServer(answer_well) as server:
        root = f"{server.url}/openai/deployments/d/chat/completions?api-version="
        thing = made(kind, f"{root}2025-01-01-preview")
        for asked, version in ((thing, "2025-01-01-preview"), (thing.model_copy(), "2025-01-01-preview")):
            entry.use(asked)
            asked.max_retries = 1
            entry.use(asked)
            assert server.requests[-1].target.endswith(f"?api-version={version}")
            asked.close()
        thing.endpoint = f"{root}2024-10-21"
        entry.use(thing)
        assert server.requests[-1].target.endswith("?api-version=2024-10-21")
        thing.close()


@pytest.mark.parametrize("how", ["closed", "dropped"])
@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_no_thread_is_left_by_an_async_credential(kind: type[Any], how: str) -> None:
    """The loop of sync calls ends when an object is closed, though it is kept, or when it is dropped."""
    entry = next(entry for entry in ENTRY_POINTS if entry.kind is kind and not entry.asynchronous)
    with FaultServer(answer_well) as server:
        kept: list[Any] = [made(kind, server.url, credential=OnceSilentAsync(silent=0)) for _ in range(3)]
        before = threading.active_count()
        for thing in kept:
            assert entry.use(thing) == entry.wanted
        thing = None
        if how == "closed":
            for thing in kept:
                thing.close()
        else:
            kept.clear()
            gc.collect()
        server.close()
        assert wait_until(lambda: threading.active_count() <= before)
