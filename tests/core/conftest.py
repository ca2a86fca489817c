"""A strict endpoint and a chat client for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from azure_inference_core import ChatClient
from tests.support.drive import connect
from tests.support.scripted_server import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """An endpoint that checks what it is asked."""
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def chat(server: ScriptedServer) -> Iterator[ChatClient]:
    """A chat client of that endpoint."""
    with ChatClient(connect(server.url)) as client:
        yield client
