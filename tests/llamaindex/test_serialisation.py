"""Copies of every kind: they work, they hold no secret, and they are stable."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from azure.core.credentials import AzureKeyCredential
from llama_index.core.callbacks import CallbackManager
from llama_index.core.rate_limiter import TokenBucketRateLimiter

from llamaindex_azure_inference import Timeouts
from llamaindex_azure_inference.errors import ConfigurationError
from tests.llamaindex.helpers import KEY, Recorder, at, chat_model, completion_model, embedding_model
from tests.support.scripted_server import ScriptedServer
from tests.support.wire import FakeCredential

MAKERS = {"chat": chat_model, "completion": completion_model, "embedding": embedding_model}
every_class = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
SETTINGS = {
    "model": "m",
    "timeout": Timeouts(total=30, idle=5),
    "max_retries": 1,
    "model_extras": {"top_k": 3},
    "default_headers": {"x-team": "a", "ocp-apim-subscription-key": "canary-gateway-key"},
}


def use(made: Any) -> dict[str, Any]:
    """Ask something, so that connections are open, and give the request's body."""
    (made.complete if hasattr(made, "complete") else made.get_text_embedding)("x")
    return {}


def dict_trip(made: Any) -> Any:
    """To a dict and back."""
    return type(made).from_dict(made.to_dict(), credential=KEY)


def json_trip(made: Any) -> Any:
    """To JSON and back."""
    return type(made).from_json(made.to_json(), credential=KEY)


def pydantic_trip(made: Any) -> Any:
    """Through pydantic's own JSON."""
    return type(made).model_validate({**json.loads(made.model_dump_json()), "credential": KEY})


def pickle_trip(made: Any) -> Any:
    """Through a pickle; the key is in the environment."""
    return pickle.loads(pickle.dumps(made))


TRIPS: dict[str, Any] = {
    "to_dict": dict_trip,
    "to_json": json_trip,
    "pydantic": pydantic_trip,
    "pickle": pickle_trip,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda made: made.model_copy(),
    "deep model_copy": lambda made: made.model_copy(deep=True),
}


@pytest.mark.parametrize("trip", TRIPS)
@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
@every_class
def test_every_copy_works(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, make: Any, trip: str, used: bool
) -> None:
    """A copy of every kind, of a fresh and of a used object, sends the same request."""
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", KEY)
    made = make(server, **SETTINGS)
    if used:
        use(made)
    again = TRIPS[trip](made)
    use(made)
    use(again)
    assert server.bodies[-1] == server.bodies[-2]
    assert again.to_dict() == made.to_dict()
    assert again.timeout == Timeouts(total=30, idle=5)


