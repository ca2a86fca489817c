"""What Azure's services really answered, re-expressed: own texts and values, their shapes and headers kept.

One ``Case`` an answer. ``source`` says where the real one is public, ``date`` when it was recorded. Sentences are our own
wherever nothing but a person reads them; the fragments by which a client must recognise something (codes, header
names, parameter paths, "Extra inputs are not permitted") are kept, since they are the fact.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

UUID = "0b6f2c1e-5d0a-4a52-9a39-77c0f0a9e{:03d}"
T0 = 1_790_000_000


@dataclass
class Want:
    """What a user must see. `None` = not looked at."""

    text: str | None = None
    calls: list[tuple[str, dict[str, Any]]] | None = None
    call_ids: list[str] | None = None
    finish: str | None = None
    model: str | None = None
    usage: tuple[int, int, int] | None = None
    no_usage: bool = False
    cached: int | None = None
    reasoning_tokens: int | None = None
    reasoning: str | None = None
    request_id: str | None = None
    filtered: list[str] | None = None  # categories of the answer's own annotations that blocked
    vectors: list[list[float]] | None = None
    error: str | None = None
    status: int | None = None
    code: str | None = None
    parameters: list[str] | None = None
    categories: list[str] | None = None
    source: str | None = None
    retry_after: float | tuple[float, ...] | None = None
    no_retry_after: bool = False
    retryable: bool | None = None
    partial: str | None = None
    says: tuple[str, ...] = ()
    says_not: tuple[str, ...] = ()
    info: tuple[str, str, str] | None = None


@dataclass
class Case:
    id: str
    source: str
    date: str
    want: Want
    base: str = ""  # path of the endpoint: decides the dialect
    route: str = "chat"  # chat, embed, image, completion, info
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None  # dict, list, str or bytes: an answer at once
    events: list[Any] | None = None  # a stream: dicts, or raw text
    done: bool = True
    gives: str = "whole"  # "whole": invoke/ainvoke; "stream": stream/astream; "both" (errors)
    split_think: bool = False
    model: str | None = "deployed"
    asks: dict[str, Any] = field(default_factory=dict)  # keywords of the call
    tools: bool = False
    needs_usage_option: bool = False  # the server sends usage only if asked to, as the real one does
    refuses_schema_before: str = ""  # api-versions before this one refuse json_schema with ``body``
    then: Any = None  # what later ones answer
    inputs: list[str] = field(default_factory=lambda: ["one text"])
    note: str = ""


SAFE = ("hate", "self_harm", "sexual", "violence")


def safe(*more: str, order: str = "filtered") -> dict[str, Any]:
    """Annotations where nothing was found; newer services add the detect-only ones."""
    out: dict[str, Any] = {name: {"filtered": False, "severity": "safe"} for name in SAFE}
    for name in more:
        out[name] = (
            {"filtered": False, "detected": False}
            if order == "filtered"
            else {"detected": False, "filtered": False}
        )
    return dict(sorted(out.items()))


PROTECTED = ("protected_material_code", "protected_material_text")


def prompt_filters(**extra: Any) -> list[Any]:
    return [{"prompt_index": 0, "content_filter_results": {**safe("jailbreak"), **extra}}]


def usage(
    prompt: int, completion: int, *, cached: int = 0, reasoning: int = 0, detailed: bool = True, **more: Any
) -> dict[str, Any]:
    out: dict[str, Any] = {"completion_tokens": completion}
    if detailed:
        out["completion_tokens_details"] = {
            "accepted_prediction_tokens": 0,
            "audio_tokens": 0,
            "reasoning_tokens": reasoning,
            "rejected_prediction_tokens": 0,
        }
    out["prompt_tokens"] = prompt
    if detailed:
        out["prompt_tokens_details"] = {"audio_tokens": 0, "cached_tokens": cached}
    return {**out, "total_tokens": prompt + completion, **more}


def aoai(
    message: Any,
    *,
    finish: str = "stop",
    model: str = "gpt-4o-2024-11-20",
    used: Any = None,
    filters: Any = None,
    **top: Any,
) -> dict[str, Any]:
    """Azure OpenAI's answer, keys in its alphabetical order. `message=...` (Ellipsis) leaves the key out."""
    choice: dict[str, Any] = {
        "content_filter_results": safe(*PROTECTED) if filters is None else filters,
        "finish_reason": finish,
        "index": 0,
        "logprobs": None,
    }
    if message is not ...:
        choice["message"] = message
    return {
        "choices": [choice],
        "created": T0,
        "id": "chatcmpl-Zz0aaaaBBBBccccDDDDeeee",
        "model": model,
        "object": "chat.completion",
        "prompt_filter_results": prompt_filters(),
        "system_fingerprint": "fp_0a1b2c3d4e",
        "usage": used or usage(21, 9),
        **top,
    }


def maas(
    message: Any, *, finish: str = "stop", model: str = "mistral-large-2411", used: Any = None, **top: Any
) -> dict[str, Any]:
    """A serverless deployment's answer."""
    return {
        "choices": [{"finish_reason": finish, "index": 0, "message": message}],
        "created": T0,
        "id": "3f0c54be11d24f0aa2a4b8d1c55e7701",
        "model": model,
        "object": "chat.completion",
        "usage": used or usage(14, 6, detailed=False),
        **top,
    }


def grok(message: Any, *, finish: str = "stop", used: Any = None) -> dict[str, Any]:
    """Foundry's /models in front of Grok."""
    return {
        "id": UUID.format(100),
        "model": "grok-4-1-fast-non-reasoning",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": used
        or {
            "prompt_tokens": 7,
            "completion_tokens": 3,
            "total_tokens": 10,
            "audio_prompt_tokens": 0,
            "prompt_tokens_details": {
                "cached_tokens": 161,
                "audio_tokens": 0,
                "text_tokens": 7,
                "image_tokens": 0,
            },
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
            "num_sources_used": 0,
        },
        "created": T0,
        "object": "chat.completion",
        "prompt_filter_results": None,
    }


def chunk(
    delta: Any,
    *,
    finish: str | None = None,
    model: str = "gpt-4o-mini-2024-07-18",
    filters: Any = None,
    index: int = 0,
    **top: Any,
) -> dict[str, Any]:
    """A chunk of an Azure OpenAI stream. `delta=...` leaves the key out."""
    choice: dict[str, Any] = {"content_filter_results": filters if filters is not None else {}}
    if delta is not ...:
        choice["delta"] = delta
    choice.update({"finish_reason": finish, "index": index, "logprobs": None})
    return {
        "choices": [choice],
        "created": T0,
        "id": "chatcmpl-Zz1aaaaBBBBccccDDDDeeee",
        "model": model,
        "object": "chat.completion.chunk",
        "system_fingerprint": "fp_0a1b2c3d4e",
        **top,
    }


def usage_chunk(used: Any, model: str = "gpt-4o-mini-2024-07-18", **top: Any) -> dict[str, Any]:
    return {
        "choices": [],
        "created": T0,
        "id": "chatcmpl-Zz1aaaaBBBBccccDDDDeeee",
        "model": model,
        "object": "chat.completion.chunk",
        "system_fingerprint": "fp_0a1b2c3d4e",
        "usage": used,
        **top,
    }


def first_chunk(key: str = "prompt_filter_results", **more: Any) -> dict[str, Any]:
    """Azure OpenAI's first chunk: no choice, no id, no model, only what the filter says of the prompt."""
    return {"choices": [], "created": 0, "id": "", "model": "", "object": "", key: prompt_filters(), **more}


def maas_chunk(delta: Any, finish: str | None = None, **top: Any) -> dict[str, Any]:
    return {
        "choices": [{"delta": delta, "finish_reason": finish, "index": 0, "logprobs": None}],
        "created": T0,
        "id": "5b8c0d8e8d9a4b0f9f5a2c7a9e0d1f23",
        "model": "mistral-large-2411",
        "object": "chat.completion.chunk",
        **top,
    }


def grok_chunk(delta: Any, finish: str | None = None) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "delta": delta}
    if finish:
        choice["finish_reason"] = finish
    return {
        "id": UUID.format(101),
        "object": "chat.completion.chunk",
        "created": T0,
        "model": "grok-4-1-fast-non-reasoning",
        "choices": [choice],
        "system_fingerprint": "fp_77a0b1c2d3",
        "service_tier": "default",
    }


GROK_LAST = {
    "id": UUID.format(101),
    "object": "chat.completion.chunk",
    "created": T0,
    "model": "grok-4-1-fast-non-reasoning",
    "choices": [],
    "usage": {
        "prompt_tokens": 7,
        "completion_tokens": 8,
        "total_tokens": 15,
        "prompt_tokens_details": {
            "text_tokens": 7,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": 161,
        },
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        "num_sources_used": 0,
        "cost_in_usd_ticks": 0,
    },
    "system_fingerprint": "fp_77a0b1c2d3",
    "service_tier": "default",
}

MAAS_HEADERS = {
    "azureml-model-group": "some-model-scaleset",
    "azureml-model-session": "dep-xyz-0001",
    "prompt_token_len": "14",
    "sampling_token_len": "6",
    "Request-Context": "appId=cid-v1:00000000-0000-0000-0000-000000000000",
    "x-ms-rai-invoked": "true",
    "X-Request-ID": UUID.format(1),
}
AOAI_HEADERS = {
    "apim-request-id": UUID.format(2),
    "azureml-model-session": "d20260101000000-abcdef012345",
    "skip-error-remapping": "true",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
    "x-ms-deployment-name": "deployed",
    "x-ms-is-spilled-over": "false",
    "x-ms-rai-invoked": "true",
    "x-ms-region": "East US 2",
    "x-ratelimit-abusepenalty-active": "False",
    "x-ratelimit-limit-requests": "120",
    "x-ratelimit-limit-tokens": "120000",
    "x-ratelimit-remaining-requests": "119",
    "x-ratelimit-remaining-tokens": "119986",
    "x-ratelimit-renewalperiod-requests": "60",
    "x-ratelimit-reset-requests": "500",
    "x-ratelimit-reset-tokens": "7",
    "x-request-id": UUID.format(3),
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
}
FOUNDRY_HEADERS = {
    "Access-Control-Expose-Headers": "*",
    "Vary": "access-control-request-headers",
    "Apim-Request-Id": UUID.format(4),
    "Traceparent": "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00",
    "X-Ms-Region": "West Europe",
    "Azureai-Requested-Tier": "default",
    "Azureai-Processed-Tier": "default",
    "Azureai-Fe-Is-Streaming": "False",
    "Azureai-Fe-Offer-Type": "paygo",
}
APIM_HEADERS = {
    "apim-request-id": UUID.format(5),
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
    "X-Content-Type-Options": "nosniff",
}

