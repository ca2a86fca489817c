"""From a request that fits the schema to the body an engine gets: what a family refuses, takes and rewrites."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from azure_inference_local.dialects import Serverless
from azure_inference_local.families import LOCAL, Family
from azure_inference_local.incoming import entries, value_fault
from azure_inference_local.quirks import CHECKS, REWRITES, guarded, with_documents
from azure_inference_local.wire import ChatRequest, CompletionRequest, Extras

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
_NOT_FOR_ENGINES = frozenset(
    [
        "user",
        "best_of",
        "suffix",
        "min_tokens",
        "stop_token_ids",
        "skip_special_tokens",
        "use_beam_search",
        "max_completion_tokens",
        "stream_options",
        "random_seed",
        "safe_prompt",
        "safe_mode",
        "documents",
        "store",
        "metadata",
        "service_tier",
        "reasoning_effort",
        "repetition_penalty",
        "prompt_cache_key",
        "safety_identifier",
        "messages",
        "prompt",
        "tools",
        "tool_choice",
        "stream",
        "response_format",
        "model",
        "input",
    ]
)
_MANAGED_MAX_TOKENS = 256


def refuse_unsupported(request: BaseModel, family: Family, dialect: Serverless) -> None:
    """Refuse a known parameter that the family does not support."""
    for name in family.unsupported:
        value = getattr(request, name, None)
        if name in request.model_fields_set and value is not None and value != []:
            shown = request.model_dump(include={name}, by_alias=True, exclude_unset=True, mode="json")[name]
            raise dialect.unsupported([name], shown, family)
    wanted = getattr(request, "response_format", None)
    if wanted is not None and wanted.type not in family.response_formats:
        raise dialect.unsupported(["response_format"], wanted.type, family)


def take_extras(
    request: BaseModel, header: str | None, family: Family, dialect: Serverless
) -> dict[str, Any]:
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


def check_quirks(request: ChatRequest, family: Family, dialect: Serverless) -> None:
    """Refuse a conversation that breaks the family's own rules."""
    for name, check in CHECKS.items():
        if name in family.quirks:
            check(request, dialect, family)
    for at, message in enumerate(request.messages):
        if isinstance(message.content, list):
            for position, part in enumerate(message.content):
                if part.type.value != "text":
                    loc = ("messages", at, "content", position, "type")
                    fault = value_fault(loc, f"this model takes text, not {part.type.value}", part.type.value)
                    raise dialect.invalid([fault], family)


def chat_body(request: ChatRequest, extras: dict[str, Any], family: Family) -> dict[str, Any]:
    """Return the OpenAI-shaped body of a chat for the engine."""
    messages = [_plain(message.model_dump(exclude_none=True, mode="json")) for message in request.messages]
    for name, rewrite in REWRITES.items():
        if name in family.quirks:
            messages = rewrite(messages)
    if extras.get("safe_prompt") or extras.get("safe_mode"):
        messages = guarded(messages)
    if extras.get("documents"):
        messages = with_documents(messages, extras["documents"])
    body = _common(request, extras, family)
    body["messages"] = messages
    if request.tools and family.tools:
        body["tools"] = [tool.model_dump(exclude_none=True) for tool in request.tools]
        if request.tool_choice is not None:
            choice = request.tool_choice
            body["tool_choice"] = choice if isinstance(choice, str) else choice.model_dump()
    if request.response_format is not None and request.response_format.type != "text":
        body["response_format"] = request.response_format.model_dump(by_alias=True, exclude_none=True)
    return body


def completion_body(request: CompletionRequest, extras: dict[str, Any], family: Family) -> dict[str, Any]:
    """Return the OpenAI-shaped body of a text completion for the engine."""
    return {**_common(request, extras, family), "prompt": request.prompt}


def _common(
    request: ChatRequest | CompletionRequest, extras: dict[str, Any], family: Family
) -> dict[str, Any]:
    """Return the parameters both routes share: only those that were given."""
    body = {
        name: value for name, value in extras.items() if name not in _NOT_FOR_ENGINES and value is not None
    }
    for name in (
        "temperature",
        "top_p",
        "frequency_penalty",
        "presence_penalty",
        "max_tokens",
        "seed",
        "stop",
    ):
        value = getattr(request, name)
        if name in request.model_fields_set and value is not None:
            body[name] = value
    renamed = {
        "max_completion_tokens": "max_tokens",
        "random_seed": "seed",
        "repetition_penalty": "repeat_penalty",
    }
    for theirs, ours in renamed.items():
        if extras.get(theirs) is not None:
            body.setdefault(ours, extras[theirs])
    if family.dialect == "managed" and "max_tokens" not in request.model_fields_set:
        body.setdefault("max_tokens", _MANAGED_MAX_TOKENS)
    return body


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as every engine takes it: text content, `system` for `developer`, the known members."""
    content = message.get("content")
    if isinstance(content, list):
        content = "\n".join(part["text"] for part in content)
    plain = {"role": message["role"], "content": content or ""}
    if plain["role"] == "developer":
        plain["role"] = "system"
    for key in ("name", "tool_calls", "tool_call_id"):
        if message.get(key):
            plain[key] = message[key]
    return plain


def prompt_texts(request: ChatRequest | CompletionRequest) -> list[str]:
    """Return the texts of a request that content safety looks at."""
    if isinstance(request, CompletionRequest):
        return [request.prompt] if isinstance(request.prompt, str) else list(request.prompt)
    texts = []
    for message in request.messages:
        content = message.content
        if isinstance(content, str):
            texts.append(content)
        elif content is not None:
            texts.extend(part.text or "" for part in content)
    return texts
