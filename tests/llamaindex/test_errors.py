"""Errors: every failure is one class of the tree, in every way to ask, and says what to do."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

import azure_inference_core
from llamaindex_azure_inference import errors
from tests.llamaindex.helpers import (
    KEY,
    STREAMS,
    WAYS,
    ask,
    chat_model,
    completion_model,
    embedding_model,
    user,
)
from tests.support import wire
from tests.support.scripted_server import Reply, ScriptedServer, Stream

every_way = pytest.mark.parametrize("way", WAYS)
every_stream = pytest.mark.parametrize("way", STREAMS)

FILTERED = {
    "error": {
        "code": "content_filter",
        "message": "The response was filtered",
        "innererror": {"content_filter_result": {"violence": {"filtered": True, "severity": "medium"}}},
    }
}
TOO_LONG = {"error": {"code": "context_length_exceeded", "message": "maximum context length is 4096 tokens"}}
UNSUPPORTED = {
    "detail": [
        {
            "type": "extra_forbidden",
            "loc": ["body", "top_k"],
            "msg": "Extra inputs are not permitted",
            "input": 3,
        }
    ]
}
STATUSES: dict[str, tuple[int, Any, type[Exception]]] = {
    "400": (400, {"error": {"code": "bad", "message": "bad"}}, errors.InvalidRequestError),
    "400 filtered": (400, FILTERED, errors.ContentFilteredError),
    "400 too long": (400, TOO_LONG, errors.ContextLengthError),
    "401": (401, {"error": {"code": "401", "message": "wrong key"}}, errors.AuthenticationError),
    "403": (403, {}, errors.PermissionDeniedError),
    "404": (404, {"detail": "Not Found"}, errors.NotFoundError),
    "422": (422, UNSUPPORTED, errors.UnsupportedParameterError),
    "429": (429, {"error": {"code": "429", "message": "slow down"}}, errors.RateLimitedError),
    "500": (500, b"<html>oops</html>", errors.ServerError),
    "307": (307, {}, errors.RedirectRefusedError),
}


@pytest.mark.parametrize("case", STATUSES)
@every_way
async def test_status_is_one_class(server: ScriptedServer, way: str, case: str) -> None:
    """Each status is its class in every way to ask, with the status, and also the SDK's class."""
    status, body, cls = STATUSES[case]
    server.reply(Reply(status, body))
    llm = chat_model(server, max_retries=0)
    with pytest.raises(cls) as caught:
        await ask(llm, way)
    error = caught.value
    assert type(error) is cls
    assert isinstance(error, (errors.StatusError, HttpResponseError))
    assert error.status == error.status_code == status
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.status) == (cls, str(error), status)
    await llm.aclose()


@pytest.mark.parametrize("case", STATUSES)
def test_status_of_completions_and_embeddings(plain: ScriptedServer, case: str) -> None:
    """The other classes raise the same tree."""
    status, body, cls = STATUSES[case]
    calls = (
        completion_model(plain, max_retries=0).complete,
        completion_model(plain, max_retries=0).chat,
        embedding_model(plain, max_retries=0).get_text_embedding,
        embedding_model(plain, max_retries=0).get_query_embedding,
    )
    for call in calls:
        plain.reply(Reply(status, body))
        with pytest.raises(cls):
            call(user() if call.__name__ == "chat" else "x")


def test_unsupported_parameter_is_named(plain: ScriptedServer) -> None:
    """A 422 says which parameter and which value, in its fields and in its text."""
    with pytest.raises(errors.UnsupportedParameterError) as caught:
        chat_model(plain, extra_parameters="error").complete("x", top_k=3)
    name, value, _message = caught.value.parameters[0]
    assert (name, value) == ("top_k", 3)
    assert "top_k" in str(caught.value)


