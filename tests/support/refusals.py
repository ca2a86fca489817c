"""Refusals as services wrote them in public, and others of the same shapes: what each has to become.

One row is one shape with one of its many possible contents; a service that changes a word, a parameter or its wrapper
has to be read all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from azure_inference_core.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextLengthError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    StatusError,
    UnsupportedParameterError,
)

__all__ = ["SHAPES", "Row", "wrappings"]


@dataclass
class Row:
    """One answer and what it must become."""

    id: str
    status: int
    body: Any
    kind: type[StatusError]
    code: str | None = None
    parameters: list[tuple[str, Any]] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    source: str = "prompt"
    retryable: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    says: tuple[str, ...] = ()
    says_not: tuple[str, ...] = ()

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


EMBEDDINGS = "https://r.openai.azure.com/openai/deployments/emb/embeddings?api-version=2024-10-21"
MODELS = "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-08-01-preview"
V1 = "https://r.openai.azure.com/openai/v1/chat/completions"
HELP = "\nPlease check {this guide} [or that one]: https://docs.example/online-endpoints#http-status-codes\n"
EXTRA = "Extra inputs are not permitted"


def error(code: Any, message: str, **more: Any) -> dict[str, Any]:
    """The nested form that most services use."""
    return {"error": {"code": code, "message": message, **more}}


def named(message: str) -> Any:
    """OpenAI's form, with neither code nor parameter."""
    return error(None, message, type="invalid_request_error", param=None)


MODEL_SAYS = error(
    "unsupported_parameter",
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    type="invalid_request_error",
    param="max_tokens",
)
FILTER_SAYS = error(
    "content_filter",
    "The prompt triggered the content management policy. It's not sent.",
    param="prompt",
    innererror={"content_filter_result": {"violence": {"filtered": True, "severity": "high"}}},
)
AZURE: dict[str, dict[str, Any]] = {  # the places of Azure's guidelines for REST
    "target": {"target": "top_p"},
    "detail": {
        "target": "the request",
        "details": [{"code": "Unsupported", "target": "top_p", "message": "No."}],
    },
    "words-of-a-detail": {"details": [{"code": "Unsupported", "message": "top_p is not supported"}]},
    "inner-error": {"innererror": {"code": "Unsupported", "message": "Unsupported parameter: 'top_p'"}},
}
LENGTHS = (
    "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
    "The prompt (total length 5000) is too long to fit into the model (context length 4096).",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000",
)
LENGTH_SAYS = error("context_length_exceeded", "Maximum context length is 8192 tokens.", param="messages")


def wrappings(inner: Any) -> Iterator[tuple[str, Any]]:
    """One error inside what gateways and servers make of another's error, by the wrapper's name."""
    text, written = json.dumps(inner), repr(inner)
    yield "on-your-data", error(400, f"Server responded with status 400. Error message: {written}")
    yield "on-your-data-json", error(400, f"Server responded with status 400. Error message: {text}")
    yield "python-client", {"detail": f"Error code: 400 - {written}"}
    yield (
        "vllm",
        {"object": "error", "message": written, "type": "BadRequestError", "param": None, "code": 400},
    )
    groups = "Received Model Group=g\nAvailable Model Group Fallbacks={'a': ['b']}"
    pretty = json.dumps(inner, indent=2)
    told = f"litellm.BadRequestError: AzureException BadRequestError - {pretty}. {groups}"
    yield "litellm", error("400", told, type=None, param=None)
    yield "management", {"statusCode": 400, "message": f"Backend: {text}"}
    yield "bytes", {"detail": f"upstream said {text.encode()!r}"}
    yield "escaped", {"message": f"upstream said {json.dumps(text)}"}
    yield "text", json.dumps(text).encode()
    yield "event", f"event: error\ndata: {text}\n\n".encode()
    yield "prose-behind", (text + HELP).encode()


