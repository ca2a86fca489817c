"""What a connection is made of: endpoint, dialect, credential, limits; and that making one touches no network."""

from __future__ import annotations

import copy
import json
import math
import pickle
import socket
from typing import Any

import pytest
from azure.core.credentials import AzureKeyCredential
from pydantic import SecretStr

from azure_inference_core import ChatClient, ConfigurationError, Connection, Timeouts
from tests.support import wire
from tests.support.drive import connect
from tests.support.scripted_server import ScriptedServer
from tests.support.wire import CANARY_KEY, FakeCredential

SERVERLESS = "https://x.eastus2.models.ai.azure.com"


def made(endpoint: str | None = SERVERLESS, credential: Any = CANARY_KEY, **options: Any) -> Connection:
    """A connection that is not used."""
    return Connection(endpoint, credential, **options)


def test_plain_http_needs_a_word() -> None:
    """A key goes over plain http to this machine, or where the user says it is safe."""
    for endpoint in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"):
        assert made(endpoint)
    assert made("http://10.0.0.1", allow_insecure=True)


def test_the_environment_gives_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """This package's variables come before those users have set for other tools."""
    for endpoint, key, name in (
        ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "fourth"),
        ("AZURE_AI_INFERENCE_ENDPOINT", "AZURE_AI_INFERENCE_CREDENTIAL", "third"),
        ("AZUREAI_ENDPOINT_URL", "AZUREAI_ENDPOINT_KEY", "second"),
        ("AZURE_INFERENCE_ENDPOINT", "AZURE_INFERENCE_CREDENTIAL", "first"),
    ):
        monkeypatch.setenv(endpoint, f"https://{name}.example/v1")
        monkeypatch.setenv(key, f"{name}-key")
        assert Connection().endpoint == f"https://{name}.example/v1"
        assert Connection().auth.headers(1.0)["api-key"] == f"{name}-key"
    monkeypatch.setenv("AZURE_INFERENCE_MODEL", "m")
    assert Connection().model == "m"
    assert made("https://given.example/v1", model="n").model == "n"


