"""A user's program over LlamaIndex's classes: both type checkers are to pass it as it stands, without ignores."""

from __future__ import annotations

import asyncio

from llama_index.core import Document, PromptTemplate, Settings, VectorStoreIndex
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llamaindex_azure_inference import (
    AzureInference,
    AzureInferenceCompletion,
    AzureInferenceEmbedding,
    Timeouts,
)
from llamaindex_azure_inference.errors import InferenceError, RateLimitedError


class Review(BaseModel):
    """What a review says."""

    positive: bool


def weather(city: str) -> str:
    """The weather in a city."""
    return f"Fine in {city}"


async def main() -> None:
    """Everything a program does in its first week."""
    llm = AzureInference("https://my.example/models", "key", 0.1, 100, model="m", top_k=5)
    other = AzureInference(
        base_url="https://my.example/v1",
        api_key="key",
        model_name="m",
        default_headers={"a": "b"},
        timeout=Timeouts(total=60),
        additional_kwargs={"top_k": 5},
    )
    azure = AzureInference(
        azure_endpoint="https://my.openai.azure.com", engine="d", api_version="2024-10-21", max_retries=0
    )
    print(llm.complete("Why?", temperature=0, top_k=5).text, llm.metadata.context_window)
    response = other.chat([ChatMessage("Why?")], max_tokens=5)
    print(response.message.content, response.additional_kwargs)
    for part in azure.stream_chat([ChatMessage("Why?")]):
        print(part.delta)
    print((await llm.acomplete("Why?")).text)
    tool = FunctionTool.from_defaults(weather)
    called = llm.chat_with_tools([tool], "How is it in Oslo?", tool_required=True)
    print([call.tool_name for call in llm.get_tool_calls_from_response(called)])
    review: Review = llm.structured_predict(Review, PromptTemplate("{text}"), text="A delight.")
    print(review.positive)
    llm.model_kwargs["top_p"] = 0.5
    copied: AzureInference = llm.model_copy(update={"model_kwargs": {"seed": 1}})
    print(copied.model_name, copied.client_kwargs, copied.temperature)
    with AzureInferenceEmbedding("https://my.example", "key", "m", embed_batch_size=5) as embedding:
        vector: list[float] = embedding.get_text_embedding("one")
        print(len(vector), embedding.embed_batch_size, await embedding.aget_query_embedding("two"))
    Settings.llm, Settings.embed_model = llm, embedding
    print(VectorStoreIndex.from_documents([Document(text="Rain.")]).as_query_engine().query("Why?"))
    print(
        AzureInferenceCompletion(endpoint="https://my.example", api_key="key", max_tokens=5).complete("Once")
    )


try:
    asyncio.run(main())
except RateLimitedError as error:
    print(error.retry_after, error.attempts)
except InferenceError as error:
    print(error.status, error.is_retryable, error.partial)
