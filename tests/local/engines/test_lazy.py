"""Engines that are made at their first use."""

import httpx

from azure_inference_local import Engines, serve
from tests.local.fake_engines import HashEmbedder

QUERY = "?api-version=2024-05-01-preview"


def post(front, path, **body):
    """Post to the front."""
    return httpx.post(
        f"{front.url}{path}{QUERY}", headers={"api-key": front.key}, json=body, trust_env=False, timeout=30
    )


def test_an_engine_that_cannot_be_made():
    """A failure while an engine is made is an answer, and the next request tries again."""
    tries = []

    def make():
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("not yet")
        return HashEmbedder()

    with serve(engines=Engines(embeddings=make)) as front:
        assert [post(front, "/embeddings", input=["a"]).status_code for _ in range(2)] == [500, 200]
