"""Calls where niquests is installed: its urllib3-future has then taken urllib3's place, under its name.

``make test-niquests`` runs this in an environment of its own.
"""

from __future__ import annotations

from importlib.metadata import version

import pytest

from azure_inference_core import ChatClient, ConfigurationError, EmbeddingsClient
from tests.support import wire
from tests.support.drive import connect
from tests.support.fault_server import FaultServer, tls_context
from tests.support.scripted_server import answer_well
from tests.support.stages import authority_file

pytest.importorskip("niquests", reason="niquests is not installed here")


def test_urllib3_is_replaced() -> None:
    """What is imported as urllib3 here is urllib3-future: without that the other tests would prove nothing."""
    import urllib3

    assert urllib3.__version__ == version("urllib3-future")


def test_sync_calls_say_what_is_in_the_way() -> None:
    """urllib3-future is another library under urllib3's name: the error says so, and how to have both."""
    with FaultServer(answer_well) as server, ChatClient(connect(server.url)) as chat:
        for call in (
            lambda: chat.complete(wire.MESSAGES),
            lambda: next(chat.stream(wire.MESSAGES)),
            chat.info,
        ):
            with pytest.raises(ConfigurationError, match="URLLIB3_NO_OVERRIDE"):
                call()
        assert server.connection_count == 0


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_async_calls_are_answered(tls: bool) -> None:
    """Whole and streamed, and vectors, on aiohttp."""
    options = {"ca_bundle": authority_file()} if tls else {}
    with FaultServer(answer_well, tls=tls_context() if tls else None) as server:
        async with ChatClient(connect(server.url, **options)) as chat:
            assert (await chat.acomplete(wire.MESSAGES)).choices[0].content == wire.ANSWER
            stream = chat.astream(wire.MESSAGES)
            assert "".join([delta.content async for delta in stream]) == wire.ANSWER
        async with EmbeddingsClient(connect(server.url, **options)) as vectors:
            assert (await vectors.aembed(["one"])).vectors == [wire.vector_of("one")]
