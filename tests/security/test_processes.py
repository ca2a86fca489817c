"""Secrets and processes: ``multiprocessing``'s own pipes carry keys and headers, no other pickle does, and copies know."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pytest
from langchain_core.runnables import ConfigurableField
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import Document

from azure_inference_core import Connection
from azure_inference_core.errors import InferenceError
from langchain_azure_inference import AzureInferenceEmbeddings
from llamaindex_azure_inference import AzureInferenceEmbedding
from tests.security.test_secrets import CORE, HEADER, KEYS, RENDERINGS, URL, core_thing, shown
from tests.support.entry_points import CLASSES, ENTRY_POINTS, made
from tests.support.fault_server import FaultServer
from tests.support.scripted_server import answer_well
from tests.support.wire import CANARY_KEY

LANGCHAIN = CLASSES[:3]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_headers_left_behind_are_told_and_tell_objects_apart(
    kind: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """An unpickled object sends the short values that are no secrets, and the log names the headers that are missing."""
    entry = next(entry for entry in ENTRY_POINTS if entry.kind is kind and not entry.asynchronous)
    with FaultServer(answer_well) as server:
        one, other = (
            made(kind, server.url, default_headers={"x-team": "blue", "x-long": value})
            for value in (HEADER, f"{HEADER}-2")
        )
        again, different = pickle.loads(pickle.dumps(one)), pickle.loads(pickle.dumps(other))
        assert "x-long" in caplog.text
        assert HEADER not in caplog.text
        assert again.default_headers == pickle.loads(pickle.dumps(again)).default_headers
        assert again.default_headers != different.default_headers
        again.credential = CANARY_KEY
        assert entry.use(again) == entry.wanted
        assert server.requests[-1].headers["x-team"] == "blue"
        assert "x-long" not in server.requests[-1].headers
        again.default_headers = {"x-long": HEADER}
        entry.use(again)
        assert server.requests[-1].headers["x-long"] == HEADER
        again.close()


@pytest.mark.parametrize("credential", KEYS)
@pytest.mark.parametrize("kind", [*CORE, *CLASSES], ids=lambda kind: kind.__name__)
def test_pipes_between_processes_carry_secrets(kind: type[Any], credential: str) -> None:
    """What ``multiprocessing`` sends to a worker process has its key and headers; a pickle made there has neither."""
    key = KEYS[credential]()
    headers = {"default_headers": {"x-team": HEADER}}
    thing = core_thing(kind, key) if kind in CORE else made(kind, URL, credential=key, **headers)
    for _ in range(2):
        thing = pickle.loads(ForkingPickler.dumps([thing]))[0]
        connection = thing if kind is Connection else getattr(thing, "_client", thing).connection
        assert connection.auth.headers(1)["api-key"] == CANARY_KEY
        assert connection.default_headers == {"x-team": HEADER}
        text = "".join(shown(thing, render) for render in RENDERINGS.values())
        assert CANARY_KEY not in text
        assert HEADER not in text


def work(thing: Any, name: str) -> Any:
    """One call, in a worker process."""
    return next(entry for entry in ENTRY_POINTS if str(entry) == name).use(thing)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_worker_processes_have_the_key(method: str) -> None:
    """Objects with a key given in code work in pools of processes, and so does LlamaIndex's ingestion with workers."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("this system has no such processes")
    entries = {entry.kind: entry for entry in ENTRY_POINTS if not entry.asynchronous}
    context = multiprocessing.get_context(method)
    with FaultServer(answer_well) as server:
        things = [made(kind, server.url, default_headers={"x-team": HEADER}) for kind in entries]
        names = [str(entry) for entry in entries.values()]
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(work, things, names)) == [entry.wanted for entry in entries.values()]
        with context.Pool(2) as workers:
            assert workers.starmap(work, zip(things, names, strict=True))
        if method == "spawn":
            documents = [Document(text=f"text {number}") for number in range(4)]
            embedding = made(AzureInferenceEmbedding, server.url, default_headers={"x-team": HEADER})
            nodes = IngestionPipeline(transformations=[embedding]).run(documents=documents, num_workers=2)
            assert all(node.embedding for node in nodes)
        assert {request.headers["api-key"] for request in server.requests} == {CANARY_KEY}
        assert {request.headers["x-team"] for request in server.requests} == {HEADER}


@pytest.mark.parametrize("given", [True, False], ids=["in code", "in the environment"])
@pytest.mark.parametrize("kind", LANGCHAIN, ids=lambda kind: kind.__name__)
def test_a_copy_of_an_unpickled_model_wants_its_key_too(
    kind: type[Any], given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What LangChain makes of a model whose key was left behind looks for a key, and takes no token in its place."""
    if not given:
        monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", CANARY_KEY)
    loaded = pickle.loads(pickle.dumps(made(kind, URL, credential=CANARY_KEY if given else None)))
    monkeypatch.delenv("AZURE_INFERENCE_CREDENTIAL", raising=False)
    copies = [
        kind(**{**{name: vars(loaded)[name] for name in kind.model_fields}, "timeout": 9}),
        loaded.model_copy(update={"timeout": 9}),
        copy.deepcopy(loaded),
    ]
    if kind is not AzureInferenceEmbeddings:
        configurable = loaded.configurable_fields(max_tokens=ConfigurableField("tokens"))
        copies.append(configurable.prepare({"configurable": {"tokens": 5}})[0])
    for twin in copies:
        with pytest.raises(InferenceError, match="AZURE_INFERENCE_CREDENTIAL"):
            _ = twin._client.connection.auth
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "from-the-environment")
    for twin in copies:
        assert twin._client.connection.auth.headers(1)["api-key"] == "from-the-environment"
