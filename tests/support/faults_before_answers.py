"""Fault rows C, S and R: no connection, no success, or a redirect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from azure_inference_core import errors
from tests.support import stages
from tests.support.fault import Fault, slow
from tests.support.fault_server import Call
from tests.support.plays import (
    PAGE,
    always,
    answers,
    endless_error,
    first,
    raw,
    trickled_body,
    trickled_headers,
)
from tests.support.scripted_server import answer_well
from tests.support.stages import Play

FILTER_RESULT = {
    "hate": {"filtered": False, "severity": "safe"},
    "jailbreak": {"filtered": True, "detected": True},
    "violence": {"filtered": True, "severity": "high"},
}
FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering the content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": FILTER_RESULT},
    }
}
TOO_LONG = {
    "error": {
        "message": "This model's maximum context length is 4096 tokens. However, your messages resulted in 9000 tokens.",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    }
}
UNSUPPORTED = {
    "status": 422,
    "code": "parameter_not_supported",
    "detail": {"loc": ["body", "response_format"], "input": "json_object"},
    "message": "One of the parameters contain invalid values.",
}
BUSY = {"error": {"code": "429", "message": "Rate limit is exceeded. Try again in 2 seconds."}}
DOWN = {"error": {"code": "Service Unavailable", "message": "No instance is ready.", "status": 503}}
MANY_SECONDS = "Fri, 31 Dec 100000 23:59:59 GMT"
PAST = "Wed, 21 Oct 2015 07:28:00 GMT"


def failing(status: int, *, headers: dict[str, str] | None = None, body: Any = None) -> Play:
    """A server that refuses each request with a JSON error body."""
    return answers(status, DOWN if body is None else body, headers)


def after_interim_answers(call: Call) -> None:
    """Say twice that an answer will come, then answer."""
    call.head(102)
    call.head(103, {"Link": "</style.css>; rel=preload"})
    answer_well(call)


def with_long_header(call: Call) -> None:
    """Answer well behind a status line and a header of almost 64 KiB."""
    call.sock = LongHeader(call.sock)
    answer_well(call)


def endless_head(call: Call) -> None:
    """Send headers for ever."""
    call.send(b"HTTP/1.1 200 OK\r\n")
    while call.open and not call.server.stopping.is_set():
        call.send(b"X-Again: " + b"a" * 1000 + b"\r\n")


class LongHeader:
    """A socket that puts a long header behind the first status line it sends."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._is_first = True

    def sendall(self, data: bytes) -> None:
        """Send."""
        if self._is_first:
            self._is_first = False
            line, _, rest = data.partition(b"\r\n")
            data = line + b"\r\nX-Long: " + b"a" * 60_000 + b"\r\n" + rest
        self._sock.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def connection_rows() -> Iterable[Fault]:
    """C: before there is an answer."""
    failed = errors.ConnectionFailedError
    late = errors.DeadlineExceededError
    yield Fault("C1", "refused", stages.closed_port, failed, 0, details={"attempts": 3}, seconds=0.7)
    yield Fault(
        "C2",
        "name does not resolve",
        stages.no_such_host,
        failed,
        0,
        details={"attempts": 3},
        says=("no-such-host.invalid",),
    )
    yield Fault(
        "C3",
        "connect hangs",
        stages.full_backlog,
        late,
        0,
        details={"attempts": 3},
        says=("timeout connect",),
        seconds=1.5,
        options=slow(connect=0.3, total=20.0),
    )
    yield Fault(
        "C3",
        "connect hangs until the end of the time",
        stages.full_backlog,
        late,
        0,
        details={"attempts": 1},
        says=("timeout total",),
        seconds=1.0,
        options=slow(connect=5.0, total=0.5),
    )
    for name, context, trusted in (
        ("unknown authority", stages.stranger, True),
        ("wrong host", stages.wrong_name, True),
        ("expired", stages.expired, True),
        ("no authority given", stages.tls_context, False),
    ):
        play = stages.secured(context, answer_well, trusted=trusted)
        yield Fault(
            "C4", f"certificate {name}", play, failed, 0, details={"attempts": 1}, says=("certificate",)
        )
    ancient = stages.secured(stages.ancient, answer_well)
    yield Fault("C4", "TLS 1.0", ancient, failed, 0, details={"attempts": 1}, says=("tls",))
    yield Fault("C5", "https to a plain port", stages.https_to_plain, failed, 0)
    yield Fault("C6", "reset before headers", always(Call.reset), failed, 3)
    yield Fault("C7", "closed without a byte", always(Call.close), failed, 3)
    yield Fault("C7", "closed once then good", first(1, Call.close), None, 2)
    yield Fault("C8", "not HTTP", raw(b"SSH-2.0-OpenSSH_9.6\r\n"), failed, 1, details={"attempts": 1})
    huge = b"HTTP/1.1 200 OK\r\nX-Huge: " + b"a" * 200_000 + b"\r\nContent-Length: 2\r\n\r\n{}"
    yield Fault("C8", "200 KB header", raw(huge), failed, 1, details={"attempts": 1})
    yield Fault("C8", "102 and 103 before the answer", always(after_interim_answers), None, 1)
    yield Fault("C8", "a header of 60 KB", always(with_long_header), None, 1)
    yield Fault(
        "C8", "an endless head", always(endless_head), failed, 1, details={"attempts": 1}, seconds=1.0
    )
    yield Fault(
        "C9", "no answer at all", always(Call.hang), late, 1, seconds=1.0, options=slow(first_byte=0.3)
    )
    yield Fault(
        "C9",
        "no answer until the end of the time",
        always(Call.hang),
        late,
        1,
        seconds=1.0,
        options=slow(total=0.3),
    )
    yield Fault("C10", "trickled body", always(trickled_body), late, 1, seconds=1.3, options=slow(total=0.5))
    yield Fault(
        "C10",
        "trickled headers",
        always(trickled_headers),
        late,
        1,
        seconds=1.3,
        options=slow(total=0.5),
    )
    yield Fault(
        "C10",
        "trickled headers until the answer is late",
        always(trickled_headers),
        late,
        1,
        says=("timeout first_byte",),
        seconds=1.3,
        options=slow(first_byte=0.5),
    )
    yield Fault("C11", "proxy refuses", stages.proxied(403), failed, details={"attempts": 1})
    challenge = {"Proxy-Authenticate": 'Basic realm="x"'}
    yield Fault("C11", "proxy wants a login", stages.proxied(407, challenge), failed)


