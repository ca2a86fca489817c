"""Failures: one class of the package, which is also LangChain's, the core's and the SDK's."""

from __future__ import annotations

import pickle
from typing import Any

import langchain_core.exceptions as lc
import pytest
from azure.core.exceptions import HttpResponseError
from langchain_core.language_models import BaseChatModel

import azure_inference_core as core
from langchain_azure_inference import AzureInferenceEmbeddings, AzureInferenceLLM, ChatAzureInference, errors
from tests.support import wire
from tests.support.scripted_server import Reply, ScriptedServer, Stream

FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering the content management policy.",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"jailbreak": {"filtered": True, "detected": True}},
        },
    }
}
PARAMETER = {
    "status": 422,
    "code": "parameter_not_supported",
    "detail": {"loc": ["body", "response_format"], "input": "json_object"},
    "message": "One of the parameters contain invalid values.",
}
OVERFLOW = {
    "error": {
        "code": "context_length_exceeded",
        "message": "This model's maximum context length is 4096 tokens.",
    }
}
ROWS: list[tuple[Reply | Stream, type[errors.InferenceError], type[Exception], bool]] = [
    (
        Reply(401, {"status": "Invalid auth token"}),
        errors.AuthenticationError,
        lc.ModelAuthenticationError,
        False,
    ),
    (Reply(403, {}), errors.PermissionDeniedError, lc.ModelPermissionDeniedError, False),
    (Reply(404, {"detail": "Not Found"}), errors.NotFoundError, lc.ModelNotFoundError, False),
    (Reply(429, {}), errors.RateLimitedError, lc.ModelRateLimitError, True),
    (Reply(500, {}), errors.ServerError, lc.ModelAPIError, True),
    (Reply(503, {}), errors.ServerError, lc.ModelAPIError, True),
    (Reply(424, {}), errors.ServerError, lc.ModelAPIError, False),
    (Reply(307, {}, {"location": "https://evil.example"}), errors.RedirectRefusedError, lc.ModelError, False),
    (
        Reply(400, {"error": {"message": "no"}}),
        errors.InvalidRequestError,
        lc.ModelInvalidRequestError,
        False,
    ),
    (Reply(422, PARAMETER), errors.UnsupportedParameterError, lc.ModelInvalidRequestError, False),
    (Reply(400, FILTERED), errors.ContentFilteredError, lc.ModelInvalidRequestError, False),
    (Reply(400, OVERFLOW), errors.ContextLengthError, lc.ContextOverflowError, False),
    (Reply(200, "<html>"), errors.MalformedResponseError, lc.ModelError, False),
]


def model_of(server: ScriptedServer, **more: Any) -> ChatAzureInference:
    """A model on the scripted endpoint that asks once."""
    return ChatAzureInference(**{"endpoint": server.url, "credential": "test", "max_retries": 0, **more})


def check(
    error: BaseException, kind: type[errors.InferenceError], theirs: type[Exception], retry: bool
) -> None:
    """One failure as every party expects it, and after pickling."""
    for subject in (error, pickle.loads(pickle.dumps(error))):
        assert type(subject) is kind
        assert isinstance(subject, theirs)
        assert isinstance(subject, lc.ModelError)
        assert isinstance(subject, core.InferenceError)
        assert subject.is_retryable is retry
        assert isinstance(subject, HttpResponseError) == (subject.status is not None)
        assert str(subject) == str(error)


@pytest.mark.parametrize(("reply", "kind", "theirs", "retry"), ROWS)
async def test_every_way_in_raises_the_same_class(
    server: ScriptedServer, reply: Any, kind: Any, theirs: Any, retry: bool
) -> None:
    """Sync and async, whole and streamed, all three classes: one condition is one class."""
    server.reply_always(lambda _request: reply)
    chat = model_of(server)
    llm = AzureInferenceLLM(endpoint=server.url, credential="test", max_retries=0)
    embeddings = AzureInferenceEmbeddings(endpoint=server.url, credential="test", max_retries=0)

    async def drain(chunks: Any) -> None:
        """Read a stream to its end."""
        async for _chunk in chunks:
            pass

    calls: list[Any] = [
        lambda: chat.invoke("x"),
        lambda: list(chat.stream("x")),
        lambda: llm.invoke("x"),
        lambda: llm.generate(["x", "y"]),
        lambda: list(llm.stream("x")),
        lambda: embeddings.embed_query("x"),
        lambda: embeddings.embed_documents(["x"]),
        lambda: embeddings.embed_image(["https://host.example/a.png"]),
        chat.model_info,
    ]
    for call in calls:
        with pytest.raises(core.InferenceError) as caught:
            call()
        check(caught.value, kind, theirs, retry)
    acalls: list[Any] = [
        lambda: chat.ainvoke("x"),
        lambda: drain(chat.astream("x")),
        lambda: llm.ainvoke("x"),
        lambda: llm.agenerate(["x", "y"]),
        lambda: drain(llm.astream("x")),
        lambda: embeddings.aembed_query("x"),
        lambda: embeddings.aembed_documents(["x"]),
        lambda: embeddings.aembed_image(["https://host.example/a.png"]),
        chat.amodel_info,
    ]
    for acall in acalls:
        with pytest.raises(core.InferenceError) as caught:
            await acall()
        check(caught.value, kind, theirs, retry)


