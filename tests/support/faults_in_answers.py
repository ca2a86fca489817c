"""Fault rows B, T and E: the answer came, and is not one."""

from __future__ import annotations

import json
from collections.abc import Iterable

from azure_inference_core import errors
from tests.support import plays, wire
from tests.support.drive import TEXTS
from tests.support.fault import EMBED, STREAM, UNARY, WHOLE, Fault, slow
from tests.support.fault_server import Call
from tests.support.faults_before_answers import DOWN, failing
from tests.support.plays import (
    PAGE,
    always,
    answers,
    body_of,
    first,
    reformatted,
    streams,
    vectors,
    with_index,
    with_vector,
)

CHUNKS = wire.chat_chunks()
EVENTS = list(wire.events(CHUNKS))
OPENING = EVENTS[:4]
OPENING_TEXT = "The quick brown"


def body_rows() -> Iterable[Fault]:
    """B: the answer came, but is it one."""
    cut = errors.IncompleteResponseError
    malformed = errors.MalformedResponseError
    large = errors.ResponseTooLargeError
    for name, act in (("length", plays.length_cut), ("reset", plays.body_reset), ("chunk", plays.chunk_cut)):
        yield Fault("B1", f"cut by {name}", always(act), cut, 3, WHOLE)
    yield Fault("B1", "cut once then good", first(1, plays.length_cut), None, 2, WHOLE)
    not_a_number = json.dumps(wire.chat()).replace('"stop"', "NaN")
    for name, body in (
        ("not JSON", "Hello."),
        ("empty", ""),
        ("null", "null"),
        ("list", "[]"),
        ("object", "{}"),
        ("NaN", not_a_number),
        ("deep", "[" * 100_000 + "]" * 100_000),
        ("text", '"text"'),
    ):
        yield Fault("B2", name, answers(200, body), malformed, 1, WHOLE)
    xml = '<?xml version="1.0"?><answer/>'
    yield Fault(
        "B3",
        "HTML",
        answers(200, PAGE, None, "text/html"),
        malformed,
        1,
        WHOLE,
        hides=("corporate-page-marker",),
    )
    yield Fault("B3", "XML", answers(200, xml, None, "application/xml"), malformed, 1, WHOLE)
    for label in ("application/octet-stream", None, "text/plain", "text/html"):
        yield Fault("B3", f"JSON as {label}", answers(200, wire.chat(), None, label), None, 1, UNARY)
    marked = b"\xef\xbb\xbf" + json.dumps(wire.chat()).encode()
    yield Fault("B3", "JSON after a byte order mark", answers(200, marked), None, 1, UNARY)
    yield Fault("B4", "no choices", answers(200, {**wire.chat(), "choices": []}), malformed, 1, UNARY)
    yield Fault("B4", "null choices", answers(200, {**wire.chat(), "choices": None}), malformed, 1, UNARY)
    yield Fault(
        "B4", "choices no list", answers(200, {**wire.chat(), "choices": {"0": 1}}), malformed, 1, UNARY
    )
    yield Fault("B4", "content no text", answers(200, body_of(content={"a": 1})), malformed, 1, UNARY)
    yield Fault("B4", "unknown role", answers(200, body_of(role="wizard")), malformed, 1, UNARY)
    yield Fault("B5", "not UTF-8", answers(200, b'{"a": "\xff\xfe"}'), malformed, 1, WHOLE)
    zipped = {"Content-Encoding": "gzip"}
    bomb = always(lambda call: call.respond(200, plays.gzip_bomb(), zipped))
    yield Fault(
        "B6", "gzip bomb", bomb, large, 1, WHOLE, seconds=2.0, options={"max_response_bytes": 16 << 20}
    )
    yield Fault("B6", "wrong encoding", answers(200, wire.chat(), zipped), malformed, 1, WHOLE)
    yield Fault(
        "B6",
        "unknown encoding",
        answers(200, wire.chat(), {"Content-Encoding": "snail"}),
        malformed,
        1,
        WHOLE,
    )
    yield Fault("B7", "endless", always(plays.endless), large, 1, WHOLE)
    billion = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {b} "{"&" + a + ";" * 1}{("&" + a + ";") * 9}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )  # fmt: skip
    yield Fault(
        "B8",
        "entity bomb",
        answers(200, billion + "]><l>&i;</l>", None, "application/xml"),
        malformed,
        1,
        WHOLE,
        seconds=0.5,
    )
    yield from failure_rows()
    yield from odd_rows()


