"""Ingest on Ray: the same pipeline with one and with two workers, against an endpoint that takes its time.

Install with ``pip install "azure-inference-integrations[llamaindex]" llama-index-ingestion-ray "ray[data]"`` and run
``python examples/ray_ingestion.py``. Everything happens on this machine: a small server stands for the endpoint and
answers each request after a fixed time, as a remote model does, so that the numbers show what the workers do and not
how fast this machine is.

Against your own endpoint, give its URL as ``endpoint`` in ``transform_kwargs`` and have
``AZURE_INFERENCE_CREDENTIAL`` set on the machines of the cluster: a worker takes its key from its own environment.
"""

from __future__ import annotations

import argparse
import base64
import json
import logging
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import ray
from llama_index.core.schema import TextNode
from llama_index.ingestion.ray import RayIngestionPipeline, RayTransformComponent

from llamaindex_azure_inference import AzureInferenceEmbedding

LATENCY_SECONDS = 0.5
NODES = 384
BATCH = 16
START_SECONDS = 180
VECTOR = base64.b64encode(struct.pack("<8f", *range(1, 9))).decode()


class SlowEndpoint(BaseHTTPRequestHandler):
    """Answers ``/embeddings`` well, after a fixed time."""

    protocol_version = "HTTP/1.1"
    times: ClassVar[list[float]] = []

    def do_POST(self) -> None:
        """Answer one request."""
        self.times.append(time.perf_counter())
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        time.sleep(LATENCY_SECONDS)
        count = len(body["input"])
        data = [{"index": i, "object": "embedding", "embedding": VECTOR} for i in range(count)]
        usage = {"prompt_tokens": count, "total_tokens": count}
        answer = json.dumps({"object": "list", "model": "slow", "data": data, "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.times.append(time.perf_counter())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def slow_endpoint() -> Iterator[str]:
    """A slow endpoint on loopback; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowEndpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def ingest(url: str, workers: int, nodes: int = NODES) -> float:
    """Embed nodes with this many Ray workers.

    Args:
        url: The endpoint.
        workers: How many actors embed at once.
        nodes: How many nodes.

    Returns:
        Nodes a second, from the first request's arrival to the last one's answer: Ray's start is not in it.
    """
    embed = RayTransformComponent(
        transform_class=AzureInferenceEmbedding,
        # One request at a time from each worker, so that the workers alone make the difference.
        transform_kwargs={"endpoint": url, "embed_batch_size": BATCH, "max_concurrency": 1},
        map_batches_kwargs={"batch_size": BATCH, "compute": ray.data.ActorPoolStrategy(size=workers)},
    )
    pipeline = RayIngestionPipeline(transformations=[embed])
    texts = [TextNode(text=f"node {i}") for i in range(nodes)]
    SlowEndpoint.times.clear()
    embedded = pipeline.run(nodes=texts)
    seconds = max(SlowEndpoint.times) - min(SlowEndpoint.times)
    if len(embedded) != nodes or any(not node.embedding for node in embedded):
        raise SystemExit("some nodes have no vector")
    return nodes / seconds


def main() -> None:
    """Print the throughput of one worker and of two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--nodes", type=int, default=NODES, help="how many nodes to embed (default: %(default)s)"
    )
    nodes = parser.parse_args().nodes
    os.environ.setdefault("AZURE_INFERENCE_CREDENTIAL", "any key will do here")
    os.environ.setdefault(
        "RAY_raylet_start_wait_time_s", str(START_SECONDS)
    )  # a busy machine is slow to start
    ray.init(num_cpus=4, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.wait_for_min_actors_s = START_SECONDS  # so that two workers are two from the first request on
    try:
        with slow_endpoint() as url:
            print(f"{nodes} nodes, {BATCH} a request, {LATENCY_SECONDS} s a request")
            one = ingest(url, 1, nodes)
            print(f"1 worker:  {one:7.1f} nodes/s")
            two = ingest(url, 2, nodes)
            print(f"2 workers: {two:7.1f} nodes/s ({two / one:.2f} times as many)")
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
