"""Every public way to make a call through the two adapters, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.types import ChatMessage

from azure_inference_core import Timeouts
from langchain_azure_inference import AzureInferenceEmbeddings, AzureInferenceLLM, ChatAzureInference
from llamaindex_azure_inference import AzureInference, AzureInferenceCompletion, AzureInferenceEmbedding
from tests.support import wire
from tests.support.drive import TEXTS
from tests.support.fault import Mode
from tests.support.stages import Stage

__all__ = ["CLASSES", "ENTRY_POINTS", "EntryPoint", "made"]

PIXEL = "data:image/png;base64,iVBORw0KGgo="
PROMPT = wire.CANARY_PROMPT
CHAT = [ChatMessage(role="user", content=PROMPT)]
CLASSES: tuple[type[Any], ...] = (
    ChatAzureInference,
    AzureInferenceLLM,
    AzureInferenceEmbeddings,
    AzureInference,
    AzureInferenceCompletion,
    AzureInferenceEmbedding,
)


@dataclass(frozen=True)
class EntryPoint:
    """One method of one class.

    Attributes:
        name: The method's name.
        kind: The class.
        mode: What the method does on the wire.
        asynchronous: Whether ``use`` gives an awaitable.
        use: Makes the call on an object and gives the whole text or the vectors.
        wanted: What a good answer becomes.
    """

    name: str
    kind: type[Any]
    mode: Mode
    asynchronous: bool
    use: Callable[[Any], Any]
    wanted: Any = wire.ANSWER

    def __str__(self) -> str:
        return f"{self.kind.__name__}.{self.name}"


def made(kind: type[Any], stage: Stage | str, **options: Any) -> Any:
    """An object of an adapter's class with the canary key; ``timeout`` may be a dict of seconds."""
    url, given = (stage, {}) if isinstance(stage, str) else (stage.url, stage.options)
    merged = {"credential": wire.CANARY_KEY, **given, **options}
    seconds = merged.pop("timeout", {})
    if isinstance(seconds, dict):
        seconds = Timeouts(**{"total": 20.0, **seconds})
    return kind(endpoint=url, timeout=seconds, **merged)


def text_of(piece: Any) -> str:
    """The text of a LangChain message or a LangChain string."""
    return piece if isinstance(piece, str) else str(piece.text)


async def gathered(pieces: Any) -> str:
    """The text of LangChain's async stream."""
    return "".join([text_of(piece) async for piece in pieces])


async def gathered_deltas(pieces: Any) -> str:
    """The text of LlamaIndex's async stream."""
    return "".join([piece.delta or "" async for piece in await pieces])


def joined_deltas(pieces: Any) -> str:
    """The text of LlamaIndex's stream."""
    return "".join(piece.delta or "" for piece in pieces)


async def text_later(answer: Any) -> str:
    """The text of an answer to wait for, LangChain's or LlamaIndex's."""
    found = await answer
    return str(found.message.content) if hasattr(found, "message") else text_of(found)


def langchain_texts(kind: type[Any]) -> list[EntryPoint]:
    """The calls of a LangChain model."""
    return [
        EntryPoint("invoke", kind, "unary", False, lambda model: text_of(model.invoke(PROMPT))),
        EntryPoint("ainvoke", kind, "unary", True, lambda model: text_later(model.ainvoke(PROMPT))),
        EntryPoint("stream", kind, "stream", False, lambda m: "".join(map(text_of, m.stream(PROMPT)))),
        EntryPoint("astream", kind, "stream", True, lambda model: gathered(model.astream(PROMPT))),
    ]


def llamaindex_texts(kind: type[Any]) -> list[EntryPoint]:
    """The calls of a LlamaIndex model."""
    return [
        EntryPoint("chat", kind, "unary", False, lambda model: str(model.chat(CHAT).message.content)),
        EntryPoint("achat", kind, "unary", True, lambda model: text_later(model.achat(CHAT))),
        EntryPoint("stream_chat", kind, "stream", False, lambda m: joined_deltas(m.stream_chat(CHAT))),
        EntryPoint("astream_chat", kind, "stream", True, lambda m: gathered_deltas(m.astream_chat(CHAT))),
        EntryPoint("complete", kind, "unary", False, lambda model: model.complete(PROMPT).text),
        EntryPoint("acomplete", kind, "unary", True, lambda model: text_later(model.acomplete(PROMPT))),
        EntryPoint(
            "stream_complete", kind, "stream", False, lambda m: joined_deltas(m.stream_complete(PROMPT))
        ),
        EntryPoint(
            "astream_complete", kind, "stream", True, lambda m: gathered_deltas(m.astream_complete(PROMPT))
        ),
    ]


def vector_calls(kind: type[Any], many: str, one: str, images: str, *, prefix: str) -> list[EntryPoint]:
    """The calls of an embedding class, sync and async; ``prefix`` is put before the async names."""
    wanted = [wire.vector_of(text) for text in TEXTS]
    arguments: dict[str, tuple[Any, Any]] = {
        many: (TEXTS, wanted),
        one: (TEXTS[0], wanted[0]),
        images: ([PIXEL], [wire.vector_of(PIXEL)]),
    }
    found = []
    for name, (argument, vectors) in arguments.items():
        for asynchronous in (False, True):
            method = f"{prefix}{name}" if asynchronous else name
            found.append(
                EntryPoint(
                    method,
                    kind,
                    "embed",
                    asynchronous,
                    lambda e, m=method, a=argument: getattr(e, m)(a),
                    vectors,
                )
            )
    return found


ENTRY_POINTS: tuple[EntryPoint, ...] = (
    *langchain_texts(ChatAzureInference),
    *langchain_texts(AzureInferenceLLM),
    *vector_calls(AzureInferenceEmbeddings, "embed_documents", "embed_query", "embed_image", prefix="a"),
    *llamaindex_texts(AzureInference),
    *llamaindex_texts(AzureInferenceCompletion),
    *vector_calls(
        AzureInferenceEmbedding,
        "get_text_embedding_batch",
        "get_query_embedding",
        "get_image_embedding_batch",
        prefix="a",
    ),
)
