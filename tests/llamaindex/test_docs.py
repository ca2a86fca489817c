"""The user's guide has its sections and every error; ``tests/test_readme.py`` runs its blocks."""

from __future__ import annotations

import re
from pathlib import Path

from llamaindex_azure_inference import errors

GUIDE = Path(__file__).parents[2] / "docs" / "llamaindex.md"
TEXT = GUIDE.read_text(encoding="utf-8")
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


def test_sections_are_in_order() -> None:
    """The guide has its sections, in the order of the other framework's."""
    assert re.findall(r"^## (.*)$", TEXT, re.MULTILINE) == HEADINGS


def test_every_error_is_in_the_table() -> None:
    """Each class that a user can meet has its row."""
    table = set(re.findall(r"\| `(\w+(?:Error))`", TEXT))
    bases = {"InferenceError", "StatusError", "ResponseError"}
    assert set(errors.__all__) - bases - {"ErrorResponse", "RefusedParameter"} <= table