AOAI = "/openai/deployments/deployed"
V1 = "/openai/v1"
MODELS = "/models"
ASSETS = "Azure/azure-sdk-assets "
PY = ASSETS + "python/sdk/ai/azure-ai-inference/tests/recordings/"
NET = ASSETS + "net/sdk/ai/Azure.AI.Inference/tests/SessionRecords/InferenceClientTest/"
JS = ASSETS + "js/sdk/ai/ai-inference-rest/recordings/node/"
RUBY = "crmne/ruby_llm spec/fixtures/vcr_cassettes/"
OLL = "traceloop/openllmetry packages/opentelemetry-instrumentation-openai/tests/traces/cassettes/"
CREW = "crewAIInc/crewAI lib/crewai/tests/cassettes/"
DD = "DataDog/dd-trace-py tests/"
ISSUE = "https://github.com/"

CASES: list[Case] = []


def add(*args: Any, **kwargs: Any) -> None:
    CASES.append(Case(*args, **kwargs))


def error(code: Any, message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


# --------------------------------------------------------------------------- Azure SDK's test proxy: serverless
add(
    "sdk-mistral-chat",
    PY + "test_chat_completions_client...model_extras.json",
    "2025-01-09",
    Want(
        text="A mile has 5,280 feet.",
        finish="stop",
        model="mistral-large-2411",
        usage=(14, 6, 20),
        calls=[],
        request_id=UUID.format(1),
    ),
    headers={**MAAS_HEADERS, "Content-Type": "application/json"},
    model=None,
    body=maas({"content": "A mile has 5,280 feet.", "role": "assistant", "tool_calls": None}),
)
add(
    "sdk-mistral-tool",
    PY + "test_chat_completions_client...with_tool.json",
    "2025-01-09",
    Want(
        text="",
        calls=[("forecast", {"city": "Lund", "days": "2"})],
        call_ids=["Zt9Qm3kLp"],
        finish="tool_calls",
        usage=(175, 31, 206),
    ),
    headers={**MAAS_HEADERS, "Content-Type": "application/json"},
    model=None,
    tools=True,
    body=maas(
        {
            "content": "",
            "role": "assistant",
            "tool_calls": [
                {
                    "function": {
                        "arguments": '{"city": "Lund", "days": "2"}',
                        "call_id": None,
                        "name": "forecast",
                    },
                    "id": "Zt9Qm3kLp",
                    "type": "function",
                }
            ],
        },
        finish="tool_calls",
        used=usage(175, 31, detailed=False),
    ),
)
add(
    "sdk-mistral-tool-stream",
    PY + "test_client_tracing...function_call_streaming...enabled.json",
    "2025-01-09",
    Want(
        text="",
        calls=[("forecast", {"city": "Lund"})],
        call_ids=["Zt9Qm3kLp"],
        finish="tool_calls",
        usage=(100, 23, 123),
    ),
    headers={**MAAS_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"},
    model=None,
    gives="stream",
    tools=True,
    events=[
        maas_chunk({"content": "", "role": "assistant"}),
        maas_chunk(
            {
                "tool_calls": [
                    {"function": {"arguments": '{"city": "Lund"}', "name": "forecast"}, "id": "Zt9Qm3kLp"}
                ]
            },
            "tool_calls",
            usage=usage(100, 23, detailed=False),
        ),
    ],
    note="the call has neither index nor type, and comes with the finish reason and the usage in one chunk",
)
add(
    "sdk-mistral-filters",
    PY + "test_client_tracing...content_unicode.json",
    "2025-03-17",
    Want(
        text="“Hej” heter „你好“ (Nǐ hǎo), Привіт.", calls=[], finish="stop", usage=(38, 69, 107), filtered=[]
    ),
    headers={
        **MAAS_HEADERS,
        "azureml-destination-region": "eastus2",
        "azureml-destination-endpoint": "some-ep",
        "Content-Type": "application/json",
    },
    model=None,
    body={
        **maas(
            {"content": "“Hej” heter „你好“ (Nǐ hǎo), Привіт.", "role": "assistant", "tool_calls": []},
            used=usage(38, 69, detailed=False),
        ),
        "choices": [
            {
                "content_filter_results": safe(),
                "finish_reason": "stop",
                "index": 0,
                "message": {
                    "content": "“Hej” heter „你好“ (Nǐ hǎo), Привіт.",
                    "role": "assistant",
                    "tool_calls": [],
                },
            }
        ],
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": safe()}],
    },
)
add(
    "sdk-llama2-chat",
    PY + "test_model_inference_async_client...error_free.json",
    "2024-04-16",
    Want(text="  Gladly! It is 1,760 yards.", finish="stop", model="Llama-2-13b-chat", usage=(40, 18, 58)),
    base="/v1",
    headers={**MAAS_HEADERS, "cmp-upstream-response-duration": "873", "Content-Type": "application/json"},
    body=maas(
        {"content": "  Gladly! It is 1,760 yards.", "role": "assistant", "tool_calls": None},
        model="Llama-2-13b-chat",
        used=usage(40, 18, detailed=False),
        created=1074462,
        id=UUID.format(6),
    ),
    note="created is not an epoch; the text begins with spaces",
)
add(
    "sdk-404-plain-text",
    PY + "test_chat_completions_client...embeddings_on_chat_completion_endpoint.json",
    "2025-01-09",
    Want(error="NotFoundError", status=404, request_id=UUID.format(7), retryable=False),
    route="embed",
    status=404,
    model=None,
    headers={
        "azureml-model-group": "some-model-scaleset",
        "Content-Type": "text/plain; charset=utf-8",
        "ms-azureml-model-error-reason": "model_error",
        "ms-azureml-model-error-statuscode": "404",
        "X-Request-ID": UUID.format(7),
    },
    body="NOT FOUND",
)
add(
    "sdk-401-serverless",
    PY + "test_chat_completions_client...auth_failure.json",
    "2025-01-09",
    Want(error="AuthenticationError", status=401, retryable=False),
    status=401,
    gives="both",
    model=None,
    headers={
        "Content-Type": "application/json",
        "Request-Context": "appId=cid-v1:0",
        "x-ms-error-reason": "Invalid JWT.",
    },
    body={"statusCode": 401, "message": "The token was not valid. Give a key or an AAD token that is"},
)
add(
    "sdk-401-audience",
    JS + "chat_test_suite/recording_chat_auth_error_test.json",
    "2024-09-14",
    Want(
        error="AuthenticationError",
        status=401,
        request_id=UUID.format(5),
        says=("credential_scopes", "cognitiveservices.azure.com"),
    ),
    base=AOAI,
    status=401,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body={
        "statusCode": 401,
        "message": "Unauthorized. The token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), or it expired.",
    },
)
add(
    "sdk-info-mistral",
    PY + "test_chat_completions_client...load_chat_completions_client.json",
    "2025-01-09",
    Want(info=("mistral-large-2411", "chat-completion", "Mistral")),
    route="info",
    model=None,
    headers={**MAAS_HEADERS, "Content-Type": "application/json"},
    body={
        "model_name": "mistral-large-2411",
        "model_type": "chat-completion",
        "model_provider_name": "Mistral",
        "served_model_name": "mistral-large-2411",
        "served_model_type": "chat-completion",
    },
)
# --------------------------------------------------------------------------- Azure SDK's test proxy: Azure OpenAI
add(
    "sdk-aoai-json-schema",
    PY + "test_chat_completions_client...aoai...structured_output.json",
    "2025-01-09",
    Want(
        text='{"legs":[{"from":"Lund","to":"Oslo","km":420}]}',
        finish="stop",
        model="gpt-4o-2024-11-20",
        usage=(136, 21, 157),
        cached=0,
        reasoning_tokens=0,
        filtered=[],
    ),
    base=AOAI,
    headers={
        **AOAI_HEADERS,
        "Content-Type": "application/json",
        "cmp-upstream-response-duration": "2865",
        "ms-azureml-model-time": "2908",
    },
    body=aoai(
        {"content": '{"legs":[{"from":"Lund","to":"Oslo","km":420}]}', "refusal": None, "role": "assistant"},
        used=usage(136, 21),
        filters=safe(),
    ),
)
add(
    "sdk-aoai-vision",
    PY
    + "test_chat_completions_client...input_image_url.json; "
    + NET
    + "TestChatCompletionsWithImages(UsingInternetLocation).json",
    "2025-01-09",
    Want(text="Three balls on a table.\n", finish="stop", usage=(237, 106, 343)),
    base=AOAI,
    headers={
        "api-supported-versions": "1",
        "request-id": UUID.format(9),
        **AOAI_HEADERS,
        "Content-Type": "application/json; charset=utf-8",
    },
    body=aoai(
        {"content": "Three balls on a table.\n", "refusal": None, "role": "assistant"},
        used=usage(237, 106),
        prompt_filter_results=[
            {
                "prompt_index": 0,
                "content_filter_result": {
                    "jailbreak": {"filtered": False, "detected": False},
                    "custom_blocklists": {"filtered": False, "details": []},
                },
            },
            {
                "prompt_index": 1,
                "content_filter_result": {**safe(), "custom_blocklists": {"filtered": False, "details": []}},
            },
        ],
    ),
    note="content_filter_result in the singular, one entry a part of the prompt",
)
add(
    "sdk-aoai-tool",
    JS + "chat_test_suite/recording_function_calling_test.json",
    "2024-06-29",
    Want(text="", calls=[("forecast", {"location": "Boston, MA"})], finish="tool_calls", usage=(79, 17, 96)),
    base=AOAI,
    headers={**AOAI_HEADERS, "Content-Type": "application/json"},
    tools=True,
    body=aoai(
        {
            "content": None,
            "role": "assistant",
            "tool_calls": [
                {
                    "function": {"arguments": '{"location":"Boston, MA"}', "name": "forecast"},
                    "id": "call_xyz",
                    "type": "function",
                }
            ],
        },
        finish="tool_calls",
        filters={},
        used=usage(79, 17, detailed=False),
    ),
)
# --------------------------------------------------------------------------- Foundry /models, August 2026
add(
    "foundry-grok-chat",
    RUBY + "chat_basic_chat_functionality_azure_grok-4-1-fast...basic_conversation.yml",
    "2026-08-19",
    Want(
        text="4",
        finish="stop",
        model="grok-4-1-fast-non-reasoning",
        usage=(7, 3, 10),
        cached=161,
        calls=[],
        request_id=UUID.format(4),
    ),
    base=MODELS,
    headers={**FOUNDRY_HEADERS, "Content-Type": "application/json"},
    body=grok({"role": "assistant", "content": "4"}),
    note="more cached tokens than prompt tokens",
)
add(
    "foundry-grok-stream",
    RUBY + "chat_streaming_responses_azure_grok-4-1-fast...yml",
    "2026-08-19",
    Want(text="1, 2.", finish="stop", model="grok-4-1-fast-non-reasoning", usage=(7, 8, 15), cached=161),
    base=MODELS,
    headers={**FOUNDRY_HEADERS, "Content-Type": "text/event-stream"},
    gives="stream",
    asks={"stream_usage": True},
    needs_usage_option=True,
    events=[
        grok_chunk({"content": "1", "role": "assistant"}),
        *[grok_chunk({"content": t}) for t in (",", " ", "2", ".")],
        grok_chunk({}, "stop"),
        GROK_LAST,
    ],
    note="no finish_reason key until the end; the usage chunk is spaced otherwise than the rest",
)
add(
    "foundry-grok-tool-stream",
    RUBY + "chat_function_calling_azure_grok-4-1-fast...multi-turn_streaming_conversations.yml",
    "2026-08-19",
    Want(text="", calls=[("roll", {})], call_ids=["call_21"], finish="tool_calls", usage=(7, 8, 15)),
    base=MODELS,
    headers={**FOUNDRY_HEADERS, "Content-Type": "text/event-stream"},
    gives="stream",
    tools=True,
    asks={"stream_usage": True},
    needs_usage_option=True,
    events=[
        grok_chunk(
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "call_21",
                        "function": {"name": "roll", "arguments": "{}"},
                        "index": 0,
                        "type": "function",
                    }
                ],
            }
        ),
        grok_chunk({}, "tool_calls"),
        GROK_LAST,
    ],
)
GPT5_STREAM = [
    first_chunk(),
    chunk(
        {"content": "", "refusal": None, "role": "assistant"},
        model="gpt-5-nano-2025-08-07",
        obfuscation="32stz",
        service_tier="default",
        usage=None,
    ),
    chunk(
        {"content": "-"},
        model="gpt-5-nano-2025-08-07",
        obfuscation="G3RD8T",
        service_tier="default",
        usage=None,
    ),
    chunk(
        {"content": " Yes"},
        model="gpt-5-nano-2025-08-07",
        filters=safe(),
        obfuscation="",
        service_tier="default",
        usage=None,
    ),
    chunk(
        {"content": "."},
        model="gpt-5-nano-2025-08-07",
        filters={"protected_material_code": {"detected": False, "filtered": False}},
        obfuscation="1R",
        service_tier="default",
        usage=None,
    ),
    chunk(
        {}, finish="stop", model="gpt-5-nano-2025-08-07", obfuscation="L", service_tier="default", usage=None
    ),
    usage_chunk(
        usage(50, 4350, reasoning=4160),
        model="gpt-5-nano-2025-08-07",
        obfuscation="15WV2gRf",
        service_tier="default",
        latency_checkpoint={
            "engine_tbt_ms": 8,
            "engine_ttft_ms": 27,
            "engine_ttlt_ms": 36959,
            "total_duration_ms": 37262,
        },
    ),
]
add(
    "foundry-gpt5-stream-default-usage",
    RUBY
    + "the same cassette (its request asks with stream_options); GitHub's own sample for the gpt-4o of models.inference.ai.azure.com and crewAI's provider ask too",
    "2026-08-19",
    Want(text="- Yes.", finish="stop", usage=(50, 4350, 4400)),
    base=MODELS,
    headers={**FOUNDRY_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"},
    gives="stream",
    needs_usage_option=True,
    events=GPT5_STREAM,
    note="token counts of a stream, with nothing set by the user: OpenAI's models behind /models send them only when asked",
)
add(
    "foundry-gpt5-chat",
    RUBY + "chat_with_extended_thinking_azure_gpt-5-nano_returns_thinking_when_available.yml",
    "2026-08-19",
    Want(
        text="Ask it: will you say no?",
        finish="stop",
        model="gpt-5-nano-2025-08-07",
        usage=(50, 4600, 4650),
        reasoning_tokens=4416,
        filtered=[],
    ),
    base=MODELS,
    headers={**FOUNDRY_HEADERS, "Skip-Error-Remapping": "true", "Content-Type": "application/json"},
    body=aoai(
        {"annotations": [], "content": "Ask it: will you say no?", "refusal": None, "role": "assistant"},
        model="gpt-5-nano-2025-08-07",
        system_fingerprint=None,
        used=usage(
            50,
            4600,
            reasoning=4416,
            latency_checkpoint={"engine_tbt_ms": 9, "engine_ttft_ms": 31, "total_duration_ms": 41797},
        ),
    ),
    note="usage holds an object that is no count",
)
add(
    "foundry-401-key",
    RUBY + "chat_error_handling_with_azure_grok...raises_appropriate_auth_error.yml",
    "2026-08-19",
    Want(error="AuthenticationError", status=401, code="401", request_id=UUID.format(5), retryable=False),
    base=MODELS,
    status=401,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body=error(
        "401",
        "Denied: wrong subscription key or wrong API endpoint. Give a valid key and the right regional endpoint.",
    ),
)
add(
    "foundry-429-grok",
    RUBY + "chat_real_error_scenarios_azure_grok...context_length_exceeded_errors.yml",
    "2026-08-19",
    Want(
        error="RateLimitedError",
        status=429,
        code="RateLimitReached",
        retry_after=(0.0, 1.0),
        retryable=True,
        request_id=UUID.format(4),
        says_not=("wait 0 s",),
    ),
    base=MODELS,
    status=429,
    gives="both",
    headers={
        **FOUNDRY_HEADERS,
        "Content-Type": "application/json; charset=utf-8",
        "Retry-After": "1",
        "Retry-After-Ms": "0",
    },
    body=error(
        "RateLimitReached",
        "Requests to some-model in westeurope are over the rate limit.",
        details="Requests to some-model in westeurope are over the rate limit.",
    ),
    note="Retry-After: 1 beside Retry-After-Ms: 0; a prompt too long for the quota also comes so",
)
# --------------------------------------------------------------------------- Azure OpenAI, other people's cassettes
add(
    "aoai-gpt35-chat-2024",
    OLL + "test_azure/test_chat.yaml",
    "2024-04-25",
    Want(
        text="Why?\n\nTraces!",
        finish="stop",
        model="gpt-35-turbo",
        usage=(15, 24, 39),
        request_id=UUID.format(3),
    ),
    base=AOAI,
    headers={
        "apim-request-id": UUID.format(2),
        "x-ms-client-request-id": UUID.format(2),
        "x-request-id": UUID.format(3),
        "x-ratelimit-remaining-tokens": "119984",
        "Cache-Control": "no-cache, must-revalidate",
        "Content-Type": "application/json",
    },
    body=aoai(
        {"content": "Why?\n\nTraces!", "role": "assistant"},
        model="gpt-35-turbo",
        used=usage(15, 24, detailed=False),
        filters=safe(),
        system_fingerprint=None,
    ),
)
add(
    "aoai-gpt41-chat-2026",
    OLL
    + "test_azure/test_chat.yaml; pydantic/pydantic-ai tests/providers/cassettes/test_azure/test_azure_provider_call.yaml",
    "2026-03-31",
    Want(
        text="Sure! Here is one 😄",
        finish="stop",
        model="gpt-4.1-mini-2025-04-14",
        usage=(16, 30, 46),
        calls=[],
        filtered=[],
    ),
    base=AOAI,
    headers={**AOAI_HEADERS, "Content-Type": "application/json"},
    body=aoai(
        {"annotations": [], "content": "Sure! Here is one 😄", "refusal": None, "role": "assistant"},
        model="gpt-4.1-mini-2025-04-14",
        used=usage(16, 30),
    ),
)
add(
    "aoai-gpt41-stream-2026",
    OLL
    + "test_azure/test_chat_streaming.yaml; "
    + DD
    + "contrib/litellm/cassettes/completion_azure_stream.yaml",
    "2026-06-03",
    Want(text="Sure! Here's", finish="stop", model="gpt-4.1-mini-2025-04-14", usage=(12, 24, 36)),
    base=AOAI,
    headers={**AOAI_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"},
    gives="stream",
    needs_usage_option=True,
    events=[
        first_chunk(),
        chunk(
            {"content": "", "refusal": None, "role": "assistant"},
            model="gpt-4.1-mini-2025-04-14",
            obfuscation="rQfgHceruk",
            usage=None,
        ),
        *[
            chunk(
                {"content": t},
                model="gpt-4.1-mini-2025-04-14",
                filters=safe(*PROTECTED),
                obfuscation="Ab1",
                usage=None,
            )
            for t in ("Sure", "!", " Here's")
        ],
        chunk({}, finish="stop", model="gpt-4.1-mini-2025-04-14", obfuscation="", usage=None),
        usage_chunk(usage(12, 24), model="gpt-4.1-mini-2025-04-14", obfuscation="x"),
    ],
)
add(
    "aoai-stream-choice-without-delta",
    DD + "contrib/openai/cassettes/v1/azure_chat_completion_streamed.yaml",
    "2025-07-17",
    Want(text="I can't say.", finish="stop", model="gpt-4o-mini-2024-07-18"),
    base=AOAI,
    headers={**AOAI_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"},
    gives="stream",
    events=[
        first_chunk(),
        chunk(...),
        *[chunk({"content": t}, filters=safe()) for t in ("I", " can't", " say", ".")],
        chunk({}, finish="stop"),
    ],
    note="the first choice has no delta",
)
add(
    "aoai-gpt5-parallel-tools",
    CREW
    + "agents/TestAzureNativeToolCalling.test_azure_parallel_native_tool_calling_test_agent_kickoff.yaml",
    "2026-02-19",
    Want(
        text="",
        calls=[("find", {"q": "a b"}), ("find", {"q": "c"})],
        call_ids=["call_em", "call_eN"],
        finish="tool_calls",
        usage=(343, 666, 1009),
        reasoning_tokens=576,
    ),
    base=AOAI,
    headers={**AOAI_HEADERS, "Content-Type": "application/json"},
    tools=True,
    body=aoai(
        {
            "annotations": [],
            "content": None,
            "refusal": None,
            "role": "assistant",
            "tool_calls": [
                {
                    "function": {"arguments": '{"q": "a b"}', "name": "find"},
                    "id": "call_em",
                    "type": "function",
                },
                {
                    "function": {"arguments": '{"q": "c"}', "name": "find"},
                    "id": "call_eN",
                    "type": "function",
                },
            ],
        },
        finish="tool_calls",
        filters={},
        model="gpt-5-nano-2025-08-07",
        system_fingerprint=None,
        used=usage(343, 666, reasoning=576),
    ),
)
add(
    "aoai-gpt52-chat",
    CREW + "llms/azure/TestAzureResponsesCall.test_completions_call_unchanged.yaml",
    "2026-04-29",
    Want(text="Hi! 😊", finish="stop", model="gpt-5.2-chat-latest", usage=(12, 13, 25)),
    base=AOAI,
    headers={**AOAI_HEADERS, "x-ratelimit-key": "gpt-5.2-chat", "Content-Type": "application/json"},
    body=aoai(
        {"annotations": [], "content": "Hi! 😊", "refusal": None, "role": "assistant"},
        model="gpt-5.2-chat-latest",
        service_tier="default",
        system_fingerprint=None,
        used=usage(12, 13),
    ),
)
add(
    "aoai-404-deployment",
    OLL + "test_azure/test_chat_reasoning.yaml, second exchange",
    "2026-03-31",
    Want(
        error="NotFoundError",
        status=404,
        code="DeploymentNotFound",
        request_id=UUID.format(2),
        retryable=False,
        says=("deployment",),
    ),
    base=AOAI,
    status=404,
    gives="both",
    headers={"apim-request-id": UUID.format(2), "x-ms-region": "East US 2"},
    body='{\n  "error": {\n    "type": "invalid_request_error",\n    "code": "DeploymentNotFound",\n    "message": "There is no such deployment of this resource. A new one can take five minutes."\n  }\n}',
    note="no content type, chunked",
)
add(
    "aoai-404-resource",
    CREW
    + "utilities/test_openai_is_default_provider_without_explicit_llm_set_on_agent.yaml; "
    + PY
    + "...get_model_info_on_aoai_endpoint.json",
    "2026-01-23",
    Want(error="NotFoundError", status=404, request_id=UUID.format(5), says=("path",)),
    status=404,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body='{"error":{"code":"404","message": "Resource not found"}}',
)
# --------------------------------------------------------------------------- what the content filter does to answers
add(
    "filter-choice-without-message",
    OLL
    + "test_azure/test_chat_content_filtering.yaml, first exchange (its headers were reused for another file, so perhaps edited by hand); Azure/azure-sdk-for-go/pull/21625 guards against the same",
    "2024-04-25",
    Want(text="", finish="content_filter", usage=(15, 19, 34), calls=[], filtered=["hate"]),
    base=AOAI,
    headers={**AOAI_HEADERS, "Content-Type": "application/json"},
    body=aoai(
        ...,
        finish="content_filter",
        model="gpt-35-turbo",
        filters={**safe(), "hate": {"filtered": True, "severity": "high"}},
        used=usage(15, 19, detailed=False),
        system_fingerprint=None,
    ),
    note="no message at all beside finish_reason content_filter",
)
ASYNC_FILTER = {
    "choices": [
        {
            "content_filter_offsets": {"check_offset": 119, "start_offset": 119, "end_offset": 150},
            "content_filter_results": safe(),
            "finish_reason": None,
            "index": 0,
        }
    ],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
}
add(
    "async-filter-tail",
    ISSUE
    + "langchain-ai/langchain/issues/18977; microsoft/autogen/issues/6465; aallam/openai-kotlin/pull/340; pydantic/pydantic-ai/issues/797",
    "2025-05-07",
    Want(text="This is a test.", finish="stop", model="gpt-4o-2024-11-20", usage=(12, 6, 18)),
    base=AOAI,
    headers={**AOAI_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"},
    gives="stream",
    needs_usage_option=True,
    events=[
        first_chunk(),
        chunk({"content": "", "role": "assistant"}, model="gpt-4o-2024-11-20", usage=None),
        *[
            chunk({"content": t}, model="gpt-4o-2024-11-20", usage=None)
            for t in ("This", " is", " a", " test", ".")
        ],
        chunk({}, finish="stop", model="gpt-4o-2024-11-20", usage=None),
        {**ASYNC_FILTER, "usage": None},
        {
            **ASYNC_FILTER,
            "choices": [
                {
                    **ASYNC_FILTER["choices"][0],
                    "content_filter_raw": [],
                    "content_filter_results": {
                        **safe(),
                        "protected_material_text": {"detected": False, "filtered": False},
                    },
                }
            ],
        },
        usage_chunk(usage(12, 6), model="gpt-4o-2024-11-20"),
    ],
)
add(
    "async-filter-2023",
    ISSUE
    + "openai/openai-python/issues/1677#issuecomment (kristapratico, 2024-08-28, after Microsoft's page)",
    "2023-08-24",
    Want(text="Color is light", finish="stop", model="gpt-35-turbo"),
    base=AOAI,
    headers={**AOAI_HEADERS, "Content-Type": "text/event-stream"},
    gives="stream",
    events=[
        first_chunk("prompt_annotations", usage=None),
        {
            "id": "chatcmpl-7r",
            "object": "chat.completion.chunk",
            "created": T0,
            "model": "gpt-35-turbo",
            "choices": [{"index": 0, "finish_reason": None, "delta": {"role": "assistant"}}],
            "usage": None,
        },
        *[
            {
                "id": "chatcmpl-7r",
                "object": "chat.completion.chunk",
                "created": T0,
                "model": "gpt-35-turbo",
                "choices": [{"index": 0, "finish_reason": None, "delta": {"content": t}}],
                "usage": None,
            }
            for t in ("Color", " is", " light")
        ],
        {
            "id": "",
            "object": "",
            "created": 0,
            "model": "",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": None,
                    "content_filter_results": safe(),
                    "content_filter_offsets": {"check_offset": 44, "start_offset": 44, "end_offset": 198},
                }
            ],
            "usage": None,
        },
        {
            "id": "chatcmpl-7r",
            "object": "chat.completion.chunk",
            "created": T0,
            "model": "gpt-35-turbo",
            "choices": [{"index": 0, "finish_reason": "stop", "delta": {}}],
            "usage": None,
        },
    ],
)
FILTER_WORDS = "Filtered: the prompt triggered Azure OpenAI's content management policy."
add(
    "filter-400-profanity",
    ISSUE + "langchain4j/langchain4j/pull/3286",
    "2025-07-02",
    Want(error="ContentFilteredError", status=400, categories=["hate", "profanity"], source="prompt"),
    base=AOAI,
    status=400,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body=error(
        "content_filter",
        FILTER_WORDS,
        type=None,
        param="prompt",
        status=400,
        innererror={
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                **safe("jailbreak"),
                "hate": {"filtered": True, "severity": "low"},
                "profanity": {"filtered": True, "detected": True},
            },
        },
    ),
)
add(
    "filter-400-inner-error",
    ISSUE + "browser-use/browser-use/issues/262",
    "2025-01-14",
    Want(
        error="ContentFilteredError",
        status=400,
        code="content_filter",
        categories=["jailbreak"],
        source="prompt",
    ),
    base=AOAI,
    status=400,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body={
        "error": {
            "inner_error": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_results": {"jailbreak": {"filtered": True, "detected": True}},
            },
            "code": "content_filter",
            "message": FILTER_WORDS + " \r\nRead on elsewhere.",
            "param": "prompt",
            "type": None,
        }
    },
    note="inner_error and content_filter_results, with an underscore and in the plural",
)
# --------------------------------------------------------------------------- refused parameters
add(
    "param-422-detail-list",
    ISSUE + "BerriAI/litellm/issues/3899 (mistral-large, serverless)",
    "2024-05-29",
    Want(error="UnsupportedParameterError", status=422, parameters=["user"], says=("user",)),
    status=422,
    gives="both",
    headers={**MAAS_HEADERS, "Content-Type": "application/json"},
    model=None,
    body={
        "detail": [
            {
                "type": "extra_forbidden",
                "loc": ["body", "user"],
                "msg": "Extra inputs are not permitted",
                "input": "u-1",
                "url": "https://errors.pydantic.dev/2.6/v/extra_forbidden",
            }
        ]
    },
)
add(
    "param-422-in-message",
    ISSUE + "BerriAI/litellm/issues/11696 (mistral-small-2503, Foundry)",
    "2025-06-13",
    Want(error="UnsupportedParameterError", status=422, parameters=["stream_options.include_usage"]),
    base=MODELS,
    status=422,
    gives="both",
    headers={**FOUNDRY_HEADERS, "Content-Type": "application/json"},
    body=error(
        "Invalid input",
        json.dumps(
            {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "stream_options", "include_usage"],
                        "msg": "Extra inputs are not permitted",
                        "input": True,
                        "url": "https://errors.pydantic.dev/2.10/v/extra_forbidden",
                    }
                ]
            },
            separators=(",", ":"),
        ),
        status=422,
    ),
)
add(
    "param-400-validation-pointer",
    ISSUE + "microsoft/sample-app-aoai-chatGPT/issues/1260",
    "2025-04-04",
    Want(error="UnsupportedParameterError", status=400, parameters=["max_completion_tokens", "store"]),
    base=AOAI,
    status=400,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json; charset=UTF-8"},
    body={
        "error": {
            "requestid": UUID.format(11),
            "code": 400,
            "message": "Validation error at #/max_completion_tokens: Extra inputs are not permitted\nValidation error at #/store: Extra inputs are not permitted",
        }
    },
    note="Azure OpenAI 'on your data' names what it refuses by JSON pointers",
)
add(
    "param-400-max-tokens-callstack",
    ISSUE + "lobehub/lobehub/issues/5909; jekalmin/extended_openai_conversation/issues/298",
    "2025-02-08",
    Want(
        error="UnsupportedParameterError",
        status=400,
        code="unsupported_parameter",
        parameters=["max_tokens"],
        says=("max_completion_tokens",),
        says_not=("gunicorn",),
    ),
    base=AOAI,
    status=400,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body=error(
        "unsupported_parameter",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        type="invalid_request_error",
        param="max_tokens",
        callstack='  File "/usr/local/bin/gunicorn", line 8, in <module>\n    sys.exit(run())\nat   File "/usr/local/lib/python3.11/site-packages/gunicorn/app/wsgiapp.py", line 66, in run\n'
        * 20,
    ),
)
add(
    "param-400-temperature-value",
    ISSUE + "microsoft/vscode/issues/261278, 253673, 252757",
    "2025-08-09",
    Want(error="UnsupportedParameterError", status=400, code="unsupported_value", parameters=["temperature"]),
    base=AOAI,
    status=400,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body='{ "error": { "message": "Unsupported value: \'temperature\' does not support 0.1 with this model. Only the default (1) value is supported.", "type": "invalid_request_error", "param": "temperature", "code": "unsupported_value" } }',
)
# --------------------------------------------------------------------------- other refusals
add(
    "op-400-not-supported",
    ISSUE + "langchain-ai/langchain-azure/issues/228; run-llama/llama_index/issues/16503",
    "2025-12-09",
    Want(
        error="InvalidRequestError",
        status=400,
        code="OperationNotSupported",
        retryable=False,
        says=("OperationNotSupported",),
    ),
    base=MODELS,
    status=400,
    gives="both",
    headers={**APIM_HEADERS, "x-ms-deployment-name": "deployed", "Content-Type": "application/json"},
    body=error(
        "OperationNotSupported", "chatCompletion does not work with the model some-codex; choose another."
    ),
)
add(
    "op-400-embeddings",
    ISSUE + "BerriAI/litellm/issues/8976",
    "2025-03-04",
    Want(error="InvalidRequestError", status=400, code="OperationNotSupported"),
    base=AOAI,
    route="embed",
    status=400,
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body=error(
        "OperationNotSupported", "embeddings does not work with the model Some-embed; choose another."
    ),
)
add(
    "route-404-invalid-url",
    ISSUE + "Azure/azure-sdk-for-python/issues/40757",
    "2025-04-28",
    Want(error="NotFoundError", status=404),
    base=MODELS,
    status=404,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body={
        "error": {
            "message": "Invalid URL (POST /v1/chat/completions)",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    },
)
add(
    "managed-424-score",
    ISSUE
    + "Azure/azure-sdk-for-python/issues/39025 (managed online, the SDK sent to a container without the route)",
    "2025-01-03",
    Want(error="NotFoundError", status=424, retryable=False),
    status=424,
    gives="both",
    model=None,
    headers={
        "Content-Type": "application/json",
        "ms-azureml-model-error-reason": "model_error",
        "ms-azureml-model-error-statuscode": "404",
        "x-request-id": UUID.format(12),
    },
    body='{"detail":"Not Found"}',
)
add(
    "too-large-413-embeddings",
    ISSUE + "nlweb-ai/NLWeb/issues/164",
    "2025-06-03",
    Want(error="ContextLengthError", status=413, code="tokens_limit_reached"),
    base=MODELS,
    route="embed",
    status=413,
    headers={"Content-Type": "application/json"},
    body=error(
        "tokens_limit_reached",
        "The body is too large for some-embedding. Max size: 64000 tokens.",
        details="The body is too large for some-embedding. Max size: 64000 tokens.",
    ),
)
add(
    "limit-429-aoai-day",
    ISSUE + "jasonacox/TinyLLM/issues/17; alex-wolf-ps/dbchatprov2/issues/2",
    "2025-02-02",
    Want(error="RateLimitedError", status=429, code="429", retry_after=86400.0, retryable=True),
    base=AOAI,
    status=429,
    gives="both",
    headers={
        **APIM_HEADERS,
        "retry-after": "86400",
        "policy-id": "DeploymentRatelimit-Token",
        "x-ms-region": "East US",
        "Content-Type": "application/json",
    },
    body=error(
        "429", "This operation is over the token rate limit of its tier. Please retry after 86400 seconds."
    ),
)
add(
    "limit-429-minus-one",
    ISSUE + "openai/openai-dotnet/issues/838 (x-ratelimit-* of -1 and 0, no retry-after)",
    "2025-11-17",
    Want(error="RateLimitedError", status=429, no_retry_after=True, retryable=True),
    base=AOAI,
    status=429,
    gives="both",
    headers={
        **APIM_HEADERS,
        "x-ratelimit-limit-tokens": "-1",
        "x-ratelimit-remaining-tokens": "-1",
        "x-ratelimit-reset-tokens": "0",
        "Content-Type": "application/json",
    },
    body=error("too_many_requests", "Too Many Requests"),
)
add(
    "limit-429-github-day",
    "https://devactivity.com/insights/navigating-github-models-api-rate-limits... (quotes a GitHub community thread's headers)",
    "2025-09",
    Want(error="RateLimitedError", status=429, code="RateLimitReached", retry_after=24367.0),
    status=429,
    gives="both",
    headers={
        "x-ratelimit-type": "UserByModelByDay",
        "retry-after": "24367",
        "x-ratelimit-timeremaining": "24367",
        "x-ms-error-code": "RateLimitReached",
        "Content-Type": "application/json",
    },
    body=error(
        "RateLimitReached",
        "Rate limit of 8 per 86400s exceeded for UserByModelByDay. Please wait 24367 seconds before retrying.",
        details="Rate limit of 8 per 86400s exceeded for UserByModelByDay. Please wait 24367 seconds before retrying.",
    ),
)
add(
    "limit-400-wrapping-429",
    ISSUE + "microsoft/copilot-camp/issues/551 ('on your data': its own model was over quota)",
    "2025-04-03",
    Want(error="InvalidRequestError", status=400),
    base=AOAI,
    status=400,
    gives="both",
    headers={
        **APIM_HEADERS,
        "x-ratelimit-limit-tokens": "8000",
        "x-ratelimit-remaining-tokens": "1014",
        "Content-Type": "application/json; charset=UTF-8",
    },
    body={
        "error": {
            "requestid": UUID.format(14),
            "code": 400,
            "message": 'An error occurred when calling Azure OpenAI: Server responded with status 429. Error message: {"error":{"code":"429","message": "Rate limit is exceeded. Try again in 2 seconds."}}',
        }
    },
)
add(
    "deny-403-network",
    ISSUE + "Azure-Samples/azure-sql-db-chatbot/issues/3",
    "2025-04-23",
    Want(error="PermissionDeniedError", status=403, code="403", request_id=UUID.format(5), retryable=False),
    base=AOAI,
    status=403,
    gives="both",
    headers={
        **APIM_HEADERS,
        "policy-id": "ThrowExceptionDueToTrafficDenied",
        "Content-Type": "application/json",
    },
    body='{"error":{"code":"403","message": "Denied by Virtual Network/Firewall rules."}}',
)
add(
    "deny-403-flat",
    ISSUE + "continuedev/continue/issues/12547 (quoted without its wrapper)",
    "2026-06-04",
    Want(error="PermissionDeniedError", status=403, code="403", says=("Virtual Network",)),
    base=AOAI,
    status=403,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body={"code": "403", "message": "This resource has a Virtual Network; use its own endpoint."},
)
add(
    "no-model-400",
    ISSUE + "microsoft/semantic-kernel/issues/10339",
    "2025-01-29",
    Want(error="InvalidRequestError", status=400, code="no_model_name", says=("model",)),
    base=MODELS,
    status=400,
    gives="both",
    headers={**FOUNDRY_HEADERS, "Content-Type": "application/json"},
    model=None,
    body=error(
        "no_model_name",
        "The request names no model: put one into the body or the x-ms-model-mesh-model-name header.",
        details="The request names no model.",
    ),
)
# --------------------------------------------------------------------------- odd answers
add(
    "mistral-reference-whole",
    ISSUE + "run-llama/llama_index/issues/20667; spring-projects/spring-ai/pull/5585",
    "2026-02-10",
    Want(text="He is retired.", finish="stop", usage=(40, 9, 49)),
    base=V1,
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body=maas(
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "He is retired"},
                {"type": "reference", "reference_ids": [1]},
                {"type": "text", "text": "."},
            ],
            "tool_calls": None,
        },
        used=usage(40, 9, detailed=False),
    ),
)
add(
    "mistral-thinking-stream",
    ISSUE + "agentjido/req_llm/issues/742 (mistral-medium-2604; the same models are on Foundry)",
    "2026-06-02",
    Want(text="Four.", reasoning="Okay, two and two", finish="stop"),
    base=V1,
    headers={**APIM_HEADERS, "Content-Type": "text/event-stream"},
    gives="stream",
    events=[
        maas_chunk({"content": "", "role": "assistant"}),
        maas_chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Okay"}]}]}),
        maas_chunk(
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": ", two and two"}]}]}
        ),
        maas_chunk({"content": [{"type": "text", "text": "Four"}]}),
        maas_chunk({"content": "."}),
        maas_chunk({"content": ""}, "stop", usage=usage(40, 9, detailed=False)),
    ],
)
add(
    "deepseek-think-tags",
    "MicrosoftDocs/azure-ai-docs articles/ai-foundry/model-inference/includes/use-chat-reasoning (API 2024-05-01-preview)",
    "2025-02",
    Want(text="About 7,000.", reasoning="Okay, count them.", finish="stop", usage=(11, 886, 897)),
    base=MODELS,
    headers={**FOUNDRY_HEADERS, "Content-Type": "application/json"},
    split_think=True,
    body=maas(
        {
            "content": "<think>\nOkay, count them.\n</think>\n\nAbout 7,000.",
            "reasoning_content": None,
            "role": "assistant",
            "tool_calls": None,
        },
        model="deepseek-r1",
        used=usage(11, 886, detailed=False),
    ),
)
add(
    "completion-finish-null",
    ISSUE + "MicrosoftDocs/azure-docs/issues/109589",
    "2023-05-13",
    Want(text=" account?\n\nAsk them.", usage=(9, 12, 21), model="text-davinci-003"),
    base=AOAI,
    route="completion",
    headers={**AOAI_HEADERS, "Content-Type": "application/json"},
    body={
        "id": "cmpl-7F",
        "object": "text_completion",
        "created": T0,
        "model": "text-davinci-003",
        "choices": [{"text": " account?\n\nAsk them.", "index": 0, "finish_reason": None, "logprobs": None}],
        "usage": {"completion_tokens": 12, "prompt_tokens": 9, "total_tokens": 21},
    },
)
# --------------------------------------------------------------------------- further models and refusals
VERCEL = "vercel/ai packages/"


