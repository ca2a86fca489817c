"""Engines behind threads: made at first use, called off the event loop, cancelled when nobody listens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

from azure_inference_local.engines import ChatEngine, EmbeddingEngine, ImageEngine

logger = logging.getLogger("azure_inference_local")

Chunk = dict[str, Any]
Generate = Callable[[dict[str, Any], Callable[[Chunk], bool]], dict[str, Any]]
Inspect = Callable[[Chunk], tuple[Chunk, bool]]
"""Called in the worker with each chunk: returns the chunk to send and whether the answer ends with it."""


class _Closable(Protocol):
    """What every engine has."""

    @property
    def name(self) -> str: ...

    def close(self) -> None: ...


E = TypeVar("E", bound=_Closable)
T = TypeVar("T")


class _Lazy(Generic[E]):
    """One engine, made at its first use and then shared by every request."""

    def __init__(self, kind: str, make: Callable[[], E], name: Callable[[], str | None]) -> None:
        self._kind = kind
        self._make = make
        self._expected = name
        self._engine: E | None = None
        self._lock = threading.Lock()
        self._closed = False

    def get(self) -> E:
        """Return the engine; the first call loads it and says so in the log."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the server is stopping")
            if self._engine is None:
                logger.info("loading the %s model ...", self._kind)
                start = time.monotonic()
                self._engine = self._make()
                took = time.monotonic() - start
                logger.info("loaded the %s model %s in %.1f s", self._kind, self._engine.name, took)
            return self._engine

    def name(self) -> str | None:
        """Return the model's name as far as it is known; nothing is loaded for it."""
        engine = self._engine
        return engine.name if engine is not None else self._expected()

    def close(self) -> None:
        """Close the engine if it was made."""
        with self._lock:
            self._closed = True
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


class Engines:
    """The engines of a server, one a kind of request.

    ```python
    from azure_inference_local.engines import url_engine

    with serve() as first:  # any OpenAI-compatible server can be the engine, even this one
        engines = Engines(chat=lambda: url_engine(first.openai_v1_url, first.key))
        with serve(engines=engines) as second:
            print(second.url)
        engines.close()  # the server has done so already
    ```

    Args:
        chat: Makes the engine of chat and text completions; called once, at the first request that needs it.
        embeddings: Makes the engine of text embeddings.
        images: Makes the engine of image embeddings.
        chat_name: Returns the chat model's name before it is loaded, for `/info`.

    An engine is closed with the server. Engines left out are the embedded default models.
    """

    def __init__(
        self,
        *,
        chat: Callable[[], ChatEngine] | None = None,
        embeddings: Callable[[], EmbeddingEngine] | None = None,
        images: Callable[[], ImageEngine] | None = None,
        chat_name: Callable[[], str | None] | None = None,
    ) -> None:
        if chat is None:
            chat_name = chat_name or _default_chat_name
        self.chat = _Lazy[ChatEngine]("chat", chat or _default_chat, chat_name or _unknown)
        self.embeddings = _Lazy[EmbeddingEngine](
            "embedding",
            embeddings or _default_embeddings,
            _unknown if embeddings else _default_embedding_name,
        )
        self.images = _Lazy[ImageEngine]("image", images or _default_images, _unknown)

    def close(self) -> None:
        """Close every engine that was made."""
        for lazy in (self.chat, self.embeddings, self.images):
            lazy.close()


def _unknown() -> None:
    """The name of an engine of the user's own, which is known when it was made."""


def _default_chat_name() -> str:
    from azure_inference_local.engines import default_chat_name  # noqa: PLC0415 - the engines load lazily

    return default_chat_name()


def _default_embedding_name() -> str:
    from azure_inference_local.engines import MiniLMEngine  # noqa: PLC0415 - as above

    return MiniLMEngine.name


def _default_chat() -> ChatEngine:
    from azure_inference_local.engines import default_chat_engine  # noqa: PLC0415 - the engines load lazily

    return default_chat_engine()


def _default_embeddings() -> EmbeddingEngine:
    from azure_inference_local.engines import default_embedding_engine  # noqa: PLC0415 - as above

    return default_embedding_engine()


def _default_images() -> ImageEngine:
    from azure_inference_local.engines import default_image_engine  # noqa: PLC0415 - as above

    return default_image_engine()


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
