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
from tests.support.wire import CANARY_KEY

SERVERLESS = "https://x.eastus2.models.ai.azure.com"
ML = "https://ml.azure.com/.default"
COGNITIVE = "https://cognitiveservices.azure.com/.default"
AI = "https://ai.azure.com/.default"


def made(endpoint: str | None = SERVERLESS, credential: Any = CANARY_KEY, **options: Any) -> Connection:
    """A connection that is not used."""
    return Connection(endpoint, credential, **options)


@pytest.mark.parametrize(
    ("endpoint", "dialect", "version", "scope"),
    [
        (SERVERLESS, "serverless", "2024-05-01-preview", ML),
        ("https://e.eastus.inference.ml.azure.com", "serverless", "2024-05-01-preview", ML),
        ("https://gateway.example", "serverless", "2024-05-01-preview", ML),
        ("http://127.0.0.1:8080", "serverless", "2024-05-01-preview", ML),
        ("https://r.services.ai.azure.com/models", "foundry", "2024-05-01-preview", COGNITIVE),
        ("https://r.openai.azure.com/openai/deployments/d", "azure-openai", "2025-01-01-preview", COGNITIVE),
        ("https://r.openai.azure.com/openai/v1", "openai-v1", "", AI),
        ("https://r.services.ai.azure.com/openai/v1/", "openai-v1", "", AI),
        ("http://localhost:11434/v1", "openai-v1", "", AI),
    ],
)
def test_the_url_decides_the_dialect(endpoint: str, dialect: str, version: str, scope: str) -> None:
    """Host and path tell the four kinds of endpoint apart, with version and scope of each."""
    connection = made(endpoint)
    assert (connection.dialect.name, connection.api_version, connection.scopes) == (
        dialect,
        version,
        (scope,),
    )
    assert connection.endpoint == endpoint.rstrip("/")
    openai = dialect in ("azure-openai", "openai-v1")
    assert connection.dialect.stream_usage == ("always" if dialect == "serverless" else "stream_options")
    assert connection.dialect.has_extras_header is not openai


def test_each_part_of_the_dialect_can_be_overridden() -> None:
    """A gateway with a name of its own is told what it is."""
    connection = made(
        "https://gateway.example/llm", dialect="openai-v1", api_version="2025-04-01", credential_scopes=["s"]
    )
    assert (connection.dialect.name, connection.api_version, connection.scopes) == (
        "openai-v1",
        "2025-04-01",
        ("s",),
    )
    with pytest.raises(ConfigurationError, match="azure-openai"):
        made(dialect="bedrock")


@pytest.mark.parametrize(
    ("given", "base"),
    [
        (f"{SERVERLESS}/", SERVERLESS),
        (f"  {SERVERLESS}\n", SERVERLESS),
        (f"{SERVERLESS}/chat/completions", SERVERLESS),
        (f"{SERVERLESS}/embeddings/", SERVERLESS),
        (f"{SERVERLESS}/images/embeddings", SERVERLESS),
        ("https://r.openai.azure.com/openai/v1/chat/completions", "https://r.openai.azure.com/openai/v1"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_a_slash_or_a_route_at_the_end_is_taken_off(given: str, base: str) -> None:
    """What people paste is understood; IPv6 and international names too."""
    assert made(given).endpoint == base


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("x.models.ai.azure.com", "https://"),
        ("ftp://x.example", "https://"),
        ("https://", "host"),
        ("https://user:pass-word@x.example", "credential="),
        ("https://x.example?api-version=1", "api_version="),
        ("https://x.example/#frag", "fragment"),
        ("https://x .example", "white space"),
        ("https://x.example/\x00", "control"),
        ("https://x.example:99999", "URL"),
        ("https://x.example:abc", "URL"),
        ("http://x.example", "allow_insecure"),
        ("https://r.services.ai.azure.com", "/models"),
        ("https://r.openai.azure.com", "deployment"),
        ("https://e.inference.ml.azure.com/score", "/score"),
        (5, "string"),
        (b"https://x.example", "string"),
    ],
)
def test_a_bad_endpoint_says_what_to_write(endpoint: Any, says: str) -> None:
    """Each mistake has its own words, and none repeats user information or a query."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        made(endpoint)
    assert "pass-word" not in str(caught.value)


def test_an_azure_openai_host_takes_the_deployment_from_the_model() -> None:
    """The resource's address and a model name are enough."""
    connection = made("https://r.openai.azure.com", model="gpt")
    assert connection.endpoint == "https://r.openai.azure.com/openai/deployments/gpt"


def test_plain_http_needs_a_word() -> None:
    """A key goes over plain http to this machine, or where the user says it is safe."""
    for endpoint in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"):
        assert made(endpoint)
    assert made("http://10.0.0.1", allow_insecure=True)


def test_the_environment_gives_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """This package's variables come before those users have set for other tools."""
    monkeypatch.setenv("AZURE_AI_INFERENCE_ENDPOINT", "https://third.example")
    assert Connection().endpoint == "https://third.example"
    monkeypatch.setenv("AZUREAI_ENDPOINT_URL", "https://second.example")
    assert Connection().endpoint == "https://second.example"
    monkeypatch.setenv("AZURE_INFERENCE_ENDPOINT", "https://first.example")
    monkeypatch.setenv("AZURE_INFERENCE_MODEL", "m")
    connection = Connection()
    assert (connection.endpoint, connection.model) == ("https://first.example", "m")
    assert made("https://given.example", model="n").model == "n"


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
    """The other limits keep their defaults."""
    assert made(timeout=30).timeouts == Timeouts(total=30, connect=5, first_byte=300, idle=60)


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
