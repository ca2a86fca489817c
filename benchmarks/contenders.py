"""Who is measured: each contender does the same five things through its own public API.

Everything is imported inside the constructors, because the time to import is measured too. A contender that is
not installed raises ``ImportError`` there and is listed as missing.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

KEY = "bench-key"
MODEL = "bench-model"
QUESTION = "What does the fox do?"


class Contender:
    """What a contender may offer; a method that is not overridden is not measured.

    Args:
        base: The server's URL with the path segment that chooses how it answers.
        model: The model's name, or ``None`` to see what a constructor does without one.
    """

    def __init__(self, base: str, model: str | None = MODEL) -> None:
        self.base = base
        self.model = model

    def setup_embeddings(self) -> None:
        """Make the embeddings object; the constructor makes the chat object."""

    def call(self) -> str:
        raise NotImplementedError

    async def acall(self) -> str:
        raise NotImplementedError

    def stream(self) -> Iterator[str]:
        raise NotImplementedError

    def astream(self) -> AsyncIterator[str]:
        raise NotImplementedError

    def embed(self, texts: list[str], *, floats: bool) -> list[list[float]]:
        raise NotImplementedError

    async def aembed(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError


class Raw(Contender):
    """``requests`` and ``aiohttp`` with a session each and nothing else: what a careful user writes by hand."""

    def __init__(self, base: str, model: str | None = MODEL) -> None:
        super().__init__(base, model)
        import requests

        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {KEY}"
        self.asession: Any = None
        self.body = {"messages": [{"role": "user", "content": QUESTION}], "model": model}

    def _async(self) -> Any:
        if self.asession is None:
            import aiohttp

            connector = aiohttp.TCPConnector(limit=0)
            self.asession = aiohttp.ClientSession(
                connector=connector, headers={"Authorization": f"Bearer {KEY}"}
            )
        return self.asession

    def call(self) -> str:
        answer = self.session.post(f"{self.base}/chat/completions", json=self.body)
        return answer.json()["choices"][0]["message"]["content"]

    async def acall(self) -> str:
        async with self._async().post(f"{self.base}/chat/completions", json=self.body) as answer:
            return (await answer.json())["choices"][0]["message"]["content"]

    def stream(self) -> Iterator[str]:
        body = {**self.body, "stream": True}
        with self.session.post(f"{self.base}/chat/completions", json=body, stream=True) as answer:
            for line in answer.iter_lines():
                if line and line != b"data: [DONE]":
                    yield json.loads(line[6:])["choices"][0]["delta"]["content"]

    async def astream(self) -> AsyncIterator[str]:
        body = {**self.body, "stream": True}
        async with self._async().post(f"{self.base}/chat/completions", json=body) as answer:
            async for line in answer.content:
                if line != b"\n" and not line.startswith(b"data: [DONE]"):
                    yield json.loads(line[6:])["choices"][0]["delta"]["content"]

    def embed(self, texts: list[str], *, floats: bool) -> list[list[float]]:
        if not floats:
            raise NotImplementedError
        vectors = []
        for start in range(0, len(texts), 1024):
            answer = self.session.post(f"{self.base}/embeddings", json={"input": texts[start : start + 1024]})
            vectors += [item["embedding"] for item in answer.json()["data"]]
        return vectors

    async def aembed(self, texts: list[str]) -> list[list[float]]:
        async with self._async().post(f"{self.base}/embeddings", json={"input": texts}) as answer:
            return [item["embedding"] for item in (await answer.json())["data"]]


class Core(Contender):
    """``azure_inference_core`` without a framework."""

    def __init__(self, base: str, model: str | None = MODEL) -> None:
        super().__init__(base, model)
        from azure_inference_core import ChatClient, Connection

        self.connection = Connection(base, KEY, model=model)
        self.chat = ChatClient(self.connection)
        self.messages = [{"role": "user", "content": QUESTION}]

    def setup_embeddings(self) -> None:
        from azure_inference_core import EmbeddingsClient

        self.embeddings = EmbeddingsClient(self.connection)

    def call(self) -> str:
        return self.chat.complete(self.messages).choices[0].content

    async def acall(self) -> str:
        return (await self.chat.acomplete(self.messages)).choices[0].content

    def stream(self) -> Iterator[str]:
        for delta in self.chat.stream(self.messages):
            yield delta.content

    async def astream(self) -> AsyncIterator[str]:
        async for delta in self.chat.astream(self.messages):
            yield delta.content

    def embed(self, texts: list[str], *, floats: bool) -> list[list[float]]:
        return self.embeddings.embed(texts, **({"encoding_format": "float"} if floats else {})).vectors

    async def aembed(self, texts: list[str]) -> list[list[float]]:
        return (await self.embeddings.aembed(texts)).vectors


class LangChain(Contender):
    """A LangChain chat model, through the public entry points."""

    chat: Any
    embeddings: Any

    def call(self) -> str:
        return self.chat.invoke(QUESTION).content

    async def acall(self) -> str:
        return (await self.chat.ainvoke(QUESTION)).content

    def stream(self) -> Iterator[str]:
        for chunk in self.chat.stream(QUESTION):
            yield chunk.content

    async def astream(self) -> AsyncIterator[str]:
        async for chunk in self.chat.astream(QUESTION):
            yield chunk.content

    def embed(self, texts: list[str], *, floats: bool) -> list[list[float]]:
        return self.embeddings.embed_documents(texts)

    async def aembed(self, texts: list[str]) -> list[list[float]]:
        return await self.embeddings.aembed_documents(texts)


class LangChainOurs(LangChain):
    """``langchain_azure_inference``."""

    def __init__(self, base: str, model: str | None = MODEL) -> None:
        super().__init__(base, model)
        from langchain_azure_inference import ChatAzureInference

        self.chat = ChatAzureInference(endpoint=base, credential=KEY, model=model)

    def setup_embeddings(self) -> None:
        from langchain_azure_inference import AzureInferenceEmbeddings

        given = {"endpoint": self.base, "credential": KEY, "model": self.model}
        self.embeddings = AzureInferenceEmbeddings(**given)
        self.float_embeddings = AzureInferenceEmbeddings(**given, encoding_format="float")

    def embed(self, texts: list[str], *, floats: bool) -> list[list[float]]:
        return (self.float_embeddings if floats else self.embeddings).embed_documents(texts)


class LangChainAzure(LangChain):
    """``langchain-azure-ai``'s retired classes on the same API. They know floats only."""

    def __init__(self, base: str, model: str | None = MODEL) -> None:
        super().__init__(base, model)
        from langchain_azure_ai.chat_models.inference import AzureAIChatCompletionsModel

        self.given = {"endpoint": base, "credential": KEY, **({"model": model} if model else {})}
        self.chat = AzureAIChatCompletionsModel(**self.given)

    def setup_embeddings(self) -> None:
        from langchain_azure_ai.embeddings.inference import AzureAIEmbeddingsModel

        self.embeddings = AzureAIEmbeddingsModel(**self.given)


