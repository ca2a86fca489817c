"""Retrieval: indexes, query engines, chat engines, vector stores and ingestion over the scripted endpoint."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import faiss
import pytest
from llama_index.core import (
    Document,
    PromptHelper,
    StorageContext,
    VectorStoreIndex,
    load_index_from_storage,
)
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.chat_engine.types import ChatMode
from llama_index.core.extractors import DocumentContextExtractor, TitleExtractor
from llama_index.core.indices.multi_modal import MultiModalVectorStoreIndex
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.schema import ImageNode, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.vector_stores.faiss import FaissVectorStore

from llamaindex_azure_inference.errors import RateLimitedError, UnsupportedParameterError
from tests.llamaindex.helpers import KEY, Song, chat_model, completion_model, embedding_model
from tests.llamaindex.test_messages import PNG
from tests.support import wire
from tests.support.fault_server import Request
from tests.support.scripted_server import Reply, ScriptedServer

WORDS = "The harbour of Bergen is old and the rain is frequent. " * 12


SPLIT: list[Any] = [TokenTextSplitter()]  # the default splitter takes seconds to import its library


def texts(count: int = 6) -> list[Document]:
    """New documents: pipelines write vectors into those they are given."""
    return [Document(text=f"Document {i}. {WORDS}", id_=f"d{i}") for i in range(count)]


def index_of(server: ScriptedServer) -> VectorStoreIndex:
    """An index of six documents."""
    return VectorStoreIndex.from_documents(
        texts(), embed_model=embedding_model(server), transformations=SPLIT
    )


@pytest.mark.parametrize("make", [chat_model, completion_model], ids=["chat", "completion"])
def test_query_engine(server: ScriptedServer, make: Any) -> None:
    """A query over six documents is one embedding and one request to the model, which holds all of them."""
    index = index_of(server)
    before = len(server.requests)
    engine = index.as_query_engine(llm=make(server), similarity_top_k=6)
    assert str(engine.query("What is old?")) == wire.ANSWER
    query, answer = server.requests[before:]
    assert query.json["input_type"] == "query"
    assert all(f"Document {i}." in str(answer.json) for i in range(6))


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "prod-chat", "max_tokens": 16_000},
        {"model": "gpt-4", "max_tokens": 9_000},
        {"model": "grok-3"},
        {"model": "gpt-oss-120b"},
        {"model": "cohere-command-a"},
        {"model": "qwen3-32b"},
        {"model": "Phi-3-mini-4k-instruct", "max_tokens": 4_000},
    ],
    ids=str,
)
def test_query_engine_with_a_long_answer(plain: ScriptedServer, settings: dict[str, Any]) -> None:
    """However long an answer a family or a user allows, there is room for a prompt."""
    engine = index_of(plain).as_query_engine(llm=chat_model(plain, **settings), similarity_top_k=6)
    assert str(engine.query("What is old?")) == wire.ANSWER
    assert plain.last.json.get("max_tokens") == settings.get("max_tokens")


def test_query_engine_streams(plain: ScriptedServer) -> None:
    """A streaming query engine gives the text piece by piece."""
    engine = index_of(plain).as_query_engine(llm=chat_model(plain), streaming=True)
    assert "".join(engine.query("What is old?").response_gen) == wire.ANSWER  # type: ignore[union-attr]


async def test_query_engine_async(plain: ScriptedServer) -> None:
    """An async query, and an async streaming one."""
    llm, embedding = chat_model(plain), embedding_model(plain)
    index = VectorStoreIndex.from_documents(texts(), embed_model=embedding, transformations=SPLIT)
    assert str(await index.as_query_engine(llm=llm).aquery("What is old?")) == wire.ANSWER
    response = await index.as_query_engine(llm=llm, streaming=True).aquery("What is old?")
    pieces = [piece async for piece in response.async_response_gen()]  # type: ignore[union-attr]
    assert "".join(pieces) == wire.ANSWER
    await llm.aclose()
    await embedding.aclose()


def test_query_engine_with_a_class(plain: ScriptedServer) -> None:
    """``output_cls`` gives an object."""
    index = index_of(plain)
    call = wire.tool_call("Song", '{"title": "Rain", "year": 1999}', "c1")
    plain.reply(wire.chat(None, tool_calls=[call]), route="/chat/completions")
    engine = index.as_query_engine(llm=chat_model(plain), output_cls=Song)
    response = engine.query("A song?")
    assert response.response == Song(title="Rain", year=1999)  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", ["compact", "refine", "tree_summarize", "accumulate"])
def test_every_response_mode(plain: ScriptedServer, mode: Any) -> None:
    """Every way of making a response from nodes works."""
    engine = index_of(plain).as_query_engine(llm=chat_model(plain), response_mode=mode)
    assert wire.ANSWER in str(engine.query("What is old?"))


def test_prompts_are_packed_by_the_model_s_context(plain: ScriptedServer) -> None:
    """The prompt helper reserves what metadata says, so that more text fits a larger context."""
    small = PromptHelper.from_llm_metadata(chat_model(plain, context_window=2_000, max_tokens=100).metadata)
    large = PromptHelper.from_llm_metadata(chat_model(plain, model="gpt-4o").metadata)
    assert (small.context_window, small.num_output) == (2_000, 100)
    assert large.context_window > 100_000


@pytest.mark.parametrize("mode", [ChatMode.CONTEXT, ChatMode.CONDENSE_PLUS_CONTEXT, ChatMode.SIMPLE])
def test_chat_engine(plain: ScriptedServer, mode: ChatMode) -> None:
    """A chat engine answers, remembers and streams."""
    llm = chat_model(plain)
    engine = index_of(plain).as_chat_engine(
        chat_mode=mode, llm=llm, memory=ChatMemoryBuffer.from_defaults(llm=llm)
    )
    assert str(engine.chat("What is old?")) == wire.ANSWER
    assert "".join(engine.stream_chat("And rainy?").response_gen) == wire.ANSWER
    assert [m.role.value for m in engine.chat_history] == ["user", "assistant"] * 2
    assert "What is old?" in str(plain.last.json["messages"])


async def test_chat_engine_async(plain: ScriptedServer) -> None:
    """The async chat and stream of an engine."""
    llm = chat_model(plain)
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=ChatMemoryBuffer.from_defaults(llm=llm))
    assert str(await engine.achat("Hello?")) == wire.ANSWER
    stream = await engine.astream_chat("And?")
    assert "".join([piece async for piece in stream.async_response_gen()]) == wire.ANSWER
    await llm.aclose()


def test_index_is_built_in_few_requests(plain: ScriptedServer) -> None:
    """Two hundred nodes are three requests of at most 96 texts, not two hundred."""
    nodes: list[Any] = [TextNode(text=f"node {i}") for i in range(200)]
    VectorStoreIndex(nodes, embed_model=embedding_model(plain))
    assert sorted(len(body["input"]) for body in plain.bodies) == [8, 96, 96]
    assert {body["input_type"] for body in plain.bodies} == {"document"}


# -- stores --


def test_persistent_store(plain: ScriptedServer, tmp_path: Path) -> None:
    """An index in a FAISS store is written, read back in another object, and finds the same node."""
    embedding = embedding_model(plain)
    nodes: list[Any] = [TextNode(text=text, id_=text) for text in ("alpha", "beta", "gamma")]
    store = FaissVectorStore(faiss_index=faiss.IndexFlatL2(4))
    context = StorageContext.from_defaults(vector_store=store)
    VectorStoreIndex(nodes, storage_context=context, embed_model=embedding)
    context.persist(str(tmp_path))
    again = StorageContext.from_defaults(
        vector_store=FaissVectorStore.from_persist_dir(str(tmp_path)), persist_dir=str(tmp_path)
    )
    index = load_index_from_storage(again, embed_model=embedding)
    found = index.as_retriever(similarity_top_k=1).retrieve("beta")
    assert [node.node.get_content() for node in found] == ["beta"]


def test_index_of_images_and_texts(plain: ScriptedServer, tmp_path: Path) -> None:
    """MultiModalVectorStoreIndex takes the class for images, and finds images and texts."""
    path = tmp_path / "one.png"
    path.write_bytes(PNG)
    embedding = embedding_model(plain)
    nodes: list[Any] = [
        TextNode(text="beta"),
        ImageNode(image_path=str(path), id_="image", metadata={"kind": "photograph"}),
    ]
    index = MultiModalVectorStoreIndex(nodes, embed_model=embedding, image_embed_model=embedding)
    paths = [request.path for request in plain.requests]
    assert sorted(paths) == ["/embeddings", "/images/embeddings"]
    retriever = index.as_retriever(similarity_top_k=1, image_similarity_top_k=1)
    assert [node.node.get_content() for node in retriever.text_retrieve("beta")] == ["beta"]
    assert [node.node.node_id for node in retriever.text_to_image_retrieve("an image")] == ["image"]
    assert [node.node.node_id for node in retriever.image_to_image_retrieve(str(path))] == ["image"]


# -- ingestion --


async def test_extractors(plain: ScriptedServer) -> None:
    """Metadata extractors ask the model for every node, async, and the title is there."""
    llm = chat_model(plain)
    nodes = await IngestionPipeline(transformations=[TitleExtractor(llm=llm, nodes=1)]).arun(
        documents=texts(2)
    )
    await llm.aclose()
    assert [node.metadata["document_title"] for node in nodes] == [wire.ANSWER] * 2


async def test_rate_limits_are_recognised_by_extractors(
    plain: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """DocumentContextExtractor sees a 429 as a rate limit and tries again, by the text of the error."""
    store, documents = SimpleDocumentStore(), texts(1)
    store.add_documents(documents)
    llm = chat_model(plain, max_retries=0)
    extractor = DocumentContextExtractor(store, llm, max_context_length=5_000, key="context")
    nodes = TokenTextSplitter(chunk_size=2_000).get_nodes_from_documents(documents)
    plain.reply(Reply(429, {"error": {"code": "429", "message": "slow down"}}))
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr("asyncio.sleep", _no_sleep)
        found = await extractor.aextract(nodes)
    assert found[0]["context"] == wire.ANSWER
    await llm.aclose()


async def _no_sleep(_seconds: float) -> None:
    """Do not wait."""


def pipeline_of(server: ScriptedServer, **settings: Any) -> IngestionPipeline:
    """A pipeline that embeds."""
    return IngestionPipeline(transformations=[embedding_model(server, **settings)])


@pytest.mark.slow
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_pipeline_with_workers(
    plain: ScriptedServer, monkeypatch: pytest.MonkeyPatch, asynchronous: bool
) -> None:
    """Two worker processes rebuild the model, the key from their environment, and embed every node."""
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", KEY)
    pipeline = pipeline_of(plain)
    if asynchronous:
        nodes = list(await pipeline.arun(documents=texts(), num_workers=2))
    else:
        nodes = list(pipeline.run(documents=texts(), num_workers=2))
    assert len(nodes) == 6
    for node in nodes:
        assert node.embedding == wire.vector_of(node.get_content(metadata_mode="embed"))  # type: ignore[call-arg]
    assert {request.headers["api-key"] for request in plain.requests} == {KEY}


@pytest.mark.slow
def test_error_of_a_worker_comes_out(plain: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in a worker process ends the run as that error, with its fields."""
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", KEY)
    pipeline = pipeline_of(plain, extra_parameters="error", no_such_parameter=1)
    with pytest.raises(UnsupportedParameterError) as caught:
        pipeline.run(documents=texts(), num_workers=2)
    assert caught.value.parameters[0].name == "no_such_parameter"


