"""One contender in a process of its own: reads a measure a line on standard input, writes its numbers a line.

``worker.py NAME BASE CONTROL_PORT`` serves measures until standard input closes;
``worker.py --cold NAME BASE call|acall`` prints how long import, constructor and first answer took.
"""

from __future__ import annotations

import time

_STARTED = time.perf_counter()

import asyncio  # noqa: E402  the clock starts before anything is imported
import gc  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

TEXT = "A passage of some length about a fox, a dog, and what the one does to the other. "


class Worker:
    """The contender and the measures that can be asked of it.

    Args:
        name: The contender's name.
        base: The server's URL.
        control_port: Where the server tells its counts.
    """

    def __init__(self, name: str, base: str, control_port: int) -> None:
        from contenders import CONTENDERS

        self.make = CONTENDERS[name]
        self.base = base
        self.control_port = control_port
        # One loop for all asynchronous measures, as in a program that runs.
        self.loop = asyncio.new_event_loop()
        self._made: dict[str, Any] = {}
        self._warm: set[str] = set()

    def at(self, option: str = "") -> Any:
        """The contender's object for a base path, made once."""
        if option not in self._made:
            self._made[option] = self.make(self.base + option)
        return self._made[option]

    def counts(self) -> dict[str, int]:
        """Connections and requests the server has seen."""
        with socket.create_connection(("127.0.0.1", self.control_port)) as connection:
            return json.loads(connection.makefile().read())

    def measure(self, work: Callable[[], Any], units: int) -> dict[str, float]:
        """Run ``work`` once; wall and CPU time for each of ``units``, and what the server saw."""
        before = self.counts()
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        after = self.counts()
        return {
            "wall": wall / units,
            "cpu": cpu / units,
            "connections": after["connections"] - before["connections"],
            "requests": after["requests"] - before["requests"],
        }

    def first(self, what: str) -> bool:
        """Whether this is the first time that ``what`` is measured, so that it is warmed up and checked."""
        new = what not in self._warm
        self._warm.add(what)
        if new:
            # What was imported so far is not garbage: a full collection that happens to fall into one turn
            # would cost more than all its calls.
            gc.collect()
            gc.freeze()
        return new

    def call(self, count: int) -> dict[str, float]:
        subject = self.at()
        if self.first("call"):
            check(subject.call(), "fox")

        def work() -> None:
            for _ in range(count):
                subject.call()

        return self.measure(work, count)

    def acall(self, count: int) -> dict[str, float]:
        subject = self.at()

        async def work() -> None:
            for _ in range(count):
                await subject.acall()

        if self.first("acall"):
            check(self.loop.run_until_complete(subject.acall()), "fox")
        return self.measure(lambda: self.loop.run_until_complete(work()), count)

    def stream(self, count: int, option: str = "") -> dict[str, float]:
        from server import TOKENS

        subject = self.at(option)
        if self.first("stream" + option):
            check("".join(subject.stream()), "token " * TOKENS)

        def work() -> None:
            for _ in range(count):
                for _text in subject.stream():
                    pass

        return self.measure(work, count * TOKENS)

    def astream(self, count: int, option: str = "") -> dict[str, float]:
        from server import TOKENS

        subject = self.at(option)

        async def work() -> None:
            for _ in range(count):
                async for _text in subject.astream():
                    pass

        async def first() -> str:
            return "".join([text async for text in subject.astream()])

        if self.first("astream" + option):
            check(self.loop.run_until_complete(first()), "token " * TOKENS)
        return self.measure(lambda: self.loop.run_until_complete(work()), count * TOKENS)

    def gather(self, count: int) -> dict[str, float]:
        subject = self.at("/d50")

        async def work() -> None:
            await asyncio.gather(*(subject.acall() for _ in range(count)))

        if self.first("gather"):
            self.loop.run_until_complete(work())
        return self.measure(lambda: self.loop.run_until_complete(work()), 1)

    def embed(self, count: int, warm_up: int, *, floats: bool) -> dict[str, float]:
        subject = self.embedder()
        texts = [f"{number} {TEXT}" for number in range(count)]
        if self.first(f"embed {floats}"):
            subject.embed(texts[:warm_up], floats=floats)
        got: list[Any] = []
        numbers = self.measure(lambda: got.extend(subject.embed(texts, floats=floats)), 1)
        check(f"{len(got)} {len(got[-1])}", f"{count} 1536")
        return numbers

    def stall(self, count: int, warm_up: int) -> dict[str, float]:
        subject = self.embedder()
        texts = [f"{number} {TEXT}" for number in range(count)]
        gaps = [0.0]

        async def tick() -> None:
            last = time.perf_counter()
            while True:
                await asyncio.sleep(0.001)
                now = time.perf_counter()
                gaps.append(now - last - 0.001)
                last = now

        async def work() -> None:
            await subject.aembed(texts[:warm_up])
            ticker = asyncio.ensure_future(tick())
            await asyncio.sleep(0.01)
            del gaps[1:]
            vectors = await subject.aembed(texts)
            await asyncio.sleep(0.005)
            ticker.cancel()
            check(str(len(vectors)), str(count))

        numbers = self.measure(lambda: self.loop.run_until_complete(work()), 1)
        return {**numbers, "wall": max(gaps)}

    def ttft(self, count: int) -> dict[str, float]:
        subject = self.at("/p2")
        waits: list[float] = []

        def work() -> None:
            for _ in range(count):
                start, first = time.perf_counter(), 0.0
                for text in subject.stream():
                    if text and not first:
                        first = time.perf_counter() - start
                waits.append(first)

        if self.first("ttft"):
            check("".join(subject.stream()), "token ")
        numbers = self.measure(work, count)
        return {**numbers, "wall": sorted(waits)[len(waits) // 2]}

    def attft(self, count: int) -> dict[str, float]:
        subject = self.at("/p2")
        waits: list[float] = []

        async def work() -> None:
            for _ in range(count):
                start, first = time.perf_counter(), 0.0
                async for text in subject.astream():
                    if text and not first:
                        first = time.perf_counter() - start
                waits.append(first)

        async def first() -> str:
            return "".join([text async for text in subject.astream()])

        if self.first("attft"):
            check(self.loop.run_until_complete(first()), "token ")
        numbers = self.measure(lambda: self.loop.run_until_complete(work()), count)
        return {**numbers, "wall": sorted(waits)[len(waits) // 2]}

    def construct(self) -> dict[str, float]:
        """Requests made by constructing the chat and embeddings objects, with a model and without one."""

        def work() -> None:
            self.make(self.base).setup_embeddings()
            self.make(self.base, None).setup_embeddings()

        return self.measure(work, 4)

    def embedder(self) -> Any:
        """The contender's object with its embeddings made."""
        if "embedder" not in self._made:
            subject = self.at()
            subject.setup_embeddings()
            self._made["embedder"] = subject
        return self._made["embedder"]


def check(got: str, expected: str) -> None:
    """A measure counts only if the answer was right."""
    if expected not in got:
        raise AssertionError(f"expected {expected[:60]!r}, got {got[:60]!r}")


def cold(name: str, base: str, how: str) -> None:
    """Print the seconds from the first line of this program to the first answer."""
    from contenders import CONTENDERS

    subject = CONTENDERS[name](base)
    answer = subject.call() if how == "call" else asyncio.run(subject.acall())
    took = time.perf_counter() - _STARTED
    check(answer, "fox")
    os.write(_RESULTS, json.dumps({"wall": took}).encode() + b"\n")
    # Peers that leave clients open would spend their exit complaining.
    os._exit(0)


def serve(name: str, base: str, control_port: int) -> None:
    """Answer measures until standard input closes."""
    try:
        worker = Worker(name, base, control_port)
        worker.at()
        reply: dict[str, Any] = {"ready": True}
    except ImportError as error:
        reply = {"missing": str(error)}
    os.write(_RESULTS, json.dumps(reply).encode() + b"\n")
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            reply = getattr(worker, asked.pop("measure"))(**asked)
        except NotImplementedError:
            reply = {"absent": traceback.format_exc(limit=-2)}
        except Exception:  # noqa: BLE001  whatever a contender raises belongs in the table, not in a crash
            reply = {"failed": traceback.format_exc(limit=-4)}
        os.write(_RESULTS, json.dumps(reply).encode() + b"\n")
    os._exit(0)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    # Only results go to the parent; what a contender prints is dropped with standard error.
    _RESULTS = os.dup(1)
    os.dup2(2, 1)
    if sys.argv[1] == "--cold":
        cold(*sys.argv[2:5])
    else:
        serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
