"""A strict endpoint for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.scripted_server import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """An endpoint that checks what it is asked."""
    with ScriptedServer() as running:
        yield running
