"""Vectors: batches, order, encodings, refusals, images."""

from __future__ import annotations

import asyncio
import base64
import math
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_inference_core import (
    ConfigurationError,
    EmbeddingBatch,
    EmbeddingsClient,
    InvalidRequestError,
    MalformedResponseError,
    ServerError,
    UnsupportedParameterError,
    image_from_path,
)
from azure_inference_core._response.vectors import parse_vectors
from tests.support import wire
from tests.support.drive import TEXTS, connect
from tests.support.fault_server import Call, FaultServer, Request
from tests.support.scripted_server import Reply, ScriptedServer, answer_well

ROUTE = "/embeddings"
PIXEL = "data:image/png;base64,iVBORw0KGgo="
REFUSAL = {
    "detail": [
        {"type": "value_error", "loc": ["body", "encoding_format"], "msg": "unsupported", "input": "base64"}
    ]
}


def texts_of(count: int) -> list[str]:
    """Different texts."""
    return [f"text {number}" for number in range(count)]


def vectors_of(texts: list[str]) -> list[list[float]]:
    """What the endpoint answers for them."""
    return [wire.vector_of(text) for text in texts]


def reordered(request: Request) -> dict[str, Any]:
    """A good answer with its vectors in reverse order, their index kept."""
    body = wire.embeddings(request.json["input"], encoding_format=request.json.get("encoding_format"))
    return {**body, "data": body["data"][::-1]}


async def both(client: EmbeddingsClient, texts: list[str], **params: Any) -> list[list[float]]:
    """The vectors, the same from the sync and the async call."""
    result = await asyncio.to_thread(client.embed, texts, **params)
    again = await client.aembed(texts, **params)
    assert result.vectors == again.vectors
    assert result.usage == again.usage
    return result.vectors


async def test_vectors_come_in_the_order_of_the_texts(server: ScriptedServer) -> None:
    """``index`` decides, not the position in the answer, within a batch and over batches."""
    server.reply_always(reordered, ROUTE)
    texts = texts_of(50)
    async with EmbeddingsClient(connect(server.url), batch_size=7) as client:
        assert await both(client, texts) == vectors_of(texts)


@pytest.mark.parametrize("count", [1, 95, 96, 97, 200])
async def test_texts_are_sent_in_batches(server: ScriptedServer, count: int) -> None:
    """At most ``batch_size`` texts a request, none lost at the edges, usage summed."""
    texts = texts_of(count)
    async with EmbeddingsClient(connect(server.url)) as client:
        result = await client.aembed(texts)
    assert result.vectors == vectors_of(texts)
    sizes = sorted(len(body["input"]) for body in server.bodies)
    assert sum(sizes) == count
    assert len(sizes) == math.ceil(count / 96)
    assert result.usage == {"prompt_tokens": count, "completion_tokens": 0, "total_tokens": count}


async def test_nothing_needs_no_request(server: ScriptedServer) -> None:
    """An empty list is answered with an empty list."""
    async with EmbeddingsClient(connect(server.url)) as client:
        assert await both(client, []) == []
    assert server.requests == []


async def test_empty_texts_are_sent(server: ScriptedServer) -> None:
    """An empty string is a text: the service decides."""
    async with EmbeddingsClient(connect(server.url)) as client:
        assert len(await both(client, ["", "a"])) == 2


async def test_base64_is_asked_for_and_decoded(server: ScriptedServer) -> None:
    """Base64 is the default: a quarter of the bytes; the vectors are plain lists of floats."""
    async with EmbeddingsClient(connect(server.url)) as client:
        vectors = await both(client, TEXTS)
    assert server.last.json["encoding_format"] == "base64"
    assert vectors == vectors_of(TEXTS)
    assert type(vectors) is list
    assert {type(vector) for vector in vectors} == {list}
    assert {type(value) for vector in vectors for value in vector} == {float}


