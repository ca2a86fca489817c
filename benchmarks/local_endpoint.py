"""Measure the local endpoint beside the engine alone, against its targets, in one run.

    python benchmarks/local_endpoint.py            about three minutes
    python benchmarks/local_endpoint.py --quick    fewer rounds, and ten seconds of concurrent streams

The server and its engines run in a process of their own, which answers over HTTP and, asked on its standard input,
runs the same engine with nothing around it. The two take turns, so that a busy neighbour slows both; the overhead is
the median of the rounds' ratios, in wall time and in processor time of the server's process (the second one holds on a
busy machine, too). The weights are fetched once if they are not there.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

MODEL = "smollm2-135m"
QUERY = "?api-version=2024-05-01-preview"
STORY = "Tell the story of a lighthouse keeper who finds a message in a bottle. " * 4
BODY = {
    "messages": [{"role": "user", "content": STORY}],
    "max_tokens": 64,
    "temperature": 0,
    "seed": 1,
    "ignore_eos": True,
}
PASSAGE = (
    "The harbour of the old town was built for sailing ships and is too shallow for the ferries of today, which land "
    "at the southern pier. In summer one leaves every hour; in winter there are two a day. "
)
STREAMS = 32
TOKENS_OF_A_PASSAGE = 125


@dataclass
class Row:
    """A line of the table: what was measured, how much it is, and whether that is good enough."""

    title: str
    value: str
    target: str = ""
    good: bool | None = None


class Run:
    """The course of one answer, from the request to its last chunk."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._times: list[float] = []

    def chunk(self) -> None:
        """Note that text has come."""
        self._times.append(time.perf_counter() - self._start)

    def result(self) -> dict[str, float]:
        """Seconds to the first text and in all, and texts a second after the first."""
        first, last = self._times[0], self._times[-1]
        return {"first": first, "total": last, "speed": (len(self._times) - 1) / (last - first)}


# -- the process of the server -------------------------------------------------------------------------------------


def serve_and_obey() -> None:
    """Serve, and do what each line of standard input asks."""
    from azure_inference_local import Engines, serve
    from azure_inference_local.engines import default_chat_engine, default_embedding_engine

    chat, embeddings = default_chat_engine(MODEL), default_embedding_engine()
    with serve(engines=Engines(chat=lambda: chat, embeddings=lambda: embeddings)) as endpoint:
        tell({"url": endpoint.url, "key": endpoint.key})
        for line in sys.stdin:
            order = json.loads(line)
            if order["do"] == "alone":
                tell(alone(chat))
            elif order["do"] == "embed":
                start = time.perf_counter()
                embeddings.embed(order["texts"], None)
                tell({"seconds": time.perf_counter() - start})
            else:
                gc.collect()
                tell({"cpu": time.process_time(), "rss": resident(), "threads": threading.active_count()})


def alone(chat: Any) -> dict[str, float]:
    """Run the engine in this thread."""
    run = Run()

    def on_chunk(chunk: dict[str, Any]) -> bool:
        if any(choice["delta"].get("content") for choice in chunk["choices"]):
            run.chunk()
        return False

    chat.chat(BODY, on_chunk)
    return run.result()


def resident() -> float:
    """Memory of this process in MB, or 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def tell(answer: dict[str, Any]) -> None:
    """Write a line to the parent."""
    print(json.dumps(answer), flush=True)


# -- the process that measures -------------------------------------------------------------------------------------


class Server:
    """The server's process and an HTTP client of it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        told = json.loads(self._process.stdout.readline())
        self.key, self._host = told["key"], urlsplit(told["url"]).netloc

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Give an order and return the answer."""
        self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection."""
        return http.client.HTTPConnection(self._host, timeout=300)

    def post(self, connection: http.client.HTTPConnection, path: str, body: Any) -> http.client.HTTPResponse:
        """Post a body and return the answer, not yet read."""
        headers = {
            "api-key": self.key,
            "content-type": "application/json",
            "extra-parameters": "pass-through",
        }
        connection.request("POST", path + QUERY, json.dumps(body), headers)
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}: {response.read(500)!r}")
        return response

    def stream(self, connection: http.client.HTTPConnection, body: Any) -> dict[str, Any]:
        """Stream a chat; return its text, how it ended, and its course."""
        run, text, finish, done = Run(), "", None, False
        for line in self.post(connection, "/chat/completions", {**body, "stream": True}):
            if line == b"data: [DONE]\n":
                done = True
            elif line.startswith(b"data: "):
                choice = json.loads(line[6:])["choices"][0]
                piece = choice["delta"].get("content")
                finish = choice["finish_reason"] or finish
                if piece:
                    run.chunk()
                    text += piece
        return {"text": text, "whole": done and finish is not None, "run": run}

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait(60)


