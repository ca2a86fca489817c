"""Secrets and processes: ``multiprocessing``'s own pipes carry keys and headers, no other pickle does, and copies know."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import pytest
from azure.core.credentials import AccessToken
from langchain_core.caches import InMemoryCache
from langchain_core.runnables import ConfigurableField
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.schema import Document

from azure_inference_core import Connection
from azure_inference_core.errors import InferenceError, UnsupportedParameterError
from langchain_azure_inference import AzureInferenceEmbeddings
from llamaindex_azure_inference import AzureInferenceEmbedding
from tests.security.test_secrets import CORE, HEADER, KEYS, RENDERINGS, URL, core_thing, shown
from tests.support.entry_points import CLASSES, ENTRY_POINTS, made
from tests.support.fault_server import FaultServer
from tests.support.scripted_server import answer_well
from tests.support.wire import CANARY_KEY

LANGCHAIN = CLASSES[:3]
REFUSAL = {
    "error": "invalid input",
    "status": 422,
    "details": [
        {"type": "extra_forbidden", "loc": ["body", "top_k"], "msg": "Extra inputs are not permitted"}
    ],
}


class Identity:
    """A token credential that pickles, and holds its secret as plainly as a user's own class does."""

    def __init__(self) -> None:
        self.secret = CANARY_KEY

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        """A token with the secret in it."""
        return AccessToken(f"token-of-{self.secret}", int(time.time()) + 3600)


class Locked(Identity):
    """One that does not pickle."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


def connection_of(thing: Any) -> Connection:
    """The connection of anything that has one."""
    return thing if isinstance(thing, Connection) else getattr(thing, "_client", thing).connection


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
        connection = connection_of(thing)
        assert connection.auth.headers(1)["api-key"] == CANARY_KEY
        assert connection.default_headers == {"x-team": HEADER}
        text = "".join(shown(thing, render) for render in RENDERINGS.values())
        assert CANARY_KEY not in text
        assert HEADER not in text


@pytest.mark.parametrize("kind", [*CORE, *CLASSES], ids=lambda kind: kind.__name__)
def test_pipes_between_processes_carry_credential_objects(
    kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token credential goes to a worker as it is; of one that does not pickle the worker says what to do instead."""
    things = [
        core_thing(kind, credential) if kind in CORE else made(kind, URL, credential=credential)
        for credential in (Identity(), Locked())
    ]
    for _ in range(2):
        things = pickle.loads(ForkingPickler.dumps(things))
        carried, left = things
        assert connection_of(carried).auth.headers(1) == {"authorization": f"Bearer token-of-{CANARY_KEY}"}
        assert CANARY_KEY not in "".join(shown(carried, render) for render in RENDERINGS.values())
        copies = [left, copy.deepcopy(left), *([left.model_copy()] if kind in CLASSES else [])]
        for twin in copies:
            with pytest.raises(
                InferenceError, match="Locked cannot be pickled; set AZURE_INFERENCE_CREDENTIAL"
            ):
                _ = connection_of(twin).auth
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "from-the-environment")
    for twin in copies:
        assert connection_of(twin).auth.headers(1)["api-key"] == "from-the-environment"


