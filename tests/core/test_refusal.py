"""Every error body that is known of the services, read by the pure functions: bytes in, one error out."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_inference_core._refusal.judging import (
    is_retryable_status,
    status_error,
    stream_error,
)
from azure_inference_core._refusal.reading import failure_in
from azure_inference_core._refusal.waiting import retry_after_seconds
from azure_inference_core.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextLengthError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectRefusedError,
    ServerError,
    StatusError,
    UnsupportedParameterError,
)
from tests.support.refusals import SHAPES, Row

SECRET_PROMPT = "canary-prompt-1b9e77a40c"
LONGEST_TEXT = 900
MODEL_STATUS = "ms-azureml-model-error-statuscode"


E1 = (
    "Extra parameters ['n'] are not allowed when extra-parameters is not set or set to be 'error'. "
    "Set extra-parameters to 'pass-through' to pass to the model."
)
E4 = {
    "type": "extra_forbidden",
    "loc": ["body", "stream_options", "include_usage"],
    "msg": "Extra inputs are not permitted",
    "input": True,
    "url": "https://errors.pydantic.dev/2.10/v/extra_forbidden",
}
E5 = {
    "error": {
        "code": "Invalid input",
        "status": 422,
        "message": "invalid input error",
        "details": [
            {
                "type": "list_type",
                "loc": ["body", "input"],
                "msg": "Input should be a valid list",
                "input": SECRET_PROMPT,
            }
        ],
    }
}
E7 = json.dumps(
    {
        "object": "error",
        "message": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        "type": "BadRequestError",
        "param": None,
        "code": 400,
    }
)
E8 = (
    "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted', "
    "'input': {'include_usage': True}}]"
)
NO_MODEL = (
    "No model specified in request. Please provide a model name in the request body or as a "
    "x-ms-model-mesh-model-name header."
)
C3_FILTERS = {
    "hate": {"filtered": False, "severity": "safe"},
    "jailbreak": {"filtered": True, "detected": True},
    "self_harm": {"filtered": False, "severity": "safe"},
    "sexual": {"filtered": False, "severity": "safe"},
    "violence": {"filtered": True, "severity": "medium"},
}


def c3(
    name: str = "content_filter_result", code: str = "content_filter", filters: Any = None
) -> dict[str, Any]:
    """Azure OpenAI's content filter body in one of its variants."""
    return {
        "error": {
            "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
            "type": None,
            "param": "prompt",
            "code": code,
            "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation", name: filters or C3_FILTERS},
        }
    }


def error(code: Any, message: str, **more: Any) -> dict[str, Any]:
    """The nested form most of the services use."""
    return {"error": {"code": code, "message": message, **more}}


def violation(kind: str, loc: list[Any], msg: str, value: Any = None) -> dict[str, Any]:
    """A body of the managed container's validator with one complaint."""
    entry = {"type": kind, "loc": loc, "msg": msg, "input": value}
    return error("Invalid input", "invalid input error", status=422, details=[entry])


