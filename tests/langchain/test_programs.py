"""Real programs: chains, agents, graphs, retrieval, indexing; on a model of rules and on a real small one.

The model of rules calls the tools a question is about, so what a program does can be asserted word for word. The
real one (135 million parameters, run by the local endpoint) says what it likes: there, what must hold
for any model is asserted: shapes, schemas, histories, counts.
"""

from __future__ import annotations

import operator
import re
import sysconfig
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.documents import Document
from langchain_core.indexing import InMemoryRecordManager, index
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_qdrant import QdrantVectorStore
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from azure_inference_local import Endpoint
from langchain_azure_inference import AzureInferenceEmbeddings, AzureInferenceLLM, ChatAzureInference
from tests.langchain import brain
from tests.local.passages import PAIRS
from tests.support.scripted_server import Reply, ScriptedServer

pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True)
class Place:
    """An endpoint and how to reach it."""

    url: str
    key: str
    is_real: bool

    def chat(self, **more: Any) -> ChatAzureInference:
        """A chat model there; short answers, the same each time."""
        params = {"endpoint": self.url, "credential": self.key, "temperature": 0, "max_tokens": 16, **more}
        return ChatAzureInference(**params)

    def embeddings(self, **more: Any) -> AzureInferenceEmbeddings:
        """Embeddings there."""
        return AzureInferenceEmbeddings(endpoint=self.url, credential=self.key, **more)


@pytest.fixture
def real(local_endpoint: Endpoint) -> Place:
    """The local endpoint with the smallest real model."""
    return Place(local_endpoint.url, local_endpoint.key, is_real=True)