FAILURES = (  # (name, what reports the failure, its class, its status, requests)
    ("object error", {"object": "error", "message": "engine died", "code": 500}, errors.ServerError, 500, 3),
    ("429", {"error": {"code": "429", "message": "slow down"}}, errors.RateLimitedError, 429, 3),
    ("error text", {"error": "Rate limit exceeded"}, errors.RateLimitedError, 429, 3),
    ("gateway", {"statusCode": 429, "message": "Rate limit is exceeded."}, errors.RateLimitedError, 429, 3),
    ("filter", {"error": {"code": "content_filter", "message": "no"}}, errors.ContentFilteredError, 400, 1),
    ("FastAPI", {"detail": "engine died"}, errors.ServerError, 500, 3),
    ("type error", {"type": "error", "message": "engine died"}, errors.ServerError, 500, 3),
    ("JavaScript", {"error": {}}, errors.ServerError, 500, 3),
)
"""What a service sends with a success when it failed."""
BESIDE = ("object error", "429", "error text", "filter")
"""Those that are a failure beside a good answer too."""
NO_FAILURES = (None, {}, "", [], False, {"code": None, "message": ""})
"""What ``error`` may be beside a good answer."""


def failure_rows() -> Iterable[Fault]:
    """B9: a failure in an answer of status 200 is no answer, whatever stands beside it."""
    both = {**wire.embeddings(TEXTS), **wire.chat()}
    for name, failure, kind, status, requests in FAILURES:
        told = {"status": status}
        yield Fault("B9", name, answers(200, failure), kind, requests, WHOLE, details=told)
        if name in BESIDE:
            play = answers(200, {**both, **failure})
            yield Fault("B9", f"{name} beside an answer", play, kind, requests, WHOLE, details=told)
    one = wire.chat()
    one["choices"][0]["error"] = {"code": 502, "message": "the provider left"}
    yield Fault("B9", "in a choice", answers(200, one), errors.ServerError, 3, UNARY, details={"status": 502})
    for nothing in NO_FAILURES:
        body = {**both, "error": nothing}
        yield Fault("B9", f"none: {json.dumps(nothing)}", answers(200, body), None, 1, WHOLE)


ODD_PARTS = {
    "id": 7,
    "object": 5,
    "created": "today",
    "model": True,
    "usage": True,
    "system_fingerprint": 5,
    "prompt_filter_results": {"a": 1},
}
ODD_PLACES = {"index": "0", "logprobs": [None], "content_filter_results": True, "finish_reason": 3}


def odd_rows() -> Iterable[Fault]:
    """B10: what is odd beside an answer does not cost it."""
    whole = {**wire.chat(), **ODD_PARTS}
    whole["choices"][0].update(ODD_PLACES)
    chunks = [{**chunk, **ODD_PARTS} for chunk in wire.chat_chunks()]
    for chunk in chunks:
        chunk["choices"][0].update(ODD_PLACES)
        chunk["choices"][0]["delta"]["role"] = 5
    yield Fault("B10", "whole", answers(200, whole), None, 1, UNARY)
    yield Fault("B10", "streamed", streams(wire.events(chunks)), None, 1, STREAM)
    numbers = {**wire.embeddings(TEXTS), **ODD_PARTS}
    yield Fault("B10", "vectors", answers(200, numbers), None, 1, EMBED)


def framing_rows() -> Iterable[Fault]:
    """T1, T2: other ways to write the same stream."""
    for name, change in (
        ("CRLF", lambda data: data.replace(b"\n", b"\r\n")),
        ("CR", lambda data: data.replace(b"\n", b"\r")),
        ("comments", lambda data: data.replace(b"data:", b": ping\n\n: pong\ndata:")),
        ("event lines", lambda data: data.replace(b"data:", b"event: message\ndata:")),
        ("id lines", lambda data: data.replace(b"data:", b"id: 7\nretry: 10\ndata:")),
        ("no space", lambda data: data.replace(b"data: ", b"data:")),
        ("byte order mark", lambda data: b"\xef\xbb\xbf" + data),
        ("data over lines", lambda data: data.replace(b', "object"', b',\ndata: "object"')),
        ("no last blank line", lambda data: data.rstrip(b"\n")),
        ("space after the end mark", lambda data: data.replace(b"[DONE]", b"[DONE] ")),
        ("white space round the end mark", lambda data: data.replace(b"[DONE]", b"\t[DONE]\t ")),
    ):  # type: str, Callable[[bytes], bytes]
        yield Fault("T1", name, reformatted(change), None, 1, STREAM)
    odd = b"".join(wire.events(wire.chat_chunks(wire.ANSWER)))
    yield Fault(
        "T2", "byte by byte", streams([odd[place : place + 1] for place in range(len(odd))]), None, 1, STREAM
    )


