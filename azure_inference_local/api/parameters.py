"""The parameters of a request: those the family refuses, and the extra ones that are passed through."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from azure_inference_local.api.schemas.extras import Extras
from azure_inference_local.api.validation import entries
from azure_inference_local.dialects.base import Dialect
from azure_inference_local.dialects.families import LOCAL, Family

_EVERYWHERE = frozenset(
    [
        "user",
        "store",
        "metadata",
        "service_tier",
        "stream_options",
        "max_completion_tokens",
        "parallel_tool_calls",
        "prompt_cache_key",
        "safety_identifier",
    ]
)
"""Keys of OpenAI's own API that its routes take whatever the model is."""

_OPENAI = _EVERYWHERE | {"n", "logprobs", "top_logprobs", "logit_bias", "best_of", "echo", "suffix"}


def refuse_unsupported(request: BaseModel, family: Family, dialect: Dialect) -> None:
    """Refuse a known parameter that the family does not support."""
    for name in family.unsupported:
        value = getattr(request, name, None)
        if name in request.model_fields_set and value is not None and value != []:
            shown = request.model_dump(include={name}, by_alias=True, exclude_unset=True, mode="json")[name]
            raise dialect.unsupported([name], shown, family)
    wanted = getattr(request, "response_format", None)
    if wanted is not None and wanted.type not in family.response_formats:
        raise dialect.unsupported(["response_format"], wanted.type, family)


def take_extras(request: BaseModel, header: str | None, family: Family, dialect: Dialect) -> dict[str, Any]:
    """Return the extra parameters the model is to get, by the header `extra-parameters` and the family's rules."""
    given = dict(request.model_extra or {})
    if dialect.extras_header:
        if header not in (None, "error", "drop", "pass-through"):
            raise dialect.extras_option(str(header))
        if given and header in (None, "error"):
            raise dialect.extras(list(given), header)
        if header == "drop":
            return {}
        understood: frozenset[str] = frozenset(family.extras)
    else:
        unknown = [name for name in given if name not in _OPENAI and name not in family.extras]
        if unknown and family.strict:
            raise dialect.extras(unknown, None)
        understood = _EVERYWHERE | set(family.extras)
    refused = [name for name in given if name not in understood]
    if refused and family.strict:
        loc, value = _innermost(refused[0], given[refused[0]])
        raise dialect.unsupported(loc, value, family)
    if family is not LOCAL:
        given = {name: value for name, value in given.items() if name in understood}
    try:
        checked = Extras.model_validate(given)
    except ValidationError as error:
        raise dialect.invalid(entries(error), family) from None
    return {**given, **checked.model_dump(exclude_unset=True)}


def _innermost(name: str, value: Any) -> tuple[list[str], Any]:
    """Return where a refused extra is: Mistral names the first key inside `stream_options`."""
    if name == "stream_options" and isinstance(value, dict) and value:
        inner = next(iter(value))
        return [name, inner], value[inner]
    return [name], value
