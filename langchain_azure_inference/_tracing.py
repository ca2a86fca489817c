"""What tracers are told of a call, and token counts summed over several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from langchain_core.language_models import LangSmithParams

from langchain_azure_inference._translator import PROVIDER

__all__ = ["combined_usage", "tracing_params"]


def tracing_params(
    kind: Literal["chat", "llm"], fields: Mapping[str, Any], stop: list[str] | None, call: Mapping[str, Any]
) -> LangSmithParams:
    """LangSmith's standard parameters: the call's values, else the model's."""
    params = LangSmithParams(ls_provider=PROVIDER, ls_model_type=kind)
    if model := call.get("model") or fields["model"]:
        params["ls_model_name"] = model
    if (temperature := call.get("temperature", fields["temperature"])) is not None:
        params["ls_temperature"] = temperature
    if (limit := call.get("max_tokens", fields["max_tokens"])) is not None:
        params["ls_max_tokens"] = limit
    if stops := stop or fields["stop"]:
        params["ls_stop"] = [stops] if isinstance(stops, str) else stops
    return params


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
        if isinstance(value, Mapping):
            _add(total.setdefault(name, {}), value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            total[name] = total.get(name, 0) + value
