"""Limits: the numbers that may be given, and the page that lists them."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from azure_inference_core import ChatClient, ConfigurationError, Timeouts
from tests.support import wire
from tests.support.drive import connect
from tests.support.fault_server import FaultServer, tls_context
from tests.support.scripted_server import answer_well
from tests.support.stages import authority_file

LARGE = [1e7, 1e10, 1e300, sys.float_info.max, 10**20]


@pytest.mark.parametrize("seconds", LARGE, ids=str)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_a_time_may_be_as_long_as_anybody_likes(seconds: float, tls: bool) -> None:
    """Numbers that the system cannot wait for, for each limit, whole and streamed, sync and async."""
    limits = Timeouts(total=seconds, connect=seconds, first_byte=seconds, idle=seconds)
    options: dict[str, Any] = {"ca_bundle": authority_file()} if tls else {}
    with FaultServer(answer_well, tls=tls_context() if tls else None) as server:
        async with ChatClient(connect(server.url, timeout=limits, max_retries=0, **options)) as client:

            def calls() -> list[str]:
                whole = client.complete(wire.MESSAGES).choices[0].content
                return [whole, "".join(delta.content for delta in client.stream(wire.MESSAGES))]

            assert await asyncio.to_thread(calls) == [wire.ANSWER] * 2
            assert (await client.acomplete(wire.MESSAGES)).choices[0].content == wire.ANSWER
            assert "".join([delta.content async for delta in client.astream(wire.MESSAGES)]) == wire.ANSWER


@pytest.mark.parametrize("name", ["total", "connect", "first_byte", "idle"])
@pytest.mark.parametrize(
    "value", [0, -1, float("inf"), float("nan"), 10**400, True, "5"], ids=lambda v: str(v)[:8]
)
def test_a_time_that_is_none_is_refused(name: str, value: Any) -> None:
    """Nothing, less than nothing, no end, and what is no number."""
    with pytest.raises(ConfigurationError, match=name):
        Timeouts(**{name: value})


def script() -> ModuleType:
    """The script that writes the page."""
    path = Path(__file__).parents[2] / "docs" / "limits.py"
    found = importlib.util.spec_from_file_location("limits", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_page_of_limits_is_the_code_s() -> None:
    """``docs/limits.md`` holds the numbers the code has: ``python docs/limits.py`` writes them."""
    limits = script()
    page = limits.PAGE.read_text(encoding="utf-8")
    assert limits.written(page) == page