class LangChainOpenAI(LangChain):
    """``langchain-openai`` on the server's ``/v1``. It asks for base64 by itself."""

    def __init__(self, base: str, model: str | None = MODEL) -> None:
        super().__init__(base, model)
        from langchain_openai import ChatOpenAI

        self.given = {"base_url": f"{base}/v1", "api_key": KEY, "model": model or MODEL}
        self.chat = ChatOpenAI(**self.given)

    def setup_embeddings(self) -> None:
        from langchain_openai import OpenAIEmbeddings

        # Without this it counts tokens itself, with a table it fetches from the network.
        self.embeddings = OpenAIEmbeddings(**self.given, check_embedding_ctx_length=False)

    def embed(self, texts: list[str], *, floats: bool) -> list[list[float]]:
        if floats:
            raise NotImplementedError
        return self.embeddings.embed_documents(texts)


class LlamaIndex(Contender):
    """A LlamaIndex LLM, through the public entry points."""

    llm: Any
    embeddings: Any
    messages: list[Any]

    def call(self) -> str:
        return self.llm.chat(self.messages).message.content

    async def acall(self) -> str:
        return (await self.llm.achat(self.messages)).message.content

    def stream(self) -> Iterator[str]:
        for response in self.llm.stream_chat(self.messages):
            yield response.delta or ""

    async def astream(self) -> AsyncIterator[str]:
        async for response in await self.llm.astream_chat(self.messages):
            yield response.delta or ""

    def embed(self, texts: list[str], *, floats: bool) -> list[list[float]]:
        return self.embeddings.get_text_embedding_batch(texts)

    async def aembed(self, texts: list[str]) -> list[list[float]]:
        return await self.embeddings.aget_text_embedding_batch(texts)

    def _messages(self) -> list[Any]:
        from llama_index.core.llms import ChatMessage

        return [ChatMessage(role="user", content=QUESTION)]