PARAMETER_ROWS = [
    Row(
        "E1",
        400,
        {"detail": E1},
        UnsupportedParameterError,
        parameters=[("n", None)],
        says=("refused n", "HTTP 400", 'extra_parameters="pass-through"', '"drop"'),
    ),
    Row(
        "E1b",
        400,
        {
            "detail": "Extra parameters ['n', 'logprobs'] are not allowed when extra-parameters is set to 'error'."
        },
        UnsupportedParameterError,
        parameters=[("n", None), ("logprobs", None)],
        says=("n, logprobs", 'extra_parameters="pass-through"'),
    ),
    Row(
        "E2",
        400,
        {
            "detail": "Unexpected EXTRA_PARAMETERS option ignore, expected options are ['error', 'drop', 'pass-through']"
        },
        UnsupportedParameterError,
        parameters=[("extra-parameters", "ignore")],
        says=("extra-parameters='ignore'", 'Set extra_parameters to "pass-through", "drop" or "error"'),
    ),
    Row(
        "E3",
        422,
        {
            "status": 422,
            "code": "parameter_not_supported",
            "detail": {"loc": ["body", "response_format"], "input": "json_object"},
            "message": "One of the parameters contain invalid values.",
        },
        UnsupportedParameterError,
        code="parameter_not_supported",
        parameters=[("response_format", "json_object")],
        says=("response_format='json_object'", "One of the parameters contain invalid values", "HTTP 422"),
    ),
    Row(
        "E3-value",
        422,
        {"status": 422, "code": "parameter_not_supported", "detail": {"loc": ["body", "seed"], "value": 7}},
        UnsupportedParameterError,
        code="parameter_not_supported",
        parameters=[("seed", 7)],
        says=("seed=7",),
    ),
    Row(
        "E3-string-detail",
        422,
        {"detail": "max_tokens is too large"},
        UnsupportedParameterError,
        parameters=[("max_tokens", None)],
        says=("max_tokens is",),
    ),
    Row(
        "E4",
        422,
        {"detail": [E4]},
        UnsupportedParameterError,
        code="extra_forbidden",
        parameters=[("stream_options.include_usage", True)],
        says=("stream_options.include_usage=True", 'extra_parameters="drop"'),
    ),
    Row(
        "E4-two",
        422,
        {"detail": [E4, {**E4, "loc": ["body", "n"], "input": 2}]},
        UnsupportedParameterError,
        code="extra_forbidden",
        parameters=[("stream_options.include_usage", True), ("n", 2)],
        says=("n=2",),
    ),
    Row(
        "E5",
        422,
        E5,
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("input", SECRET_PROMPT)],
        says=("input (str)",),
    ),
    Row(
        "E6",
        422,
        error("Invalid input", json.dumps({"detail": [E4]}), status=422),
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("stream_options.include_usage", True)],
        says=("Extra inputs are not permitted",),
        says_not=('{"detail"',),
    ),
    Row(
        "E7",
        400,
        error("Bad Request", E7, status="400"),
        UnsupportedParameterError,
        code="Bad Request",
        parameters=[("tool_choice", None)],
        says=('"auto" tool choice requires',),
        says_not=('"object"',),
    ),
    Row(
        "E8",
        422,
        error("Invalid input", E8, status=422),
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("stream_options", {"include_usage": True})],
        says=("stream_options (dict of 1)",),
        says_not=("'loc'",),
    ),
    Row(
        "E8-vllm-lines",
        400,
        {
            "object": "error",
            "message": "2 validation errors:\n  {'type': 'extra_forbidden', 'loc': ('body', 'a'), 'msg': 'no', 'input': 1}\n"
            "  {'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required', 'input': {'x': '"
            + SECRET_PROMPT
            + "'}}\n\n  File x, line 2",
            "type": "BadRequestError",
            "code": 400,
        },
        UnsupportedParameterError,
        code="400",
        parameters=[("a", 1), ("messages", None)],
        says=("a=1, messages", "no; Field required"),
    ),
    Row(
        "E10",
        422,
        error("OperationParameterInvalid", "Streaming responses are not currently supported"),
        UnsupportedParameterError,
        code="OperationParameterInvalid",
        parameters=[("stream", None)],
    ),
    Row(
        "aoai-unsupported-parameter",
        400,
        error(
            "unsupported_parameter",
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            type="invalid_request_error",
            param="max_tokens",
        ),
        UnsupportedParameterError,
        code="unsupported_parameter",
        parameters=[("max_tokens", None)],
        says=("refused max_tokens", "max_completion_tokens"),
    ),
    Row(
        "aoai-unsupported-value",
        400,
        error(
            "unsupported_value",
            "'temperature' does not support 0.2 with this model.",
            type="x",
            param="temperature",
        ),
        UnsupportedParameterError,
        code="unsupported_value",
        parameters=[("temperature", None)],
    ),
    Row(
        "aoai-unrecognized-argument",
        400,
        error(
            None,
            "Unrecognized request arguments supplied: foo, bar_baz",
            type="invalid_request_error",
            param=None,
        ),
        UnsupportedParameterError,
        code="invalid_request_error",
        parameters=[("foo", None), ("bar_baz", None)],
    ),
    Row(
        "mixtral-tools",
        400,
        {"detail": "Tools and tool_choice are not supported."},
        UnsupportedParameterError,
        parameters=[("tools", None), ("tool_choice", None)],
    ),
    Row(
        "mixtral-json",
        400,
        {"detail": "mixtral model does not support json response format."},
        UnsupportedParameterError,
        parameters=[("response_format", None)],
    ),
    Row(
        "validator-temperature",
        422,
        violation("less_than_equal", ["body", "temperature"], "Input should be less than or equal to 1", 1.5),
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("temperature", 1.5)],
        says=("temperature=1.5", "Input should be less than or equal to 1"),
    ),
    Row(
        "validator-role",
        422,
        violation("enum", ["body", "messages", 0, "role"], "Input should be 'system' or 'user'", "developer"),
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("messages.0.role", "developer")],
        says=("messages.0.role (str)",),
    ),
    Row(
        "validator-no-messages",
        422,
        violation("missing", ["body", "messages"], "Field required", {"prompt": SECRET_PROMPT}),
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("messages", None)],
        says=("Field required", "add it"),
    ),
    Row(
        "validator-part-branch",
        422,
        violation(
            "enum",
            ["body", "messages", 0, "content", "list[function-after[check(), ContentPart]]", 0, "type"],
            "Input should be 'text'",
            "video",
        ),
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("messages.0.content.0.type", "video")],
    ),
    Row(
        "validator-bad-json",
        422,
        violation("json_invalid", ["body", 14], "JSON decode error", {}),
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("body", {})],
    ),
    Row(
        "validator-no-body",
        422,
        violation("missing", ["body"], "Field required"),
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("body", None)],
    ),
    Row(
        "long-value",
        422,
        violation("string_type", ["body", "user"], "too long", SECRET_PROMPT * 20),
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("user", SECRET_PROMPT * 20)],
        says=("user (str of 480 characters)",),
    ),
    Row(
        "secret-value",
        422,
        violation("extra_forbidden", ["body", "api_key"], "no", SECRET_PROMPT),
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("api_key", SECRET_PROMPT)],
        says=("api_key (str)",),
    ),
    Row("422-empty", 422, b"", UnsupportedParameterError, says=("HTTP 422",)),
]

