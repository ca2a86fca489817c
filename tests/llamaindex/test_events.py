"""Observers: each call is one event, one trace, one question to the rate limiter; tokens are counted once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload, TokenCountingHandler
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.base import BaseEvent
from llama_index.core.rate_limiter import BaseRateLimiter

from tests.llamaindex.helpers import KEY, WAYS, Recorder, ask, chat_model, completion_model, embedding_model
from tests.support.scripted_server import Reply, ScriptedServer

MAKERS = {"chat model": chat_model, "completion model": completion_model}
every_model = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
every_way = pytest.mark.parametrize("way", WAYS)


class Collector(BaseEventHandler):
    """An instrumentation handler that keeps what it sees."""

    seen: list[Any] = []  # noqa: RUF012 - pydantic copies it

    @classmethod
    def class_name(cls) -> str:
        """The handler's name."""
        return "Collector"

    def handle(self, event: BaseEvent, **_kwargs: Any) -> None:
        """Keep an event."""
        self.seen.append(event)

    def names(self) -> list[str]:
        """Names of the events, in order."""
        return [type(event).__name__ for event in self.seen]


class Limiter(BaseRateLimiter):
    """A rate limiter that only counts."""

    def __init__(self) -> None:
        self.asked = 0

    def acquire(self, num_tokens: int = 0) -> None:
        """Count."""
        self.asked += 1

    async def async_acquire(self, num_tokens: int = 0) -> None:
        """Count."""
        self.asked += 1


@pytest.fixture
def events() -> Iterator[Collector]:
    """Everything that instrumentation reports during a test."""
    collector, root = Collector(), get_dispatcher()
    root.add_event_handler(collector)
    yield collector
    root.event_handlers.remove(collector)


@every_way
@every_model
async def test_each_call_is_one_legacy_event(plain: ScriptedServer, make: Any, way: str) -> None:
    """One LLM event starts and ends, with the response in its payload."""
    recorder = Recorder()
    llm = make(plain, callback_manager=recorder.manager())
    await ask(llm, way)
    assert recorder.started.count(CBEventType.LLM) == 1
    payloads = recorder.payloads(CBEventType.LLM)
    assert len(payloads) == 1
    assert payloads[0].keys() & {EventPayload.RESPONSE, EventPayload.COMPLETION}
    await llm.aclose()


@every_way
@every_model
async def test_each_call_is_one_pair_of_events(
    plain: ScriptedServer, events: Collector, make: Any, way: str
) -> None:
    """One start and one end of the call's own kind, all of them JSON without the key."""
    llm = make(plain)
    await ask(llm, way)
    kind = "LLMCompletion" if "complete" in way else "LLMChat"
    names = [name for name in events.names() if name.startswith("LLM") and "InProgress" not in name]
    assert names == [f"{kind}StartEvent", f"{kind}EndEvent"]
    for event in events.seen:
        assert KEY not in json.dumps(event.model_dump(mode="json"), default=str)
    await llm.aclose()


@every_way
async def test_start_event_says_which_model(plain: ScriptedServer, events: Collector, way: str) -> None:
    """The payload of a start is the class and its metadata."""
    llm = chat_model(plain, model="m")
    await ask(llm, way)
    told = next(event for event in events.seen if "Start" in type(event).__name__).model_dict
    assert (told["class_name"], told["model_name"], told["is_chat_model"]) == ("AzureInference", "m", True)
    await llm.aclose()


@every_way
@every_model
async def test_tokens_are_counted_once_as_reported(plain: ScriptedServer, make: Any, way: str) -> None:
    """TokenCountingHandler counts the service's 7 and 6, once."""
    counter = TokenCountingHandler()
    llm = make(plain, callback_manager=CallbackManager([counter]))
    await ask(llm, way)
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (7, 6)
    await llm.aclose()


@every_way
@every_model
async def test_rate_limiter_is_asked_once(plain: ScriptedServer, make: Any, way: str) -> None:
    """One call is one question to the limiter."""
    limiter = Limiter()
    llm = make(plain, rate_limiter=limiter)
    await ask(llm, way)
    assert limiter.asked == 1
    await llm.aclose()