class LlamaIndexOurs(LlamaIndex):
    """``llamaindex_azure_inference``."""

    def __init__(self, base: str, model: str | None = MODEL) -> None:
        super().__init__(base, model)
        from llamaindex_azure_inference import AzureInference

        self.llm = AzureInference(endpoint=base, credential=KEY, model=model)
        self.messages = self._messages()

    def setup_embeddings(self) -> None:
        from llamaindex_azure_inference import AzureInferenceEmbedding

        given = {
            "endpoint": self.base,
            "credential": KEY,
            **({"model_name": self.model} if self.model else {}),
        }
        self.embeddings = AzureInferenceEmbedding(**given)
        self.float_embeddings = AzureInferenceEmbedding(**given, encoding_format="float")

    def embed(self, texts: list[str], *, floats: bool) -> list[list[float]]:
        return (self.float_embeddings if floats else self.embeddings).get_text_embedding_batch(texts)


class LlamaIndexAzure(LlamaIndex):
    """``llama-index-llms-azure-inference`` and ``llama-index-embeddings-azure-inference``. They know floats only."""

    def __init__(self, base: str, model: str | None = MODEL) -> None:
        super().__init__(base, model)
        from llama_index.llms.azure_inference import AzureAICompletionsModel

        self.given = {"endpoint": base, "credential": KEY, **({"model_name": model} if model else {})}
        self.llm = AzureAICompletionsModel(**self.given)
        self.messages = self._messages()

    def setup_embeddings(self) -> None:
        from llama_index.embeddings.azure_inference import AzureAIEmbeddingsModel

        # Its own default of 10 texts a request would only be slower.
        self.embeddings = AzureAIEmbeddingsModel(**self.given, embed_batch_size=1024)


def langchain_floor(base: str, model: str | None = MODEL) -> Contender:
    """LangChain with a model that does nothing."""
    from floors import LangChainFloor

    return LangChainFloor(base, model)


def llamaindex_floor(base: str, model: str | None = MODEL) -> Contender:
    """LlamaIndex with a model that does nothing."""
    from floors import LlamaIndexFloor

    return LlamaIndexFloor(base, model)


CONTENDERS = {
    "raw": Raw,
    "core": Core,
    "lc-floor": langchain_floor,
    "lc-ours": LangChainOurs,
    "lc-azure": LangChainAzure,
    "lc-openai": LangChainOpenAI,
    "li-floor": llamaindex_floor,
    "li-ours": LlamaIndexOurs,
    "li-azure": LlamaIndexAzure,
}

TITLES = {
    "raw": "requests / aiohttp by hand",
    "core": "azure_inference_core alone",
    "lc-floor": "LangChain, a model that does nothing",
    "lc-ours": "langchain_azure_inference",
    "lc-azure": "langchain-azure-ai",
    "lc-openai": "langchain-openai",
    "li-floor": "LlamaIndex, a model that does nothing",
    "li-ours": "llamaindex_azure_inference",
    "li-azure": "llama-index-llms/-embeddings-azure-inference",
}