async def test_a_refusal_of_base64_is_remembered(server: ScriptedServer) -> None:
    """An endpoint that refuses base64 is asked for floats, at once and from then on."""

    def picky(request: Request) -> Any:
        """Take floats only."""
        if request.json.get("encoding_format") == "base64":
            return Reply(422, REFUSAL)
        return wire.embeddings(request.json["input"], encoding_format=None)

    server.reply_always(picky, ROUTE)
    async with EmbeddingsClient(connect(server.url)) as client:
        assert await both(client, TEXTS) == vectors_of(TEXTS)
    assert [body.get("encoding_format") for body in server.bodies] == ["base64", *server_formats(server)[1:]]
    assert "base64" not in server_formats(server)[1:]
    assert len(server.requests) == 3


def server_formats(server: ScriptedServer) -> list[Any]:
    """The encoding each request asked for."""
    return [body.get("encoding_format") for body in server.bodies]


def test_another_refusal_is_not_taken_for_one_of_base64(server: ScriptedServer) -> None:
    """A 422 about something else is the caller's, after one request."""
    refusal = {
        "detail": [{"type": "extra_forbidden", "loc": ["body", "dimensions"], "msg": "no", "input": 3}]
    }
    server.reply(Reply(422, refusal))
    with EmbeddingsClient(connect(server.url)) as client, pytest.raises(UnsupportedParameterError) as caught:
        client.embed(TEXTS, dimensions=3)
    assert caught.value.parameters[0].name == "dimensions"
    assert len(server.requests) == 1


def test_base64_asked_for_by_the_caller_is_final(server: ScriptedServer) -> None:
    """When the caller chose the encoding, its refusal is the caller's too."""
    server.reply(Reply(422, REFUSAL))
    with EmbeddingsClient(connect(server.url)) as client, pytest.raises(UnsupportedParameterError):
        client.embed(TEXTS, encoding_format="base64")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("asked", "given"), [("base64", "base64"), ("base64", "float"), ("float", "float"), (None, "float")]
)
async def test_either_encoding_is_read(server: ScriptedServer, asked: str | None, given: str) -> None:
    """Floats are read also where base64 was asked for: some servers ignore the wish."""
    server.reply_always(lambda request: wire.embeddings(request.json["input"], encoding_format=given), ROUTE)
    async with EmbeddingsClient(connect(server.url)) as client:
        assert await both(client, TEXTS, encoding_format=asked) == vectors_of(TEXTS)


def test_base64_is_taken_only_when_asked_for(server: ScriptedServer) -> None:
    """Text where floats were asked for is malformed; so is text that is no base64 or no whole floats."""
    with EmbeddingsClient(connect(server.url)) as client:
        server.reply(wire.embeddings(TEXTS, encoding_format="base64"))
        with pytest.raises(MalformedResponseError, match="base64"):
            client.embed(TEXTS, encoding_format="float")
        for bad in ("!!!", base64.b64encode(b"12345").decode(), ""):
            body = wire.embeddings(TEXTS, encoding_format="base64")
            body["data"][1]["embedding"] = bad
            server.reply(body)
            with pytest.raises(MalformedResponseError, match="1"):
                client.embed(TEXTS)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_base64_may_not_hide_what_is_no_number(server: ScriptedServer, value: float) -> None:
    """NaN and infinity are refused in base64 as in JSON."""
    body = wire.embeddings(TEXTS, encoding_format="base64")
    body["data"][2]["embedding"] = base64.b64encode(struct.pack("<4f", 0, value, 0, 0)).decode()
    server.reply(body)
    with EmbeddingsClient(connect(server.url)) as client, pytest.raises(MalformedResponseError, match="2"):
        client.embed(TEXTS)


@given(st.lists(st.floats(width=32), min_size=1, max_size=6))
def test_any_32_bit_floats_in_base64_are_read_exactly_or_refused(values: list[float]) -> None:
    """Every finite number comes out as it went in, and no other number comes out."""
    text = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
    body = {"data": [{"index": 0, "embedding": text}]}
    if all(map(math.isfinite, values)):
        assert parse_vectors(body, 1, encoding_format="base64", dimensions=None) == [values]
    else:
        with pytest.raises(MalformedResponseError, match="NaN or infinity"):
            parse_vectors(body, 1, encoding_format="base64", dimensions=None)