def stream_rows() -> Iterable[Fault]:
    """T3 to T15: the stream went wrong."""
    cut = errors.IncompleteResponseError
    malformed = errors.MalformedResponseError
    partial = {"partial": OPENING_TEXT}
    yield Fault("T3", "ends without a word", streams(OPENING), cut, 1, STREAM, details=partial)
    yield Fault("T4", "finish but no end mark", streams(EVENTS[:-1]), None, 1, STREAM)
    half = [*OPENING, EVENTS[4][:30]]
    yield Fault("T5", "ends in an event", streams(half), cut, 1, STREAM, details=partial)
    yield Fault(
        "T5", "closed between chunks", streams(OPENING, then=Call.close), cut, 1, STREAM, details=partial
    )
    in_chunk = streams(OPENING, then=plays.half_chunk)
    yield Fault("T5", "closed in a chunk", in_chunk, cut, 1, STREAM, details=partial)

    yield Fault("T5", "reset", streams(OPENING, then=plays.reset_later), cut, 1, STREAM, details=partial)
    yield from error_event_rows()
    yield Fault("T7", "bad JSON", streams([*OPENING, b"data: {oops\n\n", wire.DONE]), malformed, 1, STREAM)
    yield Fault(
        "T7", "bad UTF-8", streams([*OPENING, b'data: {"a": "\xff"}\n\n', wire.DONE]), malformed, 1, STREAM
    )
    yield Fault(
        "T8",
        "HTML",
        answers(200, PAGE, None, "text/html"),
        malformed,
        1,
        STREAM,
        hides=("corporate-page-marker",),
    )
    yield Fault(
        "T8", "HTML called a stream", answers(200, PAGE, None, "text/event-stream"), malformed, 1, STREAM
    )
    yield Fault("T8", "whole JSON", answers(200, wire.chat()), None, 1, STREAM)
    marked = b"\xef\xbb\xbf" + json.dumps(wire.chat()).encode()
    yield Fault("T8", "whole JSON after a byte order mark", answers(200, marked), None, 1, STREAM)
    silent = streams(OPENING, then=Call.hang)
    late = errors.DeadlineExceededError
    yield Fault("T9", "silence", silent, late, 1, STREAM, seconds=1.0, options=slow(idle=0.3))
    yield Fault(
        "T9", "silence to the end of the time", silent, late, 1, STREAM, seconds=1.3, options=slow(total=0.5)
    )
    endless_line = streams([b"data: ", *[b"a" * (1 << 20)] * 16], end=True)
    yield Fault("T10", "a line of 16 MB", endless_line, errors.ResponseTooLargeError, 1, STREAM, seconds=1.0)
    yield Fault("T14", "data after the end mark", streams([*EVENTS, b"data: {oops\n\n"]), None, 1, STREAM)
    yield Fault("T14", "empty", answers(200, b"", None, "text/event-stream"), malformed, 1, STREAM)
    yield from first_event_rows()
    yield Fault("T15", "503 before", failing(503), errors.ServerError, 3, STREAM)
    yield Fault("T15", "503 once then good", first(1, lambda call: call.respond(503, DOWN)), None, 2, STREAM)
    yield Fault(
        "T15",
        "reset after the first delta",
        streams(EVENTS[:2], then=plays.reset_later),
        cut,
        1,
        STREAM,
        details={"partial": "The"},
    )


