"""Ingestion on a local Ray with two workers."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from llama_index.core.schema import TextNode

from llamaindex_azure_inference import AzureInferenceEmbedding
from tests.llamaindex.helpers import KEY
from tests.support import wire
from tests.support.scripted_server import ScriptedServer

ray = pytest.importorskip("ray", reason="the dependency group 'ray' is not installed")
llama_index_ray = pytest.importorskip(
    "llama_index.ingestion.ray", reason="the dependency group 'ray' is not installed"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    # Ray's own: sockets and files that it leaves to the collector, and deprecations between its parts.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Ray of this machine, whose workers find the key in their environment."""
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", KEY)
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "200")
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        logging_level=logging.ERROR,
        log_to_driver=False,
        runtime_env={"env_vars": {"AZURE_INFERENCE_CREDENTIAL": KEY}},
    )
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.wait_for_min_actors_s = 240
    yield
    ray.shutdown()


def test_two_workers_embed_every_node(cluster: None) -> None:
    """Two Ray workers in processes of their own embed all nodes, each with the vector of its text."""
    with ScriptedServer(key=KEY) as server:
        embed = llama_index_ray.RayTransformComponent(
            transform_class=AzureInferenceEmbedding,
            transform_kwargs={"endpoint": server.url, "embed_batch_size": 8, "max_concurrency": 1},
            map_batches_kwargs={"batch_size": 8, "compute": ray.data.ActorPoolStrategy(size=2)},
        )
        pipeline = llama_index_ray.RayIngestionPipeline(transformations=[embed])
        nodes = pipeline.run(nodes=[TextNode(text=f"node {i}") for i in range(64)])
        assert sorted(node.get_content() for node in nodes) == sorted(f"node {i}" for i in range(64))
        assert all(node.embedding == pytest.approx(wire.vector_of(node.get_content())) for node in nodes)
        assert sum(len(body["input"]) for body in server.bodies) == 64
        # One connection a worker process at a time; neither is this process's.
        assert server.connection_count >= 2