@pytest.mark.parametrize(
    "name", ["AZURE_INFERENCE_CREDENTIAL", "AZUREAI_ENDPOINT_KEY", "AZURE_AI_INFERENCE_CREDENTIAL"]
)
def test_the_environments_key_is_used(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A key from each variable reaches the endpoint."""
    monkeypatch.setenv(name, CANARY_KEY)
    with ChatClient(Connection(server.url)) as client:
        client.complete(wire.MESSAGES)
    assert server.last.headers["api-key"] == CANARY_KEY


def test_no_endpoint_at_all_says_which_variable_to_set() -> None:
    """Nothing given and nothing set."""
    with pytest.raises(ConfigurationError, match="AZURE_INFERENCE_ENDPOINT"):
        Connection()


@pytest.mark.parametrize(
    ("credential", "key"),
    [
        (CANARY_KEY, CANARY_KEY),
        (f" {CANARY_KEY}\n", CANARY_KEY),
        (SecretStr(CANARY_KEY), CANARY_KEY),
        (AzureKeyCredential(CANARY_KEY), CANARY_KEY),
        (AzureKeyCredential(f"{CANARY_KEY}\n"), CANARY_KEY),
    ],
    ids=["text", "text with line end", "SecretStr", "AzureKeyCredential", "AzureKeyCredential with line end"],
)
def test_a_key_goes_into_both_headers(server: ScriptedServer, credential: Any, key: str) -> None:
    """Serverless endpoints read one header, Foundry and Azure OpenAI the other."""
    with ChatClient(connect(server.url, credential=credential)) as client:
        client.complete(wire.MESSAGES)
    headers = server.last.headers
    assert (headers["authorization"], headers["api-key"]) == (f"Bearer {key}", key)


@pytest.mark.parametrize(
    "credential",
    [
        *("", "  ", f"{CANARY_KEY}\nx", f"{CANARY_KEY}\x00", f"{CANARY_KEY}é", SecretStr(""), 5, b"key"),
        pytest.param(object(), id="object"),
    ],
    ids=ascii,
)
def test_an_unusable_credential_is_refused_without_being_shown(credential: Any) -> None:
    """Empty keys, line breaks inside, other types: refused at construction, and the key is in no text."""
    with pytest.raises(ConfigurationError) as caught:
        made(credential=credential)
    assert CANARY_KEY not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": math.inf},
        {"timeout": math.nan},
        {"timeout": True},
        {"timeout": "5"},
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"max_retries": None},
        {"ca_bundle": "/no/such/file.pem"},
        {"default_headers": {"bad name": "x"}},
        {"default_headers": {"authorization": "x"}},
        {"user_agent": "a\r\nb: c"},
        {"api_version": "1\r\nx: y"},
    ],
    ids=str,
)
def test_a_limit_that_is_none_is_refused(options: dict[str, Any]) -> None:
    """Every option is checked when the connection is made."""
    with pytest.raises(ConfigurationError):
        made(**options)


def test_timeout_none_is_the_default_and_never_for_ever() -> None:
    """``None`` means "not given", as everywhere; a limit that is none is refused by its name."""
    assert made(timeout=None).timeouts == Timeouts()
    with pytest.raises(ConfigurationError, match="first_byte"):
        Timeouts(first_byte=0)
    with pytest.raises(ConfigurationError, match="read"):
        made(timeout={"read": 3})


def test_a_number_is_the_total_time() -> None:
    """No silence is cut off before it, unless one is given of its own."""
    assert made(timeout=900).timeouts == Timeouts(total=900, connect=5, first_byte=900, idle=900)
    assert made(timeout={"total": 900, "idle": 30}).timeouts == Timeouts(900, 5, 900, 30)


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, 600),
        ({"model": "gpt-4o"}, 600),
        ({"model": "gpt-5"}, 1740),
        ({"model": "DeepSeek-R1"}, 1740),
        ({"model": "prod", "family": "o3"}, 1740),
        ({"model": "gpt-5", "timeout": 60}, 60),
    ],
    ids=str,
)
def test_a_model_that_reasons_has_longer(options: dict[str, Any], seconds: float) -> None:
    """The family's row raises the default, and nothing that was given."""
    connection = made(**options)
    assert connection.timeouts == Timeouts(total=seconds)
    assert connection.timeouts_of("o4-mini").total == (seconds if "timeout" in options else 1740)
    assert connection.timeouts_of("gpt-4.1").total == (seconds if "timeout" in options else 600)


def test_making_a_connection_touches_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the connection nor a client opens a socket or resolves a name before the first call."""

    def refuse(*_args: Any, **_options: Any) -> Any:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    ChatClient(made()).close()
    ChatClient(made(credential=None)).close()


def test_a_copy_shares_the_credential(server: ScriptedServer) -> None:
    """Copies, deep ones too, go on working with the same credential."""
    credential = AzureKeyCredential(CANARY_KEY)
    for twin in (copy.copy, copy.deepcopy):
        with ChatClient(connect(server.url, credential=credential)) as client, twin(client) as second:
            assert second.complete(wire.MESSAGES).choices[0].content == wire.ANSWER
    assert server.last.headers["api-key"] == CANARY_KEY


@pytest.mark.parametrize("kind", [Connection, ChatClient])
def test_a_pickle_leaves_the_key_behind(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, kind: type
) -> None:
    """The bytes hold no key; the copy takes it from the environment at its first use, or says which variable."""
    original = connect(server.url, timeout={"total": 9.0}, model="m")
    data = pickle.dumps(original if kind is Connection else ChatClient(original))
    assert CANARY_KEY.encode() not in data
    loaded = pickle.loads(data)
    client = ChatClient(loaded) if isinstance(loaded, Connection) else loaded
    with client:
        assert client.connection.timeouts.total == 9.0
        with pytest.raises(ConfigurationError, match="AZURE_INFERENCE_CREDENTIAL"):
            client.complete(wire.MESSAGES)
        monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "from-the-environment")
        client.complete(wire.MESSAGES)
    assert server.last.headers["api-key"] == "from-the-environment"


def test_what_lost_its_key_takes_none_of_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a worker a key counts that stands alone or beside this host, and none beside another."""
    data = pickle.dumps(made("https://gateway.example/v1"))
    monkeypatch.setenv("AZURE_INFERENCE_ENDPOINT", "https://other.example/v1")
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "theirs")
    with pytest.raises(ConfigurationError, match=r"AZURE_INFERENCE_CREDENTIAL.*gateway\.example"):
        _ = pickle.loads(data).auth
    for endpoint in ("", "https://gateway.example/v1"):
        monkeypatch.setenv("AZURE_INFERENCE_ENDPOINT", endpoint)
        assert pickle.loads(data).auth.headers(1.0)["api-key"] == "theirs"


