"""Embeddings: texts, queries and images, in batches, in order, cached, counted, several at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.storage.kvstore import SimpleKVStore

from llamaindex_azure_inference.errors import (
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    UnsupportedParameterError,
)
from tests.llamaindex.helpers import KEY, embedding_model
from tests.llamaindex.test_messages import PNG, PNG_URL
from tests.support import wire
from tests.support.fault_server import Request
from tests.support.scripted_server import Reply, ScriptedServer

TEXTS = [f"text number {i}" for i in range(23)]
SINGLES = ("get_text_embedding", "get_query_embedding", "_get_text_embedding", "_get_query_embedding")
both = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


async def call(embedding: Any, method: str, asynchronous: bool, *args: Any, **kwargs: Any) -> Any:
    """Call a method or its async twin."""
    if not asynchronous:
        return getattr(embedding, method)(*args, **kwargs)
    twin = f"_a{method[1:]}" if method.startswith("_") else f"a{method}"
    return await getattr(embedding, twin)(*args, **kwargs)


@both
@pytest.mark.parametrize("method", SINGLES)
async def test_one_text(server: ScriptedServer, method: str, asynchronous: bool) -> None:
    """Each method for one text gives that text's vector, and sends the input type of its kind."""
    embedding = embedding_model(server)
    assert await call(embedding, method, asynchronous, "x") == wire.vector_of("x")
    assert server.last.json["input"] == ["x"]
    assert server.last.json["input_type"] == ("query" if "query" in method else "document")
    await embedding.aclose()


@both
@pytest.mark.parametrize("size", [1, 5, 96])
async def test_batches_keep_the_order(server: ScriptedServer, size: int, asynchronous: bool) -> None:
    """Vectors come in the order of the texts, whatever the batch size; no batch is larger than asked."""
    embedding = embedding_model(server, embed_batch_size=size)
    vectors = await call(embedding, "get_text_embedding_batch", asynchronous, TEXTS)
    assert vectors == [wire.vector_of(text) for text in TEXTS]
    assert max(len(body["input"]) for body in server.bodies) <= size
    assert len(server.requests) == -(-len(TEXTS) // size)
    await embedding.aclose()


def reversed_data(request: Request) -> dict[str, Any]:
    """A good answer with its vectors in reverse."""
    body = wire.embeddings(request.json["input"], encoding_format=request.json.get("encoding_format"))
    body["data"].reverse()
    return body


@both
async def test_vectors_are_put_at_their_index(plain: ScriptedServer, asynchronous: bool) -> None:
    """A server that answers in another order does not mix texts up."""
    plain.reply_always(reversed_data)
    embedding = embedding_model(plain, embed_batch_size=5)
    vectors = await call(embedding, "get_text_embedding_batch", asynchronous, TEXTS)
    assert vectors == [wire.vector_of(text) for text in TEXTS]
    await embedding.aclose()


@both
async def test_nothing_is_sent_for_nothing(plain: ScriptedServer, asynchronous: bool) -> None:
    """No texts, no request."""
    embedding = embedding_model(plain)
    assert await call(embedding, "get_text_embedding_batch", asynchronous, []) == []
    assert plain.requests == []


def test_one_string_is_no_list(plain: ScriptedServer) -> None:
    """A string where a list belongs is refused, not embedded letter by letter."""
    with pytest.raises(TypeError, match="put it in a list"):
        embedding_model(plain).get_text_embedding_batch("text")  # type: ignore[arg-type]


@both
async def test_base_class_s_batch_hooks(plain: ScriptedServer, asynchronous: bool) -> None:
    """The hooks that other code calls directly answer in order too."""
    embedding = embedding_model(plain, embed_batch_size=5)
    vectors = await call(embedding, "_get_text_embeddings", asynchronous, TEXTS)
    assert vectors == [wire.vector_of(text) for text in TEXTS]
    await embedding.aclose()


class Meter:
    """Answers slowly and counts how many requests are on their way at once."""

    def __init__(self, delay: float = 0.15) -> None:
        self.delay = delay
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> dict[str, Any]:
        """Answer well, after the delay."""
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.delay)
        with self._lock:
            self.now -= 1
        encoding = request.json.get("encoding_format")
        return wire.embeddings([str(item) for item in request.json["input"]], encoding_format=encoding)


@both
@pytest.mark.parametrize("limit", [1, 4])
async def test_batches_go_at_once(plain: ScriptedServer, limit: int, asynchronous: bool) -> None:
    """Sync as well as async, up to ``max_concurrency`` batches are on their way, and no more."""
    meter = Meter()
    plain.reply_always(meter)
    embedding = embedding_model(plain, embed_batch_size=2, max_concurrency=limit)
    vectors = await call(embedding, "get_text_embedding_batch", asynchronous, TEXTS[:12])
    assert vectors == [wire.vector_of(text) for text in TEXTS[:12]]
    assert meter.most == limit
    await embedding.aclose()


