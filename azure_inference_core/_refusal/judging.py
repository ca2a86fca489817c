"""One failure, one class: what the service answered becomes an error of the tree. Pure.

A 424 of a managed endpoint wraps whatever its container answered. When the container's answer says what the
caller must change (a refused parameter, content safety, the context length), or is a rate limit or a missing
route, the error is of that class, because that is what the caller can act on; ``status`` stays 424 and the
text names the container's own. Any other 424 is a `ServerError`, retryable only if the container's status is.
A 403 that counts tokens is a gateway's quota, and so a `RateLimitedError`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from azure_inference_core._refusal.advising import Envelope
from azure_inference_core._refusal.reading import ErrorFacts, read_error_body, read_error_value
from azure_inference_core._refusal.waiting import are_tokens_gone, retry_after_seconds
from azure_inference_core._refusal.wording import clean, text_of
from azure_inference_core.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextLengthError,
    ErrorResponse,
    InferenceError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectRefusedError,
    ServerError,
    StatusError,
    UnsupportedParameterError,
)

__all__ = [
    "is_retryable_status",
    "request_id_of",
    "status_error",
    "stream_error",
]

_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504, 529})
_MODEL_STATUS = "ms-azureml-model-error-statuscode"
_REQUEST_ID = ("x-request-id", "apim-request-id", "x-ms-request-id", "x-ms-client-request-id")
_UNKEPT = frozenset({"authorization", "api-key", "proxy-authorization", "set-cookie", "cookie", "location"})

_BY_STATUS: dict[int, type[StatusError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: NotFoundError,
    408: ServerError,
    410: NotFoundError,
    422: UnsupportedParameterError,
    424: ServerError,
    429: RateLimitedError,
}
# Behind a 424, what the container answered to the gateway rather than to the caller stays a ServerError.
_UNWRAPPED = (
    UnsupportedParameterError,
    ContentFilteredError,
    ContextLengthError,
    RateLimitedError,
    NotFoundError,
)

_FILTER_WORDS = frozenset(
    [
        "content_filter",
        "responsibleaipolicyviolation",
        "content_policy_violation",
        "invalid_prompt",
        "moderation_blocked",
        "safetyblockederror",
    ]
)
_FILTER_TEXT = re.compile(
    r"content management policy|content safety|content[_ ]filter|violat\w+ (?:our|the) usage polic",
    re.IGNORECASE,
)
_OUTPUT_TEXT = re.compile(r"\b(?:completion|output|generated)\b", re.IGNORECASE)
_CONTEXT_WORDS = frozenset(
    {
        "context_length_exceeded",
        "exceed_context_size_error",
        "tokens_limit_reached",
        "context_window_exceeded",
    }
)
_CONTEXT_TEXT = re.compile(
    r"maximum (?:context|prompt) length|too long to fit|max_new_tokens\W{1,3}must be <=|context.?window.?exceeded|maximum model length|available context size|max_model_len|prompt is too long|too many tokens"
    r"|exceed\w* (?:the |this |its )?(?:model'?s )?(?:maximum )?context|(?:input|prompt) tokens exceed",
    re.IGNORECASE,
)
_NO_MODEL = frozenset({"no_model_name", "unknown_model", "model_not_found", "deploymentnotfound"})
_QUOTA_TEXT = r"(?i)(?:quota|limit) (?:is |has been |was )?(?:exceeded|exhausted|reached|used up)|out of [\w ]{0,30}quota|quotaexceeded|insufficient[ _]quota"
# What an error event inside a stream calls itself, where it gives no status.
_RATE_WORDS = re.compile(r"rate.?limit|too.?many.?requests|\b429\b", re.IGNORECASE)
_STREAM_WORDS: tuple[tuple[re.Pattern[str], int], ...] = (
    (_RATE_WORDS, 429),
    (re.compile(r"overload|unavailable|capacity", re.IGNORECASE), 503),
    (re.compile(r"authentication|unauthorized|invalid_api_key", re.IGNORECASE), 401),
    (re.compile(r"permission|forbidden", re.IGNORECASE), 403),
    (re.compile(r"not_?found", re.IGNORECASE), 404),
    (re.compile(r"bad_?request|invalid_request|invalid input|unprocessable", re.IGNORECASE), 400),
    (re.compile(r"server_?error|internal", re.IGNORECASE), 500),
)


def status_error(status: int, headers: Mapping[str, str], body: bytes, *, url: str = "") -> StatusError:
    """Make the error of a complete answer.

    Args:
        status: The HTTP status, 300 to 599.
        headers: The answer's headers, lower-case names.
        body: The answer's body, capped by the caller.
        url: Where the request went, for the text.

    Returns:
        An error of the class the caller needs; see the module's first paragraph for 424 and 403.
    """
    facts = read_error_body(body)
    if not facts.codes and headers.get("x-ms-error-code"):
        facts.codes.append(headers["x-ms-error-code"][:100])
    model_status = _model_status(headers, facts) if status == 424 else None
    kind = _class_of(facts, model_status or status)
    if status == 424 and not issubclass(kind, _UNWRAPPED):
        kind = ServerError
    address = urlsplit(url)
    envelope = Envelope(
        status=status,
        model_status=model_status,
        request_id=request_id_of(headers),
        retry_after=_wait(kind, facts, headers),
        host=address.hostname,
        path=address.path,
        api_version="".join(parse_qs(address.query).get("api-version", [])),
        location=headers.get("location", ""),
        tokens_are_gone=are_tokens_gone(headers),
    )
    kept = {name: value for name, value in headers.items() if name not in _UNKEPT}
    return _make(
        kind,
        facts,
        envelope,
        is_retryable=is_retryable_status(status, headers) or kind is RateLimitedError,
        response=ErrorResponse(status, kept, body),
    )


def stream_error(payload: Any, headers: Mapping[str, str], *, in_stream: bool = True) -> InferenceError:
    """Make the error of an event that reports a failure inside a stream, or of a 200 that is one.

    Args:
        payload: The event's decoded JSON, or its text.
        headers: The headers of the answer the event came in, lower-case names.
        in_stream: Whether it came as an event of a stream.

    Returns:
        The class its status, code or type names, else a `ServerError`. ``status`` is the one the event gives, or the
        one its words stand for; an event that says nothing of the kind has 500.
    """
    facts = read_error_value(payload)
    status = _stream_status(facts)
    kind = _class_of(facts, status)
    envelope = Envelope(
        status=status,
        request_id=request_id_of(headers),
        retry_after=_wait(kind, facts, headers, refused=False),
        in_stream=in_stream,
    )
    retryable = status in _RETRYABLE and kind in (RateLimitedError, ServerError)
    return _make(kind, facts, envelope, is_retryable=retryable)


def _wait(
    kind: type[StatusError], facts: ErrorFacts, headers: Mapping[str, str], *, refused: bool = True
) -> float | None:
    can_pass = issubclass(kind, (RateLimitedError, ServerError))
    said = facts.told if can_pass else ""
    return retry_after_seconds({**facts.headers, **headers}, refused=refused and can_pass, said=said)


def is_retryable_status(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the same request can succeed when it is sent again.

    Args:
        status: The HTTP status; a 424 counts as the status of the container behind it.
        headers: The answer's headers, lower-case names.
    """
    if status == 424:
        status = _model_status(headers, None) or 424
    return status in _RETRYABLE


