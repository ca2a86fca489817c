"""Programs that were written for another class run with the import, the class name and the endpoint changed.

The classes' names are those of the programs; what stands behind them here is ours.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core import Document as LlamaDocument
from llama_index.core import Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage, MessageRole
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

import langchain_azure_inference
from langchain_azure_inference import AzureInferenceEmbeddings as AzureOpenAIEmbeddings
from langchain_azure_inference import AzureInferenceEmbeddings as LangChainEmbeddingsModel
from langchain_azure_inference import AzureInferenceEmbeddings as OpenAIEmbeddings
from langchain_azure_inference import ChatAzureInference as AzureAIChatCompletionsModel
from langchain_azure_inference import ChatAzureInference as AzureChatOpenAI
from langchain_azure_inference import ChatAzureInference as ChatOpenAI
from llamaindex_azure_inference import AzureInference as AzureAICompletionsModel
from llamaindex_azure_inference import AzureInference as AzureOpenAI
from llamaindex_azure_inference import AzureInference as OpenAILike
from llamaindex_azure_inference import AzureInferenceEmbedding as AzureAIEmbeddingsModel
from llamaindex_azure_inference import AzureInferenceEmbedding as AzureOpenAIEmbedding
from tests.support import wire
from tests.support.scripted_server import Reply, ScriptedServer

KEY = "a-key-of-its-own"
SCRIPT = Path(__file__).parents[1] / "docs" / "coming.py"


@pytest.fixture
def server() -> Any:
    with ScriptedServer(key=KEY) as running:
        yield running


def sent(server: ScriptedServer) -> dict[str, Any]:
    """The last body without what was said."""
    return {name: v for name, v in server.last.json.items() if name not in ("messages", "input")}


class Tokens(BaseCallbackHandler):
    """The tokens that callbacks saw."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.seen.append(token)


class Review(BaseModel):
    """What a review says."""

    positive: bool


def structured(arguments: str) -> dict[str, Any]:
    """An answer that calls the tool of a structure."""
    return wire.chat(content="", tool_calls=[wire.tool_call(name="Review", arguments=arguments)])


