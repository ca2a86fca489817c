"""Bursts against a rate limit: every answer comes, no error reaches the caller."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from azure_inference_core import ChatClient, EmbeddingsClient
from tests.support import wire
from tests.support.drive import connect
from tests.support.fault_server import Call, FaultServer
from tests.support.scripted_server import answer_well

pytestmark = pytest.mark.slow
RATE = 50.0
BURST = 5.0
LIMITED = {"error": {"code": "429", "message": "Rate limit is exceeded. Try again in 1 seconds."}}


class RateLimiter:
    """A handler that admits so many requests a second and answers 429 with ``Retry-After: 1`` beyond that."""

    def __init__(self) -> None:
        self.refused = 0
        self._tokens = BURST
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> None:
        """Serve one call."""
        if self._admit():
            answer_well(call)
        else:
            call.respond(429, LIMITED, {"Retry-After": "1"})

    def _admit(self) -> bool:
        with self._lock:
            now = time.monotonic()
            self._tokens = min(BURST, self._tokens + (now - self._last) * RATE)
            self._last = now
            if self._tokens >= 1:
                self._tokens -= 1
                return True
            self.refused += 1
            return False


def question(number: int) -> list[dict[str, Any]]:
    """A conversation of one message."""
    return [{"role": "user", "content": str(number)}]


def test_sixty_threads_get_their_answers() -> None:
    """Sixty simultaneous sync calls against fifty a second."""
    limiter = RateLimiter()
    with FaultServer(limiter) as server, ChatClient(connect(server.url)) as client:
        start = threading.Barrier(60)

        def one(number: int) -> str:
            """One stream, whole."""
            start.wait()
            return client.complete(question(number)).choices[0].content

        with ThreadPoolExecutor(60) as pool:
            assert list(pool.map(one, range(60))) == [wire.ANSWER] * 60
    assert limiter.refused > 0


async def test_sixty_tasks_get_their_answers() -> None:
    """Sixty simultaneous async calls against fifty a second."""
    limiter = RateLimiter()
    with FaultServer(limiter) as server:
        async with ChatClient(connect(server.url)) as client:
            results = await asyncio.gather(*[client.acomplete(question(number)) for number in range(60)])
        assert [result.choices[0].content for result in results] == [wire.ANSWER] * 60
    assert limiter.refused > 0


async def test_sixty_streams_get_their_answers() -> None:
    """Sixty simultaneous streams against fifty a second."""
    limiter = RateLimiter()

    async def one(client: ChatClient, number: int) -> str:
        """One stream, whole."""
        async with client.astream(question(number)) as deltas:
            return "".join([delta.content async for delta in deltas])

    with FaultServer(limiter) as server:
        async with ChatClient(connect(server.url)) as client:
            texts = await asyncio.gather(*[one(client, number) for number in range(60)])
        assert texts == [wire.ANSWER] * 60
    assert limiter.refused > 0


@pytest.mark.parametrize(("asynchronous", "batch_size"), [(False, 96), (True, 96), (False, 25), (True, 25)])
async def test_two_thousand_texts_get_their_vectors(asynchronous: bool, batch_size: int) -> None:
    """2,000 texts with eight batches in flight against fifty requests a second."""
    texts = [f"text {number}" for number in range(2000)]
    limiter = RateLimiter()
    with FaultServer(limiter) as server:
        async with EmbeddingsClient(connect(server.url), batch_size=batch_size) as client:
            call = client.aembed(texts) if asynchronous else asyncio.to_thread(client.embed, texts)
            vectors = (await call).vectors
    assert vectors == [wire.vector_of(text) for text in texts]