def _model_status(headers: Mapping[str, str], facts: ErrorFacts | None) -> int | None:
    value = headers.get(_MODEL_STATUS, "").strip()
    if re.fullmatch(r"[2-5][0-9]{2}", value):
        return int(value)
    return facts.status if facts else None


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The service's id of a request, from headers with lower-case names."""
    return next((clean(headers[name], 100) for name in _REQUEST_ID if headers.get(name)), None)


def _class_of(facts: ErrorFacts, status: int) -> type[StatusError]:
    if status in (400, 403, 413, 422, 424):
        if _is_filtered(facts):
            return ContentFilteredError
        if facts.words & _CONTEXT_WORDS or _CONTEXT_TEXT.search(facts.message):
            return ContextLengthError
    if status in (400, 424) and facts.refused and not facts.words & {"json_invalid", *_NO_MODEL}:
        return UnsupportedParameterError
    if status == 403 and re.search(_QUOTA_TEXT, facts.told):
        return RateLimitedError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 300 <= status < 400:
        return RedirectRefusedError
    if 400 <= status < 500:
        return InvalidRequestError
    return ServerError


def _is_filtered(facts: ErrorFacts) -> bool:
    return bool(facts.filters or facts.words & _FILTER_WORDS or _FILTER_TEXT.search(facts.message))


def _stream_status(facts: ErrorFacts) -> int:
    if facts.status is not None and facts.status >= 400:
        return facts.status
    for code in facts.codes:
        if re.fullmatch(r"[45][0-9]{2}", code):
            return int(code)
    if _is_filtered(facts) or facts.words & _CONTEXT_WORDS:
        return 400
    words = " ".join(facts.words)
    for pattern, status in _STREAM_WORDS:
        if pattern.search(words):
            return status
    # The message can hold any word: it is asked for the plainest one only.
    if _RATE_WORDS.search(facts.message):
        return 429
    return 400 if facts.refused or _CONTEXT_TEXT.search(facts.message) else 500


def _make(kind: type[StatusError], facts: ErrorFacts, envelope: Envelope, **details: Any) -> StatusError:
    if issubclass(kind, UnsupportedParameterError):
        details["parameters"] = tuple(facts.refused)
    elif issubclass(kind, ContentFilteredError):
        details["categories"] = facts.filters
        details["source"] = "completion" if _is_about_output(facts, envelope) else "prompt"
    return kind(
        text_of(kind, facts, envelope),
        status=envelope.status,
        code=facts.code,
        request_id=envelope.request_id,
        retry_after=envelope.retry_after,
        **details,
    )


def _is_about_output(facts: ErrorFacts, envelope: Envelope) -> bool:
    if "invalid_prompt" in facts.words:
        return False
    if facts.param:
        return facts.param.lower() in ("completion", "response", "output")
    if re.search(r"\b(?:prompt|input)\b", facts.message, re.IGNORECASE):
        return False
    return envelope.in_stream or bool(_OUTPUT_TEXT.search(facts.message))
