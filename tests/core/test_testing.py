"""The switch for users' tests: short waits, fewer attempts, and nothing left behind."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from azure_inference_core import ChatClient
from azure_inference_core._client.retry import current_pace
from azure_inference_core.errors import ConfigurationError, RateLimitedError, ServerError
from azure_inference_core.testing import quick_retries
from tests.support import wire
from tests.support.drive import connect
from tests.support.scripted_server import Reply, ScriptedServer

LONG = [Reply(503, {}, {"Retry-After": "3"}), Reply(429, {}, {"Retry-After": "5"}), Reply(503, {})]


def test_waits_are_short_whoever_asked_for_them() -> None:
    """Neither the service's own wait nor a backoff takes longer than 10 ms, and every retry is made."""
    with ScriptedServer() as server, ChatClient(connect(server.url, max_retries=3)) as client:
        server.reply(*LONG)
        with quick_retries():
            started = time.monotonic()
            assert client.complete(wire.MESSAGES).attempts == 4
        assert time.monotonic() - started < 2.0


async def test_they_are_short_for_async_calls() -> None:
    """The same clients, awaited."""
    with ScriptedServer() as server:
        async with ChatClient(connect(server.url, max_retries=3)) as client:
            server.reply(*LONG)
            with quick_retries():
                started = time.monotonic()
                assert (await client.acomplete(wire.MESSAGES)).attempts == 4
            assert time.monotonic() - started < 2.0


@pytest.mark.parametrize(("retries", "attempts", "sent"), [(2, 1, 1), (5, 3, 3), (1, 3, 2), (2, None, 3)])
def test_attempts_are_a_ceiling(retries: int, attempts: int | None, sent: int) -> None:
    """The smaller of ``attempts`` and what ``max_retries`` allows holds."""
    with ScriptedServer() as server, ChatClient(connect(server.url, max_retries=retries)) as client:
        server.reply(*[Reply(503, {})] * 6)
        with quick_retries(attempts=attempts), pytest.raises(ServerError) as caught:
            client.complete(wire.MESSAGES)
        assert caught.value.attempts == len(server.requests) == sent


@pytest.mark.parametrize("asked", ["9", "86400"])
def test_what_would_fail_at_once_still_does(asked: str) -> None:
    """A wait that the call has no time for is not made to fit."""
    with ScriptedServer() as server, ChatClient(connect(server.url, timeout=4)) as client:
        server.reply(Reply(429, {}, {"Retry-After": asked}))
        with quick_retries(), pytest.raises(RateLimitedError) as caught:
            client.complete(wire.MESSAGES)
        assert caught.value.attempts == 1
        assert caught.value.retry_after == float(asked)


def test_the_block_leaves_nothing_behind() -> None:
    """After the block, an error in it included, waits are as long as before it."""
    before = current_pace()
    with ScriptedServer() as server, ChatClient(connect(server.url)) as client:
        server.reply(*[Reply(503, {})] * 3)
        with pytest.raises(ServerError), quick_retries():
            client.complete(wire.MESSAGES)
    assert current_pace() is before


def test_blocks_may_end_in_any_order() -> None:
    """Of two that overlap the later one holds, also when the earlier one ends first."""
    before = current_pace()
    first, second = quick_retries(attempts=2), quick_retries(attempts=2)
    first.__enter__()
    second.__enter__()
    inner = current_pace()
    first.__exit__(None, None, None)
    assert current_pace() is inner
    second.__exit__(None, None, None)
    assert current_pace() is before


def test_threads_share_it() -> None:
    """Blocks of sixteen threads, a thousand times in and out, leave what was there before."""
    before = current_pace()

    def hammer(_: int) -> bool:
        with quick_retries():
            return current_pace() is not before

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(hammer, range(1000)))
    assert current_pace() is before


@pytest.mark.parametrize("attempts", [0, -1, 1.5, True, "2"])
def test_attempts_are_a_whole_number(attempts: Any) -> None:
    """Anything else is refused before the block begins."""
    with pytest.raises(ConfigurationError, match="at least 1"):
        quick_retries(attempts=attempts)
