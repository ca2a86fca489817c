"""What is known about the model families of this API, for models whose user says nothing.

A guess that a field of the class overrides, never a list of permitted models: an unknown name gets ``UNKNOWN``.
Context windows and output limits are those of the API's documentation of each family, in tokens.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

__all__ = ["UNKNOWN", "Family", "family_of"]


class Family(NamedTuple):
    """Limits of a family, tokens, and whether it calls tools."""

    context_window: int
    num_output: int
    calls_tools: bool


UNKNOWN = Family(8_192, 1_024, calls_tools=True)
"""Small enough for nearly every model in service, large enough that a query engine packs its nodes in one request."""

_FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"command-?r", Family(128_000, 4_096, calls_tools=True)),
    (r"llama-?2", Family(4_096, 2_048, calls_tools=False)),
    (r"llama-?4", Family(128_000, 8_192, calls_tools=True)),
    (r"llama-?3[.-][1-3](?![0-9b])", Family(128_000, 8_192, calls_tools=True)),
    (r"llama-?3", Family(8_192, 2_048, calls_tools=False)),
    (r"mixtral-?8x22b", Family(65_536, 4_096, calls_tools=False)),
    (r"mixtral|mistral-7b", Family(32_768, 4_096, calls_tools=False)),
    (r"mistral-small", Family(32_768, 4_096, calls_tools=True)),
    (r"mistral|ministral|codestral", Family(128_000, 4_096, calls_tools=True)),
    (r"jais", Family(8_192, 4_096, calls_tools=False)),
    (r"jamba", Family(262_144, 4_096, calls_tools=True)),
    (r"phi-?3.*128k|phi-?3[.-]5", Family(131_072, 4_096, calls_tools=False)),
    (r"phi-?3.*8k", Family(8_192, 2_048, calls_tools=False)),
    (r"phi-?3", Family(4_096, 1_024, calls_tools=False)),
    (r"phi-?4-mini", Family(131_072, 4_096, calls_tools=True)),
    (r"phi-?4", Family(16_384, 4_096, calls_tools=False)),
    (r"gpt-?5", Family(272_000, 128_000, calls_tools=True)),
    (r"gpt-?4[.-]1", Family(1_047_576, 32_768, calls_tools=True)),
    (r"gpt-?4o", Family(131_072, 16_384, calls_tools=True)),
    (r"gpt-?35|gpt-?3[.-]5", Family(16_384, 4_096, calls_tools=True)),
    (r"\bo[134](-|$)", Family(200_000, 100_000, calls_tools=True)),
    (r"deepseek-?r1", Family(128_000, 4_096, calls_tools=False)),
    (r"deepseek", Family(128_000, 4_096, calls_tools=True)),
)


@lru_cache(maxsize=256)
def family_of(model: str | None) -> Family:
    """Find the family by a model's name, e.g. ``Meta-Llama-3.1-405B-Instruct``; ``UNKNOWN`` if there is none."""
    name = (model or "").lower().replace("_", "-").replace(" ", "-")
    return next((family for pattern, family in _FAMILIES if re.search(pattern, name)), UNKNOWN)
