"""Write the table of limits and waits into `limits.md`, from the code: `python docs/limits.py`."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from azure_inference_core import Connection, EmbeddingsClient, Timeouts
from azure_inference_core._client.client import REFUSAL_BYTES
from azure_inference_core._client.retry import LONGEST_WAIT, Pace, RetryBudget
from azure_inference_core._request.media import MAX_MEDIA_BYTES
from azure_inference_core._transport.chunked import LARGEST_HEAD
from azure_inference_core._transport.http_async import LONGEST_LINE
from azure_inference_core._transport.network import LONGEST_IDLE, LOOKED_UP_FOR, PROBE_EVERY
from azure_inference_core.timeouts import LONGEST_SILENCE, PATIENT

PAGE = Path(__file__).with_name("limits.md")
BEGIN, END = "<!-- limits: begin -->\n", "<!-- limits: end -->\n"


def table() -> str:
    """The table, as Markdown."""
    rows = "".join(f"| {what} | {value} | {change} |\n" for what, value, change in limits())
    return f"| what | limit | change it with |\n|---|---|---|\n{rows}"


def limits() -> list[tuple[str, str, str]]:
    """What is limited, to how much, and how to change it."""
    times, pace, budget = Timeouts(), Pace(), RetryBudget
    connection, vectors = defaults(Connection), defaults(EmbeddingsClient)
    return [
        (
            "a call with its retries and waits; a stream, until its last event",
            f"{times.total:g} s; with a model that reasons {PATIENT.total:,g} s",
            "`timeout=`, `Timeouts(total=)`",
        ),
        (
            "one attempt to connect: name, TCP, proxy and TLS together",
            f"{times.connect:g} s",
            "`Timeouts(connect=)`",
        ),
        ("from there to the head of the answer", "the whole call's", "`Timeouts(first_byte=)`"),
        ("silence inside an answer", "the whole call's", "`Timeouts(idle=)`"),
        ("one wait for the network, whatever the timeouts say", f"{LONGEST_SILENCE / 86400:g} days", ""),
        ("a probe of a silent connection, by TCP", f"every {PROBE_EVERY} s", ""),
        ("a connection that is kept without use", f"{LONGEST_IDLE:g} s", ""),
        (
            "connections of a client in a process, and in each event loop; other calls wait for a free one",
            number(connection["max_connections"]),
            "`max_connections=`",
        ),
        ("times a failed request is sent again", number(connection["max_retries"]), "`max_retries=`"),
        (
            "wait before sending again, at random from nothing to",
            f"{pace.first_backoff:g} s, doubled each time up to {pace.largest_backoff:g} s",
            "",
        ),
        (
            "wait that a service may ask for; at more the call fails and the error says `retry_after`",
            f"{LONGEST_WAIT:g} s",
            "",
        ),
        (
            "retries that a client can spend while nothing succeeds",
            number(budget.CAPACITY // budget.COST),
            "",
        ),
        ("a request's body", size(connection["max_request_bytes"]), "`max_request_bytes=`"),
        ("an image, a recording or a video", size(MAX_MEDIA_BYTES), ""),
        ("an answer's body, decompressed", size(connection["max_response_bytes"]), "`max_response_bytes=`"),
        ("one event of a stream", size(connection["max_event_bytes"]), "`max_event_bytes=`"),
        ("what is read of a refusal's body", size(REFUSAL_BYTES), ""),
        ("a line of an answer's head", size(LONGEST_LINE), ""),
        ("an answer's head, sync", size(LARGEST_HEAD), ""),
        ("texts of one embedding request", number(vectors["batch_size"]), "`batch_size=`"),
        ("embedding requests at once", number(vectors["max_concurrency"]), "`max_concurrency=`"),
        ("how long a name's addresses are known, sync", f"{LOOKED_UP_FOR:g} s", ""),
    ]


def defaults(kind: type[Any]) -> dict[str, Any]:
    """The defaults of a constructor."""
    return {name: given.default for name, given in inspect.signature(kind).parameters.items()}


def number(value: int) -> str:
    """A number as text."""
    return f"{value:,}"


def size(count: int) -> str:
    """A number of bytes as text."""
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"


def written(page: str) -> str:
    """A page with the table as it is now."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
