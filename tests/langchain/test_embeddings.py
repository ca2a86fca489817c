"""``AzureInferenceEmbeddings``: order, batches, input types, images, usage."""

from __future__ import annotations

import base64
import threading
from pathlib import Path
from typing import Any

import pytest

from langchain_azure_inference import (
    AzureInferenceEmbeddings,
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    UnsupportedParameterError,
)
from tests.support import wire
from tests.support.scripted_server import Reply, ScriptedServer

PNG = b"\x89PNG\r\n\x1a\n rest"
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def embeddings_of(server: ScriptedServer, **more: Any) -> AzureInferenceEmbeddings:
    """Embeddings on the scripted endpoint."""
    return AzureInferenceEmbeddings(**{"endpoint": server.url, "credential": "test", **more})


def types_sent(server: ScriptedServer) -> list[Any]:
    """The input types of all requests."""
    return [body.get("input_type") for body in server.bodies]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["query", "document"]),
        ({"model": "my-cohere-deployment"}, ["query", "document"]),
        ({"query_input_type": "text", "document_input_type": None}, ["text", None]),
        ({"input_type": "text"}, ["text", "text"]),
        ({"input_type": None}, [None, None]),
        ({"input_type": "text", "query_input_type": "query"}, ["query", "text"]),
    ],
)
async def test_queries_and_documents_say_what_they_are(
    server: ScriptedServer, given: dict[str, Any], expected: list[Any]
) -> None:
    """``input_type`` is ``query`` or ``document`` unless it is named otherwise, or not wanted at all."""
    embeddings = embeddings_of(server, **given)
    embeddings.embed_query("x")
    embeddings.embed_documents(["x"])
    await embeddings.aembed_query("x")
    await embeddings.aembed_documents(["x"])
    assert types_sent(server) == expected * 2
    embeddings.embed_documents(["x"], input_type="text")
    assert types_sent(server)[-1] == "text"


def test_a_refused_input_type_is_asked_for_once(server: ScriptedServer) -> None:
    """A type that only the method's name implies is left out after a refusal; one that was named is not."""

    def answer(request: Any) -> Any:
        """An endpoint whose model has no input types."""
        if "input_type" in request.json:
            return Reply(422, {"code": "parameter_not_supported", "detail": {"loc": ["body", "input_type"]}})
        return wire.embeddings(request.json["input"], encoding_format="base64")

    server.reply_always(answer)
    embeddings = embeddings_of(server)
    assert embeddings.embed_query("x") == embeddings.embed_documents(["x"])[0]
    assert types_sent(server) == ["query", None, None]
    with pytest.raises(UnsupportedParameterError):
        embeddings_of(server, query_input_type="query").embed_query("x")


def test_openai_dialects_get_no_input_type(server: ScriptedServer) -> None:
    """OpenAI's dialects, which refuse unknown parameters, get an ``input_type`` only when it is given."""
    for url in (server.v1_url, server.deployment_url):
        embeddings_of(server, endpoint=url, model="m").embed_query("x")
        embeddings_of(server, endpoint=url, model="m", query_input_type="query").embed_query("x")
    assert types_sent(server) == [None, "query"] * 2


async def test_vectors_come_in_the_order_of_the_texts(server: ScriptedServer) -> None:
    """Batches go out side by side and reordered answers come back in order."""

    def reordered(request: Any) -> Any:
        """A good answer, last vector first."""
        body = wire.embeddings(request.json["input"], encoding_format="base64")
        body["data"].reverse()
        return body

    server.reply_always(reordered)
    texts = [f"text {number}" for number in range(250)]
    expected = [wire.vector_of(text) for text in texts]
    embeddings = embeddings_of(server, batch_size=16)
    assert embeddings.embed_documents(texts) == expected
    assert await embeddings.aembed_documents(texts) == expected
    assert {len(body["input"]) for body in server.bodies} == {16, 10}


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_batches_are_in_flight_at_once(server: ScriptedServer, kind: str) -> None:
    """``max_concurrency`` batches are on their way together, in sync calls, too."""
    barrier = threading.Barrier(4, timeout=20)

    def together(request: Any) -> Any:
        """An answer when four requests are there."""
        barrier.wait()
        return wire.embeddings(request.json["input"], encoding_format="base64")

    server.reply_always(together)
    embeddings = embeddings_of(server, batch_size=1, max_concurrency=4)
    texts = list("abcd")
    vectors = (
        embeddings.embed_documents(texts) if kind == "sync" else await embeddings.aembed_documents(texts)
    )
    assert len(vectors) == 4