LIMIT = {"error": {"message": "no room", "type": "server_error", "code": "rate_limit_exceeded"}}
OVERLOAD = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def first_event_rows() -> Iterable[Fault]:
    """T15: a stream whose first event is a refusal: as a status would be, for nothing was given out yet."""
    busy, ill = errors.RateLimitedError, errors.ServerError
    named = b"event: error\n" + wire.event(LIMIT)
    found = {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    pings = [b": ping\n\n", wire.event({"type": "ping"}), wire.event(LIMIT)]
    for name, events, kind, status in (
        ("limit", [wire.event(LIMIT)], busy, 429),
        ("limit and an end mark", [wire.event(LIMIT), wire.DONE], busy, 429),
        ("limit, named", [named], busy, 429),
        ("limit, after pings", pings, busy, 429),
        ("limit, after what was found in the prompt", [wire.event(found), wire.event(LIMIT)], busy, 429),
        ("overload", [wire.event(OVERLOAD)], ill, 503),
        ("failure", [wire.event({"error": {"code": 500, "message": "engine died"}})], ill, 500),
    ):
        details = {"status": status, "attempts": 3, "partial": ""}
        yield Fault("T15", f"{name} first", streams(events), kind, 3, STREAM, details=details)
        once = first(1, lambda call, events=events: call.stream(events))
        yield Fault("T15", f"{name} first, then good", once, None, 2, STREAM)
    yield Fault("T15", "limit as a whole answer", answers(200, LIMIT), busy, 3, STREAM)
    refusal = {"error": {"code": "unsupported_value", "message": "no", "param": "temperature"}}
    unsupported = errors.UnsupportedParameterError
    yield Fault("T15", "refusal first", streams([wire.event(refusal)]), unsupported, 1, STREAM)
    late = streams([*OPENING, wire.event(LIMIT), wire.DONE])
    yield Fault("T15", "limit late", late, busy, 1, STREAM, details={"partial": OPENING_TEXT})


def error_event_rows() -> Iterable[Fault]:
    """T6: the service reports a failure inside the stream."""
    ends = (("then end mark", [wire.DONE]), ("then end", []))
    for name, error, kind in (
        ("500", {"code": 500, "message": "engine died"}, errors.ServerError),
        ("server_error", {"code": "server_error", "message": "engine died"}, errors.ServerError),
    ):
        for how, end in ends:
            told = wire.event({"error": error})
            yield Fault("T6", f"{name} {how}", streams([*OPENING, told, *end]), kind, 1, STREAM)
    partial = {"partial": OPENING_TEXT}
    for name, failure, kind, status, _ in FAILURES:
        details = {**partial, "status": status}
        for how, end in ends:
            play = streams([*OPENING, wire.event(failure), *end])
            yield Fault("T6", f"{name} {how}", play, kind, 1, STREAM, details=details)
        for reason in (None, "stop") if name in BESIDE else ():
            told = wire.event({**wire.chunk("", finish_reason=reason), **failure})
            play = streams([*OPENING, told, wire.DONE])
            yield Fault("T6", f"{name} beside {reason}", play, kind, 1, STREAM, details=details)
    one = wire.chunk("", finish_reason="error")
    one["choices"][0]["error"] = {"code": 502, "message": "the provider left"}
    lost = {**partial, "status": 502}
    play = streams([*OPENING, wire.event(one), wire.DONE])
    yield Fault("T6", "in a choice", play, errors.ServerError, 1, STREAM, details=lost)
    for name, lines in (
        ("event line", b"event: error\ndata: Error parsing decoded stream: oops\n\n"),
        ("event line without data", b"event: error\n\n"),
        ("event line with JSON text", b'event: error\ndata: "oops"\n\n'),
        ("event line with an end mark", b"event: error\ndata: [DONE]\n\n"),
        ("error line", b'error: {"code": 500, "message": "oops", "type": "server_error"}\n\n'),
        ("line without data", b'{"error": {"code": 500, "message": "oops"}}\n\n'),
    ):
        play = streams([*OPENING, lines, wire.DONE])
        yield Fault("T6", name, play, errors.ServerError, 1, STREAM, details=partial)
    for nothing in NO_FAILURES:
        chunks = [{**chunk, "error": nothing} for chunk in CHUNKS]
        play = streams(wire.events(chunks))
        yield Fault("T1", f"no error: {json.dumps(nothing)}", play, None, 1, STREAM)


def embedding_rows() -> Iterable[Fault]:
    """E: vectors that are not what was asked for."""
    malformed = errors.MalformedResponseError
    for name, change in (
        ("missing", lambda data: data[:-1]),
        ("duplicate", with_index(1, 0)),
        ("extra", lambda data: [*data, {**data[0], "index": len(data)}]),
        ("negative", with_index(0, -1)),
        ("index no number", with_index(1, "1")),
        ("none at all", lambda _data: []),
        ("data no list", lambda _data: {"0": []}),
    ):
        yield Fault("E2", name, vectors(change), malformed, 1, EMBED)
    for name, vector in (
        ("empty vector", []),
        ("mixed dimensions", [0.5] * 7),
        ("text in a vector", ["a"] * 4),
        ("null", None),
        ("null in a vector", [None] * 4),
    ):
        yield Fault("E3", name, vectors(with_vector(1, vector)), malformed, 1, EMBED)
    for literal in ("NaN", "Infinity", "1e999"):
        yield Fault("E3", literal, plays.literal_vector(literal), malformed, 1, EMBED)
    size = {"error": {"code": "413", "message": "too large"}}
    yield Fault(
        "E6", "413", answers(413, size), errors.InvalidRequestError, 1, EMBED, details={"status": 413}
    )
