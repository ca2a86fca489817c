"""Token counts summed over several calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def combined_usage(outputs: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """The ``llm_output`` of several calls: their token counts summed, the model's name."""
    combined: dict[str, Any] = {}
    counts: dict[str, Any] = {}
    for output in outputs:
        if output:
            combined = {**output, **combined}
            _add(counts, output.get("token_usage") or {})
    if counts:
        combined["token_usage"] = counts
    return combined


def _add(total: dict[str, Any], counts: Mapping[str, Any]) -> None:
    for name, value in counts.items():
        held = total.get(name)
        if isinstance(value, Mapping):
            if held is None or isinstance(held, dict):
                _add(total.setdefault(name, {}), value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and not isinstance(held, dict):
            total[name] = (held or 0) + value