@pytest.fixture(params=["rules", pytest.param("real", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, thinking_server: ScriptedServer) -> Place:
    """Each program runs on both."""
    if request.param == "real":
        return request.getfixturevalue("real")  # type: ignore[no-any-return]
    return Place(thinking_server.url, "test", is_real=False)


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"It is sunny in {city}."


@tool
def population(city: str) -> int:
    """How many people live in a city."""
    return 717_710 if city == "Oslo" else 1


class Report(BaseModel):
    """A report on a city."""

    city: str = Field(description="the city's name")
    sunny: bool


async def test_a_chain_with_fallbacks_and_retries(place: Place, server: ScriptedServer) -> None:
    """A chain retries a failing model, falls back to a good one, and answers, whole, streamed and in a batch."""
    server.reply_always(lambda _request: Reply(503, {}))
    broken = ChatAzureInference(endpoint=server.url, credential="test", max_retries=0)
    prompt = ChatPromptTemplate.from_messages(
        [("system", "Be brief."), ("human", "Name a city in {country}.")]
    )
    model = broken.with_retry(stop_after_attempt=2, wait_exponential_jitter=False).with_fallbacks(
        [place.chat()]
    )
    chain = prompt | model | StrOutputParser()
    answer = chain.invoke({"country": "Norway"})
    assert answer
    assert len(server.requests) == 2
    assert "".join(chain.stream({"country": "Norway"})) == answer
    if place.is_real:
        return
    assert await chain.abatch([{"country": "Norway"}] * 2) == [answer] * 2
    both = RunnableParallel(one=chain, two=chain)
    assert both.invoke({"country": "Norway"}) == {"one": answer, "two": answer}


def check_history(messages: list[AnyMessage]) -> None:
    """Every call of a tool is answered, and the end is an answer."""
    calls = {c["id"] for m in messages if isinstance(m, AIMessage) for c in m.tool_calls}
    assert {m.tool_call_id for m in messages if isinstance(m, ToolMessage)} == calls
    assert isinstance(messages[-1], AIMessage | ToolMessage)


async def test_an_agent_with_two_tools(place: Place) -> None:
    """An agent calls its tools, hears their results and answers; sync, async and streamed."""
    agent = create_agent(place.chat(), [weather, population], system_prompt="Use the tools.")
    question = {"messages": [("user", "What is the weather and the population of Oslo?")]}
    state = agent.invoke(question)
    check_history(state["messages"])
    if not place.is_real:
        check_history((await agent.ainvoke(question))["messages"])
        results = [m.content for m in state["messages"] if isinstance(m, ToolMessage)]
        assert results == ["It is sunny in Oslo.", "717710"]
        assert state["messages"][-1].text.startswith("You said")
        streamed = list(agent.stream(question, stream_mode="messages"))
        assert any(message.text for message, _details in streamed)


@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
def test_an_agent_with_structured_output(place: Place, strategy: Any) -> None:
    """An agent's answer has the form of a schema, by a tool and by the service's own enforcement."""
    agent = create_agent(place.chat(max_tokens=60), [weather, population], response_format=strategy(Report))
    state = agent.invoke({"messages": [("user", "Report on the weather of Oslo.")]}, {"recursion_limit": 12})
    assert isinstance(state["structured_response"], Report)
    if not place.is_real:
        assert state["structured_response"].city == "Oslo"
        assert "It is sunny in Oslo." in [m.content for m in state["messages"]]


def test_a_model_that_keeps_to_schemas_is_asked_by_schema(thinking_server: ScriptedServer) -> None:
    """With a profile that says so, ``create_agent`` chooses the service's own enforcement by itself."""
    place = Place(thinking_server.url, "test", is_real=False)
    for model, by_schema in (("gpt-4o", True), ("Mistral-Large-2411", False)):
        agent = create_agent(place.chat(model=model), [], response_format=Report)
        state = agent.invoke({"messages": [("user", "Report on Paris.")]})
        assert isinstance(state["structured_response"], Report)
        assert ("response_format" in thinking_server.last.json) is by_schema


class State(TypedDict):
    """A conversation and how many answers it has."""

    messages: Annotated[list[AnyMessage], add_messages]
    turns: Annotated[int, operator.add]


def test_a_graph_with_a_checkpointer(place: Place) -> None:
    """A graph remembers a thread over runs, and forgets nothing of it in its checkpoints."""
    model = place.chat(max_tokens=6)
    rounds = 1 if place.is_real else 2

    def answer(state: State) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])], "turns": 1}

    def again(state: State) -> str:
        return END if state["turns"] % rounds == 0 else "answer"

    builder = StateGraph(State)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_conditional_edges("answer", again)
    graph = builder.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    first = graph.invoke({"messages": [HumanMessage("My name is Ann.")], "turns": 0}, config)
    assert len(first["messages"]) == 1 + rounds
    second = graph.invoke({"messages": [HumanMessage("Who am I?")], "turns": 0}, config)
    assert [m.type for m in second["messages"]] == (["human"] + ["ai"] * rounds) * 2
    assert second["messages"][: 1 + rounds] == first["messages"]
    stored = graph.get_state(config).values["messages"]
    assert stored == second["messages"]
    assert all(m.usage_metadata for m in stored if isinstance(m, AIMessage))
    if not place.is_real:
        bye = {"messages": [HumanMessage("Bye.")], "turns": 0}
        assert [message for message, _ in graph.stream(bye, config, stream_mode="messages")]