def test_large_but_finite_vectors_pass(server: ScriptedServer) -> None:
    """Values whose sum overflows are still numbers."""
    server.reply({**wire.embeddings(["a"]), "data": [{"index": 0, "embedding": [1.7e308, 1.7e308]}]})
    with EmbeddingsClient(connect(server.url)) as client:
        assert client.embed(["a"]).vectors == [[1.7e308, 1.7e308]]


def test_the_asked_dimensions_are_checked(server: ScriptedServer) -> None:
    """A vector of another length than asked for is malformed, saying both lengths."""
    server.reply(wire.embeddings(TEXTS, dimensions=4))
    with EmbeddingsClient(connect(server.url)) as client:
        with pytest.raises(MalformedResponseError, match=r"\b4\b.*\b8\b|\b8\b.*\b4\b"):
            client.embed(TEXTS, dimensions=8)
        assert len(client.embed(TEXTS, dimensions=8).vectors[0]) == 8
    assert server.last.json["dimensions"] == 8


@pytest.mark.parametrize("kind", ["int8", "uint8", "binary", "ubinary"])
def test_integer_encodings_stay_integers(server: ScriptedServer, kind: str) -> None:
    """Quantised vectors are given as they are."""
    server.reply({**wire.embeddings(["a"]), "data": [{"index": 0, "embedding": [1, -2, 3]}]})
    with EmbeddingsClient(connect(server.url)) as client:
        assert client.embed(["a"], encoding_format=kind).vectors == [[1, -2, 3]]


@given(st.lists(st.integers(-3, 8), max_size=8), st.integers(1, 5))
def test_only_a_permutation_of_the_inputs_is_accepted(indexes: list[int], count: int) -> None:
    """Whatever indexes come, the answer is complete and in order, or malformed."""
    data = [{"index": index, "embedding": [float(index)]} for index in indexes]
    if sorted(indexes) == list(range(count)):
        vectors = parse_vectors({"data": data}, count, encoding_format=None, dimensions=None)
        assert vectors == [[float(number)] for number in range(count)]
    else:
        with pytest.raises(MalformedResponseError):
            parse_vectors({"data": data}, count, encoding_format=None, dimensions=None)


async def test_batches_run_at_once_and_no_more_than_allowed() -> None:
    """Up to ``max_concurrency`` requests are in flight, sync and async."""
    lock = threading.Lock()
    running = most = 0

    def slow(call: Call) -> None:
        """Count the requests in flight."""
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        call.server.stopping.wait(0.05)
        with lock:
            running -= 1
        answer_well(call)

    with FaultServer(slow) as server:
        async with EmbeddingsClient(connect(server.url), batch_size=1, max_concurrency=4) as client:
            client.embed(texts_of(12))
            assert most == 4
            most = 0
            await client.aembed(texts_of(12))
            assert most == 4
        assert server.connection_count <= 8


@pytest.mark.usefixtures("quick_retries")
async def test_a_failed_batch_is_sent_again_alone(server: ScriptedServer) -> None:
    """A batch that fails once is repeated; the others are sent once, and the caller notices nothing."""
    failed: set[str] = set()

    def fail_third(request: Request) -> Any:
        """Refuse one batch."""
        first = request.json["input"][0]
        if first == "text 4" and len(failed) < 2:
            failed.add(f"{len(failed)}")
            return Reply(503, {"error": "Downstream unavailable"})
        return wire.embeddings(request.json["input"], encoding_format=request.json.get("encoding_format"))

    server.reply_always(fail_third, ROUTE)
    texts = texts_of(10)
    with EmbeddingsClient(connect(server.url), batch_size=2, max_concurrency=2) as client:
        assert client.embed(texts).vectors == vectors_of(texts)
    assert len(server.requests) == 5 + 2
    starts = [body["input"][0] for body in server.bodies]
    assert sorted(starts) == sorted([*texts[::2], "text 4", "text 4"])


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_batch_that_stays_ill_says_which(server: ScriptedServer, asynchronous: bool) -> None:
    """The error names the batch and its place in the input."""

    def fail_third(request: Request) -> Any:
        """Refuse one batch."""
        if request.json["input"][0] == "text 4":
            return Reply(503, {"error": "Downstream unavailable"})
        return wire.embeddings(request.json["input"], encoding_format=request.json.get("encoding_format"))

    server.reply_always(fail_third, ROUTE)
    async with EmbeddingsClient(connect(server.url), batch_size=2, max_concurrency=2) as client:
        texts = texts_of(10)
        call = client.aembed(texts) if asynchronous else asyncio.to_thread(client.embed, texts)
        with pytest.raises(ServerError, match=r"batch 3 of 5 \(inputs 4 to 5\)") as caught:
            await call
    assert caught.value.attempts == 3
    assert [body["input"][0] for body in server.bodies].count("text 4") == 3


