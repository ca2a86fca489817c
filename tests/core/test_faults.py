"""The fault table against the core: each row has one outcome, the same for sync and async calls."""

from __future__ import annotations

import importlib
import logging

import pytest

from tests.support.drive import attempt, attempt_async, check_outcome, connect
from tests.support.fault import Fault, Mode
from tests.support.faults import ELSEWHERE, EVERY_ID, FAULTS

SYNC = [(f, m) for f in FAULTS for m in f.modes if f.asynchronous is not True]
ASYNC = [(f, m) for f in FAULTS for m in f.modes if f.asynchronous is not False]


def name_of(value: object) -> str:
    """A readable name for a case."""
    return str(value)


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(("fault", "mode"), SYNC, ids=name_of)
def test_a_fault_has_its_outcome(fault: Fault, mode: Mode, caplog: pytest.LogCaptureFixture) -> None:
    """A sync call through a fault ends as its row says, and tells nobody the key or the prompt."""
    caplog.set_level(logging.DEBUG)
    with fault.play() as stage:
        outcome = attempt(connect(stage, **fault.options), mode)
        check_outcome(fault, mode, stage, outcome, caplog.records)


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(("fault", "mode"), ASYNC, ids=name_of)
async def test_a_fault_has_its_outcome_async(
    fault: Fault, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    """An async call through a fault ends as its row says, and tells nobody the key or the prompt."""
    caplog.set_level(logging.DEBUG)
    with fault.play() as stage:
        outcome = await attempt_async(connect(stage, **fault.options), mode)
        check_outcome(fault, mode, stage, outcome, caplog.records)


@pytest.mark.parametrize("row", EVERY_ID)
def test_no_row_is_missing(row: str) -> None:
    """Every id of the matrix is in the table, or is a test of its own that exists."""
    if row not in ELSEWHERE:
        assert any(fault.id == row for fault in FAULTS)
        return
    module, name = ELSEWHERE[row].split(":")
    assert callable(getattr(importlib.import_module(module), name))
