"""Addresses as people paste them: what they mean, what they are asked with, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from azure_inference_core import ChatClient, ConfigurationError, Connection, EmbeddingsClient
from tests.support import wire
from tests.support.drive import connect
from tests.support.scripted_server import ScriptedServer
from tests.support.wire import CANARY_KEY

SERVERLESS = "https://x.eastus2.models.ai.azure.com"
MANAGED = "https://e.eastus.inference.ml.azure.com"
FOUNDRY = "https://r.services.ai.azure.com"
OPENAI = "https://r.openai.azure.com"
APIM = "https://g.azure-api.net"
PROJECT = f"{FOUNDRY}/api/projects/p"
PREVIEW = "2025-01-01-preview"
ML, COGNITIVE, AI = "ml.azure", "cognitiveservices.azure", "ai.azure"


def made(endpoint: Any, **options: Any) -> Connection:
    """A connection that is not used."""
    return Connection(endpoint, CANARY_KEY, **options)


@pytest.mark.parametrize(
    ("given", "base", "dialect", "scope"),
    [
        (SERVERLESS, SERVERLESS, "serverless", f"{ML}.com"),
        (f"{SERVERLESS}/v1", f"{SERVERLESS}/v1", "openai-v1", f"{ML}.com"),
        ("https://x.eastus.inference.ai.azure.com", None, "serverless", f"{ML}.com"),
        (MANAGED, MANAGED, "serverless", f"{ML}.com"),
        (f"{MANAGED}/v1", f"{MANAGED}/v1", "openai-v1", f"{ML}.com"),
        (f"{MANAGED}/own/path", f"{MANAGED}/own/path", "serverless", f"{ML}.com"),
        ("https://e.usgovvirginia.inference.ml.azure.us", None, "serverless", f"{ML}.us"),
        (f"{FOUNDRY}/models", f"{FOUNDRY}/models", "foundry", f"{COGNITIVE}.com"),
        (f"{FOUNDRY}/openai/v1/", f"{FOUNDRY}/openai/v1", "openai-v1", f"{AI}.com"),
        (f"{FOUNDRY}/openai", f"{FOUNDRY}/openai/v1", "openai-v1", f"{AI}.com"),
        (f"{FOUNDRY}/openai/", f"{FOUNDRY}/openai/v1", "openai-v1", f"{AI}.com"),
        (f"{FOUNDRY}/openai/deployments/d", None, "azure-openai", f"{COGNITIVE}.com"),
        (PROJECT, f"{PROJECT}/openai/v1", "openai-v1", f"{AI}.com"),
        (f"{PROJECT}/openai/", f"{PROJECT}/openai/v1", "openai-v1", f"{AI}.com"),
        (f"{PROJECT}/openai/v1", f"{PROJECT}/openai/v1", "openai-v1", f"{AI}.com"),
        ("https://r.services.ai.azure.us/models", None, "foundry", f"{COGNITIVE}.us"),
        ("https://r.services.ai.azure.us/openai/v1", None, "openai-v1", f"{AI}.us"),
        ("https://r.services.ai.azure.cn/models", None, "foundry", f"{COGNITIVE}.cn"),
        (f"{OPENAI}/openai/deployments/d", None, "azure-openai", f"{COGNITIVE}.com"),
        (f"{OPENAI}/openai/v1", f"{OPENAI}/openai/v1", "openai-v1", f"{AI}.com"),
        (f"{OPENAI}/openai/v1/models", f"{OPENAI}/openai/v1", "openai-v1", f"{AI}.com"),
        (f"{OPENAI}/v1", f"{OPENAI}/openai/v1", "openai-v1", f"{AI}.com"),
        ("https://r.openai.azure.us/openai/deployments/d", None, "azure-openai", f"{COGNITIVE}.us"),
        ("https://r.openai.azure.cn/openai/deployments/d", None, "azure-openai", f"{COGNITIVE}.cn"),
        (
            "https://r.cognitiveservices.azure.us/openai/deployments/d",
            None,
            "azure-openai",
            f"{COGNITIVE}.us",
        ),
        ("https://eastus.api.cognitive.microsoft.com/openai/v1", None, "openai-v1", f"{AI}.com"),
        ("https://virginia.api.cognitive.microsoft.us/openai/v1", None, "openai-v1", f"{AI}.us"),
        ("https://models.github.ai/inference", None, "foundry", f"{COGNITIVE}.com"),
        ("https://models.github.ai", "https://models.github.ai/inference", "foundry", f"{COGNITIVE}.com"),
        ("https://models.github.ai/orgs/o/inference", None, "foundry", f"{COGNITIVE}.com"),
        ("https://models.inference.ai.azure.com", None, "foundry", f"{COGNITIVE}.com"),
        (f"{APIM}/team/openai/deployments/d", None, "azure-openai", f"{COGNITIVE}.com"),
        (f"{APIM}/team/deployments/d", None, "azure-openai", f"{COGNITIVE}.com"),
        ("https://gateway.example/any/v1", None, "openai-v1", f"{AI}.com"),
        ("http://127.0.0.1:8080", None, "serverless", f"{ML}.com"),
        ("http://0.0.0.0:8000/v1", None, "openai-v1", f"{AI}.com"),
        ("http://localhost:11434/v1", None, "openai-v1", f"{AI}.com"),
        ("https://[::1]:8443/x", None, "serverless", f"{ML}.com"),
        ("https://models.lan/x", None, "serverless", f"{ML}.com"),
        ("https://bücher.example/v1", "https://xn--bcher-kva.example/v1", "openai-v1", f"{AI}.com"),
        ("https://R.OpenAI.azure.com.//openai//v1", f"{OPENAI}/openai/v1", "openai-v1", f"{AI}.com"),
    ],
)
def test_an_address_says_how_it_speaks(given: str, base: str | None, dialect: str, scope: str) -> None:
    """Host and path tell the kind of endpoint, and the host the cloud whose tokens it takes."""
    connection = made(given)
    assert connection.endpoint == (base or given)
    assert connection.dialect.name == dialect
    assert connection.scopes == (f"https://{scope}/.default",)
    assert made(connection.address).endpoint == connection.endpoint


@pytest.mark.parametrize(
    "base",
    [
        SERVERLESS,
        f"{SERVERLESS}/v1",
        MANAGED,
        f"{FOUNDRY}/models",
        f"{FOUNDRY}/openai/v1",
        f"{PROJECT}/openai/v1",
        f"{OPENAI}/openai/deployments/gpt-4o",
        "https://models.github.ai/inference",
        f"{APIM}/x/openai/deployments/d",
    ],
)
@pytest.mark.parametrize(
    "route", ["chat/completions", "completions", "embeddings", "images/embeddings", "info"]
)
@pytest.mark.parametrize("query", ["", f"?api-version={PREVIEW}", f"/?API-Version={PREVIEW}/", "/"])
def test_a_target_uri_is_read(base: str, route: str, query: str) -> None:
    """The portal's target URI holds a route and a version: the route is left off, the version is sent."""
    connection = made(f"  {base}/{route}{query}\n")
    assert connection.endpoint == base
    assert connection.dialect == made(base).dialect
    version = PREVIEW if PREVIEW in query else connection.dialect.api_version
    assert connection.api_version == version
    assert connection.url(f"/{route}", None) == f"{base}/{route}" + (
        f"?api-version={version}" if version else ""
    )
    assert (made(connection.address).endpoint, made(connection.address).api_version) == (base, version)