def overhead(server: Server, rounds: int) -> list[Row]:
    """Compare an answer through the endpoint with one of the engine alone."""
    both: dict[str, list[dict[str, float]]] = {"alone": [], "endpoint": []}
    connection = server.connect()
    for number in range(rounds + 1):
        for who, results in sorted(both.items(), reverse=bool(number % 2)):
            before = server.ask("look")["cpu"]
            if who == "alone":
                result = server.ask("alone")
            else:
                result = server.stream(connection, BODY)["run"].result()
            result["cpu"] = server.ask("look")["cpu"] - before
            if number:  # the first round warms up
                results.append(result)
    middle = {
        who: {name: median(result[name] for result in results) for name in results[0]}
        for who, results in both.items()
    }
    rows = []
    for title, name, unit, factor in (
        ("first token", "first", "ms", 1000),
        ("tokens a second after it", "speed", "", 1),
    ):
        engine, endpoint = (middle[who][name] * factor for who in ("alone", "endpoint"))
        rows.append(Row(title, f"{endpoint:.1f} {unit} (engine alone {engine:.1f})"))
    for title, name in (("whole answer, time", "total"), ("whole answer, processor", "cpu")):
        ratio = median(b[name] / a[name] for a, b in zip(both["alone"], both["endpoint"], strict=True)) - 1
        rows.append(Row(f"overhead of the {title}", f"{ratio:+.1%}", "at most 10 %", ratio <= 0.10))
    return rows


def embeddings(server: Server, rounds: int) -> list[Row]:
    """Count the passages a second."""
    texts = [f"{number}: {PASSAGE * 3}" for number in range(64)]
    connection, rates, seconds = server.connect(), [], []
    for number in range(rounds + 1):
        start = time.perf_counter()
        response = server.post(connection, "/embeddings", {"input": texts, "encoding_format": "base64"})
        usage = json.loads(response.read())["usage"]
        took = time.perf_counter() - start
        if number:
            rates.append(usage["prompt_tokens"] / TOKENS_OF_A_PASSAGE / took)
            seconds.append(took / server.ask("embed", texts=texts)["seconds"])
    rate = median(rates)
    return [
        Row(
            f"passages of {TOKENS_OF_A_PASSAGE} tokens a second",
            f"{rate:.0f} (endpoint / engine alone {median(seconds):.2f})",
            "at least 30",
            rate >= 30,
        )
    ]


