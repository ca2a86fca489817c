"""Faults on demand, for people who test what their application does when the service misbehaves.

A fault is described by options, in code (`Faults(status=429, retry_after=2)`) or as text for the command line and
the request header `x-fault` (`status=429, retry-after=2`). Nothing happens unless a server is started with faults
or with the header allowed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import random
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from email.utils import formatdate
from typing import Literal, get_args, get_origin, get_type_hints

from azure_inference_local.dialects.base import Dialect
from azure_inference_local.dialects.refusals import Refusal

FAULT_HEADER = "x-fault"
RetryAfterStyle = Literal["seconds", "ms", "date", "reset-tokens", "none"]
_PAGE = b"<!doctype html><title>Sign in</title><p>Sign in to go on.</p>"


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong.

    ```python
    with serve(faults=Faults(status=429, rate=0.1, retry_after=2)) as unreliable:
        print(unreliable.url)
    ```

    Attributes:
        status: Status answered instead of an answer: an error (429, 503, ...) or a redirect (307, ...).
        html: Answer 200 with a web page, as the sign-in page of a proxy does.
        rate: Share of the requests that `status`, `html`, `drop` and the faults of streams hit, 0 to 1.
        rate_limit: Requests a second that are admitted; those beyond get a 429.
        retry_after: Seconds the client is told to wait on 429 and 503.
        retry_after_style: The form in which it is told: `seconds`, `ms` (`retry-after-ms`), `date`, `reset-tokens`
            (nothing but `x-rate-limit-reset-tokens`), or `none`.
        no_streams: Refuse to stream with a 422, as deployments do that only answer whole.
        single_quotes: Write the arguments of tool calls with single quotes, as Cohere's models on the service may.
        latency: Seconds before anything is answered.
        chunk_latency: Seconds before each chunk of a stream.
        drop: Close the connection without an answer.
        cut_after: Cut a stream's connection after so many chunks.
        stall_after: Send nothing more after so many chunks of a stream, for `stall` seconds, then cut it.
        stall: Length of a stall in seconds.
        error_after: Send an error event after so many chunks of a stream, and end it.
        seed: Makes the choice of `rate` repeatable.
    """

    status: int | None = None
    html: bool = False
    rate: float = 1.0
    rate_limit: float | None = None
    retry_after: float = 1.0
    retry_after_style: RetryAfterStyle = "seconds"
    no_streams: bool = False
    single_quotes: bool = False
    latency: float = 0.0
    chunk_latency: float = 0.0
    drop: bool = False
    cut_after: int | None = None
    stall_after: int | None = None
    stall: float = 3600.0
    error_after: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if self.status is not None and not 300 <= self.status <= 599:
            raise ValueError(f"status is a redirect or an error from 300 to 599, not {self.status}")
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate is a share from 0 to 1, not {self.rate}")
        if self.rate_limit is not None and self.rate_limit <= 0:
            raise ValueError("rate_limit is a positive number of requests a second")
        if self.retry_after_style not in get_args(RetryAfterStyle):
            raise ValueError(f"retry_after_style is one of {', '.join(get_args(RetryAfterStyle))}")
        if min(self.retry_after, self.latency, self.chunk_latency, self.stall) < 0:
            raise ValueError("times are not negative")

    @classmethod
    def parse(cls, text: str) -> Faults:
        """Read the text form: `name=value` pairs with commas between.

        >>> Faults.parse("status=429, retry-after=2").retry_after
        2.0

        Raises:
            ValueError: A name or a value does not exist; the text says which names there are.
        """
        hints = get_type_hints(cls)
        values: dict[str, object] = {}
        for item in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = (part.strip() for part in item.partition("="))
            field = name.replace("-", "_").lower()
            if field not in hints:
                known = ", ".join(f.name.replace("_", "-") for f in dataclasses.fields(cls))
                raise ValueError(f"no fault is called {name[:40]!r}; there are: {known}")
            values[field] = _convert(name, value, hints[field])
        return cls(**values)  # type: ignore[arg-type]  # the values were converted by the fields' own types


def _convert(name: str, text: str, hint: object) -> object:
    """Return the value of a text by the type of its field."""
    if get_origin(hint) is Literal:
        return text
    kind = next(t for t in (get_args(hint) or (hint,)) if t is not type(None))
    try:
        return text.lower() in ("", "1", "true", "yes") if kind is bool else kind(text)
    except ValueError:
        raise ValueError(f"{name} cannot be {text[:40]!r}") from None


class Cut(Exception):  # noqa: N818 - it is not an error but an order: close the connection here
    """The connection is to be closed in the middle of an answer."""