async def test_pipeline_async(plain: ScriptedServer) -> None:
    """An async pipeline in one process."""
    pipeline = pipeline_of(plain)
    nodes = await pipeline.arun(documents=texts())
    assert all(node.embedding for node in nodes)
    await pipeline.transformations[0].aclose()  # type: ignore[attr-defined]


def test_pipeline_cache(plain: ScriptedServer) -> None:
    """The pipeline's cache answers a second run, with another object of the same settings; others embed anew."""
    cache = IngestionCache()
    counts = []
    for settings in ({}, {}, {"dimensions": 8}):
        pipeline = pipeline_of(plain, **settings)
        pipeline.cache = cache
        before = len(plain.requests)
        assert all(node.embedding for node in pipeline.run(documents=texts()))
        counts.append(len(plain.requests) - before)
    assert counts[0] > 0
    assert counts == [counts[0], 0, counts[0]]


def test_error_comes_out_of_an_index(plain: ScriptedServer) -> None:
    """Building an index raises the provider's own class."""

    def limited(_request: Request) -> Reply:
        return Reply(429, {"error": {"code": "429", "message": "slow down"}})

    plain.reply_always(limited)
    with pytest.raises(RateLimitedError):
        VectorStoreIndex.from_documents(
            texts(), embed_model=embedding_model(plain, max_retries=0), transformations=SPLIT
        )