REQUEST_ROWS = [
    Row(
        "E9-no-model",
        400,
        error("no_model_name", NO_MODEL, details=NO_MODEL),
        InvalidRequestError,
        code="no_model_name",
        says=("No model specified in request", "Set model to"),
    ),
    Row(
        "E9-unknown-model",
        404,
        error("unknown_model", "Unknown model: X", details="Unknown model: X"),
        NotFoundError,
        code="unknown_model",
        says=("Unknown model: X", "Set model"),
    ),
    Row(
        "E9-unknown-model-400",
        400,
        error("unknown_model", "Unknown model: X"),
        InvalidRequestError,
        code="unknown_model",
        says=("Set model to",),
    ),
    Row(
        "E11",
        400,
        {
            "object": "error",
            "message": "Tool call id was X but must be a-z, A-Z, 0-9, with a length of 9.",
            "type": "invalid_function_call",
            "param": None,
            "code": "3280",
        },
        InvalidRequestError,
        code="3280",
        says=("Tool call id was X", "code 3280"),
    ),
    Row("409", 409, error("Conflict", "busy"), InvalidRequestError, code="Conflict"),
    Row(
        "413",
        413,
        b"<html>Request Entity Too Large</html>",
        InvalidRequestError,
        says=("batch_size", "an HTML page"),
    ),
    Row("415", 415, {"detail": "Unsupported media type"}, InvalidRequestError),
    Row("400-empty", 400, b"", InvalidRequestError, says=("HTTP 400",)),
    Row(
        "aoai-context",
        400,
        error(
            "context_length_exceeded",
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
            type="invalid_request_error",
            param="messages",
        ),
        ContextLengthError,
        code="context_length_exceeded",
        says=("8192 tokens", "max_tokens"),
    ),
    Row(
        "vllm-context",
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
        ContextLengthError,
        code="400",
    ),
    Row(
        "llama-cpp-context",
        400,
        error(
            400,
            "the request exceeds the available context size, try increasing it",
            type="exceed_context_size_error",
            n_prompt_tokens=9000,
            n_ctx=4096,
        ),
        ContextLengthError,
        code="400",
    ),
    Row(
        "mesh-too-large",
        413,
        error("tokens_limit_reached", "Request body too large for gpt-4o model. Max size: 8000 tokens."),
        ContextLengthError,
        code="tokens_limit_reached",
    ),
]

FILTER_ROWS = [
    Row(
        "C1",
        400,
        {
            "status": 400,
            "code": "content_filter",
            "message": "The response was filtered",
            "param": "messages",
            "type": None,
        },
        ContentFilteredError,
        code="content_filter",
        says=("ontent safety blocked",),
    ),
    Row(
        "C2",
        400,
        error(
            "content_filter",
            "The response was filtered due to the prompt triggering Microsoft's content management policy. "
            "Please modify your prompt and retry.",
            type=None,
            param="prompt",
            status=400,
        ),
        ContentFilteredError,
        code="content_filter",
        says=("content management policy",),
    ),
    Row(
        "C3",
        400,
        c3(),
        ContentFilteredError,
        code="content_filter",
        categories=["jailbreak", "violence"],
        says=("jailbreak", "violence (severity medium)"),
        says_not=("sexual",),
    ),
    Row(
        "C3-plural",
        400,
        c3("content_filter_results", "invalid_prompt"),
        ContentFilteredError,
        code="invalid_prompt",
        categories=["jailbreak", "violence"],
    ),
    Row(
        "C3-hyphen",
        400,
        c3(filters={"self-harm": {"filtered": True, "severity": "high"}}),
        ContentFilteredError,
        code="content_filter",
        categories=["self_harm"],
        says=("self_harm (severity high)",),
    ),
    Row(
        "C4",
        400,
        error("Bad Request", "request input violates azure ai content safety setting.", status=400),
        ContentFilteredError,
        code="Bad Request",
    ),
    Row(
        "C4-output",
        400,
        error("Bad Request", "request output violates azure ai content safety setting.", status=400),
        ContentFilteredError,
        code="Bad Request",
        source="completion",
    ),
]

