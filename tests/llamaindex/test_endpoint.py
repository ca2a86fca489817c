"""Constructing: what is taken, from where, what is refused, and that no network is touched."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from azure.core.credentials import AzureKeyCredential
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.embeddings.multi_modal_base import MultiModalEmbedding
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import SecretStr

import llamaindex_azure_inference
from azure_inference_core._request.keywords import guards
from llamaindex_azure_inference import (
    AzureInference,
    AzureInferenceCompletion,
    AzureInferenceEmbedding,
    Timeouts,
)
from llamaindex_azure_inference.errors import ConfigurationError
from tests.llamaindex.helpers import KEY, chat_model, embedding_model, user
from tests.support.scripted_server import ScriptedServer
from tests.support.wire import AsyncFakeCredential, FakeCredential

CLASSES = (AzureInference, AzureInferenceCompletion, AzureInferenceEmbedding)
URL = "https://tiny.westus.models.ai.azure.com"
every_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


@pytest.mark.parametrize(
    ("cls", "base"),
    [
        (AzureInference, FunctionCallingLLM),
        (AzureInference, BaseLLM),
        (AzureInferenceCompletion, BaseLLM),
        (AzureInferenceEmbedding, MultiModalEmbedding),
        (AzureInferenceEmbedding, BaseEmbedding),
    ],
    ids=lambda item: item.__name__,
)
def test_class_is_what_the_framework_asks_for(cls: type, base: type) -> None:
    """Each class derives from the framework's class of its kind."""
    assert base.__name__ in [parent.__name__ for parent in cls.__mro__]


def test_package_can_be_star_imported() -> None:
    """Every name in ``__all__`` is a string and there."""
    assert all(hasattr(llamaindex_azure_inference, name) for name in llamaindex_azure_inference.__all__)


@every_class
def test_constructor_touches_no_network(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Constructing and reading metadata opens no socket."""

    def refuse(*_args: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    made = cls(URL, KEY)
    assert getattr(made, "metadata", made.to_payload()) is not None


@every_class
def test_endpoint_and_key_come_from_the_environment(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments the environment decides, and the fields show it."""
    monkeypatch.setenv("AZURE_INFERENCE_ENDPOINT", URL)
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", KEY)
    monkeypatch.setenv("AZURE_INFERENCE_MODEL", "from-environment")
    made = cls()
    assert made.endpoint == URL
    assert made.model_name == "from-environment"


@every_class
def test_missing_endpoint_says_what_to_set(cls: Any) -> None:
    """Without an endpoint the error names the argument and the variable."""
    with pytest.raises(ConfigurationError, match=r"endpoint=.*AZURE_INFERENCE_ENDPOINT"):
        cls(credential=KEY)


@every_class
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"endpoint": "ftp://x"}, "https"),
        ({"endpoint": "http://elsewhere.example"}, "http"),
        ({"ca_bundle": "/no/such/file.pem"}, "ca_bundle"),
        ({"dialect": "esperanto"}, "dialect"),
        ({"timeout": -1}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"default_headers": {"api-key": "x"}}, "api-key"),
    ],
    ids=lambda item: next(iter(item)) if isinstance(item, dict) else "",
)
def test_unusable_setting_is_refused(cls: Any, settings: dict[str, Any], told: str) -> None:
    """A setting that cannot work is refused at once, as a ConfigurationError that names it."""
    with pytest.raises(ConfigurationError, match=told):
        cls(**{"endpoint": URL, "credential": KEY, **settings})


@every_class
def test_refusal_of_a_type_does_not_quote_the_value(cls: Any) -> None:
    """A value of the wrong type is refused, as every bad setting, without being written into the error."""
    with pytest.raises(ConfigurationError, match="default_headers") as caught:
        cls(URL, KEY, default_headers={"x-gateway-key": {"nested": KEY}})
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


@every_class
def test_model_name_and_model_are_one_setting(cls: Any) -> None:
    """``model`` and ``model_name`` are accepted by every class and readable under both names."""
    assert cls(URL, KEY, model="m").model_name == "m"
    assert cls(URL, KEY, model_name="m").model == "m"


@every_class
def test_two_names_of_one_setting_must_agree(cls: Any) -> None:
    """Two values for one setting are refused."""
    with pytest.raises(ConfigurationError, match="given twice"):
        cls(URL, KEY, model="a", model_name="b")