def deepseek_chunk(
    content: str | None, thought: str | None, *, role: str | None = None, finish: str | None = None
) -> dict[str, Any]:
    return {
        "id": "7a0c11d2e3f4a5b6c7d8e9f0a1b2c3d4",
        "object": "chat.completion.chunk",
        "created": T0,
        "model": "deepseek-v4-pro",
        "choices": [
            {
                "index": 0,
                "delta": {"role": role, "content": content, "reasoning_content": thought, "tool_calls": None},
                "logprobs": None,
                "finish_reason": finish,
                "matched_stop": 1 if finish else None,
            }
        ],
        "usage": None,
    }


add(
    "deepseek-v4-chat",
    VERCEL + "azure/src/__fixtures__/azure-deepseek-reasoning.1.json",
    "2026-06-10",
    Want(
        text="A day for it! 🏀",
        reasoning="We need a day. Fine.",
        finish="stop",
        model="deepseek-v4-pro",
        usage=(19, 1969, 1988),
        filtered=[],
    ),
    base=AOAI,
    headers={**FOUNDRY_HEADERS, "Content-Type": "application/json"},
    body={
        "id": "d1d4",
        "model": "deepseek-v4-pro",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "A day for it! 🏀",
                    "reasoning_content": "We need a day. Fine.",
                },
                "finish_reason": "stop",
                "content_filter_results": {},
            }
        ],
        "usage": {
            "prompt_tokens": 19,
            "completion_tokens": 1969,
            "total_tokens": 1988,
            "audio_prompt_tokens": 0,
        },
        "created": T0,
        "object": "chat.completion",
        "prompt_filter_results": None,
    },
)
add(
    "aoai-model-router-stream",
    VERCEL + "openai/src/chat/__fixtures__/azure-model-router.1.chunks.txt",
    "2025-11-05",
    Want(
        text="Capital of Denmark.",
        finish="stop",
        model="gpt-5-nano-2025-08-07",
        usage=(15, 78, 93),
        reasoning_tokens=64,
    ),
    base=AOAI,
    headers={**AOAI_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"},
    gives="stream",
    needs_usage_option=True,
    model="model-router",
    events=[
        first_chunk(),
        chunk(
            {"content": "", "refusal": None, "role": "assistant"},
            model="gpt-5-nano-2025-08-07",
            obfuscation="D3",
            system_fingerprint=None,
            usage=None,
        ),
        *[
            chunk(
                {"content": t},
                model="gpt-5-nano-2025-08-07",
                filters=safe(),
                obfuscation="N",
                system_fingerprint=None,
                usage=None,
            )
            for t in ("Capital", " of", " Denmark", ".")
        ],
        chunk(
            {},
            finish="stop",
            model="gpt-5-nano-2025-08-07",
            obfuscation="Z",
            system_fingerprint=None,
            usage=None,
        ),
        usage_chunk(usage(15, 78, reasoning=64), model="gpt-5-nano-2025-08-07", system_fingerprint=None),
    ],
    note="the model that answers is not the deployment, and the first chunk names none",
)
add(
    "aoai-logprobs",
    "agentjido/req_llm test/support/fixtures/azure/gpt_4o/logprobs_non_streaming.json",
    "2026-10",
    Want(text="Okay.", finish="stop", usage=(12, 2, 14)),
    base=AOAI,
    headers={"Content-Type": "application/json"},
    asks={"logprobs": True, "top_logprobs": 3},
    body={
        "choices": [
            {
                "content_filter_results": {},
                "finish_reason": "stop",
                "index": 0,
                "logprobs": {
                    "content": [
                        {
                            "bytes": [79, 107, 97, 121],
                            "logprob": -0.4,
                            "token": "Okay",
                            "top_logprobs": [
                                {"bytes": [79, 107, 97, 121], "logprob": -0.4, "token": "Okay"},
                                {"bytes": [83], "logprob": -2.1, "token": "S"},
                            ],
                        },
                        {
                            "bytes": [46],
                            "logprob": -0.001,
                            "token": ".",
                            "top_logprobs": [
                                {"bytes": [46], "logprob": -0.001, "token": "."},
                                {"bytes": None, "logprob": -10.3, "token": "<|end|>"},
                            ],
                        },
                    ],
                    "refusal": None,
                },
                "message": {"annotations": [], "content": "Okay.", "refusal": None, "role": "assistant"},
            }
        ],
        "created": T0,
        "model": "gpt-4o-2024-08-06",
        "object": "chat.completion",
        "prompt_filter_results": [{"content_filter_results": {}, "prompt_index": 0}],
        "service_tier": "default",
        "system_fingerprint": "fp_91",
        "usage": usage(12, 2),
    },
    note="no id; a token whose bytes are null",
)
add(
    "server-408",
    ISSUE + "langgenius/dify-official-plugins/issues/2199 (gpt-5.1)",
    "2025-12-08",
    Want(error="ServerError", status=408, code="Timeout", retryable=True),
    base=AOAI,
    status=408,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body=error("Timeout", "It took too long."),
)
add(
    "server-500",
    ISSUE + "Azure-Samples/azure-search-openai-demo/issues/1390",
    "2024-03-08",
    Want(error="ServerError", status=500, code="server_error", retryable=True),
    base=AOAI,
    status=500,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body={
        "error": {
            "message": f"The server had an error. Ask again, or our support. (Please include the request ID {UUID.format(20)} in your message.)",
            "type": "server_error",
            "param": None,
            "code": None,
        }
    },
)
add(
    "context-400-gpt5",
    ISSUE
    + "cline/cline/issues/5474 (gpt-5; Azure enforces the same input limit: BerriAI/litellm/pull/18928)",
    "2025-08-09",
    Want(error="ContextLengthError", status=400, code="context_length_exceeded"),
    base=V1,
    status=400,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body=error(
        "context_length_exceeded",
        "Input tokens exceed the configured limit of 272000 tokens. The messages have 289650.",
        type="invalid_request_error",
        param="messages",
    ),
)
add(
    "policy-400-invalid-prompt",
    ISSUE
    + "songquanpeng/one-api/issues/2101 (Azure o1-preview, o1-mini: the words; the code is that of OpenAI's same refusal)",
    "2025-02-15",
    Want(error="ContentFilteredError", status=400, code="invalid_prompt", source="prompt", retryable=False),
    base=AOAI,
    status=400,
    gives="both",
    headers={**APIM_HEADERS, "Content-Type": "application/json"},
    body=error(
        "invalid_prompt",
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
        type="invalid_request_error",
        param=None,
    ),
    note="the reasoning models' own moderation, without the structured form of the content filter",
)
add(
    "limit-429-github-minute",
    "public sources that quote GitHub Models' body and headers (x-ms-error-code, x-ratelimit-type, x-ratelimit-timeremaining)",
    "2025",
    Want(error="RateLimitedError", status=429, code="RateLimitReached", retry_after=46.0, retryable=True),
    status=429,
    gives="both",
    headers={
        "x-ms-error-code": "RateLimitReached",
        "x-ratelimit-type": "UserByModelByMinute",
        "x-ratelimit-timeremaining": "46",
        "retry-after": "46",
        "Content-Type": "application/json",
    },
    body=error(
        "RateLimitReached",
        "Rate limit of 10 per 60s exceeded for UserByModelByMinute. Please wait 46 seconds before retrying.",
        details="Rate limit of 10 per 60s exceeded for UserByModelByMinute. Please wait 46 seconds before retrying.",
    ),
)
OPENAI_400 = {"type": "invalid_request_error"}
JSON_400 = {**APIM_HEADERS, "Content-Type": "application/json"}
add(
    "param-400-effort-with-tools",
    ISSUE
    + "pipecat-ai/pipecat/issues/4043 (body); the same words from Azure: aaif-goose/goose/issues/9825, agentgateway/agentgateway/pull/2894, veryfront/veryfront-code/pull/3837",
    "2026-08-06",
    Want(error="UnsupportedParameterError", status=400, parameters=["reasoning_effort"]),
    base=V1,
    status=400,
    gives="both",
    headers=JSON_400,
    asks={"reasoning_effort": "low"},
    body=error(
        None,
        "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions. Please use /v1/responses instead.",
        **OPENAI_400,
        param="reasoning_effort",
    ),
)
add(
    "param-400-effort-value",
    ISSUE + "BerriAI/litellm/issues/16704 (gpt-5.1 on Azure)",
    "2025-11-16",
    Want(
        error="UnsupportedParameterError", status=400, code="invalid_value", parameters=["reasoning_effort"]
    ),
    base=AOAI,
    status=400,
    gives="both",
    headers=JSON_400,
    body=error(
        "invalid_value",
        "Invalid value: 'none'. Supported values are: 'low', 'medium', and 'high'.",
        **OPENAI_400,
        param="reasoning_effort",
    ),
)
add(
    "param-400-unrecognized",
    ISSUE + "RageAgainstThePixel/OpenAI-DotNet/issues/382",
    "2024-11-15",
    Want(error="UnsupportedParameterError", status=400, parameters=["modalities"]),
    base=AOAI,
    status=400,
    gives="both",
    headers=JSON_400,
    body=error(None, "Unrecognized request argument supplied: modalities", **OPENAI_400, param=None),
)
add(
    "param-400-nested-in-words",
    ISSUE + "owndev/Open-WebUI-Functions/issues/136 ('on your data' quotes the model's own refusal)",
    "2026-02-05",
    Want(
        error="UnsupportedParameterError",
        status=400,
        parameters=["max_tokens"],
        says=("max_completion_tokens",),
    ),
    base=AOAI,
    status=400,
    gives="both",
    headers={**JSON_400, "Content-Type": "application/json; charset=UTF-8"},
    body=error(
        400,
        "An error occurred when calling Azure OpenAI: Server responded with status 400. Error message: {'error': {'message': \"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.\", 'type': 'invalid_request_error', 'param': 'max_tokens', 'code': 'unsupported_parameter'}}",
        requestid=UUID.format(30),
    ),
)

add(
    "agent-json-schema-default",
    ISSUE
    + "crmne/ruby_llm/issues/600 (gpt on /models, 2024-05-01-preview); dotnet/extensions/issues/6130 (gpt-4o on GitHub Models); evalstate/fast-agent/issues/310 (whole body); Azure/azure-sdk-for-java/issues/45120",
    "2026-02-08",
    Want(text="Lund"),
    base=MODELS,
    route="agent",
    status=400,
    headers=JSON_400,
    model="gpt-4o",
    refuses_schema_before="2024-08-01",
    body=error(
        "BadRequest",
        "response_format value as json_schema is enabled only for api versions 2024-08-01-preview and later",
    ),
    then=aoai({"content": '{"name": "Lund"}', "refusal": None, "role": "assistant"}),
    note="create_agent(model, response_format=...) with nothing set: LangChain picks json_schema because the model's profile promises it",
)
# --------------------------------------------------------------------------- quota, gateways, newer families (second harvest)
# What the hosting in front of open models appends to an error's body, whatever that body is.
HELP = "Please check this guide to understand why this code was returned \nhttps://docs.example/online-endpoints#http-status-codes\n"
PROSE = {
    "Content-Type": "application/json",
    "azureml-model-group": "some-model-scaleset",
    "X-Request-ID": UUID.format(50),
}
APIM_JSON = {"Content-Type": "application/json", "Request-Context": "appId=cid-v1:0"}
FILE = "a public repository's {} (found by exact text; the index names no repository)"


def vllm_error(message: str, kind: str = "BadRequestError", code: int = 400) -> str:
    return json.dumps(
        {"object": "error", "message": message, "type": kind, "param": None, "code": code},
        separators=(",", ":"),
    )


add(
    "x-429-tokens-gone",
    FILE.format("budget test, headers of a Kimi K2.5 deployment on Foundry, quoted whole")
    + "; a second client measured the same on its own resource (retry-after 1, retry-after-ms 0, reset-tokens 0 while the window has 60 s)",
    "2026-08-31",
    Want(
        error="RateLimitedError", status=429, code="RateLimitReached", retryable=True, retry_after=(1.0, 60.0)
    ),
    base=MODELS,
    status=429,
    gives="both",
    headers={
        **FOUNDRY_HEADERS,
        "Content-Type": "application/json; charset=utf-8",
        "retry-after": "1",
        "retry-after-ms": "0",
        "x-ratelimit-limit-requests": "5",
        "x-ratelimit-limit-tokens": "5000",
        "x-ratelimit-remaining-requests": "4",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-renewalperiod-requests": "60",
        "x-ratelimit-renewalperiod-tokens": "60",
        "x-ratelimit-reset-requests": "12",
        "x-ratelimit-reset-tokens": "0",
        "x-ratelimit-type": "Tokens",
    },
    body=error(
        "RateLimitReached",
        "Requests to some-model in westeurope are over the token rate limit.",
        details="Requests to some-model in westeurope are over the token rate limit.",
    ),
    note="no token is left and the window is 60 s: 0 is wrong for certain, 1 is what Retry-After says, 60 is what both owners found true (one saw 21 useless sends a minute). The body is that of foundry-429-grok",
)
add(
    "x-429-recorded-call",
    ASSETS
    + "java/sdk/ai/azure-ai-inference/src/test/resources/session-records/ChatCompletionsSyncClientTest.testGetCompletionsStreamWithFunctionCalls[1].json, second exchange",
    "2024-12-16",
    Want(
        error="RateLimitedError",
        status=429,
        retryable=True,
        retry_after=10.0,
        request_id=UUID.format(5),
        says=("call rate limit",),
    ),
    base=AOAI,
    status=429,
    gives="both",
    headers={
        **APIM_HEADERS,
        "Content-Type": "application/json",
        "policy-id": "DeploymentRatelimit-Call",
        "Retry-After": "10",
        "x-ms-region": "East US",
        "x-ratelimit-reset-requests": "10",
    },
    body=error(
        "429", "The operation is over the call rate limit of its tier. Please retry after 10 seconds."
    ),
    note="the whole of the headers: on a refusal neither limit nor remaining is told; the same call went through 10 s later",
)
add(
    "x-429-provisioned",
    "Azure/azure-openai-benchmark (reads azure-openai-deployment-utilization and retry-after-ms); MicrosoftDocs/azure-ai-docs provisioned-get-started (both waits on every 429); openai/openai-python/issues/957",
    "2026-02-10",
    Want(error="RateLimitedError", status=429, retryable=True, retry_after=1.337),
    base=AOAI,
    status=429,
    gives="both",
    headers={
        **APIM_HEADERS,
        "azure-openai-deployment-utilization": "100.4%",
        "retry-after-ms": "1337",
        "retry-after": "2",
        "x-ms-region": "East US 2",
        "Content-Type": "application/json",
    },
    body=error("429", "The provisioned deployment is fully used. Please retry after 2 seconds."),
    note="the milliseconds are the exact ones; header names are recorded, the body's words are not",
)
add(
    "x-429-concurrent",
    FILE.format("survey of providers' limits, measured on GitHub Models"),
    "2026",
    Want(error="RateLimitedError", status=429, code="RateLimitReached", retryable=True, retry_after=0.0),
    status=429,
    gives="both",
    headers={
        "x-ratelimit-type": "UserConcurrentRequests",
        "retry-after": "0",
        "x-ratelimit-timeremaining": "0",
        "x-ms-error-code": "RateLimitReached",
        "Content-Type": "application/json",
    },
    body=error(
        "RateLimitReached",
        "Rate limit of 5 per 0s exceeded for UserConcurrentRequests. Please wait 0 seconds before retrying.",
        details="Rate limit of 5 per 0s exceeded for UserConcurrentRequests. Please wait 0 seconds before retrying.",
    ),
    note="too many at once, not too many a minute: a wait of 0 is told and meant",
)
add(
    "x-429-apim-renamed",
    "MicrosoftDocs/azure-docs azure-openai-token-limit-policy (retry-after-header-name renames the header); the body as in x-429-apim-tokens",
    "2025-02-18",
    Want(error="RateLimitedError", status=429, retryable=True, retry_after=288.0),
    base=MODELS,
    status=429,
    gives="both",
    headers={**APIM_JSON, "x-gateway-retry-in": "288", "x-gateway-tokens-remaining": "0"},
    body='{ "statusCode": 429, "message": "Token limit is exceeded. Try again in 288 seconds." }',
    note="judgement: a gateway may rename Retry-After, and then only the text says how long",
)
add(
    "x-429-error-is-text",
    FILE.format("test of a client of a research gateway"),
    "2026",
    Want(error="RateLimitedError", status=429, retryable=True, says=("Rate Limit Exceeded",)),
    base=AOAI,
    status=429,
    gives="both",
    headers={"Content-Type": "application/json"},
    body='{"status": 429, "error": "GATEWAY: Rate Limit Exceeded, retry after 1 seconds."}',
)
add(
    "x-429-managed-pending",
    FILE.format("chat application, quoting azure-ai-inference's error for DeepSeek")
    + "; MicrosoftDocs/azure-ai-docs how-to-troubleshoot-online-endpoints (429, too many pending requests)",
    "2025-02",
    Want(
        error="RateLimitedError", status=429, retryable=True, no_retry_after=True, request_id=UUID.format(50)
    ),
    status=429,
    gives="both",
    model=None,
    headers={**PROSE, "Content-Type": "text/plain; charset=utf-8"},
    body=HELP,
    note="nothing but the sentence about the guide",
)
add(
    "x-401-scoped-token",
    ISSUE + "Gitlawb/openclaude/issues/200 (gpt-5.4 on Foundry)",
    "2026-04-02",
    Want(error="AuthenticationError", status=401, retryable=False, request_id=UUID.format(5)),
    base=V1,
    status=401,
    gives="both",
    headers=JSON_400,
    body={
        "statusCode": 401,
        "message": "Unauthorized. The token is missing, invalid, audience is incorrect (urn:ms.scopedToken or urn:ms.faceSessionToken), or it expired.",
    },
)
add(
    "x-401-claims-challenge",
    "Azure/azure-sdk-for-go, its test of continuous access evaluation (the form of the challenge; from Azure's management services, not from an inference endpoint)",
    "2024-09-13",
    Want(error="AuthenticationError", status=401, retryable=False, says_not=("eyJhY2Nlc3NfdG9rZW4i",)),
    base=AOAI,
    status=401,
    gives="both",
    headers={
        **JSON_400,
        "WWW-Authenticate": 'Bearer realm="", authorization_uri="https://login.example/common/oauth2/authorize", error="insufficient_claims", error_description="Continuous access evaluation resulted in challenge", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="',
    },
    body=error("InvalidAuthenticationToken", "Continuous access evaluation resulted in a challenge."),
)
add(
    "x-431-headers",
    "MicrosoftDocs/azure-ai-docs foundry-models/quotas-limits (more than 10 custom headers)",
    "2026-02-20",
    Want(error="InvalidRequestError", status=431, retryable=False),
    base=MODELS,
    status=431,
    gives="both",
    headers={**APIM_HEADERS},
    body=b"",
)
# JSON, then prose: open models on Foundry and managed endpoints
add(
    "x-400-json-then-prose",
    FILE.format("proxy: an exact body of DeepSeek-V4-Flash on Foundry, 438 of them in two days"),
    "2026-09-15",
    Want(
        error="InvalidRequestError",
        status=400,
        retryable=False,
        says=("not found in tools list",),
        says_not=('"object"', "docs.example"),
    ),
    base=MODELS,
    status=400,
    gives="both",
    headers=PROSE,
    body=vllm_error("Tool 'g' not found in tools list.") + "\n" + HELP,
)
add(
    "x-422-kimi-developer",
    ISSUE + "anomalyco/opencode/issues/12879 (Kimi K2.5 on Foundry)",
    "2026-02-09",
    Want(
        error="UnsupportedParameterError",
        status=422,
        parameters=["messages.0.role"],
        says=("'system'",),
        says_not=("docs.example",),
    ),
    base=MODELS,
    status=422,
    gives="both",
    headers=PROSE,
    body=json.dumps(
        error(
            "Invalid input",
            "invalid input error",
            status=422,
            details=[
                {
                    "type": "enum",
                    "loc": ["body", "messages", 0, "role"],
                    "msg": "Input should be 'system', 'user', 'assistant' or 'tool'",
                    "input": "developer",
                    "ctx": {"expected": "'system', 'user', 'assistant' or 'tool'"},
                }
            ],
        ),
        separators=(",", ":"),
    )
    + HELP,
    note="the prose follows the closing brace without a line's end",
)
add(
    "x-408-upstream-prose",
    FILE.format("guide to speech models on managed endpoints")
    + "; the SDK that quoted it has a class of its own for every other status, 424 apart",
    "2026",
    Want(error="ServerError", status=408, retryable=True, says=("upstream request timeout",)),
    status=408,
    gives="both",
    model=None,
    headers={**PROSE, "Content-Type": "text/plain"},
    body="upstream request timeout\n" + HELP,
    note="a managed endpoint ends a request after 180 s at the latest",
)
add(
    "x-424-container-429",
    "MicrosoftDocs/azure-ai-docs how-to-troubleshoot-online-endpoints (any answer of the container but 200 becomes 424; its status stands in a header)",
    "2025",
    Want(error="RateLimitedError", status=424, retryable=True),
    status=424,
    gives="both",
    model=None,
    headers={
        **PROSE,
        "ms-azureml-model-error-reason": "model_error",
        "ms-azureml-model-error-statuscode": "429",
        "azureml-model-deployment": "blue",
    },
    body=vllm_error("The queue is full.", "TooManyRequests", 429),
)
add(
    "x-503-no-upstream",
    ISSUE + "openai/openai-python/issues/1770 (Azure OpenAI, 'No Healthy Upstream')",
    "2024-10-02",
    Want(error="ServerError", status=503, retryable=True, says=("no healthy upstream",)),
    base=AOAI,
    status=503,
    gives="both",
    headers={"Content-Type": "text/plain", "x-ms-region": "East US"},
    body="no healthy upstream",
)
# refusals by families
add(
    "x-400-llama-no-tools",
    ISSUE + "microsoft/semantic-kernel/issues/10221 (Llama 3.2 90B, serverless)",
    "2025-01-17",
    Want(error="UnsupportedParameterError", status=400, parameters=["tool_choice"], says=("tool",)),
    status=400,
    gives="both",
    model=None,
    tools=True,
    headers={**MAAS_HEADERS, "Content-Type": "application/json"},
    body=vllm_error('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
)
add(
    "x-400-output-limit",
    ISSUE
    + "decolua/9router/issues/972; openai/openai-python/issues/2886; steipete/CodexBar/issues/2867 (gpt-5, gpt-5.6, model-router)",
    "2026-08-11",
    Want(error="InvalidRequestError", status=400, retryable=False, says=("max_tokens",)),
    base=V1,
    status=400,
    gives="both",
    headers=JSON_400,
    asks={"max_tokens": 1},
    body=error(
        None,
        "Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.",
        **OPENAI_400,
        param=None,
    ),
    note="a limit that is too small for the reasoning: neither a refused parameter nor a prompt too long",
)
add(
    "x-400-embed-300k",
    ISSUE
    + "langchain-ai/langchain/issues/31227; spiceai/spiceai/pull/6144 (OpenAI's limit: 300,000 tokens a request over all inputs)",
    "2025-05-15",
    Want(error="StatusError", status=400, code="max_tokens_per_request", retryable=False, says=("300000",)),
    base=V1,
    route="embed",
    status=400,
    headers=JSON_400,
    body=error(
        "max_tokens_per_request",
        "Requested 409110 tokens, max 300000 tokens per request",
        type="max_tokens_per_request",
        param=None,
    ),
    note="the batch is too large, no input is",
)
add(
    "x-400-embed-too-many",
    ISSUE + "langchain-ai/langchain/issues/9112; RageAgainstThePixel/OpenAI-DotNet/issues/111",
    "2023-08-11",
    Want(error="InvalidRequestError", status=400, retryable=False, says=("16",)),
    base=AOAI,
    route="embed",
    status=400,
    headers=JSON_400,
    body=error(
        None, "Too many inputs. The max number of inputs is 16. More may come.", **OPENAI_400, param=None
    ),
)
# answers of families not there yet
add(
    "x-jais-chat",
    "MicrosoftDocs/azure-ai-docs how-to/deploy-models-jais (an answer quoted whole, epoch 1711734274)",
    "2024-03-29",
    Want(
        text="الإمارات سبع:\nأبوظبي ودبي.",
        finish="stop",
        model="jais-30b-chat",
        usage=(23, 744, 767),
        calls=[],
    ),
    base="/v1",
    model=None,
    headers={**MAAS_HEADERS, "Content-Type": "application/json"},
    body={
        "id": UUID.format(60),
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "الإمارات سبع:\nأبوظبي ودبي."},
            }
        ],
        "created": T0,
        "model": "jais-30b-chat",
        "object": "chat.completion",
        "usage": {"prompt_tokens": 23, "completion_tokens": 744, "total_tokens": 767},
    },
)
add(
    "x-jamba-chat",
    FILE.format(
        "test of a tracer: AI21's own form for jamba-instruct, as other clouds pass it through; that Azure does is inferred"
    ),
    "2024",
    Want(text="Hello there.", finish="stop", model="jamba-instruct", usage=(8, 12, 20), calls=[]),
    base="/v1",
    model=None,
    headers={**MAAS_HEADERS, "Content-Type": "application/json"},
    body={
        "id": "chat-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello there.", "tool_calls": None},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 8, "completion_tokens": 12, "total_tokens": 20},
        "model": "jamba-instruct",
        "meta": {"requestDurationMillis": 288},
    },
    note="neither object nor created",
)