@every_way
async def test_failed_call_ends_its_event(plain: ScriptedServer, way: str) -> None:
    """A failure ends the event with the exception."""
    recorder = Recorder()
    plain.reply(Reply(401, {}))
    llm = chat_model(plain, callback_manager=recorder.manager())
    with pytest.raises(Exception, match="401"):
        await ask(llm, way)
    (payload,) = recorder.payloads(CBEventType.LLM)
    assert "401" in str(payload[EventPayload.EXCEPTION])
    await llm.aclose()


TEXTS = [f"text {i}" for i in range(7)]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_each_batch_of_embeddings_is_one_event(
    plain: ScriptedServer, events: Collector, asynchronous: bool
) -> None:
    """Seven texts in batches of three: three legacy events, three pairs, with their texts and vectors."""
    recorder = Recorder()
    embedding = embedding_model(plain, embed_batch_size=3, callback_manager=recorder.manager())
    if asynchronous:
        vectors = await embedding.aget_text_embedding_batch(TEXTS)
    else:
        vectors = embedding.get_text_embedding_batch(TEXTS)
    payloads = recorder.payloads(CBEventType.EMBEDDING)
    by_text = {
        text: p[EventPayload.EMBEDDINGS][i] for p in payloads for i, text in enumerate(p[EventPayload.CHUNKS])
    }
    assert [by_text[text] for text in TEXTS] == vectors
    assert recorder.started.count(CBEventType.EMBEDDING) == len(payloads) == 3
    assert events.names().count("EmbeddingStartEvent") == events.names().count("EmbeddingEndEvent") == 3
    await embedding.aclose()


@pytest.mark.parametrize("method", ["get_text_embedding", "get_query_embedding"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_single_embeddings_are_one_event(
    plain: ScriptedServer, method: str, asynchronous: bool
) -> None:
    """One text is one event and one question to the limiter."""
    recorder, limiter = Recorder(), Limiter()
    embedding = embedding_model(plain, callback_manager=recorder.manager(), rate_limiter=limiter)
    result = getattr(embedding, f"a{method}" if asynchronous else method)("x")
    assert await result if asynchronous else result
    assert (recorder.started.count(CBEventType.EMBEDDING), len(recorder.ended), limiter.asked) == (1, 1, 1)
    await embedding.aclose()


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_failed_batch_ends_every_event(plain: ScriptedServer, asynchronous: bool) -> None:
    """When a batch fails, no event stays open: those not done end with the exception."""
    recorder = Recorder()
    plain.reply_always(lambda _request: Reply(401, {}))
    embedding = embedding_model(plain, embed_batch_size=3, callback_manager=recorder.manager())

    async def embed() -> None:
        """Embed the texts."""
        if asynchronous:
            await embedding.aget_text_embedding_batch(TEXTS)
        else:
            embedding.get_text_embedding_batch(TEXTS)

    with pytest.raises(Exception, match="401"):
        await embed()
    assert len(recorder.payloads(CBEventType.EMBEDDING)) == 3
    assert all(EventPayload.EXCEPTION in payload for payload in recorder.payloads(CBEventType.EMBEDDING))
    await embedding.aclose()


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_rate_limiter_is_asked_once_a_batch(plain: ScriptedServer, asynchronous: bool) -> None:
    """Three batches are three questions."""
    limiter = Limiter()
    embedding = embedding_model(plain, embed_batch_size=3, rate_limiter=limiter)
    if asynchronous:
        await embedding.aget_text_embedding_batch(TEXTS)
    else:
        embedding.get_text_embedding_batch(TEXTS)
    assert limiter.asked == 3
    await embedding.aclose()


def test_image_embedding_is_one_event(plain: ScriptedServer) -> None:
    """An image is one legacy event."""
    recorder = Recorder()
    embedding = embedding_model(plain, callback_manager=recorder.manager())
    embedding.get_image_embedding("data:image/png;base64,AAAA")
    assert len(recorder.payloads(CBEventType.EMBEDDING)) == 1
