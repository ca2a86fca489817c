"""From a checked request to the OpenAI-shaped body that an engine gets."""

from __future__ import annotations

from typing import Any

from azure_inference_local.api.quirks import REWRITES, with_documents, with_safe_prompt
from azure_inference_local.api.schemas.requests import ChatRequest, CompletionRequest
from azure_inference_local.dialects.families import Family

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


def chat_body(request: ChatRequest, extras: dict[str, Any], family: Family) -> dict[str, Any]:
    """Return the OpenAI-shaped body of a chat for the engine."""
    messages = [_plain(message.model_dump(exclude_none=True, mode="json")) for message in request.messages]
    for name, rewrite in REWRITES.items():
        if name in family.quirks:
            messages = rewrite(messages)
    if extras.get("safe_prompt") or extras.get("safe_mode"):
        messages = with_safe_prompt(messages)
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