AUTH_ROWS = [
    Row(
        "401-audience",
        401,
        {
            "statusCode": 401,
            "message": "Unauthorized. Access token is missing, invalid, audience is incorrect "
            "(https://cognitiveservices.azure.com), or have expired.",
        },
        AuthenticationError,
        says=('credential_scopes=["https://cognitiveservices.azure.com/.default"]', "HTTP 401"),
    ),
    Row(
        "401-key",
        401,
        error("401", "Access denied due to invalid subscription key or wrong API endpoint."),
        AuthenticationError,
        code="401",
        says=("credential", "invalid subscription key"),
    ),
    Row(
        "401-serverless",
        401,
        {"status": "Invalid auth token"},
        AuthenticationError,
        says=("Invalid auth token",),
    ),
    Row(
        "401-serverless-header",
        401,
        {"status": "Auth token must be passed as a header called Authorization"},
        AuthenticationError,
        says=("Auth token must be passed",),
    ),
    Row(
        "401-text",
        401,
        b"auth token validation failed",
        AuthenticationError,
        says=("auth token validation failed",),
    ),
    Row(
        "401-typed",
        401,
        {"error": "Unauthorized", "message": "bad token", "status": 401},
        AuthenticationError,
        says=("bad token",),
    ),
    Row(
        "401-quotes-key",
        401,
        error("invalid_api_key", "Incorrect API key provided: canary-7f3c0e55b1d94ad2-key. Find yours at x."),
        AuthenticationError,
        code="invalid_api_key",
        says_not=("canary-7f3c0e55b1d94ad2-key",),
    ),
    Row(
        "403",
        403,
        error("Forbidden", "Public access is disabled."),
        PermissionDeniedError,
        code="Forbidden",
        says=("role",),
    ),
    Row("403-empty", 403, b"", PermissionDeniedError, says=("HTTP 403",)),
    Row(
        "404-resource",
        404,
        error("404", "Resource not found"),
        NotFoundError,
        code="404",
        url="https://res.services.ai.azure.com/chat/completions",
        says=("/models", "/openai/v1"),
    ),
    Row(
        "404-deployment",
        404,
        error("DeploymentNotFound", "The API deployment for this resource does not exist."),
        NotFoundError,
        code="DeploymentNotFound",
        url="https://res.openai.azure.com/chat/completions",
        says=("existing deployment",),
    ),
    Row(
        "404-aoai-path",
        404,
        error("404", "Resource not found"),
        NotFoundError,
        code="404",
        url="https://res.openai.azure.com/chat/completions",
        says=("/openai/deployments/<name>",),
    ),
    Row(
        "404-serverless",
        404,
        {"status": "Serverless endpoint not found"},
        NotFoundError,
        says=("Serverless endpoint not found",),
    ),
    Row("404-managed", 404, {"detail": "Not Found"}, NotFoundError),
    Row("405", 405, {"detail": "Method Not Allowed"}, NotFoundError, says=("chat, embeddings",)),
    Row("410", 410, b"", NotFoundError, says=("/openai/v1",)),
]

SERVER_ROWS = [
    Row("408", 408, b"", ServerError, retryable=True, says=("HTTP 408",)),
    Row(
        "429-key",
        429,
        error("429", "Rate limit is exceeded. Try again in 2 seconds."),
        RateLimitedError,
        code="429",
        retryable=True,
        says=("429", "rate limit", "Try again in 2 seconds"),
    ),
    Row(
        "429-mesh",
        429,
        error(
            "RateLimitReached",
            "Rate limit of 10 per 60s exceeded for UserByModelByMinute. Please wait 46 seconds before retrying.",
            details="Rate limit of 10 per 60s exceeded",
        ),
        RateLimitedError,
        code="RateLimitReached",
        retryable=True,
        headers={"Retry-After": "46"},
        says=("429", "rate limit", "wait 46 s"),
    ),
    Row("429-empty", 429, b"", RateLimitedError, retryable=True, says=("429", "rate limit")),
    Row(
        "429-header-code",
        429,
        b"",
        RateLimitedError,
        code="RateLimitReached",
        retryable=True,
        headers={"x-ms-error-code": "RateLimitReached"},
    ),
    Row(
        "500",
        500,
        error("Internal Server Error", "An error occurred during the request processing: boom", status=500),
        ServerError,
        code="Internal Server Error",
        retryable=True,
        says=("boom",),
    ),
    Row(
        "500-aoai",
        500,
        error(None, "oops", type="server_error"),
        ServerError,
        code="server_error",
        retryable=True,
    ),
    Row("501", 501, b"", ServerError),
    Row(
        "502",
        502,
        {"error": "Downstream unavailable"},
        ServerError,
        retryable=True,
        says=("Downstream unavailable",),
    ),
    Row(
        "503-html",
        503,
        b"<!DOCTYPE html><html><body>" + b"x" * 5000 + b"</body></html>",
        ServerError,
        retryable=True,
        says=("an HTML page",),
        says_not=("<", "xxx"),
    ),
    Row(
        "503-html-in-json",
        503,
        error("503", "upstream said <html><body>secret page"),
        ServerError,
        code="503",
        retryable=True,
        says=("upstream said",),
        says_not=("secret page",),
    ),
    Row(
        "503-xml",
        503,
        b"<?xml version='1.0'?><Error/>",
        ServerError,
        retryable=True,
        says=("an XML document",),
    ),
    Row("504", 504, b"", ServerError, retryable=True),
    Row("529", 529, b"", ServerError, retryable=True),
    Row("599", 599, b"", ServerError),
    Row("500-junk", 500, bytes(range(256)), ServerError, retryable=True, says=("binary data",)),
]

