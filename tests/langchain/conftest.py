"""Endpoints for the LangChain tests: a scripted one, and the same with a model of rules behind it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from azure_inference_local import Endpoint, serve
from tests.langchain import brain
from tests.support.scripted_server import ScriptedServer

KEY = "test"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A strict endpoint that answers what the test tells it to."""
    with ScriptedServer(key=KEY) as scripted:
        yield scripted


@pytest.fixture
def thinking_server() -> Iterator[ScriptedServer]:
    """A strict endpoint with a model of rules behind it."""
    with ScriptedServer(key=KEY) as scripted:
        scripted.reply_always(brain.answer, route="/chat/completions")
        yield scripted


@pytest.fixture(scope="class")
def standard_server(request: pytest.FixtureRequest) -> Iterator[ScriptedServer]:
    """One thinking endpoint for a whole class of standard tests, as its attribute ``server``."""
    with ScriptedServer(key=KEY) as scripted:
        scripted.reply_always(brain.answer, route="/chat/completions")
        request.cls.server = scripted
        yield scripted


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard tests download sample files; here they get bytes of this machine."""

    def get(*_args: Any, **_kwargs: Any) -> SimpleNamespace:
        return SimpleNamespace(content=b"\x89PNG\r\n\x1a\n sample")

    monkeypatch.setattr(httpx, "get", get)
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "tests")


@pytest.fixture(scope="session")
def local_endpoint() -> Iterator[Endpoint]:
    """The local endpoint with the smallest real model."""
    with serve(model="smollm2-135m") as endpoint:
        yield endpoint


@pytest.fixture(scope="class")
def standard_endpoint(request: pytest.FixtureRequest, local_endpoint: Endpoint) -> Endpoint:
    """The local endpoint for a whole class of standard tests, as its attribute ``endpoint``."""
    request.cls.endpoint = local_endpoint
    return local_endpoint
