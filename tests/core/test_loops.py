"""Event loops: however one ends, nothing is left and nothing is said; and none is kept waiting for files."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from azure_inference_core import ChatClient
from azure_inference_core.errors import ConfigurationError
from langchain_azure_inference import AzureInferenceEmbeddings, ChatAzureInference
from llamaindex_azure_inference import AzureInference
from tests.support import wire
from tests.support.drive import connect
from tests.support.entry_points import CLASSES, made
from tests.support.fault_server import FaultServer, tls_context
from tests.support.scripted_server import ScriptedServer, answer_well
from tests.support.stages import authority_file

ROOT = Path(__file__).parents[2]
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts files in /proc")

LOOPS = """
    import asyncio, gc, os, sys, threading
    from azure_inference_core import ChatClient, Connection

    url, bundle, flavour = sys.argv[1:]
    new_loop = asyncio.new_event_loop
    if flavour == "nest_asyncio":
        import nest_asyncio
        nest_asyncio.apply()
    elif flavour == "uvloop":
        from uvloop import new_event_loop as new_loop
    client = ChatClient(Connection(url, "key", ca_bundle=bundle or None))
    asked, kept = [{"role": "user", "content": "x"}], []

    async def call():
        await asyncio.gather(*[client.acomplete(asked) for _ in range(3)])
        left = client.astream(asked)  # dropped in the middle
        await anext(left)
        kept.append(client.astream(asked))  # never read again
        await anext(kept[-1])
        async with client.astream(asked) as ended:
            await anext(ended)

    def run():
        loop = new_loop()
        loop.set_debug(flavour == "by hand")
        loop.slow_callback_duration = 1000
        loop.run_until_complete(call())
        if flavour == "in a coroutine":
            async def other():
                loop.close()
            asyncio.run(other())
        else:
            loop.close()
        assert loop.is_closed()

    files = []
    for _ in range(20):
        if flavour == "thread":
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
        else:
            run()
        files.append(len(os.listdir("/proc/self/fd")))
    kept.clear()
    gc.collect()
    assert files[-1] <= files[1] + 1, files
    client.close()
"""

PROGRAMS = """
    import asyncio, gc, os, sys
    from llama_index.core import Document, VectorStoreIndex
    from tests.support.entry_points import CLASSES, ENTRY_POINTS, made

    url, bundle, flavour = sys.argv[1:]
    if flavour == "nest_asyncio":
        import nest_asyncio
        nest_asyncio.apply()
    things = {kind: made(kind, url, ca_bundle=bundle) for kind in CLASSES}
    entries = [entry for entry in ENTRY_POINTS if entry.asynchronous]

    async def use(entry):
        assert await entry.use(things[entry.kind]) == entry.wanted

    async def leave(entry):
        pieces = getattr(things[entry.kind], entry.name)("x")
        pieces = await pieces if asyncio.iscoroutine(pieces) else pieces
        async for _ in pieces:
            break

    async def cell():
        VectorStoreIndex.from_documents([Document(text="x")], embed_model=things[CLASSES[5]], use_async=True)

    files = []
    for _ in range(3):
        for entry in entries:
            loop = asyncio.new_event_loop()
            loop.run_until_complete(use(entry))
            loop.close()
            # LangChain's own generators await while they are left, which no loop of nest_asyncio lets them.
            if entry.name == "astream_complete" or (entry.name == "astream" and flavour != "nest_asyncio"):
                loop = asyncio.new_event_loop()
                loop.run_until_complete(leave(entry))
                loop.close()
        asyncio.run(cell())
        VectorStoreIndex.from_documents([Document(text="x")], embed_model=things[CLASSES[5]], use_async=True)
        files.append(len(os.listdir("/proc/self/fd")))
    gc.collect()
    assert files[-1] <= files[0] + 1, files
    for thing in things.values():
        thing.close()
"""


def run_silently(code: str, *arguments: str) -> None:
    """Run a program in which a resource that is left is an error, and which must say nothing."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-W",
            "error::ResourceWarning",
            "-c",
            textwrap.dedent(code),
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        },
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_proc
@pytest.mark.parametrize(
    ("flavour", "tls"),
    [
        ("by hand", False),
        ("by hand", True),
        ("thread", False),
        ("in a coroutine", False),
        ("nest_asyncio", False),
        ("uvloop", True),
    ],
)
def test_a_loop_that_is_just_closed_leaves_nothing(flavour: str, tls: bool) -> None:
    """Twenty loops without ``shutdown_asyncgens``: no warning, no descriptor; streams left in the middle too."""
    if flavour in ("nest_asyncio", "uvloop") and importlib.util.find_spec(flavour) is None:
        pytest.skip(f"{flavour} is not installed")
    with FaultServer(answer_well, tls=tls_context() if tls else None) as server:
        run_silently(LOOPS, server.url, authority_file() if tls else "", flavour)


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("flavour", ["by hand", "nest_asyncio"])
def test_programs_that_close_their_loops_leave_nothing(flavour: str) -> None:
    """The same for every async method of both adapters, and for LlamaIndex's own ``use_async=True``."""
    if flavour == "nest_asyncio" and importlib.util.find_spec(flavour) is None:
        pytest.skip(f"{flavour} is not installed")
    with FaultServer(answer_well, tls=tls_context()) as server:
        run_silently(PROGRAMS, server.url, authority_file(), flavour)


