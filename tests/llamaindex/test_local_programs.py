"""Whole programs on the local endpoint, with its real, small models behind real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faiss
import pytest
from llama_index.core import Document, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.chat_engine.types import ChatMode
from llama_index.core.indices.multi_modal import MultiModalVectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.schema import ImageNode, TextNode
from llama_index.vector_stores.faiss import FaissVectorStore
from PIL import Image

from azure_inference_local import Endpoint, serve
from llamaindex_azure_inference import AzureInference, AzureInferenceEmbedding
from tests.llamaindex.helpers import ADD, WEATHER, Song

TEXTS = [
    "The harbour of Bergen was built of wood and has burnt down many times.",
    "Sourdough bread needs flour, water, salt and patience.",
    "The comet returns every seventy-six years and was seen in 1986.",
]
SPLIT = [TokenTextSplitter(chunk_size=256)]
pytestmark = [
    pytest.mark.slow,
    # The framework's agents use deprecated attributes of their own libraries.
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """The local endpoint with the smallest model."""
    with serve(model="smollm2-135m") as running:
        yield running


@pytest.fixture
def llm(endpoint: Endpoint) -> Iterator[AzureInference]:
    """A chat model that answers briefly and always the same."""
    with AzureInference(endpoint.url, endpoint.key, temperature=0, max_tokens=12, seed=1) as model:
        yield model


@pytest.fixture
def embedding(endpoint: Endpoint) -> Iterator[AzureInferenceEmbedding]:
    """The local text embedding model."""
    with AzureInferenceEmbedding(endpoint.url, endpoint.key) as model:
        yield model


@pytest.fixture
def index(embedding: AzureInferenceEmbedding) -> VectorStoreIndex:
    """An index of the three texts."""
    documents = [Document(text=text) for text in TEXTS]
    return VectorStoreIndex.from_documents(documents, embed_model=embedding, transformations=SPLIT)


def test_retrieval_finds_what_is_meant(index: VectorStoreIndex) -> None:
    """Real vectors: a question finds the text that answers it."""
    retriever = index.as_retriever(similarity_top_k=1)
    for question, text in zip(("Which town had fires?", "How do I bake?", "Astronomy"), TEXTS, strict=True):
        assert retriever.retrieve(question)[0].get_content() == text


async def test_query_engine(index: VectorStoreIndex, llm: AzureInference) -> None:
    """Plain, streaming and async queries give the same real text."""
    plain = str(index.as_query_engine(llm=llm, similarity_top_k=1).query("Which town had fires?"))
    assert plain.strip()
    engine = index.as_query_engine(llm=llm, similarity_top_k=1, streaming=True)
    streamed = "".join(engine.query("Which town had fires?").response_gen)  # type: ignore[union-attr]
    assert streamed.strip()
    response = await index.as_query_engine(llm=llm, similarity_top_k=1).aquery("Which town had fires?")
    assert str(response).strip()
    await llm.aclose()


def test_query_engine_with_a_class(index: VectorStoreIndex, llm: AzureInference) -> None:
    """A forced tool call, enforced by the endpoint's grammar, fills the class."""
    llm.max_tokens = 48
    engine = index.as_query_engine(llm=llm, similarity_top_k=1, output_cls=Song)
    song = engine.query("Make up a song with a title and a year.").response  # type: ignore[union-attr]
    assert isinstance(song, Song)


def test_chat_engine(index: VectorStoreIndex, llm: AzureInference) -> None:
    """A chat engine answers twice, the second time streaming, and remembers both."""
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    engine = index.as_chat_engine(chat_mode=ChatMode.CONTEXT, llm=llm, memory=memory, similarity_top_k=1)
    assert engine.chat("Which town had fires?").response.strip()
    assert "".join(engine.stream_chat("Why?").response_gen).strip()
    assert len(engine.chat_history) == 4


async def test_function_agent_with_two_tools(llm: AzureInference) -> None:
    """An agent with two tools makes a real call of the one it must start with, and comes to an end."""
    llm.max_tokens = 32
    agent = FunctionAgent(tools=[WEATHER, ADD], llm=llm, initial_tool_choice="weather")
    response = await agent.run("What is the weather in Oslo?", max_iterations=5)
    assert response.tool_calls[0].tool_name == "weather"
    assert response.tool_calls[0].tool_output.content.startswith("Rain in")
    await llm.aclose()


def test_pipeline_with_workers_and_cache(
    embedding: AzureInferenceEmbedding, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes embed with the real model, and the cache answers the second run without the endpoint."""
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", endpoint.key)
    pipeline = IngestionPipeline(transformations=[embedding])
    documents = [Document(text=text, id_=str(i)) for i, text in enumerate(TEXTS)]
    nodes = pipeline.run(documents=documents, num_workers=2)
    assert [len(node.embedding or ()) for node in nodes] == [384] * 3
    first = pipeline.run(documents=documents)
    counted = embedding.usage
    again = pipeline.run(documents=documents)
    assert embedding.usage == counted
    assert [node.embedding for node in again] == [node.embedding for node in first]


def test_persistent_store(embedding: AzureInferenceEmbedding, tmp_path: Path) -> None:
    """A FAISS index on disk answers after it has been read back."""
    store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(384))
    context = StorageContext.from_defaults(vector_store=store)
    nodes: list[Any] = [TextNode(text=text) for text in TEXTS]
    VectorStoreIndex(nodes, storage_context=context, embed_model=embedding)
    context.persist(str(tmp_path))
    again = StorageContext.from_defaults(
        vector_store=FaissVectorStore.from_persist_dir(str(tmp_path)), persist_dir=str(tmp_path)
    )
    index: Any = load_index_from_storage(again, embed_model=embedding)
    assert index.as_retriever(similarity_top_k=1).retrieve("baking")[0].get_content() == TEXTS[1]


def test_index_of_images(embedding: AzureInferenceEmbedding, tmp_path: Path) -> None:
    """Real image vectors: a picture finds the picture that looks like it."""
    nodes: list[Any] = [TextNode(text=TEXTS[0])]
    for name, colour in (("red", (250, 10, 10)), ("blue", (10, 10, 250)), ("pink", (240, 40, 40))):
        path = tmp_path / f"{name}.png"
        Image.new("RGB", (64, 64), colour).save(path)
        if name != "pink":
            nodes.append(ImageNode(image_path=str(path), id_=name, metadata={"kind": "picture"}))
    index = MultiModalVectorStoreIndex(nodes, embed_model=embedding, image_embed_model=embedding)
    retriever = index.as_retriever(image_similarity_top_k=1)
    assert retriever.image_to_image_retrieve(str(tmp_path / "pink.png"))[0].node.node_id == "red"