@pytest.mark.parametrize("credential", [*KEYS, "token credential"])
@pytest.mark.parametrize("kind", [*CORE, *CLASSES], ids=lambda kind: kind.__name__)
def test_what_outlives_a_process_has_no_secret(kind: type[Any], credential: str, tmp_path: Path) -> None:
    """Pickles of every protocol, cloudpickle's (of Ray and Spark), and joblib's files have no key and no header."""
    key = KEYS.get(credential, Identity)()
    headers = {"default_headers": {"x-team": HEADER}}
    thing = core_thing(kind, key) if kind in CORE else made(kind, URL, credential=key, **headers)
    joblib.dump(thing, tmp_path / "file")
    written = [
        *(pickle.dumps(thing, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
        cloudpickle.dumps(thing),
        cloudpickle.dumps(lambda: thing),
        (tmp_path / "file").read_bytes(),
    ]
    for text in written:
        assert CANARY_KEY.encode() not in text
        assert HEADER.encode() not in text


def test_caches_have_no_secret(tmp_path: Path) -> None:
    """Neither LangChain's cache of answers nor LlamaIndex's of ingestion holds a key or a header."""
    headers = {"default_headers": {"x-team": HEADER}}
    with FaultServer(answer_well) as server:
        cache = InMemoryCache()
        made(LANGCHAIN[0], server.url, cache=cache, **headers).invoke("a")
        pipeline = IngestionPipeline(
            transformations=[made(AzureInferenceEmbedding, server.url, **headers)], cache=IngestionCache()
        )
        pipeline.run(documents=[Document(text="a")])
        pipeline.persist(str(tmp_path))
    text = repr(cache._cache) + "".join(path.read_text() for path in tmp_path.iterdir())
    assert "a" in text
    assert CANARY_KEY not in text
    assert HEADER not in text


def work(thing: Any, name: str) -> Any:
    """One call, in a worker process."""
    return next(entry for entry in ENTRY_POINTS if str(entry) == name).use(thing)


def ask_in_pools(method: str) -> None:
    """One call of each class in pools of worker processes."""
    entries = {entry.kind: entry for entry in ENTRY_POINTS if not entry.asynchronous}
    context = multiprocessing.get_context(method)
    with FaultServer(answer_well) as server:
        things = [made(kind, server.url, default_headers={"x-team": HEADER}) for kind in entries]
        names = [str(entry) for entry in entries.values()]
        wanted = [entry.wanted for entry in entries.values()]
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(work, things, names)) == wanted
        workers = context.Pool(2)
        assert workers.starmap(work, zip(things, names, strict=True)) == wanted
        workers.close()
        workers.join()
        assert {request.headers["api-key"] for request in server.requests} == {CANARY_KEY}
        assert {request.headers["x-team"] for request in server.requests} == {HEADER}
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            named = [made(kind, server.url, credential=Identity()) for kind in entries]
            assert list(pool.map(work, named, names)) == wanted
        assert server.requests[-1].headers["authorization"] == f"Bearer token-of-{CANARY_KEY}"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_worker_processes_have_the_key(method: str) -> None:
    """Objects with a key or a credential given in code work in pools of processes."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("this system has no such processes")
    # In a process of its own: one that other tests have filled with threads is no place to fork.
    code = f"from tests.security.test_processes import ask_in_pools; ask_in_pools({method!r})"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("asynchronous", [False, True], ids=["run", "arun"])
async def test_ingestion_has_workers(asynchronous: bool) -> None:
    """LlamaIndex's ingestion embeds in worker processes with a key given in code."""
    documents = [Document(text=f"text {number}") for number in range(4)]
    with FaultServer(answer_well) as server:
        embedding = made(AzureInferenceEmbedding, server.url, default_headers={"x-team": HEADER})
        pipeline = IngestionPipeline(transformations=[embedding])
        if asynchronous:
            nodes = await pipeline.arun(documents=documents, num_workers=2)
        else:
            nodes = pipeline.run(documents=documents, num_workers=2)
        assert all(node.embedding for node in nodes)
        assert {request.headers["api-key"] for request in server.requests} == {CANARY_KEY}


def ask_for_too_much(thing: Any, use: str) -> Any:
    """A call with a parameter that the server refuses, in a worker process."""
    return getattr(thing, use)("a", top_k=5)


def in_a_pool(task: Callable[..., Any], *arguments: Any) -> None:
    """Run a task in one worker process of the kind that Python starts everywhere."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(task, *arguments).result()


@pytest.mark.slow
def test_an_error_of_a_worker_comes_back_whole() -> None:
    """It has its class, status, parameters and text, whichever pool and framework it went through."""
    with FaultServer(lambda call: call.respond(422, REFUSAL)) as server:
        embedding = made(AzureInferenceEmbedding, server.url, model_extras={"top_k": 5})
        model = made(LANGCHAIN[0], server.url)
        pipeline = IngestionPipeline(transformations=[embedding])
        ways: list[Callable[[], Any]] = [
            lambda: in_a_pool(ask_for_too_much, model, "invoke"),
            lambda: in_a_pool(ask_for_too_much, made(CLASSES[4], server.url), "complete"),
            lambda: pipeline.run(documents=[Document(text="a"), Document(text="b")], num_workers=2),
        ]
        for way in ways:
            with pytest.raises(UnsupportedParameterError, match="top_k") as caught:
                way()
            refused = [parameter.name for parameter in caught.value.parameters]
            assert (caught.value.status, refused, caught.value.attempts) == (422, ["top_k"], 1)


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