async def test_num_workers_is_the_limit_of_async_calls(plain: ScriptedServer) -> None:
    """The framework's ``num_workers`` limits async batches."""
    meter = Meter()
    plain.reply_always(meter)
    embedding = embedding_model(plain, embed_batch_size=2, num_workers=2)
    await embedding.aget_text_embedding_batch(TEXTS[:12])
    assert meter.most == 2
    await embedding.aclose()


def test_sync_is_as_fast_as_async(plain: ScriptedServer) -> None:
    """Eight batches of 0.3 s in a sync call take far less than 2.4 s."""
    plain.reply_always(Meter(0.3))
    embedding = embedding_model(plain, embed_batch_size=1)
    started = time.monotonic()
    embedding.get_text_embedding_batch(TEXTS[:8])
    assert time.monotonic() - started < 1.6


@both
async def test_progress_can_be_shown(
    plain: ScriptedServer, capsys: pytest.CaptureFixture[str], asynchronous: bool
) -> None:
    """``show_progress`` draws a bar and changes nothing else."""
    embedding = embedding_model(plain, embed_batch_size=5)
    vectors = await call(embedding, "get_text_embedding_batch", asynchronous, TEXTS, show_progress=True)
    assert vectors == [wire.vector_of(text) for text in TEXTS]
    assert "Generating embeddings: 100%" in capsys.readouterr().err
    await embedding.aclose()


@both
async def test_failed_batch_is_named(plain: ScriptedServer, asynchronous: bool) -> None:
    """An error says which batch and which texts it is about; what was not sent is not sent."""

    def answer(request: Request) -> Any:
        """Refuse the batch with the seventh text."""
        if TEXTS[7] in request.json["input"]:
            return Reply(413, {"error": {"code": "too_large", "message": "too large"}})
        return reversed_data(request)

    plain.reply_always(answer)
    embedding = embedding_model(plain, embed_batch_size=3, max_concurrency=1)
    with pytest.raises(InvalidRequestError, match=r"batch 3 of 8 \(inputs 6 to 8\)"):
        await call(embedding, "get_text_embedding_batch", asynchronous, TEXTS)
    assert len(plain.requests) == 3
    await embedding.aclose()


DATA = wire.embeddings(["a", "b"], encoding_format="float")["data"]
BROKEN = {
    "missing": [DATA[0]],
    "duplicate": [DATA[0], DATA[0]],
    "extra": [*DATA, {**DATA[0], "index": 2}],
    "mixed lengths": [DATA[0], {**DATA[1], "embedding": [1.0]}],
    "empty": [DATA[0], {**DATA[1], "embedding": []}],
}


@pytest.mark.parametrize("case", BROKEN)
def test_wrong_vectors_are_refused(plain: ScriptedServer, case: str) -> None:
    """Vectors that are missing, double, too many or of different lengths never come out."""
    plain.reply({**wire.embeddings([]), "data": BROKEN[case]})
    with pytest.raises(MalformedResponseError):
        embedding_model(plain, encoding_format="float").get_text_embedding_batch(["a", "b"])


# -- parameters --


@pytest.mark.parametrize("where", ["constructor", "call"])
def test_parameters_reach_the_wire(plain: ScriptedServer, where: str) -> None:
    """Dimensions, encoding, model and extras are sent from constructor and call."""
    given: dict[str, Any] = {"dimensions": 8, "encoding_format": "float", "model": "m", "truncate": "END"}
    embedding = embedding_model(plain, **(given if where == "constructor" else {}))
    vector = embedding.get_text_embedding("x", **(given if where == "call" else {}))
    assert len(vector) == 8
    assert {name: plain.last.json[name] for name in given} == given
    assert plain.last.headers["extra-parameters"] == "pass-through"


def test_nothing_set_nothing_sent(plain: ScriptedServer) -> None:
    """Without settings only the text, its type and the compact encoding are sent."""
    embedding_model(plain).get_text_embedding("x")
    assert plain.last.json == {"input": ["x"], "input_type": "document", "encoding_format": "base64"}


TYPES: dict[str, tuple[dict[str, Any], str | None, str | None]] = {
    "defaults": ({}, "document", "query"),
    "none": ({"document_input_type": None, "query_input_type": None}, None, None),
    "own names": (
        {"document_input_type": "search_document", "query_input_type": "search_query"},
        "search_document",
        "search_query",
    ),
    "one for both": ({"input_type": "text"}, "text", "text"),
    "none for both": ({"input_type": None}, None, None),
}


