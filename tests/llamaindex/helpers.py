"""Models on a scripted server, every way to ask them, and an observer of LlamaIndex's events."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.callbacks import CallbackManager, CBEventType
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llamaindex_azure_inference import AzureInference, AzureInferenceCompletion, AzureInferenceEmbedding
from tests.support.scripted_server import ScriptedServer

KEY = "canary-0b8f3a55-key"
CHATS = ("chat", "achat", "stream_chat", "astream_chat")
COMPLETES = ("complete", "acomplete", "stream_complete", "astream_complete")
STREAMS = ("stream_chat", "astream_chat", "stream_complete", "astream_complete")
WAYS = (*CHATS, *COMPLETES)

Answer = ChatResponse | CompletionResponse


class Song(BaseModel):
    """A song."""

    title: str
    year: int


def chat_model(server: ScriptedServer, **settings: Any) -> AzureInference:
    """A chat model on a scripted server."""
    return AzureInference(**{**at(server), **settings})


def completion_model(server: ScriptedServer, **settings: Any) -> AzureInferenceCompletion:
    """A completion model on a scripted server."""
    return AzureInferenceCompletion(**{**at(server), **settings})


def embedding_model(server: ScriptedServer, **settings: Any) -> AzureInferenceEmbedding:
    """An embedding model on a scripted server."""
    return AzureInferenceEmbedding(**{**at(server), **settings})


def at(server: ScriptedServer) -> dict[str, Any]:
    """Constructor arguments for a server."""
    return {"endpoint": server.url, "credential": KEY, "ca_bundle": server.ca_bundle}


def user(text: str = "Hello?") -> list[ChatMessage]:
    """A conversation of one message."""
    return [ChatMessage(role="user", content=text)]


async def ask(llm: Any, way: str, text: str = "Hello?", **kwargs: Any) -> list[Any]:
    """Ask in one of the eight ways; every response that came, the last one last."""
    question: Any = text if "complete" in way else user(text)
    answer = getattr(llm, way)(question, **kwargs)
    if way.startswith("a"):
        answer = await answer
    if way.startswith("astream"):
        return [response async for response in answer]
    return list(answer) if way.startswith("stream") else [answer]


def text_of(response: Answer) -> str:
    """The text of a response of either kind."""
    return response.text if isinstance(response, CompletionResponse) else response.message.content or ""


def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Rain in {city}."


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


WEATHER = FunctionTool.from_defaults(weather)
ADD = FunctionTool.from_defaults(add)


class Recorder(BaseCallbackHandler):
    """A callback handler that remembers event ends by type."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.started: list[CBEventType] = []
        self.ended: list[tuple[CBEventType, dict[str, Any]]] = []

    def on_event_start(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        parent_id: str = "",
        **kwargs: Any,
    ) -> str:
        """Note a start."""
        self.started.append(event_type)
        return event_id

    def on_event_end(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        **kwargs: Any,
    ) -> None:
        """Note an end."""
        self.ended.append((event_type, payload or {}))

    def start_trace(self, trace_id: str | None = None) -> None:
        """Nothing to start."""

    def end_trace(self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None) -> None:
        """Nothing to end."""

    def manager(self) -> CallbackManager:
        """A callback manager with this handler."""
        return CallbackManager([self])

    def payloads(self, kind: CBEventType) -> list[dict[str, Any]]:
        """Payloads of the ends of one type."""
        return [payload for ended, payload in self.ended if ended is kind]
