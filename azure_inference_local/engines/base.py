"""What an engine is: the protocols the endpoint is written against, and the one error they raise."""

from collections.abc import Callable
from typing import Any, Protocol

OnChunk = Callable[[dict[str, Any]], bool]
"""Receives one chunk; answers True when nobody wants the rest."""


class EngineError(Exception):
    """An engine cannot do what was asked.

    ```python
    from azure_inference_local.engines import EngineError, url_engine

    try:
        url_engine("http://127.0.0.1:9/v1")
    except EngineError as error:
        print(error.status, error.code, error.message)
    ```

    Attributes:
        status: The HTTP status that fits (400 too long, 422 bad schema, 429 busy, 503 weights missing, ...).
        code: A short machine-readable name, such as "context_length_exceeded".
        message: What is wrong and what to do about it.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message

    def __str__(self) -> str:
        """The message with its status and code."""
        return f"{self.message} ({self.status} {self.code})"


class ChatEngine(Protocol):
    """Answers chats and completes texts. Calls block and may come from many threads at once.

    ```python
    from azure_inference_local.engines import ChatEngine, default_chat_engine

    engine: ChatEngine = default_chat_engine("smollm2-135m")
    body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 10}
    answer = engine.chat(body)
    print(engine.name, engine.context_window, answer["choices"][0]["message"]["content"])


    def on_chunk(chunk: dict) -> bool:
        print(chunk["choices"])
        return False


    engine.chat(body, on_chunk)
    print(engine.complete({"prompt": "Once upon", "max_tokens": 5})["choices"][0]["text"])
    print(engine.count_tokens("Once upon a time"))
    engine.close()
    ```
    """

    @property
    def name(self) -> str:
        """Name of the model."""
        ...

    @property
    def context_window(self) -> int:
        """Tokens of one request, prompt and answer together."""
        ...

    def chat(self, body: dict[str, Any], on_chunk: OnChunk | None = None) -> dict[str, Any]:
        """Answer an OpenAI-shaped chat request with a ``chat.completion``.

        With ``on_chunk`` the answer comes as ``chat.completion.chunk`` dicts instead: each choice ends with a
        ``finish_reason``, the last chunk has ``usage`` and no choices, and ``{}`` is returned.

        Raises:
            EngineError: The request cannot be answered.
        """
        ...

    def complete(self, body: dict[str, Any], on_chunk: OnChunk | None = None) -> dict[str, Any]:
        """Continue a prompt; an OpenAI ``text_completion`` by the rules of ``chat``."""
        ...

    def count_tokens(self, text: str) -> int:
        """The number of tokens of a text."""
        ...

    def close(self) -> None:
        """Cancel what is running, wait for it, and free the model. May be called twice."""
        ...


class EmbeddingEngine(Protocol):
    """Turns texts into vectors of length one.

    ```python
    from azure_inference_local.engines import EmbeddingEngine, default_embedding_engine

    engine: EmbeddingEngine = default_embedding_engine()
    vectors, tokens = engine.embed(["one text", "another"], None)
    print(engine.name, engine.dimensions, engine.max_tokens, tokens)
    engine.close()
    ```
    """

    @property
    def name(self) -> str:
        """Name of the model."""
        ...

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens of a text beyond which it is cut off."""
        ...

    def embed(self, texts: list[str], input_type: str | None) -> tuple[list[list[float]], int]:
        """The vectors, in order, and the number of tokens of all texts."""
        ...

    def close(self) -> None:
        """Free the model. May be called twice."""
        ...


class ImageEngine(Protocol):
    """Turns images into vectors of length one.

    ```python
    from pathlib import Path

    from azure_inference_local.engines import ImageEngine, default_image_engine

    engine: ImageEngine = default_image_engine()
    [vector] = engine.embed([(Path("photo.png").read_bytes(), None)])
    print(engine.name, engine.dimensions, engine.joint_text)
    engine.close()
    ```
    """

    @property
    def name(self) -> str:
        """Name of the model."""
        ...

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        ...

    @property
    def joint_text(self) -> bool:
        """Whether a text can stand beside an image, in the same space."""
        ...

    def embed(self, images: list[tuple[bytes, str | None]]) -> list[list[float]]:
        """The vectors, in order, of (bytes of the image file, text or None)."""
        ...

    def close(self) -> None:
        """Free the model. May be called twice."""
        ...


def missing_extra(package: str) -> EngineError:
    """The error for an optional dependency that is not installed."""
    return EngineError(
        503,
        "missing_dependency",
        f"{package} is not installed. Run: pip install 'azure-inference-integrations[local]'",
    )