WRAPPED_ROWS = [
    Row("424", 424, b"", ServerError, says=("HTTP 424",)),
    Row(
        "424-503",
        424,
        b"{}",
        ServerError,
        retryable=True,
        headers={MODEL_STATUS: "503"},
        says=("own status 503",),
    ),
    Row(
        "424-400",
        424,
        error("Bad Request", "no"),
        ServerError,
        code="Bad Request",
        headers={MODEL_STATUS: "400"},
        says=("own status 400", "will not help"),
    ),
    Row("424-401", 424, b"{}", ServerError, headers={MODEL_STATUS: "401"}),
    Row(
        "424-E1",
        424,
        {"detail": E1},
        UnsupportedParameterError,
        parameters=[("n", None)],
        headers={MODEL_STATUS: "400"},
        says=("HTTP 424", "own status 400", "pass-through"),
    ),
    Row(
        "424-E5",
        424,
        E5,
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("input", SECRET_PROMPT)],
        headers={MODEL_STATUS: "422", "ms-azureml-model-error-reason": "model_error"},
        says=("own status 422",),
    ),
    Row(
        "424-E5-no-header",
        424,
        E5,
        UnsupportedParameterError,
        code="Invalid input",
        parameters=[("input", SECRET_PROMPT)],
        says=("own status 422",),
    ),
    Row(
        "424-C4",
        424,
        error("Bad Request", "request input violates azure ai content safety setting.", status=400),
        ContentFilteredError,
        code="Bad Request",
        headers={MODEL_STATUS: "400"},
    ),
    Row(
        "424-404",
        424,
        {"detail": "Not Found"},
        NotFoundError,
        headers={MODEL_STATUS: "404"},
        says=("chat, embeddings",),
    ),
    Row(
        "424-429",
        424,
        b"",
        RateLimitedError,
        retryable=True,
        headers={MODEL_STATUS: "429"},
        says=("429", "rate limit"),
    ),
]

REDIRECT_ROWS = [
    Row(
        "307",
        307,
        b"",
        RedirectRefusedError,
        headers={"Location": "https://user:pw@evil.example:8443/steal?sig=topsecret"},
        url="https://res.models.ai.azure.com/chat/completions",
        says=("evil.example", "res.models.ai.azure.com"),
        says_not=("topsecret", "pw", "steal"),
    ),
    Row(
        "308-same-host",
        308,
        b"",
        RedirectRefusedError,
        headers={"Location": "/other?x=topsecret"},
        url="https://a.example/chat/completions",
        says=("a.example", "same host"),
        says_not=("topsecret",),
    ),
    Row(
        "303-unreadable",
        303,
        b"",
        RedirectRefusedError,
        headers={"Location": "http://[::1"},
        says=("unreadable",),
    ),
    Row("304", 304, b"", RedirectRefusedError),
]

ROWS = (
    PARAMETER_ROWS
    + REQUEST_ROWS
    + FILTER_ROWS
    + AUTH_ROWS
    + SERVER_ROWS
    + WRAPPED_ROWS
    + REDIRECT_ROWS
    + SHAPES
)


def lower(headers: dict[str, str]) -> dict[str, str]:
    """Headers as the transports hand them on."""
    return {name.lower(): value for name, value in headers.items()}


