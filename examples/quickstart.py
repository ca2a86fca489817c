"""The whole package in one run: chains, retrieval, an index, and errors as you will meet them.

    make demo                                   # everything on this machine, no account
    AZURE_INFERENCE_ENDPOINT=https://... AZURE_INFERENCE_CREDENTIAL=... make demo

Without `AZURE_INFERENCE_ENDPOINT` a local endpoint is started, with Qwen2.5-Coder-0.5B-Instruct (Apache-2.0)
for text and all-MiniLM-L6-v2 (Apache-2.0) for vectors. The documents are chapters of the Python reference
that every Python carries (`pydoc_data.topics`, PSF licence). A model of half a billion parameters writes
plain answers and is wrong about many things; the questions here are ones it answers well from the text.
"""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from pydoc_data.topics import topics

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core import Document as IndexDocument
from llama_index.core import VectorStoreIndex
from llama_index.core.base.response.schema import StreamingResponse
from llama_index.core.node_parser import SentenceSplitter

from langchain_azure_inference import (
    AzureInferenceEmbeddings,
    ChatAzureInference,
    ContentFilteredError,
    UnsupportedParameterError,
)
from llamaindex_azure_inference import AzureInference, AzureInferenceEmbedding

CHAT_MODEL = "qwen2.5-coder-0.5b"
SMALLER_CHAT_MODEL = "smollm2-135m"
EMBEDDING_MODEL = "minilm-l6-v2-int8"
CHAPTERS = (
    "assert", "await", "bltin-ellipsis-object", "break", "callable-types", "context-managers", "continue",
    "del", "dict", "exceptions", "floating", "for", "global", "if", "integers", "lambda", "lists", "nonlocal",
    "numbers", "pass", "power", "raise", "return", "shifting", "truth", "while", "yield",
)  # fmt: skip


def main() -> int:
    """Run the four steps; 0 when all of them did what they say."""
    started = time.monotonic()
    with endpoint():
        chain_streams()
        retrieval_chain_answers()
        index_answers()
        errors_arrive()
    say(f"Done in {time.monotonic() - started:.0f} s. Next: README.md, and the notebooks.")
    return 0


@contextlib.contextmanager
def endpoint() -> Iterator[None]:
    """The user's endpoint if there is one, else a local one for as long as the demo runs."""
    if os.environ.get("AZURE_INFERENCE_ENDPOINT"):
        say(f"Using your endpoint {os.environ['AZURE_INFERENCE_ENDPOINT']}")
        yield
        return
    from azure_inference_local import serve  # noqa: PLC0415 - not needed with an endpoint of one's own

    model = fetch_weights()
    with serve(model=model) as local:
        say(f"Started a local endpoint at {local.url}, with {model}")
        os.environ["AZURE_INFERENCE_ENDPOINT"] = local.url
        os.environ["AZURE_INFERENCE_CREDENTIAL"] = local.key
        yield


def fetch_weights() -> str:
    """Fetch the models once into the user's cache; the chat model that could be had."""
    from azure_inference_local.weights import PullError  # noqa: PLC0415 - as in endpoint()

    try:
        fetch(EMBEDDING_MODEL)
        try:
            fetch(CHAT_MODEL)
        except PullError as error:
            say(f"It could not be had ({error}); using {SMALLER_CHAT_MODEL}, whose answers are poor")
            fetch(SMALLER_CHAT_MODEL)
            return SMALLER_CHAT_MODEL
    except PullError as error:
        sys.exit(f"The demo needs small models, fetched once: {error}")
    return CHAT_MODEL


def fetch(name: str) -> None:
    """Fetch one model, unless the cache has it; says what it does."""
    from azure_inference_local import weights  # noqa: PLC0415 - as in endpoint()

    if weights.path_of(name) is None:
        say(f"Fetching the weights of {name} (once; kept in your cache) ...")
        weights.pull(name)


def chain_streams() -> None:
    """A LangChain chain streams an answer."""
    step(1, "LangChain: prompt | model | parser, streaming")
    prompt = ChatPromptTemplate.from_messages(
        [("system", "You answer in two short sentences."), ("user", "{question}")]
    )
    with ChatAzureInference(temperature=0, max_tokens=120) as model:
        chain = prompt | model | StrOutputParser()
        question = "What is the capital of France, and which river runs through it?"
        print(f"   Q: {question}")
        stream("A", chain.stream({"question": question}))


