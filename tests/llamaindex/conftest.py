"""Servers for the LlamaIndex tests, and a loop for the framework's sync helpers."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator

import pytest

from tests.llamaindex.helpers import KEY
from tests.support.scripted_server import ScriptedServer


@pytest.fixture(autouse=True)
def loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """The framework's sync helpers run coroutines in the thread's loop, and leave the one they make unclosed."""
    if inspect.iscoroutinefunction(request.function):
        yield
        return
    own = asyncio.new_event_loop()
    asyncio.set_event_loop(own)
    yield
    asyncio.set_event_loop(None)
    own.close()


@pytest.fixture(params=["http", "https"])
def server(request: pytest.FixtureRequest) -> Iterator[ScriptedServer]:
    """A strict server, once in clear and once with TLS."""
    with ScriptedServer(key=KEY, tls=request.param == "https") as scripted:
        yield scripted


@pytest.fixture
def plain() -> Iterator[ScriptedServer]:
    """A strict server in clear, for what the scheme cannot change."""
    with ScriptedServer(key=KEY) as scripted:
        yield scripted
