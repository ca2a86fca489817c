"""A synchronous call of several requests can be left: by Ctrl-C, and by the first failure."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from contextvars import ContextVar
from typing import Any

import pytest
from llama_index.core.storage.kvstore import SimpleKVStore

from azure_inference_core import AuthenticationError, EmbeddingBatch, EmbeddingsClient
from azure_inference_core._client.threads import in_threads
from langchain_azure_inference import AzureInferenceEmbeddings, AzureInferenceLLM
from llamaindex_azure_inference import AzureInferenceEmbedding
from tests.support import wire
from tests.support.drive import connect
from tests.support.fault_server import Call, FaultServer
from tests.support.scripted_server import Reply, ScriptedServer

TEXTS = [f"text {number}" for number in range(6)]
SILENCE = 60.0
"""Seconds that a silent server would keep a caller who waits for it."""


def test_items_come_as_their_work_is_done() -> None:
    """Each item once, no more at once than the limit, in the caller's context, taken in the caller's thread."""
    setting: ContextVar[str] = ContextVar("setting")
    setting.set("the caller's")
    busy, most, lock = 0, 0, threading.Lock()
    takers: set[int] = set()

    def items() -> Any:
        for number in range(40):
            takers.add(threading.get_ident())
            yield number

    def work(number: int) -> None:
        nonlocal busy, most
        assert setting.get() == "the caller's"
        assert threading.current_thread().daemon
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.001 * (number % 3))
        with lock:
            busy -= 1

    assert sorted(in_threads(work, items(), 4)) == list(range(40))
    assert most <= 4
    assert takers == {threading.get_ident()}


def test_after_a_failure_nothing_more_is_begun() -> None:
    """The error comes out as it is; of a hundred items only the few that were on their way are touched."""
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 3:
            raise LookupError(number)

    with pytest.raises(LookupError):
        list(in_threads(work, range(100), 2))
    assert len(begun) < 20


def test_a_caller_who_leaves_ends_the_threads() -> None:
    """No thread stays behind when the items are no longer asked for."""
    before = threading.active_count()
    with closing(in_threads(lambda _: None, range(50), 3)) as items:
        next(items)
    for _ in range(200):
        if threading.active_count() <= before:
            break
        time.sleep(0.05)
    assert threading.active_count() <= before


@pytest.fixture
def silent() -> Any:
    """An endpoint that refuses the text "text 3" and says nothing to the others but "text 0"."""

    def handle(call: Call) -> None:
        inputs = call.request.json.get("input") or [call.request.json.get("prompt")]
        if "text 3" in inputs:
            time.sleep(0.2)  # the others are on their way by then
            call.respond(401, {"error": {"message": "no"}})
        elif "text 0" in inputs:
            call.respond(200, wire.embeddings(inputs, encoding_format="base64"))
        else:
            call.server.stopping.wait(SILENCE)

    with FaultServer(handle) as server:
        yield server


MAKERS = {
    "LangChain": lambda url: AzureInferenceEmbeddings(endpoint=url, credential="a-test-key", batch_size=1),
    "LlamaIndex": lambda url: AzureInferenceEmbedding(url, "a-test-key", embed_batch_size=1),
}
WAYS = {
    "LangChain": lambda model: model.embed_documents(TEXTS),
    "LlamaIndex": lambda model: model.get_text_embedding_batch(TEXTS),
}


@pytest.mark.parametrize("framework", MAKERS)
def test_a_failure_does_not_wait_for_the_silent(silent: FaultServer, framework: str) -> None:
    """A batch that fails ends the job while others are still without an answer."""
    started = time.monotonic()
    with pytest.raises(AuthenticationError, match="401"):
        WAYS[framework](MAKERS[framework](silent.url))
    assert time.monotonic() - started < SILENCE / 2


def test_prompts_of_one_call_do_not_wait_either(silent: FaultServer) -> None:
    """LangChain's text completion of several prompts leaves at the first failure, too."""
    started = time.monotonic()
    model = AzureInferenceLLM(endpoint=silent.url, credential="a-test-key")
    with pytest.raises(AuthenticationError, match="401"):
        model.generate(["text 2", "text 3"])
    assert time.monotonic() - started < SILENCE / 2


def test_what_was_paid_for_is_kept(silent: FaultServer) -> None:
    """Vectors that came before the failure are in the cache, and given to the hook."""
    cache = SimpleKVStore()
    embedding = AzureInferenceEmbedding(silent.url, "a-test-key", embed_batch_size=1, embeddings_cache=cache)
    with pytest.raises(AuthenticationError):
        embedding.get_text_embedding_batch(TEXTS)
    assert len(cache.get_all(collection="embeddings")) == 1
    seen: list[EmbeddingBatch] = []
    with EmbeddingsClient(connect(silent.url), batch_size=1) as client, pytest.raises(AuthenticationError):
        client.embed(TEXTS, done=seen.append)
    assert [batch.inputs for batch in seen] == [["text 0"]]


async def test_what_was_paid_for_is_kept_async(silent: FaultServer) -> None:
    """So it is in async calls."""
    cache = SimpleKVStore()
    embedding = AzureInferenceEmbedding(silent.url, "a-test-key", embed_batch_size=1, embeddings_cache=cache)
    async with embedding:
        with pytest.raises(AuthenticationError):
            await embedding.aget_text_embedding_batch(TEXTS)
    assert len(cache.get_all(collection="embeddings")) == 1


PROGRAM = """
import sys
from tests.core.test_threads import MAKERS, WAYS
model = MAKERS[sys.argv[1]](sys.argv[2])
print("asking", flush=True)
WAYS[sys.argv[1]](model)
"""


@pytest.mark.slow
@pytest.mark.parametrize("framework", MAKERS)
def test_ctrl_c_leaves_at_once(framework: str) -> None:
    """An interrupt ends a program whose batches wait for a silent service."""
    with ScriptedServer() as server:
        server.reply_always(lambda _request: Reply(delay=SILENCE))
        program = [sys.executable, "-c", PROGRAM, framework, server.url]
        with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            assert child.stdout
            assert child.stdout.readline() == "asking\n"
            while len(server.requests) < 2:
                time.sleep(0.05)
            child.send_signal(signal.SIGINT)
            started = time.monotonic()
            _, told = child.communicate(timeout=SILENCE)
        assert time.monotonic() - started < SILENCE / 2
    assert "KeyboardInterrupt" in told