def refused_rows() -> Iterable[Fault]:
    """S1 to S4: the service says no, and asking again would not help."""
    again = {"Retry-After": "1"}
    bad = errors.InvalidRequestError
    plain = {"error": {"code": "Bad Request", "message": "nope", "status": 400}}
    yield Fault("S1", "400 with Retry-After", answers(400, plain, again), bad, 1, details={"status": 400})
    yield Fault("S1", "400", answers(400, plain), bad, 1, details={"status": 400})
    yield Fault(
        "S1", "400 page", answers(400, PAGE, again, "text/html"), bad, 1, hides=("corporate-page-marker",)
    )
    yield Fault(
        "S2", "content filter", answers(400, FILTERED), errors.ContentFilteredError, 1,
        details={"code": "content_filter", "categories": FILTER_RESULT, "source": "prompt"},
    )  # fmt: skip
    details = {"code": "context_length_exceeded"}
    yield Fault("S2", "context length", answers(400, TOO_LONG), errors.ContextLengthError, 1, details=details)
    for status, kind in (
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (409, bad),
        (413, bad),
        (415, bad),
    ):
        body = {"error": {"code": str(status), "message": "no"}}
        yield Fault(
            "S3",
            f"{status} with Retry-After",
            answers(status, body, again),
            kind,
            1,
            details={"status": status},
        )
        yield Fault(
            "S3",
            f"{status} page",
            answers(status, PAGE, None, "text/html"),
            kind,
            1,
            hides=("corporate-page-marker",),
        )
    unsupported = errors.UnsupportedParameterError
    yield Fault("S4", "422", answers(422, UNSUPPORTED), unsupported, 1, says=("response_format",))
    yield Fault(
        "S4",
        "422 with Retry-After",
        answers(422, UNSUPPORTED, again),
        unsupported,
        1,
        says=("response_format",),
    )