def made(row: Row) -> StatusError:
    """The error that a row's answer becomes."""
    headers = {"x-request-id": "req-1", **row.headers}
    return status_error(row.status, lower(headers), row.content, url=row.url)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_body_becomes_its_class(row: Row) -> None:
    """A known body becomes exactly one class, with its status, code, retryability and request id."""
    got = made(row)
    assert type(got) is row.kind, str(got)
    assert (got.status, got.status_code, got.code) == (row.status, row.status, row.code)
    assert (got.is_retryable, got.request_id) == (row.retryable, "req-1")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_body_names_parameters_and_categories(row: Row) -> None:
    """The refused parameters with their values, and the categories that blocked, are on the error."""
    got = made(row)
    parameters = [(p.name, p.value) for p in getattr(got, "parameters", ())]
    assert parameters == row.parameters
    blocked = [name for name, result in getattr(got, "categories", {}).items() if result["filtered"]]
    assert blocked == row.categories
    assert getattr(got, "source", "prompt") == row.source


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_text_is_one_bounded_line_for_a_person(row: Row) -> None:
    """The text says what a person needs in one line, and holds neither the prompt nor a page."""
    text = str(made(row))
    for part in (*row.says, "request id req-1"):
        assert part in text
    for part in (*row.says_not, SECRET_PROMPT, "\n"):
        assert part not in text
    assert len(text) <= LONGEST_TEXT
    assert SECRET_PROMPT not in repr(made(row))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_error_pickles_with_everything_it_knows(row: Row) -> None:
    """An error crosses a process boundary with its class, fields and answer."""
    got = made(row)
    copy = pickle.loads(pickle.dumps(got))
    assert (type(copy), str(copy), copy.status, copy.code) == (type(got), str(got), got.status, got.code)
    assert getattr(copy, "parameters", None) == getattr(got, "parameters", None)
    assert getattr(copy, "categories", None) == getattr(got, "categories", None)
    assert copy.response.text() == got.response.text()


def test_violation_keeps_its_own_message() -> None:
    """Each refused parameter carries what the service said about it."""
    got = made(next(row for row in ROWS if row.id == "E4"))
    assert isinstance(got, UnsupportedParameterError)
    assert got.parameters[0].message == "Extra inputs are not permitted"


def test_response_keeps_no_credential_and_no_location() -> None:
    """The answer kept for the SDK's users has no header that can hold a secret."""
    headers = {
        "Authorization": "x",
        "Set-Cookie": "x",
        "Location": "https://a/?sig=x",
        "Content-Type": "text/plain",
    }
    assert status_error(307, lower(headers), b"").response.headers == {"content-type": "text/plain"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Request-Id": "a", "apim-request-id": "b"}, "a"),
        ({"apim-request-id": "b", "x-ms-request-id": "c"}, "b"),
        ({"x-ms-client-request-id": "d", "x-ms-request-id": "c"}, "c"),
        ({"x-ms-client-request-id": "d"}, "d"),
        ({"x-request-id": "a\x1b[31m"}, "a\\u001b[31m"),
        ({}, None),
    ],
)
def test_request_id_is_found_in_order_of_trust(headers: dict[str, str], expected: str | None) -> None:
    """The request id is the service's own where it gave one, made printable."""
    got = status_error(500, lower(headers), b"")
    assert got.request_id == expected
    assert "\x1b" not in str(got)


@pytest.mark.parametrize(
    "message",
    ["red \x1b[31m", "bell \x07", "split\u2028line", "turn \u202eround", "lone \ud800", "a\nb\r\nc"],
)
def test_control_characters_are_escaped(message: str) -> None:
    """Nothing of the service's words can move a terminal's cursor or start a new log line."""
    text = str(status_error(500, {}, json.dumps(error("x", message)).encode()))
    assert text.isprintable()


@pytest.mark.parametrize(
    "message",
    [
        "1 validation error for Request\nmessages.0\n  Input should be valid [type=string_type, input_value='%s', x]",
        "Could not read {'input': '%s'",
        'Could not read {"messages": [{"content": "%s"}]}',
        "Bad body: {'message': '%s'}",
    ],
)
def test_words_stop_where_the_service_quotes_the_request(message: str) -> None:
    """The service's words are cut off before they repeat what was sent."""
    for body in (error("x", message % SECRET_PROMPT), message % SECRET_PROMPT):
        assert SECRET_PROMPT not in str(status_error(400, {}, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "0"}, 0.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": "86400"}, 86400.0),
        ({"retry-after-ms": "50", "Retry-After": "9"}, 0.05),
        ({"X-MS-Retry-After-MS": "250", "Retry-After": "9"}, 0.25),
        ({"retry-after-ms": "soon", "Retry-After": "9"}, 9.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:01:10 GMT"}, 10.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:01:10"}, 10.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0.0),
        ({"Retry-After": "Fri, 31 Dec 100000 23:59:59 GMT"}, None),
        ({"Retry-After": "Fri, 99 Dec 2020 23:59:59 +99999999999"}, None),
        *(
            ({"Retry-After": bad}, None)
            for bad in ("", "soon", "inf", "nan", "-5", "1e400", "9" * 400, "1_0", "\u0661")
        ),
        ({}, None),
    ],
)
def test_retry_after_is_read_or_ignored(headers: dict[str, str], expected: float | None) -> None:
    """A wait is read from milliseconds, seconds or a date; what cannot be read is no wait, and never an exception."""
    assert retry_after_seconds(lower(headers), now=60.0) == expected


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_transient_statuses_are_retryable(status: int) -> None:
    """A transient status is retryable, by itself and behind a 424."""
    assert is_retryable_status(status, {})
    assert is_retryable_status(424, {MODEL_STATUS: str(status)})


