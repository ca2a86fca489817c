"""The table of keywords: what each word of the retired and the sibling classes becomes here. Pure.

What stands in no row and is no field or parameter is an extra, which goes to the model. The guide's page is written
from these rows, by ``docs/coming.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Literal

from azure_inference_core._request.keywords.sdk_client import (
    CLIENT_KWARGS,
    CLIENT_TIMES,
    NO_CLIENT,
    client_kwargs,
    policies,
    verify,
)
from azure_inference_core._request.keywords.ways import (
    EXTRAS,
    Word,
    alias,
    each,
    idle,
    into,
    mapping,
    refused,
)
from azure_inference_core._request.parameters import CHAT_PARAMETERS, EMBEDDING_PARAMETERS
from azure_inference_core._request.secrets import GivenToken
from azure_inference_core.errors import ConfigurationError

Kind = Literal["chat", "completion", "embeddings"]

_NO_RESPONSES = "the Responses API is not spoken here, only /chat/completions; leave it out"
_OF_LLAMAINDEX = "it is a keyword of LlamaIndex's classes, which this class has no place for; leave it out"
_OF_LANGCHAIN = "a keyword of LangChain's, which this class has no use for"
_HEADERS = ("default_headers", "headers")


def _default_query(given: Any) -> dict[str, Any]:
    query = dict(mapping("default_query", given))
    version = query.pop("api-version", None)
    if query:
        raise ConfigurationError(
            "default_query cannot be honoured: only api-version can stand in a request's query, and a query may hold "
            "a secret; pass api_version=, or what a gateway needs in default_headers="
        )
    return {"api_version": version}


def _times(parts: Iterable[str], given: Any) -> dict[str, Any]:
    return {"timeout": dict.fromkeys(parts, given)}


def _disabled_params(given: Any) -> dict[str, Any]:
    if any(values is not None for values in mapping("disabled_params", given).values()):
        raise ConfigurationError(
            "disabled_params cannot be honoured for some values only; leave the parameter out of the call instead"
        )
    return {}


def _embedding_ctx_length(given: Any) -> dict[str, Any]:
    if isinstance(given, int) and given < 8191:
        raise ConfigurationError(
            "embedding_ctx_length cannot be honoured: long texts are not cut and averaged here; split them first"
        )
    return {}


WORDS: dict[str, Word] = {
    # where to
    **each("api_base base_url openai_api_base endpoint_url", alias("endpoint")),
    **each(
        "azure_endpoint azure_deployment deployment_name deployment deployment_id engine",
        Word(
            "translated",
            why="the address of a deployment: `endpoint`, and `model` where the address names none",
        ),
    ),
    "openai_api_version": alias("api_version"),
    **each("openai_api_type", idle("the address tells the dialect, the credential's type the header")),
    "validate_base_url": idle("every address is checked"),
    "project_endpoint": refused(
        "a project's connections are not looked up here; pass the model's own endpoint (in the portal: the "
        "deployment's target URI) and its credential"
    ),
    "service": refused("there is the inference service only", "inference"),
    "endpoint_api_type": refused("only /chat/completions is spoken, not /score", "serverless"),
    "content_formatter": refused(
        "it is not needed at an endpoint with /chat/completions; /score is not spoken"
    ),
    **each(
        "websocket_base_url workload_identity provider", refused("that API of OpenAI's is not spoken here")
    ),
    "model": alias("model_name"),
    "model_name": alias("model"),
    # as whom
    **each("api_key openai_api_key endpoint_api_key", alias("credential", is_secret=True)),
    **each(
        "azure_ad_token_provider azure_ad_async_token_provider",
        into("`credential`, asked for every token", lambda given: {"credential": given}, is_secret=True),
    ),
    "azure_ad_token": into(
        "`credential`; it expires, and azure_ad_token_provider= does not",
        lambda given: {"credential": GivenToken(given)},
        is_secret=True,
    ),
    "use_azure_ad": idle("Entra ID is what is used where no key is given"),
    **each(
        "organization openai_organization",
        into(
            "a header of `default_headers`", lambda given: {"default_headers": {"OpenAI-Organization": given}}
        ),
    ),
    "project": into(
        "a header of `default_headers`", lambda given: {"default_headers": {"OpenAI-Project": given}}
    ),
    # how
    "request_timeout": alias("timeout"),
    "retry_total": alias("max_retries"),
    "use_env_settings": alias("trust_env"),
    **{
        name: into("`timeout`, of which it is a part", partial(_times, parts))
        for name, parts in CLIENT_TIMES.items()
        if name != "timeout"
    },
    **each(
        "per_call_policies per_retry_policies",
        into("`policies`, each of which sees every attempt", lambda given: {"policies": policies(given)}),
    ),
    "stream_chunk_timeout": into(
        "`timeout`: the silence inside an answer, `Timeouts(idle=)`",
        lambda given: {"timeout": {"idle": given}} if given else {},
    ),
    **each("retry_min_seconds retry_max_seconds", idle("waits follow what the service says")),
    **each("extra_headers headers", alias(*_HEADERS, is_secret=True)),
    "default_query": into("`api_version`; anything else in it is refused", _default_query),
    "extra_query": refused("no query is sent but api-version; make a copy that has api_version=", {}),
    **each(
        "http_client http_async_client async_http_client openai_client async_openai_client client async_client "
        "root_client root_async_client",
        refused(NO_CLIENT),
    ),
    **each("openai_proxy proxy http_proxy https_proxy", CLIENT_KWARGS["proxies"]),
    "http_socket_options": idle("TCP keep-alive is on"),
    "reuse_client": idle("connections are kept for each process and event loop; close() ends them"),
    "client_kwargs": into("the fields that its words mean, below", client_kwargs),
    **{name: word for name, word in CLIENT_KWARGS.items() if name not in ("tools", "tool_choice", "stream")},
    **each("verify verify_ssl ssl_verify", into("as `connection_verify`", verify)),
    **each(
        "callbacks tags cache verbose name disable_streaming output_version profile custom_get_token_ids",
        idle(_OF_LANGCHAIN),
    ),
    **each(
        "callback_manager system_prompt messages_to_prompt completion_to_prompt pydantic_program_mode output_parser "
        "query_wrapper_prompt num_workers embeddings_cache context_window",
        refused(_OF_LLAMAINDEX),
    ),
    "is_function_calling_model": refused(_OF_LLAMAINDEX, False),
    "rate_limiter": refused("this class has no place for one; leave it out"),
    # what
    **each("model_kwargs additional_kwargs extra_body", alias(EXTRAS)),
    "max_new_tokens": alias("max_tokens"),
    "max_completion_tokens": Word("extra", why="sent under this name; one limit with `max_tokens`"),
    "stop_sequences": alias("stop"),
    "stream_options": Word("extra", why="sent with streams only; see `stream_usage`"),
    "stream": idle("the method decides"),
    "streaming": idle("the method decides"),
    **each(
        "n logprobs top_logprobs logit_bias reasoning_effort verbosity service_tier store prompt_cache_options reasoning "
        "include truncation context_management modalities",
        Word("extra"),
    ),
    "audio_config": into("the extra `audio`", lambda given: {"audio": given}),
    "use_responses_api": refused(_NO_RESPONSES, False),
    "use_previous_response_id": refused(_NO_RESPONSES, False),
    "include_response_headers": refused(
        "the request id is in the answer and in every error; leave it out", False
    ),
    "disabled_params": into("nothing is added to a call that you did not say", _disabled_params),
    "tiktoken_model_name": idle("tokens are counted approximately, or by custom_get_token_ids"),
    "model_version": idle("a label for tracing"),
    "strict": refused(
        "say it where tools and schemas are given: bind_tools(strict=True), with_structured_output(strict=True), "
        "structured_output='json_schema'",
        False,
    ),
    "is_chat_model": refused("for text completion there is a class of its own", True),
    "should_use_structured_outputs": Word(
        "translated",
        ("structured_output",),
        "`structured_output`",
        read=lambda given: {"structured_output": "json_schema"} if given else {},
    ),
    "tokenizer": idle("it only sized max_tokens"),
    # embeddings
    "batch_size": alias("embed_batch_size"),
    "chunk_size": alias("batch_size", "embed_batch_size"),
    "embed_batch_size": alias("batch_size"),
    "input_type": into(
        "`query_input_type` and `document_input_type`",
        lambda value: {"query_input_type": value, "document_input_type": value},
    ),
    "show_progress_bar": alias("show_progress"),
    **each(
        "check_embedding_ctx_length tiktoken_enabled allowed_special disallowed_special",
        idle("texts are sent as they are, and one that is too long is an error of the service"),
    ),
    "embedding_ctx_length": into(
        "nothing: texts are not cut; less than 8191 is refused", _embedding_ctx_length
    ),
    "skip_empty": refused("take empty texts out of the list", False),
    "mode": idle("it chose among engines that are gone"),
}
"""Words of other classes; the source is their constructors' signatures and fields, which a test walks."""