def test_a_version_given_as_an_argument_wins() -> None:
    """Over that of the address, which may come from a variable; so does none at all."""
    uri = f"{OPENAI}/openai/deployments/d/chat/completions?api-version={PREVIEW}"
    assert made(uri, api_version="2024-10-21").api_version == "2024-10-21"
    assert made(uri, api_version="").url("/x", None) == f"{OPENAI}/openai/deployments/d/x"


def test_the_addresss_deployment_wins() -> None:
    """``model`` beside it is what the model is called, for its family and in the body; a call's picks another deployment."""
    connection = made(f"{OPENAI}/openai/deployments/prod", model="gpt-4o")
    assert connection.url("/x", "gpt-4o") == made(f"{OPENAI}/openai/deployments/prod").url("/x", None)
    assert connection.family().name == "gpt-4o"
    assert "/openai/deployments/other/x" in connection.url("/x", "other")


@pytest.mark.parametrize(
    ("given", "options", "base"),
    [
        (OPENAI, {}, f"{OPENAI}/openai/deployments/{{}}"),
        (f"{OPENAI}/openai", {}, f"{OPENAI}/openai/deployments/{{}}"),
        (f"{OPENAI}/openai/deployments/", {}, f"{OPENAI}/openai/deployments/{{}}"),
        ("https://r.openai.azure.us/", {}, "https://r.openai.azure.us/openai/deployments/{}"),
        ("https://r.openai.azure.cn", {}, "https://r.openai.azure.cn/openai/deployments/{}"),
        (
            "https://r.cognitiveservices.azure.com/",
            {},
            "https://r.cognitiveservices.azure.com/openai/deployments/{}",
        ),
        (
            "https://eastus.api.cognitive.microsoft.com",
            {},
            "https://eastus.api.cognitive.microsoft.com/openai/deployments/{}",
        ),
        (f"{FOUNDRY}/openai?api-version={PREVIEW}", {}, f"{FOUNDRY}/openai/deployments/{{}}"),
        (f"{FOUNDRY}/openai", {"api_version": PREVIEW}, f"{FOUNDRY}/openai/deployments/{{}}"),
        (f"{APIM}/team/openai", {}, f"{APIM}/team/openai/deployments/{{}}"),
        (APIM, {"dialect": "azure-openai"}, f"{APIM}/openai/deployments/{{}}"),
        (f"{APIM}/team", {"dialect": "azure-openai"}, f"{APIM}/team/openai/deployments/{{}}"),
        (f"{APIM}/team/openai", {"dialect": "azure-openai"}, f"{APIM}/team/openai/deployments/{{}}"),
        (FOUNDRY, {"dialect": "azure-openai"}, f"{FOUNDRY}/openai/deployments/{{}}"),
        (FOUNDRY, {"dialect": "openai-v1"}, f"{FOUNDRY}/openai/v1"),
        (OPENAI, {"dialect": "openai-v1"}, f"{OPENAI}/openai/v1"),
        (FOUNDRY, {"dialect": "foundry"}, f"{FOUNDRY}/models"),
        (f"{APIM}/team", {"dialect": "openai-v1"}, f"{APIM}/team"),
        (f"{APIM}/team", {"dialect": "serverless"}, f"{APIM}/team"),
    ],
)
def test_the_rest_of_a_path_comes_from_model_and_dialect(given: str, options: Any, base: str) -> None:
    """A resource's or a gateway's root is enough; what names the endpoint again follows another model."""
    connection = made(given, model="m", **options)
    assert connection.endpoint == base.format("m")
    assert made(connection.address, model="n", **options).endpoint == base.format("n")