@pytest.mark.parametrize(
    "status", [307, 400, 401, 403, 404, 405, 409, 413, 415, 422, 424, 501, 505, 507, 520, 599]
)
def test_lasting_statuses_are_not_retryable(status: int) -> None:
    """A status that will be the same next time is not retryable, by itself or behind a 424."""
    assert not is_retryable_status(status, {"retry-after": "1"})
    assert not is_retryable_status(424, {MODEL_STATUS: str(status)})


@pytest.mark.parametrize(
    ("payload", "kind", "status"),
    [
        (error("429", "slow down"), RateLimitedError, 429),
        (error("RateLimitReached", "slow down"), RateLimitedError, 429),
        ({"error": "Rate limit exceeded"}, RateLimitedError, 429),
        (error("content_filter", "The response was filtered"), ContentFilteredError, 400),
        (error("context_length_exceeded", "long"), ContextLengthError, 400),
        ("This model's maximum context length is 10 tokens.", ContextLengthError, 400),
        (error(400, "bad", type="BadRequestError"), InvalidRequestError, 400),
        (error(None, "bad", type="invalid_request_error"), InvalidRequestError, 400),
        (error("invalid_api_key", "bad"), AuthenticationError, 401),
        (error("model_not_found", "bad"), NotFoundError, 404),
        (error("x", "bad", status=503), ServerError, 503),
        (error("server_error", "oops"), ServerError, 500),
        ({"error": "boom"}, ServerError, 500),
        ({"error": None}, ServerError, 500),
        ("Error parsing decoded stream: x", ServerError, 500),
        (json.dumps(error("429", "slow down")), RateLimitedError, 429),
        ({"object": "error", "message": "bad", "code": 400}, InvalidRequestError, 400),
        ("", ServerError, 500),
        (None, ServerError, 500),
        ([], ServerError, 500),
    ],
)
def test_error_event_becomes_its_class(payload: Any, kind: type[StatusError], status: int) -> None:
    """An error event inside a stream is never nothing: it becomes the class its code, status or words name."""
    got = stream_error(payload, {"x-request-id": "req-1"})
    assert type(got) is kind
    assert (got.status, got.request_id) == (status, "req-1")
    assert "stream" in str(got)
    assert pickle.loads(pickle.dumps(got)).status == status


GOOD = {"choices": [{"index": 0, "delta": {"content": "a"}}]}
COUNTS: dict[str, Any] = {"choices": [], "usage": {"total_tokens": 3}}


@pytest.mark.parametrize(
    "failure",
    [
        {"error": {"message": "no"}},
        {"error": "no"},
        {"error": True},
        {"error": ["no"]},
        {"object": "error", "message": "no"},
        {"type": "error"},
    ],
)
def test_a_failure_is_one_beside_an_answer_too(failure: dict[str, Any]) -> None:
    """What reports a failure does so alone, beside text and beside counts."""
    for answer in (failure, {**GOOD, **failure}, {**COUNTS, **failure}):
        assert failure_in(answer) is answer


@pytest.mark.parametrize("nothing", [None, {}, "", [], False, 0, {"code": None, "message": ""}])
def test_an_error_that_says_nothing_is_none_beside_an_answer(nothing: Any) -> None:
    """Gateways write an empty error into every answer, and into every choice."""
    choice = {"choices": [{**GOOD["choices"][0], "error": nothing}]}
    for answer in ({**GOOD, "error": nothing}, {**COUNTS, "error": nothing}, choice):
        assert failure_in(answer) is None


@pytest.mark.parametrize(
    "failure",
    [
        {"error": {}},
        {"error": ""},
        {"detail": "Not Found"},
        {"errors": [{"message": "no"}]},
        {"statusCode": 429, "message": "Rate limit is exceeded."},
        {"status": "error", "message": "no"},
        {"code": "InternalServerError", "message": "no"},
    ],
)
def test_without_content_more_is_a_failure(failure: dict[str, Any]) -> None:
    """The other shapes of errors count where there is no answer beside them."""
    assert failure_in(failure) is failure
    assert failure_in({**GOOD, **failure}) is None