def test_a_batch_that_is_too_large_says_so(server: ScriptedServer) -> None:
    """A 413 is not split in silence: the error says what to do."""
    server.reply(Reply(413, {"error": {"code": "413", "message": "too large"}}))
    with (
        EmbeddingsClient(connect(server.url)) as client,
        pytest.raises(InvalidRequestError, match="batch_size"),
    ):
        client.embed(TEXTS)
    assert len(server.requests) == 1


TOO_MANY_TOKENS = {
    "with numbers": (400, "max_tokens_per_request", "Requested {} tokens, max 2000 tokens per request"),
    "in another order": (400, "3210", "Too many tokens in batch. Max is 2000, got {}."),
    "without": (400, "3210", "Too many tokens overall, split into more batches."),
    "of a body": (413, "tokens_limit_reached", "Request body too large for m. Max size: 2000 tokens."),
    "behind a gateway": (400, "400", "Error: {{'error': {{'message': 'Requested {} tokens, max 2000 tokens per request', 'code': 'x'}}}}"),
}  # fmt: skip


def frugal(status: int, code: str, words: str) -> Any:
    """A model that takes 2,000 characters a request."""

    def answer(request: Request) -> Any:
        texts = request.json["input"]
        size = sum(len(text) for text in texts)
        if size > 2000:
            return Reply(status, {"error": {"code": code, "message": words.format(size)}})
        return wire.embeddings(texts, encoding_format=request.json.get("encoding_format"))

    return answer


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("told", TOO_MANY_TOKENS)
async def test_too_many_tokens_go_in_several_requests(
    server: ScriptedServer, told: str, asynchronous: bool
) -> None:
    """Texts that are too many tokens together are split, in order; the next job is sent as the model takes it."""
    server.reply_always(frugal(*TOO_MANY_TOKENS[told]), ROUTE)
    texts = [f"{number:04}" * 100 for number in range(18)]
    done: list[int] = []
    async with EmbeddingsClient(connect(server.url), batch_size=6, max_concurrency=2) as client:
        for _ in range(2):
            known = len(server.requests)
            hooks: dict[str, Any] = {"done": lambda batch: done.append(batch.number)}
            call = (
                client.aembed(texts, **hooks)
                if asynchronous
                else asyncio.to_thread(client.embed, texts, **hooks)
            )
            result = await call
            assert result.vectors == vectors_of(texts)
            assert result.usage is not None
            assert result.usage["prompt_tokens"] == len(texts)
    assert sorted(done) == [0, 0, 1, 1, 2, 2]
    assert all(sum(map(len, body["input"])) <= 2000 for body in server.bodies[known:])


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_one_text_that_is_too_much_is_named(server: ScriptedServer, asynchronous: bool) -> None:
    """A text that no request takes is an error that says which it is."""
    server.reply_always(frugal(*TOO_MANY_TOKENS["with numbers"]), ROUTE)
    texts = ["a" * 100] * 5 + ["b" * 3000] + ["c" * 100] * 2
    async with EmbeddingsClient(connect(server.url), batch_size=8) as client:
        call = client.aembed(texts) if asynchronous else asyncio.to_thread(client.embed, texts)
        with pytest.raises(InvalidRequestError, match=r"texts\[5\] alone is too much"):
            await call


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ({"error": {"message": "'$.input' is invalid.", "type": "invalid_request_error"}}, "texts[5]; leave"),
        ({"error": {"message": "Bad input.", "param": "input", "code": None}}, "texts[5]; leave"),
        ({"error": {"code": "BadRequest", "message": "Something is wrong."}}, "texts[5]; leave"),
        ({"detail": [{"loc": ["body", "input", 1], "msg": "too short", "type": "x"}]}, "about texts[5]"),
        ({"error": {"message": "Invalid 'input[1]': too short.", "param": "input[1]"}}, "about texts[5]"),
    ],
    ids=str,
)
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_refused_text_is_named_by_its_position(
    server: ScriptedServer, refusal: dict[str, Any], told: str, asynchronous: bool
) -> None:
    """An empty text, or one that the service counts within its request, is named by its place in the whole job."""

    def picky(request: Request) -> Any:
        texts = request.json["input"]
        return (
            Reply(400, refusal)
            if "" in texts
            else wire.embeddings(texts, encoding_format=request.json.get("encoding_format"))
        )

    server.reply_always(picky, ROUTE)
    async with EmbeddingsClient(connect(server.url), batch_size=2) as client:
        texts = ["a", "b", "c", "d", "e", "", "f"]
        call = client.aembed(texts) if asynchronous else asyncio.to_thread(client.embed, texts)
        with pytest.raises(InvalidRequestError) as caught:
            await call
    assert told in str(caught.value)
    assert caught.value.args == (str(caught.value),)