@every_class
def test_other_keywords_become_extras(cls: Any) -> None:
    """Keywords that are not fields, ``model_kwargs`` and ``model_extras`` are merged."""
    made = cls(URL, KEY, top_k=4, model_kwargs={"min_p": 0.1}, model_extras={"safe_prompt": True})
    assert made.model_extras == {"top_k": 4, "min_p": 0.1, "safe_prompt": True}


@every_class
def test_misspelt_setting_is_warned_of(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyword close to a field of the class is sent as an extra, with a warning that names the field."""
    monkeypatch.setattr(guards, "_warned", set())  # a name is warned of once a process
    with pytest.warns(UserWarning, match="did you mean 'credential_scopes'"):
        made = cls(URL, KEY, credential_scope=["x"])
    assert made.model_extras == {"credential_scope": ["x"]}


@every_class
def test_familiar_aliases_are_settings(cls: Any) -> None:
    """``api_key``, ``api_base`` and ``base_url`` are the credential and the endpoint, and never extras."""
    made = cls(api_key=KEY, api_base=URL)
    assert made.endpoint == URL
    assert made.credential.get_secret_value() == KEY
    assert cls(base_url=URL, credential=KEY).model_extras == {}


CREDENTIALS = {
    "str": lambda: KEY,
    "SecretStr": lambda: SecretStr(KEY),
    "AzureKeyCredential": lambda: AzureKeyCredential(KEY),
    "token": lambda: FakeCredential(prefix="token"),
    "async token": lambda: AsyncFakeCredential(prefix="token"),
}


@pytest.mark.parametrize("kind", CREDENTIALS)
async def test_every_credential_works_sync_and_async(kind: str) -> None:
    """Each kind of credential serves sync and async calls of one object."""
    is_token = "token" in kind
    with ScriptedServer(key="token-1" if is_token else KEY, tls=True) as server:
        llm = chat_model(server, credential=CREDENTIALS[kind]())
        assert llm.chat(user()).message.content
        assert (await llm.achat(user())).message.content
        await llm.aclose()


def test_rotated_key_is_used(plain: ScriptedServer) -> None:
    """A key changed in its AzureKeyCredential is the one that the next call sends."""
    credential = AzureKeyCredential("old")
    llm = chat_model(plain, credential=credential)
    credential.update(KEY)
    assert llm.complete("x").text


def test_metadata_of_a_model_nobody_described() -> None:
    """An unknown model is a chat model that calls tools, with a context that holds a query's nodes."""
    metadata = AzureInference(URL, KEY).metadata
    assert metadata.is_chat_model
    assert metadata.is_function_calling_model
    assert metadata.context_window >= 8192
    assert metadata.num_output > 256
    assert metadata.model_name == "unknown"


@pytest.mark.parametrize(
    ("model", "window", "tools"),
    [
        ("Cohere-command-r-plus-08-2024", 131_072, True),
        ("Llama-2-70b-chat", 4_096, False),
        ("Meta-Llama-3-8B-Instruct", 8_192, False),
        ("Meta-Llama-3.1-405B-Instruct", 131_072, False),
        ("Mistral-Large-2411", 128_000, True),
        ("Mistral-small", 128_000, True),
        ("jais-30b-chat", 8_192, False),
        ("AI21-Jamba-1.5-Large", 262_144, True),
        ("Phi-3.5-mini-instruct", 131_072, False),
        ("Phi-3-mini-4k-instruct", 4_096, False),
        ("mistralai-Mixtral-8x22B-Instruct-v0-1", 65_536, False),
        ("gpt-4o", 128_000, True),
        ("DeepSeek-R1", 163_840, False),
    ],
)
def test_metadata_knows_the_families(model: str, window: int, tools: bool) -> None:
    """For a known family, the context window and tool calling are the documented ones."""
    metadata = AzureInference(URL, KEY, model=model).metadata
    assert (metadata.context_window, metadata.is_function_calling_model) == (window, tools)


@pytest.mark.parametrize(
    ("settings", "window", "output"),
    [
        ({"model": "prod-chat"}, 128_000, 1_024),
        ({"model": "prod-chat", "max_tokens": 16_000}, 128_000, 16_000),
        ({"model": "prod-chat", "max_tokens": 200_000}, 128_000, 64_000),
        ({"model": "gpt-4", "max_tokens": 9_000}, 128_000, 9_000),
        ({"model": "gpt-5-mini"}, 272_000, 128_000),
        ({"model": "grok-3"}, 131_072, 4_096),
        ({"model": "grok-3", "max_tokens": 8_000}, 131_072, 8_000),
        ({"model": "Phi-3-mini-4k-instruct"}, 4_096, 2_048),
        ({"model": "my-phi", "family": "phi-3-4k"}, 4_096, 2_048),
        ({"model": "gpt-4o", "context_window": 2_000}, 2_000, 1_000),
    ],
    ids=str,
)
def test_prompts_keep_half_of_the_window(settings: dict[str, Any], window: int, output: int) -> None:
    """What is reserved for the answer is the user's or the family's, and never more than half of the window."""
    for cls in (AzureInference, AzureInferenceCompletion):
        metadata = cls(URL, KEY, **settings).metadata
        assert (metadata.context_window, metadata.num_output) == (window, output)


def test_family_says_what_a_deployment_s_name_does_not() -> None:
    """``family`` decides about a model whose name tells nothing, and one that there is not is refused."""
    llm = AzureInference(URL, KEY, model="prod", family="phi-4")
    assert (llm.metadata.context_window, llm.metadata.is_function_calling_model) == (16_384, False)
    with pytest.raises(ConfigurationError, match="phi-4"):
        AzureInference(URL, KEY, model="prod", family="phy-4")


@every_class
def test_timeouts_of_a_mapping(cls: Any) -> None:
    """A mapping of some times is read as ``Timeouts``; ``None`` is the default; an unknown time is refused."""
    assert cls(URL, KEY, timeout={"idle": 9}).timeout == Timeouts(idle=9)
    assert cls(URL, KEY, timeout=None)._client.connection.timeouts == Timeouts()
    with pytest.raises(ConfigurationError, match="unknown keys"):
        cls(URL, KEY, timeout={"idel": 9})


def test_metadata_is_what_the_user_says() -> None:
    """Fields decide before the table of families."""
    llm = AzureInference(
        URL,
        KEY,
        model="Phi-3-mini-4k-instruct",
        context_window=77_000,
        max_tokens=123,
        is_function_calling_model=True,
        system_role="developer",
    )
    metadata = llm.metadata
    assert metadata.context_window == 77_000
    assert metadata.num_output == 123
    assert metadata.is_function_calling_model
    assert metadata.system_role.value == "developer"


def test_metadata_of_a_completion_model() -> None:
    """A completion model is no chat model and calls no tools."""
    metadata = AzureInferenceCompletion(URL, KEY, model="gpt-4o").metadata
    assert not metadata.is_chat_model
    assert not metadata.is_function_calling_model


def test_model_info_is_asked_for_once_and_then_known(server: ScriptedServer) -> None:
    """``model_info`` asks /info on request only, once, and metadata knows the name from then on."""
    llm = chat_model(server)
    assert llm.metadata.model_name == "unknown"
    assert server.requests == []
    assert llm.model_info().model_name == "tiny-model"
    assert llm.model_info().model_type == "chat-completion"
    assert [request.path for request in server.requests] == ["/info"]
    assert llm.metadata.model_name == "tiny-model"


async def test_model_info_async(server: ScriptedServer) -> None:
    """``amodel_info`` answers for embeddings too."""
    embedding = embedding_model(server)
    assert (await embedding.amodel_info()).model_name == "tiny-model"
    await embedding.aclose()


def test_model_info_does_not_replace_a_given_name(plain: ScriptedServer) -> None:
    """A deployment's own name stays what metadata reports."""
    llm = chat_model(plain, model="my-deployment")
    llm.model_info()
    assert llm.metadata.model_name == "my-deployment"


def test_model_info_where_there_is_none(plain: ScriptedServer) -> None:
    """On a dialect without /info the call is refused and nothing is sent."""
    with pytest.raises(ConfigurationError, match="info"):
        chat_model(plain, endpoint=plain.v1_url).model_info()
    assert plain.requests == []


@pytest.mark.parametrize(
    ("client_kwargs", "field", "value"),
    [
        ({"api_version": "2024-08-01-preview"}, "api_version", "2024-08-01-preview"),
        ({"credential_scopes": ["a/.default"]}, "credential_scopes", ["a/.default"]),
        ({"headers": {"x-team": "a"}}, "default_headers", {"x-team": "a"}),
        ({"retry_total": 7}, "max_retries", 7),
        ({"read_timeout": 9, "connection_timeout": 3}, "timeout", Timeouts(connect=3, first_byte=9, idle=9)),
    ],
    ids=lambda item: next(iter(item)) if isinstance(item, dict) else "",
)
@every_class
def test_retired_client_kwargs_are_understood(
    cls: Any, client_kwargs: dict[str, Any], field: str, value: Any
) -> None:
    """What the retired classes passed to the SDK's client becomes a field, and the caller's dict is not changed."""
    before = dict(client_kwargs)
    assert getattr(cls(URL, KEY, client_kwargs=client_kwargs), field) == value
    assert client_kwargs == before


@every_class
def test_retired_client_kwargs_that_mean_nothing_are_refused(cls: Any) -> None:
    """A keyword of the SDK's client with no counterpart is refused by name."""
    with pytest.raises(ConfigurationError, match="transport"):
        cls(URL, KEY, client_kwargs={"transport": object()})


def test_code_of_the_retired_chat_class_runs(server: ScriptedServer) -> None:
    """The arguments of the retired chat class, all of them, build a working model."""
    llm = AzureInference(
        endpoint=server.url,
        credential=KEY,
        temperature=0.1,
        max_tokens=12,
        model_name="m",
        api_version="2024-05-01-preview",
        callback_manager=None,
        system_prompt=None,
        messages_to_prompt=None,
        completion_to_prompt=None,
        output_parser=None,
        seed="7",
        model_kwargs={"top_k": 3},
        client_kwargs={"connection_verify": server.ca_bundle} if server.ca_bundle else None,
    )
    llm.complete("x")
    sent = server.last.json
    assert (sent["temperature"], sent["max_tokens"], sent["model"], sent["seed"], sent["top_k"]) == (
        0.1,
        12,
        "m",
        7,
        3,
    )
    assert server.query() == {"api-version": "2024-05-01-preview"}


def test_code_of_the_retired_embedding_class_runs(plain: ScriptedServer) -> None:
    """The arguments of the retired embedding class build a working model."""
    embedding = AzureInferenceEmbedding(
        endpoint=plain.url,
        credential=KEY,
        model_name="m",
        api_version="2024-05-01-preview",
        embed_batch_size=2,
        callback_manager=None,
        num_workers=2,
        client_kwargs=None,
        model_kwargs={"truncate": "END"},
    )
    assert len(embedding.get_text_embedding_batch(["a", "b", "c"])) == 3
    assert plain.last.json["truncate"] == "END"


def test_settings_can_be_changed_later(plain: ScriptedServer) -> None:
    """A field changed after construction decides the next call, the endpoint's included."""
    llm = chat_model(plain)
    llm.complete("x")
    llm.temperature = 0.5
    llm.model = "other"
    llm.endpoint = plain.v1_url
    llm.complete("x")
    assert plain.last.json["temperature"] == 0.5
    assert plain.last.json["model"] == "other"
    assert plain.last.path == "/openai/v1/chat/completions"


def test_settings_can_be_changed_by_the_retired_names(plain: ScriptedServer) -> None:
    """``model_name`` and ``model_kwargs`` are read and changed as in the retired class."""
    llm = chat_model(plain, model_kwargs={"top_k": 1})
    llm.model_name = "other"
    llm.model_kwargs["min_p"] = 0.5
    llm.complete("x")
    assert {name: plain.last.json[name] for name in ("model", "top_k", "min_p")} == {
        "model": "other",
        "top_k": 1,
        "min_p": 0.5,
    }


async def test_context_managers_close_and_the_object_opens_again(server: ScriptedServer) -> None:
    """Both kinds of ``with`` close the connections, and the object goes on working."""
    llm = chat_model(server)
    with llm as same:
        assert same.complete("x").text
    async with llm as same:
        assert (await same.acomplete("x")).text
    assert llm.complete("x").text
    llm.close()


def test_misspelt_common_parameter_is_sent_with_one_warning(plain: ScriptedServer) -> None:
    """A common parameter misspelt in the constructor goes to the model, with one warning, there."""
    # A name is warned of once a process: this one is not misspelt in this way anywhere else.
    with pytest.warns(UserWarning, match="temperature"):
        llm = chat_model(plain, temperatur=1)
    llm.complete("x")
    assert plain.last.json["temperatur"] == 1