PARAM = [  # (code, param, names): OpenAI's field is believed whatever the code
    (None, "response_format", "response_format"),
    (None, "reasoning_effort", "reasoning_effort"),
    ("invalid_request_error", "top_logprobs", "top_logprobs"),
    ("BadRequest", "parallel_tool_calls", "parallel_tool_calls"),
    ("invalid_value", "tools[0].function.parameters", "tools[0].function.parameters"),
    (None, "messages.[3].role", "messages.[3].role"),
    ("400", "$.stop", "stop"),
]
WORDS = [  # (message, names of parameters)
    (f"Validation error at #/max_completion_tokens: {EXTRA}\nValidation error at #/store: {EXTRA}",
     ["max_completion_tokens", "store"]),
    (f"Validation error at #/stream_options: {EXTRA}", ["stream_options"]),
    ("Validation error at #/tools/0/function/strict: Input should be a valid boolean", ["tools.0.function.strict"]),
    ("Validation error at #/logit~1bias: no; Validation error at #/top_p: Input should be at most 1",
     ["logit/bias", "top_p"]),
    ("Additional properties are not allowed ('seed' was unexpected)", ["seed"]),
    ("Additional properties are not allowed ('user', 'n' were unexpected) - 'messages.2'",
     ["messages.2.user", "messages.2.n"]),
    ("'0.5' is not of type 'number' - 'temperature'", ["temperature"]),
    ("-1 is less than the minimum of 0 - 'top_p'", ["top_p"]),
    (("1 validation error for Request\nstream_options.include_usage\n  Extra inputs are not permitted "
     "[type=extra_forbidden, input_value=True, input_type=bool]\n    For further information visit https://e.example"),
     ["stream_options.include_usage"]),
    (("2 validation errors for Request\nbody -> n\n  extra fields not permitted (type=value_error.extra)\nbody -> user\n"
     "  none is not an allowed value (type=type_error.none)"), ["n", "user"]),
    (f"messages.0.content.0.text.cache_control: {EXTRA}", ["messages.0.content.0.text.cache_control"]),
    ("[{'type': 'extra_forbidden', 'loc': ('body', 'top_k'), 'msg': 'Extra inputs are not permitted', 'inp",
     ["top_k"]),
    (("[{'type': 'value_error', 'loc': ('body', 'tools', 0), 'msg': 'Value error, no', 'ctx': {'error': "
     "ValueError('no')}}]"), ["tools.0"]),
    ("Unknown parameter: 'tools[0].function.strict'.", ["tools[0].function.strict"]),
    ("Unsupported value: 'messages[0].role' does not support 'system' with this model.", ["messages[0].role"]),
    ("Unrecognized request arguments supplied: store, service_tier", ["store", "service_tier"]),
    ("Unrecognized request argument supplied: modalities. See the docs.", ["modalities"]),
    ("Invalid value for tools[0].function.name: it is too long", ["tools[0].function.name"]),
    ("Invalid type for 'messages[0].content': expected a string", ["messages[0].content"]),
    ("Invalid schema for response_format 'Plan': In context=(), no", ["response_format"]),
    ("Missing required parameter: 'messages[1].content'.", ["messages[1].content"]),
    ("Model grok-4 does not support parameter presencePenalty.", ["presence_penalty"]),
    ("Argument not supported on this model: reasoningEffort", ["reasoning_effort"]),
    ("azure does not support parameters: ['logprobs', 'n'], for model=m. To drop these, read on.", ["logprobs", "n"]),
    ("azure does not support parameters: {'presence_penalty': 0.5, 'stop': 'x'}, for model=m.",
     ["presence_penalty", "stop"]),
    ("This model does not support specifying dimensions.", ["dimensions"]),
    ("invalid request: unknown field: parameter 'strict' is not a valid field", ["strict"]),
    ("unknown field `mystery`, expected one of `model`, `messages`", ["mystery"]),
    ("create() got an unexpected keyword argument 'max_completion_tokens'", ["max_completion_tokens"]),
    ("Failed to read the body: messages[0].content: invalid type: map, expected a string", ["messages[0].content"]),
    ("Unsupported parameter(s): `top_k`, `min_p`", ["top_k", "min_p"]),
    ("This response_format type is unavailable now", ["response_format"]),
    ("Tool choice 'required' is not supported by this model.", ["tool_choice"]),
    ("Parallel tool calls are not supported.", ["parallel_tool_calls"]),
    ("Thinking mode does not support this tool_choice", ["tool_choice"]),
    ("Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions.",
     ["reasoning_effort"]),
    ("encoding_format base64 is not supported", ["encoding_format"]),
    ("The parameter `top_k` is not supported.", ["top_k"]),
    ("max_tokens must be at least 1, got -1.", ["max_tokens"]),
    ("'max_tokens' is too large: 300000.", ["max_tokens"]),
    ("Function calling is not enabled for this model", ["tools"]),
    ("The 'parallel_tool_calls' parameter is only allowed when 'tools' are specified.", ["parallel_tool_calls"]),
    (f"body.seed: {EXTRA}", ["seed"]),
    ("response_format value as json_schema is enabled only for api versions 2024-08-01-preview and later",
     ["response_format"]),
]  # fmt: skip
NO_PARAMETER = [  # words near a parameter's that refuse none
    "Could not finish the message because max_tokens or model output limit was reached.",
    "The requested model is not supported.",
    "Image input is not supported by this model",
    "Tool call id was X but must be a-z, A-Z, 0-9, with a length of 9.",
    "chatCompletion does not work with the model some-codex; choose another.",
    "The user 'n' is not allowed. See https://docs.example/#/errors",
    "You quoted {'stop': 'x', 'message': 'y'} in your prompt",
]