class Crowd:
    """Streams that run at the same time, each of which can say one thing only."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self.whole = self.cut = self.mixed = self.lost = 0

    def run(self, seconds: float) -> None:
        """Keep the streams going for a time; each one that has begun is read to its end."""
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=self._one, args=(number, end)) for number in range(STREAMS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, number: int, end: float) -> None:
        connection, turn = self._server.connect(), 0
        while turn == 0 or time.monotonic() < end:
            turn += 1
            only = f"stream {number} turn {turn}"
            try:
                answer = self._server.stream(connection, told_to_say(only))
                kind = "cut" if not answer["whole"] else "whole"
                if kind == "whole" and json.loads(answer["text"]) != {"say": only}:
                    kind = "mixed"
            except (OSError, http.client.HTTPException, RuntimeError, ValueError) as error:
                print(f"{only}: {error!r}", file=sys.stderr)
                kind, connection = "lost", self._server.connect()
            with self._lock:
                setattr(self, kind, getattr(self, kind) + 1)


def told_to_say(text: str) -> dict[str, Any]:
    """Return a chat whose answer the grammar leaves one form of."""
    schema = {
        "type": "object",
        "properties": {"say": {"type": "string", "enum": [text]}},
        "required": ["say"],
        "additionalProperties": False,
    }
    return {
        "messages": [{"role": "user", "content": "Say it."}],
        "max_tokens": 60,
        "response_format": {"type": "json_schema", "json_schema": {"name": "said", "schema": schema}},
    }


def crowd(server: Server, seconds: float) -> list[Row]:
    """Keep many streams going and look at each answer and at the memory."""
    Crowd(server).run(2)  # warms up
    before, streams = server.ask("look"), Crowd(server)
    streams.run(seconds)
    time.sleep(1)
    after = server.ask("look")
    grown = after["rss"] - before["rss"]
    bad = streams.lost + streams.mixed + streams.cut
    told = f"{streams.whole} whole, {streams.lost} lost, {streams.mixed} mixed, {streams.cut} cut"
    memory = f"{before['rss']:.0f} MB, then {after['rss']:.0f} MB"
    return [
        Row(f"{STREAMS} streams at once for {seconds:.0f} s", told, "none lost, mixed, cut", bad == 0),
        Row("memory before and after them", memory, "at most 32 MB more", grown <= 32),
    ]


def start_up(rounds: int) -> list[Row]:
    """Time `python -m azure_inference_local serve` until it says that it is ready, and until its first text."""
    ready, answered = [], []
    options = ["--key", "bench", "--quiet", "--model", MODEL]
    for _ in range(rounds + 1):
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "azure_inference_local", "serve", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        host = urlsplit(process.stdout.readline().split()[-1]).netloc
        ready.append(time.perf_counter() - start)
        connection = http.client.HTTPConnection(host, timeout=60)
        body = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1})
        headers = {"api-key": "bench", "content-type": "application/json"}
        connection.request("POST", "/chat/completions" + QUERY, body, headers)
        if connection.getresponse().status != 200:
            raise RuntimeError("the first chat was not answered")
        answered.append(time.perf_counter() - start)
        process.terminate()
        process.wait(60)
        process.stdout.close()
    took = median(answered[1:])
    told = f"{took:.1f} s (ready after {median(ready[1:]):.1f} s)"
    return [Row("from `serve` to the first answered chat", told, "at most 5 s", took <= 5)]


def size() -> list[Row]:
    """Add up the files of every distribution that the extra `local` brings."""
    from packaging.requirements import Requirement

    seen: set[str] = set()
    waiting = [("azure-inference-integrations", "local")]
    total = 0
    while waiting:
        name, extra = waiting.pop()
        distribution = metadata.distribution(name)
        for text in distribution.requires or ():
            wanted = Requirement(text)
            if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
                continue
            key = wanted.name.lower().replace("_", "-")
            if key not in seen:
                seen.add(key)
                files = metadata.distribution(wanted.name).files or ()
                total += sum(path.stat().st_size for f in files if (path := Path(f.locate())).is_file())
                waiting += [(wanted.name, each) for each in wanted.extras or {""}]
    title = f"installed size of the {len(seen)} packages it needs"
    return [Row(title, f"{total / 1e6:.0f} MB", "under 400 MB", total < 400e6)]


def show(rows: list[Row]) -> bool:
    """Print the table and return whether every target is met."""
    print(f"\n{'the local endpoint, ' + MODEL:<50}{'measured':<42}{'target':<24}")
    for row in rows:
        verdict = "" if row.good is None else "PASS" if row.good else "FAIL"
        print(f"{row.title:<50}{row.value:<42}{row.target:<24}{verdict}")
    return all(row.good is not False for row in rows)


def main() -> int:
    """Measure, print, and return 0 if every target is met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, ten seconds of streams")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve_and_obey()
        return 0
    load, cores = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0, os.cpu_count() or 1
    if load > cores / 2:
        print(f"This machine is busy (load {load:.1f} on {cores} cores): times will be too long.")
    rounds = 3 if options.quick else 19
    server = Server()
    try:
        rows = overhead(server, rounds) + embeddings(server, rounds)
        rows += crowd(server, 10 if options.quick else 60)
    finally:
        server.close()
    met = show(rows + start_up(1 if options.quick else 3) + size())
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