def test_the_default_batch_is_the_smallest_documented_limit(server: ScriptedServer) -> None:
    """96 texts go in one request, 97 in two; the retired class's word for the size works."""
    embeddings_of(server).embed_documents(["x"] * 97)
    assert sorted(len(body["input"]) for body in server.bodies) == [1, 96]
    embeddings = embeddings_of(server, embed_batch_size=5)
    assert embeddings.batch_size == embeddings.embed_batch_size == 5
    embeddings.embed_batch_size = 50
    embeddings.embed_documents(["x"] * 60)
    assert sorted(len(body["input"]) for body in server.bodies[-2:]) == [10, 50]


def test_incomplete_answers_raise(server: ScriptedServer) -> None:
    """A missing vector raises; nothing is returned short."""
    server.reply(wire.embeddings(["a"], encoding_format="base64"))
    with pytest.raises(MalformedResponseError):
        embeddings_of(server, max_retries=0).embed_documents(["a", "b"])


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
def test_vectors_are_floats_whatever_travels(server: ScriptedServer, encoding: str | None) -> None:
    """``encoding_format`` changes what travels, not what comes out."""
    embeddings = embeddings_of(server, encoding_format=encoding, dimensions=8)
    assert embeddings.embed_query("x") == wire.vector_of("x", 8)
    assert server.last.json["dimensions"] == 8


def test_an_endpoint_without_base64_is_asked_for_floats(server: ScriptedServer) -> None:
    """A refusal of base64 is understood once and remembered."""
    refusal = {
        "detail": {"loc": ["body", "encoding_format"], "input": "base64"},
        "code": "parameter_not_supported",
    }
    server.reply(Reply(422, refusal))
    embeddings = embeddings_of(server)
    assert embeddings.embed_query("x") == wire.vector_of("x")
    assert embeddings.embed_query("y") == wire.vector_of("y")
    assert [body.get("encoding_format") for body in server.bodies] == ["base64", None, None]


def test_a_call_may_have_its_own_parameters(server: ScriptedServer) -> None:
    """Keywords of a call win, unknown ones are extras."""
    embeddings = embeddings_of(server, model="a", truncate="END", dimensions=4)
    embeddings.embed_documents(["x"], model="b", dimensions=2)
    body = server.last.json
    assert (body["model"], body["dimensions"], body["truncate"]) == ("b", 2, "END")
    embeddings.embed_query("x", truncate="START")
    assert server.last.json["truncate"] == "START"
    assert server.last.headers["extra-parameters"] == "pass-through"


async def test_usage_is_there_for_who_wants_it(server: ScriptedServer) -> None:
    """``embed_with_usage`` sums the token counts of all batches."""
    embeddings = embeddings_of(server, batch_size=2)
    result = embeddings.embed_with_usage(["a", "b", "c"])
    assert result.vectors == embeddings.embed_documents(["a", "b", "c"])
    assert result.usage is not None
    assert result.usage["total_tokens"] == 3
    assert (await embeddings.aembed_with_usage(["a", "b", "c"])).usage == result.usage


async def test_nothing_to_embed_sends_nothing(server: ScriptedServer) -> None:
    """No texts, no images: no vectors, no requests."""
    embeddings = embeddings_of(server)
    assert embeddings.embed_documents([]) == await embeddings.aembed_documents([]) == []
    assert embeddings.embed_image([]) == []
    assert server.requests == []