async def test_copies_after_async_use_work(plain: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects with open async connections copy and pickle too."""
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", KEY)
    llm, embedding = chat_model(plain), embedding_model(plain)
    await llm.acomplete("x")
    await embedding.aget_text_embedding("x")
    for trip in (copy.deepcopy, pickle_trip):
        again_llm, again_embedding = trip(llm), trip(embedding)
        assert (await again_llm.acomplete("x")).text
        assert await again_embedding.aget_text_embedding("x")
        await again_llm.aclose()
        await again_embedding.aclose()
    await llm.aclose()
    await embedding.aclose()


@pytest.mark.parametrize("credential", [KEY, AzureKeyCredential(KEY)], ids=["str", "AzureKeyCredential"])
@every_class
def test_no_copy_holds_the_key(plain: ScriptedServer, make: Any, credential: Any) -> None:
    """The key is in no dict, JSON, repr, event payload or pickle, used or not."""
    made = make(plain, credential=credential)
    use(made)
    told = [str(made.to_dict()), made.to_json(), made.model_dump_json(), repr(made), str(made)]
    told += [str(made.to_payload()), repr(pickle.dumps(made)), repr(made.__dict__)]
    assert not [text for text in told if KEY in text]


@every_class
def test_headers_that_look_like_secrets_are_left_out(plain: ScriptedServer, make: Any) -> None:
    """A gateway's key in the default headers is sent, but in no dict, JSON or repr."""
    made = make(plain, **SETTINGS)
    use(made)
    assert plain.last.headers["ocp-apim-subscription-key"] == "canary-gateway-key"
    assert "canary-gateway-key" not in str(made.to_dict()) + made.to_json() + repr(made)
    assert made.to_dict()["default_headers"] == {"x-team": "a"}


@every_class
def test_key_is_not_found_after_unpickling(plain: ScriptedServer, make: Any) -> None:
    """Unpickling works without a key; the first use says which variable to set, and setting it is enough."""
    again = pickle_trip(make(plain))
    with pytest.raises(ConfigurationError, match="AZURE_INFERENCE_CREDENTIAL"):
        use(again)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_INFERENCE_CREDENTIAL", KEY)
        use(again)


@every_class
def test_key_is_not_found_after_from_dict(plain: ScriptedServer, make: Any) -> None:
    """A dict of an object that had a key wants a key: none is an error that names the variable, not a token's."""
    made = make(plain)
    again = type(made).from_json(made.to_json())
    with pytest.raises(ConfigurationError, match="AZURE_INFERENCE_CREDENTIAL"):
        use(again)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_INFERENCE_CREDENTIAL", KEY)
        use(again)
    assert again.to_dict() == made.to_dict()


@every_class
def test_environment_s_endpoint_is_kept(
    plain: ScriptedServer, monkeypatch: pytest.MonkeyPatch, make: Any
) -> None:
    """A dict made here works in a process whose environment names no endpoint."""
    monkeypatch.setenv("AZURE_INFERENCE_ENDPOINT", plain.url)
    made = make(plain, endpoint=None)
    monkeypatch.delenv("AZURE_INFERENCE_ENDPOINT")
    use(dict_trip(made))


@every_class
def test_class_name_is_the_class(plain: ScriptedServer, make: Any) -> None:
    """The serialised name is the class's."""
    made = make(plain)
    assert made.to_dict()["class_name"] == type(made).__name__ == type(made).class_name()


@every_class
def test_dict_is_stable(plain: ScriptedServer, make: Any) -> None:
    """The dict, of which the ingestion pipeline makes its cache key, does not change by use or copying."""
    first = make(plain)
    before = str(first.to_dict())
    use(first)
    assert str(first.to_dict()) == before == str(make(plain).to_dict()) == str(copy.deepcopy(first).to_dict())


def test_settings_that_change_vectors_are_in_the_dict(plain: ScriptedServer) -> None:
    """Model, dimensions, input types and extras are part of the pipeline's cache key."""
    told = embedding_model(plain, model="m", dimensions=4, input_type=None, truncate="END").to_dict()
    assert (told["model_name"], told["dimensions"], told["document_input_type"]) == ("m", 4, None)
    assert told["model_extras"] == {"truncate": "END"}


@every_class
def test_token_credential_is_shared_by_copies(plain: ScriptedServer, make: Any) -> None:
    """A credential that cannot be copied is the same object in a deep copy."""
    credential = FakeCredential()
    assert copy.deepcopy(make(plain, credential=credential)).credential is credential


@every_class
def test_pickling_leaves_the_object_as_it_is(plain: ScriptedServer, make: Any) -> None:
    """What does not pickle is left behind, with a working default, and not taken from the living object."""
    recorder = Recorder()
    recorder.lock = lambda: None  # type: ignore[attr-defined]
    credential = FakeCredential()
    made = make(plain, credential=credential, callback_manager=recorder.manager())
    again = pickle_trip(made)
    assert made.credential is credential
    assert made.callback_manager.handlers == [recorder]
    assert isinstance(again.callback_manager, CallbackManager)


@every_class
def test_deepcopy_shares_limiter_and_observers(plain: ScriptedServer, make: Any) -> None:
    """Copies obey one rate limiter and report to one set of observers."""
    limiter, recorder = TokenBucketRateLimiter(requests_per_minute=600), Recorder()
    again = copy.deepcopy(make(plain, rate_limiter=limiter, callback_manager=recorder.manager()))
    use(again)
    assert again.rate_limiter is limiter
    assert recorder.ended


def test_model_copy_with_changes(plain: ScriptedServer) -> None:
    """``model_copy(update=...)`` gives a model with other settings, the endpoint's included."""
    llm = chat_model(plain, temperature=0)
    other = llm.model_copy(update={"temperature": 1, "endpoint": plain.v1_url})
    other.complete("x")
    assert (plain.last.json["temperature"], plain.last.path) == (1, "/openai/v1/chat/completions")
    llm.complete("x")
    assert (plain.last.json["temperature"], plain.last.path) == (0, "/chat/completions")


def test_dict_of_nothing_but_the_endpoint(plain: ScriptedServer) -> None:
    """Every value that to_dict gives is accepted by the constructor, None included."""
    llm = chat_model(plain)
    told = {name: value for name, value in llm.to_dict().items() if name != "class_name"}
    assert type(llm)(**told, credential=KEY).to_dict() == llm.to_dict()
    assert at(plain)["credential"] == KEY
