"""A user's program over LangChain's classes: both type checkers are to pass it as it stands, without ignores."""

from __future__ import annotations

import asyncio

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField
from langchain_core.tools import tool
from pydantic import BaseModel, SecretStr

from langchain_azure_inference import (
    AzureInferenceEmbeddings,
    AzureInferenceLLM,
    ChatAzureInference,
    Timeouts,
)
from langchain_azure_inference.errors import InferenceError, RateLimitedError


class Review(BaseModel):
    """What a review says."""

    positive: bool


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"Fine in {city}"


async def main() -> None:
    """Everything a program does in its first week."""
    model = ChatAzureInference(endpoint="https://my.example/models", credential="key", model="m", top_k=20)
    other = ChatAzureInference(
        base_url="https://my.example/v1",
        api_key=SecretStr("key"),
        model_name="m",
        default_headers={"a": "b"},
        timeout=Timeouts(total=60),
        max_retries=0,
    )
    azure = ChatAzureInference(
        azure_endpoint="https://my.openai.azure.com", azure_deployment="d", openai_api_version="2024-10-21"
    )
    answer: AIMessage = model.invoke([HumanMessage("Why?")], temperature=0, top_k=5)
    print(answer.text, answer.usage_metadata, answer.tool_calls)
    chain = ChatPromptTemplate.from_template("Why {thing}?") | other | StrOutputParser()
    said: str = chain.invoke({"thing": "rain"})
    for chunk in azure.stream("Why?"):
        print(chunk.text, said)
    bound = model.bind_tools([weather], tool_choice="weather").bind(stop=["."])
    print((await bound.ainvoke("How is it in Oslo?")).tool_calls)
    print(model.with_structured_output(Review, "json_schema").invoke("A delight."))
    chosen = model.configurable_fields(model_name=ConfigurableField(id="model"))
    print(chosen.with_config(configurable={"model": "other"}).invoke("Why?").text)
    model.model_kwargs["top_p"] = 0.5
    copied: ChatAzureInference = model.model_copy(update={"model_kwargs": {"seed": 1}})
    print(copied.model_name, copied.client_kwargs, copied.temperature)
    with AzureInferenceEmbeddings(endpoint="https://my.example", api_key="key", chunk_size=5) as embeddings:
        vectors: list[list[float]] = embeddings.embed_documents(["one", "two"], dimensions=256)
        print(len(vectors), embeddings.embed_batch_size, await embeddings.aembed_query("three"))
    text: str = AzureInferenceLLM(endpoint="https://my.example", api_key="key", max_tokens=5).invoke("Once")
    print(text)


try:
    asyncio.run(main())
except RateLimitedError as error:
    print(error.retry_after, error.attempts)
except InferenceError as error:
    print(error.status, error.is_retryable, error.partial)
