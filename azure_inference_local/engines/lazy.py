"""The engines of a server, each of them made at its first use."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from azure_inference_local.engines.base import ChatEngine, EmbeddingEngine, ImageEngine
from azure_inference_local.engines.defaults import (
    default_chat_engine,
    default_chat_name,
    default_embedding_engine,
    default_image_engine,
)
from azure_inference_local.engines.onnx.minilm import MiniLMEngine

logger = logging.getLogger("azure_inference_local")


class _Closable(Protocol):
    """What every engine has."""

    @property
    def name(self) -> str: ...

    def close(self) -> None: ...


E = TypeVar("E", bound=_Closable)


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
            chat_name = chat_name or default_chat_name
        self.chat = _Lazy[ChatEngine]("chat", chat or default_chat_engine, chat_name or _unknown)
        self.embeddings = _Lazy[EmbeddingEngine](
            "embedding",
            embeddings or default_embedding_engine,
            _unknown if embeddings else lambda: MiniLMEngine.name,
        )
        self.images = _Lazy[ImageEngine]("image", images or default_image_engine, _unknown)

    def close(self) -> None:
        """Close every engine that was made."""
        for lazy in (self.chat, self.embeddings, self.images):
            lazy.close()


def _unknown() -> None:
    """The name of an engine of the user's own, which is known when it was made."""
