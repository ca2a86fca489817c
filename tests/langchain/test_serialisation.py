"""Secrets stay secret; models are dumped, loaded, pickled and copied."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.credentials import AzureKeyCredential
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps, load
from pydantic import SecretStr

from azure_inference_core import Timeouts
from langchain_azure_inference import AzureInferenceEmbeddings, AzureInferenceLLM, ChatAzureInference
from tests.support.scripted_server import Reply, ScriptedServer
from tests.support.wire import CANARY_KEY, AsyncFakeCredential, FakeCredential

CLASSES: list[Any] = [ChatAzureInference, AzureInferenceLLM, AzureInferenceEmbeddings]
HEADER_CANARY = "canary-of-a-header"
RENDERINGS: list[Callable[[Any], Any]] = [
    repr,
    str,
    lambda model: f"{model}",
    lambda model: repr(vars(model)),
    lambda model: repr(model.model_dump()),
    lambda model: model.model_dump_json(),
    dumps,
    lambda model: repr(dumpd(model)),
    # A pickle has the headers, which nothing could give back, but not the key, which the environment can.
    lambda model: repr(pickle.dumps(model).replace(HEADER_CANARY.encode(), b"")),
    lambda model: repr(model._client),
    lambda model: repr(model._client.connection),
    lambda model: repr(getattr(model, "_identifying_params", "")),
    lambda model: repr(list(model)),
]


@pytest.fixture(autouse=True)
def _beta(recwarn: pytest.WarningsRecorder) -> None:
    """``load`` is beta; that it says so is no failure here."""


def use(model: Any) -> Any:
    """One call of whatever the model does."""
    return model.embed_query("x") if isinstance(model, AzureInferenceEmbeddings) else model.invoke("x")


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(
    "wrap", [str, SecretStr, AzureKeyCredential], ids=["str", "SecretStr", "AzureKeyCredential"]
)
def test_no_rendering_shows_a_key_or_a_header(server: ScriptedServer, cls: Any, wrap: Any) -> None:
    """However a model is shown, dumped or pickled, before or after a call, its key is not in it."""
    server.key = CANARY_KEY
    model = cls(
        endpoint=server.url, credential=wrap(CANARY_KEY), default_headers={"ocp-subscription": HEADER_CANARY}
    )
    for _ in range(2):
        for render in RENDERINGS:
            text = render(model)
            assert CANARY_KEY not in text
            assert HEADER_CANARY not in text
        use(model)
    assert server.last.headers["authorization"] == f"Bearer {CANARY_KEY}"


class Everything(BaseCallbackHandler):
    """Keeps all that any callback is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("on_"):
            return lambda *args, **kwargs: self.told.append((name, args, kwargs))
        return super().__getattribute__(name)