def test_a_long_conversation_is_summed_up(thinking_server: ScriptedServer) -> None:
    """``SummarizationMiddleware`` counts tokens without a tokenizer and sums up before the model overflows."""
    place = Place(thinking_server.url, "test", is_real=False)
    summary = SummarizationMiddleware(place.chat(), trigger=("tokens", 200), keep=("messages", 2))
    agent = create_agent(place.chat(), [], middleware=[summary], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    for turn in range(6):
        state = agent.invoke({"messages": [("user", f"Turn {turn}: " + "word " * 60)]}, config)
    assert len(state["messages"]) < 12
    assert any("summary" in message.text.lower() for message in state["messages"])


def passages(count: int) -> list[Document]:
    """Real prose that every machine has: what the standard library's sources say of themselves."""
    found: dict[str, Document] = {}
    for file in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        for text in re.findall(r'"""(.{60,}?)"""', file.read_text("utf-8", "replace"), re.DOTALL):
            source = f"{file.name}#{len(found)}"
            found.setdefault(text[:800], Document(text[:800], metadata={"source": source}))
    assert len(found) >= count
    return list(found.values())[:count]


@pytest.mark.slow
def test_retrieval_answers_from_the_right_passage(real: Place) -> None:
    """A retrieval chain over real embeddings finds the passage that answers, and hands it to the model."""
    store = InMemoryVectorStore(real.embeddings())
    texts = [passage for pair in PAIRS for passage in (pair[0], pair[2])]
    store.add_texts(texts)
    retriever = store.as_retriever(search_kwargs={"k": 1})
    questions = [(pair[1], pair[0]) for pair in PAIRS] + [(pair[3], pair[2]) for pair in PAIRS]
    found = [retriever.invoke(question)[0].page_content == passage for question, passage in questions]
    assert sum(found) >= 0.85 * len(found)
    prompt = ChatPromptTemplate.from_template("Answer from this: {context}\n\n{question}")
    context = retriever | (lambda documents: "\n".join(d.page_content for d in documents))
    chain = {"context": context, "question": RunnablePassthrough()} | prompt | real.chat(max_tokens=6)
    answer = chain.invoke(questions[0][0])
    assert answer.text
    assert answer.usage_metadata
    assert answer.usage_metadata["input_tokens"] > 20


def test_an_indexing_run(thinking_server: ScriptedServer) -> None:
    """Thousands of real passages go into a vector store in batches, once; what is new is all that is sent."""
    place = Place(thinking_server.url, "test", is_real=False)
    documents = passages(3000)
    store = QdrantVectorStore.from_texts(
        ["seed"], place.embeddings(batch_size=64), location=":memory:", collection_name="docs"
    )
    seeded = len(thinking_server.bodies)
    records = InMemoryRecordManager("docs")
    records.create_schema()

    def run(batch: list[Document]) -> dict[str, int]:
        result = index(
            batch,
            records,
            store,
            cleanup="incremental",
            source_id_key="source",
            batch_size=500,
            key_encoder=lambda document: str(uuid5(NAMESPACE_URL, document.page_content)),
        )
        return {"added": result["num_added"], "skipped": result["num_skipped"]}

    with closing(store.client):
        assert run(documents) == {"added": 3000, "skipped": 0}
        bodies = [body["input"] for body in thinking_server.bodies[seeded:]]
        assert max(map(len, bodies)) <= 64
        assert sum(map(len, bodies)) == 3000
        assert run(documents[:1000]) == {"added": 0, "skipped": 1000}
        assert len(thinking_server.bodies) == len(bodies) + seeded
        chosen = documents[1234]
        assert store.similarity_search(chosen.page_content, k=1)


@pytest.mark.slow
def test_a_store_on_disk_with_a_real_model(real: Place, tmp_path: Path) -> None:
    """Real passages get real vectors, whatever batch they went in, and are found again after a restart."""
    documents = passages(60)
    place: dict[str, Any] = {"path": str(tmp_path / "store"), "collection_name": "docs"}
    store = QdrantVectorStore.from_documents(documents, real.embeddings(batch_size=32), **place)
    store.client.close()
    store = QdrantVectorStore.from_existing_collection(embedding=real.embeddings(), **place)
    with closing(store.client):
        for document in documents[::15]:
            assert (
                store.similarity_search(document.page_content, k=1)[0].page_content == document.page_content
            )


@pytest.mark.slow
async def test_a_completion_chain(real: Place) -> None:
    """A prompt pipes into text completion on the real model, whole and streamed, sync and async."""
    llm = AzureInferenceLLM(endpoint=real.url, credential=real.key, max_tokens=4, temperature=0)
    chain = ChatPromptTemplate.from_template("Once upon a {thing}") | llm
    text = chain.invoke({"thing": "time"})
    assert text
    assert "".join(chain.stream({"thing": "time"})) == text
    assert await chain.ainvoke({"thing": "time"}) == text


@pytest.mark.slow
def test_images_become_vectors(real: Place, tmp_path: Path) -> None:
    """``embed_image`` reads files and gives vectors in which look-alikes are close."""
    from PIL import Image

    paths = []
    for name, colour in (("red", (250, 10, 10)), ("rose", (240, 30, 30)), ("blue", (10, 10, 250))):
        path = tmp_path / f"{name}.png"
        Image.new("RGB", (32, 32), colour).save(path)
        paths.append(str(path))
    red, rose, blue = real.embeddings().embed_image(paths)
    assert sum(map(operator.mul, red, rose)) > sum(map(operator.mul, red, blue))


def test_the_model_of_rules_is_strict() -> None:
    """The model of rules answers a schema with a value that fits it, or these programs would show nothing."""
    schema = Report.model_json_schema()
    assert Report.model_validate(brain.fill(schema, "Report on Paris."))