class FaultPlan:
    """The faults of one request."""

    def __init__(self, faults: Faults | None, *, hit: bool) -> None:
        self._faults = faults or Faults()
        self._hit = hit and faults is not None

    async def before(self, dialect: Dialect) -> None:
        """Wait, drop the connection or refuse, as planned, before the request is answered."""
        faults = self._faults
        if faults.latency:
            await asyncio.sleep(faults.latency)
        if not self._hit:
            return
        if faults.drop:
            raise Cut
        if faults.html:
            raise Refusal(200, _PAGE)
        if faults.status is not None:
            raise with_retry_after(_refusal(faults, dialect), faults)

    def check_stream(self, dialect: Dialect) -> None:
        """Refuse a stream, as planned."""
        if self._hit and self._faults.no_streams:
            raise dialect.no_streams()

    @property
    def single_quotes(self) -> bool:
        """Whether tool calls are to come with single quotes."""
        return self._hit and self._faults.single_quotes

    async def stream(self, events: AsyncIterator[bytes], error: bytes) -> AsyncGenerator[bytes, None]:
        """Yield the events of a stream with the planned faults among them; `error` is an error event."""
        faults, count = self._faults, 0
        async for event in events:
            if self._hit:
                if faults.cut_after is not None and count >= faults.cut_after:
                    raise Cut
                if faults.stall_after is not None and count >= faults.stall_after:
                    await asyncio.sleep(faults.stall)
                    raise Cut
                if faults.error_after is not None and count >= faults.error_after:
                    yield error
                    return
            if faults.chunk_latency:
                await asyncio.sleep(faults.chunk_latency)
            yield event
            count += 1


class FaultInjector:
    """Plans the faults of each request of a server.

    Args:
        faults: The faults of every request; `None` for none.
        header: Whether the request header `x-fault` is obeyed.
    """

    def __init__(self, faults: Faults | None, *, header: bool) -> None:
        self._faults = faults
        self._header = header
        self._random = random.Random(faults.seed if faults else None)
        self._lock = threading.Lock()
        self._tokens = faults.rate_limit or 0.0 if faults else 0.0
        self._then = time.monotonic()

    def headers(self) -> dict[str, str]:
        """Return the headers by which an answer tells its limits; -1 is how the service says that there is none."""
        limit = self._faults.rate_limit if self._faults else None
        with self._lock:
            left = int(self._tokens) if limit is not None else -1
        told = {"requests": (-1 if limit is None else math.ceil(limit), left), "tokens": (-1, -1)}
        return {
            f"x-ratelimit-{kind}-{unit}": str(number)
            for unit, numbers in told.items()
            for kind, number in zip(("limit", "remaining"), numbers, strict=True)
        }

    def plan(self, header: str | None, dialect: Dialect) -> FaultPlan:
        """Return the plan of one request, or raise the 429 of the rate limit."""
        faults = self._faults
        if header is not None and self._header:
            try:
                faults = Faults.parse(header)
            except ValueError as error:
                raise dialect.generic(400, f"The header {FAULT_HEADER} is wrong: {error}") from None
        if self._faults is not None and self._faults.rate_limit is not None:
            self._admit(self._faults, self._faults.rate_limit, dialect)
        with self._lock:
            hit = faults is not None and self._random.random() < faults.rate
        return FaultPlan(faults, hit=hit)

    def _admit(self, faults: Faults, limit: float, dialect: Dialect) -> None:
        """Take one token from the bucket (it holds a second's worth) or refuse."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(max(limit, 1.0), self._tokens + (now - self._then) * limit)
            self._then = now
            if self._tokens >= 1:
                self._tokens -= 1
                return
        raise with_retry_after(dialect.rate_limited(faults.retry_after), faults)


def _refusal(faults: Faults, dialect: Dialect) -> Refusal:
    """Return the planned error in the dialect's form."""
    status = faults.status or 500
    if status < 400:
        return Refusal(status, {}, {"location": "https://example.com/"})
    if status == 429:
        return dialect.rate_limited(faults.retry_after)
    if status in (502, 503, 504) and not dialect.openai:
        return Refusal(status, {"error": "Downstream unavailable"})
    return dialect.generic(status, f"This answer was asked for: the fault status={status}.")


def with_retry_after(refusal: Refusal, faults: Faults) -> Refusal:
    """Return the refusal with the wait in its headers, in the planned form, where the status has one."""
    if refusal.status not in (429, 503):
        return refusal
    wait = faults.retry_after
    if faults.retry_after_style == "seconds":
        refusal.headers["retry-after"] = str(math.ceil(wait))
    elif faults.retry_after_style == "reset-tokens":
        refusal.headers["x-rate-limit-reset-tokens"] = str(math.ceil(wait))
    elif faults.retry_after_style == "ms":
        refusal.headers["retry-after-ms"] = str(round(wait * 1000))
    elif faults.retry_after_style == "date":
        refusal.headers["retry-after"] = formatdate(time.time() + wait, usegmt=True)
    return refusal