def retrieval_chain_answers() -> None:
    """A LangChain retrieval chain answers with its sources."""
    step(2, "LangChain: retrieval over a vector store, with sources")
    documents = [Document(text, metadata={"chapter": name}) for name, text in chapters()]
    with AzureInferenceEmbeddings() as embeddings, ChatAzureInference(temperature=0, max_tokens=120) as model:
        begun = time.monotonic()
        store = InMemoryVectorStore.from_documents(documents, embeddings)
        print(f"   embedded {len(documents)} chapters in {time.monotonic() - begun:.1f} s")
        prompt = ChatPromptTemplate.from_template(
            "Answer in one short sentence, from this text only.\n\n{context}\n\nQuestion: {question}"
        )
        chain = prompt | model | StrOutputParser()
        question = "What does the assert statement raise when the expression is false?"
        found = store.similarity_search(question, k=2)
        context = "\n\n".join(document.page_content[:700] for document in found)
        print(f"   Q: {question}")
        stream("A", chain.stream({"context": context, "question": question}))
        print(f"   sources: {', '.join(document.metadata['chapter'] for document in found)}")


def index_answers() -> None:
    """A LlamaIndex index answers a question, streaming."""
    step(3, "LlamaIndex: VectorStoreIndex with our embedding and LLM, streaming")
    documents = [IndexDocument(text=text, metadata={"chapter": name}) for name, text in chapters()]
    with AzureInferenceEmbedding() as embedding, AzureInference(temperature=0, max_tokens=120) as llm:
        begun = time.monotonic()
        index = VectorStoreIndex.from_documents(
            documents,
            embed_model=embedding,
            transformations=[SentenceSplitter(chunk_size=256, chunk_overlap=16)],
        )
        print(f"   indexed {len(index.index_struct.nodes_dict)} passages in {time.monotonic() - begun:.1f} s")
        engine = index.as_query_engine(llm=llm, similarity_top_k=2, streaming=True)
        question = "Which statement ends the nearest enclosing loop?"
        print(f"   Q: {question}")
        response = engine.query(question)
        assert isinstance(response, StreamingResponse)
        stream("A", response.response_gen)
        print(f"   sources: {', '.join(node.metadata['chapter'] for node in response.source_nodes)}")


def errors_arrive() -> None:
    """What a model refuses, and what content safety blocks, are exceptions one can act on."""
    step(4, "Errors: a parameter the model refuses, and content safety")
    with ChatAzureInference(max_tokens=20) as model:
        try:
            model.invoke("Hello", telepathy=True, extra_parameters="error")
            print("   this endpoint accepted the parameter 'telepathy'")
        except UnsupportedParameterError as error:
            show(error)
            print(f"   .parameters: {[parameter.name for parameter in error.parameters]}")
        try:
            model.invoke("Tell me how to kill someone with a knife.")
            print("   this endpoint let the prompt through")
        except ContentFilteredError as error:
            show(error)
            print(f"   .categories: {error.categories}")


def chapters() -> Iterable[tuple[str, str]]:
    """The documents: name and text."""
    return [(name, topics[name]) for name in CHAPTERS if name in topics]


def stream(label: str, pieces: Iterable[str]) -> None:
    """Print an answer as it arrives, with the time to its first piece."""
    begun = time.monotonic()
    first = None
    print(f"   {label}: ", end="", flush=True)
    for piece in pieces:
        if piece and first is None:
            first = time.monotonic() - begun
        print(piece, end="", flush=True)
    print(f"\n   (first piece after {first or 0:.1f} s, all after {time.monotonic() - begun:.1f} s)")


def show(error: Exception) -> None:
    """Print an error as a user sees it."""
    kind = type(error)
    print(
        textwrap.fill(
            f"{kind.__module__}.{kind.__name__}: {error}",
            100,
            initial_indent="   ",
            subsequent_indent="     ",
        )
    )


def step(number: int, title: str) -> None:
    """Announce a step."""
    print(f"\n{number}. {title}", flush=True)


def say(text: str) -> None:
    """Say what is going on."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