def kimi_chunk(delta: dict[str, Any], finish: str | None = None, stop: int | None = None) -> dict[str, Any]:
    """A chunk of vLLM behind Foundry."""
    return {
        "id": "chatcmpl-872acb605d617b3c",
        "object": "chat.completion.chunk",
        "created": T0,
        "model": "Kimi-K2.6",
        "choices": [
            {
                "index": 0,
                "delta": delta,
                "logprobs": None,
                "finish_reason": finish,
                "stop_reason": stop,
                "token_ids": None,
            }
        ],
    }


def kimi_call(arguments: str, *, call_id: str | None = None, name: str | None = None) -> dict[str, Any]:
    return {
        "tool_calls": [
            {
                "id": call_id,
                "type": "function" if call_id else None,
                "index": 0,
                "function": {"name": name, "arguments": arguments},
            }
        ]
    }


add(
    "x-kimi-tool-stream",
    FILE.format(
        "test of a proxy: the last chunk of a Kimi-K2.6 stream, created 1778678877; the chunks before it follow vLLM's form"
    ),
    "2026-05-13",
    Want(
        text="",
        reasoning="A city.",
        calls=[("forecast", {"city": "Lund"})],
        call_ids=["functions.forecast:0"],
        finish="tool_calls",
        model="Kimi-K2.6",
        usage=(61, 30, 91),
    ),
    base=MODELS,
    gives="stream",
    tools=True,
    asks={"stream_usage": True},
    needs_usage_option=True,
    headers={**FOUNDRY_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"},
    events=[
        kimi_chunk({"role": "assistant", "content": ""}),
        kimi_chunk({"reasoning_content": "A city"}),
        kimi_chunk({"reasoning_content": "."}),
        kimi_chunk(kimi_call("", call_id="functions.forecast:0", name="forecast")),
        kimi_chunk(kimi_call('{"city": "Lund')),
        kimi_chunk(kimi_call('"} '), "tool_calls", 163586),
        {
            "id": "chatcmpl-872acb605d617b3c",
            "object": "chat.completion.chunk",
            "created": T0,
            "model": "Kimi-K2.6",
            "choices": [],
            "usage": {"prompt_tokens": 61, "total_tokens": 91, "completion_tokens": 30},
        },
    ],
    note="id, type and name are null after the first piece; the last piece of the arguments ends with a space and comes with the finish reason; ids are functions.<name>:<n>",
)
CITATIONS = [
    {"content": "a document", "title": "/documents/a.pdf", "url": None, "filepath": None, "chunk_id": "0"}
]


def data_chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": UUID.format(61),
        "model": "gpt-35-turbo",
        "created": T0,
        "object": "extensions.chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "end_turn": finish is not None, "finish_reason": finish}],
    }