@pytest.mark.parametrize("texts", ["one text", ["a", None], [1]])
def test_what_is_no_list_of_texts_is_refused(server: ScriptedServer, texts: Any) -> None:
    """A bare string and items that are no strings are a ``TypeError``, before anything is sent."""
    with pytest.raises(TypeError):
        embeddings_of(server).embed_documents(texts)
    assert server.requests == []


async def test_images(server: ScriptedServer, tmp_path: Path) -> None:
    """Files are read, URLs are passed on, a text may go along; each gives a vector, in order."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    embeddings = embeddings_of(server, max_concurrency=1)
    url = "https://host.example/a.png"
    images: list[Any] = [str(path), path, PNG_URL, url, {"image": str(path), "text": "a cat"}]
    vectors = embeddings.embed_image(images)
    assert vectors == [wire.vector_of(image) for image in [PNG_URL] * 3 + [url, PNG_URL]]
    assert {request.path for request in server.requests} == {"/images/embeddings"}
    assert [body["input"] for body in server.bodies] == [
        [{"image": PNG_URL}],
        [{"image": PNG_URL}],
        [{"image": PNG_URL}],
        [{"image": url}],
        [{"image": PNG_URL, "text": "a cat"}],
    ]
    assert types_sent(server) == [None] * 5
    assert await embeddings.aembed_image(images) == vectors


@pytest.mark.parametrize(
    "uri", ["file:///etc/hostname", "http://127.0.0.1/a.png", "ftp://host.example/a", ""]
)
def test_images_from_elsewhere_are_refused(server: ScriptedServer, uri: str) -> None:
    """Only files the caller names and https or data URLs; nothing else is opened or fetched."""
    with pytest.raises(ConfigurationError):
        embeddings_of(server).embed_image([uri])
    assert server.requests == []


def test_a_file_that_is_no_image_is_refused(server: ScriptedServer, tmp_path: Path) -> None:
    """What a file is is told by its first bytes, not its name."""
    path = tmp_path / "a.png"
    path.write_text("secret")
    with pytest.raises(ConfigurationError, match="not those of a PNG"):
        embeddings_of(server).embed_image([str(path)])


def test_progress_on_request(server: ScriptedServer, capfd: pytest.CaptureFixture[str]) -> None:
    """A progress bar counts the texts; without asking there is none."""
    embeddings_of(server, batch_size=2).embed_documents(["x"] * 5)
    assert capfd.readouterr().err == ""
    embeddings_of(server, batch_size=2, show_progress=True).embed_documents(["x"] * 5)
    assert "5/5" in capfd.readouterr().err


def test_a_failed_batch_says_which(server: ScriptedServer) -> None:
    """The error of a batch names it and the texts in it."""
    server.reply_always(
        lambda request: (
            Reply(413, {})
            if "bad" in request.json["input"]
            else wire.embeddings(request.json["input"], encoding_format="base64")
        )
    )
    with pytest.raises(InvalidRequestError, match="batch 2 of 3") as caught:
        embeddings_of(server, batch_size=2).embed_documents(["a", "b", "bad", "c", "d"])
    assert caught.value.status == 413


def test_fields_may_change_later(server: ScriptedServer) -> None:
    """An assigned value counts from the next call on."""
    embeddings = embeddings_of(server)
    embeddings.batch_size = 1
    embeddings.dimensions = 2
    embeddings.embed_documents(["a", "b"])
    assert [body["dimensions"] for body in server.bodies] == [2, 2]


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"max_concurrency": 0}, {"dimensions": "many"}])
def test_a_wrong_constructor_says_what_is_wrong(server: ScriptedServer, wrong: dict[str, Any]) -> None:
    """Values that cannot work are refused by name."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        embeddings_of(server, **wrong)