def test_an_empty_text_is_not_blamed_for_another_parameter(server: ScriptedServer) -> None:
    """A refusal that names another parameter says nothing of the texts."""
    server.reply(Reply(400, {"error": {"message": "No.", "param": "dimensions", "code": None}}))
    with EmbeddingsClient(connect(server.url)) as client, pytest.raises(UnsupportedParameterError) as caught:
        client.embed(["a", ""], dimensions=3)
    assert "texts[" not in str(caught.value)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_progress_is_reported(server: ScriptedServer, asynchronous: bool) -> None:
    """``done`` gets each batch with its place, its texts and their vectors."""
    seen: list[EmbeddingBatch] = []
    async with EmbeddingsClient(connect(server.url), batch_size=4) as client:
        if asynchronous:
            result = await client.aembed(texts_of(10), done=seen.append)
        else:
            result = await asyncio.to_thread(client.embed, texts_of(10), done=seen.append)
    seen.sort(key=lambda batch: batch.number)
    assert [(b.number, b.count, b.start, len(b.inputs)) for b in seen] == [
        (0, 3, 0, 4),
        (1, 3, 4, 4),
        (2, 3, 8, 2),
    ]
    assert [vector for batch in seen for vector in batch.vectors] == result.vectors


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_what_is_known_is_not_asked_for(server: ScriptedServer, asynchronous: bool) -> None:
    """Vectors that ``before`` puts into a batch are taken as they are; a batch that is whole needs no request."""
    known = [0.5, 0.25, 0.125, 1.0]
    texts = texts_of(6)

    def recall(batch: EmbeddingBatch) -> None:
        batch.vectors = [known if text in texts[1:5] else None for text in batch.inputs]

    async def arecall(batch: EmbeddingBatch) -> None:
        recall(batch)

    async with EmbeddingsClient(connect(server.url), batch_size=2) as client:
        if asynchronous:
            result = await client.aembed(texts, before=arecall)
        else:
            result = await asyncio.to_thread(client.embed, texts, before=recall)
    assert sorted(body["input"] for body in server.bodies) == [texts[:1], texts[5:]]
    assert result.vectors[1:5] == [known] * 4
    assert len(result.vectors) == 6


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_hook_that_fails_ends_the_job(server: ScriptedServer, asynchronous: bool) -> None:
    """The error of a hook comes out as it is, and what is not on its way yet is not sent."""

    def refuse(batch: EmbeddingBatch) -> None:
        raise LookupError(batch.number)

    async with EmbeddingsClient(connect(server.url), batch_size=1, max_concurrency=2) as client:
        sync = asyncio.to_thread(client.embed, texts_of(40), done=refuse)
        with pytest.raises(LookupError):
            await (client.aembed(texts_of(40), done=refuse) if asynchronous else sync)
        sync.close()
    assert len(server.requests) < 10


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("model", "base", "sent"),
    [
        (None, "url", "query"),
        ("my-embedder", "v1_url", None),
        ("text-embedding-3-small", "url", None),
        ("embed-v-4-0", "v1_url", "query"),
    ],
)
async def test_an_implied_input_type_goes_where_it_is_known(
    server: ScriptedServer, model: str | None, base: str, sent: str | None, asynchronous: bool
) -> None:
    """What a method implies is sent to this API and to Cohere's models, and not to OpenAI's."""
    server.strict = False
    async with EmbeddingsClient(connect(getattr(server, base), model=model)) as client:
        if asynchronous:
            await client.aembed(["x"], implied_input_type="query")
        else:
            await asyncio.to_thread(client.embed, ["x"], implied_input_type="query")
    assert server.last.json.get("input_type") == sent


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_refused_input_type_is_left_out_from_then_on(
    server: ScriptedServer, asynchronous: bool
) -> None:
    """One request more, once: the client remembers what the model refuses, and counts the request."""
    complaint = {"type": "extra_forbidden", "loc": ["body", "input_type"], "msg": "no", "input": "query"}
    server.reply(Reply(422, {"detail": [complaint]}))
    async with EmbeddingsClient(connect(server.url)) as client:
        for _ in range(2):
            if asynchronous:
                await client.aembed(["x"], implied_input_type="query")
            else:
                await asyncio.to_thread(client.embed, ["x"], implied_input_type="query")
    assert ["input_type" in body for body in server.bodies] == [True, False, False]


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"batch_size": True}, {"batch_size": 1.5}, {"max_concurrency": 0}, {"max_concurrency": None}], ids=str)  # fmt: skip
def test_limits_are_checked(options: dict[str, Any]) -> None:
    """Batch size and concurrency are whole numbers of at least 1."""
    with pytest.raises(ConfigurationError):
        EmbeddingsClient(connect("http://127.0.0.1:1"), **options)