@pytest.mark.parametrize(
    "answer",
    [{}, {"a": 1}, {"type": "ping"}, {"error": None}, {"message": "queued"}, {"code": 200}, {"choices": []}],
)
def test_an_unknown_event_is_no_failure(answer: dict[str, Any]) -> None:
    """What a service adds to a stream costs nobody the answer."""
    assert failure_in(answer) is None


def test_a_failed_choice_is_a_failure() -> None:
    """Routers report the failure of the model behind them in its choice."""
    failed = {"index": 1, "error": {"code": 502, "message": "no"}, "finish_reason": "error"}
    assert failure_in({"choices": [GOOD["choices"][0], failed]}) is failed


def test_filter_event_in_a_stream_is_about_the_answer() -> None:
    """Content safety that strikes after the stream began has blocked the answer, not the prompt."""
    got = stream_error(error("content_filter", "The response was filtered"), {})
    assert isinstance(got, ContentFilteredError)
    assert got.source == "completion"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.text(max_size=8), children, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "code",
                    "message",
                    "detail",
                    "details",
                    "loc",
                    "msg",
                    "input",
                    "type",
                    "status",
                    "param",
                    "innererror",
                    "errors",
                    "value",
                    "content_filter_result",
                ]
            ),
            children,
            max_size=6,
        )
    ),
    max_leaves=20,
)
statuses = st.integers(300, 599)
header_values = st.dictionaries(
    st.sampled_from(
        ["Retry-After", "retry-after-ms", MODEL_STATUS, "x-request-id", "Location", "x-ms-error-code"]
    ),
    st.text(max_size=200),
)


def check_sane(got: StatusError) -> None:
    """Whatever came in, the error is bounded, printable and pickles."""
    assert isinstance(got, StatusError)
    assert len(str(got)) <= LONGEST_TEXT
    assert str(got).isprintable()
    assert str(pickle.loads(pickle.dumps(got))) == str(got)


@settings(deadline=None)
@given(statuses, header_values, st.binary(max_size=400) | st.text(max_size=2000).map(str.encode))
def test_any_bytes_become_a_status_error(status: int, headers: dict[str, str], body: bytes) -> None:
    """No bytes make the translation fail."""
    check_sane(status_error(status, lower(headers), body, url="https://h.example/models/chat/completions"))


@settings(deadline=None)
@given(statuses, header_values, json_values)
def test_any_json_becomes_a_status_error(status: int, headers: dict[str, str], value: Any) -> None:
    """No JSON makes the translation fail, as a body, as a string inside one, or as an event of a stream."""
    text = json.dumps(value)
    check_sane(status_error(status, lower(headers), text.encode()))
    check_sane(status_error(status, lower(headers), json.dumps(error("x", text)).encode()))
    check_sane(status_error(status, lower(headers), json.dumps({"detail": repr(value)}).encode()))
    got = stream_error(value, lower(headers))
    assert isinstance(got, StatusError)
    check_sane(got)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 65536,
        b'{"detail":' * 6000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        json.dumps({"detail": "[" * 10000}).encode(),
        json.dumps({"detail": "[" * 150 + "]" * 150}).encode(),
        json.dumps({"detail": "[{'a': 0x" + "f" * 9000 + "}]"}).encode(),
        json.dumps({"detail": "{'a': '\\q'}"}).encode(),
        json.dumps({"detail": "{[]: 1}"}).encode(),
        b"9" * 60000,
        b'{"status": NaN, "code": Infinity}',
        b"\xef\xbb\xbf" + json.dumps(error("x", "y")).encode(),
    ],
)
def test_hostile_nesting_is_survived(body: bytes) -> None:
    """Depth, size and odd literals neither crash the translation nor leave an error that cannot be pickled."""
    check_sane(status_error(400, {}, body))


REPEATED = ("a", " ", "\n", "a.", "a_", "a[0]", "'a'", '"', '\\"', "[{'", '{"error":{"message":"', "#/a/b", " - 'a'", "a -> ",
            "Validation error at #/a: b;", "is not of type 'a'", "a\n  b", "'max_tokens' ", "1 ", "1s ", "| ", "\n at a(",
            "Unsupported parameter: a, ", "a and b ", "try again in 1 s and ", "Traceback (most recent call last):\n",
            "loc': ['a', ", "not have a ", "key a ", "max", "f('", "b'\\x", "does not support the the ")  # fmt: skip


@pytest.mark.parametrize("piece", REPEATED)
@pytest.mark.parametrize("status", [400, 401, 429])
def test_hostile_repetition_is_survived(piece: str, status: int) -> None:
    """What repeats itself for 64 KiB costs no more than other bodies: nothing is searched for again and again."""
    text = piece * (60_000 // len(piece))
    for body in (json.dumps(error("x", text)), text, json.dumps(error("x", f"x {text} {{'a': 1}}"))):
        check_sane(status_error(status, {}, body.encode(), url="https://h.example/embeddings"))