def parameter_rows() -> Iterator[Row]:
    """What names a parameter, and what does not."""
    kind: type[StatusError] = UnsupportedParameterError
    for code, param, name in PARAM:
        body = error(code, "It does not work here.", type="invalid_request_error", param=param)
        told = code or "invalid_request_error"
        yield Row(f"param-{param}-{code}", 400, body, kind, told, [(name, None)], says=(name,))
    for number, (message, names) in enumerate(WORDS):
        said = (names[0], "HTTP 400")
        listed = [(name, None) for name in names]
        yield Row(
            f"words-{number}-{names[0]}",
            400,
            named(message),
            kind,
            "invalid_request_error",
            listed,
            says=said,
        )
        flat = {"requestid": "r", "code": 400, "message": message}
        yield Row(f"flat-{number}-{names[0]}", 400, flat, kind, "400", listed, says=said)
    for number, message in enumerate(NO_PARAMETER):
        yield Row(f"no-parameter-{number}", 400, named(message), InvalidRequestError, "invalid_request_error")


def wrapped_rows() -> Iterator[Row]:
    """An error inside another: its code, class and words count, not those of the wrapper."""
    for name, body in wrappings(MODEL_SAYS):
        says = ("Use 'max_completion_tokens' instead", "Send max_completion_tokens instead")
        yield Row(f"parameter-in-{name}", 400, body, UnsupportedParameterError, "unsupported_parameter",
                  [("max_tokens", None)], says=says, says_not=("{", "docs.example"))  # fmt: skip
    for name, body in wrappings(FILTER_SAYS):
        yield Row(
            f"filter-in-{name}", 400, body, ContentFilteredError, "content_filter", categories=["violence"]
        )
    for name, body in wrappings(LENGTH_SAYS):
        yield Row(f"length-in-{name}", 400, body, ContextLengthError, "context_length_exceeded")
    for number, message in enumerate(LENGTHS):
        yield Row(f"length-{number}", 400, {"message": message}, ContextLengthError)
    details = {
        "title": "Validation errors occurred.",
        "status": 400,
        "errors": {"$.max_tokens": ["Is no integer."]},
    }
    yield Row("problem-details", 400, {"type": "https://docs.example/400", **details}, UnsupportedParameterError,
              None, [("max_tokens", None)], says=("Is no integer",))  # fmt: skip
    for name, inside in AZURE.items():
        body = error("BadRequest", "It is not valid.", **inside)
        yield Row(f"azure-{name}", 400, body, UnsupportedParameterError, "BadRequest", [("top_p", None)])
    cut = f"Error message: {MODEL_SAYS!r}"[:180]
    yield Row("cut-off", 400, error(400, cut), UnsupportedParameterError, "400", [("max_tokens", None)],
              says=("Use 'max_completion",))  # fmt: skip
    over = f"Server responded with status 429. Error message: {error('429', 'Rate limit is exceeded.')}"
    yield Row("another-quota", 400, error(400, over), InvalidRequestError, "400", says=("own quota",))
    over = over.replace("429", "RateLimitReached").replace("Rate limit is exceeded", "Over")
    yield Row(
        "another-limit", 400, error(400, over), InvalidRequestError, "RateLimitReached", says=("own quota",)
    )