def test_no_token_stands_in_for_one_that_was_left_behind() -> None:
    """A token credential is in no pickle: at a host that is not Azure's, the copy says so."""
    for endpoint in ("https://gateway.example/v1", "http://127.0.0.1:1"):
        loaded = pickle.loads(pickle.dumps(made(endpoint, FakeCredential())))
        with pytest.raises(ConfigurationError, match="another process"):
            _ = loaded.auth


def test_no_rendering_shows_the_key() -> None:
    """``repr``, ``str``, formats and ``vars`` of a connection and a client."""
    connection = made()
    client = ChatClient(connection)
    for thing in (connection, client):
        for text in (
            repr(thing),
            str(thing),
            f"{thing}",
            repr(vars(thing)),
            json.dumps(vars(thing), default=repr),
        ):
            assert CANARY_KEY not in text
    client.close()


def test_requests_go_to_the_dialects_address(server: ScriptedServer) -> None:
    """Base, route and version are put together; another deployment only changes its own part."""
    for base, target in (
        (server.url, "/chat/completions?api-version=2024-05-01-preview"),
        (f"{server.url}/models", "/models/chat/completions?api-version=2024-05-01-preview"),
        (
            server.deployment_url,
            "/openai/deployments/tiny-model/chat/completions?api-version=2025-01-01-preview",
        ),
        (server.v1_url, "/openai/v1/chat/completions"),
    ):
        with ChatClient(connect(base)) as client:
            client.complete(wire.MESSAGES)
        assert server.last.target == target
    with ChatClient(connect(server.deployment_url)) as client:
        client.complete(wire.MESSAGES, model="other/one")
    assert server.last.path == "/openai/deployments/other%2Fone/chat/completions"


def test_the_connections_model_is_sent(server: ScriptedServer) -> None:
    """The model of the connection goes into the body; a call's wins."""
    with ChatClient(connect(server.url, model="m")) as client:
        client.complete(wire.MESSAGES)
        assert server.last.json["model"] == "m"
        client.complete(wire.MESSAGES, model="n")
        assert server.last.json["model"] == "n"


def test_the_user_agent_comes_first(server: ScriptedServer) -> None:
    """A caller's name is put before the package's own."""
    with ChatClient(connect(server.url, user_agent="my-app/1")) as client:
        client.complete(wire.MESSAGES)
    assert server.last.headers["user-agent"].startswith("my-app/1 ")
    assert "azure-inference" in server.last.headers["user-agent"]


@pytest.mark.parametrize("model", [".", "..", "..."])
async def test_a_model_never_changes_the_path(model: str) -> None:
    """Dots, which lead out of the deployment's place in an Azure OpenAI address, are refused; a slash stays a character."""
    with ScriptedServer(strict=False) as server:
        address = server.url.rstrip("/") + "/openai/deployments/own"
        async with ChatClient(connect(address)) as client:
            with pytest.raises(ConfigurationError, match="deployment"):
                client.complete(wire.MESSAGES, model=model)
            with pytest.raises(ConfigurationError, match="deployment"):
                await client.acomplete(wire.MESSAGES, model=model)
            with pytest.raises(ConfigurationError, match="deployment"):
                client.stream(wire.MESSAGES, model=model)
            assert server.requests == []
            client.complete(wire.MESSAGES, model="../x")
            await client.acomplete(wire.MESSAGES, model="../x")
        assert {request.path for request in server.requests} == {
            "/openai/deployments/..%2Fx/chat/completions"
        }