STREAM_ROWS = [
    (Stream([wire.chunk("He")], done=False), errors.IncompleteResponseError, lc.ModelConnectionError),
    (
        Stream([wire.chunk("He"), {"error": {"code": "429", "message": "slow down"}}]),
        errors.RateLimitedError,
        lc.ModelRateLimitError,
    ),
    (Stream([wire.chunk("He"), b"data: {broken\n\n"]), errors.MalformedResponseError, lc.ModelError),
    (
        Stream([wire.chunk("He"), {"error": {"code": "context_length_exceeded", "message": "too long"}}]),
        errors.ContextLengthError,
        lc.ContextOverflowError,
    ),
]


@pytest.mark.parametrize(("reply", "kind", "theirs"), STREAM_ROWS)
async def test_a_stream_that_fails_in_the_middle(
    server: ScriptedServer, reply: Any, kind: Any, theirs: Any
) -> None:
    """The text before the failure is given out, then the failure raises its class."""
    server.reply_always(lambda _request: reply)
    for text, error in (broken_stream(model_of(server)), await broken_astream(model_of(server))):
        assert text == "He"
        assert type(error) is kind
        assert isinstance(error, theirs)
        if kind is errors.IncompleteResponseError:
            assert error.partial == "He"


def broken_stream(model: BaseChatModel) -> tuple[str, Any]:
    """The text and the error of a stream."""
    text = ""
    try:
        for chunk in model.stream("x"):
            text += chunk.text
    except core.InferenceError as error:
        return text, error
    raise AssertionError("the stream did not fail")


async def broken_astream(model: BaseChatModel) -> tuple[str, Any]:
    """The text and the error of an async stream."""
    text = ""
    try:
        async for chunk in model.astream("x"):
            text += chunk.text
    except core.InferenceError as error:
        return text, error
    raise AssertionError("the stream did not fail")


def test_nobody_there() -> None:
    """A refused connection and a silence have LangChain's classes, too, and can be tried again."""
    with pytest.raises(lc.ModelConnectionError) as refused:
        ChatAzureInference(endpoint="http://127.0.0.1:9", credential="k", max_retries=0).invoke("x")
    check(refused.value, errors.ConnectionFailedError, lc.ModelConnectionError, retry=True)
    with ScriptedServer() as slow:
        slow.reply_always(lambda _request: Reply(200, wire.chat(), delay=5))
        with pytest.raises(lc.ModelTimeoutError) as late:
            model_of(slow, timeout=0.2).invoke("x")
        assert isinstance(late.value, TimeoutError)
        check(late.value, errors.DeadlineExceededError, lc.ModelTimeoutError, retry=True)


def test_details_are_kept(server: ScriptedServer) -> None:
    """A twin has all that the core's error has."""
    server.reply(Reply(422, PARAMETER))
    with pytest.raises(errors.UnsupportedParameterError) as parameter:
        model_of(server).invoke("x")
    assert parameter.value.parameters[0].name == "response_format"
    assert "response_format" in str(parameter.value)
    server.reply(Reply(400, FILTERED))
    with pytest.raises(errors.ContentFilteredError) as filtered:
        model_of(server).invoke("x")
    assert filtered.value.categories == {"jailbreak": {"filtered": True, "detected": True}}
    assert filtered.value.source == "prompt"
    server.reply(Reply(429, {}, {"Retry-After": "7", "x-request-id": "r1"}))
    with pytest.raises(errors.RateLimitedError) as limited:
        model_of(server).invoke("x")
    assert (limited.value.retry_after, limited.value.status, limited.value.attempts) == (7, 429, 1)
    assert "429" in str(limited.value)


def test_the_twins_cover_the_core() -> None:
    """Every error class of the core has a twin of the same name, and each says the same of retrying."""
    for name in core.__all__:
        theirs = getattr(core, name)
        if isinstance(theirs, type) and issubclass(theirs, core.InferenceError):
            twin = getattr(errors, name)
            assert issubclass(twin, theirs)
            assert issubclass(twin, errors.InferenceError)
            assert twin.is_retryable is theirs.is_retryable
            assert twin.__doc__


def test_what_langchain_retries(server: ScriptedServer) -> None:
    """``ModelRetryMiddleware`` tries again what can succeed, and nothing else."""
    from langchain.agents import create_agent
    from langchain.agents.middleware import ModelRetryMiddleware

    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, on_failure="error")
    agent = create_agent(model_of(server), [], middleware=[retry])
    for reply, expected in ((Reply(503, {}), 3), (Reply(422, PARAMETER), 1), (Reply(401, {}), 1)):
        server.requests.clear()
        server.reply_always(lambda _request, reply=reply: reply)
        with pytest.raises(lc.ModelError):
            agent.invoke({"messages": [("user", "x")]})
        assert len(server.requests) == expected
    server.requests.clear()
    with pytest.raises(errors.ConfigurationError):
        agent.invoke({"messages": [("user", [{"type": "video", "url": "https://host.example/v"}])]})
    assert server.requests == []


def test_what_langchain_falls_back_on(server: ScriptedServer) -> None:
    """``with_retry`` and ``with_fallbacks`` can name LangChain's classes."""
    server.reply(Reply(503, {}), "Hello.")
    retried = model_of(server).with_retry(
        retry_if_exception_type=(lc.ModelAPIError,), wait_exponential_jitter=False
    )
    assert retried.invoke("x").content == "Hello."
    server.reply(Reply(429, {}), "Hello.")
    chain = model_of(server).with_fallbacks(
        [model_of(server, model="b")], exceptions_to_handle=(lc.ModelRateLimitError,)
    )
    assert chain.invoke("x").content == "Hello."
    assert server.last.json["model"] == "b"