def policy_rows() -> Iterator[Row]:
    """The reasoning models' own moderation."""
    for code, message in (
        (
            "invalid_prompt",
            "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
        ),
        ("invalid_prompt", "Invalid prompt: we cannot go on with this one."),
        ("invalid_request_error", "This request was flagged as violating our usage policies."),
        ("SafetyBlockedError", "Blocked."),
    ):
        body = error(code, message, type="invalid_request_error", param=None)
        yield Row(
            f"policy-{code}-{message[:20]}", 400, body, ContentFilteredError, code, says=("Content safety",)
        )


ROLES = ("role",), ("scopes", "path")
KEYS_OFF = ("Entra ID",), ("role", "scopes")
LACKS = "The principal `p` lacks the required data action `Microsoft.CognitiveServices/x/action`."
CREDENTIALS = [  # (status, code, message, class, what the text says, what not)
    (401, "PermissionDenied", LACKS, AuthenticationError, *ROLES),
    (401, "PermissionDenied", "Principal does not have access to API/Operation.", AuthenticationError, *ROLES),
    (403, "AuthorizationFailed", "The client does not have authorization to do this.", PermissionDeniedError, *ROLES),
    (403, "AuthenticationTypeDisabled", "Key based authentication is disabled for this resource.",
     PermissionDeniedError, *KEYS_OFF),
    (403, "Forbidden", "Access keys are disabled for this account.", PermissionDeniedError, *KEYS_OFF),
    (401, "Unauthorized", "Local authentication is disabled here.", AuthenticationError, *KEYS_OFF),
    (401, "401", "Access denied due to missing subscription key.", AuthenticationError,
     ("Ocp-Apim-Subscription-Key",), ("scopes",)),
    (403, "403", "Access denied due to Virtual Network/Firewall rules.", PermissionDeniedError, ("network",), ()),
]  # fmt: skip


def credential_rows() -> Iterator[Row]:
    """What a credential lacks: a role, a kind, a gateway's key, the network."""
    for number, (status, code, message, kind, says, says_not) in enumerate(CREDENTIALS):
        yield Row(
            f"credential-{number}", status, error(code, message), kind, code, says=says, says_not=says_not
        )


def route_rows() -> Iterator[Row]:
    """A route that is there, in a version that is not served."""
    gone = error("404", "Resource not found")
    there = ("must end in", "path", "/models")
    yield Row("version-404", 404, gone, NotFoundError, "404", url=MODELS,
              says=("api_version='2024-08-01-preview'",), says_not=there)  # fmt: skip
    deployment = "https://r.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2030-01-01"
    yield Row("version-404-deployment", 404, gone, NotFoundError, "404", url=deployment,
              says=("api_version='2030-01-01'",), says_not=there)  # fmt: skip
    gateway = "https://gateway.example/ai/models/embeddings?api-version=2024-08-01-preview"
    yield Row("version-404-gateway", 404, gone, NotFoundError, "404", url=gateway, says=("api_version",),
              says_not=there)  # fmt: skip
    yield Row(
        "v1-404", 404, gone, NotFoundError, "404", url=V1, says=("model",), says_not=("api_version", *there)
    )
    said = error("BadRequest", "API version not supported")
    yield Row(
        "version-400", 400, said, InvalidRequestError, "BadRequest", url=MODELS, says=("Set api_version",)
    )
    late = error("BadRequest", "Model o3 is enabled only for api versions 2024-12-01-preview and later")
    yield Row("version-late", 400, late, InvalidRequestError, "BadRequest", url=MODELS,
              says=("Set api_version to '2024-12-01-preview' or later",))  # fmt: skip
    for status, said in (
        (400, error("OperationNotSupported", "The chatCompletion operation does not work with o3-pro.")),
        (404, named("This is not a chat model and thus not supported in the v1/chat/completions endpoint.")),
        (404, named("This model is only supported in v1/responses and not in v1/chat/completions.")),
    ):
        kind = NotFoundError if status == 404 else InvalidRequestError
        code = said["error"]["code"] or "invalid_request_error"
        yield Row(
            f"other-route-{said['error']['message'][5:20]}",
            status,
            said,
            kind,
            code,
            says=("does not serve this route",),
        )
    v1 = error("BadRequest", "api-version query parameter is not allowed when using /v1 path")
    yield Row(
        "version-v1", 400, v1, InvalidRequestError, "BadRequest", url=V1, says=("Leave api_version out",)
    )