def status_rows() -> Iterable[Fault]:
    """S5 to S14: the service is ill or busy."""
    ill = errors.ServerError
    busy = errors.RateLimitedError
    for status in (408, 502):
        yield Fault("S5", str(status), failing(status), ill, 3, details={"status": status, "attempts": 3})
    yield Fault(
        "S5", "502 page", answers(502, PAGE, None, "text/html"), ill, 3, hides=("corporate-page-marker",)
    )
    container = "ms-azureml-model-error-statuscode"
    yield Fault(
        "S6",
        "424 of a 503",
        failing(424, headers={container: "503"}),
        ill,
        3,
        details={"status": 424},
        says=("503",),
    )
    yield Fault(
        "S6", "424 of a 400", failing(424, headers={container: "400"}), ill, 1, details={"status": 424}
    )
    yield Fault(
        "S7",
        "429",
        failing(429, body=BUSY),
        busy,
        3,
        says=("429", "rate limit"),
        details={"retry_after": 2.0},
    )
    silent = {"error": {"code": "429", "message": "Rate limit is exceeded."}}
    yield Fault("S7", "429 without a wait", failing(429, body=silent), busy, 3, details={"retry_after": None})
    yield Fault(
        "S8", "429 in milliseconds", failing(429, body=BUSY, headers={"retry-after-ms": "50"}), busy, 3
    )
    yield Fault(
        "S8",
        "429 in Azure's milliseconds",
        failing(429, body=BUSY, headers={"x-ms-retry-after-ms": "50"}),
        busy,
        3,
    )
    tomorrow = failing(429, body=BUSY, headers={"Retry-After": "86400"})
    yield Fault("S9", "429 for a day", tomorrow, busy, 1, details={"retry_after": 86400}, seconds=0.5)
    for value in ("soon", MANY_SECONDS):
        yield Fault(
            "S10",
            f"Retry-After {value[:12]}",
            failing(429, body=BUSY, headers={"Retry-After": value}),
            busy,
            3,
        )
    for value in ("inf", "1e400", "nan", "-5", "0", PAST):
        yield Fault("S11", f"Retry-After {value[:5]}", failing(503, headers={"Retry-After": value}), ill, 3)
    for status in (500, 503, 504, 529):
        yield Fault("S12", str(status), failing(status), ill, 3, details={"status": status, "attempts": 3})
    for status in (501, 505, 507, 520, 599):
        yield Fault("S13", str(status), failing(status), ill, 1, details={"status": status, "attempts": 1})
    hidden = ("corporate-page-marker", "<html")
    yield Fault("S14", "503 page", answers(503, PAGE, None, "text/html"), ill, 3, hides=hidden)
    yield Fault(
        "S14", "404 page", answers(404, PAGE, None, "text/html"), errors.NotFoundError, 1, hides=hidden
    )
    yield Fault(
        "S14", "500 octets", answers(500, b"\x00\xff\xfe" * 50, None, "application/octet-stream"), ill, 3
    )
    yield Fault(
        "S14", "400 that never ends", always(endless_error), errors.InvalidRequestError, 1, seconds=1.0
    )
    yield Fault("S12", "503 once then good", first(1, lambda call: call.respond(503, DOWN)), None, 2)


def redirect_rows() -> Iterable[Fault]:
    """R: the API has no redirects; a second host sees nothing."""
    refused = errors.RedirectRefusedError
    for status in (307, 308):
        play = stages.redirected(status, "other")
        yield Fault(
            "R1",
            f"{status} to another host",
            play,
            refused,
            1,
            says=("127.0.0.1", "localhost"),
            details={"status": status},
        )
    yield Fault("R2", "303 to another host", stages.redirected(303, "other"), refused, 1)
    yield Fault("R3", "https to http", stages.redirected(307, "plain", tls=True), refused, 1)
    yield Fault("R4", "same origin", stages.redirected(307, "/elsewhere"), refused, 1)
    yield Fault("R4", "relative", stages.redirected(302, "elsewhere"), refused, 1)
    yield Fault("R4", "loop", stages.redirected(308, "loop"), refused, 1)