_OF_KIND: dict[Kind, dict[str, Word]] = {
    "chat": {},
    "completion": {
        "is_chat_model": refused("for chat there is a class of its own", False),
        "tokenizer": refused("it sized max_tokens; pass max_tokens="),
    },
    "embeddings": {"metadata": idle(_OF_LANGCHAIN)},
}


def kind_of_class(fields: Iterable[str]) -> Kind:
    """What a class with these fields does."""
    if "dimensions" in fields:
        return "embeddings"
    return "chat" if "response_format" in fields else "completion"


def word_of(name: str, kind: Kind) -> Word | None:
    """The row of a keyword for a class of one kind, if it has one."""
    return _OF_KIND[kind].get(name) or WORDS.get(name)


_OTHERS: dict[bool, frozenset[str]] = {
    True: CHAT_PARAMETERS - EMBEDDING_PARAMETERS
    | {"max_completion_tokens", "stream_usage", "split_think", "streaming"},
    False: EMBEDDING_PARAMETERS - CHAT_PARAMETERS
    | {"batch_size", "embed_batch_size", "show_progress", "query_input_type", "document_input_type"},
}


def of_another_class(name: str, word: Word | None, kind: Kind) -> str | None:
    """The class a keyword belongs to, if it is not this kind's."""
    embeds = kind == "embeddings"
    if {name, *(word.to if word else ())} & _OTHERS[embeds]:
        return "the chat class" if embeds else "the embedding class"
    return None