def test_filtered_prompt_has_its_categories(plain: ScriptedServer) -> None:
    """A filtered prompt says what was found."""
    plain.reply(Reply(400, FILTERED))
    with pytest.raises(errors.ContentFilteredError) as caught:
        chat_model(plain).chat(user())
    assert caught.value.categories["violence"]["severity"] == "medium"
    assert caught.value.source == "prompt"


def test_rate_limit_reads_as_the_framework_expects(plain: ScriptedServer) -> None:
    """The text of a 429 holds what LlamaIndex's extractors look for; the wait is a field."""
    plain.reply(Reply(429, {}, {"retry-after": "120"}))
    with pytest.raises(errors.RateLimitedError) as caught:
        chat_model(plain).complete("x")
    assert "429" in str(caught.value)
    assert "rate limit" in str(caught.value).lower()
    assert caught.value.retry_after == 120
    assert caught.value.is_retryable


@every_way
async def test_temporary_failure_is_retried(plain: ScriptedServer, way: str) -> None:
    """A 503 and a 429 before the answer cost the caller nothing."""
    hurry = {"retry-after-ms": "1"}
    plain.reply(Reply(503, {}, hurry), Reply(429, {}, hurry))
    llm = chat_model(plain)
    assert await ask(llm, way)
    assert len(plain.requests) == 3
    await llm.aclose()


@every_way
async def test_endpoint_that_is_gone(way: str) -> None:
    """A refused connection is a ConnectionFailedError."""
    with ScriptedServer() as server:
        url = server.url
    llm = chat_model(server, endpoint=url, max_retries=0)
    with pytest.raises(errors.ConnectionFailedError):
        await ask(llm, way)
    await llm.aclose()


@every_stream
async def test_stream_that_ends_early(plain: ScriptedServer, way: str) -> None:
    """A stream without its end raises, with the text so far, after giving it."""
    plain.reply(Stream([wire.chunk("Once"), wire.chunk(" upon")], done=False))
    llm = chat_model(plain)
    with pytest.raises(errors.IncompleteResponseError) as caught:
        await ask(llm, way)
    assert caught.value.partial == "Once upon"
    await llm.aclose()


@every_stream
async def test_error_in_mid_stream(plain: ScriptedServer, way: str) -> None:
    """An error event raises its class; it is not the end of the text."""
    plain.reply([wire.chunk("Once"), {"error": {"code": "429", "message": "slow down"}}])
    llm = chat_model(plain)
    with pytest.raises(errors.RateLimitedError):
        await ask(llm, way)
    await llm.aclose()


BODIES = {
    "no choices": wire.chat() | {"choices": []},
    "null": b"null",
    "not JSON": b"{",
    "a portal's page": Reply(200, "<html></html>", content_type="text/html"),
}


@pytest.mark.parametrize("case", BODIES)
@pytest.mark.parametrize("way", ["chat", "acomplete"])
async def test_answer_that_is_none(plain: ScriptedServer, way: str, case: str) -> None:
    """A 200 without an answer is a MalformedResponseError."""
    body = BODIES[case]
    plain.reply(Reply(200, body) if isinstance(body, bytes) else body)
    llm = chat_model(plain)
    with pytest.raises(errors.MalformedResponseError):
        await ask(llm, way)
    await llm.aclose()


def test_no_text_of_an_error_holds_the_key(plain: ScriptedServer) -> None:
    """Neither text nor repr of an error, nor of its causes, holds the credential."""
    plain.reply(Reply(401, {"error": {"code": "401", "message": f"bad key {KEY}"}}))
    with pytest.raises(errors.AuthenticationError) as caught:
        chat_model(plain, credential="wrong-" + KEY).complete("x")
    error: BaseException | None = caught.value
    while error is not None:
        assert "wrong-" not in f"{error} {error!r}"
        error = error.__cause__


def test_twins_are_the_core_s_classes() -> None:
    """What this package exports are the core's classes themselves."""
    for name in errors.__all__:
        assert getattr(errors, name) is getattr(azure_inference_core, name)