@pytest.mark.parametrize("case", TYPES)
def test_input_types(case: str) -> None:
    """Input types have the API's names by default, and any name or none on request."""
    settings, text, query = TYPES[case]
    with ScriptedServer(strict=False) as server:
        embedding = embedding_model(server, **settings)
        embedding.get_text_embedding("x")
        assert server.last.json.get("input_type") == text
        embedding.get_query_embedding("x")
        assert server.last.json.get("input_type") == query


@pytest.mark.parametrize("base", ["v1_url", "deployment_url"])
def test_openai_dialects_know_no_input_types(plain: ScriptedServer, base: str) -> None:
    """There the defaults are not sent, and names of the user's own are."""
    url = getattr(plain, base)
    embedding_model(plain, endpoint=url, model="m").get_query_embedding("x")
    assert "input_type" not in plain.last.json
    plain.strict = False
    embedding_model(plain, endpoint=url, model="m", query_input_type="search_query").get_query_embedding("x")
    assert plain.last.json["input_type"] == "search_query"


def test_default_types_of_a_copy_are_still_defaults(plain: ScriptedServer) -> None:
    """A copy by dict or JSON does not take the defaults for the user's; what he set, he set in the copy, too."""
    embedding = embedding_model(plain, endpoint=plain.v1_url, model="m")
    for again in (
        type(embedding).from_dict(embedding.to_dict(), credential=KEY),
        type(embedding).model_validate({**embedding.model_dump(), "credential": KEY}),
    ):
        again.get_text_embedding("x")
        assert "input_type" not in plain.last.json
    plain.strict = False
    embedding.document_input_type = "document"
    type(embedding).from_dict(embedding.to_dict(), credential=KEY).get_text_embedding("x")
    assert plain.last.json["input_type"] == "document"


def without_types(request: Request) -> Any:
    """A model that refuses input types."""
    if "input_type" in request.json:
        detail = [
            {"type": "extra_forbidden", "loc": ["body", "input_type"], "msg": "no", "input": "document"}
        ]
        return Reply(422, {"detail": detail})
    return reversed_data(request)


@both
async def test_model_that_refuses_input_types(
    plain: ScriptedServer, caplog: pytest.LogCaptureFixture, asynchronous: bool
) -> None:
    """A refusal of the default types costs one request: then, with a warning, the model is asked without."""
    plain.reply_always(without_types)
    embedding = embedding_model(plain)
    assert await call(embedding, "get_text_embedding", asynchronous, "x") == wire.vector_of("x")
    assert await call(embedding, "get_query_embedding", asynchronous, "x") == wire.vector_of("x")
    assert ["input_type" in body for body in plain.bodies] == [True, False, False]
    assert caplog.text.count("refuses input_type") == 1
    await embedding.aclose()


@both
async def test_own_input_type_that_is_refused_is_an_error(plain: ScriptedServer, asynchronous: bool) -> None:
    """A name that the user chose is not dropped."""
    plain.reply_always(without_types)
    embedding = embedding_model(plain, input_type="text")
    with pytest.raises(UnsupportedParameterError, match="input_type"):
        await call(embedding, "get_text_embedding", asynchronous, "x")
    await embedding.aclose()


def test_base64_that_is_refused(plain: ScriptedServer) -> None:
    """A model without base64 is asked for floats from then on; a wish of the user's is not changed."""

    def answer(request: Request) -> Any:
        if request.json.get("encoding_format") == "base64":
            detail = [{"type": "enum", "loc": ["body", "encoding_format"], "msg": "no", "input": "base64"}]
            return Reply(422, {"detail": detail})
        return reversed_data(request)

    plain.reply_always(answer)
    assert embedding_model(plain).get_text_embedding_batch(["a", "b"]) == [
        wire.vector_of(t) for t in ("a", "b")
    ]
    with pytest.raises(UnsupportedParameterError):
        embedding_model(plain, encoding_format="base64").get_text_embedding("a")


# -- usage --


@both
async def test_usage_is_counted(plain: ScriptedServer, asynchronous: bool) -> None:
    """Tokens of all requests are added up, until the count is reset."""
    embedding = embedding_model(plain, embed_batch_size=5)
    assert embedding.usage == {}
    await call(embedding, "get_text_embedding_batch", asynchronous, TEXTS)
    await call(embedding, "get_query_embedding", asynchronous, "x")
    assert embedding.usage["total_tokens"] == len(TEXTS) + 1
    assert embedding.reset_usage()["prompt_tokens"] == len(TEXTS) + 1
    assert embedding.usage == {}
    await embedding.aclose()


# -- the cache --


