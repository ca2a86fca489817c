"""The threads in which engines run: off the event loop, cancelled when nobody listens."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Chunk = dict[str, Any]
Generate = Callable[[dict[str, Any], Callable[[Chunk], bool]], dict[str, Any]]
Inspect = Callable[[Chunk], tuple[Chunk, bool]]
"""Called in the worker with each chunk: returns the chunk to send and whether the answer ends with it."""
T = TypeVar("T")


class Generation:
    """One generation in a worker thread: an async iterator of its chunks, which can be cancelled."""

    def __init__(self, stopping: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Chunk | Exception | None] = asyncio.Queue()
        self._left = threading.Event()
        self._stopping = stopping

    def __aiter__(self) -> Generation:
        """Return itself."""
        return self

    async def __anext__(self) -> Chunk:
        """Return the next chunk, or raise what the engine raised."""
        item = await self._queue.get()
        if item is None:
            raise StopAsyncIteration
        if isinstance(item, Exception):
            raise item
        return item

    def cancel(self) -> None:
        """End the generation at its next chunk."""
        self._left.set()

    def work(self, generate: Generate, body: dict[str, Any], inspect: Inspect) -> None:
        """Run the generation; called in a worker thread."""

        def on_chunk(chunk: Chunk) -> bool:
            if self._left.is_set() or self._stopping.is_set():
                return True
            chunk, ends = inspect(chunk)
            self._put(chunk)
            return ends

        end: Exception | None = None
        try:
            if not self._left.is_set():
                generate(body, on_chunk)
        except Exception as error:  # noqa: BLE001 - whatever it is, the request that waits has to hear of it
            end = error
        self._put(end)

    def _put(self, item: Chunk | Exception | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)


class Workers:
    """The threads in which the engines run.

    Args:
        threads: The most threads there are at once; further work waits for one.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="azure-inference-local")
        self._closing = threading.Event()

    @property
    def closing(self) -> bool:
        """Whether the server is stopping, so that every generation ends early."""
        return self._closing.is_set()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call `function` in a thread and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)

    def generate(self, generate: Generate, body: dict[str, Any], inspect: Inspect) -> Generation:
        """Start a generation in a thread; its chunks pass through `inspect` there."""
        generation = Generation(self._closing)
        self._pool.submit(generation.work, generate, body, inspect)
        return generation

    def cancel(self) -> None:
        """End every generation at its next chunk."""
        self._closing.set()

    def close(self) -> None:
        """Cancel what runs and wait until no thread is left."""
        self.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)
