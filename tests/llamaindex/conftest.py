"""Servers for the LlamaIndex tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.llamaindex.helpers import KEY
from tests.support.scripted_server import ScriptedServer


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
