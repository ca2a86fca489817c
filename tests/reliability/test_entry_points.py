"""Fourteen rows of the fault table on every public call of the two adapters."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from langchain_core.exceptions import ModelError

from azure_inference_core.errors import InferenceError
from tests.support.drive import SLACK, Outcome, check_bystanders, check_secrets
from tests.support.entry_points import ENTRY_POINTS, EntryPoint, made
from tests.support.fault import Fault
from tests.support.fault_server import FaultServer
from tests.support.faults import REPEATED_ON_ADAPTERS, faults
from tests.support.scripted_server import answer_well

ROWS = faults(*REPEATED_ON_ADAPTERS)
ONE_EACH = [next(fault for fault in ROWS if fault.id == row) for row in REPEATED_ON_ADAPTERS if row != "L1"]
OTHER_KIND_OF_ROW = [fault for fault in ROWS if fault not in ONE_EACH and fault.id in ("S2", "T6")]
CASES = [
    (fault, entry)
    for fault in [*ONE_EACH, *OTHER_KIND_OF_ROW]
    for entry in ENTRY_POINTS
    if entry.mode in fault.modes
]


async def attempt(entry: EntryPoint, fault: Fault, stage: object) -> Outcome:
    """Make one call; a sync one in a thread, so that it never has an event loop under it."""
    thing = made(entry.kind, stage, **fault.options)
    outcome = Outcome()
    started = time.monotonic()
    try:
        outcome.value = await (
            entry.use(thing) if entry.asynchronous else asyncio.to_thread(entry.use, thing)
        )
    except Exception as error:  # noqa: BLE001 - the row says which it must be
        outcome.error = error
    outcome.seconds = time.monotonic() - started
    await thing.aclose()
    thing.close()
    return outcome


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(("fault", "entry"), CASES, ids=str)
async def test_a_fault_ends_as_on_the_core(
    fault: Fault, entry: EntryPoint, caplog: pytest.LogCaptureFixture
) -> None:
    """Through either framework a fault has the core's class, attributes, number of requests and silence."""
    caplog.set_level(logging.DEBUG)
    with fault.play() as stage:
        outcome = await attempt(entry, fault, stage)
        error = outcome.error
        assert fault.outcome is not None
        assert isinstance(error, fault.outcome), repr(error)
        assert type(error).__name__ == fault.outcome.__name__
        if entry.kind.__module__.startswith("langchain"):
            assert isinstance(error, ModelError)
        for name in ("status", "code", "retry_after", "attempts", "categories"):
            if name in fault.details:
                assert getattr(error, name) == fault.details[name]
        assert all(piece in str(error).lower() for piece in fault.says), str(error)
        assert stage.requests == fault.requests
        if fault.seconds is not None:
            assert outcome.seconds <= fault.seconds + SLACK
        check_bystanders(stage)
        check_secrets(error, caplog.records)


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=str)
async def test_every_entry_point_works(entry: EntryPoint) -> None:
    """Without a fault each call gives its answer, on one connection, which ``close`` closes."""
    with FaultServer(answer_well) as server:
        thing = made(entry.kind, server.url)
        for _ in range(3):
            value = await (entry.use(thing) if entry.asynchronous else asyncio.to_thread(entry.use, thing))
            assert value == entry.wanted
        assert server.connection_count == 1
        await thing.aclose()
        thing.close()
        assert await asyncio.to_thread(server.wait_for_connections, 0)


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=str)
async def test_a_fault_that_passes_is_not_seen(entry: EntryPoint) -> None:
    """Two refusals and then an answer: the caller gets the answer."""

    def busy_twice(call: object) -> None:
        """Refuse two requests."""
        if call.number < 2:
            call.respond(429 if call.number else 503, {"error": "Downstream unavailable"})
        else:
            answer_well(call)

    with FaultServer(busy_twice) as server:
        thing = made(entry.kind, server.url)
        value = await (entry.use(thing) if entry.asynchronous else asyncio.to_thread(entry.use, thing))
        assert value == entry.wanted
        assert server.request_count == 3
        await thing.aclose()
        thing.close()


@pytest.mark.parametrize("entry", [entry for entry in ENTRY_POINTS if entry.asynchronous], ids=str)
async def test_cancelling_tells_the_server(entry: EntryPoint) -> None:
    """A cancelled call closes its connection at once, and is not sent again."""
    left: list[float] = []

    def hold(call: object) -> None:
        """Say nothing until the client leaves."""
        if call.client_left(10.0) is not None:
            left.append(time.monotonic())
        call.close()

    with FaultServer(hold) as server:
        thing = made(entry.kind, server.url)
        task = asyncio.ensure_future(entry.use(thing))
        assert await asyncio.to_thread(server.wait_for_requests, 1)
        moment = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.wait_for_connections, 0)
        assert left[0] - moment <= 0.6
        assert server.request_count == 1
        await thing.aclose()


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=str)
def test_one_object_serves_many_event_loops(entry: EntryPoint) -> None:
    """Loop after loop, mixed with sync calls, without a warning or a closed loop."""

    async def once(thing: object) -> object:
        """One call in a loop of its own."""
        value = await entry.use(thing)
        await thing.aclose()
        return value

    with FaultServer(answer_well) as server:
        thing = made(entry.kind, server.url)
        for _ in range(5):
            value = asyncio.run(once(thing)) if entry.asynchronous else entry.use(thing)
            assert value == entry.wanted
        thing.close()


@pytest.mark.parametrize("entry", [entry for entry in ENTRY_POINTS if entry.mode == "stream"], ids=str)
async def test_an_open_stream_is_no_retry(entry: EntryPoint) -> None:
    """A stream that breaks after its first text is an error, not a second request."""
    (fault,) = [fault for fault in faults("T15") if "first delta" in fault.name]
    with fault.play() as stage:
        outcome = await attempt(entry, fault, stage)
        assert isinstance(outcome.error, InferenceError)
        assert type(outcome.error).__name__ == "IncompleteResponseError"
        assert stage.requests == 1
