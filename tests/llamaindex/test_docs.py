"""The user's guide: every Python block runs against the local endpoint, and what it names exists."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azure_inference_local import Endpoint, serve
from llamaindex_azure_inference import errors

GUIDE = Path(__file__).parents[2] / "docs" / "llamaindex.md"
TEXT = GUIDE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
HEADINGS = [
    "Install",
    "First call",
    "Streaming",
    "Tools",
    "Structured output",
    "Embeddings",
    "Images",
    "Errors",
    "Coming from `AzureAICompletionsModel` and `AzureAIEmbeddingsModel`",
]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """The local endpoint with the smallest model."""
    with serve(model="smollm2-135m") as running:
        yield running


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")  # the framework's agents
@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=lambda n: BLOCKS[n].splitlines()[-1][:40])
def test_block_runs(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A block copied from the guide runs, with the endpoint in the environment."""
    monkeypatch.setenv("AZURE_INFERENCE_ENDPOINT", endpoint.url)
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", endpoint.key)
    scope: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(BLOCKS[number], f"{GUIDE.name}, block {number}", "exec"), scope)
    finally:
        for made in scope.values():
            if hasattr(made, "aclose") and hasattr(made, "model_info") and not isinstance(made, type):
                asyncio.run(made.aclose())


def test_sections_are_in_order() -> None:
    """The guide has its sections, in the order of the other framework's."""
    assert re.findall(r"^## (.*)$", TEXT, re.MULTILINE) == HEADINGS


def test_every_error_is_in_the_table() -> None:
    """Each class that a user can meet has its row."""
    table = set(re.findall(r"\| `(\w+(?:Error))`", TEXT))
    bases = {"InferenceError", "StatusError", "ResponseError"}
    assert set(errors.__all__) - bases - {"RefusedParameter"} <= table