def test_no_callback_log_or_traceback_has_the_key(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Callbacks, logs at DEBUG and tracebacks of good and failed calls are free of the key."""
    caplog.set_level(logging.DEBUG)
    server.key = CANARY_KEY
    everything = Everything()
    model = ChatAzureInference(
        endpoint=server.url, credential=CANARY_KEY, callbacks=[everything], max_retries=0
    )
    model.invoke("x")
    list(model.stream("x"))
    told = ""
    for reply in (Reply(401, {}), Reply(500, {}), Reply(200, "<html>")):
        server.reply(reply)
        try:
            model.invoke("x")
        except Exception as error:  # noqa: BLE001 - each of them is looked at
            told += "".join(traceback.format_exception(error)) + repr(error.__dict__)
    told += repr(everything.told) + caplog.text + repr([record.args for record in caplog.records])
    assert told
    assert CANARY_KEY not in told


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
@pytest.mark.parametrize("cls", [ChatAzureInference, AzureInferenceLLM])
def test_a_dumped_model_comes_back(server: ScriptedServer, cls: Any) -> None:
    """``dumpd`` and ``load`` give an equal model that works, its key from the secrets."""
    model = cls(
        endpoint=server.url,
        credential="test",
        model="m",
        temperature=0,
        stop=["x"],
        timeout=Timeouts(total=9),
        ca_bundle=None,
        top_k=3,
    )
    dumped = json.loads(dumps(model))
    assert dumped["id"] == [*cls.__module__.split("."), cls.__name__]
    loaded = load(
        dumped,
        allowed_objects=[cls],
        valid_namespaces=["langchain_azure_inference"],
        secrets_map={"AZURE_INFERENCE_CREDENTIAL": "test"},
    )
    assert dumpd(loaded) == dumpd(model)
    assert loaded._client.connection.timeouts == Timeouts(total=9)
    assert use(loaded)
    assert server.last.json["top_k"] == 3


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
def test_a_dumped_chain_comes_back(server: ScriptedServer) -> None:
    """A chain with a bound model in it survives, too."""
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnableBinding, RunnableSequence

    chain = ChatPromptTemplate.from_messages([("human", "{x}")]) | ChatAzureInference(
        endpoint=server.url, credential="test"
    ).bind(temperature=0)
    loaded = load(
        dumpd(chain),
        allowed_objects=[
            ChatAzureInference,
            RunnableSequence,
            RunnableBinding,
            type(chain.last),  # type: ignore[attr-defined]  # a chain made by | is a RunnableSequence
            ChatPromptTemplate,
            *(type(message) for message in ChatPromptTemplate.from_messages([("human", "{x}")]).messages),
            type(ChatPromptTemplate.from_messages([("human", "{x}")]).messages[0].prompt),  # type: ignore[union-attr]
        ],
        valid_namespaces=["langchain_azure_inference"],
        secrets_map={"AZURE_INFERENCE_CREDENTIAL": "test"},
    )
    assert loaded.invoke({"x": "hi"}).content


@pytest.mark.parametrize("cls", CLASSES)
def test_a_pickle_takes_its_key_from_the_environment(
    server: ScriptedServer, cls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pickled model works where the environment has the key, and says so where it has not."""
    model = cls(endpoint=server.url, credential="test", model="m", top_k=1)
    use(model)
    copied = pickle.loads(pickle.dumps(model))
    assert copied.model_dump() == model.model_dump()
    with pytest.raises(ValueError, match="AZURE_INFERENCE_CREDENTIAL"):
        use(copied)
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "test")
    assert use(copied)
    assert server.last.json["top_k"] == 1


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("kind", ["key", "token", "async token"])
def test_copies_keep_the_credential(cls: Any, kind: str) -> None:
    """Deep and shallow copies of a used model work with the same credential."""
    credential: Any = {"key": "test", "token": FakeCredential(), "async token": AsyncFakeCredential()}[kind]
    with ScriptedServer(tls=True) as server:
        model = cls(endpoint=server.url, credential=credential, ca_bundle=server.ca_bundle)
        use(model)
        for copied in (
            copy.deepcopy(model),
            copy.copy(model),
            model.model_copy(),
            model.model_copy(deep=True),
        ):
            assert copied.credential is model.credential
            assert use(copied)
            assert copied.model_dump() == model.model_dump()
        assert len({request.headers["authorization"] for request in server.requests}) == 1


def test_what_is_given_is_not_written_to(server: ScriptedServer) -> None:
    """Dicts and lists that a caller passes are as they were afterwards."""
    given: dict[str, Any] = {
        "model_extras": {"top_k": 1},
        "default_headers": {"x-a": "b"},
        "stop": ["x"],
        "credential_scopes": ["https://ml.azure.com/.default"],
    }
    before = copy.deepcopy(given)
    model = ChatAzureInference(endpoint=server.url, credential="test", safe_prompt=True, **given)
    extras = {"min_p": 0.1}
    model.invoke("x", model_extras=extras, headers=given["default_headers"])
    assert given == before
    assert extras == {"min_p": 0.1}


def test_langgraph_can_store_an_answer(server: ScriptedServer) -> None:
    """Nothing of the SDK or the core sits in a message: a checkpoint serialises it."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    serde = JsonPlusSerializer()
    model = ChatAzureInference(endpoint=server.url, credential="test")
    full: Any = None
    for chunk in model.stream("x"):
        full = chunk if full is None else full + chunk
    for message in (model.invoke("x"), full):
        assert serde.loads_typed(serde.dumps_typed(message)) == message
