"""Every keyword of the classes that people come from has its way here, and stands where it stood."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from azure_inference_core import ConfigurationError
from azure_inference_core._request.keywords import EXTRAS, WORDS, read_constructor
from azure_inference_core._request.keywords.sdk_client import CLIENT_KWARGS, FIELDS_OF_CLIENT
from azure_inference_core._request.keywords.table import kind_of_class, word_of
from langchain_azure_inference import AzureInferenceEmbeddings, AzureInferenceLLM, ChatAzureInference
from llamaindex_azure_inference import AzureInference, AzureInferenceCompletion, AzureInferenceEmbedding

with warnings.catch_warnings():  # importing them is none of our business
    warnings.simplefilter("ignore")
    from langchain_azure_ai.chat_models import AzureAIOpenAIApiChatModel
    from langchain_azure_ai.chat_models.inference import AzureAIChatCompletionsModel
    from langchain_azure_ai.embeddings import AzureAIOpenAIApiEmbeddingsModel
    from langchain_azure_ai.embeddings.inference import AzureAIEmbeddingsModel
    from langchain_openai import AzureChatOpenAI, AzureOpenAIEmbeddings, ChatOpenAI, OpenAIEmbeddings
    from llama_index.embeddings.azure_inference import AzureAIEmbeddingsModel as LlamaIndexEmbeddingsModel
    from llama_index.embeddings.azure_openai import AzureOpenAIEmbedding
    from llama_index.embeddings.openai import OpenAIEmbedding
    from llama_index.embeddings.openai_like import OpenAILikeEmbedding
    from llama_index.llms.azure_inference import AzureAICompletionsModel
    from llama_index.llms.azure_openai import AzureOpenAI
    from llama_index.llms.openai import OpenAI
    from llama_index.llms.openai_like import OpenAILike

SIBLINGS: dict[type[Any], tuple[type[Any], ...]] = {
    ChatAzureInference: (
        AzureAIChatCompletionsModel,
        AzureAIOpenAIApiChatModel,
        ChatOpenAI,
        AzureChatOpenAI,
    ),
    AzureInferenceLLM: (),
    AzureInferenceEmbeddings: (
        AzureAIEmbeddingsModel,
        AzureAIOpenAIApiEmbeddingsModel,
        OpenAIEmbeddings,
        AzureOpenAIEmbeddings,
    ),
    AzureInference: (AzureAICompletionsModel, OpenAILike, AzureOpenAI, OpenAI),
    AzureInferenceCompletion: (OpenAILike,),
    AzureInferenceEmbedding: (
        LlamaIndexEmbeddingsModel,
        OpenAILikeEmbedding,
        AzureOpenAIEmbedding,
        OpenAIEmbedding,
    ),
}
PAIRS = [(ours, theirs) for ours, siblings in SIBLINGS.items() for theirs in siblings]
RETIRED = [
    (AzureInference, AzureAICompletionsModel),
    (AzureInferenceEmbedding, LlamaIndexEmbeddingsModel),
]
pairs = pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda cls: cls.__name__)


def keywords_of(cls: type[Any]) -> set[str]:
    """All that a constructor takes: its signature, the fields, and their other names."""
    given = inspect.signature(cls.__init__).parameters.values()
    names = {p.name for p in given if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)} - {"self"}
    for name, field in cls.model_fields.items():
        names.add(name)
        for alias in (field.alias, field.validation_alias):
            names.update([alias] if isinstance(alias, str) else getattr(alias, "choices", ()))
    return {name for name in names if isinstance(name, str)}


def values() -> Iterator[Any]:
    """Of every type that a keyword can have."""
    yield from ("canary", True, False, 7, 0.5, ["canary"], {"canary": "x"}, object(), len)


@pairs
def test_every_keyword_is_decided(ours: type[Any], theirs: type[Any]) -> None:
    """A keyword is a field or has a row in the table; a new one of a sibling shows here."""
    kind = kind_of_class(ours.model_fields)
    undecided = [
        name
        for name in sorted(keywords_of(theirs))
        if name not in ours.model_fields and word_of(name, kind) is None
    ]
    assert not undecided, f"{theirs.__name__}: give these a row in the table of keywords"


@pairs
@pytest.mark.filterwarnings("ignore")
def test_nothing_goes_to_the_model_by_accident(ours: type[Any], theirs: type[Any]) -> None:
    """Whatever its value, a keyword is read as what its row says, and only what the table calls an extra is one."""
    fields = ours.model_fields
    kind = kind_of_class(fields)
    for name in sorted(keywords_of(theirs)):
        word = word_of(name, kind)
        for value in values():
            extras, refusal = read(name, value, fields)
            assert "canary" not in refusal or not (word and word.is_secret)
            if refusal:
                continue
            if word is not None and word.way == "extra":
                assert extras == {name: value}
            elif word is not None and EXTRAS in word.to:
                assert extras == value
            elif name == "audio_config":
                assert extras == {"audio": value}
            else:
                assert not extras, name


def read(name: str, value: Any, fields: Any) -> tuple[Any, str]:
    """The extras that a keyword makes, and why it is refused."""
    try:
        return read_constructor({name: value}, fields)[EXTRAS], ""
    except ConfigurationError as error:
        return {}, str(error)


def positions(method: Any) -> list[str]:
    """The names of a method's arguments that can be given by position."""
    given = inspect.signature(method).parameters.values()
    return [p.name for p in given if p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)]


@pytest.mark.parametrize(("ours", "theirs"), RETIRED, ids=lambda cls: cls.__name__)
def test_positions_of_the_retired_constructors(ours: type[Any], theirs: type[Any]) -> None:
    """What the retired constructor took by position stands at the same position."""
    assert positions(ours.__init__) == positions(theirs.__init__)


@pairs
def test_positions_of_the_methods(ours: type[Any], theirs: type[Any]) -> None:
    """What a public method of a sibling's own took by position stands at the same position."""
    moved = []
    for name, method in vars(theirs).items():
        if name.startswith("_") or not inspect.isfunction(method) or not hasattr(ours, name):
            continue
        wanted, found = positions(method)[1:], positions(getattr(ours, name))[1:]
        takes_any = any(
            p.kind is p.VAR_POSITIONAL for p in inspect.signature(getattr(ours, name)).parameters.values()
        )
        if name not in OTHER and not takes_any and found[: len(wanted)] != wanted:
            moved.append(f"{name}: {found} for {wanted}")
    assert not moved, "\n".join(moved)


OTHER = {"model_post_init"}
"""Methods of pydantic's, with arguments of pydantic's."""


def test_the_table_has_no_idle_rows() -> None:
    """Every row of the table is a keyword of somebody's: of a sibling here, or of the SDK's and OpenAI's clients."""
    known = {name for _, theirs in PAIRS for name in keywords_of(theirs)}
    known |= {name for ours in SIBLINGS for name in ours.model_fields}
    idle = WORDS.keys() - known - OF_CLIENTS
    assert not idle


OF_CLIENTS = {
    # of OpenAI's clients and calls
    "extra_headers", "extra_query", "stream", "stream_options", "project", "provider", "websocket_base_url",
    "workload_identity", "max_new_tokens",
    # of the SDK's client
    *CLIENT_KWARGS, *FIELDS_OF_CLIENT, "verify_ssl", "input_type",
    # of httpx's and requests' clients
    "verify", "ssl_verify", "proxy", "http_proxy", "https_proxy",
    # of langchain-community's AzureMLChatOnlineEndpoint
    "content_formatter", "endpoint_api_key", "endpoint_api_type", "endpoint_url",
}  # fmt: skip