def test_a_loops_close_is_its_own_again(server: ScriptedServer) -> None:
    """What stands before a loop's ``close`` goes with it, closes twice in peace, and leaves a running loop alone."""
    client = ChatClient(connect(server.url))
    loop = asyncio.new_event_loop()

    async def call() -> None:
        await client.acomplete(wire.MESSAGES)
        with pytest.raises(RuntimeError, match="running"):
            loop.close()
        await client.acomplete(wire.MESSAGES)

    loop.run_until_complete(call())
    assert server.connection_count == 1
    loop.close()
    loop.close()
    assert "close" not in vars(loop)
    client.close()


def test_what_waits_in_a_loop_does_not_keep_it_from_closing(server: ScriptedServer) -> None:
    """A task that is left, and one that stops the loop, are the owner's; the loop closes all the same."""
    client = ChatClient(connect(server.url))
    for rest in (lambda loop: None, lambda loop: loop.stop()):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(client.acomplete(wire.MESSAGES))
        loop.call_soon(rest, loop)
        loop.close()
        assert loop.is_closed()
    client.close()


async def test_a_dropped_client_closes_its_connections() -> None:
    """In a loop that goes on, the connections of a client that nobody has any more are closed."""
    left = threading.Event()

    def answer(call: Any) -> None:
        answer_well(call)
        if call.client_left(10.0) is not None:
            left.set()

    with FaultServer(answer) as server:
        client = ChatClient(connect(server.url))
        await client.acomplete(wire.MESSAGES)
        del client
        assert await asyncio.to_thread(left.wait, 10.0)


FIRST_CALLS = """
    import asyncio, sys
    from blockbuster import BlockBuster
    from tests.support.entry_points import ENTRY_POINTS, made

    name, url, bundle = sys.argv[1:]

    async def main():
        for entry in ENTRY_POINTS:
            if entry.asynchronous and entry.kind.__name__ == name:
                thing = made(entry.kind, url, ca_bundle=bundle)
                assert await entry.use(thing) == entry.wanted
                await thing.aclose()

    BlockBuster().activate()
    asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_nothing_blocks_the_loop(kind: type[Any]) -> None:
    """Made and used for the first time in an event loop: no files, no process, no sleep (what ``langgraph dev`` checks)."""
    pytest.importorskip("blockbuster")
    with FaultServer(answer_well, tls=tls_context()) as server:
        run_silently(FIRST_CALLS, kind.__name__, server.url, authority_file())


@pytest.mark.parametrize("kind", [ChatAzureInference, AzureInference], ids=lambda kind: kind.__name__)
async def test_a_missing_file_of_authorities_is_told_by_the_first_call(kind: type[Any]) -> None:
    """In an event loop the constructor cannot look, so the call says it, and sends nothing."""
    with FaultServer(answer_well, tls=tls_context()) as server:
        model = made(kind, server.url, ca_bundle="/no/such/file.pem")
        with pytest.raises(ConfigurationError, match=r"ca_bundle '/no/such/file\.pem'"):
            await (model.ainvoke("x") if kind is ChatAzureInference else model.acomplete("x"))
        assert server.request_count == 0
    with pytest.raises(ConfigurationError, match="ca_bundle: there is no file"):
        await asyncio.to_thread(made, kind, "https://my.endpoint/v1", ca_bundle="/no/such/file.pem")


async def test_image_files_are_read_off_the_loop(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An async embedding of image files leaves the reading to a thread."""
    from azure_inference_core._request import media

    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    threads = []
    real = media.read_file
    monkeypatch.setattr(
        media, "read_file", lambda path: (threads.append(threading.current_thread()), real(path))[1]
    )
    for kind, name in (
        (AzureInferenceEmbeddings, "aembed_image"),
        (CLASSES[5], "aget_image_embedding_batch"),
    ):
        thing = made(kind, server.url)
        assert await getattr(thing, name)([str(picture)])
        await thing.aclose()
    assert len(threads) == 2
    assert threading.current_thread() not in threads