def page() -> ModuleType:
    """The script that writes the page."""
    spec = importlib.util.spec_from_file_location("coming", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_the_code_s() -> None:
    """``docs/coming.md`` holds the tables that the code has: ``python docs/coming.py`` writes them."""
    coming = page()
    text = coming.PAGE.read_text(encoding="utf-8")
    assert coming.written(text) == text


# -- the notebooks of the retired classes --


def test_notebook_of_chat_models(server: ScriptedServer) -> None:
    """Messages, a chain with a parser, two models that check each other, as in "Develop applications with LangChain"."""
    model = AzureAIChatCompletionsModel(
        endpoint=server.url,
        credential=KEY,
        model="mistral-large-2407",
        client_kwargs={"logging_enable": False},
    )
    messages = [
        SystemMessage(content="Translate the following from English into Italian"),
        HumanMessage("hi!"),
    ]
    assert model.invoke(messages).content == wire.ANSWER
    template = ChatPromptTemplate.from_messages(
        [("system", "Translate into {language}:"), ("user", "{text}")]
    )
    chain = template | model | StrOutputParser()
    assert chain.invoke({"language": "italian", "text": "hi"}) == wire.ANSWER

    producer = AzureAIChatCompletionsModel(endpoint=server.url, credential=KEY, model_name="producer")
    verifier = AzureAIChatCompletionsModel(
        endpoint=server.url, credential=AzureKeyCredential(KEY), model_name="verifier", temperature=0
    )
    parser = StrOutputParser()
    poem = PromptTemplate(template="A poem about {topic}.", input_variables=["topic"]) | producer | parser
    verify = PromptTemplate(template="Verify: {input}", input_variables=["input"]) | verifier | parser
    both = poem | RunnableParallel(poem=RunnablePassthrough(), verification=RunnablePassthrough() | verify)
    answers = both.invoke({"topic": "living in a foreign country"})
    assert answers == {"poem": wire.ANSWER, "verification": wire.ANSWER}
    assert [body.get("model") for body in server.bodies[-2:]] == ["producer", "verifier"]
    assert sent(server) == {"model": "verifier", "temperature": 0}


def test_notebook_of_embeddings_and_a_vector_store(server: ScriptedServer) -> None:
    """Documents into LangChain's store and out again."""
    embed_model = LangChainEmbeddingsModel(
        endpoint=server.url, credential=KEY, model_name="text-embedding-3-large", embed_batch_size=1
    )
    store = InMemoryVectorStore(embed_model)
    store.add_documents([Document(id="1", page_content="foo"), Document(id="2", page_content="thud")])
    assert [len(body["input"]) for body in server.bodies] == [1, 1]
    assert store.similarity_search(query="thud", k=1)[0].page_content == "thud"


async def test_notebook_of_an_azure_openai_deployment(server: ScriptedServer) -> None:
    """The same class at a deployment's address, with a version, parameters of the model, streams and async calls."""
    llm = AzureAIChatCompletionsModel(
        endpoint=f"{server.url}/openai/deployments/gpt-4o",
        credential=KEY,
        api_version="2024-05-01-preview",
        model_kwargs={"max_completion_tokens": 20, "stream_options": {"include_usage": True}},
    )
    assert llm.invoke("Hello").content == wire.ANSWER
    assert server.last.target.startswith("/openai/deployments/gpt-4o/chat/completions?api-version=2024-05-01")
    assert sent(server) == {"max_completion_tokens": 20}
    assert "".join([chunk.text async for chunk in llm.astream("Hello")]) == wire.ANSWER
    assert sent(server)["stream_options"] == {"include_usage": True}
    answer = llm.invoke("Hello", max_tokens=5)
    assert answer.usage_metadata
    assert sent(server) == {"max_tokens": 5}


def test_notebook_of_tools_structure_and_configuration(server: ScriptedServer) -> None:
    """Tools, structured output with its method by position, and models that are chosen in a run's configuration."""

    @tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return city

    llm = AzureAIChatCompletionsModel(endpoint=server.url, credential=KEY, model="a", temperature=0.5)
    server.reply(
        wire.chat(content="", tool_calls=[wire.tool_call(name="weather", arguments='{"city": "Oslo"}')])
    )
    assert llm.bind_tools([weather], tool_choice="any").invoke("x").tool_calls[0]["args"] == {"city": "Oslo"}
    server.reply(structured('{"positive": true}'), '{"positive": true}')
    assert llm.with_structured_output(Review, "function_calling").invoke("x") == Review(positive=True)
    assert llm.with_structured_output(Review, "json_schema", True).invoke("x") == Review(positive=True)
    chosen = llm.configurable_fields(
        model_name=ConfigurableField(id="model"), temperature=ConfigurableField(id="heat")
    )
    chosen.with_config(configurable={"model": "b", "heat": 0}).invoke("x")
    assert sent(server) == {"model": "b", "temperature": 0}
    other = AzureAIChatCompletionsModel(endpoint=server.url, credential=KEY, model="c")
    either = llm.configurable_alternatives(ConfigurableField(id="llm"), default_key="a", other=other)
    either.with_config(configurable={"llm": "other"}).invoke("x")
    assert sent(server) == {"model": "c"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pydantic, which LlamaIndex's agents earn
async def test_notebook_of_llamaindex(server: ScriptedServer) -> None:
    """Chat, streams, parameters, tools and an index, as in "Develop applications with LlamaIndex"; errors are azure.core's, too."""
    llm = AzureAICompletionsModel(
        endpoint=server.url,
        credential=KEY,
        model_name="mistral-large-2407",
        temperature=0.0,
        model_kwargs={"top_p": 1.0},
        client_kwargs={"timeout": 20},
    )
    messages = [
        ChatMessage(role=MessageRole.SYSTEM, content="You are a pirate with colorful personality."),
        ChatMessage(role=MessageRole.USER, content="Hello"),
    ]
    assert llm.chat(messages).message.content == wire.ANSWER
    assert sent(server) == {"model": "mistral-large-2407", "temperature": 0.0, "top_p": 1.0}
    assert "".join(part.delta or "" for part in llm.stream_chat(messages)) == wire.ANSWER
    assert (await llm.acomplete("Hello", temperature=0.5)).text == wire.ANSWER
    assert AzureAICompletionsModel(server.url, KEY, 0.1, 100, "m").complete("x").text == wire.ANSWER
    assert sent(server) == {"model": "m", "temperature": 0.1, "max_tokens": 100}

    embed_model = AzureAIEmbeddingsModel(server.url, KEY, "cohere-embed-v3-multilingual", None, 1)
    index = VectorStoreIndex.from_documents(
        [LlamaDocument(text="Rain falls."), LlamaDocument(text="Snow lies.")], embed_model=embed_model
    )
    assert str(index.as_query_engine(llm=llm).query("What falls?")) == wire.ANSWER
    agent = FunctionAgent(tools=[FunctionTool.from_defaults(str.upper, name="upper")], llm=llm)
    assert str(await agent.run("Hello")) == wire.ANSWER

    server.reply(Reply(400, {"error": {"code": "content_filter", "message": "The response was filtered"}}))
    with pytest.raises(HttpResponseError) as caught:
        llm.chat(messages)
    assert caught.value.status_code == 400


# -- programs for OpenAI's classes --


async def test_a_program_for_chat_openai(server: ScriptedServer) -> None:
    """A streaming model whose callbacks see the tokens, its attributes, and the same with other extras."""
    tokens = Tokens()
    llm = ChatOpenAI(
        model="gpt-4o-mini",
        openai_api_base=server.v1_url,
        openai_api_key=KEY,
        streaming=True,
        callbacks=[tokens],
        request_timeout=30,
        max_retries=1,
        n=1,
        extra_body={"chat_template_kwargs": {"enable_thinking": False}},
        use_responses_api=False,
        default_query=None,
        http_client=None,
        verbose=False,
    )
    assert llm.invoke("Hello").text == wire.ANSWER
    assert (await llm.ainvoke("Hello")).text == wire.ANSWER
    assert "".join(tokens.seen) == wire.ANSWER * 2
    assert sent(server).items() >= {
        "model": "gpt-4o-mini", "stream": True, "n": 1, "chat_template_kwargs": {"enable_thinking": False},
    }.items()  # fmt: skip
    assert (llm.model_name, llm.openai_api_base, llm.request_timeout) == ("gpt-4o-mini", server.v1_url, 30)
    llm.model_name = "gpt-4o"
    other = llm.model_copy(update={"extra_body": {**(llm.extra_body or {}), "top_k": 5}, "streaming": False})
    other.invoke("Hello", extra_headers={"x-team": "keepers"}, timeout=20)
    assert server.last.headers["x-team"] == "keepers"
    assert sent(server).items() >= {"model": "gpt-4o", "top_k": 5}.items()
    copied = ChatOpenAI(model=llm.model_name, api_key=llm.openai_api_key, base_url=llm.openai_api_base)
    assert copied.invoke("Hello").text == wire.ANSWER


async def test_a_program_for_azure_chat_openai(server: ScriptedServer) -> None:
    """A deployment of a resource, with a key and with Entra ID's provider in its place, and its switch to another."""
    llm = AzureChatOpenAI(
        azure_endpoint=server.url,
        azure_deployment="prod",
        api_version="2024-10-21",
        api_key=KEY,
        model="gpt-4o",
        model_version="2024-11-20",
        openai_api_type="azure",
        temperature=0,
        max_tokens=None,
        timeout=None,
        max_retries=2,
    )
    assert (await llm.ainvoke("Hello")).text == wire.ANSWER
    assert server.last.target == "/openai/deployments/prod/chat/completions?api-version=2024-10-21"
    llm.deployment_name = "next"
    llm.invoke("Hello")
    assert server.last.path == "/openai/deployments/next/chat/completions"
    embeddings = AzureOpenAIEmbeddings(
        azure_endpoint=server.url,
        azure_deployment="vectors",
        openai_api_version="2024-10-21",
        api_key=KEY,
        chunk_size=1,
    )
    assert len(embeddings.embed_documents(["a", "b"])) == 2
    assert server.last.path == "/openai/deployments/vectors/embeddings"


def test_a_program_for_openai_embeddings(server: ScriptedServer) -> None:
    """Texts as they are, in batches of the size that the program names, by keyword and by position."""
    embeddings = OpenAIEmbeddings(
        model="local",
        base_url=server.v1_url,
        api_key=KEY,
        check_embedding_ctx_length=False,
        tiktoken_enabled=False,
        dimensions=None,
        show_progress_bar=False,
    )
    assert len(embeddings.embed_documents(["a", "b", "c"], 2)) == 3
    assert sorted(body["input"] for body in server.bodies) == [["a", "b"], ["c"]]
    assert sent(server) == {"model": "local", "encoding_format": "base64"}


async def test_a_program_for_openai_like(server: ScriptedServer) -> None:
    """A server of one's own, with everything that the class has a keyword for."""
    llm = OpenAILike(
        model="qwen3",
        api_base=server.v1_url,
        api_key=KEY,
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=32_768,
        max_tokens=64,
        timeout=60.0,
        reuse_client=True,
        strict=False,
        additional_kwargs={"extra_body": {"top_k": 20}, "extra_headers": {"x-team": "keepers"}, "seed": 1},
    )
    assert llm.complete("Hello").text == wire.ANSWER
    assert server.last.headers["x-team"] == "keepers"
    assert sent(server) == {"model": "qwen3", "max_tokens": 64, "seed": 1, "top_k": 20}
    assert (llm.metadata.context_window, llm.metadata.is_chat_model) == (32_768, True)
    llm.additional_kwargs["top_k"] = 5
    assert "".join([part.delta or "" async for part in await llm.astream_complete("Hello")]) == wire.ANSWER
    assert sent(server)["top_k"] == 5


def test_a_program_for_azure_openai(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine of a resource and embeddings of another, set for all of LlamaIndex."""
    common = {"azure_endpoint": server.url, "api_key": KEY, "api_version": "2024-10-21"}
    llm = AzureOpenAI(model="gpt-4o", engine="prod", temperature=0.0, use_azure_ad=False, **common)
    embed_model = AzureOpenAIEmbedding(model="text-embedding-3-small", deployment_name="vectors", **common)
    monkeypatch.setattr(Settings, "_llm", None)
    monkeypatch.setattr(Settings, "_embed_model", None)
    Settings.llm, Settings.embed_model = llm, embed_model
    index = VectorStoreIndex.from_documents([LlamaDocument(text="Rain falls.")])
    assert str(index.as_query_engine().query("What falls?")) == wire.ANSWER
    assert str(SummaryIndex.from_documents([LlamaDocument(text="Rain")]).as_query_engine().query("?"))
    paths = {request.path for request in server.requests}
    assert paths == {"/openai/deployments/prod/chat/completions", "/openai/deployments/vectors/embeddings"}
    assert llm.engine == "prod"


def test_the_names_are_there() -> None:
    """The classes of both kinds come from the package's root."""
    assert {"ChatAzureInference", "AzureInferenceEmbeddings"} <= set(langchain_azure_inference.__all__)