ON_DATA = {
    "data_sources": [{"type": "azure_search", "parameters": {"endpoint": "https://x", "index_name": "y"}}]
}
add(
    "x-on-data-stream",
    "Azure-Samples/chat-with-your-data-solution-accelerator, functional test (epoch 1712077271)",
    "2024-04-02",
    Want(text="42 is the meaning [doc1].", finish="stop", model="gpt-35-turbo", calls=[]),
    base=AOAI,
    gives="stream",
    asks={**ON_DATA, "stream_usage": False},
    headers={**APIM_HEADERS, "Content-Type": "text/event-stream; charset=UTF-8"},
    events=[
        data_chunk({"role": "assistant", "context": {"citations": CITATIONS, "intent": '["the meaning"]'}}),
        *[data_chunk({"content": t}) for t in ("42", " is the", " meaning", " [doc1].")],
        data_chunk({}, "stop"),
    ],
    note="the first delta has a context and no content; end_turn beside finish_reason",
)
add(
    "x-audio-answer",
    "Azure/azure-rest-api-specs/pull/32220 (the message's audio: id, data, expires_at, transcript); MicrosoftDocs/azure-ai-docs audio-completions-quickstart",
    "2025-02-18",
    Want(calls=[], finish="stop", usage=(18, 70, 88)),
    base=AOAI,
    asks={"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    headers={**AOAI_HEADERS, "Content-Type": "application/json"},
    body=aoai(
        {
            "annotations": [],
            "audio": {
                "data": "UklGRg==",
                "expires_at": T0 + 3600,
                "id": "audio_1",
                "transcript": "Hello there.",
            },
            "content": None,
            "refusal": None,
            "role": "assistant",
        },
        model="gpt-4o-audio-preview-2024-12-17",
        used={
            **usage(18, 70),
            "completion_tokens_details": {
                "accepted_prediction_tokens": 0,
                "audio_tokens": 52,
                "reasoning_tokens": 0,
                "rejected_prediction_tokens": 0,
                "text_tokens": 18,
            },
        },
    ),
    note="content is null and the words stand in audio.transcript; what the text should be is not looked at",
)
# streams that end badly
add(
    "x-stream-blocked-late",
    "MicrosoftDocs/azure-ai-docs openai/concepts/content-streaming, 'blocked by filters' (epoch 1699587397)",
    "2026-01-15",
    Want(
        text="Hey you, better",
        finish="content_filter",
        model="gpt-35-turbo",
        filtered=["protected_material_text"],
        calls=[],
    ),
    base=AOAI,
    gives="stream",
    headers={**AOAI_HEADERS, "Content-Type": "text/event-stream"},
    asks={"stream_usage": False},
    events=[
        first_chunk(usage=None),
        *[
            {
                "id": "chatcmpl-8J",
                "object": "chat.completion.chunk",
                "created": T0,
                "model": "gpt-35-turbo",
                "choices": [{"index": 0, "finish_reason": None, "delta": d}],
                "usage": None,
            }
            for d in (
                {"role": "assistant"},
                {"content": "Hey"},
                {"content": " you"},
                {"content": ","},
                {"content": " better"},
            )
        ],
        {**ASYNC_FILTER, "usage": None},
        {
            "id": "",
            "object": "",
            "created": 0,
            "model": "",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "content_filter",
                    "content_filter_results": {
                        "protected_material_text": {"detected": True, "filtered": True}
                    },
                    "content_filter_offsets": {"check_offset": 65, "start_offset": 65, "end_offset": 1056},
                }
            ],
            "usage": None,
        },
    ],
    note="the last choice has a finish reason and no delta, and the chunk no id and no model",
)
add(
    "x-stream-first-event-limit",
    ISSUE + "epam/ai-dial-adapter-openai/pull/348 (gpt-5.2 on Azure)",
    "2025-12-17",
    Want(
        error="RateLimitedError",
        status=429,
        code="rate_limit_exceeded",
        retryable=True,
        says_not=("Traceback", "site-packages", "routes.py"),
    ),
    base=AOAI,
    gives="stream",
    done=False,
    headers={**AOAI_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"},
    events=[
        {
            "error": {
                "message": ' | ==================== d002-20251211-api-default-6df7cd85-bk8d4 ====================\n | Traceback (most recent call last):\n | \n |   File "/usr/local/lib/python3.12/site-packages/inference_server/routes.py", line 726, in streaming_completion\n |     await response.write_to(reactor)\n | \n | oai_grpc.errors.ServerError:  | no_kv_space\n | ',
                "type": "server_error",
                "code": "rate_limit_exceeded",
            }
        }
    ],
    note="a 200 whose only event is the refusal, with the server's traceback as its message",
)
add(
    "x-stream-limit-event-named",
    ISSUE
    + "earendil-works/pi/issues/7983; maximhq/bifrost/pull/6302 (Foundry's /openai/v1: the event of its responses route, here after text of a chat)",
    "2026-08-11",
    Want(
        error="RateLimitedError",
        status=429,
        code="rate_limit_exceeded",
        retryable=True,
        partial="A day",
        says=("exceeded rate limit",),
    ),
    base=V1,
    gives="stream",
    done=False,
    headers={**FOUNDRY_HEADERS, "Retry-After": "7", "Content-Type": "text/event-stream; charset=utf-8"},
    events=[
        chunk({"content": "", "role": "assistant"}, model="gpt-5.6"),
        chunk({"content": "A"}, model="gpt-5.6"),
        chunk({"content": " day"}, model="gpt-5.6"),
        'event: error\ndata: {"type":"error","error":{"type":"too_many_requests","code":"rate_limit_exceeded","headers":{"x-ms-fe-error":"true"},"message":"Your requests to some deployment have exceeded rate limit.","param":null},"sequence_number":2}\n\n',
    ],
    note="the same front end; that its chat route sends this event after text is inferred",
)
