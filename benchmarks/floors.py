"""Models that do nothing: what a framework itself costs, through the same entry points as a real model.

Importing this module imports both frameworks' bases only as far as the class that is asked for needs them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from contenders import LangChain, LlamaIndex
from server import TOKENS

ANSWER = "The quick brown fox jumps over the lazy dog. " * 3


class LangChainFloor(LangChain):
    """A `BaseChatModel` whose answers are constants."""

    def __init__(self, base: str, model: str | None = None) -> None:
        super().__init__(base, model)
        from langchain_core.language_models.chat_models import BaseChatModel
        from langchain_core.messages import AIMessage, AIMessageChunk
        from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

        class NoOp(BaseChatModel):
            """Does nothing."""

            @property
            def _llm_type(self) -> str:
                return "no-op"

            def _generate(
                self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any
            ) -> ChatResult:
                return ChatResult(generations=[ChatGeneration(message=AIMessage(content=ANSWER))])

            async def _agenerate(
                self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any
            ) -> ChatResult:
                return ChatResult(generations=[ChatGeneration(message=AIMessage(content=ANSWER))])

            def _stream(
                self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any
            ) -> Iterator[Any]:
                for _number in range(TOKENS):
                    yield ChatGenerationChunk(message=AIMessageChunk(content="token "))

            async def _astream(
                self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any
            ) -> AsyncIterator[Any]:
                for _number in range(TOKENS):
                    yield ChatGenerationChunk(message=AIMessageChunk(content="token "))

        self.chat = NoOp()


class LlamaIndexFloor(LlamaIndex):
    """A `CustomLLM` whose answers are constants."""

    def __init__(self, base: str, model: str | None = None) -> None:
        super().__init__(base, model)
        from llama_index.core.llms import (
            ChatMessage,
            ChatResponse,
            CompletionResponse,
            CustomLLM,
            LLMMetadata,
        )
        from llama_index.core.llms.callbacks import llm_chat_callback

        metadata = LLMMetadata(model_name="no-op")

        class NoOp(CustomLLM):
            """Does nothing."""

            @property
            def metadata(self) -> LLMMetadata:
                return metadata

            @llm_chat_callback()
            def chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
                return ChatResponse(message=ChatMessage(role="assistant", content=ANSWER))

            @llm_chat_callback()
            async def achat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
                return ChatResponse(message=ChatMessage(role="assistant", content=ANSWER))

            @llm_chat_callback()
            def stream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> Any:
                def deltas() -> Iterator[ChatResponse]:
                    text = ""
                    for _number in range(TOKENS):
                        text += "token "
                        yield ChatResponse(
                            message=ChatMessage(role="assistant", content=text), delta="token "
                        )

                return deltas()

            @llm_chat_callback()
            async def astream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> Any:
                async def deltas() -> AsyncIterator[ChatResponse]:
                    text = ""
                    for _number in range(TOKENS):
                        text += "token "
                        yield ChatResponse(
                            message=ChatMessage(role="assistant", content=text), delta="token "
                        )

                return deltas()

            def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
                return CompletionResponse(text=ANSWER)

            def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
                raise NotImplementedError

        self.llm = NoOp()
        self.messages = self._messages()