async def test_a_gateway_is_asked_at_the_deployments_path() -> None:
    """Chat, embeddings and image embeddings go below the gateway's path, sync and async; a call may name another."""
    with ScriptedServer(strict=False) as gateway:
        connection = connect(f"{gateway.url}/team", dialect="azure-openai", model="gpt-4o")
        async with ChatClient(connection) as chat, EmbeddingsClient(connection) as vectors:
            chat.complete(wire.MESSAGES)
            await chat.acomplete(wire.MESSAGES, model="other/one")
            vectors.embed(["a"])
            await vectors.aembed_images(["data:image/png;base64,AAAA"])
        paths = [request.path for request in gateway.requests]
    root = "/team/openai/deployments"
    assert paths == [
        f"{root}/gpt-4o/chat/completions",
        f"{root}/other%2Fone/chat/completions",
        f"{root}/gpt-4o/embeddings",
        f"{root}/gpt-4o/images/embeddings",
    ]


@pytest.mark.parametrize(
    ("endpoint", "whose"),
    [
        (f"{FOUNDRY}/anthropic", "Anthropic"),
        (f"{FOUNDRY}/anthropic/v1", "Anthropic"),
        (f"{FOUNDRY}/anthropic/v1/messages?api-version=2023-06-01", "Anthropic"),
        ("https://gateway.example/v1/messages", "Anthropic"),
        (f"{FOUNDRY}/openai/responses?api-version=2025-04-01-preview", "Responses"),
        (f"{OPENAI}/openai/v1/responses", "Responses"),
        (f"{PROJECT}/openai/v1/responses", "Responses"),
        (f"{FOUNDRY}/providers/cohere/v2/rerank", "rerank"),
        (f"{SERVERLESS}/v1/rerank", "rerank"),
        (f"{FOUNDRY}/providers/mistral/azure/ocr", "maker"),
        (f"{MANAGED}/score", "/score"),
        (f"{OPENAI}/openai/deployments/whisper/audio/transcriptions?api-version=2024-06-01", "another"),
        (f"{OPENAI}/openai/deployments/dall-e-3/images/generations", "another"),
        (f"{OPENAI}/openai/v1/realtime", "another"),
        (f"{FOUNDRY}/api/projects/p/applications/a/protocols/openai", "agents"),
        ("https://models.github.ai/catalog/models", "GitHub"),
        ("http://127.0.0.1:11434/api/chat", "Ollama"),
    ],
)
@pytest.mark.parametrize("dialect", [None, "openai-v1"])
def test_the_address_of_another_api_is_refused(endpoint: str, whose: str, dialect: str | None) -> None:
    """It is said whose it is, and what to do."""
    with pytest.raises(ConfigurationError, match=f"{whose}.*not spoken here: "):
        made(endpoint, model="m", dialect=dialect)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://gateway.example",
        "https://gateway.example/llm",
        "https://gateway.example/chat/completions",
        f"{APIM}/team",
        f"{OPENAI}/foo",
        f"{OPENAI}/openai/deployments/d/extensions/chat/completions",
        f"{FOUNDRY}/api/projects",
        "https://models.github.ai/catalog",
        "https://models.github.ai/orgs/o",
        "https://ai.azure.com/resource/deployments",
        "https://portal.azure.com/",
        "https://r.openai.azure.com.evil.example/openai",
        "https://evil.example/r.openai.azure.com",
        "https://evilopenai.azure.com",
    ],
)
def test_what_is_not_recognised_is_no_guess(endpoint: str) -> None:
    """The error names the known forms and ``dialect``, with which the address is taken as it stands."""
    with pytest.raises(ConfigurationError, match=r"/openai/v1.*/models.*models\.ai\.azure\.com.*dialect="):
        made(endpoint)
    if "://r." not in endpoint and "github" not in endpoint:
        assert made(endpoint, dialect="serverless").dialect.name == "serverless"


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("x.models.ai.azure.com", "https://"),
        ("ftp://x.example", "https://"),
        ("https://", "host"),
        ("https://user:pass-word@x.example/v1", "credential="),
        ("https://x.example/v1?sig=pass-word", "api_version="),
        ("https://x.example/v1?api-version=1&code=pass-word", "credential="),
        ("https://x.example/v1?api-version=1&api-version=2", "one api-version"),
        ("https://x.example/v1?api-version=1%0d%0ax:y", "one api-version"),
        ("https://x.example/#frag", "fragment"),
        ("https://x .example", "white space"),
        ("https://x.example/\x00", "control"),
        ("https://x.example:99999", "URL"),
        ("https://x.example:abc", "URL"),
        ("http://x.example/v1", "allow_insecure"),
        (FOUNDRY, "/models"),
        (OPENAI, "deployment"),
        ("https://r.openai.azure.us", "deployment"),
        (5, "string"),
        (b"https://x.example", "string"),
    ],
)
def test_a_bad_endpoint_says_what_to_write(endpoint: Any, says: str) -> None:
    """Each mistake has its own words, and none repeats user information or a query."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        made(endpoint)
    assert "pass-word" not in str(caught.value)


def test_each_part_of_the_dialect_can_be_overridden() -> None:
    """A gateway with a name of its own is told what it is; what contradicts itself is refused."""
    connection = made(
        "https://gateway.example/llm", dialect="openai-v1", api_version="2025-04-01", credential_scopes=["s"]
    )
    told = (connection.dialect.name, connection.api_version, connection.scopes)
    assert told == ("openai-v1", "2025-04-01", ("s",))
    with pytest.raises(ConfigurationError, match="azure-openai"):
        made(SERVERLESS, dialect="bedrock")
    with pytest.raises(ConfigurationError, match="/openai/v1"):
        made(f"{OPENAI}/openai/v1", dialect="azure-openai", model="m")