@both
async def test_cache_answers_what_it_knows(plain: ScriptedServer, asynchronous: bool) -> None:
    """Known texts are not sent again, new ones are, and the order is kept."""
    cache = SimpleKVStore()
    embedding = embedding_model(plain, embed_batch_size=5, embeddings_cache=cache)
    first = await call(embedding, "get_text_embedding_batch", asynchronous, TEXTS[:6])
    sent = len(plain.requests)
    assert await call(embedding, "get_text_embedding_batch", asynchronous, TEXTS[:6]) == first
    assert len(plain.requests) == sent
    mixed = [TEXTS[9], TEXTS[0], TEXTS[8], TEXTS[0]]
    vectors = await call(embedding, "get_text_embedding_batch", asynchronous, mixed)
    assert vectors == [wire.vector_of(text) for text in mixed]
    assert plain.last.json["input"] == [TEXTS[9], TEXTS[8]]
    await embedding.aclose()


@both
async def test_cache_tells_queries_from_documents(plain: ScriptedServer, asynchronous: bool) -> None:
    """The same words as a query and as a document are two entries."""
    embedding = embedding_model(plain, embeddings_cache=SimpleKVStore())
    for method in ("get_text_embedding", "get_query_embedding") * 2:
        await call(embedding, method, asynchronous, "x")
    assert [body["input_type"] for body in plain.bodies] == ["document", "query"]
    await embedding.aclose()


def test_cache_tells_models_and_parameters_apart(plain: ScriptedServer) -> None:
    """Two models, two lengths or two extras in one cache do not answer for each other."""
    cache = SimpleKVStore()
    settings: tuple[dict[str, Any], ...] = (
        {},
        {"model": "a"},
        {"model": "b"},
        {"dimensions": 8},
        {"truncate": "END"},
    )
    for given in settings * 2:
        embedding_model(plain, embeddings_cache=cache, **given).get_text_embedding("x")
    assert len(plain.requests) == len(settings)


def test_limiter_is_not_asked_for_what_is_known(plain: ScriptedServer) -> None:
    """A batch that the cache answers costs no permission."""
    from tests.llamaindex.test_events import Limiter

    limiter = Limiter()
    embedding = embedding_model(plain, embeddings_cache=SimpleKVStore(), rate_limiter=limiter)
    embedding.get_text_embedding_batch(["a", "b"])
    embedding.get_text_embedding_batch(["b", "a"])
    assert limiter.asked == 1


def test_cache_is_not_serialised(plain: ScriptedServer) -> None:
    """A cache is no setting: with one or without, the dict and so the pipeline's key are the same."""
    embedding = embedding_model(plain, embeddings_cache=SimpleKVStore())
    assert embedding.to_dict() == embedding_model(plain).to_dict()


# -- images --

SOURCES: dict[str, Callable[[Path], Any]] = {
    "path": str,
    "Path": lambda path: path,
    "buffer": lambda path: BytesIO(path.read_bytes()),
    "bytes": lambda path: path.read_bytes(),
    "data url": lambda path: PNG_URL,
}


@both
@pytest.mark.parametrize("source", SOURCES)
async def test_image_of_every_source(
    server: ScriptedServer, tmp_path: Path, source: str, asynchronous: bool
) -> None:
    """A path, a buffer, bytes and a data URL are sent as the same data URL, and give its vector."""
    path = tmp_path / "one.png"
    path.write_bytes(PNG)
    embedding = embedding_model(server)
    vector = await call(embedding, "get_image_embedding", asynchronous, SOURCES[source](path))
    assert vector == wire.vector_of(PNG_URL)
    assert server.last.path == "/images/embeddings"
    assert server.last.json["input"] == [{"image": PNG_URL}]
    assert "input_type" not in server.last.json
    await embedding.aclose()


@both
async def test_images_in_batches_keep_the_order(plain: ScriptedServer, asynchronous: bool) -> None:
    """A list of images gives vectors in its order."""
    urls = [f"https://example.com/{i}.png" for i in range(5)]
    embedding = embedding_model(plain, embed_batch_size=2)
    vectors = await call(embedding, "get_image_embedding_batch", asynchronous, urls)
    assert vectors == [wire.vector_of(url) for url in urls]
    await embedding.aclose()


@pytest.mark.parametrize("image", [b"no image", BytesIO(b"no image"), "/no/such/file.png", 17])
def test_what_is_no_image_is_refused(plain: ScriptedServer, image: Any) -> None:
    """Bytes of no known type, a missing file and other objects are refused before anything is sent."""
    with pytest.raises(ConfigurationError):
        embedding_model(plain).get_image_embedding(image)
    assert plain.requests == []


def test_buffer_is_left_where_it_was(plain: ScriptedServer) -> None:
    """Reading a buffer does not move it."""
    buffer = BytesIO(PNG)
    buffer.seek(5)
    embedding_model(plain).get_image_embedding(buffer)
    assert buffer.tell() == 5
