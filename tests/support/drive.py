"""Drives the core's clients through a fault, and checks what came out against the row."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from azure_inference_core import ChatClient, Connection, EmbeddingsClient, Timeouts
from azure_inference_core.errors import InferenceError
from tests.support import wire
from tests.support.fault import Fault, Mode
from tests.support.stages import Stage

__all__ = [
    "TEXTS",
    "Outcome",
    "attempt",
    "attempt_async",
    "check_outcome",
    "connect",
    "renderings",
    "with_variables",
]

TEXTS = ["one", "two", "three"]
WANTED: dict[Mode, Any] = {
    "unary": wire.ANSWER,
    "stream": wire.ANSWER,
    "embed": [wire.vector_of(text) for text in TEXTS],
}
SLACK = 0.8
"""Seconds a busy machine may add to a stated limit."""
LONGEST_TEXT = 900


@dataclass
class Outcome:
    """How a call ended: a value or an error, after how long, and the text seen before."""

    value: Any = None
    error: BaseException | None = None
    seconds: float = 0.0
    seen: list[str] = field(default_factory=list)


def connect(stage: Stage | str, **options: Any) -> Connection:
    """A connection with a canary key and timeouts that fit a test; ``timeout`` may be a dict of seconds."""
    url, given = (stage, {}) if isinstance(stage, str) else (stage.url, stage.options)
    merged = {"credential": wire.CANARY_KEY, **given, **options}
    seconds = merged.pop("timeout", {})
    if isinstance(seconds, dict):
        seconds = Timeouts(**{"total": 20.0, **seconds})
    return Connection(url, timeout=seconds, **merged)


def attempt(connection: Connection, mode: Mode) -> Outcome:
    """Make one sync call."""
    outcome = Outcome()
    started = time.monotonic()
    try:
        if mode == "embed":
            with EmbeddingsClient(connection) as client:
                outcome.value = client.embed(TEXTS).vectors
        else:
            with ChatClient(connection) as client:
                if mode == "unary":
                    outcome.value = client.complete(wire.MESSAGES).choices[0].content
                else:
                    with client.stream(wire.MESSAGES) as deltas:
                        for delta in deltas:
                            outcome.seen.append(delta.content)
                    outcome.value = "".join(outcome.seen)
    except Exception as error:  # noqa: BLE001 - the row says which it must be
        outcome.error = error
    outcome.seconds = time.monotonic() - started
    return outcome


async def attempt_async(connection: Connection, mode: Mode) -> Outcome:
    """Make one async call."""
    outcome = Outcome()
    started = time.monotonic()
    try:
        if mode == "embed":
            async with EmbeddingsClient(connection) as client:
                outcome.value = (await client.aembed(TEXTS)).vectors
        else:
            async with ChatClient(connection) as client:
                if mode == "unary":
                    outcome.value = (await client.acomplete(wire.MESSAGES)).choices[0].content
                else:
                    async with client.astream(wire.MESSAGES) as deltas:
                        async for delta in deltas:
                            outcome.seen.append(delta.content)
                    outcome.value = "".join(outcome.seen)
    except Exception as error:  # noqa: BLE001 - the row says which it must be
        outcome.error = error
    outcome.seconds = time.monotonic() - started
    return outcome


def check_outcome(
    fault: Fault, mode: Mode, stage: Stage, outcome: Outcome, records: Iterable[logging.LogRecord]
) -> None:
    """Compare one outcome with its row.

    Raises:
        AssertionError: They differ; chained to the error that came.
    """
    if fault.outcome is None:
        assert outcome.error is None, outcome.error
        assert outcome.value == WANTED[mode]
    else:
        check_error(fault, outcome.error)
        # Whatever ended a stream, its error holds the text that came before.
        assert outcome.error.partial == "".join(outcome.seen)
    if fault.requests is not None:
        assert stage.requests == fault.requests
    if fault.seconds is not None:
        assert outcome.seconds <= fault.seconds + SLACK
    check_bystanders(stage)
    check_secrets(outcome.error, records)


def check_secrets(error: BaseException | None, records: Iterable[logging.LogRecord]) -> None:
    """Neither an error nor a log record shows the key or the prompt, nor any frame's variables the key."""
    if error is not None:
        assert wire.CANARY_KEY not in with_variables(error)
    for text in [*(renderings(error) if error else []), *logged(records)]:
        assert wire.CANARY_KEY not in text
        assert wire.CANARY_PROMPT not in text


def check_error(fault: Fault, error: BaseException | None) -> None:
    """Compare an error with its row: class, attributes, text."""
    assert isinstance(error, InferenceError), repr(error)
    assert type(error) is fault.outcome, f"{type(error).__name__}: {error}"
    for name, value in fault.details.items():
        assert getattr(error, name) == value, (name, getattr(error, name))
    text = str(error)
    assert 0 < len(text) <= LONGEST_TEXT
    assert text.isprintable()
    for piece in fault.says:
        assert piece in text.lower(), text
    for piece in fault.hides:
        assert piece not in text, text


def check_bystanders(stage: Stage) -> None:
    """No second host saw a request or the key, and the endpoint has no connection left."""
    if stage.other is not None:
        assert all(request.method == "CONNECT" for request in stage.other.requests)
        seen = b"".join(request.head + request.body for request in stage.other.requests) + b"".join(
            stage.other.junk
        )
        assert wire.CANARY_KEY.encode() not in seen
        assert wire.CANARY_PROMPT.encode() not in seen
    if stage.server is not None:
        assert stage.server.wait_for_connections(0), "a connection was left open"


def renderings(error: BaseException) -> list[str]:
    """Every way an error ends up in a log: text, repr, arguments, fields, traceback with its causes."""
    whole = "".join(traceback.TracebackException.from_exception(error).format())
    return [str(error), repr(error), repr(error.args), repr(vars(error)), f"{error}", whole]


def with_variables(error: BaseException) -> str:
    """The traceback as a tool renders it that shows every frame's variables; the test's own frames left out."""
    while error.__traceback__ is not None and error.__traceback__.tb_frame.f_globals["__name__"].startswith(
        "tests."
    ):
        error = error.with_traceback(error.__traceback__.tb_next)
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def logged(records: Iterable[logging.LogRecord]) -> list[str]:
    """Log records as text: the message and the arguments."""
    return [f"{record.getMessage()} {record.args!r}" for record in records]