BATCHES: list[tuple[int, Any, type[StatusError], str | None, list[tuple[str, Any]], str]] = [  # (status, body, class, code, parameters, what to set)
    (400, named("Too many inputs. The max number of inputs is 16. More may come."), InvalidRequestError,
     "invalid_request_error", [], "to 16"),
    (400, named("Too many inputs: one a request at most."), InvalidRequestError, "invalid_request_error", [], "batch"),
    (400, error("array_above_max_length", "Invalid 'input': array too long. Expected an array with maximum length 2048.",
                param="input"), UnsupportedParameterError, "array_above_max_length", [("input", None)], "to 2048"),
    (400, {"message": "invalid request: total number of texts must be at most 96 - received 97"}, InvalidRequestError,
     None, [], "to 96"),
    (413, {"error": "batch size 64 > maximum allowed batch size 32"}, InvalidRequestError, None, [], "to 32"),
    (400, error("max_tokens_per_request", "Requested 409110 tokens, max 300000 tokens per request"),
     InvalidRequestError, "max_tokens_per_request", [], "300000"),
    (400, {"object": "error", "message": "Too many tokens overall, split into more batches.", "code": "3210"},
     ContextLengthError, "3210", [], "batch"),
    (422, {"detail": [{"type": "too_long", "loc": ["body", "input"], "input": "x", "msg": "List should have at most 96 items, not 97"}]},
     UnsupportedParameterError, "too_long", [("input", "x")], "to 96"),
    (400, error(None, "Invalid 'input[3]': array too long, at most 16 items.", param="input"),
     UnsupportedParameterError, None, [("input[3]", None)], "to 16"),
    (413, error("tokens_limit_reached", "Request body too large for embed. Max size: 64000 tokens."),
     ContextLengthError, "tokens_limit_reached", [], "64000"),
]  # fmt: skip


def batch_rows() -> Iterator[Row]:
    """Too much for one request of vectors: the advice is the setting of both frameworks."""
    for number, (status, body, kind, code, parameters, told) in enumerate(BATCHES):
        says = ("batch_size (embed_batch_size)", told)
        yield Row(f"batch-{number}", status, body, kind, code, parameters, url=EMBEDDINGS, says=says)


def quota_rows() -> Iterator[Row]:
    """A gateway's quota is no missing role, and a lack of capacity no quota of the caller's."""
    for number, message in enumerate(
        (
            "Token quota is exceeded. Try again in 21 minutes and 33 seconds.",
            "Out of call volume quota. Quota will be replenished in 00:21:33.",
            "Your quota has been used up, wait 21m33s.",
        )
    ):
        body = {"statusCode": 403, "message": message}
        yield Row(f"quota-{number}", 403, body, RateLimitedError, retryable=True, says=("1293 s", "quota"),
                  says_not=("role",))  # fmt: skip
    for number, message in enumerate(
        ("We are experiencing high demand.", "Temporarily unable to process this.")
    ):
        body = error("429", message)
        yield Row(f"capacity-{number}", 429, body, RateLimitedError, "429", retryable=True, says=("no quota of yours",),
                  says_not=("raise the deployment",))  # fmt: skip
    said = error("429", "You have exceeded the token rate limit of your tier. Please retry after 7 seconds.")
    yield Row(
        "tokens-said",
        429,
        said,
        RateLimitedError,
        "429",
        retryable=True,
        says=("wait 7 s", "lower max_tokens"),
    )
    said = error("insufficient_quota", "There is no more.")
    yield Row(
        "quota-code", 403, said, RateLimitedError, "insufficient_quota", retryable=True, says_not=("role",)
    )
    said = error("429", "The principal's data action is over its rate limit.")
    yield Row(
        "a-role-is-no-limit",
        429,
        said,
        RateLimitedError,
        "429",
        retryable=True,
        says=("429", "rate limit reached"),
    )
    gone = {"retry-after": "1", "retry-after-ms": "0", "x-ratelimit-remaining-tokens": "0"}
    yield Row("tokens-gone", 429, error("RateLimitReached", "Over."), RateLimitedError, "RateLimitReached",
              retryable=True, headers=gone, says=("wait 1 s", "lower max_tokens"), says_not=("wait 0 s",))  # fmt: skip


SHAPES = [
    row
    for rows in (
        parameter_rows,
        wrapped_rows,
        policy_rows,
        credential_rows,
        route_rows,
        batch_rows,
        quota_rows,
    )
    for row in rows()
]
