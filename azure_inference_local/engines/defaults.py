"""The embedded engines: which model each of them loads, and its weights, fetched where they are missing."""

import logging
import os
from pathlib import Path

from azure_inference_local import weights
from azure_inference_local.engines.base import ChatEngine, EmbeddingEngine, EngineError, ImageEngine
from azure_inference_local.engines.images import DescriptorEngine
from azure_inference_local.engines.llama_cpp.engine import LocalChatEngine
from azure_inference_local.engines.onnx.minilm import MiniLMEngine

_log = logging.getLogger("azure_inference_local")


def default_chat_engine(name: str | None = None) -> ChatEngine:
    """Load the embedded chat model.

    ```python
    from azure_inference_local.engines import default_chat_engine

    engine = default_chat_engine("smollm2-135m")
    print(engine.complete({"prompt": "Once upon", "max_tokens": 5})["choices"][0]["text"])
    engine.close()
    ```

    Args:
        name: A name of the catalogue (fetched if it is not in the cache) or the path of a GGUF file. Without it:
            the environment variable ``AZURE_INFERENCE_LOCAL_MODEL``, else the best model of the cache,
            else smollm2-135m, which is fetched.

    Raises:
        EngineError: The model cannot be had (503) or there is none of that name (400).
    """
    wanted = _wanted(name)
    if wanted.lower().endswith(".gguf") or Path(wanted).is_file():
        return LocalChatEngine(wanted)
    path = _weights(wanted, "chat")
    model = weights.get(wanted)
    return LocalChatEngine(path, name=model.name, concise=model.concise)


def default_chat_name(name: str | None = None) -> str:
    """The name that the engine of ``default_chat_engine(name)`` will have; nothing is loaded or fetched.

    ```python
    from azure_inference_local.engines import default_chat_name

    print(default_chat_name())
    ```
    """
    wanted = _wanted(name)
    return Path(wanted).stem if wanted.lower().endswith(".gguf") or Path(wanted).is_file() else wanted.lower()


def default_embedding_engine() -> EmbeddingEngine:
    """Load the embedded text embedding model, fetching it if it is not in the cache.

    ```python
    from azure_inference_local.engines import default_embedding_engine

    engine = default_embedding_engine()
    vectors, tokens = engine.embed(["one text", "another"], None)
    engine.close()
    ```

    Raises:
        EngineError: The model cannot be had (503).
    """
    return MiniLMEngine(_weights("minilm-l6-v2-int8", "embedding"))


def default_image_engine() -> ImageEngine:
    """The classical image descriptor: finds copies and look-alikes, shares no space with texts.

    ```python
    from pathlib import Path

    from azure_inference_local.engines import default_image_engine

    engine = default_image_engine()
    [vector] = engine.embed([(Path("photo.png").read_bytes(), None)])
    ```
    """
    return DescriptorEngine()


def _wanted(name: str | None) -> str:
    """The name or path of the chat model to load."""
    return name or os.environ.get("AZURE_INFERENCE_LOCAL_MODEL") or _best_cached() or "smollm2-135m"


def _best_cached() -> str | None:
    return next(
        (model.name for model in weights.list_models() if model.kind == "chat" and model.cached), None
    )


def _weights(name: str, kind: str) -> Path:
    """The file of a model, fetched if need be."""
    try:
        model = weights.get(name)
    except ValueError as error:
        raise EngineError(400, "unknown_model", str(error)) from error
    if model.kind != kind:
        raise EngineError(400, "wrong_model", f"{model.name} is a model for {model.kind}, not for {kind}.")
    if not model.cached:
        _log.info("fetching %s (%d MB, once)", model.title, model.size // 1_000_000)
    try:
        return weights.pull(model.name)
    except weights.PullError as error:
        raise EngineError(
            503,
            "weights_missing",
            f"{error} To try again: python -m azure_inference_local models pull {model.name}",
        ) from error