async def test_images_are_sent_one_a_request(server: ScriptedServer) -> None:
    """Images go to their own route as they are, each in a request of its own, in order."""
    images: list[Any] = [PIXEL, "https://example.com/a.png", {"image": PIXEL, "text": "a dot"}]
    async with EmbeddingsClient(connect(server.url)) as client:
        result = await client.aembed_images(images, input_type="document")
        again = client.embed_images(images, input_type="document")
    assert result.vectors == again.vectors
    assert result.vectors == vectors_of([PIXEL, "https://example.com/a.png", PIXEL])
    assert {request.path for request in server.requests} == {"/images/embeddings"}
    inputs = [body["input"] for body in server.bodies[:3]]
    wanted = [{"image": PIXEL}, {"image": "https://example.com/a.png"}, {"image": PIXEL, "text": "a dot"}]
    assert sorted(map(str, inputs)) == sorted(str([item]) for item in wanted)


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\nrest", "png"),
        ("a.jpg", b"\xff\xd8\xff\xe0rest", "jpeg"),
        ("wrong.txt", b"GIF89arest", "gif"),
        ("a.webp", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"),
    ],
)
def test_a_file_becomes_a_data_url(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    """The bytes decide what a file is, not its name."""
    path = tmp_path / name
    path.write_bytes(data)
    assert image_from_path(path) == f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    assert image_from_path(str(path)) == image_from_path(path)


def test_only_images_of_a_sane_size_are_read(tmp_path: Path) -> None:
    """Other files, empty ones, folders, missing ones and those over 20 MiB are refused."""
    text = tmp_path / "a.png"
    text.write_text("root:x:0:0")
    empty = tmp_path / "empty.png"
    empty.touch()
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate((20 << 20) + 1)
    for path in (text, empty, large, tmp_path, tmp_path / "missing.png"):
        with pytest.raises(ConfigurationError) as caught:
            image_from_path(path)
        assert "root:x" not in str(caught.value)
